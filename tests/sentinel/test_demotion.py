"""Tests of `anyredis.sentinel.managed_connection`: a primary that has been demoted refuses writes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from anyredis import (
    ConnectionError,
    DemotedError,
    ExecAbortError,
    Outcome,
    Redis,
    RedisError,
    Retry,
)
from anyredis.exceptions import from_server
from anyredis.sentinel.managed_connection import SentinelManagedConnection, SentinelWatcher
from anyredis.sentinel.sentinel_connection import Sentinels
from anyredis.testing import FakePeer, Words
from tests.contract.harness import running_tasks
from tests.contract.steps import counting, kinds
from tests.sentinels import (
    S1,
    S2,
    S3,
    A,
    B,
    World,
    assert_whole,
    demote,
    demoted,
    play,
    sentinel_of,
    servers_of,
    until,
)


async def test_a_write_that_is_refused(world: World) -> None:
    """A write that a demoted primary refuses is run once, by the new one."""
    async with await demoted(world, shared_connections=2) as client:
        async with client.session() as session:
            await session.ping()
        await client.incr("n")
        demote(world)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.incr, "n")
        assert await client.get("n") == "5"
        await until(lambda: world.servers[A].peers == [])
        assert set(servers_of(client)) == {B}
        assert_whole(client)
    assert world.servers[B].memory.ran[b"INCRBY"] == 5


async def test_all_connections_are_left_when_one_is_refused(world: World, grace: None) -> None:
    """No command goes on reading from a demoted server, though the server allows it."""
    async with await demoted(world) as client, client.session() as session:
        await session.ping()
        await client.incr("n")
        assert servers_of(client) == [A, A]
        demote(world)
        await client.incr("n")
        await until(lambda: world.servers[A].peers == [])
        with pytest.raises(ConnectionError, match=r"10.0.0.1:6001"):
            await session.ping()


async def test_a_write_that_is_refused_and_not_repeated(world: World) -> None:
    """Without `retry` its error says that it did not run."""
    async with await demoted(world, retry=None) as client:
        await client.incr("n")
        demote(world)
        with pytest.raises(DemotedError, match="READONLY") as caught:
            await client.incr("n")
        assert caught.value.outcome is Outcome.NOT_SENT
        assert await client.incr("n") == 1
        assert servers_of(client) == [B]


async def test_a_server_that_goes_on_refusing(world: World) -> None:
    """Repeats are bounded (G13)."""
    async with await demoted(world, retry=Retry(attempts=2)) as client:
        world.servers[A].on("INCRBY", from_server("READONLY You can't write"))
        with pytest.raises(DemotedError):
            await client.incr("n")
    assert world.servers[A].count("INCRBY") == 3


@pytest.mark.parametrize("transaction", [False, True])
async def test_a_pipeline_that_is_refused(world: World, transaction: bool) -> None:
    """A pipeline of which nothing ran but reads is run by the new primary."""
    async with await demoted(world) as client:
        await client.incr("n")
        demote(world)
        async with client.pipeline(transaction=transaction) as pipe:
            pipe.get("n")
            counted = pipe.incr("n")
            pipe.incr("n")
        assert counted.value == 1
        assert await client.get("n") == "2"
        assert servers_of(client) == [B]
        assert_whole(client)


async def test_a_pipeline_that_is_refused_half_way(world: World) -> None:
    """What ran is not repeated, and so nothing is; the rest has its errors (G11)."""
    async with await demoted(world) as client:
        await client.incr("n")
        play(world.servers[A], replica=True)
        world.servers[A].on("INCRBY", FakePeer.run, times=1)
        async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
            first, second = pipe.incr("n"), pipe.incr("n")
        assert first.value == 2
        with pytest.raises(DemotedError):
            _ = second.value
    assert world.servers[B].count("INCRBY") == 0


async def test_a_transaction_that_is_refused_at_its_end(world: World) -> None:
    """EXEC may be what is refused, because of the role."""
    async with await demoted(world) as client:
        await client.incr("n")
        demote(world)
        world.servers[A].off("INCRBY")
        reason = "READONLY You can't write against a read only replica."
        world.servers[A].on(
            "EXEC", from_server(f"EXECABORT Transaction discarded because of: {reason}")
        )
        async with client.pipeline() as pipe:
            counted = pipe.incr("n")
        assert counted.value == 1


async def test_a_transaction_that_is_refused_for_another_reason(world: World) -> None:
    """That is an error like any other."""
    async with await demoted(world) as client:
        world.servers[A].on("EXEC", from_server("EXECABORT Transaction discarded"))
        with pytest.raises(ExecAbortError):
            async with client.pipeline() as pipe:
                pipe.incr("n")
        assert servers_of(client) == [A]


async def test_a_blocked_command_that_is_thrown_out(world: World) -> None:
    """It waits at the new primary: it took nothing from the old one."""
    async with await demoted(world) as client:

        def throw_out(_peer: FakePeer, _words: Words) -> RedisError:
            demote(world)
            world.servers[B].on("BLPOP", [b"queue", b"item"])
            return from_server(
                "UNBLOCKED force unblock from blocking operation, instance state changed "
                "(master -> replica?)"
            )

        world.servers[A].on("BLPOP", throw_out)
        assert await client.blpop("queue", timeout=5) == ("queue", "item")
        assert_whole(client)


def test_a_connection_is_not_kept_by_what_reads_its_errors() -> None:
    """G13: one that is closed is freed at once, and does not wait for a garbage collection."""
    watcher = SentinelWatcher(Sentinels(["h:1"]), "name")
    connection = SentinelManagedConnection(watcher=watcher)
    connection.close("the test is over")
    gone = weakref.ref(connection)
    gc.disable()
    try:
        del connection
        assert gone() is None
    finally:
        gc.enable()


# -- cancellation ---------------------------------------------------------------------------------


async def everywhere(world: World, operation: Callable[[Redis[str]], Any], inside: bool) -> int:
    """Cancel *operation* at every step; how many cases that were."""
    cases = 0
    with counting() as steps:
        for kind in kinds():
            at = 0
            while True:
                demote(world)
                for address in (S1, S2, S3):
                    world.servers[address].primary = A  # type: ignore[attr-defined]
                play(world.servers[A], replica=False)
                tasks = running_tasks()
                client = sentinel_of().primary_for(decode_responses=True, max_connections=2)
                with anyio.fail_after(8):
                    if inside:
                        async with client:
                            ended = await steps.run(partial(operation, client), kind, at)
                            await settled(client)
                            assert_whole(client)
                            await client.set("k", "still good")
                    else:
                        ended = await steps.run(partial(operation, client), kind, at)
                assert world.peers == []
                assert running_tasks() == tasks
                assert_whole(client)
                cases, at = cases + 1, at + 1
                if not ended.reached:
                    break
    return cases


async def settled(client: Redis[str]) -> None:
    """Wait until there are no dials."""
    await until(lambda: client.connection_pool.endpoint.server.allocator.dialling == 0)


async def first_use(client: Redis[str]) -> None:
    """Ask the sentinels, connect, run a command."""
    await client.set("k", "v")


async def open_use_and_leave(client: Redis[str]) -> None:
    """All of it, from outside."""
    async with client:
        await client.set("k", "v")


async def a_demotion(client: Redis[str], world: World) -> None:
    """A write that is refused by one and run by the other."""
    await client.set("k", "v")
    demote(world)
    await client.set("k", "w")


@pytest.mark.parametrize("inside", [True, False])
async def test_cancelled_everywhere(world: World, inside: bool) -> None:
    """Wherever use is cancelled, nothing is left open, and the pool is whole (G5, G8)."""
    await demoted(world)
    operation = first_use if inside else open_use_and_leave
    assert await everywhere(world, operation, inside) > 10


async def test_a_demotion_cancelled_everywhere(world: World) -> None:
    """Wherever the way to the new primary is cancelled, the next command finds it (G5, G8)."""
    await demoted(world)
    assert await everywhere(world, partial(a_demotion, world=world), inside=True) > 10
