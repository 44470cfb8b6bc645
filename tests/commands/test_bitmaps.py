"""Bitmaps as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.command import Blueprint, Command
from anyredis.commands.bitmaps import BitField, Bitmaps, Overflow
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Bitmaps[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

START = BitField().set("u8", 0, 200)

SENT: list[tuple[str, Command[object]]] = [
    ("BITCOUNT k", text.bitcount("k")),
    ("BITCOUNT k 0 -1", text.bitcount("k", 0, -1)),
    ("BITCOUNT k 0 -1 BIT", text.bitcount("k", 0, -1, mode="bit")),
    ("BITFIELD k GET u8 0", text.bitfield("k", BitField().get("u8", 0))),
    ("BITFIELD k SET u8 0 200 GET i64 #3", text.bitfield("k", START.get("i64", "#3"))),
    ("BITFIELD k SET u8 0 200 INCRBY u63 9 -1", text.bitfield("k", START.incrby("u63", 9, -1))),
    (
        "BITFIELD k OVERFLOW SAT INCRBY i4 0 7 INCRBY i4 4 7 OVERFLOW WRAP SET i4 8 1 GET i4 0",
        text.bitfield(
            "k",
            BitField()
            .incrby("i4", 0, 7, overflow="SAT")
            .incrby("i4", 4, 7, overflow="SAT")
            .set("i4", 8, 1)
            .get("i4", 0),
        ),
    ),
    (
        "BITFIELD k OVERFLOW FAIL SET u1 0 1",
        text.bitfield("k", BitField().set("u1", 0, 1, overflow="FAIL")),
    ),
    ("BITFIELD_RO k GET u8 0", text.bitfield_ro("k", "u8", 0)),
    (
        "BITFIELD_RO k GET u8 0 GET i5 #1 GET u1 7",
        text.bitfield_ro("k", "u8", 0, [("i5", "#1"), ("u1", 7)]),
    ),
    ("BITOP AND d a b", text.bitop("and", "d", "a", "b")),
    ("BITOP NOT d a", text.bitop("NOT", "d", ["a"])),
    ("BITOP ANDOR d a b c", text.bitop("ANDOR", "d", ["a", "b"], "c")),
    ("BITOP ONE d a", text.bitop("ONE", "d", "a")),
    ("BITPOS k 1", text.bitpos("k", 1)),
    ("BITPOS k 0 2", text.bitpos("k", 0, 2)),
    ("BITPOS k 1 0 -1", text.bitpos("k", 1, 0, -1)),
    ("BITPOS k 1 7 15 BIT", text.bitpos("k", 1, 7, 15, mode="BIT")),
    ("GETBIT k 7", text.getbit("k", 7)),
    ("SETBIT k 7 1", text.setbit("k", 7, 1)),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.bitcount("k"), b":26\r\n", 26),
    (text.bitfield("k", START), b"*3\r\n:0\r\n$-1\r\n:-5\r\n", [0, None, -5]),
    (text.bitfield("k", START), b"*2\r\n_\r\n:7\r\n", [None, 7]),
    (text.bitfield_ro("k", "u8", 0), b"*1\r\n:255\r\n", [255]),
    (text.bitop("AND", "d", "a"), b":6\r\n", 6),
    (text.bitpos("k", 1), b":-1\r\n", -1),
    (text.getbit("k", 7), b":1\r\n", 1),
    (text.setbit("k", 7, 1), b":0\r\n", 0),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.bitcount("k"), b"$1\r\n1\r\n"),
    (text.bitfield("k", START), b":1\r\n"),
    (text.bitfield_ro("k", "u8", 0), b"*1\r\n_\r\n"),
    (text.getbit("k", 7), b":2\r\n"),
    (text.setbit("k", 7, 1), b"+OK\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "BITCOUNT: start and end", lambda: text.bitcount("k", 0)),
    (DataValueError, "BITCOUNT: start and end", lambda: text.bitcount("k", end=0)),
    (DataValueError, "BITCOUNT: mode is about", lambda: text.bitcount("k", mode="BIT")),
    (
        DataValueError,
        "BITCOUNT: mode is 'x'",
        lambda: unchecked(text.bitcount)("k", 0, 1, mode="x"),
    ),
    (DataTypeError, "BITFIELD: operations is 'GET'", lambda: unchecked(text.bitfield)("k", "GET")),
    (DataTypeError, "'operations'", lambda: unchecked(text.bitfield)("k")),
    (DataValueError, "BITFIELD: operations is empty", lambda: text.bitfield("k", BitField())),
    (DataValueError, "get: encoding is 'u64'", lambda: BitField().get("u64", 0)),
    (DataValueError, "get: encoding is 'i65'", lambda: BitField().get("i65", 0)),
    (DataValueError, "get: encoding is 'u0'", lambda: BitField().get("u0", 0)),
    (DataValueError, "get: encoding is 'u٣'", lambda: BitField().get("u٣", 0)),
    (DataValueError, "set: encoding is ''", lambda: BitField().set("", 0, 0)),
    (DataValueError, "get: offset is -1", lambda: BitField().get("u8", -1)),
    (DataValueError, "get: offset is '#'", lambda: BitField().get("u8", "#")),
    (DataValueError, "get: offset is '7'", lambda: BitField().get("u8", "7")),
    (DataTypeError, "get: offset is 1.0", lambda: unchecked(BitField().get)("u8", 1.0)),
    (DataTypeError, "BITFIELD: value is True", lambda: BitField().set("u8", 0, True)),
    (
        DataTypeError,
        "BITFIELD: increment is 1.5",
        lambda: unchecked(BitField().incrby)("u8", 0, 1.5),
    ),
    (
        DataValueError,
        "BITFIELD: overflow is 'STOP'",
        lambda: unchecked(BitField().set)("u8", 0, 0, overflow="STOP"),
    ),
    (DataTypeError, "BITFIELD_RO: items has", lambda: unchecked(text.bitfield_ro)("k", "u8", 0, 3)),
    (
        DataTypeError,
        "BITFIELD_RO: items has a str",
        lambda: unchecked(text.bitfield_ro)("k", "u8", 0, ["u8"]),
    ),
    (DataValueError, "BITOP: operation is 'NAND'", lambda: unchecked(text.bitop)("NAND", "d", "a")),
    (DataValueError, "BITOP: keys is empty", lambda: text.bitop("AND", "d")),
    (
        DataValueError,
        "BITOP: NOT is about one key, not 2",
        lambda: text.bitop("NOT", "d", "a", "b"),
    ),
    (DataValueError, "BITOP: DIFF needs at least two", lambda: text.bitop("DIFF", "d", "a")),
    (DataValueError, "BITPOS: bit is 2", lambda: text.bitpos("k", 2)),
    (DataValueError, "BITPOS: end needs a start", lambda: text.bitpos("k", 1, end=3)),
    (DataValueError, "BITPOS: mode is about", lambda: text.bitpos("k", 1, 0, mode="BIT")),
    (DataValueError, "GETBIT: offset is -1", lambda: text.getbit("k", -1)),
    (DataValueError, "SETBIT: offset is -1", lambda: text.setbit("k", -1, 1)),
    (DataValueError, "SETBIT: value is 2", lambda: text.setbit("k", 0, 2)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)


def test_a_common_start() -> None:
    """A chain is never changed, so several may go on from it."""
    start = BitField().set("u8", 0, 1, overflow="FAIL")
    longer = start.get("u8", 0)
    assert start.words == (b"OVERFLOW", b"FAIL", b"SET", "u8", 0, 1)
    assert longer.words == (*start.words, b"GET", "u8", 0)
    assert repr(longer) == "<BitField 'OVERFLOW FAIL SET u8 0 1 GET u8 0'>"


OVERFLOWS: list[Overflow] = ["WRAP", "SAT", "FAIL"]


@given(st.lists(st.sampled_from(OVERFLOWS), min_size=1, max_size=8))
def test_each_operation_has_its_own_overflow(overflows: list[Overflow]) -> None:
    """The word that counts for an operation, as a server reads them, is the one that it was given."""
    chain = BitField()
    for overflow in overflows:
        chain = chain.incrby("u8", 0, 1, overflow=overflow)
    current, seen = "WRAP", list[str]()
    sent = iter(words(text.bitfield("k", chain))[2:])
    for word in sent:
        if word == "OVERFLOW":
            current = next(sent)
        elif word == "INCRBY":
            seen.append(current)
    assert seen == overflows
