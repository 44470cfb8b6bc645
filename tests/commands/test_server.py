"""The commands on a server as a whole: words, replies and mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.server import ServerCommands
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.server_reports import (
    PrimaryRole,
    ReplicaRole,
    ReplicaState,
    SentinelRole,
    SlowlogEntry,
)
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, ServerCommands[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, ServerCommands[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

SENT: list[tuple[str, Command[object]]] = [
    ("CONFIG GET *", text.config_get()),
    ("CONFIG GET a b*", text.config_get("a", "b*")),
    ("CONFIG RESETSTAT", text.config_resetstat()),
    ("CONFIG REWRITE", text.config_rewrite()),
    ("CONFIG SET a 1", text.config_set("a", 1)),
    ("CONFIG SET a 1 b yes", text.config_set("a", 1, "b", "yes")),
    ("DBSIZE", text.dbsize()),
    ("FLUSHALL", text.flushall()),
    ("FLUSHALL ASYNC", text.flushall(asynchronous=True)),
    ("FLUSHALL SYNC", text.flushall(asynchronous=False)),
    ("FLUSHDB", text.flushdb()),
    ("FLUSHDB ASYNC", text.flushdb(asynchronous=True)),
    ("INFO", text.info()),
    ("INFO server memory", text.info("server", "memory")),
    ("LOLWUT", text.lolwut()),
    ("LOLWUT VERSION 5 1 2 3", text.lolwut(5, 1, 2, 3)),
    ("MEMORY DOCTOR", text.memory_doctor()),
    ("MEMORY MALLOC-STATS", text.memory_malloc_stats()),
    ("MEMORY PURGE", text.memory_purge()),
    ("MEMORY STATS", text.memory_stats()),
    ("MEMORY USAGE k", text.memory_usage("k")),
    ("MEMORY USAGE k SAMPLES 0", text.memory_usage("k", samples=0)),
    ("ROLE", text.role()),
    ("SLOWLOG GET", text.slowlog_get()),
    ("SLOWLOG GET 0", text.slowlog_get(0)),
    ("SLOWLOG LEN", text.slowlog_len()),
    ("SLOWLOG RESET", text.slowlog_reset()),
    ("SWAPDB 0 1", text.swapdb(0, 1)),
    ("TIME", text.time()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


def bulk(body: bytes) -> bytes:
    """A RESP2 string."""
    return b"$%d\r\n%s\r\n" % (len(body), body)


def verbatim(body: bytes) -> bytes:
    """A RESP3 verbatim string."""
    return b"=%d\r\ntxt:%s\r\n" % (len(body) + 4, body)


INFO = b"# Server\r\nredis_version:7.2.4\r\n# Keyspace\r\ndb0:keys=3,expires=0\r\n"
KNOWN = {"redis_version": "7.2.4", "db0": {"keys": 3, "expires": 0}}

STATS2 = (
    b"*6\r\n$4\r\npeak\r\n:9\r\n$4\r\ndb.0\r\n*2\r\n$4\r\nmain\r\n:1\r\n$5\r\nratio\r\n$1\r\n1\r\n"
)
STATS3 = b"%3\r\n$4\r\npeak\r\n:9\r\n$4\r\ndb.0\r\n%1\r\n$4\r\nmain\r\n:1\r\n$5\r\nratio\r\n,1\r\n"
STATS = {"peak": 9, "db.0": {"main": 1}, "ratio": 1.0}

SLOW = (
    b"*1\r\n*6\r\n:7\r\n:1700000000\r\n:15\r\n*2\r\n$3\r\nGET\r\n$2\r\n\xc3.\r\n"
    b"$11\r\n127.0.0.1:5\r\n$2\r\nme\r\n"
)
SLOW_NEWER = SLOW.replace(b"*6", b"*7") + b":2\r\n"
ENTRY = SlowlogEntry(7, 1_700_000_000, 15, [b"GET", b"\xc3."], "127.0.0.1:5", "me")

PRIMARY = b"*3\r\n$6\r\nmaster\r\n:14\r\n*1\r\n*3\r\n$8\r\n10.0.0.2\r\n$4\r\n6380\r\n$2\r\n14\r\n"
REPLICA = b"*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:14\r\n"
SENTINEL = b"*2\r\n$8\r\nsentinel\r\n*1\r\n$8\r\nmymaster\r\n"

# Read the same whether the client decodes or not.
READ: list[tuple[Command[object], bytes, object]] = [
    (text.config_get("a"), b"*2\r\n$1\r\na\r\n$1\r\n1\r\n", {"a": "1"}),
    (text.config_get("a"), b"%1\r\n$1\r\na\r\n$1\r\n1\r\n", {"a": "1"}),
    (text.config_get("a"), b"*0\r\n", {}),
    (text.config_resetstat(), b"+OK\r\n", True),
    (text.config_rewrite(), b"+OK\r\n", True),
    (text.config_set("a", 1), b"+OK\r\n", True),
    (text.dbsize(), b":3\r\n", 3),
    (text.flushall(), b"+OK\r\n", True),
    (text.flushdb(), b"+OK\r\n", True),
    (text.info(), bulk(INFO), KNOWN),
    (text.info(), verbatim(INFO), KNOWN),
    (text.info(), bulk(b"config_file:/\xff"), {"config_file": "/\N{REPLACEMENT CHARACTER}"}),
    (text.lolwut(), verbatim("⠀ Redis ver. 8".encode()), "⠀ Redis ver. 8"),
    (text.memory_doctor(), bulk(b"Hi Sam"), "Hi Sam"),
    (text.memory_malloc_stats(), verbatim(b"none"), "none"),
    (text.memory_purge(), b"+OK\r\n", True),
    (text.memory_stats(), STATS2, STATS),
    (text.memory_stats(), STATS3, STATS),
    (text.memory_usage("k"), b":56\r\n", 56),
    (text.memory_usage("k"), b"_\r\n", None),
    (text.memory_usage("k"), b"$-1\r\n", None),
    (text.role(), PRIMARY, PrimaryRole("master", 14, [ReplicaState("10.0.0.2", 6380, 14)])),
    (text.role(), REPLICA, ReplicaRole("slave", "10.0.0.1", 6379, "connected", 14)),
    (text.role(), SENTINEL, SentinelRole("sentinel", ["mymaster"])),
    (text.slowlog_get(), SLOW, [ENTRY]),
    (text.slowlog_get(), SLOW_NEWER, [ENTRY]),
    (text.slowlog_get(), b"*0\r\n", []),
    (text.slowlog_len(), b":0\r\n", 0),
    (text.slowlog_reset(), b"+OK\r\n", True),
    (text.swapdb(0, 1), b"+OK\r\n", True),
    (text.time(), b"*2\r\n$10\r\n1700000000\r\n$6\r\n000017\r\n", (1_700_000_000, 17)),
]


@pytest.mark.parametrize("encoding", ["utf-8", None])
@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object, encoding: str | None) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type, decoding or not."""
    result = parsed(command, raw, encoding)
    assert result == value
    assert repr(result) == repr(value)


