"""Tests of `anyredis.sentinel.managed_connection`: the sentinels name another primary."""

from __future__ import annotations

import logging

import anyio
import pytest

from anyredis import (
    BlockingConnectionPool,
    ConnectionError,
    Outcome,
    RedisError,
    Sentinel,
    TCPAddress,
)
from anyredis.connection.handshake import ServerInfo
from anyredis.exceptions import from_server
from anyredis.sentinel import managed_connection as sentinel_module
from anyredis.sentinel.client import ReplicatedOptions
from anyredis.sentinel.managed_connection import SentinelManagedConnection
from anyredis.testing import NOTHING, Answer, FakePeer, Raw, Words, silent
from tests.sentinels import (
    NAME,
    S1,
    A,
    B,
    World,
    assert_whole,
    sentinel_of,
    servers_of,
    speak_resp2,
    three_sentinels,
    until,
)


@pytest.mark.parametrize("resp2", [False, True])
@pytest.mark.parametrize("pool", [None, BlockingConnectionPool])
async def test_a_switch(
    world: World, grace: None, resp2: bool, pool: type[BlockingConnectionPool] | None
) -> None:
    """At the word of one sentinel the old primary gets no more commands."""
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    if resp2:
        for sentinel in sentinels:
            speak_resp2(sentinel)
    options: ReplicatedOptions = {} if pool is None else {"connection_pool_cls": pool}
    async with sentinel_of().primary_for(**options) as client:
        await client.set("k", 1)
        await until(lambda: all(each.listeners for each in sentinels))
        for sentinel in sentinels[:-1]:
            sentinel.primary = B
        sentinels[-1].hold(0)  # this one is behind, and says nothing
        sentinels[0].switch(A, B)
        await until(lambda: old.peers == [])
        await client.set("k", 2)
        assert servers_of(client) == [B]
        sentinels[1].switch(A, B)  # the same news again
        sentinels[1].switch(B, A, name="other")
        sentinels[1].announce("nonsense")
        sentinels[1].announce("mymaster a b c d")
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        await client.set("k", 3)
        assert_whole(client)
    assert (old.count("SET"), new.count("SET"), new.accepted) == (1, 2, 1)


async def test_a_switch_behind_nat(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The addresses of announcements are remapped; one that cannot be is logged, and harms nobody."""
    inside = {each: TCPAddress("inside", each.port) for each in (A, B)}
    outside = {(inside[each].host, each.port): (each.host, each.port) for each in (A, B)}
    sentinel = world.sentinel(S1, inside[A])
    old, new = world.server(A), world.server(B)
    sentinels = Sentinel([S1], name=NAME, address_remap=outside.__getitem__)
    async with sentinels.primary_for() as client:
        await client.set("k", 1)
        await until(lambda: sentinel.listeners)
        with caplog.at_level(logging.WARNING, "anyredis"):
            sentinel.announce(f"{NAME} elsewhere 1 elsewhere 2")
            await until(lambda: "address_remap failed for elsewhere:1" in caplog.text)
        await client.set("k", 2)
        sentinel.switch(inside[A], inside[B])
        await until(lambda: old.peers == [])
        await client.set("k", 3)
        assert servers_of(client) == [B]
    assert (old.count("SET"), new.count("SET")) == (2, 1)


async def test_what_was_sent_before_a_switch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has `GRACE` seconds to be answered; after that its outcome is unknown (G11)."""
    monkeypatch.setattr(sentinel_module, "GRACE", 60)
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    async with sentinel_of().primary_for() as client:
        await client.set("k", 1)
        await until(lambda: all(each.listeners for each in sentinels))
        old.hold()
        caught: list[RedisError] = []
        values: list[int] = []

        async def increment() -> None:
            try:
                values.append(await client.incr("n"))
            except ConnectionError as error:
                caught.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(increment)
            await old.wait_for("INCRBY", 1)
            for sentinel in sentinels:
                sentinel.switch(A, B)
            await until(lambda: client.connection_pool.endpoint.server.allocator.draining)
            old.release()
            await until(lambda: values)
            old.hold()
            tasks.start_soon(increment)
            await new.wait_for("INCRBY", 1)
        assert values == [1, 1]
        monkeypatch.setattr(sentinel_module, "GRACE", 0.05)
        new.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(increment)
            await new.wait_for("INCRBY", 2)
            sentinels[0].switch(B, A)
        (error,) = caught
        assert isinstance(error, ConnectionError)
        assert error.outcome is Outcome.UNKNOWN
        assert "it is no longer the primary" in str(error)
        await until(lambda: new.peers == [])


async def test_sessions_and_blocked_commands_end_with_a_switch(world: World, grace: None) -> None:
    """A blocking command at the old primary ends, however long its timeout is."""
    sentinels = three_sentinels(world)
    old = world.server(A)
    world.server(B)
    async with sentinel_of().primary_for(retry=None) as client, client.session() as session:
        await session.ping()
        await until(lambda: all(each.listeners for each in sentinels))
        async with anyio.create_task_group() as tasks:

            async def pop() -> None:
                with pytest.raises(ConnectionError, match="it is no longer the primary"):
                    await client.blpop("queue", timeout=0)

            tasks.start_soon(pop)
            await old.wait_for("BLPOP")
            for sentinel in sentinels:
                sentinel.switch(A, B)
        with pytest.raises(ConnectionError, match="primary"):
            await session.ping()
    assert world.peers == []


async def test_a_switch_while_dialling(world: World) -> None:
    """A dial to a server that hangs is given up when another becomes the primary."""
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    old.on("*", silent)
    async with sentinel_of().primary_for(connect_timeout=60) as client:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.set, "k", "v")
                await old.wait_for("HELLO")
                await until(lambda: all(each.listeners for each in sentinels))
                for sentinel in sentinels:
                    sentinel.switch(A, B)
        assert servers_of(client) == [B]
        assert (old.peers, new.accepted) == ([], 1)


