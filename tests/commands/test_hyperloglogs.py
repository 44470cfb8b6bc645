"""HyperLogLogs as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.hyperloglogs import HyperLogLogs
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, HyperLogLogs[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("PFADD k", text.pfadd("k")),
    ("PFADD k a 1 2.5", text.pfadd("k", "a", 1, 2.5)),
    ("PFADD k a b c", text.pfadd("k", ["a", "b"], b"c")),
    ("PFCOUNT k", text.pfcount("k")),
    ("PFCOUNT a b c", text.pfcount(["a", "b"], "c")),
    ("PFMERGE d", text.pfmerge("d")),
    ("PFMERGE d a b", text.pfmerge("d", "a", "b")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.pfadd("k", "a"), b":1\r\n", True),
    (text.pfadd("k", "a"), b":0\r\n", False),
    (text.pfcount("k"), b":12345\r\n", 12_345),
    (text.pfmerge("d"), b"+OK\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.pfadd("k", "a"), b":2\r\n"),
    (text.pfcount("k"), b"$1\r\n1\r\n"),
    (text.pfmerge("d"), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "PFADD: elements is empty", lambda: text.pfadd("k", [])),
    (DataTypeError, "PFADD: elements is a mapping", lambda: unchecked(text.pfadd)("k", {"a": 1})),
    (DataValueError, "PFCOUNT: keys is empty", text.pfcount),
    (DataTypeError, "PFCOUNT: keys[0] is 1", lambda: unchecked(text.pfcount)(1, "a")),
    (DataValueError, "PFMERGE: sourcekeys is empty", lambda: text.pfmerge("d", [])),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
