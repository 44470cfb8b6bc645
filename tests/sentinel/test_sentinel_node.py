"""Commands to sentinels: the first that answers, all, one, and what is told if some fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    ConnectionError,
    DataTypeError,
    DataValueError,
    Outcome,
    PartialFailureError,
    ResponseError,
    Sentinel,
    TimeoutError,
)
from anyredis.exceptions import from_server
from anyredis.sentinel.sentinel_node import SentinelNode
from anyredis.testing import (
    Answer,
    FakePeer,
    Words,
    run_then_half_close,
    run_then_reset,
    silent,
)
from tests.commands.tables import unchecked
from tests.contract.steps import counting, kinds
from tests.sentinels import NAME, S1, S2, S3, A, World, sentinel_of, three_sentinels

UNKNOWN = ResponseError("ERR No such master with that name")


def on(world: World, *answers: Any) -> None:
    """Have the sentinels S1, S2 … give *answers* to SENTINEL."""
    for address, answer in zip((S1, S2, S3), answers, strict=True):
        world.servers[address].on("SENTINEL", answer)


def counts(world: World) -> list[int]:
    """How often each sentinel got SENTINEL."""
    return [world.servers[address].count("SENTINEL") for address in (S1, S2, S3)]


@pytest.fixture
def sentinel(world: World) -> Sentinel:
    """A `Sentinel` for three of them."""
    three_sentinels(world)
    return sentinel_of()


# -- the first that answers ---------------------------------------------------------------------


async def test_the_first_good_answer_counts(world: World, sentinel: Sentinel) -> None:
    """One is silent, one does not know the name; all connections are closed afterwards."""
    on(world, silent, UNKNOWN, [b"10.0.0.1", b"6001"])
    address = await sentinel.sentinel_get_master_addr_by_name(NAME)
    assert address == (A.host, A.port)
    assert world.peers == []


async def test_a_null_counts_if_there_is_no_better_answer(world: World, sentinel: Sentinel) -> None:
    """None means that no sentinel knows it."""
    on(world, None, [b"10.0.0.1", b"6001"], None)
    assert await sentinel.sentinel_get_master_addr_by_name(NAME) is not None
    on(world, None, UNKNOWN, None)
    assert await sentinel.sentinel_get_master_addr_by_name(NAME) is None


async def test_an_error_reply_is_raised(world: World, sentinel: Sentinel) -> None:
    """If no sentinel has a good answer, the reason of one that answered is told."""
    del world.servers[S1]
    on_two = ResponseError("NOQUORUM 1 usable Sentinels.")
    for address in (S2, S3):
        world.servers[address].on("SENTINEL", on_two)
    with pytest.raises(ResponseError, match="NOQUORUM"):
        await sentinel.sentinel_ckquorum(NAME)


async def test_no_answer(world: World) -> None:
    """The error names each sentinel with its failure."""
    three_sentinels(world)
    del world.servers[S1]
    world.servers[S2].on("SENTINEL", silent)
    world.servers[S3].on("SENTINEL", run_then_reset)
    sentinel = sentinel_of(sentinel_timeout=0.05)
    with pytest.raises(ConnectionError) as told:
        await sentinel.sentinel_masters()
    message = str(told.value)
    assert message.startswith("no sentinel answers: ")
    for address in (S1, S2, S3):
        assert message.count(str(address)) == 1
    assert "within 0.05 s" in message


async def test_wrong_credentials(world: World, sentinel: Sentinel) -> None:
    """If all refuse them, the error is about credentials."""
    for address in (S1, S2, S3):
        world.servers[address].on("HELLO", from_server("NOAUTH Authentication required."))
        world.servers[address].on("PING", from_server("NOAUTH Authentication required."))
        world.servers[address].on("SENTINEL", from_server("NOAUTH Authentication required."))
    with pytest.raises(AuthenticationError, match="no sentinel answers"):
        await sentinel.sentinel_masters()


# -- all ----------------------------------------------------------------------------------------


async def test_a_change_is_made_by_all(world: World, sentinel: Sentinel) -> None:
    """True; of numbers, the greatest."""
    on(world, "OK", "OK", "OK")
    assert await sentinel.sentinel_set(NAME, "quorum", 2) is True
    on(world, 0, 2, 1)
    assert await sentinel.sentinel_reset("*") == 2
    assert counts(world) == [2, 2, 2]


async def test_a_change_that_all_refuse(world: World, sentinel: Sentinel) -> None:
    """The reason is raised as it is: nothing was changed."""
    on(world, UNKNOWN, UNKNOWN, UNKNOWN)
    with pytest.raises(ResponseError, match="No such master"):
        await sentinel.sentinel_remove(NAME)


async def test_a_change_that_none_gets(world: World, sentinel: Sentinel) -> None:
    """The error names each sentinel; nothing was changed."""
    world.servers.clear()
    with pytest.raises(ConnectionError, match="no sentinel answers") as told:
        await sentinel.sentinel_remove(NAME)
    assert told.value.outcome is Outcome.NOT_SENT
    assert all(str(address) in str(told.value) for address in (S1, S2, S3))


async def test_a_change_that_some_have_not_made(world: World, sentinel: Sentinel) -> None:
    """The error names who has made it and who has not; it shows no argument."""
    on(world, "OK", UNKNOWN, "OK")
    del world.servers[S3]
    with pytest.raises(PartialFailureError) as told:
        await sentinel.sentinel_set(NAME, "auth-pass", "s3cret")
    error = told.value
    assert [each.address for each in error.succeeded] == [str(S1)]
    assert [each.address for each in error.failed] == [str(S2), str(S3)]
    assert str(error).startswith("SENTINEL SET failed at")
    assert str(error).endswith(f"it succeeded at {S1}")
    assert "s3cret" not in f"{error} {error!r} {error.failed}"


async def test_a_change_whose_reply_is_lost(world: World, sentinel: Sentinel) -> None:
    """It is not sent again, and its outcome is unknown at that sentinel (G11)."""
    on(world, "OK", run_then_half_close, "OK")
    with pytest.raises(PartialFailureError) as told:
        await sentinel.sentinel_flushconfig()
    [failed] = told.value.failed
    assert isinstance(failed.reply, ConnectionError)
    assert failed.reply.outcome is Outcome.UNKNOWN
    assert counts(world) == [1, 1, 1]


# -- one ----------------------------------------------------------------------------------------


async def test_a_failover_is_ordered_once(world: World, sentinel: Sentinel) -> None:
    """By the first sentinel that is reached; the others are not asked."""
    del world.servers[S1]
    for address in (S2, S3):
        world.servers[address].on("SENTINEL", "OK")
    assert await sentinel.sentinel_failover(NAME) is True
    assert [world.servers[each].count("SENTINEL") for each in (S2, S3)] == [1, 0]


async def test_a_failover_that_is_refused(world: World, sentinel: Sentinel) -> None:
    """The reason is raised; no other sentinel is asked."""
    on(world, ResponseError("INPROG Failover already in progress"), "OK", "OK")
    with pytest.raises(ResponseError, match="INPROG"):
        await sentinel.sentinel_failover(NAME)
    assert counts(world) == [1, 0, 0]


@pytest.mark.parametrize(
    ("answer", "kind"), [(silent, TimeoutError), (run_then_half_close, ConnectionError)]
)
async def test_a_failover_whose_reply_is_lost(
    world: World, answer: Callable[[FakePeer, Words], Answer], kind: type[Exception]
) -> None:
    """No other sentinel is asked, because the first may have begun (G11)."""
    three_sentinels(world)
    on(world, answer, "OK", "OK")
    with pytest.raises(kind) as told:
        await sentinel_of(sentinel_timeout=0.1).sentinel_failover(NAME)
    assert getattr(told.value, "outcome", None) is Outcome.UNKNOWN
    assert counts(world) == [1, 0, 0]


async def test_a_failover_without_sentinels(world: World, sentinel: Sentinel) -> None:
    """The error names each sentinel."""
    world.servers.clear()
    with pytest.raises(ConnectionError, match="no sentinel answers") as told:
        await sentinel.sentinel_failover(NAME)
    assert all(str(address) in str(told.value) for address in (S1, S2, S3))


# -- one by one ---------------------------------------------------------------------------------


async def test_each(world: World, sentinel: Sentinel) -> None:
    """The answers in the order of the addresses, an error as a value."""
    on(world, "one", UNKNOWN, "three")
    answers = await sentinel.each(lambda node: node.sentinel_myid())
    assert list(answers) == [S1, S2, S3]
    assert [str(each) for each in answers.values()] == ["one", str(UNKNOWN), "three"]


async def test_an_error_of_the_users_own_ends_each(world: World, sentinel: Sentinel) -> None:
    """It leaves as itself (G14)."""
    on(world, silent, silent, silent)

    async def ask(node: SentinelNode) -> str:
        if node.server == S2:
            raise KeyError("mine")
        return await node.sentinel_myid()

    with pytest.raises(KeyError, match="mine"):
        await sentinel.each(ask)
    assert world.peers == []


async def test_a_node(world: World, sentinel: Sentinel) -> None:
    """It asks that sentinel alone; raw words go there too."""
    on(world, "one", "two", "three")
    node = sentinel.node("10.0.0.9:26002")
    assert await node.sentinel_myid() == "two"
    assert await node.execute_command("SENTINEL MYID") == "two"
    assert counts(world) == [0, 2, 0]
    assert (node.address, node.server) == (str(S2), S2)
    assert repr(node) == "<SentinelNode 10.0.0.9:26002>"
    assert [each.server for each in sentinel.nodes()] == [S1, S2, S3]


MISUSE: list[tuple[str, Callable[[Sentinel], Coroutine[Any, Any, object]]]] = [
    ("SENTINEL MYID is about one sentinel", lambda it: it.sentinel_myid()),
    ("SENTINEL CONFIG is about one sentinel", lambda it: it.sentinel_config_get()),
    ("name is ''", lambda it: it.sentinel_master("")),
]


@pytest.mark.parametrize(("message", "call"), MISUSE)
async def test_misuse(
    world: World,
    sentinel: Sentinel,
    message: str,
    call: Callable[[Sentinel], Coroutine[Any, Any, object]],
) -> None:
    """Nothing is sent, and the message says what to write."""
    with pytest.raises(DataValueError, match=message):
        await call(sentinel)
    with pytest.raises(DataTypeError, match=r"sentinel\.node\(address\)\.execute_command"):
        unchecked(sentinel.execute_command)("PING")
    with pytest.raises(DataTypeError, match="value is a secret"):
        unchecked(sentinel.sentinel_set)(NAME, "auth-pass", ["s3cret"])
    assert counts(world) == [0, 0, 0]


# -- cancellation -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sentinel_masters", "sentinel_flushconfig", "failover"])
async def test_a_cancelled_command_leaves_nothing(
    world: World, sentinel: Sentinel, name: str
) -> None:
    """Its connections are closed (G8)."""
    on(world, silent, silent, silent)
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "sentinel_masters": sentinel.sentinel_masters,
        "sentinel_flushconfig": sentinel.sentinel_flushconfig,
        "failover": lambda: sentinel.sentinel_failover(NAME),
    }
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls[name])
        await world.servers[S1].wait_for("SENTINEL")
        tasks.cancel_scope.cancel()
    assert world.peers == []


@pytest.mark.parametrize("name", ["sentinel_masters", "sentinel_flushconfig", "failover"])
async def test_a_command_that_is_cancelled_at_any_step(world: World, name: str) -> None:
    """No connection stays open (G8), and no sentinel gets a command twice (G11)."""
    three_sentinels(world)
    sentinel = sentinel_of(sentinel_timeout=30)
    on(world, [] if name == "sentinel_masters" else "OK", silent, "OK")
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "sentinel_masters": sentinel.sentinel_masters,
        "sentinel_flushconfig": sentinel.nodes()[0].sentinel_flushconfig,
        "failover": lambda: sentinel.sentinel_failover(NAME),
    }
    step = 0
    for kind in kinds():
        for step in itertools.count():
            before = counts(world)
            with counting() as steps:
                ended = await steps.run(calls[name], kind, step)
            assert world.peers == []
            assert all(now - old <= 1 for old, now in zip(before, counts(world), strict=True))
            if not ended.reached:
                break
        assert step > 5
