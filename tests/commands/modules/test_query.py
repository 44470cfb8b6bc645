"""Tests of `anyredis.commands.modules.query`: queries that are joined, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.search import (
    EVERYTHING,
    Query,
    all_of,
    any_of,
    geoshape,
    knn,
    number,
    tag,
    text,
    vector_range,
)
from tests.commands.modules.vectors import ONES
from tests.commands.tables import unchecked

RED = text("title", "red")
LAMP = tag("kind", "lamp")
CHEAP = number("price", at_most=20)

TEXTS: list[tuple[Query, str]] = [
    (RED & LAMP, "@title:(red) @kind:{lamp}"),
    (RED | LAMP, "@title:(red) | @kind:{lamp}"),
    (RED | LAMP & CHEAP, "@title:(red) | (@kind:{lamp} @price:[-inf 20])"),
    ((RED | LAMP) & CHEAP, "(@title:(red) | @kind:{lamp}) @price:[-inf 20]"),
    (~RED & LAMP, "(-@title:(red)) @kind:{lamp}"),
    (~(RED | LAMP), "-(@title:(red) | @kind:{lamp})"),
    (RED.optional() & LAMP, "(~@title:(red)) @kind:{lamp}"),
    (RED.with_attributes(weight=2.5), "@title:(red)=>{$weight: 2.5;}"),
    (RED.with_attributes(slop=1, inorder=True, phonetic=False) | LAMP,
     "(@title:(red)=>{$slop: 1; $inorder: true; $phonetic: false;}) | @kind:{lamp}"),
    (Query("@a:x | @b:y") & LAMP, "(@a:x | @b:y) @kind:{lamp}"),
    (all_of(), "*"),
    (all_of(EVERYTHING, RED), "@title:(red)"),
    (any_of(RED), "@title:(red)"),
    (any_of(RED, EVERYTHING), "*"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "written"), TEXTS)
def test_the_text_of_a_query(query: Query, written: str) -> None:
    """`str` gives what is sent."""
    assert str(query) == written


def test_parameters_are_joined() -> None:
    """A larger query has those of its parts; one vector may stand in two places."""
    shape = geoshape("area", "WITHIN", "POINT(1 1)")
    near_it = vector_range("v", [1, 1], 1)
    assert (shape & near_it).params == (("shape", "POINT(1 1)"), ("vector", ONES))
    assert (near_it | vector_range("w", ONES, 1)).params == (("vector", ONES),)
    assert knn("v", [1, 1], where=shape).params == (("shape", "POINT(1 1)"), ("vector", ONES))


def test_a_query_is_a_value() -> None:
    """It does not change, can be hashed, and two with the same text are equal."""
    assert {text("title", "red"), RED} == {RED}
    with pytest.raises(AttributeError, match="does not change"):
        RED.text = "x"  # type: ignore[misc]


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "a query is neither true nor false", lambda: RED and LAMP),
    (DataTypeError, "'x' is no query: write Query(text)", lambda: unchecked(all_of)(RED, "x")),
    (DataTypeError, "text is ' '", lambda: Query(" ")),
    (DataValueError, "~EVERYTHING matches nothing", lambda: ~EVERYTHING),
    (DataTypeError, "knn(…) is the whole query", lambda: knn("v", ONES) & RED),
    (DataValueError, "any_of: give at least one", any_of),
    (DataValueError, "two parts of the query have a parameter $vector",
     lambda: vector_range("v", [1], 1) & vector_range("v", [2], 1)),
    (DataValueError, "give at least one attribute", RED.with_attributes),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """What makes no query is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
