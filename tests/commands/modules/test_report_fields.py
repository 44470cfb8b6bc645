"""Tests of `anyredis.commands.modules.report_fields`."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.report_fields import fields_of, results
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
