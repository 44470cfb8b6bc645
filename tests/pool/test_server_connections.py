"""Tests of `anyredis.pool.server_connections`: sharing, maintenance, draining, closing."""

from __future__ import annotations

import anyio
import pytest
from anyio.abc import TaskGroup

from anyredis import ConnectionError, Redis, RedisError
from anyredis.pool import health_checks as module
from anyredis.pool.server_connections import ServerConnections
from anyredis.testing import FakeServer, silent
from tests.blocked_tasks import all_tasks_blocked


def server_of(client: Redis[bytes]) -> ServerConnections:
    """The server connections of a client's pool."""
    return client.connection_pool.endpoint.server


async def test_a_hundred_first_commands_open_one_connection() -> None:
    """Connecting is single-flight, and all hundred commands leave together."""
    server = FakeServer()
    async with server.client() as client, anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(client.incr, "n")
    assert server.accepted == 1
    assert server.memory.databases[0][b"n"] == b"100"


async def test_a_caller_that_is_cancelled_while_dialling() -> None:
    """G5: once the connection is ready, it is for the next lease."""
    server = FakeServer()
    server.hold()
    async with server.client(max_connections=1) as client:
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "k")
            await server.wait_for("HELLO")
            assert (pool.free, pool.leased, pool.connecting) == (0, 0, 1)
            tasks.cancel_scope.cancel()
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
        server.release()
        assert await client.ping()
    assert server.accepted == 1


async def test_an_overdue_connection_is_closed() -> None:
    """After stream_timeout all its requests fail, and a new connection is opened."""
    server = FakeServer()
    server.on("GET", silent, times=2)
    errors: list[RedisError] = []

    async def get() -> None:
        with pytest.raises(TimeoutError) as caught:
            await client.get("k")
        assert isinstance(caught.value, RedisError)
        errors.append(caught.value)

    async with server.client(stream_timeout=0.04) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(get)
            tasks.start_soon(get)
        assert await client.get("k") is None
    assert len(errors) == 2
    assert server.accepted == 2


async def test_a_blocking_command_has_an_additional_timeout() -> None:
    """A BLPOP of a minute is not overdue after stream_timeout."""
    server = FakeServer()
    async with server.client(stream_timeout=0.04) as client:
        with anyio.move_on_after(0.2) as scope:
            await client.blpop("k", timeout=60)
        assert scope.cancelled_caught


async def test_an_idle_connection_is_closed_after_max_idle_time() -> None:
    """Multiplexed or not; the next command opens another."""
    server = FakeServer()
    async with server.client(max_idle_time=0.04) as client:
        async with client.session() as session:
            await client.ping()
            await session.ping()
        assert len(server.peers) == 2
        with anyio.fail_after(5):
            while server.peers:
                await anyio.sleep(0.01)
        assert client.connection_pool.free == client.connection_pool.capacity
        assert await client.ping()
    assert server.accepted == 3


async def test_a_connection_in_use_is_not_idle() -> None:
    """A reply may take longer than max_idle_time."""
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(max_idle_time=0.02) as client:
        with anyio.move_on_after(0.15) as scope:
            await client.get("k")
        assert scope.cancelled_caught
        assert server.accepted == 1


async def test_a_quiet_multiplexed_connection_is_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PING detects a dead multiplexed connection before a command does."""
    monkeypatch.setattr(module, "PING_INTERVAL", 0.02)
    server = FakeServer()
    server.on("PING", silent)
    async with server.client(stream_timeout=0.04) as client:
        await client.get("k")
        with anyio.fail_after(5):
            await server.wait_for("PING")
            while server.peers:
                await anyio.sleep(0.01)
        assert await client.get("k") is None
    assert server.accepted == 2


async def test_too_many_tombstones_replace_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """G3: beyond the bound it takes no new requests, and is closed after its last use."""
    monkeypatch.setattr("anyredis.wire.request_queue.MAX_TOMBSTONES", 5)
    server = FakeServer()
    async with server.client() as client:
        await client.ping()
        [old] = server.peers
        old.hold()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(client.echo, "still waited for")
            async with anyio.create_task_group() as tasks:
                for _ in range(6):
                    tasks.start_soon(client.echo, "given up")
                await server.wait_for("ECHO", 7)
                tasks.cancel_scope.cancel()
            assert await client.echo("mine") == b"mine"
            assert server.accepted == 2
            assert old in server.peers
            old.release()
        await all_tasks_blocked()
        assert old not in server.peers
        assert client.connection_pool.leased == 0


async def test_a_waiting_command_fails_when_the_pool_is_left() -> None:
    """G8: a command that waits for a dial does not hang."""
    server = FakeServer()
    server.hold()
    client = server.client()

    async def get() -> None:
        with pytest.raises(ConnectionError, match="the pool was left"):
            await client.get("k")

    async def leave(tasks: TaskGroup) -> None:
        async with client:
            tasks.start_soon(get)
            await server.wait_for("HELLO")
            raise KeyError

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await leave(tasks)
    assert server.peers == []


async def test_replacing_some_connections() -> None:
    """They get no new leases, the other connections do; a lease that uses one may finish."""
    server = FakeServer()
    async with server.client(shared_connections=0) as client:
        connections = server_of(client)
        async with client.session() as session:
            await client.ping()
            (mine,) = connections.allocator.exclusive
            (idle,) = connections.allocator.idle
            connections.replace_connections("the test says so", [mine])
            await session.ping()
            await client.ping()
            assert connections.allocator.idle == [idle]
        assert connections.connections() == [idle]
        connections.replace_connections("the test says so", [])
        assert connections.connections() == [idle]
        connections.replace_connections("the test says so")
        assert connections.connections() == []


async def test_replacing_includes_connections_being_dialled() -> None:
    """G6: a connection whose dial began before is closed when it is ready, and no lease gets it."""
    server = FakeServer()
    server.hold()
    async with server.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "k")
        await server.wait_for("HELLO")
        [old] = server.peers
        server_of(client).replace_connections("the test says so")
        server.release()
        await server.wait_for("GET")
        assert old not in server.peers
        assert (b"GET", b"k") not in old.received


async def test_draining_lets_leases_in_use_finish() -> None:
    """New and waiting leases fail, dials end, and nothing is open afterwards."""
    server = FakeServer()
    async with server.client(max_connections=3, retry=None) as client:
        connections = server_of(client)
        async with client.session() as session:
            connections.drain("the test says so")
            assert not connections.open
            assert await session.ping()
            with pytest.raises(ConnectionError, match="the test says so"):
                await client.get("k")
        await all_tasks_blocked()
        assert (server.peers, connections.allocator.sockets) == ([], 0)


async def test_losses_are_counted() -> None:
    """A connection that broke counts, one that the client closed does not."""
    server = FakeServer()
    async with server.client() as client:
        connections = server_of(client)
        await client.ping()
        connections.connections()[0].close("the test says so")
        await client.ping()
        assert connections.losses == 0
        server.reset()
        await all_tasks_blocked()
        assert connections.losses == 1
