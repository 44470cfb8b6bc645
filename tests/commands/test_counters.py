"""Counters as a table: arguments in, words out; replies in, values out; mistakes in, errors out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.counters import Counters
from anyredis.exceptions import DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, words


class Text(Blueprint, Counters[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Counters[bytes]):
    """Commands of a client that does not decode."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("DECRBY k 1", text.decr("k")),
    ("DECRBY k 5", text.decr("k", 5)),
    ("DECRBY k 5", text.decrby("k", 5)),
    ("DECRBY k 1", text.decrby("k")),
    ("INCRBY k 1", text.incr("k")),
    ("INCRBY k 5", text.incr("k", 5)),
    ("INCRBY k 5", text.incrby("k", 5)),
    ("INCRBY k 1", text.incrby("k")),
    ("INCRBYFLOAT k 0.5", text.incrbyfloat("k", 0.5)),
    ("INCRBYFLOAT k 1.0", text.incrbyfloat("k")),
    ("INCREX k BYINT 1", text.increx("k")),
    (
        "INCREX k BYINT 2 SATURATE LBOUND -9 UBOUND 9 EX 60 ENX",
        text.increx("k", 2, saturate=True, lbound=-9, ubound=9, ex=60, enx=True),
    ),
    ("INCREX k BYINT 1 PERSIST", text.increx("k", persist=True)),
    ("INCREX k BYFLOAT 0.5", text.increx_float("k", 0.5)),
    (
        "INCREX k BYFLOAT 0.5 SATURATE LBOUND 0.0 UBOUND 1.5 PXAT 7 ENX",
        text.increx_float("k", 0.5, saturate=True, lbound=0.0, ubound=1.5, pxat=7, enx=True),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.decr("k"), b":-1\r\n", -1),
    (text.decrby("k", 1), b":-1\r\n", -1),
    (text.incr("k"), b":1\r\n", 1),
    (text.incrby("k", 1), b":9223372036854775807\r\n", 2**63 - 1),
    (text.incrbyfloat("k", 0.5), b"$3\r\n0.5\r\n", 0.5),
    (text.incrbyfloat("k", 0.5), b",0.5\r\n", 0.5),
    (text.increx("k"), b"*2\r\n:7\r\n:1\r\n", (7, 1)),
    (text.increx_float("k", 1), b"*2\r\n$3\r\n1.5\r\n$1\r\n1\r\n", (1.5, 1.0)),
    (text.increx_float("k", 1), b"*2\r\n,1.5\r\n,1\r\n", (1.5, 1.0)),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.incrbyfloat("k", 0.5), b"$3\r\n0.5\r\n", 0.5),
    (binary.increx_float("k", 1), b"*2\r\n$3\r\n1.5\r\n$1\r\n1\r\n", (1.5, 1.0)),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """Numbers are the same on a client that does not decode."""
    result = parsed(command, raw, encoding=None)
    assert result == value
    assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.incr("k"), b"_\r\n"),
    (text.incrbyfloat("k", 1), b"+many\r\n"),
    (text.increx("k"), b"*1\r\n:1\r\n"),
    (text.increx_float("k", 1), b"*2\r\n:1\r\n_\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "INCREX: ex and px", lambda: text.increx("k", ex=1, px=1)),
    (DataValueError, "INCREX: lbound=2 is above", lambda: text.increx("k", lbound=2, ubound=1)),
    (DataValueError, "INCREX: enx is without", lambda: text.increx("k", enx=True)),
    (
        DataValueError,
        "INCREX: enx is without",
        lambda: text.increx_float("k", 1, enx=True, persist=True),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
