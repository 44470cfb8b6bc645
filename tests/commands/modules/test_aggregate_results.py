"""Tests of `anyredis.commands.modules.aggregate_results`: the values that an aggregation gives."""

from __future__ import annotations

from anyredis.search import AggregateResult, HybridResult
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed


def test_results_are_gone_through() -> None:
    """`for` gives the rows, `len` counts them."""
    rows: list[dict[str, str]] = [{"a": "1"}, {}]
    for result in (AggregateResult(rows), HybridResult(5, rows, 0.5, [])):
        assert list(result) == rows
        assert len(result) == 2


def test_a_value_that_is_no_text() -> None:
    """It stays bytes, in a list too; names are read once."""
    raw = b"*2\r\n:1\r\n*4\r\n$1\r\na\r\n$1\r\n\xff\r\n$1\r\nb\r\n*2\r\n$1\r\n\xff\r\n$1\r\nx\r\n"
    assert parsed(TextPlan().ft.aggregate("i", "x"), raw).rows == [
        {"a": b"\xff", "b": [b"\xff", "x"]}
    ]
    assert parsed(BytesPlan().ft.aggregate("i", "x"), raw).rows == [
        {b"a": b"\xff", b"b": [b"\xff", b"x"]}
    ]
