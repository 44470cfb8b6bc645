"""Scripts as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.scripting import Scripting
from anyredis.exceptions import DataTypeError, DataValueError, NoScriptError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Scripting[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Scripting[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SHA = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"

SENT: list[tuple[str, Command[object]]] = [
    ("EVAL x 0", text.eval("x", 0)),
    ("EVAL x 1 k", text.eval(b"x", 1, "k")),
    ("EVAL x 2 k l a 1 1.5", text.eval("x", 2, "k", b"l", "a", 1, 1.5)),
    ("EVAL x 0 a", text.eval("x", 0, "a")),
    ("EVAL_RO x 1 k a", text.eval_ro("x", 1, "k", "a")),
    (f"EVALSHA {SHA} 1 k a", text.evalsha(SHA, 1, "k", "a")),
    (f"EVALSHA_RO {SHA} 1 k a", text.evalsha_ro(SHA, 1, "k", "a")),
    (f"SCRIPT EXISTS {SHA} x", text.script_exists(SHA, "x")),
    (f"SCRIPT EXISTS {SHA} x", text.script_exists([SHA, b"x"])),
    ("SCRIPT FLUSH", text.script_flush()),
    ("SCRIPT FLUSH SYNC", text.script_flush("sync")),
    ("SCRIPT FLUSH ASYNC", text.script_flush(sync_type="ASYNC")),
    ("SCRIPT KILL", text.script_kill()),
    ("SCRIPT LOAD x", text.script_load("x")),
    (f"SCRIPT SHOW {SHA}", text.script_show(SHA)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


NESTED = b"*4\r\n:1\r\n$1\r\na\r\n$-1\r\n*1\r\n:2\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.eval("x", 0), b":7\r\n", 7),
    (text.evalsha(SHA, 0), b":7\r\n", 7),
    (text.eval_ro("x", 0), b"$-1\r\n", None),
    (text.evalsha_ro(SHA, 0), b"$-1\r\n", None),
    (text.eval("x", 0), b"_\r\n", None),
    (text.eval("x", 0), NESTED, [1, "a", None, [2]]),
    (text.eval("x", 0), b"%1\r\n$1\r\na\r\n#t\r\n", {"a": True}),
    (text.script_exists(SHA, "x"), b"*2\r\n:1\r\n:0\r\n", [True, False]),
    (text.script_flush(), b"+OK\r\n", True),
    (text.script_kill(), b"+OK\r\n", True),
    (text.script_load("x"), b"$2\r\nab\r\n", "ab"),
    (binary.script_load("x"), b"$2\r\nab\r\n", "ab"),
    (text.script_show(SHA), b"$2\r\nab\r\n", "ab"),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_values(command: Command[object], raw: bytes, value: object) -> None:
    """A reply becomes this value, in RESP2 and RESP3."""
    assert parsed(command, raw) == value


def test_bytes() -> None:
    """Text is bytes for a client that does not decode."""
    assert parsed(binary.eval("x", 0), NESTED, None) == [1, b"a", None, [2]]
    assert parsed(binary.script_show(SHA), b"$2\r\nab\r\n", None) == b"ab"
    assert parsed(binary.script_load("x"), b"$2\r\nab\r\n", None) == "ab"


def test_an_error_of_the_server() -> None:
    """A server that does not have the script says so by an error of its own class."""
    with pytest.raises(NoScriptError):
        parsed(text.evalsha(SHA, 0), b"-NOSCRIPT No matching script.\r\n")


UNEXPECTED: list[tuple[Command[object], bytes]] = [
    (text.script_exists(SHA), b":1\r\n"),
    (text.script_exists(SHA), b"*1\r\n:2\r\n"),
    (text.script_flush(), b":1\r\n"),
    (text.script_kill(), b"$-1\r\n"),
    (text.script_load("x"), b":1\r\n"),
    (text.script_show(SHA), b"$-1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNEXPECTED)
def test_other_replies(command: Command[object], raw: bytes) -> None:
    """A reply of another shape is a `ProtocolError`, never a value."""
    with pytest.raises(ProtocolError):
        parsed(command, raw)


TOO_MANY = "numkeys is 2, with 1 keys and arguments after it"

WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: text.eval("x", 2, "k"), DataValueError, f"EVAL: {TOO_MANY}"),
    (lambda: text.eval_ro("x", 2, "k"), DataValueError, f"EVAL_RO: {TOO_MANY}"),
    (lambda: text.evalsha(SHA, 2, "k"), DataValueError, f"EVALSHA: {TOO_MANY}"),
    (lambda: text.evalsha_ro(SHA, 2, "k"), DataValueError, f"EVALSHA_RO: {TOO_MANY}"),
    (lambda: text.eval("x", -1, "k"), DataValueError, "numkeys is -1"),
    (lambda: unchecked(text.eval)("x", "1", "k"), DataTypeError, "numkeys is '1'"),
    (lambda: unchecked(text.eval)("x", ["k"]), DataTypeError, "numkeys is"),
    (lambda: unchecked(text.eval)("x", 1, ["k"]), DataTypeError, "EVAL: keys_and_args"),
    (lambda: unchecked(text.eval)("x", 0, None), DataTypeError, "leave it out"),
    (lambda: unchecked(text.eval)("x"), DataTypeError, "missing the argument 'numkeys'"),
    (text.script_exists, DataValueError, "sha1s is empty"),
    (lambda: unchecked(text.script_flush)("later"), DataValueError, "give SYNC or ASYNC"),
    (lambda: unchecked(text.script_load)(None), DataTypeError, "script is None"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_mistakes(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """A call that makes no sense is refused when it is made, in words that name the argument."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
