"""Aggregations as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from anyredis.command import Command
from anyredis.commands.cursors import CursorPage
from anyredis.commands.modules.ft import BlueprintSearch
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.search import (
    AggregateResult,
    Reducer,
    apply,
    desc,
    filter_by,
    group_by,
    limit,
    load,
    sort_by,
)
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.modules.search_replies import map_of
from tests.commands.tables import parsed, resp2, unchecked, words

text: BlueprintSearch[str] = TextPlan().ft
binary: BlueprintSearch[bytes] = BytesPlan().ft

NONE: list[object] = []

SENT: list[tuple[str, Command[object]]] = [
    ("FT.AGGREGATE i * DIALECT 2", text.aggregate("i", "*")),
    (("FT.AGGREGATE i * VERBATIM SCORER BM25 ADDSCORES TIMEOUT 10 LOAD 4 @a $.b AS b "
     "GROUPBY 1 @a REDUCE COUNT 0 AS n SORTBY 2 @n DESC MAX 5 APPLY @n*2 AS m FILTER @m>1 LIMIT 0 3 "
     "PARAMS 2 p 1 DIALECT 2"),
     text.aggregate("i", "*", load("a", ("$.b", "b")), group_by("a", Reducer.count("n")),
                    sort_by(desc("n"), max=5), apply("@n*2", "m"), filter_by("@m>1"), limit(0, 3),
                    verbatim=True, scorer="BM25", add_scores=True, timeout=10, params={"p": 1})),
    (("FT.AGGREGATE i * VERBATIM SCORER S ADDSCORES TIMEOUT 7 WITHCURSOR COUNT 5 MAXIDLE 2000 LOAD 1 @a "
     "PARAMS 2 p 1 DIALECT 2"),
     text.aggregate_cursor("i", "*", load("a"), count=5, max_idle=timedelta(seconds=2), verbatim=True,
                           scorer="S", add_scores=True, timeout=7, params={"p": 1})),
    ("FT.AGGREGATE i * WITHCURSOR DIALECT 2", text.aggregate_cursor("i", "*")),
    ("FT.CURSOR READ i 7", text.cursor_read("i", 7)),
    ("FT.CURSOR READ i 7 COUNT 2", text.cursor_read("i", 7, count=2)),
    ("FT.CURSOR DEL i 7", text.cursor_del("i", 7)),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.aggregate("i", "x"), resp2([1, ["t", "red", "l", ["a", "b"]], NONE]),
     AggregateResult([{"t": "red", "l": ["a", "b"]}, {}])),
    (text.aggregate("i", "x"), map_of({"extra_attributes": {"t": None, "l": ["a"]}}, warning=["W"]),
     AggregateResult([{"t": None, "l": ["a"]}], ["W"])),
    (binary.aggregate("i", "x"), resp2([1, ["t", "red"]]), AggregateResult([{b"t": b"red"}])),
    (text.aggregate_cursor("i", "x"), resp2([[1, ["t", "red"]], 7]),
     CursorPage([{"t": "red"}], 7, [])),
    (text.aggregate_cursor("i", "x"),
     b"*2\r\n" + map_of({"extra_attributes": {"t": "red"}}, warning=["W"]) + b":7\r\n",
     CursorPage([{"t": "red"}], 7, ["W"])),
    (text.cursor_read("i", 7), resp2([[0], 0]), CursorPage([], 0, [])),
    (text.cursor_read("i", 7), b"*2\r\n" + map_of() + b":0\r\n", CursorPage([], 0, [])),
    (text.cursor_del("i", 7), b"+OK\r\n", True),
]  # fmt: skip


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type, in both protocols."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.aggregate("i", "x"), resp2(NONE)),
    (text.aggregate("i", "x"), resp2([1, "t"])),
    (text.aggregate("i", "x"), resp2([1, ["t", 5]])),
    (text.aggregate("i", "x"), resp2([1, [5, "t"]])),
    (text.aggregate("i", "x"), map_of({"id": "x"})),
    (text.cursor_read("i", 7), resp2([[0]])),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "steps has 'load', which is no step", lambda: unchecked(text.aggregate)("i", "*", "load")),
    (DataValueError, "count is -1", lambda: text.aggregate_cursor("i", "*", count=-1)),
    (DataValueError, "cursor is -1", lambda: text.cursor_read("i", -1)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
