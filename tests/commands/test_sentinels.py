"""SENTINEL as a table: arguments to words, replies to values."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import redis.commands.sentinel
from redis.asyncio.sentinel import Sentinel as TheirSentinel

from anyredis import Sentinel
from anyredis.command import Blueprint, Command
from anyredis.commands.sentinels import SentinelCommands
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from anyredis.reports.sentinel_reports import PrimaryDown, primary, replicas, sentinels
from tests.commands.tables import parsed, resp2, resp3, unchecked, words
from tests.reports.test_sentinel_reports import PRIMARY, REPLICA, SENTINEL


class Plan(SentinelCommands, Blueprint):
    """Commands as values."""

    read = TextReaders(str)


plan = Plan()

SENT: list[tuple[str, Command[object]]] = [
    ("SENTINEL CKQUORUM m", plan.sentinel_ckquorum("m")),
    ("SENTINEL CONFIG GET *", plan.sentinel_config_get()),
    ("SENTINEL CONFIG GET a* b", plan.sentinel_config_get("a*", "b")),
    ("SENTINEL CONFIG SET a b", plan.sentinel_config_set("a", "b")),
    ("SENTINEL CONFIG SET a b c 1", plan.sentinel_config_set("a", "b", "c", 1)),
    ("SENTINEL DEBUG", plan.sentinel_debug()),
    (
        "SENTINEL DEBUG info-period 5 ping-period 6",
        plan.sentinel_debug_set({"info-period": 5, "ping-period": 6}),
    ),
    ("SENTINEL FAILOVER m", plan.sentinel_failover("m")),
    ("SENTINEL FAILOVER m COORDINATED", plan.sentinel_failover("m", coordinated=True)),
    ("SENTINEL FLUSHCONFIG", plan.sentinel_flushconfig()),
    ("SENTINEL GET-MASTER-ADDR-BY-NAME m", plan.sentinel_get_master_addr_by_name("m")),
    ("SENTINEL INFO-CACHE m n", plan.sentinel_info_cache(["m", "n"])),
    ("SENTINEL IS-MASTER-DOWN-BY-ADDR h 1 0 *", plan.sentinel_is_master_down_by_addr("h", 1)),
    ("SENTINEL MASTER m", plan.sentinel_master("m")),
    ("SENTINEL MASTERS", plan.sentinel_masters()),
    ("SENTINEL MONITOR m h 6379 2", plan.sentinel_monitor("m", "h", 6379, 2)),
    ("SENTINEL MYID", plan.sentinel_myid()),
    ("SENTINEL PENDING-SCRIPTS", plan.sentinel_pending_scripts()),
    ("SENTINEL REMOVE m", plan.sentinel_remove("m")),
    ("SENTINEL REPLICAS m", plan.sentinel_replicas("m")),
    ("SENTINEL RESET m*", plan.sentinel_reset("m*")),
    ("SENTINEL SENTINELS m", plan.sentinel_sentinels("m")),
    ("SENTINEL SET m quorum 2", plan.sentinel_set("m", "quorum", 2)),
    (
        "SENTINEL SET m quorum 2 parallel-syncs 1",
        plan.sentinel_set("m", "quorum", 2, "parallel-syncs", 1),
    ),
    (
        "SENTINEL SIMULATE-FAILURE CRASH-AFTER-ELECTION CRASH-AFTER-PROMOTION",
        plan.sentinel_simulate_failure("crash-after-election", "crash-after-promotion"),
    ),
    ("SENTINEL SLAVES m", plan.sentinel_slaves("m")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (plan.sentinel_ckquorum("m"), b"+OK 3 usable Sentinels. Quorum can be reached\r\n", True),
    (plan.sentinel_config_get(), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", {"a": "b"}),
    (plan.sentinel_config_get(), b"%1\r\n$1\r\na\r\n$1\r\nb\r\n", {"a": "b"}),
    (plan.sentinel_config_set("a", "b"), b"+OK\r\n", True),
    (plan.sentinel_debug(), b"*2\r\n$1\r\nA\r\n$2\r\n50\r\n", {"A": 50}),
    (plan.sentinel_debug(), b"%1\r\n$1\r\nA\r\n$2\r\n50\r\n", {"A": 50}),
    (plan.sentinel_debug_set({"a": 1}), b"+OK\r\n", True),
    (plan.sentinel_failover("m"), b"+OK\r\n", True),
    (plan.sentinel_flushconfig(), b"+OK\r\n", True),
    (plan.sentinel_get_master_addr_by_name("m"), b"*2\r\n$1\r\nh\r\n$1\r\n7\r\n", ("h", 7)),
    (plan.sentinel_get_master_addr_by_name("m"), b"*-1\r\n", None),
    (plan.sentinel_get_master_addr_by_name("m"), b"_\r\n", None),
    (plan.sentinel_info_cache("m"), b"*2\r\n$1\r\nm\r\n*0\r\n", {"m": []}),
    (
        plan.sentinel_is_master_down_by_addr("h", 1),
        b"*3\r\n:1\r\n$1\r\n*\r\n:0\r\n",
        PrimaryDown(True, None, 0),
    ),
    (plan.sentinel_masters(), b"*0\r\n", {}),
    (plan.sentinel_monitor("m", "h", 1, 1), b"+OK\r\n", True),
    (plan.sentinel_myid(), b"$3\r\nabc\r\n", "abc"),
    (plan.sentinel_pending_scripts(), b"*0\r\n", []),
    (plan.sentinel_remove("m"), b"+OK\r\n", True),
    (plan.sentinel_replicas("m"), b"*0\r\n", []),
    (plan.sentinel_slaves("m"), b"*0\r\n", []),
    (plan.sentinel_reset("m"), b":2\r\n", 2),
    (plan.sentinel_sentinels("m"), b"*0\r\n", []),
    (plan.sentinel_set("m", "quorum", 2), b"+OK\r\n", True),
    (plan.sentinel_simulate_failure("crash-after-election"), b"+OK\r\n", True),
    (plan.sentinel_master("m"), resp2(PRIMARY), primary(PRIMARY)),
    (plan.sentinel_master("m"), resp3(PRIMARY), primary(PRIMARY)),
    (plan.sentinel_masters(), resp2([PRIMARY]), {"m": primary(PRIMARY)}),
    (plan.sentinel_masters(), resp3([PRIMARY]), {"m": primary(PRIMARY)}),
    (plan.sentinel_replicas("m"), resp2([REPLICA]), replicas([REPLICA])),
    (plan.sentinel_replicas("m"), resp3([REPLICA]), replicas([REPLICA])),
    (plan.sentinel_slaves("m"), resp2([REPLICA]), replicas([REPLICA])),
    (plan.sentinel_slaves("m"), resp3([REPLICA]), replicas([REPLICA])),
    (plan.sentinel_sentinels("m"), resp2([SENTINEL]), sentinels([SENTINEL])),
    (plan.sentinel_sentinels("m"), resp3([SENTINEL]), sentinels([SENTINEL])),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
@pytest.mark.parametrize("encoding", ["utf-8", None])
def test_replies(command: Command[object], raw: bytes, value: object, encoding: str | None) -> None:
    """A reply of RESP2 or RESP3, decoded or not, becomes this value, of this very type."""
    result = parsed(command, raw, encoding)
    assert result == value
    assert type(result) is type(value)


ODD: list[tuple[Command[object], bytes]] = [
    (plan.sentinel_ckquorum("m"), b"+NO\r\n"),
    (plan.sentinel_debug(), b"*2\r\n$1\r\nA\r\n$1\r\nx\r\n"),
    (plan.sentinel_get_master_addr_by_name("m"), b"*1\r\n$1\r\nh\r\n"),
    (plan.sentinel_master("m"), b"*-1\r\n"),
    (plan.sentinel_masters(), b"*1\r\n*0\r\n"),
    (plan.sentinel_reset("m"), b"+OK\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "SENTINEL MASTER: name is ''", lambda: plan.sentinel_master("")),
    (
        DataTypeError,
        "SENTINEL REPLICAS: name is None",
        lambda: unchecked(plan.sentinel_replicas)(None),
    ),
    (DataValueError, "port is 0: give 1 to 65535", lambda: plan.sentinel_monitor("m", "h", 0, 2)),
    (DataValueError, "quorum is 0: give 1 or more", lambda: plan.sentinel_monitor("m", "h", 1, 0)),
    (
        DataTypeError,
        "port is '6379'",
        lambda: unchecked(plan.sentinel_monitor)("m", "h", "6379", 2),
    ),
    (DataValueError, "ip is ''", lambda: plan.sentinel_is_master_down_by_addr("", 1)),
    (DataValueError, "more has an option without", lambda: plan.sentinel_set("m", "a", 1, "b")),
    (DataValueError, "more has a name without", lambda: plan.sentinel_config_set("a", 1, "b")),
    (DataValueError, "limits is empty", lambda: plan.sentinel_debug_set({})),
    (DataTypeError, "limits is [1]", lambda: unchecked(plan.sentinel_debug_set)([1])),
    (
        DataTypeError,
        "limits['a'] is 1.5",
        lambda: unchecked(plan.sentinel_debug_set)({"a": 1.5}),
    ),
    (DataValueError, "'a' is 0: give 1 or more", lambda: plan.sentinel_debug_set({"a": 0})),
    (DataValueError, "names", plan.sentinel_info_cache),
    (DataValueError, "crashes is empty", plan.sentinel_simulate_failure),
    (
        DataValueError,
        "crashes[0] is 'help'",
        lambda: unchecked(plan.sentinel_simulate_failure)("help"),
    ),
    (
        DataTypeError,
        "it is name here",
        lambda: unchecked(plan.sentinel_ckquorum)(new_master_name="m"),
    ),
    (
        DataTypeError,
        "write sentinel.each",
        lambda: unchecked(plan.sentinel_master)("m", return_responses=True),
    ),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: unchecked(plan.sentinel_set)("m", "auth-pass", ["s3cret"]),
        lambda: unchecked(plan.sentinel_set)("m", "quorum", 1, "auth-pass", ["s3cret"]),
        lambda: unchecked(plan.sentinel_config_set)("sentinel-pass", {"s3cret"}),
    ],
)
def test_no_message_shows_a_password(call: Callable[[], object]) -> None:
    """G15: neither a value of a wrong type, nor the repr of a command."""
    with pytest.raises(DataTypeError) as refused:
        call()
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(plan.sentinel_set("m", "auth-pass", "s3cret"))


def test_methods_of_redis_py() -> None:
    """Each of its methods for SENTINEL is ours, with the same order of positional arguments."""
    theirs = {
        name: list(inspect.signature(method).parameters)[1:]
        for name, method in inspect.getmembers(redis.commands.sentinel.SentinelCommands)
        if name.startswith("sentinel_")
    }
    assert len(theirs) == 12
    for name, parameters in theirs.items():
        assert hasattr(TheirSentinel, name)
        ours = list(inspect.signature(getattr(Sentinel, name)).parameters)[1:]
        wanted = [each for each in parameters if each != "return_responses"]
        wanted = ["name" if "name" in each else each for each in wanted]
        assert ours[: len(wanted)] == wanted, name
