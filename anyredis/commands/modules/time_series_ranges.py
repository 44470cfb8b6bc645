"""Ranges of time series: the samples of one, of all that labels select, or of groups of these."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group, Milliseconds, choice
from anyredis.commands.modules.samples import Samples, samples
from anyredis.commands.modules.series_options import (
    REDUCERS,
    Aggregator,
    Alignment,
    BucketTimestamp,
    RangeTime,
    Reducer,
    aggregation_words,
    filter_words,
    label_choice,
    range_words,
    time_word,
)
from anyredis.commands.modules.series_replies import (
    LatestSample,
    SeriesGroup,
    SeriesRange,
    latest_samples,
    series_groups,
    series_ranges,
)
from anyredis.commands.several import SomeValues
from anyredis.replies import S
from anyredis.wire.encode import Key, Value


class TimeSeriesRanges(Group[S]):
    """The commands that read samples of one series, or of many."""

    @command
    def mget(
        self,
        filters: SomeValues,
        *,
        with_labels: bool = False,
        select_labels: Sequence[Key] | None = None,
        latest: bool = False,
    ) -> Command[dict[S, LatestSample[S]]]:
        """The last sample of each series that *filters* select, by its key.

        A filter is text such as `"room=kitchen"`, `"room!=kitchen"`, `"room=(kitchen,hall)"`; one at
        least has the form `label=value`. The labels come *with_labels*, or those in *select_labels*.
        In a cluster all primaries are asked.
        TS.MGET [LATEST] [WITHLABELS] FILTER filter …. TimeSeries 1.0. O(N).
        """
        words: tuple[Value, ...] = (b"LATEST",) if latest else ()
        words += label_choice("TS.MGET", with_labels, select_labels)
        chosen = filter_words("TS.MGET", filters)
        return Command((b"TS.MGET", *words, *chosen), latest_samples(self.read))

    @command
    def mrange(
        self,
        from_time: RangeTime,
        to_time: RangeTime,
        filters: SomeValues,
        count: Count | None = None,
        aggregator: Aggregator | None = None,
        bucket_duration: Milliseconds | None = None,
        *,
        with_labels: bool = False,
        select_labels: Sequence[Key] | None = None,
        filter_by_ts: Sequence[int | datetime.datetime] | None = None,
        filter_by_min_value: float | None = None,
        filter_by_max_value: float | None = None,
        align: Alignment | None = None,
        latest: bool = False,
        bucket_timestamp: BucketTimestamp | None = None,
        empty: bool = False,
    ) -> Command[dict[S, SeriesRange[S]]]:
        """The samples of each series that *filters* select, by its key, the oldest first.

        Filters and labels as for `mget`, all other options as for `range`.

        TS.MRANGE from_time to_time [LATEST] [FILTER_BY_TS ms …] [FILTER_BY_VALUE min max]
        [WITHLABELS] [COUNT n] [ALIGN ms] [AGGREGATION aggregator duration
        [BUCKETTIMESTAMP place] [EMPTY]] FILTER filter ….
        TimeSeries 1.0. O(N).
        """
        words = _range_words(
            "TS.MRANGE",
            from_time,
            to_time,
            count=count,
            aggregator=aggregator,
            bucket_duration=bucket_duration,
            filter_by_ts=filter_by_ts,
            filter_by_min_value=filter_by_min_value,
            filter_by_max_value=filter_by_max_value,
            align=align,
            latest=latest,
            bucket_timestamp=bucket_timestamp,
            empty=empty,
            labels=label_choice("TS.MRANGE", with_labels, select_labels),
        )
        chosen = filter_words("TS.MRANGE", filters)
        return Command((b"TS.MRANGE", *words, *chosen), series_ranges(self.read))

    @command
    def mrange_groups(
        self,
        from_time: RangeTime,
        to_time: RangeTime,
        filters: SomeValues,
        groupby: str,
        reduce: Reducer,
        count: Count | None = None,
        aggregator: Aggregator | None = None,
        bucket_duration: Milliseconds | None = None,
        *,
        filter_by_ts: Sequence[int | datetime.datetime] | None = None,
        filter_by_min_value: float | None = None,
        filter_by_max_value: float | None = None,
        align: Alignment | None = None,
        latest: bool = False,
        bucket_timestamp: BucketTimestamp | None = None,
        empty: bool = False,
    ) -> Command[dict[S, SeriesGroup[S]]]:
        """The samples of groups of series, by `label=value`: one for each value of the label *groupby*.

        Samples of one time in a group become one by *reduce*. Options as for `mrange`. In a cluster
        all series of a group are on one node: give their keys one hash tag; otherwise
        `ProtocolError`.

        TS.MRANGE from_time to_time [LATEST] [FILTER_BY_TS ms …] [FILTER_BY_VALUE min max] WITHLABELS
        [COUNT n] [ALIGN ms] [AGGREGATION aggregator duration [BUCKETTIMESTAMP place] [EMPTY]] FILTER
        filter … GROUPBY label REDUCE reducer.
        TimeSeries 1.6. O(N).
        """
        reducer = choice("TS.MRANGE", "reduce", reduce, *REDUCERS)
        words = _range_words(
            "TS.MRANGE",
            from_time,
            to_time,
            count=count,
            aggregator=aggregator,
            bucket_duration=bucket_duration,
            filter_by_ts=filter_by_ts,
            filter_by_min_value=filter_by_min_value,
            filter_by_max_value=filter_by_max_value,
            align=align,
            latest=latest,
            bucket_timestamp=bucket_timestamp,
            empty=empty,
            labels=(b"WITHLABELS",),
        )
        chosen = filter_words("TS.MRANGE", filters)
        return Command(
            (b"TS.MRANGE", *words, *chosen, b"GROUPBY", groupby, b"REDUCE", reducer),
            series_groups(self.read),
        )

    @command
    def mrevrange(
        self,
        from_time: RangeTime,
        to_time: RangeTime,
        filters: SomeValues,
        count: Count | None = None,
        aggregator: Aggregator | None = None,
        bucket_duration: Milliseconds | None = None,
        *,
        with_labels: bool = False,
        select_labels: Sequence[Key] | None = None,
        filter_by_ts: Sequence[int | datetime.datetime] | None = None,
        filter_by_min_value: float | None = None,
        filter_by_max_value: float | None = None,
        align: Alignment | None = None,
        latest: bool = False,
        bucket_timestamp: BucketTimestamp | None = None,
        empty: bool = False,
    ) -> Command[dict[S, SeriesRange[S]]]:
        """Like `mrange`, the latest first.

        TS.MREVRANGE from_time to_time [LATEST] [FILTER_BY_TS ms …] [FILTER_BY_VALUE min max]
        [WITHLABELS] [COUNT n] [ALIGN ms] [AGGREGATION aggregator duration
        [BUCKETTIMESTAMP place] [EMPTY]] FILTER filter ….
        TimeSeries 1.4. O(N).
        """
        words = _range_words(
            "TS.MREVRANGE",
            from_time,
            to_time,
            count=count,
            aggregator=aggregator,
            bucket_duration=bucket_duration,
            filter_by_ts=filter_by_ts,
            filter_by_min_value=filter_by_min_value,
            filter_by_max_value=filter_by_max_value,
            align=align,
            latest=latest,
            bucket_timestamp=bucket_timestamp,
            empty=empty,
            labels=label_choice("TS.MREVRANGE", with_labels, select_labels),
        )
        chosen = filter_words("TS.MREVRANGE", filters)
        return Command((b"TS.MREVRANGE", *words, *chosen), series_ranges(self.read))

    @command
    def mrevrange_groups(
        self,
        from_time: RangeTime,
        to_time: RangeTime,
        filters: SomeValues,
        groupby: str,
        reduce: Reducer,
        count: Count | None = None,
        aggregator: Aggregator | None = None,
        bucket_duration: Milliseconds | None = None,
        *,
        filter_by_ts: Sequence[int | datetime.datetime] | None = None,
        filter_by_min_value: float | None = None,
        filter_by_max_value: float | None = None,
        align: Alignment | None = None,
        latest: bool = False,
        bucket_timestamp: BucketTimestamp | None = None,
        empty: bool = False,
    ) -> Command[dict[S, SeriesGroup[S]]]:
        """Like `mrange_groups`, the latest first.

        TS.MREVRANGE from_time to_time [LATEST] [FILTER_BY_TS ms …] [FILTER_BY_VALUE min max] WITHLABELS
        [COUNT n] [ALIGN ms] [AGGREGATION aggregator duration [BUCKETTIMESTAMP place] [EMPTY]] FILTER
        filter … GROUPBY label REDUCE reducer.
        TimeSeries 1.6. O(N).
        """
        reducer = choice("TS.MREVRANGE", "reduce", reduce, *REDUCERS)
        words = _range_words(
            "TS.MREVRANGE",
            from_time,
            to_time,
            count=count,
            aggregator=aggregator,
            bucket_duration=bucket_duration,
            filter_by_ts=filter_by_ts,
            filter_by_min_value=filter_by_min_value,
            filter_by_max_value=filter_by_max_value,
            align=align,
            latest=latest,
            bucket_timestamp=bucket_timestamp,
            empty=empty,
            labels=(b"WITHLABELS",),
        )
        chosen = filter_words("TS.MREVRANGE", filters)
        return Command(
            (b"TS.MREVRANGE", *words, *chosen, b"GROUPBY", groupby, b"REDUCE", reducer),
            series_groups(self.read),
        )

    @command
    def queryindex(self, filters: SomeValues) -> Command[list[S]]:
        """The keys of all series that *filters* select, as for `mget`.

        TS.QUERYINDEX filter …. TimeSeries 1.0. O(N).
        """
        _, *chosen = filter_words("TS.QUERYINDEX", filters)
        return Command((b"TS.QUERYINDEX", *chosen), self.read.texts)

    @command
    def range(
        self,
        key: Key,
        from_time: RangeTime,
        to_time: RangeTime,
        count: Count | None = None,
        aggregator: Aggregator | None = None,
        bucket_duration: Milliseconds | None = None,
        *,
        filter_by_ts: Sequence[int | datetime.datetime] | None = None,
        filter_by_min_value: float | None = None,
        filter_by_max_value: float | None = None,
        align: Alignment | None = None,
        latest: bool = False,
        bucket_timestamp: BucketTimestamp | None = None,
        empty: bool = False,
    ) -> Command[Samples]:
        """The samples from *from_time* to *to_time*, both included, the oldest first.

        Times are milliseconds, a `datetime`, `"-"` (the first sample) or `"+"` (the last). *count* is
        the most samples. With *aggregator* each bucket of *bucket_duration* milliseconds becomes one
        sample, at its start (*bucket_timestamp*: start, mid, end); buckets begin at multiples of
        their duration, or are aligned to *align*: milliseconds, start or end of the range. *empty*
        reports buckets without samples too. Only samples at the times *filter_by_ts*, or with values
        from *filter_by_min_value* to *filter_by_max_value* count, if these are given. *latest*: the
        unfinished bucket of a compaction too. `ResponseError` if there is no series.

        TS.RANGE key from_time to_time [LATEST] [FILTER_BY_TS ms …] [FILTER_BY_VALUE min max] [COUNT n]
        [ALIGN ms] [AGGREGATION aggregator duration [BUCKETTIMESTAMP place] [EMPTY]].
        TimeSeries 1.0. O(N).
        """
        words = _range_words(
            "TS.RANGE",
            from_time,
            to_time,
            count=count,
            aggregator=aggregator,
            bucket_duration=bucket_duration,
            filter_by_ts=filter_by_ts,
            filter_by_min_value=filter_by_min_value,
            filter_by_max_value=filter_by_max_value,
            align=align,
            latest=latest,
            bucket_timestamp=bucket_timestamp,
            empty=empty,
        )
        return Command((b"TS.RANGE", key, *words), samples, True)  # texts are numbers

    @command
    def revrange(
        self,
        key: Key,
        from_time: RangeTime,
        to_time: RangeTime,
        count: Count | None = None,
        aggregator: Aggregator | None = None,
        bucket_duration: Milliseconds | None = None,
        *,
        filter_by_ts: Sequence[int | datetime.datetime] | None = None,
        filter_by_min_value: float | None = None,
        filter_by_max_value: float | None = None,
        align: Alignment | None = None,
        latest: bool = False,
        bucket_timestamp: BucketTimestamp | None = None,
        empty: bool = False,
    ) -> Command[Samples]:
        """Like `range`, the latest first.

        TS.REVRANGE key from_time to_time [LATEST] [FILTER_BY_TS ms …] [FILTER_BY_VALUE min max] [COUNT n]
        [ALIGN ms] [AGGREGATION aggregator duration [BUCKETTIMESTAMP place] [EMPTY]].
        TimeSeries 1.4. O(N).
        """
        words = _range_words(
            "TS.REVRANGE",
            from_time,
            to_time,
            count=count,
            aggregator=aggregator,
            bucket_duration=bucket_duration,
            filter_by_ts=filter_by_ts,
            filter_by_min_value=filter_by_min_value,
            filter_by_max_value=filter_by_max_value,
            align=align,
            latest=latest,
            bucket_timestamp=bucket_timestamp,
            empty=empty,
        )
        return Command((b"TS.REVRANGE", key, *words), samples, True)  # texts are numbers


def _range_words(
    command: str,
    from_time: RangeTime,
    to_time: RangeTime,
    *,
    count: int | None,
    aggregator: str | None,
    bucket_duration: Milliseconds | None,
    filter_by_ts: Sequence[int | datetime.datetime] | None,
    filter_by_min_value: float | None,
    filter_by_max_value: float | None,
    align: Alignment | None,
    latest: bool,
    bucket_timestamp: BucketTimestamp | None,
    empty: bool,
    labels: tuple[Value, ...] = (),
) -> tuple[Value, ...]:
    """The words for a range, without keys and filters."""
    first = time_word(f"{command}: from_time", from_time, "-", "+")
    last = time_word(f"{command}: to_time", to_time, "-", "+")
    selected = range_words(
        command,
        latest=latest,
        filter_by_ts=filter_by_ts,
        filter_by_min_value=filter_by_min_value,
        filter_by_max_value=filter_by_max_value,
    )
    aggregated = aggregation_words(
        command,
        count=count,
        aggregator=aggregator,
        bucket_duration=bucket_duration,
        align=align,
        bucket_timestamp=bucket_timestamp,
        empty=empty,
    )
    return (first, last, *selected, *labels, *aggregated)
