"""Tests of `anyredis.commands.modules.json_replies`, beyond the tables of the commands."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.commands.modules.json_replies import (
    length_reader,
    number_reader,
    resp_reader,
    shown_double,
    toggled_reader,
    type_reader,
)
from anyredis.exceptions import ProtocolError

SHOWN = {
    0.0: "0",
    3.0: "3",
    0.5: "0.5",
    -2.25: "-2.25",
    1e8: "100000000",
    1e-7: "1e-7",
    1.25e-5: "1.25e-5",
    0.00001: "0.00001",
    1e21: "1e+21",
    1.5e300: "1.5e+300",
}


def test_doubles_as_text() -> None:
    """As a server writes them in RESP2; the live tests compare more of them."""
    assert {value: shown_double(value) for value in SHOWN} == SHOWN
    assert shown_double(-0.0) == "-0"
    with pytest.raises(ProtocolError):
        shown_double(math.inf)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_digit_is_lost(value: float) -> None:
    """The text is read as the same number."""
    assert float(shown_double(value)) == value


def test_readers_are_the_same_objects() -> None:
    """So that equal calls make equal commands."""
    for maker in (length_reader, number_reader, toggled_reader, type_reader):
        assert maker(lists=True) is maker(lists=True)
        assert maker(lists=True) is not maker(lists=False)
    assert resp_reader(str) is resp_reader(str)
