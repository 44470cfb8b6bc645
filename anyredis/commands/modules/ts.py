"""Time series: samples of numbers by time, found by labels, in ranges, buckets and groups."""

from __future__ import annotations

from anyredis.commands.modules.time_series import TimeSeries
from anyredis.commands.modules.time_series_ranges import TimeSeriesRanges
from anyredis.namespaces import BlueprintNamespace, ClientNamespace, PipelineNamespace
from anyredis.replies import S


class ClientTimeSeries(ClientNamespace[S], TimeSeries[S], TimeSeriesRanges[S]):
    """`client.ts`: each call is awaited."""


class PipelineTimeSeries(PipelineNamespace[S], TimeSeries[S], TimeSeriesRanges[S]):
    """`pipe.ts`: each call gives a `Result`."""


class BlueprintTimeSeries(BlueprintNamespace[S], TimeSeries[S], TimeSeriesRanges[S]):
    """`ts` on a blueprint: each call gives a `Command`."""


NAMESPACE = (ClientTimeSeries, PipelineTimeSeries, BlueprintTimeSeries)
