"""Tests of `anyredis.commands.modules.query_builder`: the text of queries, and what they refuse."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
import pytest

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.search import (
    Query,
    fuzzy,
    geoshape,
    infix,
    knn,
    missing,
    near,
    number,
    phrase,
    prefix,
    suffix,
    tag,
    tag_prefix,
    text,
    vector_range,
    wildcard,
)
from tests.commands.modules.vectors import ONES
from tests.commands.tables import unchecked

RED = text("title", "red")
LAMP = tag("kind", "lamp")

TEXTS: list[tuple[Query, str]] = [
    (text("title", "red lamp"), "@title:(red lamp)"),
    (text("title", "red lamp", any_word=True), "@title:(red | lamp)"),
    (text(["title", "body"], "red"), "@title|body:(red)"),
    (text(None, "red -lamp"), "(red lamp)"),
    (phrase("title", 'a "red" lamp'), '@title:"a red lamp"'),
    (prefix("title", "lam"), "@title:(lam*)"),
    (suffix("title", "amp"), "@title:(*amp)"),
    (infix("title", "am"), "@title:(*am*)"),
    (fuzzy("title", "lamp"), "@title:(%lamp%)"),
    (fuzzy("title", "lamp", 3), "@title:(%%%lamp%%%)"),
    (wildcard("title", "l?m*"), "@title:(w'l?m*')"),
    (tag("kind", "a b", "c|d"), "@kind:{a\\ b|c\\|d}"),
    (tag("kind", ["a", "b"]), "@kind:{a|b}"),
    (tag_prefix("kind", "la}"), "@kind:{la\\}*}"),
    (number("price"), "@price:[-inf +inf]"),
    (number("price", equal=5), "@price:[5 5]"),
    (number("price", at_least=1.5, below=20), "@price:[1.5 (20]"),
    (number("price", above=0, at_most=9), "@price:[(0 9]"),
    (near("place", 1, 2.5, 3), "@place:[1 2.5 3 m]"),
    (near("place", 1, 2, 3, "km"), "@place:[1 2 3 km]"),
    (geoshape("area", "WITHIN", "POINT(1 1)"), "@area:[WITHIN $shape]"),
    (missing("title"), "ismissing(@title)"),
    (knn("v", ONES), "*=>[KNN 10 @v $vector]"),
    (knn("v", ONES, 3, where=LAMP, score_as="d", ef_runtime=20, param="q"),
     "(@kind:{lamp})=>[KNN 3 @v $q EF_RUNTIME 20 AS d]"),
    (knn("v", ONES, where=RED | LAMP), "(@title:(red) | @kind:{lamp})=>[KNN 10 @v $vector]"),
    (vector_range("v", ONES, 0.5), "@v:[VECTOR_RANGE 0.5 $vector]"),
    (vector_range("v", ONES, 1, score_as="d", epsilon=0.1) & LAMP,
     "(@v:[VECTOR_RANGE 1 $vector]=>{$YIELD_DISTANCE_AS: d; $EPSILON: 0.1;}) @kind:{lamp}"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "written"), TEXTS)
def test_the_text_of_a_query(query: Query, written: str) -> None:
    """`str` gives what is sent."""
    assert str(query) == written


@pytest.mark.parametrize("vector", [[1, 1], array("f", [1, 1]), array("d", [1, 1]),
                                    np.ones(2), np.ones(2, np.float32), ONES, bytearray(ONES)])  # fmt: skip
def test_vectors(vector: list[float]) -> None:
    """Numbers become floats of 32 bits, bytes are sent as they are."""
    assert knn("v", vector).params == (("vector", ONES),)
    assert vector_range("v", vector, 1, param="q").params == (("q", ONES),)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "knn: where has a parameter $vector",
     lambda: knn("v", [1], where=vector_range("v", [2], 1))),
    (DataValueError, "text: field is empty", lambda: text([], "x")),
    (DataValueError, "fuzzy: distance is 4", lambda: fuzzy("title", "x", 4)),
    (DataValueError, "tag: values is empty", lambda: tag("kind")),
    (DataTypeError, "tag: 5 is no text and no collection", lambda: unchecked(tag)("kind", 5)),
    (DataValueError, "equal excludes the other bounds", lambda: number("n", equal=1, below=2)),
    (DataValueError, "at_least and above exclude each other", lambda: number("n", at_least=1, above=2)),
    (DataValueError, "number: below is NaN", lambda: number("n", below=float("nan"))),
    (DataValueError, "unit is 'miles'", lambda: unchecked(near)("p", 1, 2, 3, "miles")),
    (DataValueError, "relation is 'IN'", lambda: unchecked(geoshape)("p", "IN", "POINT(1 1)")),
    (DataValueError, "param is 'a b'", lambda: geoshape("p", "WITHIN", "POINT(1 1)", param="a b")),
    (DataValueError, "knn: score_as is 'a-b'", lambda: knn("v", ONES, score_as="a-b")),
    (DataTypeError, "knn: vector is 'abc'", lambda: unchecked(knn)("v", "abc")),
    (DataValueError, "knn: vector holds NaN", lambda: knn("v", [float("nan")])),
    (DataValueError, "knn: k is -1", lambda: knn("v", ONES, -1)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """What makes no query is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
