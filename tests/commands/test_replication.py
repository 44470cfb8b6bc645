"""Replication as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.replication import ReplicationCommands
from anyredis.exceptions import DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, ReplicationCommands[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("FAILOVER", text.failover()),
    ("FAILOVER TO h 6379", text.failover(to=("h", 6379))),
    (
        "FAILOVER TO h 6379 FORCE TIMEOUT 500",
        text.failover(to=("h", 6379), force=True, timeout=500),
    ),
    ("FAILOVER ABORT", text.failover_abort()),
    ("REPLICAOF h 6379", text.replicaof("h", 6379)),
    ("REPLICAOF h 6379", text.replicaof("h", "6379")),
    ("REPLICAOF NO ONE", text.replicaof("NO", "ONE")),
    ("REPLICAOF NO ONE", text.replicaof_no_one()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.failover(), b"+OK\r\n", True),
    (text.failover_abort(), b"+OK\r\n", True),
    (text.replicaof("h", 1), b"+OK\r\n", True),
    (text.replicaof("h", 1), b"+OK Already connected to specified master\r\n", True),
    (text.replicaof_no_one(), b"+OK\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.failover(), b":1\r\n"),
    (text.replicaof("h", 1), b":1\r\n"),
    (text.replicaof_no_one(), b"+NO\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "to is 'h:1': give (host, port)", lambda: unchecked(text.failover)(to="h:1")),
    (DataValueError, "force needs to and timeout", lambda: text.failover(force=True)),
    (
        DataValueError,
        "force needs to and timeout",
        lambda: text.failover(to=("h", 1), force=True),
    ),
    (DataValueError, "write replicaof_no_one()", lambda: text.replicaof("h", "ONE")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
