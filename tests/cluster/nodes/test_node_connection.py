"""Tests of `anyredis.cluster.nodes.node_connection`: what a node is told when one connects to it."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from anyredis import ClusterConnection, DataError
from anyredis.testing import FakeCluster, FakeNode


def told(node: FakeNode) -> list[bool]:
    """Whether each connection to *node*, but the one that asks for the slot map, said READONLY."""
    peers = [peer for peer in node.server.peers if (b"CLUSTER", b"SLOTS") not in peer.received]
    return [(b"READONLY",) in peer.received for peer in peers]


def test_it_is_an_ordinary_connection_to_begin_with() -> None:
    """Without *readonly* nothing is added to the handshake."""
    assert ClusterConnection(host="h").extra_steps() == ()
    assert [step.args for step in ClusterConnection(readonly=True).extra_steps()] == [
        (b"READONLY",)
    ]


def test_readonly_is_a_flag() -> None:
    """Anything else is refused at once."""
    with pytest.raises(DataError):
        ClusterConnection(readonly=1)  # type: ignore[arg-type]


async def test_readonly_is_for_replicas_of_a_client_that_reads_from_them() -> None:
    """Primaries are not told, nor replicas of a client that does not read from them."""
    cluster = FakeCluster(1, 1)
    primary, replica = cluster.nodes
    async with cluster.client(readonly=True) as client:
        await client.get("k")
        await client.set("k", 1)
        assert (told(primary), told(replica)) == ([False], [True])
    async with cluster.client() as client:
        await client.get("k")
        for node in client.nodes():
            await node.ping()
        assert (told(primary), told(replica)) == ([False], [False])


async def test_a_replica_that_becomes_primary_and_back() -> None:
    """After each change reads go to who is a replica now, and are answered there."""
    cluster = FakeCluster(1, 1)
    async with cluster.client(readonly=True) as client:
        await client.set("k", 1)
        for _ in range(3):
            [replica] = [node for node in cluster.nodes if node.primary is not None]
            before = replica.server.count("GET")
            assert await client.get("k") == b"1"
            assert replica.server.count("GET") == before + 1
            assert told(replica) == [True]
            cluster.promote(replica)
            assert await client.connection_pool.topology.wait_refreshed() is None
            await client.set("k", 1)


async def test_a_dial_that_was_begun_before_its_node_became_a_replica() -> None:
    """G9: the connection never said READONLY, so it is not used."""
    cluster = FakeCluster(1, 1)
    first, second = cluster.nodes
    async with cluster.client(readonly=True) as client:
        await client.set("k", 1)
        first.server.reset()
        first.server.hold()
        pool = client.connection_pool
        endpoint = pool.endpoint_at(first.address)
        cluster.promote(second)
        while endpoint.server.connections():
            await anyio.lowlevel.checkpoint()
        hellos = first.server.count("HELLO")

        async def use() -> None:
            endpoint.server.release_multiplexed(await endpoint.server.acquire_multiplexed())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            await first.server.wait_for("HELLO", hellos + 1)
            assert await pool.topology.wait_refreshed() is None
            assert first.address in pool.slot_map.shards[0].replicas
            first.server.release()
        assert await client.get("k") == b"1"
        assert first.server.count("GET") == 1
        assert told(first) == [True]
        assert endpoint.server.allocator.sockets == 1
