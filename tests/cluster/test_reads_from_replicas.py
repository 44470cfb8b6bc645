"""Reads of a cluster's replicas: who is asked, and who is left alone."""

from __future__ import annotations

import anyio
import pytest

from anyredis import ReadFrom, RedisCluster
from anyredis.exceptions import from_server
from anyredis.testing import FakeCluster

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves."""


async def readers(client: RedisCluster[bytes], cluster: FakeCluster, times: int = 12) -> set[int]:
    """The ports of the nodes that answer GET foo."""
    before = {node: node.server.memory.ran[b"GET"] for node in cluster.nodes}
    for _ in range(times):
        await client.get("foo")
    return {n.port for n in cluster.nodes if n.server.memory.ran[b"GET"] > before[n]}


@pytest.mark.parametrize(
    ("policy", "ports"),
    [(ReadFrom.REPLICAS, {7005, 7008}), (ReadFrom.ANY, {7002, 7005, 7008})],
)
async def test_whom_a_readonly_client_asks(policy: ReadFrom, ports: set[int]) -> None:
    """Reads go to the replicas in turn, or to all; writes go to the primary."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True, read_from=policy) as client:
        await client.set("foo", "v")
        assert await readers(client, cluster) == ports
        assert cluster.nodes[2].server.count("SET") == 1


async def test_the_nearest_is_asked() -> None:
    """One of them, by its latency."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True, read_from=ReadFrom.NEAREST) as client:
        pool = client.connection_pool
        with anyio.fail_after(5):
            while pool.endpoints_to_measure():
                await anyio.sleep(0.001)
        for nearest in (7002, 7008):
            pool.record_latencies(
                {endpoint.address: endpoint.address.port != nearest for endpoint in pool.members()}
            )
            assert await readers(client, cluster) == {nearest}


async def test_a_replica_that_fails_is_left() -> None:
    """No read fails, and the replica counts as unhealthy for a while."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True) as client:
        assert await readers(client, cluster) == {7005, 7008}
        cluster.fail(cluster.nodes[5])
        assert await readers(client, cluster) == {7008}
        cluster.fail(cluster.nodes[8])
        assert await readers(client, cluster) == {7002}


@pytest.mark.parametrize("text", ["LOADING the dataset", "MASTERDOWN link is down"])
async def test_a_replica_that_cannot_answer_is_left(text: str) -> None:
    """One that loads, or has lost its primary: another is asked, and it rests."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True) as client:
        cluster.nodes[5].server.on("GET", from_server(text))
        assert await readers(client, cluster) == {7008}
        assert cluster.nodes[5].server.count("GET") == 1


async def test_a_replica_that_became_another() -> None:
    """A slot that it serves no more: it says MOVED, and the primary answers."""
    cluster = FakeCluster(3, 1)
    async with cluster.client(readonly=True) as client:
        await client.set("foo", "v")
        cluster.move(FOO, cluster.nodes[0])
        assert [await client.get("foo") for _ in range(4)] == [b"v"] * 4


async def test_a_pipeline_that_writes_reads_from_the_primary() -> None:
    """Its reads are to see its writes; one that only reads may ask a replica."""
    cluster = FakeCluster(3, 1)
    async with cluster.client(readonly=True) as client:
        async with client.pipeline() as pipe:
            pipe.set("foo", "v")
            got, other = pipe.get("foo"), pipe.get("bar")
        assert (got.value, other.value) == (b"v", None)
        ran = [node.server.memory.ran[b"GET"] for node in cluster.nodes]
        assert ran == [1, 0, 1, 0, 0, 0]
        async with client.pipeline() as pipe:
            got, several = pipe.get("foo"), pipe.mget("foo", "bar")
        assert (got.value, several.value) == (b"v", [b"v", None])
        assert [node.server.memory.ran[b"GET"] for node in cluster.nodes][5] == 1
        assert [node.server.memory.ran[b"MGET"] for node in cluster.nodes[:3]] == [0, 0, 0]
