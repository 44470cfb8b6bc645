"""The changes of a cluster as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.cluster_admin import ClusterAdmin
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, ClusterAdmin[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()
SECOND = datetime.timedelta(seconds=1)

SENT: list[tuple[str, Command[object]]] = [
    ("CLUSTER ADDSLOTS 1 2", text.cluster_addslots(1, 2)),
    ("CLUSTER ADDSLOTS 1 2 3", text.cluster_addslots(range(1, 3), 3)),
    ("CLUSTER ADDSLOTSRANGE 0 5 7 9", text.cluster_addslotsrange((0, 5), (7, 9))),
    ("CLUSTER BUMPEPOCH", text.cluster_bumpepoch()),
    ("CLUSTER CANCELSLOTMIGRATIONS", text.cluster_cancelslotmigrations()),
    ("CLUSTER DELSLOTS 1", text.cluster_delslots(1)),
    ("CLUSTER DELSLOTSRANGE 0 5", text.cluster_delslotsrange((0, 5))),
    ("CLUSTER FAILOVER", text.cluster_failover()),
    ("CLUSTER FAILOVER TAKEOVER", text.cluster_failover(option="TAKEOVER")),
    ("CLUSTER FLUSHSLOT 5", text.cluster_flushslot(5)),
    ("CLUSTER FLUSHSLOT 5 ASYNC", text.cluster_flushslot(5, asynchronous=True)),
    ("CLUSTER FLUSHSLOT 5 SYNC", text.cluster_flushslot(5, asynchronous=False)),
    ("CLUSTER FLUSHSLOTS", text.cluster_flushslots()),
    ("CLUSTER FORGET id", text.cluster_forget("id")),
    ("CLUSTER GETSLOTMIGRATIONS", text.cluster_getslotmigrations()),
    ("CLUSTER MEET 10.0.0.1 6379", text.cluster_meet("10.0.0.1", 6379)),
    ("CLUSTER MEET 10.0.0.1 6379 7000", text.cluster_meet("10.0.0.1", 6379, bus_port=7000)),
    (
        "CLUSTER MIGRATESLOTS SLOTSRANGE 0 5 7 9 NODE a SLOTSRANGE 6 6 NODE b",
        text.cluster_migrateslots({"a": [(0, 5), (7, 9)], "b": [(6, 6)]}),
    ),
    ("CLUSTER MIGRATION CANCEL ALL", text.cluster_migration_cancel()),
    ("CLUSTER MIGRATION CANCEL ID t", text.cluster_migration_cancel("t")),
    ("CLUSTER MIGRATION IMPORT 0 5 7 9", text.cluster_migration_import((0, 5), (7, 9))),
    ("CLUSTER MIGRATION STATUS ALL", text.cluster_migration_status()),
    ("CLUSTER MIGRATION STATUS ID t", text.cluster_migration_status("t")),
    ("CLUSTER REPLICATE id", text.cluster_replicate("id")),
    ("CLUSTER REPLICATE NO ONE", text.cluster_replicate_no_one()),
    ("CLUSTER RESET SOFT", text.cluster_reset()),
    ("CLUSTER RESET HARD", text.cluster_reset(soft=False)),
    ("CLUSTER SAVECONFIG", text.cluster_saveconfig()),
    ("CLUSTER SET-CONFIG-EPOCH 7", text.cluster_set_config_epoch(7)),
    ("CLUSTER SETSLOT 5 IMPORTING id", text.cluster_setslot(5, importing="id")),
    ("CLUSTER SETSLOT 5 MIGRATING id", text.cluster_setslot(5, migrating="id")),
    ("CLUSTER SETSLOT 5 NODE id", text.cluster_setslot(5, node="id")),
    ("CLUSTER SETSLOT 5 STABLE", text.cluster_setslot(5, stable=True)),
    (
        "CLUSTER SETSLOT 5 NODE id TIMEOUT 1000",
        text.cluster_setslot(5, node="id", timeout=SECOND),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


OK = b"+OK\r\n"
TASK2 = b"*1\r\n*4\r\n$2\r\nid\r\n$1\r\nt\r\n$7\r\nretries\r\n:3\r\n"
TASK3 = b"*1\r\n%2\r\n$2\r\nid\r\n$1\r\nt\r\n$7\r\nretries\r\n:3\r\n"

READ: list[tuple[Command[object], bytes, object]] = [
    (text.cluster_addslots(1), OK, True),
    (text.cluster_addslotsrange((0, 5)), OK, True),
    (text.cluster_bumpepoch(), b"+BUMPED 5\r\n", (True, 5)),
    (text.cluster_bumpepoch(), b"+STILL 5\r\n", (False, 5)),
    (text.cluster_cancelslotmigrations(), OK, True),
    (text.cluster_delslots(1), OK, True),
    (text.cluster_delslotsrange((0, 5)), OK, True),
    (text.cluster_failover(), OK, True),
    (text.cluster_flushslot(5), OK, True),
    (text.cluster_flushslots(), OK, True),
    (text.cluster_forget("id"), OK, True),
    (text.cluster_getslotmigrations(), TASK2, [{"id": "t", "retries": 3}]),
    (text.cluster_getslotmigrations(), TASK3, [{"id": "t", "retries": 3}]),
    (text.cluster_meet("10.0.0.1", 6379), OK, True),
    (text.cluster_migrateslots({"a": [(0, 5)]}), OK, True),
    (text.cluster_migration_cancel(), b":2\r\n", 2),
    (text.cluster_migration_import((0, 5)), b"$1\r\nt\r\n", "t"),
    (text.cluster_migration_status(), TASK2, [{"id": "t", "retries": 3}]),
    (text.cluster_migration_status(), TASK3, [{"id": "t", "retries": 3}]),
    (text.cluster_replicate("id"), OK, True),
    (text.cluster_replicate_no_one(), OK, True),
    (text.cluster_reset(), OK, True),
    (text.cluster_saveconfig(), OK, True),
    (text.cluster_set_config_epoch(7), OK, True),
    (text.cluster_setslot(5, stable=True), OK, True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    result = parsed(command, raw)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (text.cluster_addslots(1), b":1\r\n"),
    (text.cluster_bumpepoch(), b"+OK\r\n"),
    (text.cluster_bumpepoch(), b"+BUMPED x\r\n"),
    (text.cluster_getslotmigrations(), b"*1\r\n:1\r\n"),
    (text.cluster_migration_cancel(), OK),
    (text.cluster_migration_import((0, 5)), b":1\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


span = unchecked(text.cluster_addslotsrange)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "CLUSTER ADDSLOTS: slots is empty", text.cluster_addslots),
    (DataValueError, "CLUSTER ADDSLOTS: slot is 16384", lambda: text.cluster_addslots(16384)),
    (DataTypeError, "slots[1] is '2'", lambda: unchecked(text.cluster_addslots)(1, "2")),
    (DataTypeError, "slots[0] is 1.0", lambda: unchecked(text.cluster_delslots)(1.0)),
    (DataValueError, "CLUSTER ADDSLOTSRANGE: ranges is empty", text.cluster_addslotsrange),
    (DataTypeError, "ranges[0] is 0, which is no range", lambda: span(0, 5)),
    (DataTypeError, "is no range", lambda: span((0, 5, 7))),
    (DataTypeError, "a bound of", lambda: span((0, "5"))),
    (DataValueError, "slot is 16384", lambda: text.cluster_delslotsrange((0, 16384))),
    (DataValueError, "ends before it begins", lambda: text.cluster_migration_import((5, 0))),
    (DataValueError, "option is 'NOW'", lambda: unchecked(text.cluster_failover)(option="NOW")),
    (DataValueError, "migrations is empty", lambda: text.cluster_migrateslots({})),
    (DataTypeError, "migrations has to be", lambda: unchecked(text.cluster_migrateslots)([(0, 5)])),
    (DataValueError, "ranges is empty", lambda: text.cluster_migrateslots({"a": []})),
    (DataValueError, "give importing, migrating, node", lambda: text.cluster_setslot(5)),
    (
        DataValueError,
        "importing and stable exclude",
        lambda: text.cluster_setslot(5, importing="a", stable=True),
    ),
    (DataValueError, "slot is -1", lambda: text.cluster_setslot(-1, stable=True)),
    (DataValueError, "slot is 99999", lambda: text.cluster_flushslot(99999)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
