"""Tests of `anyredis.commands.several`: keys and values one by one, as collections, or both."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from anyredis.commands.several import (
    all_fields,
    all_keys,
    all_values,
    is_empty_list,
    keys_of,
    optional_values,
    weighted,
)
from anyredis.exceptions import DataError, DataTypeError, DataValueError
from tests.commands.tables import unchecked

FLAT: list[tuple[tuple[Any, ...], tuple[object, ...]]] = [
    (("a",), ("a",)),
    (("a", b"b"), ("a", b"b")),
    ((["a", "b"],), ("a", "b")),
    ((["a", "b"], "c"), ("a", "b", "c")),
    (("a", ["b"], ("c", "d")), ("a", "b", "c", "d")),
    ((("a", "b"), []), ("a", "b")),
    ((deque(["a"]), {"b"}, frozenset(("c",))), ("a", "b", "c")),
    (({"a": 1, "b": 2}.keys(),), ("a", "b")),
    ((bytearray(b"ab"), memoryview(b"cd")), (b"ab", b"cd")),
    (([bytearray(b"ab")],), (b"ab",)),
    ((["ab"],), ("ab",)),
]


@pytest.mark.parametrize(("given", "flat"), FLAT)
@pytest.mark.parametrize("flattened", [all_keys, all_fields, all_values])
def test_one_by_one_as_collections_or_both(
    flattened: Callable[..., object], given: tuple[Any, ...], flat: tuple[object, ...]
) -> None:
    """Collections are flattened by one level; text and bytes are one value."""
    assert flattened("DEL", "keys", given) == flat


def test_plain_arguments_are_not_copied() -> None:
    """The most common case is a check of the types alone."""
    keys: tuple[Any, ...] = ("a", b"b")
    values: tuple[Any, ...] = ("a", 1, 2.5)
    assert all_keys("DEL", "keys", keys) is keys
    assert all_values("SADD", "values", values) is values
    assert all_fields("HDEL", "fields", values) is values


REFUSED: list[tuple[tuple[Any, ...], type[DataError], str]] = [
    ((), DataValueError, "X: keys is empty: give at least one"),
    (([],), DataValueError, "X: keys is empty"),
    (([], ()), DataValueError, "X: keys is empty"),
    (({"a": 1},), DataTypeError, r"X: keys is a mapping \(dict\): give a list"),
    ((MappingProxyType({"a": 1}),), DataTypeError, "X: keys is a mapping"),
    (("a", {}), DataTypeError, "X: keys is a mapping"),
    (([["a"]],), DataTypeError, "X: keys has a list in a list: give one flat list"),
    ((["a", ("b",)],), DataTypeError, "X: keys has a tuple in a list"),
    (([{"a": 1}],), DataTypeError, "X: keys has a dict in a list"),
    ((iter(["a"]),), DataTypeError, "X: keys is a list_iterator, which can be read only once"),
    (((key for key in "ab"),), DataTypeError, r"X: keys is a generator.*: give list\(\.\.\.\)"),
    ((map(str, (1, 2)),), DataTypeError, "X: keys is a map, which can be read only once"),
]


@pytest.mark.parametrize(("given", "error", "message"), REFUSED)
@pytest.mark.parametrize("flattened", [all_keys, all_fields, all_values])
def test_what_would_be_a_guess(
    flattened: Callable[..., object], given: tuple[Any, ...], error: type[DataError], message: str
) -> None:
    """Nothing, a mapping, a nested collection and an iterator are refused, with the remedy."""
    with pytest.raises(error, match=f"^{message}"):
        flattened("X", "keys", given)


@pytest.mark.parametrize("given", [(5,), ("a", 5), (["a", 5],), ("a", 2.5)], ids=repr)
def test_numbers_are_no_keys(given: tuple[Any, ...]) -> None:
    """A number among keys may be a timeout or their number; among fields and values it is one."""
    with pytest.raises(DataTypeError, match=r"X: keys\[\d\] is .*: numbers are no keys here"):
        all_keys("X", "keys", given)
    assert all_fields("X", "fields", given)[-1] == all_values("X", "values", given)[-1]


def test_arguments_that_may_be_left_out() -> None:
    """No argument is allowed, an empty list is not: it is more likely a mistake than a wish."""
    assert optional_values("INFO", "sections", ()) == ()
    assert optional_values("INFO", "sections", (["a"],)) == ("a",)
    with pytest.raises(DataValueError, match="INFO: sections is empty"):
        optional_values("INFO", "sections", ([],))


def test_one_key_or_one_collection() -> None:
    """A parameter that something follows takes a key or a collection of keys."""
    assert keys_of("BLPOP", "ab") == ("ab",)
    assert keys_of("BLPOP", ["a", "b"]) == ("a", "b")
    with pytest.raises(DataTypeError, match=r"LMPOP: keys\[0\] is 2 .*the number of keys is left"):
        unchecked(keys_of)("LMPOP", 2)


def test_weights() -> None:
    """They come from a mapping or in the order of a list of keys, one for each key."""
    assert weighted("ZUNION", "a", None) == (1, "a")
    assert weighted("ZUNION", {"a": 1, "b": 2.5}, None) == (2, "a", "b", b"WEIGHTS", 1, 2.5)
    assert weighted("ZUNION", ["a", "b"], (1, 2)) == (2, "a", "b", b"WEIGHTS", 1, 2)


WRONG_WEIGHTS: list[tuple[Any, Any, str]] = [
    ({"a": 1}, [1], "keys is a mapping with weights: leave weights= out"),
    ({"a", "b"}, [1, 2], "a set has no order: give keys and their weights as a mapping"),
    (["a", "b"], [1], "1 weights for 2 keys: give one for each"),
    (["a"], [], "0 weights for 1 keys"),
    ({}, None, "keys is empty"),
]


@pytest.mark.parametrize(("keys", "weights", "message"), WRONG_WEIGHTS)
def test_wrong_weights(keys: Any, weights: Any, message: str) -> None:
    """Two sources of weights, an order that nobody knows, and a wrong number are refused."""
    with pytest.raises(DataError, match=f"ZUNION: {message}"):
        weighted("ZUNION", keys, weights)


def test_one_empty_list() -> None:
    """It is an empty collection alone, neither no argument nor an empty text or mapping."""
    assert is_empty_list(([],))
    assert is_empty_list(((),))
    assert is_empty_list((set[str](),))
    other: list[tuple[object, ...]] = [(), ("",), (b"",), ({},), (["a"],), ([], []), (iter(()),)]
    assert [given for given in other if is_empty_list(given)] == []
