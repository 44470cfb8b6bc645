"""Samples of time series: pairs of milliseconds and a number, and what can be made of many.

Law: times are Unix times in milliseconds.  NumPy and pandas are loaded when an array is asked for.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from importlib import import_module
from operator import itemgetter
from typing import Any, Final, TypeAlias

from anyredis.replies import all_are, array, integer, number, pair
from anyredis.wire.decode import Reply

Sample: TypeAlias = tuple[int, float]
"""The time in milliseconds, and the value."""

_FIRST: Final[Callable[[Any], Any]] = itemgetter(0)
_SECOND: Final[Callable[[Any], Any]] = itemgetter(1)

EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Samples(list[Sample]):
    """Samples in the server's order: a list of pairs, each the time in milliseconds and the value."""

    __slots__ = ()

    @property
    def times(self) -> list[int]:
        """The times, in milliseconds."""
        return [time for time, _ in self]

    @property
    def values(self) -> list[float]:
        """The values."""
        return [value for _, value in self]

    def datetimes(self) -> list[datetime.datetime]:
        """The times as `datetime`, in UTC."""
        return [time_of(time) for time, _ in self]

    def to_numpy(self) -> tuple[Any, Any]:
        """The times as an array of `datetime64[ms]`, in UTC, and the values as one of `float64`.

        Raises `ModuleNotFoundError` without NumPy.
        """
        numpy: Any = import_module("numpy")
        times = numpy.fromiter((time for time, _ in self), "int64", len(self))
        values = numpy.fromiter((value for _, value in self), "float64", len(self))
        return times.view("datetime64[ms]"), values

    def to_pandas(self, name: str | None = None) -> Any:
        """A `pandas.Series` called *name* of the values, with the times, in UTC, as its index.

        Raises `ModuleNotFoundError` without pandas.
        """
        pandas: Any = import_module("pandas")
        times, values = self.to_numpy()
        index = pandas.DatetimeIndex(times).tz_localize("UTC")
        return pandas.Series(values, index=index, name=name, copy=False)


def time_of(milliseconds: int) -> datetime.datetime:
    """The moment in UTC; raises `OverflowError` for one that `datetime` cannot hold."""
    return EPOCH + datetime.timedelta(milliseconds=milliseconds)


def samples(reply: Reply) -> Samples:
    """Many samples; values are text in RESP2."""
    rows = array(reply)
    if not rows:
        return Samples()
    columns = _columns(rows)
    if columns is None:
        return Samples(map(_sample, rows))  # raises the error that tells of the bad one
    return Samples(zip(*columns, strict=True))


def _columns(rows: list[Any]) -> tuple[list[int], list[float]] | None:
    """The times and the values, without a call for each sample; None if a sample is no such pair."""
    if not {list}.issuperset(map(type, rows)) or not {2}.issuperset(map(len, rows)):
        return None
    # `zip(*rows)` would make an iterator for each row, which takes twenty times as long.
    times: list[Reply] = [*map(_FIRST, rows)]
    values: list[Reply] = [*map(_SECOND, rows)]
    if not all_are(times, int):
        return None
    if all_are(values, float):
        return times, values
    if not (all_are(values, bytes) or all_are(values, str)):
        return None
    try:
        return times, [*map(float, values)]
    except ValueError:
        return None


def _sample(reply: Reply) -> Sample:
    time, value = pair(reply)
    return integer(time), number(value)


def sample_or_none(reply: Reply) -> Sample | None:
    """The last sample; None for an empty series."""
    return _sample(reply) if array(reply) else None
