"""Tests of `anyredis.pool.base`: the counts of leases and connections, used, refused, lost and cancelled."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import (
    BlockingConnectionPool,
    ConnectionError,
    ConnectionPool,
    MaxConnectionsError,
    PoolTimeoutError,
)
from anyredis.pool.lease import Lease
from anyredis.testing import FakeServer, silent
from tests.pool.counts import counts, fail_in, shown, until

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])
each_sharing = pytest.mark.parametrize("shared", [0, 1, 2])


# -- leases -------------------------------------------------------------------------------------


@each_pool
async def test_a_lease_is_counted_while_its_block_runs(pool_class: type[ConnectionPool]) -> None:
    """G5: without a connection, too; a block that fails releases it."""
    server = FakeServer()
    async with server.pool(pool_class=pool_class, max_connections=3) as pool:
        async with Lease(pool.endpoint), Lease(pool.endpoint):
            assert counts(pool) == (1, 2, 0)
        assert counts(pool) == (3, 0, 0)
        with pytest.raises(KeyError):
            await fail_in(Lease(pool.endpoint))
        assert counts(pool) == (3, 0, 0)
    assert server.accepted == 0


@each_pool
async def test_one_lease_too_many_changes_nothing(pool_class: type[ConnectionPool]) -> None:
    """G5: neither for a lease nor for an exclusive connection."""
    options: dict[str, Any] = {} if pool_class is ConnectionPool else {"timeout": 0.01}
    error = MaxConnectionsError if pool_class is ConnectionPool else PoolTimeoutError
    async with (
        FakeServer().pool(pool_class=pool_class, max_connections=1, **options) as pool,
        Lease(pool.endpoint),
    ):
        with pytest.raises(error):
            await fail_in(Lease(pool.endpoint))
        with pytest.raises(error):
            await fail_in(pool.acquire())
        assert counts(pool) == (0, 1, 0)


@each_pool
@each_sharing
async def test_attaching_and_detaching(pool_class: type[ConnectionPool], shared: int) -> None:
    """G5: a lease is counted while it is detached, waits for a connection, and is attached."""
    server = FakeServer()
    server.hold()
    pool = server.pool(pool_class=pool_class, max_connections=3, shared_connections=shared)
    seen: list[tuple[int, int, int]] = []

    async def attach_and_detach() -> None:
        async with Lease(pool.endpoint) as lease:
            seen.append(counts(pool))
            await lease.attach()
            seen.append(counts(pool))
            lease.detach()
            seen.append(counts(pool))

    async with pool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(attach_and_detach)
            await server.wait_for("HELLO")
            assert counts(pool) == (2, 0, 1)
            server.release()
        assert seen == [(2, 1, 0)] * 3
        assert counts(pool) == (3, 0, 0)


@each_sharing
async def test_attaching_that_fails(shared: int) -> None:
    """G5: if dialling fails, the lease stays held for another attempt."""
    server = FakeServer()
    server.down = True
    async with server.pool(max_connections=3, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            with pytest.raises(ConnectionError, match="cannot connect"):
                await lease.attach()
            assert counts(pool) == (2, 1, 0)
            server.down = False
            await lease.attach()
            lease.detach()
            assert counts(pool) == (2, 1, 0)
        assert counts(pool) == (3, 0, 0)


@each_sharing
async def test_attaching_that_is_cancelled(shared: int) -> None:
    """G5: while it waits for a connection; the lease stays held."""
    server = FakeServer()
    server.hold()
    async with server.pool(max_connections=3, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lease.attach)
                await server.wait_for("HELLO")
                assert (pool.free, pool.connecting) == (2, 1)
                tasks.cancel_scope.cancel()
            assert counts(pool) == (2, 1, 0)
        assert counts(pool) == (3, 0, 0)


async def test_many_leases_share_one_connection() -> None:
    """G5: each of them is counted."""
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(max_connections=10) as client:
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            for _ in range(7):
                tasks.start_soon(client.get, "k")
            await server.wait_for("GET", 7)
            assert counts(pool) == (3, 7, 0)
            assert shown(pool)["multiplexed"] == 1
            tasks.cancel_scope.cancel()
        assert counts(pool) == (10, 0, 0)


# -- exclusive connections ----------------------------------------------------------------------


@each_pool
@each_sharing
async def test_acquire(pool_class: type[ConnectionPool], shared: int) -> None:
    """G5: counted while it is being dialled, and while the block runs."""
    server = FakeServer()
    server.hold()
    pool = server.pool(pool_class=pool_class, max_connections=3, shared_connections=shared)
    got, done = anyio.Event(), anyio.Event()

    async def work() -> None:
        async with pool.acquire() as connection:
            assert await connection.execute_command("ECHO", "x") == b"x"
            got.set()
            await done.wait()

    async with pool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            await server.wait_for("HELLO")
            assert counts(pool) == (2, 0, 1)
            server.release()
            await got.wait()
            assert counts(pool) == (2, 1, 0)
            done.set()
        assert counts(pool) == (3, 0, 0)


async def test_an_unchanged_connection_is_used_again() -> None:
    """The next lease gets a connection that is not dirty."""
    async with FakeServer().pool() as pool:
        async with pool.acquire() as first:
            await first.execute_command("PING")
        async with pool.acquire() as second:
            assert second is first


async def test_a_dirty_connection_is_closed() -> None:
    """G9: the next lease gets another connection."""
    server = FakeServer()
    async with server.pool() as pool:
        async with pool.acquire() as first:
            await first.execute_command("SELECT", 1)
        async with pool.acquire() as second:
            assert second is not first
            assert len(server.peers) == 1


async def test_an_acquire_that_fails() -> None:
    """G5: after a failed dial no lease is held."""
    server = FakeServer()
    server.down = True
    async with server.pool(max_connections=2) as pool:
        for _ in range(3):
            with pytest.raises(ConnectionError, match="cannot connect"):
                await fail_in(pool.acquire())
            assert counts(pool) == (2, 0, 0)


async def test_an_acquire_that_is_cancelled() -> None:
    """G5: if it is cancelled during the handshake, no lease is held."""
    server = FakeServer()
    server.hold()
    async with server.pool(max_connections=2) as pool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail_in, pool.acquire())
            await server.wait_for("HELLO")
            assert counts(pool) == (1, 0, 1)
            tasks.cancel_scope.cancel()
        assert counts(pool) == (2, 0, 0)


# -- connections that are lost ------------------------------------------------------------------


@each_sharing
async def test_an_exclusive_connection_that_is_lost(shared: int) -> None:
    """G5: its lease is held until its block ends, and the next gets a new connection."""
    server = FakeServer()
    async with server.pool(max_connections=1, shared_connections=shared) as pool:
        async with pool.acquire() as connection:
            server.reset()
            await until(lambda: connection.closed)
            assert counts(pool) == (0, 1, 0)
        assert shown(pool) == {"capacity": 1, "free": 1}
        async with pool.acquire() as other:
            assert other is not connection
            await other.execute_command("PING")


@each_sharing
async def test_a_connection_that_is_lost_while_in_use(shared: int) -> None:
    """G5: its lease is counted until it detaches; meanwhile another gets a new connection."""
    server = FakeServer()
    async with server.pool(max_connections=3, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as first, Lease(pool.endpoint) as second:
            lost = await first.attach()
            server.reset()
            await until(lambda: lost.closed)
            assert counts(pool) == (1, 2, 0)
            fine = await second.attach()
            assert fine is not lost
            assert counts(pool) == (1, 2, 0)
            first.detach()
            second.detach()
            assert counts(pool) == (1, 2, 0)
        assert counts(pool) == (3, 0, 0)
        assert "draining" not in shown(pool)


@each_pool
@each_sharing
async def test_commands_whose_connection_is_lost(
    pool_class: type[ConnectionPool], shared: int
) -> None:
    """G5: leases are counted while their commands are retried, and all are free in the end."""
    server = FakeServer()
    server.on("GET", silent, times=4)
    async with server.client(
        pool_class=pool_class, max_connections=5, shared_connections=shared
    ) as client:
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(client.get, "k")
            await server.wait_for("GET", 4)
            assert counts(pool) == (1, 4, 0)
            connections = pool.endpoint.server.connections()
            server.reset()
            await until(lambda: all(each.closed for each in connections))
            assert counts(pool)[0] == 1
        assert counts(pool) == (5, 0, 0)
    assert server.count("GET") == 8
