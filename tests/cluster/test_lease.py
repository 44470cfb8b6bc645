"""A lease that follows its command."""

from __future__ import annotations

import pytest

from anyredis import MaxConnectionsError
from anyredis.cluster.lease import Lease
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.testing import FakeCluster


async def lease_on(pool: ClusterConnectionPool) -> tuple[Lease, ClusterEndpoint, ClusterEndpoint]:
    """A lease of the first of two nodes, and both."""
    first, second, *_ = pool.primaries()
    await first.enter()
    return Lease(first), first, second


async def test_one_limit_for_all() -> None:
    """It stays the same on every node, and ends once."""
    async with FakeCluster().pool(max_connections=1) as pool:
        await pool.ready()
        lease, first, second = await lease_on(pool)
        for endpoint in (first, second, second, first):
            await lease.move(endpoint)
            assert (pool.free, pool.leased) == (0, 1)
        lease.end()
        lease.end()
        assert (pool.free, pool.leased) == (1, 0)


async def test_a_limit_for_each_node() -> None:
    """It is given back to the one before the next gives one."""
    async with FakeCluster().pool(max_connections=1, max_connections_per_node=True) as pool:
        await pool.ready()
        lease, first, second = await lease_on(pool)
        await lease.move(second)
        assert (first.limit.acquired, second.limit.acquired) == (0, 1)
        await lease.move(first)
        assert (first.limit.acquired, second.limit.acquired) == (1, 0)
        lease.end()
        assert pool.free == pool.capacity == 3


async def test_a_node_that_has_none_left() -> None:
    """The error is raised, and nothing is held any more; it may go on all the same."""
    async with FakeCluster().pool(max_connections=1, max_connections_per_node=True) as pool:
        await pool.ready()
        lease, first, second = await lease_on(pool)
        await second.enter()
        with pytest.raises(MaxConnectionsError):
            await lease.move(second)
        assert (first.limit.acquired, second.limit.acquired) == (0, 1)
        await lease.move(first)
        assert first.limit.acquired == 1
        lease.end()
        second.leave(None)
        assert (pool.free, pool.leased) == (3, 0)
