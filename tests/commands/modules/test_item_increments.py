"""Tests of `anyredis.commands.modules.item_increments`."""

from __future__ import annotations

import pytest

from anyredis.commands.modules.item_increments import item_increments
from anyredis.exceptions import DataTypeError, DataValueError


def test_items_and_increments_in_turn() -> None:
    """One item, a list of items, or a mapping."""
    assert item_increments("X", "a", 2) == ("a", 2)
    assert item_increments("X", ["a", 1], [2, 0]) == ("a", 2, 1, 0)
    assert item_increments("X", {b"a": 2}, None) == (b"a", 2)


def test_each_item_has_a_whole_increment() -> None:
    """Anything else is refused, naming the item."""
    with pytest.raises(DataValueError, match="X: 1 increments for 2 items"):
        item_increments("X", ["a", "b"], 1)
    with pytest.raises(DataValueError, match="leave increments= out"):
        item_increments("X", {"a": 1}, [1])
    with pytest.raises(DataTypeError, match=r"X: the increment of 'b' is True \(bool\)"):
        item_increments("X", {"a": 1, "b": True}, None)
    with pytest.raises(DataValueError, match="items is empty"):
        item_increments("X", {}, None)
