"""Tests of `anyredis.commands.modules.search_options`: what the options refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from anyredis.commands.modules.search_options import (
    counted,
    filter_words,
    limit_words,
    milliseconds_words,
    return_words,
    sort_words,
)
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.search import Highlight, SortOrder, Summarize, asc, desc
from tests.commands.tables import unchecked


def test_orders() -> None:
    """`asc` and `desc` are values, the `@` of a name is left out."""
    assert asc("@price") == SortOrder("price")
    assert desc("price") == SortOrder("price", descending=True)
    assert sort_words("C", asc("@price")) == (b"SORTBY", "price", b"ASC")
    assert sort_words("C", "@price") == (b"SORTBY", "price")


def test_nothing_for_none() -> None:
    """An option that is not given has no words."""
    assert (
        return_words("C", None)
        == sort_words("C", None)
        == limit_words("C", None)
        == filter_words("C", None)
        == counted("C", b"INKEYS", "inkeys", None)
        == milliseconds_words(b"TIMEOUT", "timeout", None)
        == ()
    )


def test_milliseconds() -> None:
    """A number is one of milliseconds, and a duration becomes one."""
    for value in (1500, timedelta(seconds=1.5)):
        assert milliseconds_words(b"TIMEOUT", "timeout", value) == (b"TIMEOUT", 1500)
    with pytest.raises(DataValueError, match="timeout is -1"):
        milliseconds_words(b"TIMEOUT", "timeout", -1)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "the field to sort by is ''", lambda: asc("")),
    (DataTypeError, "sortby is 5: give a name", lambda: unchecked(sort_words)("C", 5)),
    (DataTypeError, "Highlight: 5 is no field", lambda: unchecked(Highlight)(5)),
    (DataValueError, "Highlight: tags is '<b>'", lambda: unchecked(Highlight)(tags="<b>")),
    (DataTypeError, "Summarize: 5 is no field", lambda: unchecked(Summarize)(5)),
    (DataValueError, "Summarize: frags is -1", lambda: Summarize(frags=-1)),
    (DataTypeError, "return_fields is 'title': give a list", lambda: return_words("C", "title")),
    (DataTypeError, "C: ('a', 1): give a name, or a pair of texts",
     lambda: unchecked(return_words)("C", [("a", 1)])),
    (DataTypeError, "C: 5: give a name, or a pair", lambda: unchecked(return_words)("C", [5])),
    (DataValueError, "return_fields is empty: write nocontent=True", lambda: return_words("C", [])),
    (DataValueError, "inkeys is empty", lambda: counted("C", b"INKEYS", "inkeys", [])),
    (DataTypeError, "limit is 5: give (offset, count)", lambda: unchecked(limit_words)("C", 5)),
    (DataValueError, "limit[1] is -1", lambda: limit_words("C", (0, -1))),
    (DataTypeError, "filters has 'x': give number(", lambda: unchecked(filter_words)("C", ["x"])),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad option is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
