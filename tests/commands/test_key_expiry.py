"""Expiry of keys as a table: arguments in, words out; replies in, values out; mistakes in, errors out."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.key_expiry import KeyExpiry
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, KeyExpiry[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

MINUTE = datetime.timedelta(minutes=1)
MOMENT = datetime.datetime(2033, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)

SENT: list[tuple[str, Command[object]]] = [
    ("EXPIRE k 9", text.expire("k", 9)),
    ("EXPIRE k 60 NX", text.expire("k", MINUTE, nx=True)),
    ("EXPIRE k 9 XX GT", text.expire("k", 9, xx=True, gt=True)),
    ("EXPIRE k 9 LT", text.expire("k", 9, lt=True)),
    ("EXPIRE k 9 XX", text.expire("k", 9, xx=True)),
    ("EXPIREAT k 9", text.expireat("k", 9)),
    ("EXPIREAT k 2000000000 GT", text.expireat("k", MOMENT, gt=True)),
    ("EXPIRETIME k", text.expiretime("k")),
    ("PERSIST k", text.persist("k")),
    ("PEXPIRE k 9", text.pexpire("k", 9)),
    ("PEXPIRE k 60000 XX LT", text.pexpire("k", MINUTE, xx=True, lt=True)),
    ("PEXPIREAT k 9", text.pexpireat("k", 9)),
    ("PEXPIREAT k 2000000000000 NX", text.pexpireat("k", MOMENT, nx=True)),
    ("PEXPIRETIME k", text.pexpiretime("k")),
    ("PTTL k", text.pttl("k")),
    ("TTL k", text.ttl("k")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.expire("k", 1), b":1\r\n", True),
    (text.expireat("k", 1), b":0\r\n", False),
    (text.expiretime("k"), b":2000000000\r\n", 2_000_000_000),
    (text.persist("k"), b":0\r\n", False),
    (text.pexpire("k", 1), b":1\r\n", True),
    (text.pexpireat("k", 1), b":1\r\n", True),
    (text.pexpiretime("k"), b":-1\r\n", -1),
    (text.pttl("k"), b":-2\r\n", -2),
    (text.ttl("k"), b":60\r\n", 60),
]


@pytest.mark.parametrize("encoding", ["utf-8", None])
@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object, encoding: str | None) -> None:
    """A reply becomes this value, of this very type, whether the client decodes or not."""
    result = parsed(command, raw, encoding)
    assert result == value
    assert type(result) is type(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.ttl("k"), b"_\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


ODD = datetime.timedelta(milliseconds=1500)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "TTL: key is ['k']", lambda: unchecked(text.ttl)(["k"])),
    (DataValueError, "EXPIRE: nx and xx", lambda: text.expire("k", 1, nx=True, xx=True)),
    (DataValueError, "EXPIREAT: nx and gt", lambda: text.expireat("k", 1, nx=True, gt=True)),
    (DataValueError, "PEXPIRE: gt and lt", lambda: text.pexpire("k", 1, gt=True, lt=True)),
    (DataValueError, "PEXPIREAT: nx and lt", lambda: text.pexpireat("k", 1, nx=True, lt=True)),
    (DataValueError, "whole number of seconds", lambda: text.expire("k", ODD)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
