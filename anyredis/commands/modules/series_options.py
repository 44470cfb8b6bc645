"""The options of time series: times, how a series is stored, ranges, labels."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from anyredis.commands.checks import moment_or_whole, natural, number
from anyredis.commands.group import MILLISECOND, Milliseconds, choice, duration, moment
from anyredis.commands.several import SomeValues, all_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.wire.encode import Key, Value

SampleTime: TypeAlias = int | datetime.datetime | str
"""Unix time in milliseconds, a `datetime`, or `"*"`: now, by the server's clock."""

RangeTime: TypeAlias = int | datetime.datetime | str
"""Unix time in milliseconds, a `datetime`, `"-"` for the first sample or `"+"` for the last."""

Labels: TypeAlias = Mapping[str, Value] | Mapping[bytes, Value]
"""The names of labels, each with its value."""

DuplicatePolicy: TypeAlias = Literal["block", "first", "last", "min", "max", "sum"]
DUPLICATE_POLICIES: Final = ("BLOCK", "FIRST", "LAST", "MIN", "MAX", "SUM")

Aggregator: TypeAlias = Literal[
    "avg",
    "sum",
    "min",
    "max",
    "range",
    "count",
    "first",
    "last",
    "std.p",
    "std.s",
    "var.p",
    "var.s",
    "twa",
]
AGGREGATORS: Final = (
    *("AVG", "SUM", "MIN", "MAX", "RANGE", "COUNT", "FIRST", "LAST"),
    *("STD.P", "STD.S", "VAR.P", "VAR.S", "TWA"),
)
Reducer: TypeAlias = Literal[
    "avg", "sum", "min", "max", "range", "count", "std.p", "std.s", "var.p", "var.s"
]
REDUCERS: Final = tuple(each for each in AGGREGATORS if each not in {"FIRST", "LAST", "TWA"})
BucketTimestamp: TypeAlias = Literal["start", "end", "mid"]
Alignment: TypeAlias = int | datetime.datetime | str
"""Unix time in milliseconds, a `datetime`, or `"start"` or `"end"` of the range."""


def time_word(where: str, time: object, *words: str) -> Value:
    """*time* as it is sent: milliseconds, or one of the *words*; raises `DataError` for any other."""
    if isinstance(time, str):
        if time not in words:  # text of digits is refused too: it may be seconds
            told = " or ".join(repr(word) for word in words)
            msg = f"{where} is {excerpt(time, 40)}: give milliseconds, a datetime, or {told}"
            raise DataValueError(msg)
        return time
    moment_or_whole(where, time)
    if isinstance(time, int):
        natural(where, time)
        return time
    assert isinstance(time, datetime.datetime)  # noqa: S101 - moment_or_whole refused all others
    return moment(time, MILLISECOND)


def label_words(command: str, labels: Labels | None) -> tuple[Value, ...]:
    """LABELS and all *labels*; nothing for None, and LABELS alone for no label."""
    if labels is None:
        return ()
    if not isinstance(labels, Mapping):
        msg = f"{command}: labels is a {type(labels).__name__}: give a mapping of names to values"
        raise DataTypeError(msg)
    return (b"LABELS", *(word for label in labels.items() for word in label))


def series_words(
    command: str,
    *,
    retention: Milliseconds | None,
    uncompressed: bool,
    chunk_size: int | None,
    duplicate_policy: str | None,
    ignore: tuple[int, float] | None,
    labels: Labels | None,
    on_duplicate: str | None = None,
) -> tuple[Value, ...]:
    """The words for how a series is stored, labels last."""
    words: list[Value] = []
    if retention is not None:
        kept = duration(retention, MILLISECOND)
        natural(f"{command}: retention", kept)
        words += (b"RETENTION", kept)
    if uncompressed:
        words += (b"ENCODING", b"UNCOMPRESSED")
    if chunk_size is not None:
        if chunk_size < 48 or chunk_size % 8:
            msg = f"{command}: chunk_size is {chunk_size}: give bytes, a multiple of 8 from 48 on"
            raise DataValueError(msg)
        words += (b"CHUNK_SIZE", chunk_size)
    if duplicate_policy is not None:
        policy = choice(command, "duplicate_policy", duplicate_policy, *DUPLICATE_POLICIES)
        words += (b"DUPLICATE_POLICY", policy)
    if on_duplicate is not None:
        policy = choice(command, "on_duplicate", on_duplicate, *DUPLICATE_POLICIES)
        words += (b"ON_DUPLICATE", policy)
    if ignore is not None:
        words += (b"IGNORE", *_differences(command, ignore))
    return (*words, *label_words(command, labels))


