"""Tests of `anyredis.commands.modules.search_params`: queries, parameters, classes of redis-py."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
import pytest
import redis.commands.search.aggregation as their_aggregation
import redis.commands.search.query as their_query
from redis.commands.search.hybrid_query import HybridQuery, HybridSearchQuery, HybridVsimQuery

from anyredis.commands.modules.search_params import parameter, params_words, query_words
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.search import knn, text
from tests.commands.modules.plans import TextPlan
from tests.commands.modules.vectors import ONES
from tests.commands.tables import unchecked

plan = TextPlan().ft


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a", "a"),
        (5, 5),
        (1.5, 1.5),
        (b"abc", b"abc"),
        (memoryview(b"abc"), b"abc"),
        ([1, 1], ONES),
        ((1.0, 1.0), ONES),
        (array("f", [1, 1]), ONES),
        (np.ones(2), ONES),
    ],
)
def test_parameters(value: object, sent: object) -> None:
    """Scalars are sent as they are, numbers in a list or an array as one vector."""
    assert parameter("p", value) == sent


def test_the_last_words() -> None:
    """The parameters of the query come before those of the call, then the dialect."""
    query = knn("v", [1, 1])
    assert query_words("C", query, {"n": 1}, 3) == (
        str(query),
        (b"PARAMS", 4, "vector", ONES, "n", 1, b"DIALECT", 3),
    )
    assert query_words("C", text("t", "x"), None, None) == ("@t:(x)", ())
    assert query_words("C", b"x", {}, None) == (b"x", ())


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "p is None: give text", lambda: parameter("p", None)),
    (DataTypeError, "p is True: give text", lambda: parameter("p", True)),
    (DataTypeError, "p is a dict: give numbers", lambda: parameter("p", {})),
    (DataTypeError, "C: params is 5", lambda: unchecked(params_words)("C", (), 5)),
    (DataTypeError, "C: params: 1 is no name", lambda: unchecked(params_words)("C", (), {1: "a"})),
    (DataValueError, "the query has a value for 'vector' already",
     lambda: query_words("C", knn("v", [1]), {"vector": [2]}, None)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """What cannot be sent is refused, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)


def hybrid_query() -> object:
    """A hybrid query of redis-py."""
    return HybridQuery(HybridSearchQuery("x"), HybridVsimQuery("@v", ONES))


THEIRS: list[tuple[str, Callable[[], object]]] = [
    ("write search(index, text, limit=(0, 10)",
     lambda: unchecked(plan.search)("i", their_query.Query("x").paging(0, 10))),
    ("write aggregate(index, query, load(…)",
     lambda: unchecked(plan.aggregate)("i", their_aggregation.AggregateRequest("*"))),
    ("write cursor_read(index, cursor)",
     lambda: unchecked(plan.aggregate)("i", their_aggregation.Cursor(5))),
    ("write hybrid(index, query, VectorQuery(field, vector))",
     lambda: unchecked(plan.hybrid)("i", hybrid_query(), ONES)),
    ("a SortbyField of redis.commands.search.query is not taken here",
     lambda: unchecked(plan.search)("i", "x", sortby=their_query.SortbyField("a"))),
    ("a NumericFilter of redis.commands.search.query is not taken here",
     lambda: unchecked(plan.search)("i", "x", filters=[their_query.NumericFilter("a", 1, 2)])),
    ("a Query of redis.commands.search.query is not taken",
     lambda: unchecked(plan.profile)(their_query.Query("x"))),
    ("a Query of redis.commands.search.query is not taken",
     lambda: unchecked(plan.explain)("i", their_query.Query("x"))),
]  # fmt: skip


@pytest.mark.parametrize(("advice", "call"), THEIRS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_classes_of_redis_py(advice: str, call: Callable[[], object]) -> None:
    """They are refused, with what to write instead."""
    with pytest.raises(DataTypeError) as refused:
        call()
    assert advice in str(refused.value)
