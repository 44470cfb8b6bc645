"""Tests of `anyredis.commands.modules.aggregate_steps`: the words of steps, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.commands.modules.aggregate_steps import property_name, step_words
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.search import (
    Reducer,
    Step,
    apply,
    asc,
    desc,
    filter_by,
    group_by,
    limit,
    load,
    load_all,
    sort_by,
)
from tests.commands.tables import unchecked

WORDS: list[tuple[Step, str]] = [
    (load("a", "@b", "$.c"), "LOAD 3 @a @b $.c"),
    (load(("$.c", "c"), ("a", "b")), "LOAD 6 $.c AS c @a AS b"),
    (load_all(), "LOAD *"),
    (group_by("a"), "GROUPBY 1 @a"),
    (group_by([]), "GROUPBY 0"),
    (group_by(["a", "@b"], Reducer.count()), "GROUPBY 2 @a @b REDUCE COUNT 0"),
    (sort_by("a"), "SORTBY 2 @a ASC"),
    (sort_by(desc("a"), asc("@b"), max=5), "SORTBY 4 @a DESC @b ASC MAX 5"),
    (apply("@a+1", "b"), "APPLY @a+1 AS b"),
    (filter_by("@a>1"), "FILTER @a>1"),
    (limit(2, 3), "LIMIT 2 3"),
]

REDUCERS: list[tuple[Reducer, str]] = [
    (Reducer.count("n"), "REDUCE COUNT 0 AS n"),
    (Reducer.count_distinct("a"), "REDUCE COUNT_DISTINCT 1 @a"),
    (Reducer.count_distinctish("a", "n"), "REDUCE COUNT_DISTINCTISH 1 @a AS n"),
    (Reducer.sum("@a", "n"), "REDUCE SUM 1 @a AS n"),
    (Reducer.min("a"), "REDUCE MIN 1 @a"),
    (Reducer.max("a"), "REDUCE MAX 1 @a"),
    (Reducer.avg("a"), "REDUCE AVG 1 @a"),
    (Reducer.stddev("a"), "REDUCE STDDEV 1 @a"),
    (Reducer.quantile("a", 0.5, "m"), "REDUCE QUANTILE 2 @a 0.5 AS m"),
    (Reducer.tolist("a"), "REDUCE TOLIST 1 @a"),
    (Reducer.first_value("a"), "REDUCE FIRST_VALUE 1 @a"),
    (Reducer.first_value("a", desc("b"), "f"), "REDUCE FIRST_VALUE 4 @a BY @b DESC AS f"),
    (Reducer.first_value("a", "b"), "REDUCE FIRST_VALUE 4 @a BY @b ASC"),
    (Reducer.random_sample("a", 9), "REDUCE RANDOM_SAMPLE 2 @a 9"),
    (Reducer("HLL", "@a", as_="h"), "REDUCE HLL 1 @a AS h"),
]


def shown(words: tuple[object, ...]) -> str:
    """The words as one text."""
    return " ".join(each.decode() if isinstance(each, bytes) else str(each) for each in words)


@pytest.mark.parametrize(("step", "words"), WORDS)
def test_steps(step: Step, words: str) -> None:
    """A step becomes these words."""
    assert shown(step.words) == words


@pytest.mark.parametrize(("reducer", "words"), REDUCERS)
def test_reducers(reducer: Reducer, words: str) -> None:
    """A reducer becomes these words."""
    assert shown(reducer.words) == words
    assert shown(group_by("k", reducer).words) == f"GROUPBY 1 @k {words}"


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "a field is ''", lambda: property_name("")),
    (DataTypeError, "a field is 5", lambda: unchecked(property_name)(5)),
    (DataValueError, "load: fields is empty", load),
    (DataTypeError, "load: 5: give a name, or a pair", lambda: unchecked(load)(5)),
    (DataTypeError, "group_by: fields is 5", lambda: unchecked(group_by)(5)),
    (DataTypeError, "group_by: 'count' is no reducer", lambda: unchecked(group_by)("a", "count")),
    (DataValueError, "sort_by: orders is empty", sort_by),
    (DataValueError, "sort_by: max is -1", lambda: sort_by("a", max=-1)),
    (DataTypeError, "the field to sort by is 5", lambda: unchecked(sort_by)(5)),
    (DataTypeError, "apply: '' is no text", lambda: apply("", "a")),
    (DataTypeError, "filter_by: None is no text", lambda: unchecked(filter_by)(None)),
    (DataValueError, "limit: limit[0] is -1", lambda: limit(-1, 5)),
    (DataValueError, "quantile is 2: give 0 to 1", lambda: Reducer.quantile("a", 2)),
    (DataValueError, "size is -1", lambda: Reducer.random_sample("a", -1)),
    (DataTypeError, "Reducer: name and as_ are texts", lambda: unchecked(Reducer)("SUM", as_=5)),
    (
        DataTypeError,
        "C: steps has 'x', which is no step",
        lambda: unchecked(step_words)("C", ["x"]),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad step is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
