"""The report of TS.INFO."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple

from anyredis.commands.modules.report_fields import fields_of
from anyredis.replies import (
    NO_OTHERS,
    S,
    TextReaders,
    array,
    integer,
    number,
    others,
    pairs,
    record,
    triple,
    unexpected,
    word,
    word_or_none,
)
from anyredis.wire.decode import Reply

COUNTS = (
    *("totalSamples", "memoryUsage", "firstTimestamp", "lastTimestamp"),
    *("retentionTime", "chunkCount", "chunkSize"),
)
KNOWN = frozenset(
    (
        *(*COUNTS, "chunkType", "duplicatePolicy", "labels", "sourceKey", "rules"),
        *("ignoreMaxTimeDiff", "ignoreMaxValDiff"),
    )
)


class SeriesRule(NamedTuple):
    """A rule by which each bucket of a series becomes a sample of another one."""

    bucket_duration: int
    """Milliseconds."""
    aggregator: str
    """In lower case."""
    alignment: int
    """Milliseconds."""


class SeriesInfo(NamedTuple, Generic[S]):
    """Size, options, labels and rules of a time series."""

    total_samples: int
    """The number of samples."""
    memory_usage: int
    """Bytes in memory."""
    first_timestamp: int
    """The time of the first sample in milliseconds, 0 if there is none."""
    last_timestamp: int
    """The time of the last sample in milliseconds, 0 if there is none."""
    retention_time: int
    """How long samples are kept, in milliseconds; 0: for ever."""
    chunk_count: int
    """The number of chunks."""
    chunk_size: int
    """Bytes of one chunk."""
    chunk_type: str
    """`compressed` or `uncompressed`."""
    duplicate_policy: str | None
    """What happens to a second sample of the same time; None: what the server is configured to do."""
    labels: dict[S, S]
    """The labels."""
    source_key: S | None
    """The series that this one is compacted from."""
    rules: dict[S, SeriesRule]
    """The series that this one is compacted into."""
    ignore_max_time_diff: int
    """Milliseconds: a sample that differs by no more from the last one may be ignored."""
    ignore_max_val_diff: float
    """A sample whose value differs by no more from the last one may be ignored."""
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


def series_info(read: TextReaders[S]) -> Callable[[Reply], SeriesInfo[S]]:
    """A reader of the report."""

    def of_reply(reply: Reply) -> SeriesInfo[S]:
        samples, memory, first, last, retention, chunks, size = map(
            integer, fields_of(reply, *COUNTS)
        )
        kind, policy, labels, source, rules, time_diff, val_diff = fields_of(
            *(reply, "chunkType", "duplicatePolicy", "labels", "sourceKey", "rules"),
            *("ignoreMaxTimeDiff", "ignoreMaxValDiff"),
        )
        return SeriesInfo(
            *(samples, memory, first, last, retention, chunks, size),
            chunk_type=word(kind),
            duplicate_policy=word_or_none(policy),
            labels={read.text(name): read.text(value) for name, value in pairs(labels)},
            source_key=read.text_or_none(source),
            rules={read.text(key): rule for key, rule in _rules(rules)},
            ignore_max_time_diff=integer(time_diff),
            ignore_max_val_diff=number(val_diff),
            other=others(record(reply), KNOWN),
        )

    return of_reply


def _rules(reply: Reply) -> Iterator[tuple[Reply, SeriesRule]]:
    """The key of each rule's series, and the rule: rows of four in RESP2, a map in RESP3."""
    if isinstance(reply, dict):
        for key, rule in reply.items():
            yield key, _rule(*triple(rule))
    else:
        for each in array(reply):
            row = array(each)
            if len(row) != 4:
                unexpected(reply, "key, duration, aggregator and alignment of each rule")
            yield row[0], _rule(*row[1:])


def _rule(duration: Reply, aggregator: Reply, alignment: Reply) -> SeriesRule:
    return SeriesRule(integer(duration), word(aggregator).lower(), integer(alignment))
