"""Replies about many time series: RESP2 has arrays, RESP3 maps with the same content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple

from anyredis.commands.modules.samples import Sample, Samples, sample_or_none, samples
from anyredis.replies import S, TextReaders, array, pairs, unexpected
from anyredis.wire.decode import Reply

REDUCER, SOURCES = "__reducer__", "__source__"
"""Labels of a group in RESP2 that are no labels of a series."""


class SeriesRange(NamedTuple, Generic[S]):
    """The samples of one series, and its labels if they were asked for."""

    labels: dict[S, S | None]
    """A label that was selected and is missing is None."""
    samples: Samples


class SeriesGroup(NamedTuple, Generic[S]):
    """The samples of a group of series."""

    label: S
    """The name of the label that all have."""
    value: S
    """Its value."""
    samples: Samples


class LatestSample(NamedTuple, Generic[S]):
    """The last sample of one series, and its labels if they were asked for."""

    labels: dict[S, S | None]
    """A label that was selected and is missing is None."""
    sample: Sample | None
    """None: the series is empty."""


def series_ranges(read: TextReaders[S]) -> Callable[[Reply], dict[S, SeriesRange[S]]]:
    """A reader of ranges by key."""

    def of_reply(reply: Reply) -> dict[S, SeriesRange[S]]:
        return {
            read.text(key): SeriesRange(_labels(read, labels), samples(content))
            for key, labels, content in _series(reply)
        }

    return of_reply


def series_groups(read: TextReaders[S]) -> Callable[[Reply], dict[S, SeriesGroup[S]]]:
    """A reader of groups by name."""

    def of_reply(reply: Reply) -> dict[S, SeriesGroup[S]]:
        groups: dict[S, SeriesGroup[S]] = {}
        for name, labels, content in _series(reply):
            found = {each: value for each, value in _labels(read, labels).items() if is_label(each)}
            if len(found) != 1:
                unexpected(reply, "groups with the label that they are made by")
            label, value = found.popitem()
            groups[read.text(name)] = SeriesGroup(label, read.text(value), samples(content))
        return groups

    return of_reply


def is_label(name: str | bytes) -> bool:
    """Whether *name* is that of a label, and not of what RESP2 tells about a group among labels."""
    return name not in (REDUCER, SOURCES, REDUCER.encode(), SOURCES.encode())


def latest_samples(read: TextReaders[S]) -> Callable[[Reply], dict[S, LatestSample[S]]]:
    """A reader of last samples by key."""

    def of_reply(reply: Reply) -> dict[S, LatestSample[S]]:
        return {
            read.text(key): LatestSample(_labels(read, labels), sample_or_none(sample))
            for key, labels, sample in _series(reply)
        }

    return of_reply


def _series(reply: Reply) -> Iterator[tuple[Reply, Reply, Reply]]:
    """The key, the labels and the content of each series."""
    if isinstance(reply, dict):
        for key, value in reply.items():
            # In between, RESP3 tells the aggregators, or the reducers and the sources.
            parts = array(value)
            if len(parts) < 2:
                unexpected(reply, "labels and samples of each series")
            yield key, parts[0], parts[-1]
    else:
        for each in array(reply):
            row = array(each)
            if len(row) != 3:
                unexpected(reply, "key, labels and samples of each series")
            yield row[0], row[1], row[2]


def _labels(read: TextReaders[S], reply: Reply) -> dict[S, S | None]:
    return {read.text(name): read.text_or_none(value) for name, value in pairs(reply)}
