"""Tests of `anyredis.commands.modules.series_options`: the options of time series."""

from __future__ import annotations

import datetime
from typing import get_args

import pytest

from anyredis.commands.modules.series_options import (
    AGGREGATORS,
    REDUCERS,
    Aggregator,
    DuplicatePolicy,
    Reducer,
    time_word,
)
from anyredis.exceptions import DataTypeError, DataValueError

ZONE = datetime.timezone(datetime.timedelta(hours=2))


def test_choices_are_those_of_the_annotations() -> None:
    """What a checker takes, a call takes."""
    assert {each.upper() for each in get_args(Aggregator)} == {*AGGREGATORS}
    assert {each.upper() for each in get_args(Reducer)} == {*REDUCERS}
    assert "BLOCK" in {each.upper() for each in get_args(DuplicatePolicy)}


def test_times() -> None:
    """Milliseconds, a word, or a moment of any zone."""
    assert time_word("X: at", 5) == 5
    assert time_word("X: at", "*", "*") == "*"
    assert time_word("X: at", datetime.datetime(1970, 1, 1, 2, 0, 1, tzinfo=ZONE)) == 1000
    with pytest.raises(DataValueError, match="X: at is '-': give milliseconds, a datetime, or"):
        time_word("X: at", "-", "*")
    with pytest.raises(DataTypeError, match=r"X: at is True"):
        time_word("X: at", True)