def _differences(command: str, ignore: Any) -> tuple[int, float]:
    try:
        time, value = ignore
    except (TypeError, ValueError):
        msg = f"{command}: ignore has to be a pair: milliseconds, and a number"
        raise DataTypeError(msg) from None
    natural(f"{command}: ignore[0]", time)
    number(f"{command}: ignore[1]", value)
    return time, value


def range_words(
    command: str,
    *,
    latest: bool,
    filter_by_ts: Sequence[int | datetime.datetime] | None,
    filter_by_min_value: float | None,
    filter_by_max_value: float | None,
) -> tuple[Value, ...]:
    """The words that select samples of a range."""
    words: list[Value] = [b"LATEST"] if latest else []
    if filter_by_ts is not None:
        where = f"{command}: filter_by_ts"
        if isinstance(filter_by_ts, (str, bytes)) or not filter_by_ts:
            raise DataValueError(f"{where} is empty, or text: give a list of times")
        times = (time_word(f"{where}[{at}]", time) for at, time in enumerate(filter_by_ts))
        words += (b"FILTER_BY_TS", *times)
    bounds = (filter_by_min_value, filter_by_max_value)
    if bounds != (None, None):
        if None in bounds:
            msg = f"{command}: give both filter_by_min_value and filter_by_max_value, or neither"
            raise DataValueError(msg)
        words += (b"FILTER_BY_VALUE", *(bound for bound in bounds if bound is not None))
    return tuple(words)


def aggregation_words(
    command: str,
    *,
    count: int | None,
    aggregator: str | None,
    bucket_duration: Milliseconds | None,
    align: Alignment | None,
    bucket_timestamp: str | None,
    empty: bool,
) -> tuple[Value, ...]:
    """The words for the number of samples, and for buckets that each become one sample."""
    words: list[Value] = [] if count is None else [b"COUNT", count]
    place = b""
    if bucket_timestamp is not None:
        place = choice(command, "bucket_timestamp", bucket_timestamp, "START", "END", "MID")
    if aggregator is None:
        options = {"align": align, "bucket_timestamp": bucket_timestamp, "empty": empty or None}
        given = [name for name, value in options.items() if value is not None]
        given += [] if bucket_duration is None else ["bucket_duration"]
        if given:
            raise DataValueError(f"{command}: {given[0]} needs aggregator beside it")
        return tuple(words)
    if align is not None:
        words += (b"ALIGN", _aligned(f"{command}: align", align))
    words += (b"AGGREGATION", *bucket_words(command, aggregator, bucket_duration))
    if place:
        words += (b"BUCKETTIMESTAMP", place)
    return (*words, b"EMPTY") if empty else tuple(words)


def _aligned(where: str, align: Alignment) -> Value:
    return time_word(where, align, "start", "end", "-", "+")


def bucket_words(
    command: str, aggregator: str, bucket_duration: Milliseconds | None
) -> tuple[Value, ...]:
    """The aggregator and the duration of its buckets."""
    name = choice(command, "aggregator", aggregator, *AGGREGATORS)
    if bucket_duration is None:
        raise DataValueError(f"{command}: aggregator needs bucket_duration, in milliseconds")
    size = duration(bucket_duration, MILLISECOND)
    if size < 1:
        raise DataValueError(f"{command}: bucket_duration is {size}: give milliseconds, 1 or more")
    return (name, size)


def filter_words(command: str, filters: SomeValues) -> tuple[Value, ...]:
    """FILTER and all filters, at least one of which has to say what a label is."""
    return (b"FILTER", *all_values(command, "filters", (filters,)))


def label_choice(
    command: str, with_labels: bool, select_labels: Sequence[Key] | None
) -> tuple[Value, ...]:
    """The words for the labels that the reply has."""
    if select_labels is None:
        return (b"WITHLABELS",) if with_labels else ()
    if with_labels:
        msg = f"{command}: with_labels and select_labels exclude each other: give one of them"
        raise DataValueError(msg)
    return (b"SELECTED_LABELS", *all_values(command, "select_labels", (select_labels,)))
