"""Time series: made, written, compacted by rules, and told about."""

from __future__ import annotations

from collections.abc import Sequence

from anyredis.command import Command, command
from anyredis.commands.checks import Count, number
from anyredis.commands.group import Group, Milliseconds
from anyredis.commands.modules.samples import Sample, sample_or_none
from anyredis.commands.modules.series_info import SeriesInfo, series_info
from anyredis.commands.modules.series_options import (
    Aggregator,
    DuplicatePolicy,
    Labels,
    RangeTime,
    SampleTime,
    bucket_words,
    series_words,
    time_word,
)
from anyredis.exceptions import DataTypeError, RedisError
from anyredis.excerpt import excerpt
from anyredis.replies import S, array, integer, ok
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class TimeSeries(Group[S]):
    """The commands on one time series, and those that add to several."""

    @command
    def add(
        self,
        key: Key,
        timestamp: SampleTime,
        value: float,
        *,
        retention: Milliseconds | None = None,
        uncompressed: bool = False,
        labels: Labels | None = None,
        chunk_size: Count | None = None,
        duplicate_policy: DuplicatePolicy | None = None,
        ignore: tuple[int, float] | None = None,
        on_duplicate: DuplicatePolicy | None = None,
    ) -> Command[int]:
        """The time in milliseconds of the sample that was added to *key*, a series made if missing.

        *timestamp* is Unix time in milliseconds, a `datetime`, or `"*"`: now, by the server's clock.
        *on_duplicate* replaces the series' policy for this sample; the other options are those of a
        new series, as for `create`. With *ignore*, the time is that of the last sample if this one
        was ignored. `ResponseError` if the time is taken and the policy is to block.
        TS.ADD key timestamp value [RETENTION ms] [ENCODING UNCOMPRESSED] [CHUNK_SIZE bytes]
        [DUPLICATE_POLICY policy] [ON_DUPLICATE policy] [IGNORE ms value] [LABELS name value …].
        TimeSeries 1.0. O(M).
        """
        time = time_word("TS.ADD: timestamp", timestamp, "*")
        words = series_words(
            "TS.ADD",
            retention=retention,
            uncompressed=uncompressed,
            labels=labels,
            chunk_size=chunk_size,
            duplicate_policy=duplicate_policy,
            ignore=ignore,
            on_duplicate=on_duplicate,
        )
        return Command((b"TS.ADD", key, time, value, *words), integer)

    @command
    def alter(
        self,
        key: Key,
        *,
        retention: Milliseconds | None = None,
        labels: Labels | None = None,
        chunk_size: Count | None = None,
        duplicate_policy: DuplicatePolicy | None = None,
        ignore: tuple[int, float] | None = None,
    ) -> Command[bool]:
        """True once the series has these options; *labels* replaces all of its labels.

        Options as for `create`; what is not given stays. `ResponseError` if there is no series.
        TS.ALTER key [RETENTION ms] [CHUNK_SIZE bytes] [DUPLICATE_POLICY policy] [IGNORE ms value]
        [LABELS name value …].
        TimeSeries 1.0. O(N).
        """
        words = series_words(
            "TS.ALTER",
            retention=retention,
            uncompressed=False,
            labels=labels,
            chunk_size=chunk_size,
            duplicate_policy=duplicate_policy,
            ignore=ignore,
        )
        return Command((b"TS.ALTER", key, *words), ok)

    @command
    def create(
        self,
        key: Key,
        *,
        retention: Milliseconds | None = None,
        uncompressed: bool = False,
        labels: Labels | None = None,
        chunk_size: Count | None = None,
        duplicate_policy: DuplicatePolicy | None = None,
        ignore: tuple[int, float] | None = None,
    ) -> Command[bool]:
        """True once an empty series was made at *key*; `ResponseError` if *key* exists.

        Samples are kept for *retention* milliseconds (0: for ever). *chunk_size* is in bytes.
        *duplicate_policy* is what happens to a second sample of the same time (the server's
        default: block). *ignore* is a time in milliseconds and a number: a sample that differs by no
        more from the last one is ignored, where the policy is last.
        TS.CREATE key [RETENTION ms] [ENCODING UNCOMPRESSED] [CHUNK_SIZE bytes] [DUPLICATE_POLICY policy]
        [IGNORE ms value] [LABELS name value …].
        TimeSeries 1.0. O(1).
        """
        words = series_words(
            "TS.CREATE",
            retention=retention,
            uncompressed=uncompressed,
            labels=labels,
            chunk_size=chunk_size,
            duplicate_policy=duplicate_policy,
            ignore=ignore,
        )
        return Command((b"TS.CREATE", key, *words), ok)

    @command
    def createrule(
        self,
        source_key: Key,
        dest_key: Key,
        aggregator: Aggregator,
        bucket_duration: Milliseconds,
        align_timestamp: Count | None = None,
    ) -> Command[bool]:
        """True once each bucket of *source_key* becomes a sample of *dest_key*, which exists.

        A bucket has *bucket_duration* milliseconds and begins at a multiple of that, or so much
        after *align_timestamp* (milliseconds). Only samples from now on count. In a cluster both
        keys are in one slot.
        TS.CREATERULE source_key dest_key AGGREGATION aggregator duration [align_timestamp].
        TimeSeries 1.0. O(1).
        """
        words = bucket_words("TS.CREATERULE", aggregator, bucket_duration)
        align: tuple[Value, ...] = () if align_timestamp is None else (align_timestamp,)
        return Command((b"TS.CREATERULE", source_key, dest_key, b"AGGREGATION", *words, *align), ok)

    @command
    def decrby(
        self,
        key: Key,
        value: float,
        timestamp: SampleTime | None = None,
        *,
        retention: Milliseconds | None = None,
        uncompressed: bool = False,
        labels: Labels | None = None,
        chunk_size: Count | None = None,
        duplicate_policy: DuplicatePolicy | None = None,
        ignore: tuple[int, float] | None = None,
    ) -> Command[int]:
        """Like `incrby`, but *value* is subtracted.

        TS.DECRBY key value [TIMESTAMP ms] [RETENTION ms] [ENCODING UNCOMPRESSED] [CHUNK_SIZE bytes] [DUPLICATE_POLICY policy]
        [IGNORE ms value] [LABELS name value …].
        TimeSeries 1.0. O(M).
        """
        words = series_words(
            "TS.DECRBY",
            retention=retention,
            uncompressed=uncompressed,
            labels=labels,
            chunk_size=chunk_size,
            duplicate_policy=duplicate_policy,
            ignore=ignore,
        )
        return Command((b"TS.DECRBY", key, value, *_at("TS.DECRBY", timestamp), *words), integer)

    @command
    def delete(self, key: Key, from_time: RangeTime, to_time: RangeTime) -> Command[int]:
        """The number of samples that were deleted: those of *from_time* to *to_time*, both included.

        Times are milliseconds, a `datetime`, `"-"` or `"+"`.
        TS.DEL key from_time to_time. TimeSeries 1.6. O(N).
        """
        first = time_word("TS.DEL: from_time", from_time, "-", "+")
        last = time_word("TS.DEL: to_time", to_time, "-", "+")
        return Command((b"TS.DEL", key, first, last), integer)

    @command
    def deleterule(self, source_key: Key, dest_key: Key) -> Command[bool]:
        """True once the rule that compacts *source_key* into *dest_key* is gone.

        TS.DELETERULE source_key dest_key. TimeSeries 1.0. O(1).
        """
        return Command((b"TS.DELETERULE", source_key, dest_key), ok)

    @command
    def get(self, key: Key, *, latest: bool = False) -> Command[Sample | None]:
        """The last sample, its time in milliseconds and its value; None for an empty series.

        With *latest*, that of a compaction is the value of its unfinished bucket. `ResponseError` if
        there is no series.
        TS.GET key [LATEST]. TimeSeries 1.0. O(1).
        """
        words: tuple[Value, ...] = (b"LATEST",) if latest else ()
        return Command((b"TS.GET", key, *words), sample_or_none)

    @command
    def incrby(
        self,
        key: Key,
        value: float,
        timestamp: SampleTime | None = None,
        *,
        retention: Milliseconds | None = None,
        uncompressed: bool = False,
        labels: Labels | None = None,
        chunk_size: Count | None = None,
        duplicate_policy: DuplicatePolicy | None = None,
        ignore: tuple[int, float] | None = None,
    ) -> Command[int]:
        """The time in milliseconds of the last sample, which is now *value* higher than the one before.

        *timestamp* (now, by the server's clock) is not before that of the last sample; if it is the
        same, that sample is changed. A series that is missing is made with the options of `create`.
        TS.INCRBY key value [TIMESTAMP ms] [RETENTION ms] [ENCODING UNCOMPRESSED] [CHUNK_SIZE bytes] [DUPLICATE_POLICY policy]
        [IGNORE ms value] [LABELS name value …].
        TimeSeries 1.0. O(M).
        """
        words = series_words(
            "TS.INCRBY",
            retention=retention,
            uncompressed=uncompressed,
            labels=labels,
            chunk_size=chunk_size,
            duplicate_policy=duplicate_policy,
            ignore=ignore,
        )
        return Command((b"TS.INCRBY", key, value, *_at("TS.INCRBY", timestamp), *words), integer)

    @command
    def info(self, key: Key) -> Command[SeriesInfo[S]]:
        """Size, options, labels and rules of the series; `ResponseError` if there is none.

        TS.INFO key. TimeSeries 1.0. O(1).
        """
        return Command((b"TS.INFO", key), series_info(self.read))

    @command
    def madd(self, samples: Sequence[tuple[Key, SampleTime, float]]) -> Command[list[int]]:
        """The times in milliseconds of *samples*, each added to its series: a key, a time, a value.

        The series exist. `ResponseError` if one of the samples is refused: the message has its place
        in *samples*, and the others were added. In a cluster all keys are in one slot.
        TS.MADD key timestamp value [key timestamp value …]. TimeSeries 1.0. O(N * M).
        """
        words = _many(samples)

        def times(reply: Reply) -> list[int]:
            items = array(reply)
            added = sum(isinstance(each, int) for each in items)
            for at, each in enumerate(items):
                if isinstance(each, RedisError):
                    raise _named(each, at, added, len(items))
            return [integer(each) for each in items]

        return Command((b"TS.MADD", *words), times)


