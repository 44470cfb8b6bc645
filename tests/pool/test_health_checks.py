"""Tests of `anyredis.pool.health_checks`: idle connections after a loss, and renewal by age."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import pytest

from anyredis import (
    BlockingConnectionPool,
    ClusterConnectionPool,
    ConnectionPool,
    DataTypeError,
    DataValueError,
    Redis,
    Sentinel,
    TimeoutError,
)
from anyredis.address import TCPAddress
from anyredis.pool import health_checks
from anyredis.pool.base import BasePool
from anyredis.pool.server_connections import ServerConnections
from anyredis.testing import FakeServer, silent
from tests.blocked_tasks import all_tasks_blocked


def server_of(client: Redis[bytes]) -> ServerConnections:
    """The server connections of a client's pool."""
    return client.connection_pool.endpoint.server


def assert_counts(pool: BasePool) -> None:
    """G5: the counts add up, and no lease is held."""
    assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def open_idle(client: Redis[bytes], count: int) -> None:
    """Leave *count* idle connections in the pool of *client*."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            session = await stack.enter_async_context(client.session())
            await session.ping()


# -- after a loss -------------------------------------------------------------------------------


async def test_one_loss_has_the_idle_siblings_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four connections are dropped without a word: one session fails, the next ones do not."""
    monkeypatch.setattr(health_checks, "PROBE_TIMEOUT", 0.05)
    server = FakeServer()
    async with server.client(stream_timeout=0.1, retry=None) as client:
        await open_idle(client, 4)
        for peer in server.peers:
            peer.hold()  # nothing comes back on these four from now on
        async with client.session() as session:
            with pytest.raises(TimeoutError):
                await session.echo("lost")
        for _ in range(3):
            async with client.session() as session:
                assert await session.echo("x") == b"x"
        assert_counts(client.connection_pool)
        assert server_of(client).losses == 4


async def test_siblings_that_answer_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss costs the others a PING, not their connection."""
    server = FakeServer()
    async with server.client(retry=None) as client:
        await open_idle(client, 4)
        await client.ping()
        pings = server.count("PING")
        server.peers[0].reset()
        await server.wait_for("PING", pings + 3)
        await open_idle(client, 3)
        assert server.accepted == 4
        assert_counts(client.connection_pool)


async def test_a_connection_that_is_closed_during_its_probe_counts_once() -> None:
    """G5: from its close on it is a socket that is closing, not also one that is being dialled."""
    server = FakeServer()
    async with server.client(retry=None) as client:
        await open_idle(client, 2)
        first, second = client.connection_pool.connections()
        allocator = server_of(client).allocator
        for peer in server.peers:
            peer.hold()
        first.close("the test says so", late=True)
        assert (allocator.dialling, allocator.sockets) == (1, 2)  # the other one is being probed
        second.close("the test says so too")
        assert (allocator.dialling, allocator.sockets) == (0, 2)
        await all_tasks_blocked()
        assert_counts(client.connection_pool)


async def test_a_pool_that_is_left_during_a_probe() -> None:
    """G8: the connection that does not answer is closed with the pool."""
    server = FakeServer()
    async with server.client(retry=None) as client:
        await open_idle(client, 2)
        pings = server.count("PING")
        server.on("PING", silent)
        server.peers[0].reset()
        await server.wait_for("PING", pings + 1)
        assert server_of(client).allocator.dialling == 1
    assert server_of(client).allocator.dialling == 0
    assert server.peers == []


async def test_an_idle_connection_is_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked as often as a multiplexed one."""
    monkeypatch.setattr(health_checks, "PING_INTERVAL", 0.01)
    server = FakeServer()
    async with server.client(stream_timeout=0.04) as client:
        await open_idle(client, 1)
        await server.wait_for("PING", 3)


# -- renewal by age -----------------------------------------------------------------------------


def age(client: Redis[bytes]) -> None:
    """Let all connections of *client* reach their age, and have them checked once."""
    for connection in client.connection_pool.connections():
        connection.renew_at = 0.0
    server_of(client).check_health()


