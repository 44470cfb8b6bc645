"""HIMPORT as a table: arguments to words, replies to values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.hash_import import HashImport
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, HashImport[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("HIMPORT PREPARE user name age", text.himport_prepare("user", "name", b"age")),
    ("HIMPORT SET user:1 user Ada 36", text.himport_set("user:1", "user", "Ada", 36)),
    ("HIMPORT DISCARD user", text.himport_discard("user")),
    ("HIMPORT DISCARDALL", text.himport_discard_all()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.himport_prepare("user", "name"), b"+OK\r\n", True),
    (text.himport_set("user:1", "user", "Ada"), b"+OK\r\n", True),
    (text.himport_discard("user"), b":1\r\n", True),
    (text.himport_discard("user"), b":0\r\n", False),
    (text.himport_discard_all(), b":2\r\n", 2),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


def test_replies_of_no_known_shape() -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(text.himport_prepare("user", "name"), b":1\r\n")


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (
        DataTypeError,
        "HIMPORT PREPARE: fields has a list in a list",
        lambda: unchecked(text.himport_prepare)("user", [["name"]]),
    ),
    (
        DataTypeError,
        "HIMPORT: values[1] is None",
        lambda: unchecked(text.himport_set)("user:1", "user", "Ada", None),
    ),
    (DataValueError, "HIMPORT PREPARE: fields is empty", lambda: text.himport_prepare("user")),
    (DataValueError, "HIMPORT SET: values is empty", lambda: text.himport_set("user:1", "user")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