def _at(command: str, timestamp: SampleTime | None) -> tuple[Value, ...]:
    if timestamp is None:
        return ()
    return (b"TIMESTAMP", time_word(f"{command}: timestamp", timestamp, "*"))


def _many(samples: Sequence[tuple[Key, SampleTime, float]]) -> tuple[Value, ...]:
    """Key, time and value of each sample in turn; raises `DataError` for what is no sample."""
    if isinstance(samples, (str, bytes)) or not samples:
        raise DataTypeError("TS.MADD: samples has to be a list of (key, timestamp, value)")
    words: list[Value] = []
    for at, sample in enumerate(samples):
        if not isinstance(sample, (tuple, list)) or len(sample) != 3:
            shown = excerpt(sample, 60)
            msg = f"TS.MADD: samples[{at}] is {shown}: give (key, timestamp, value)"
            raise DataTypeError(msg)
        key, timestamp, value = sample
        number(f"TS.MADD: samples[{at}][2]", value)
        words += (key, time_word(f"TS.MADD: samples[{at}][1]", timestamp, "*"), value)
    return tuple(words)


def _named(error: RedisError, at: int, added: int, count: int) -> RedisError:
    """The *error* of the sample *at* this place, which says how many of all were added."""
    told = f"samples[{at}]: {error} ({added} of {count} samples were added)"
    return type(error)(told)