async def test_a_switch_at_the_last_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was the primary until its handshake was over is left all the same (G6)."""
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    check_server = SentinelManagedConnection.check_server

    def approve_and_switch(connection: SentinelManagedConnection, server_info: ServerInfo) -> None:
        check_server(connection, server_info)
        for sentinel in sentinels:
            sentinel.primary = B
        connection._watcher.leave(A)

    monkeypatch.setattr(SentinelManagedConnection, "check_server", approve_and_switch)
    async with sentinel_of().primary_for() as client:
        await client.set("k", "v")
        assert servers_of(client) == [B]
        assert (old.peers, old.count("SET"), new.count("SET")) == ([], 0, 1)


async def test_what_a_failed_attempt_leaves_unread(world: World) -> None:
    """The next server is not read as if it went on where the last one had stopped (G1)."""
    three_sentinels(world)

    def half(peer: FakePeer, _words: Words) -> Answer:
        peer.half_close()
        return NOTHING

    server = world.server(A)
    server.on("HELLO", Raw(b"*2\r\n+half"), times=1)
    server.on("ROLE", half, times=1)
    async with sentinel_of().primary_for(decode_responses=True) as client:
        assert await client.echo("whole") == "whole"
    assert server.accepted == 2


async def test_sentinels_come_and_go(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens to the watch, the block goes on undisturbed, and nothing is logged (G14)."""
    monkeypatch.setattr(sentinel_module, "REDIAL", sentinel_module.PAUSES)
    caplog.set_level(logging.INFO)
    first, second, third = three_sentinels(world)
    world.server(A)
    world.server(B)
    third.on("SUBSCRIBE", from_server("NOPERM no channels for you"))
    async with sentinel_of().primary_for() as client:
        await client.set("k", 1)
        await until(lambda: first.listeners and second.listeners)
        for sentinel in (first, second):
            sentinel.announce("mymaster 10.0.0.1 port 10.0.0.1 port")
            sentinel.reset()
            sentinel.down = True
            sentinel.listeners.clear()
        await client.set("k", 2)
        assert servers_of(client) == [A]
        first.down = False
        await until(lambda: first.listeners)
        first.switch(A, B)
        second.primary = third.primary = B
        await until(lambda: servers_of(client) == [])
        await client.set("k", 3)
        assert servers_of(client) == [B]
    assert caplog.records == []
    assert world.peers == []
