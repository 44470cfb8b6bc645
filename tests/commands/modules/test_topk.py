"""Top-k lists as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Command
from anyredis.commands.modules.topk import BlueprintTopKLists, TopKInfo
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import parsed, resp2, resp3, unchecked, words

text: BlueprintTopKLists[str] = TextPlan().topk

SENT: list[tuple[str, Command[object]]] = [
    ("TOPK.ADD k a b", text.add("k", "a", "b")),
    ("TOPK.COUNT k a", text.count("k", "a")),
    ("TOPK.INCRBY k a 2", text.incrby("k", "a", 2)),
    ("TOPK.INCRBY k a 2 b 3", text.incrby("k", {"a": 2, "b": 3})),
    ("TOPK.INFO k", text.info("k")),
    ("TOPK.LIST k", text.list("k")),
    ("TOPK.LIST k WITHCOUNT", text.list_with_counts("k")),
    ("TOPK.QUERY k a", text.query("k", ["a"])),
    ("TOPK.RESERVE k 3", text.reserve("k", 3)),
    ("TOPK.RESERVE k 3 50 4 0.9", text.reserve("k", 3, 50, 4, 0.9)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = {"k": 2, "width": 8, "depth": 7, "decay": 0.5}

READ: list[tuple[Command[object], bytes, object]] = [
    (text.add("k", "a"), b"*2\r\n$-1\r\n$1\r\nb\r\n", [None, "b"]),
    (text.count("k", "a"), b"*1\r\n:2\r\n", [2]),
    (text.incrby("k", "a", 2), b"*1\r\n_\r\n", [None]),
    (text.info("k"), resp2(FIELDS), TopKInfo(2, 8, 7, 0.5)),
    (text.info("k"), resp3(FIELDS), TopKInfo(2, 8, 7, 0.5)),
    (text.list("k"), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.list_with_counts("k"), b"*4\r\n$1\r\na\r\n:7\r\n$1\r\nb\r\n:6\r\n", [("a", 7), ("b", 6)]),
    (text.query("k", "a"), b"*2\r\n:1\r\n#f\r\n", [True, False]),
    (text.reserve("k", 3), b"+OK\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.add("k", "a"), b":2\r\n"),
    (text.info("k"), b"*2\r\n$1\r\nk\r\n:100\r\n"),
    (text.list_with_counts("k"), b"*1\r\n$1\r\na\r\n"),
    (text.query("k", "a"), b"*1\r\n:2\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "TOPK.ADD: items is empty", lambda: text.add("k")),
    (DataValueError, "TOPK.INCRBY: 0 increments", lambda: text.incrby("k", "a")),
    (DataValueError, "TOPK.RESERVE: k is 0", lambda: text.reserve("k", 0)),
    (DataValueError, "give width, depth and decay", lambda: text.reserve("k", 1, 2)),
    (DataValueError, "decay is 1.5", lambda: text.reserve("k", 1, 2, 3, 1.5)),
    (DataTypeError, "decay is 'x'", lambda: unchecked(text.reserve)("k", 1, 2, 3, "x")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
