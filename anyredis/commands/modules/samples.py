"""Samples of time series: pairs of milliseconds and a number, and what can be made of many.

Law: times are Unix times in milliseconds.  NumPy and pandas are loaded when an array is asked for.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from itertools import chain
from typing import Any, Final, TypeAlias, overload

from anyredis.replies import all_are, array, integer, number, pair
from anyredis.wire.decode import Reply, are_texts

Sample: TypeAlias = tuple[int, float]
"""The time in milliseconds, and the value."""

EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Samples(Sequence[Sample]):
    """Samples in the server's order: pairs, each the time in milliseconds and the value.

    It is equal to a list of the same pairs.  The columns are what is stored, so an array of NumPy
    is made without the pairs; they do not change.
    """

    __slots__ = ("times", "values")
    __hash__ = None  # type: ignore[assignment]  # as a list

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        pairs = [*samples]
        self.times: Final = [time for time, _ in pairs]
        """The times, in milliseconds."""
        self.values: Final = [value for _, value in pairs]
        """The values."""

    @classmethod
    def of_columns(cls, times: list[int], values: list[float]) -> Samples:
        """Samples with these times and values, of which there are equally many."""
        made = cls.__new__(cls)
        object.__setattr__(made, "times", times)
        object.__setattr__(made, "values", values)
        return made

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[Sample]:
        return zip(self.times, self.values, strict=True)

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> Samples: ...
    def __getitem__(self, at: int | slice) -> Sample | Samples:
        if isinstance(at, slice):
            return self.of_columns(self.times[at], self.values[at])
        return self.times[at], self.values[at]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Samples):
            return self.times == other.times and self.values == other.values
        return [*self] == other if isinstance(other, list) else NotImplemented

    def __repr__(self) -> str:
        return repr([*self])

    def datetimes(self) -> list[datetime.datetime]:
        """The times as `datetime`, in UTC."""
        return [*map(time_of, self.times)]

    def to_numpy(self) -> tuple[Any, Any]:
        """The times as an array of `datetime64[ms]`, in UTC, and the values as one of `float64`.

        Raises `ModuleNotFoundError` without NumPy.
        """
        numpy: Any = import_module("numpy")
        times = numpy.array(self.times, "int64").view("datetime64[ms]")
        return times, numpy.array(self.values, "float64")

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
    columns = _columns(rows)
    if columns is None:
        return Samples(map(_sample, rows))  # raises the error that tells of the bad one
    return Samples.of_columns(*columns)


def _columns(rows: list[Any]) -> tuple[list[int], list[float]] | None:
    """The times and the values, without a call for each sample; None if a sample is no such pair."""
    try:
        if not {2}.issuperset(map(len, rows)):
            return None
        flat: list[Any] = [*chain.from_iterable(rows)]
    except TypeError:  # a row is no array
        return None
    times, values = flat[::2], flat[1::2]
    if not all_are(times, int):
        return None
    if all_are(values, float):
        return times, values
    if not (are_texts(values, b"") or are_texts(values, "")):
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