UNDECODABLE: list[tuple[Command[object], bytes]] = [
    (text.config_get(), b"*1\r\n$1\r\na\r\n"),
    (text.config_get(), b"%1\r\n$1\r\na\r\n_\r\n"),
    (text.info(), b"*0\r\n"),
    (text.lolwut(), b"_\r\n"),
    (text.memory_stats(), b"+OK\r\n"),
    (text.memory_stats(), b"%1\r\n$4\r\npeak\r\n_\r\n"),
    (text.memory_stats(), b"%1\r\n$4\r\npeak\r\n$4\r\nhigh\r\n"),
    (text.memory_usage("k"), b"+OK\r\n"),
    (text.role(), b"*0\r\n"),
    (text.role(), b"*1\r\n$6\r\nmaster\r\n"),
    (text.role(), b"*2\r\n$6\r\nprince\r\n:1\r\n"),
    (text.role(), PRIMARY.replace(b"6380", b"port")),
    (text.slowlog_get(), b"+OK\r\n"),
    (text.slowlog_get(), b"*1\r\n*1\r\n:1\r\n"),
    (text.time(), b"*1\r\n$1\r\n1\r\n"),
    (text.time(), b"*2\r\n$3\r\nnow\r\n$1\r\n1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), UNDECODABLE)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "CONFIG: value is True", lambda: unchecked(text.config_set)("a", value=True)),
    (DataTypeError, "CONFIG: patterns[1] is None", lambda: unchecked(text.config_get)("a", None)),
    (DataTypeError, "INFO: sections[1] is None", lambda: unchecked(text.info)(["a", None])),
    (DataTypeError, "SWAPDB: second is None", lambda: unchecked(text.swapdb)(0, None)),
    (DataValueError, "CONFIG SET: more has a name", lambda: text.config_set("a", 1, "b")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
