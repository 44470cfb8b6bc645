"""What `client.ts` gives and takes: samples, reports, and the words for options.

Law: this is the public place of these names; the modules that define them may change.
"""

from __future__ import annotations

from anyredis.commands.modules.samples import Sample, Samples
from anyredis.commands.modules.series_info import SeriesInfo, SeriesRule
from anyredis.commands.modules.series_options import (
    Aggregator,
    Alignment,
    BucketTimestamp,
    DuplicatePolicy,
    Labels,
    RangeTime,
    Reducer,
    SampleTime,
)
from anyredis.commands.modules.series_replies import LatestSample, SeriesGroup, SeriesRange

__all__ = [
    "Aggregator",
    "Alignment",
    "BucketTimestamp",
    "DuplicatePolicy",
    "Labels",
    "LatestSample",
    "RangeTime",
    "Reducer",
    "Sample",
    "SampleTime",
    "Samples",
    "SeriesGroup",
    "SeriesInfo",
    "SeriesRange",
    "SeriesRule",
]
