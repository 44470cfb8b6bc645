"""Modules as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.module_loading import LoadedModule, ModuleLoading
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, ModuleLoading[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("MODULE LIST", text.module_list()),
    ("MODULE LOAD p.so", text.module_load("p.so")),
    ("MODULE LOAD p.so a b", text.module_load("p.so", "a", "b")),
    ("MODULE LOADEX p.so", text.module_loadex("p.so")),
    (
        "MODULE LOADEX p.so CONFIG x 1 CONFIG y 2 ARGS a b",
        text.module_loadex("p.so", args=["a", "b"], config={"x": 1, "y": 2}),
    ),
    ("MODULE UNLOAD m", text.module_unload("m")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


FIELDS = b"$4\r\nname\r\n$1\r\nm\r\n$3\r\nver\r\n:7\r\n"
MORE = b"$4\r\npath\r\n$1\r\np\r\n$4\r\nargs\r\n*1\r\n$1\r\na\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.module_list(), b"*1\r\n*4\r\n" + FIELDS, [LoadedModule("m", 7, None, [])]),
    (text.module_list(), b"*1\r\n*8\r\n" + FIELDS + MORE, [LoadedModule("m", 7, "p", ["a"])]),
    (text.module_list(), b"*1\r\n%4\r\n" + FIELDS + MORE, [LoadedModule("m", 7, "p", ["a"])]),
    (text.module_load("p.so"), b"+OK\r\n", True),
    (text.module_loadex("p.so"), b"+OK\r\n", True),
    (text.module_unload("m"), b"+OK\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.module_list(), b"*1\r\n*2\r\n$4\r\nname\r\n$1\r\nm\r\n"),
    (text.module_load("p.so"), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "MODULE LOAD: args is empty", lambda: text.module_load("p.so", [])),
    (
        DataTypeError,
        "config has to be a mapping",
        lambda: unchecked(text.module_loadex)("p.so", config=[("x", 1)]),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
