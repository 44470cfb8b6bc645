"""Tests of `anyredis.commands.modules.samples`: many samples as columns, arrays and series."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from anyredis.commands.modules.samples import Samples, samples, time_of

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
MILLISECONDS = 1767268800000
SOME = Samples([(MILLISECONDS, 1.5), (MILLISECONDS + 1, -2.0)])


def test_columns() -> None:
    """Times and values by themselves; times as `datetime` in UTC."""
    assert SOME.times == [MILLISECONDS, MILLISECONDS + 1]
    assert SOME.values == [1.5, -2.0]  # noqa: PD011 - no array of pandas
    assert SOME.datetimes() == [NOON, NOON + datetime.timedelta(milliseconds=1)]
    assert time_of(0).timestamp() == 0


def test_a_sequence() -> None:
    """It has the pairs of a list, and is equal to one; a slice is another one."""
    assert SOME[0] == (MILLISECONDS, 1.5)
    assert SOME[1:] == Samples([(MILLISECONDS + 1, -2.0)])
    assert isinstance(SOME[1:], Samples)
    assert len(SOME) == 2
    assert [*SOME] == SOME
    assert SOME != [(MILLISECONDS, 1.5)]
    assert SOME != ((MILLISECONDS, 1.5), (MILLISECONDS + 1, -2.0))
    assert repr(SOME) == f"[({MILLISECONDS}, 1.5), ({MILLISECONDS + 1}, -2.0)]"
    with pytest.raises(TypeError, match="unhashable"):
        hash(SOME)


def test_arrays() -> None:
    """NumPy's times are milliseconds, without rounding; there may be no samples."""
    times, values = SOME.to_numpy()
    assert times.dtype == np.dtype("datetime64[ms]")
    assert times.tolist() == [each.replace(tzinfo=None) for each in SOME.datetimes()]
    assert values.dtype == np.dtype("float64")
    assert values.tolist() == [1.5, -2.0]
    times, values = Samples().to_numpy()
    assert (len(times), len(values)) == (0, 0)


def test_a_series() -> None:
    """A series of pandas has the times, in UTC, as its index."""
    series = SOME.to_pandas("temperature")
    assert isinstance(series, pd.Series)
    assert series.name == "temperature"
    assert [each.to_pydatetime() for each in series.index] == SOME.datetimes()
    assert series.to_list() == [1.5, -2.0]
    assert len(Samples().to_pandas()) == 0


def test_many() -> None:
    """Samples of one kind of value are read together, others one by one; all give the same."""
    floats: list[object] = [[at, at / 2] for at in range(1000)]
    as_bytes: list[object] = [[at, str(at / 2).encode()] for at in range(1000)]
    texts: list[object] = [[at, str(at / 2)] for at in range(1000)]
    mixed = [*floats[:10], *as_bytes[10:20], *texts[20:]]
    expected = [(at, at / 2) for at in range(1000)]
    for rows in (floats, as_bytes, texts, mixed):
        assert samples(rows) == expected  # type: ignore[arg-type]
