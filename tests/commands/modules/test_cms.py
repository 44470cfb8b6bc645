"""Count-min sketches as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Command
from anyredis.commands.modules.cms import BlueprintCountMinSketches, CountMinSketchInfo
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import parsed, unchecked, words

text: BlueprintCountMinSketches[str] = TextPlan().cms

SENT: list[tuple[str, Command[object]]] = [
    ("CMS.INCRBY k a 2", text.incrby("k", "a", 2)),
    ("CMS.INCRBY k a 2 b 0", text.incrby("k", ["a", "b"], [2, 0])),
    ("CMS.INCRBY k a 2 b 3", text.incrby("k", {"a": 2, "b": 3})),
    ("CMS.INFO k", text.info("k")),
    ("CMS.INITBYDIM k 100 5", text.initbydim("k", 100, 5)),
    ("CMS.INITBYPROB k 0.01 0.5", text.initbyprob("k", 0.01, 0.5)),
    ("CMS.MERGE d 2 a b", text.merge("d", ["a", "b"])),
    ("CMS.MERGE d 2 a b WEIGHTS 1 3", text.merge("d", ["a", "b"], weights=[1, 3])),
    ("CMS.MERGE d 1 a WEIGHTS 3", text.merge("d", {"a": 3})),
    ("CMS.QUERY k a", text.query("k", "a")),
    ("CMS.QUERY k a b 1", text.query("k", ["a", "b"], 1)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = b"$5\r\nwidth\r\n:100\r\n$5\r\ndepth\r\n:5\r\n$5\r\ncount\r\n:7\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.incrby("k", "a", 2), b"*1\r\n:2\r\n", [2]),
    (text.info("k"), b"*6\r\n" + FIELDS, CountMinSketchInfo(100, 5, 7)),
    (text.info("k"), b"%3\r\n" + FIELDS, CountMinSketchInfo(100, 5, 7)),
    (text.initbydim("k", 100, 5), b"+OK\r\n", True),
    (text.initbyprob("k", 0.1, 0.1), b"+OK\r\n", True),
    (text.merge("d", "a"), b"+OK\r\n", True),
    (text.query("k", "a", "b"), b"*2\r\n:0\r\n:3\r\n", [0, 3]),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.incrby("k", "a", 2), b":2\r\n"),
    (text.info("k"), b"*2\r\n$5\r\nwidth\r\n:100\r\n"),
    (text.initbydim("k", 100, 5), b":1\r\n"),
    (text.query("k", "a"), b"*1\r\n+a\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "2 increments for 1 items", lambda: text.incrby("k", "a", [1, 2])),
    (DataValueError, "0 increments for 1 items", lambda: text.incrby("k", "a")),
    (DataValueError, "leave increments= out", lambda: text.incrby("k", {"a": 1}, 1)),
    (DataValueError, "the increment of 'a' is -1", lambda: text.incrby("k", {"a": -1})),
    (DataTypeError, "the increment of 'a' is 1.5", lambda: unchecked(text.incrby)("k", "a", [1.5])),
    (DataValueError, "width is -1", lambda: text.initbydim("k", -1, 5)),
    (DataValueError, "error is 1: give a number between", lambda: text.initbyprob("k", 1, 0.1)),
    (DataValueError, "probability is 0", lambda: text.initbyprob("k", 0.5, 0)),
    (DataTypeError, "sourcekeys[0] is 2", lambda: unchecked(text.merge)("d", [2, "a"])),
    (DataTypeError, "a weight is 1.5", lambda: text.merge("d", {"a": 1.5})),
    (DataValueError, "CMS.QUERY: items is empty", lambda: text.query("k")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
