"""Tests of `anyredis.pool.lease`: acquired, attached, moved, released, failed and cancelled."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    BlockingConnectionPool,
    ConnectionError,
    ConnectionPool,
    MaxConnectionsError,
    PoolTimeoutError,
)
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.pool.endpoint import ClusterEndpoint, Endpoint
from anyredis.pool.lease import Lease, exclusive_connection
from anyredis.testing import FakeCluster, FakeServer, silent
from tests.blocked_tasks import all_tasks_blocked

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])
each_kind = pytest.mark.parametrize("exclusive", [False, True], ids=["multiplexed", "exclusive"])
each_sharing = pytest.mark.parametrize("shared", [0, 1, 2])


def counts(pool: ConnectionPool | ClusterConnectionPool) -> tuple[int, int, int]:
    """Free, leased and connecting leases, which add up to the capacity (G5)."""
    assert pool.free + pool.leased + pool.connecting == pool.capacity
    return pool.free, pool.leased, pool.connecting


# -- acquired and released ----------------------------------------------------------------------


@each_pool
async def test_it_is_released_once(pool_class: type[ConnectionPool]) -> None:
    """Releasing twice, or before acquiring, changes nothing (G5)."""
    async with FakeServer().pool(pool_class=pool_class, max_connections=2) as pool:
        lease, other = Lease(pool.endpoint), Lease(pool.endpoint)
        lease.release()
        assert counts(pool) == (2, 0, 0)
        await lease.acquire()
        await other.acquire()
        assert counts(pool) == (0, 2, 0)
        for _ in range(2):
            lease.release()
            assert counts(pool) == (1, 1, 0)
        other.release()
        assert counts(pool) == (2, 0, 0)


@each_pool
async def test_it_is_acquired_once(pool_class: type[ConnectionPool]) -> None:
    """Acquiring a held lease changes nothing; a released one can be acquired again."""
    async with FakeServer().pool(pool_class=pool_class, max_connections=1) as pool:
        lease = Lease(pool.endpoint)
        for _ in range(2):
            await lease.acquire()
            async with lease:
                assert counts(pool) == (0, 1, 0)
            assert counts(pool) == (1, 0, 0)


@each_pool
@each_kind
@each_sharing
async def test_releasing_releases_the_connection(
    pool_class: type[ConnectionPool], exclusive: bool, shared: int
) -> None:
    """The connection of a lease that ends while it is attached is for other leases."""
    pool = FakeServer().pool(pool_class=pool_class, max_connections=1, shared_connections=shared)
    async with pool:
        async with Lease(pool.endpoint) as lease:
            first = await lease.attach(exclusive=exclusive)
            assert lease.connection is first
            assert counts(pool) == (0, 1, 0)
        assert lease.connection is None
        assert counts(pool) == (1, 0, 0)
        assert not pool.endpoint.server.allocator.exclusive
        async with exclusive_connection(pool.endpoint) as connection:
            assert connection is first


@each_kind
@each_sharing
async def test_detaching_keeps_the_lease(exclusive: bool, shared: int) -> None:
    """The connection is for other leases, and the lease stays held; detaching twice is harmless."""
    async with FakeServer().pool(max_connections=2, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease, Lease(pool.endpoint) as other:
            connection = await lease.attach(exclusive=exclusive)
            for _ in range(2):
                lease.detach()
                assert counts(pool) == (0, 2, 0)
            assert await other.attach(exclusive=exclusive) is connection
        assert counts(pool) == (2, 0, 0)


@each_sharing
async def test_attaching_again_releases_the_former_connection(shared: int) -> None:
    """One lease has at most one connection (G5), so it needs one socket."""
    server = FakeServer()
    async with server.pool(max_connections=1, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            for exclusive in (False, True, True, False):
                connection = await lease.attach(exclusive=exclusive)
                assert lease.connection is connection
                assert counts(pool) == (0, 1, 0)
        assert counts(pool) == (1, 0, 0)
    assert server.accepted == 1


async def test_attaching_needs_the_lease() -> None:
    """Otherwise the limit would not bound the connections."""
    server = FakeServer()
    async with server.pool() as pool:
        with pytest.raises(RuntimeError, match="not held"):
            await Lease(pool.endpoint).attach()
    assert server.accepted == 0


async def test_the_repr_has_the_state() -> None:
    """It says whether the lease is held, and the kind of its connection."""
    server = FakeServer()
    async with server.pool(max_connections=1) as pool:
        lease = Lease(pool.endpoint)
        address = pool.endpoint.server.address
        assert repr(lease) == f"<Lease {address} not held>"
        async with lease:
            assert repr(lease) == f"<Lease {address} held>"
            await lease.attach()
            assert repr(lease) == f"<Lease {address} multiplexed>"
            await lease.attach(exclusive=True)
            assert repr(lease) == f"<Lease {address} exclusive>"
            lease.connection.close("the test wants it")  # type: ignore[union-attr]
            lease.detach()
            server.hold()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lease.attach)
                await all_tasks_blocked()
                assert repr(lease) == f"<Lease {address} waits>"
                tasks.cancel_scope.cancel()


async def test_a_limit_that_was_replaced_meanwhile() -> None:
    """A lease is released to the limit that it was acquired from."""
    async with FakeServer().pool(max_connections=1) as pool:
        async with Lease(pool.endpoint):
            old, pool.endpoint.limit = pool.endpoint.limit, pool.make_limit()
        assert (old.acquired, pool.endpoint.limit.acquired) == (0, 0)


# -- cancelled and failed -----------------------------------------------------------------------


@each_kind
@each_sharing
@pytest.mark.parametrize("answered", [False, True])
async def test_a_lease_that_is_cancelled_while_it_waits_for_a_connection(
    exclusive: bool, shared: int, answered: bool
) -> None:
    """G5: it stays held, and a connection that was assigned in the same turn is free again."""
    server = FakeServer()
    async with server.pool(max_connections=1, shared_connections=shared) as pool:
        allocator = pool.endpoint.server.allocator
        async with Lease(pool.endpoint) as lease:

            async def attach() -> None:
                await lease.attach(exclusive=exclusive)

            server.hold()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(attach)
                await server.wait_for("HELLO")
                assert counts(pool) == (0, 0, 1)
                if answered:
                    server.release()
                    while allocator.connecting:
                        await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            if not answered:
                assert counts(pool) == (0, 1, 0)
                assert lease.connection is None
            server.release()
            lease.detach()
            await lease.attach(exclusive=True)
            assert counts(pool) == (0, 1, 0)
        assert counts(pool) == (1, 0, 0)
    assert server.accepted == 1


@each_kind
@each_sharing
async def test_a_connection_that_cannot_be_made(exclusive: bool, shared: int) -> None:
    """G5: the lease stays held and detached, for another attempt."""
    server = FakeServer()
    server.down = True
    async with server.pool(max_connections=1, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            for _ in range(2):
                with pytest.raises(ConnectionError):
                    await lease.attach(exclusive=exclusive)
                assert lease.connection is None
                assert counts(pool) == (0, 1, 0)
            server.down = False
            await lease.attach(exclusive=exclusive)
        assert counts(pool) == (1, 0, 0)


@each_sharing
async def test_an_attempt_that_is_cancelled_or_refused_detaches(shared: int) -> None:
    """G5: after each attempt the connection is released, and the lease stays held."""
    server = FakeServer()
    async with server.pool(max_connections=1, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            server.on("GET", silent, times=1)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lease.attempt, (b"GET", b"k"), False)
                await server.wait_for("GET")
                tasks.cancel_scope.cancel()
            assert lease.connection is None
            assert counts(pool) == (0, 1, 0)
            with pytest.raises(TypeError):
                await lease.attempt((b"SET", b"k", True), binary=False)
            assert lease.connection is None
            assert counts(pool) == (0, 1, 0)
        assert counts(pool) == (1, 0, 0)


async def test_first_come_first_served() -> None:
    """G7: waiting leases are acquired in order; if one is cancelled, the next keeps its turn."""
    pool = FakeServer().pool(pool_class=BlockingConnectionPool, max_connections=1)
    acquired: list[int] = []

    async def work(number: int, scope: anyio.CancelScope) -> None:
        with scope:
            async with Lease(pool.endpoint):
                acquired.append(number)
                await anyio.lowlevel.checkpoint()

    scopes = [anyio.CancelScope() for _ in range(5)]
    async with pool, anyio.create_task_group() as tasks:
        async with Lease(pool.endpoint) as lease:
            for number, scope in enumerate(scopes):
                tasks.start_soon(work, number, scope)
                await all_tasks_blocked()
            scopes[2].cancel()
            lease.release()  # in the same turn
            scopes[0].cancel()
        await all_tasks_blocked()
        # The first was acquired before it was cancelled, or not: the next is acquired either way.
        assert acquired in ([1, 3, 4], [0, 1, 3, 4])
        assert counts(pool) == (1, 0, 0)


# -- exclusive connections ----------------------------------------------------------------------


async def test_an_exclusive_connection_is_kept_if_it_is_unchanged() -> None:
    """G9: a dirty connection is closed, another goes back to the pool."""
    async with FakeServer().pool(max_connections=1) as pool:
        async with exclusive_connection(pool.endpoint) as first:
            pass
        async with exclusive_connection(pool.endpoint) as second:
            await second.execute_command("SELECT", 1)
        async with exclusive_connection(pool.endpoint) as third:
            pass
        assert first is second
        assert third is not second
        assert counts(pool) == (1, 0, 0)


# -- moved ----------------------------------------------------------------------------------------


@asynccontextmanager
async def two_nodes(
    *, per_node: bool
) -> AsyncGenerator[tuple[ClusterConnectionPool, ClusterEndpoint, ClusterEndpoint]]:
    """A pool for three nodes with one lease, together or for each, and two of the endpoints."""
    async with FakeCluster().pool(max_connections=1, max_connections_per_node=per_node) as pool:
        await pool.ready()
        first, second, *_ = pool.primaries()
        yield pool, first, second


async def held(endpoint: Endpoint) -> Lease:
    """A lease that is held."""
    lease = Lease(endpoint)
    await lease.acquire()
    return lease


async def test_one_limit_for_all() -> None:
    """The lease stays acquired when it moves, and is released once."""
    async with two_nodes(per_node=False) as (pool, first, second):
        lease = await held(first)
        for endpoint in (first, second, second, first):
            await lease.move(endpoint)
            assert (pool.free, pool.leased) == (0, 1)
            assert lease.endpoint is endpoint
        lease.release()
        lease.release()
        assert (pool.free, pool.leased) == (1, 0)


async def test_a_limit_for_each_node() -> None:
    """The lease is released to one limit before it is acquired from the next."""
    async with two_nodes(per_node=True) as (pool, first, second):
        lease = await held(first)
        await lease.move(second)
        assert (first.limit.acquired, second.limit.acquired) == (0, 1)
        await lease.move(first)
        assert (first.limit.acquired, second.limit.acquired) == (1, 0)
        lease.release()
        assert pool.free == pool.capacity == 3


async def test_moving_to_a_node_without_a_free_lease() -> None:
    """The error is raised, and the lease is not held; it can still move elsewhere."""
    async with two_nodes(per_node=True) as (pool, first, second):
        lease, other = await held(first), await held(second)
        with pytest.raises(MaxConnectionsError):
            await lease.move(second)
        assert (first.limit.acquired, second.limit.acquired) == (0, 1)
        await lease.move(first)
        assert first.limit.acquired == 1
        lease.release()
        other.release()
        assert (pool.free, pool.leased) == (3, 0)


@each_kind
@pytest.mark.parametrize("per_node", [False, True])
async def test_moving_releases_the_connection(per_node: bool, exclusive: bool) -> None:
    """The connection goes back to its server; the next one is a connection to the new server."""
    async with two_nodes(per_node=per_node) as (pool, first, second):
        async with Lease(first) as lease:
            before = await lease.attach(exclusive=exclusive)
            await lease.move(second)
            assert lease.connection is None
            assert first.server.allocator.leased == second.server.allocator.leased == 0
            after = await lease.attach(exclusive=exclusive)
            assert (before.address, after.address) == (first.server.address, second.server.address)
            assert (first.server.allocator.leased, second.server.allocator.leased) == (0, 1)
            assert counts(pool)[1:] == (1, 0)
        assert counts(pool) == (pool.capacity, 0, 0)


async def _times_out(lease: Lease, to: Endpoint) -> None:
    with pytest.raises(PoolTimeoutError):
        await lease.move(to)


async def _gets_cancelled(lease: Lease, to: Endpoint) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lease.move, to)
        while not to.limit.waiting:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("ends", [_times_out, _gets_cancelled])
async def test_a_move_that_waits_without_success(
    ends: Callable[[Lease, Endpoint], Awaitable[None]],
) -> None:
    """G5: a lease that waits for one node holds none of another, and none afterwards."""
    async with FakeCluster().pool(
        pool_class=BlockingClusterConnectionPool,
        timeout=0.01 if ends is _times_out else None,
        max_connections=1,
        max_connections_per_node=True,
    ) as pool:
        await pool.ready()
        first, second, *_ = pool.primaries()
        lease, other = await held(first), await held(second)
        await ends(lease, second)
        assert (first.limit.acquired, second.limit.acquired, second.limit.waiting) == (0, 1, 0)
        lease.release()
        other.release()
        assert counts(pool) == (3, 0, 0)
