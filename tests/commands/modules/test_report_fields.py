"""Tests of `anyredis.commands.modules.report_fields`."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.report_fields import ReportFields, fields_of, results
from anyredis.exceptions import ProtocolError, ResponseError


def test_fields_in_the_order_asked_for() -> None:
    """Of a RESP3 map and of a RESP2 array; others are left out, a missing one is an error."""
    assert fields_of({b"a": 1, b"b": 2, b"c": 3}, "b", "a") == [2, 1]
    assert fields_of([b"a", 1, b"b", 2], "b", "a") == [2, 1]
    with pytest.raises(ProtocolError, match="a report with c"):
        fields_of({b"a": 1}, "a", "c")


def test_results() -> None:
    """An error in place of one is raised."""
    assert results([1, 0]) == [1, 0]
    with pytest.raises(ResponseError, match="full"):
        results([1, ResponseError("full")])
    with pytest.raises(ProtocolError):
        results(1)


def test_fields_that_are_taken_out() -> None:
    """Each is read once as what it is, None if a server has none; what is left is other."""
    fields = ReportFields({"i": b"5", "n": b"nan", "f": 0.5, "w": b"W", "new": b"x"})
    assert (fields.needed_integer("i"), fields.integer("i")) == (5, None)
    assert (fields.number("n"), fields.number("f"), fields.number("g")) == (None, 0.5, None)
    assert (fields.needed_word("w"), fields.word("w")) == ("W", None)
    assert fields.other() == {"new": "x"}
    with pytest.raises(ProtocolError):
        fields.needed_word("w")


def test_truths() -> None:
    """Servers write them in words, or as a number of anything."""
    for raw, truth in ((b"true", True), ("false", False), (1, True), (b"0", False), (None, None)):
        assert ReportFields({"t": raw}).truth("t") is truth
