"""The client for one node of a cluster outlives changes of the slot map."""

from __future__ import annotations

import pytest

from anyredis import ConnectionError, MovedError
from anyredis.testing import FakeCluster


async def test_all_kinds_of_calls() -> None:
    """Commands, pipelines, transactions, blocking commands and sessions go to that node."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        node = client.node("fake:7002")
        assert await node.set("foo", "v")
        async with node.pipeline() as pipe:
            got, size = pipe.get("foo"), pipe.dbsize()
        assert (got.value, size.value) == ("v", 1)
        async with node.session() as session:
            assert await session.watch("foo")
        await node.rpush("{foo}list", "x")
        assert await node.blpop("{foo}list") == ("{foo}list", "x")
        assert [key async for key in node.scan_iter()] == ["foo"]
        assert await node.execute_command("DBSIZE") == 1
        assert [each.server.accepted > 0 for each in cluster.nodes] == [True, False, True]


async def test_nothing_is_redirected() -> None:
    """It is that node that was asked for."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        with pytest.raises(MovedError):
            await client.node("fake:7000").get("foo")
        async with client.node("fake:7000").pipeline(raise_on_error=False) as pipe:
            moved = pipe.get("foo")
        assert isinstance(moved.error, MovedError)


async def test_a_node_that_the_layout_does_not_know() -> None:
    """It answers, independent of refreshes of the slot map meanwhile."""
    cluster = FakeCluster()
    joined = cluster.add_node()
    async with cluster.client() as client:
        node = client.node(joined.address)
        for _ in range(2):
            assert await node.dbsize() == 0
            async with node.session() as session, node.pipeline() as pipe:
                size = pipe.dbsize()
                assert await session.dbsize() == 0
            assert size.value == 0
            for _ in range(2):
                await client.connection_pool.topology.wait_refreshed()
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_a_node_that_comes_back() -> None:
    """A replica that was down for a while is the same node to its client."""
    cluster = FakeCluster(1, 1)
    replica = cluster.nodes[1]
    async with cluster.client() as client:
        _, node = client.nodes()
        assert await node.dbsize() == 0
        cluster.fail(replica)
        replica.failed = True  # the others know, and CLUSTER SLOTS does not tell it
        for _ in range(3):
            await client.connection_pool.topology.wait_refreshed()
        with pytest.raises(ConnectionError):
            await node.dbsize()
        cluster.revive(replica)
        assert await node.dbsize() == 0