async def test_a_multiplexed_connection_is_replaced_first() -> None:
    """G12: the old one stays until the new one is ready, and answers what it carries."""
    server = FakeServer()
    async with server.client(max_connection_age=1000, retry=None) as client:
        await client.ping()
        [old] = server.peers
        old.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.echo, "carried")
            await server.wait_for("ECHO")
            age(client)
            while server.accepted < 2 or len(server_of(client).allocator.draining) < 1:
                await anyio.lowlevel.checkpoint()
            assert await client.get("k") is None, "on the new connection"
            old.release()
        while old in server.peers:
            await anyio.lowlevel.checkpoint()
        assert len(server.peers) == 1
        assert_counts(client.connection_pool)


async def test_without_a_socket_it_is_drained_first() -> None:
    """With one connection at most, the next command dials."""
    server = FakeServer()
    async with server.client(max_connection_age=1000, max_connections=1, retry=None) as client:
        await client.ping()
        age(client)
        assert await client.ping()
        assert server.accepted == 2
        assert len(server.peers) == 1
        assert_counts(client.connection_pool)


async def test_an_exclusive_connection_ends_at_release() -> None:
    """A session keeps its connection; the next session gets another."""
    server = FakeServer()
    async with server.client(max_connection_age=1000, retry=None) as client:
        async with client.session() as session:
            age(client)
            assert await session.ping()
        async with client.session() as session:
            assert await session.ping()
        assert server.accepted == 2
        assert_counts(client.connection_pool)


async def test_idle_connections_are_renewed_one_by_one() -> None:
    """One check closes one of them."""
    server = FakeServer()
    async with server.client(max_connection_age=1000, retry=None) as client:
        await open_idle(client, 3)
        for left in (2, 1, 0):
            age(client)
            assert len(client.connection_pool.connections()) == left


async def test_a_replacement_that_fails() -> None:
    """The old connection stays in use, and the next check tries again."""
    server = FakeServer()
    async with server.client(max_connection_age=1000, retry=None) as client:
        await client.ping()
        server.down = True
        age(client)
        while server_of(client).allocator.dialling:
            await anyio.lowlevel.checkpoint()
        assert await client.ping()
        server.down = False
        age(client)
        while server.accepted < 2:
            await anyio.lowlevel.checkpoint()
        assert await client.ping()
        assert_counts(client.connection_pool)


async def test_the_age_has_jitter() -> None:
    """It differs by 10 % at most; without `max_connection_age` there is none."""
    server = FakeServer()
    async with server.client(max_connection_age=1000) as client:
        await open_idle(client, 5)
        ages = {each.renew_at - each.ready_at for each in client.connection_pool.connections()}
    assert all(900 <= age <= 1100 for age in ages)
    assert len(ages) > 1
    async with server.client() as client:
        await client.ping()
        [connection] = client.connection_pool.connections()
        assert connection.renew_at == float("inf")


@pytest.mark.parametrize(
    ("given", "kind"), [(0, DataValueError), (-1, DataValueError), ("1", DataTypeError)]
)
def test_a_bad_age(given: object, kind: type[Exception]) -> None:
    """It is refused at once, by name."""
    with pytest.raises(kind, match="max_connection_age"):
        FakeServer().pool(max_connection_age=given)


def ages_in(pool: ConnectionPool | ClusterConnectionPool) -> set[float | None]:
    """The `max_connection_age` of all servers of *pool*."""
    if isinstance(pool, ClusterConnectionPool):
        pool.temporary_endpoint(TCPAddress("h", 1))
    return {endpoint.server._checks._max_age for endpoint in pool.endpoints()}


def test_the_option_reaches_every_kind_of_pool() -> None:
    """It is an argument of clients, pools, clusters and sentinels, and a parameter of URLs."""
    assert ages_in(Redis(max_connection_age=5).connection_pool) == {5}
    assert ages_in(Redis.from_url("redis://h?max_connection_age=5").connection_pool) == {5}
    assert ages_in(BlockingConnectionPool(max_connection_age=5)) == {5}
    assert ages_in(ClusterConnectionPool(host="h", max_connection_age=5)) == {5}
    sentinel = Sentinel([("h", 1)], max_connection_age=5)
    assert ages_in(sentinel.primary_for("n").connection_pool) == {5}
