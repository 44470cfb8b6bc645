"""Expiry of hash fields as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.hash_expiry import HashExpiry
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, HashExpiry[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, HashExpiry[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

MINUTE = datetime.timedelta(minutes=1)
MOMENT = datetime.datetime(2033, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)

SENT: list[tuple[str, Command[object]]] = [
    ("HEXPIRE h 60 FIELDS 2 a b", text.hexpire("h", 60, "a", b"b")),
    ("HEXPIRE h 60 FIELDS 1 a", text.hexpire("h", MINUTE, "a")),
    ("HEXPIRE h 60 NX FIELDS 1 a", text.hexpire("h", 60, "a", nx=True)),
    ("HEXPIREAT h 2000000000 FIELDS 1 a", text.hexpireat("h", MOMENT, "a")),
    ("HEXPIREAT h 9 XX FIELDS 1 a", text.hexpireat("h", 9, "a", xx=True)),
    ("HEXPIRETIME h FIELDS 2 a b", text.hexpiretime("h", "a", "b")),
    ("HGETDEL h FIELDS 2 a b", text.hgetdel("h", "a", "b")),
    ("HGETEX h FIELDS 2 a b", text.hgetex("h", "a", "b")),
    ("HGETEX h EX 60 FIELDS 1 a", text.hgetex("h", "a", ex=MINUTE)),
    ("HGETEX h PX 60000 FIELDS 1 a", text.hgetex("h", "a", px=MINUTE)),
    ("HGETEX h EXAT 2000000000 FIELDS 1 a", text.hgetex("h", "a", exat=MOMENT)),
    ("HGETEX h PXAT 9 FIELDS 1 a", text.hgetex("h", "a", pxat=9)),
    ("HGETEX h PERSIST FIELDS 1 a", text.hgetex("h", "a", persist=True)),
    ("HPERSIST h FIELDS 2 a b", text.hpersist("h", "a", "b")),
    ("HPEXPIRE h 60000 FIELDS 1 a", text.hpexpire("h", MINUTE, "a")),
    ("HPEXPIRE h 9 GT FIELDS 2 a b", text.hpexpire("h", 9, "a", "b", gt=True)),
    ("HPEXPIREAT h 2000000000000 FIELDS 1 a", text.hpexpireat("h", MOMENT, "a")),
    ("HPEXPIREAT h 9 LT FIELDS 1 a", text.hpexpireat("h", 9, "a", lt=True)),
    ("HPEXPIRETIME h FIELDS 1 a", text.hpexpiretime("h", "a")),
    ("HPTTL h FIELDS 1 a", text.hpttl("h", "a")),
    ("HSETEX h FIELDS 1 a 1", text.hsetex("h", "a", 1)),
    ("HSETEX h FIELDS 2 a 1 b 2", text.hsetex("h", mapping={"a": 1, "b": 2})),
    ("HSETEX h FIELDS 2 a 1 b 2", text.hsetex("h", "a", 1, mapping={"b": 2})),
    ("HSETEX h FNX EX 60 FIELDS 1 a 1", text.hsetex("h", "a", 1, fnx=True, ex=MINUTE)),
    ("HSETEX h FXX KEEPTTL FIELDS 1 a 1", text.hsetex("h", "a", 1, fxx=True, keepttl=True)),
    ("HSETEX h NX PX 9 FIELDS 1 a 1", text.hsetex("h", "a", 1, nx=True, px=9)),
    ("HSETEX h XX FNX EXAT 9 FIELDS 1 a 1", text.hsetex("h", "a", 1, xx=True, fnx=True, exat=9)),
    ("HSETEX h PXAT 9 FIELDS 1 a 1", text.hsetex("h", "a", 1, pxat=9)),
    ("HTTL h FIELDS 2 a b", text.httl("h", "a", "b")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


CODES = b"*5\r\n:-2\r\n:-1\r\n:0\r\n:1\r\n:2\r\n"
CODED = [-2, -1, 0, 1, 2]

READ: list[tuple[Command[object], bytes, object]] = [
    (text.hexpire("h", 1, "a"), CODES, CODED),
    (text.hexpireat("h", 1, "a"), CODES, CODED),
    (text.hexpiretime("h", "a"), b"*1\r\n:2000000000\r\n", [2_000_000_000]),
    (text.hgetdel("h", "a", "b"), b"*2\r\n$1\r\n1\r\n$-1\r\n", ["1", None]),
    (text.hgetdel("h", "a", "b"), b"*2\r\n_\r\n$1\r\n1\r\n", [None, "1"]),
    (text.hgetex("h", "a", "b"), b"*2\r\n$1\r\n1\r\n$-1\r\n", ["1", None]),
    (text.hgetex("h", "a", "b"), b"*2\r\n_\r\n$1\r\n1\r\n", [None, "1"]),
    (text.hpersist("h", "a"), CODES, CODED),
    (text.hpexpire("h", 1, "a"), CODES, CODED),
    (text.hpexpireat("h", 1, "a"), CODES, CODED),
    (text.hpexpiretime("h", "a"), b"*1\r\n:2000000000000\r\n", [2_000_000_000_000]),
    (text.hpttl("h", "a"), b"*2\r\n:60000\r\n:-1\r\n", [60_000, -1]),
    (text.hsetex("h", "a", 1), b":1\r\n", True),
    (text.hsetex("h", "a", 1, fnx=True), b":0\r\n", False),
    (text.httl("h", "a"), b"*2\r\n:60\r\n:-2\r\n", [60, -2]),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


READ_AS_BYTES: list[tuple[Command[object], bytes, object]] = [
    (binary.hgetdel("h", "a", "b"), b"*2\r\n$1\r\n\xff\r\n$-1\r\n", [b"\xff", None]),
    (binary.hgetex("h", "a", "b"), b"*2\r\n$1\r\n\xff\r\n_\r\n", [b"\xff", None]),
    (binary.hexpire("h", 1, "a"), CODES, CODED),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ_AS_BYTES)
def test_replies_undecoded(command: Command[object], raw: bytes, value: object) -> None:
    """On a client that does not decode, values are bytes."""
    assert parsed(command, raw, encoding=None) == value


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.hexpire("h", 1, "a"), b":1\r\n"),
    (text.hgetex("h", "a"), b"_\r\n"),
    (text.hpersist("h", "a"), b"*1\r\n$1\r\n1\r\n"),
    (text.hsetex("h", "a", 1), b"+OK\r\n"),
    (text.httl("h", "a"), b"*1\r\n_\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


ODD = datetime.timedelta(milliseconds=1500)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "HEXPIRE: key is None", lambda: unchecked(text.hexpire)(None, 1, "a")),
    (DataTypeError, "HEXPIRE: seconds is None", lambda: unchecked(text.hexpire)("h", None, "a")),
    (DataTypeError, "HTTL: fields has a list in", lambda: unchecked(text.httl)("h", [["a"]])),
    (DataTypeError, "HSETEX: value is None", lambda: text.hsetex("h", "a", ex=1)),
    (DataValueError, "HSETEX: nothing to store", lambda: text.hsetex("h", ex=1)),
    (DataValueError, "HEXPIRE: fields is empty", lambda: text.hexpire("h", 1)),
    (DataValueError, "HEXPIREAT: fields is empty", lambda: text.hexpireat("h", 1)),
    (DataValueError, "HEXPIRETIME: fields is empty", lambda: text.hexpiretime("h")),
    (DataValueError, "HGETDEL: fields is empty", lambda: text.hgetdel("h")),
    (DataValueError, "HGETEX: fields is empty", lambda: text.hgetex("h")),
    (DataValueError, "HPERSIST: fields is empty", lambda: text.hpersist("h")),
    (DataValueError, "HPEXPIRE: fields is empty", lambda: text.hpexpire("h", 1)),
    (DataValueError, "HPEXPIREAT: fields is empty", lambda: text.hpexpireat("h", 1)),
    (DataValueError, "HPEXPIRETIME: fields is empty", lambda: text.hpexpiretime("h")),
    (DataValueError, "HPTTL: fields is empty", lambda: text.hpttl("h")),
    (DataValueError, "HTTL: fields is empty", lambda: text.httl("h")),
    (DataValueError, "HEXPIRE: xx and gt", lambda: text.hexpire("h", 1, "a", xx=True, gt=True)),
    (DataValueError, "HEXPIREAT: nx and lt", lambda: text.hexpireat("h", 1, "a", nx=True, lt=True)),
    (DataValueError, "HPEXPIRE: gt and lt", lambda: text.hpexpire("h", 1, "a", gt=True, lt=True)),
    (
        DataValueError,
        "HPEXPIREAT: nx and xx",
        lambda: text.hpexpireat("h", 1, "a", nx=True, xx=True),
    ),
    (DataValueError, "HGETEX: ex and persist", lambda: text.hgetex("h", "a", ex=1, persist=True)),
    (DataValueError, "HSETEX: nx and xx", lambda: text.hsetex("h", "a", 1, nx=True, xx=True)),
    (DataValueError, "HSETEX: fnx and fxx", lambda: text.hsetex("h", "a", 1, fnx=True, fxx=True)),
    (
        DataValueError,
        "HSETEX: px and keepttl",
        lambda: text.hsetex("h", "a", 1, px=1, keepttl=True),
    ),
    (DataValueError, "is not a whole number of seconds", lambda: text.hexpire("h", ODD, "a")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
