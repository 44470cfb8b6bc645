"""Keyspace events of a cluster: every primary is subscribed, and those that come later too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    Gap,
    KeyEvent,
    MaxConnectionsError,
    PubSubError,
    RedisCluster,
    Retry,
)
from anyredis.exceptions import from_server
from anyredis.server import Cluster
from anyredis.testing import FakeCluster, FakeNode

CHANNEL = b"__keyspace@0__:k"


@pytest.fixture
def cluster() -> FakeCluster:
    """Three primaries with a replica each."""
    return FakeCluster(3, 1)


@pytest.fixture
async def client(cluster: FakeCluster) -> AsyncIterator[RedisCluster[str]]:
    """A client of it."""
    async with cluster.client(decode_responses=True, retry=Retry(deadline=5)) as client:
        yield client


def subscribed(cluster: FakeCluster) -> list[FakeNode]:
    """The nodes at which the events of the key are subscribed."""
    return [node for node in cluster.nodes if CHANNEL in node.server.memory.pubsub.names()]


def tell(node: FakeNode, event: bytes) -> int:
    """Let *node* tell of an event of its key; it is told to nobody else."""
    return node.server.memory.pubsub.deliver(CHANNEL, event)


async def test_all_primaries(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """Events of each come in one stream; each has a lease while the stream is open."""
    async with client.keyspace_events("k") as events:
        assert subscribed(cluster) == cluster.nodes[:3]
        for node, word in zip(cluster.nodes, (b"set", b"del", b"expire"), strict=False):
            assert tell(node, word) == 1
            assert await anext(events) == KeyEvent("k", word.decode(), 0)
        assert client.connection_pool.leased == 3
    assert client.connection_pool.leased == 0


async def test_events_in_a_row(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """Events of one key at one primary, which come together, are all there, in order."""
    words = [b"event%d" % number for number in range(20)]
    async with client.keyspace_events("k") as events:
        for word in words:
            tell(cluster.nodes[1], word)
        assert [(await anext(events)) for _ in words] == [
            KeyEvent("k", word.decode(), 0) for word in words
        ]


async def test_a_new_primary(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """It is subscribed as soon as it is in the slot map, which is a gap."""
    async with client.keyspace_events("k") as events:
        new = cluster.add_node()
        cluster.move(0, new)
        assert await client.connection_pool.topology.wait_refreshed() is None
        gap = await anext(events)
        assert isinstance(gap, Gap)
        assert gap.channels == {CHANNEL.decode()}
        assert "has become a primary" in gap.reason
        assert gap.since <= gap.until
        assert subscribed(cluster) == [*cluster.nodes[:3], new]
        tell(new, b"set")
        assert await anext(events) == KeyEvent("k", "set", 0)


async def test_a_failover(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """The new primary is subscribed instead of the old one; the gap begins with the loss."""
    old = cluster.nodes[0]
    [replica] = [node for node in cluster.nodes if node.primary is old]
    async with client.keyspace_events("k") as events:
        cluster.fail(old)
        cluster.promote(replica)
        gap = await anext(events)
        assert isinstance(gap, Gap)
        while "has become a primary" not in gap.reason:
            assert "was lost" in gap.reason
            more = await anext(events)
            assert isinstance(more, Gap)
            gap = gap.joined(more)
        cluster.revive(old)
        await client.connection_pool.topology.wait_refreshed()
        assert set(subscribed(cluster)) == {*cluster.nodes[1:3], replica}
        tell(replica, b"set")
        assert await anext(events) == KeyEvent("k", "set", 0)
        assert client.connection_pool.leased == 3


async def test_a_primary_that_is_demoted(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """A node that becomes a replica is left: what it tells is not told twice."""
    old = cluster.nodes[0]
    [replica] = [node for node in cluster.nodes if node.primary is old]
    async with client.keyspace_events("k") as events:
        cluster.promote(replica)
        await client.connection_pool.topology.wait_refreshed()
        assert isinstance(await anext(events), Gap)
        with anyio.fail_after(10):
            while old in subscribed(cluster):
                await anyio.lowlevel.checkpoint()
        assert set(subscribed(cluster)) == {*cluster.nodes[1:3], replica}


async def test_a_primary_that_loses_its_connection(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """It is subscribed again, which is a gap; the others go on."""
    async with client.keyspace_events("k") as events:
        cluster.nodes[1].server.reset()
        assert isinstance(await anext(events), Gap)
        assert subscribed(cluster) == cluster.nodes[:3]


async def test_limits_hold(cluster: FakeCluster) -> None:
    """Too few leases for all primaries: entering fails, and nothing stays subscribed."""
    async with cluster.client(decode_responses=True, max_connections=2) as client:
        with pytest.raises(MaxConnectionsError):
            await client.keyspace_events("k").__aenter__()
        assert client.connection_pool.leased == 0
        assert await client.get("k") is None
    assert subscribed(cluster) == []


async def test_one_primary_without_events(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """The error names that node."""
    for node in cluster.nodes[:3]:
        node.server.on("CONFIG", {b"notify-keyspace-events": b"KA"})
    cluster.nodes[1].server.on("CONFIG", {b"notify-keyspace-events": b""})
    with pytest.raises(PubSubError, match="fake:7001 does not send"):
        await client.keyspace_events("k").__aenter__()
    cluster.nodes[1].server.on("CONFIG", from_server("NOPERM nothing for you"))
    async with client.keyspace_events("k"):
        assert subscribed(cluster) == cluster.nodes[:3]


async def test_a_real_cluster(valkey_cluster: Cluster) -> None:
    """Events of keys on all primaries come in one stream."""
    seeds = [(server.host, server.port) for server in valkey_cluster.primaries]
    async with RedisCluster(startup_nodes=seeds, decode_responses=True) as client:
        try:
            for node in client.primaries():
                await node.config_set("notify-keyspace-events", "KEA")
            async with client.keyspace_events("key:*", events="set") as events:
                keys = {f"key:{number}" for number in range(20)}
                for key in keys:
                    await client.set(key, "x")
                found = {await anext(events) for _ in keys}
            assert found == {KeyEvent(key, "set", 0) for key in keys}
        finally:
            for node in client.primaries():
                await node.config_set("notify-keyspace-events", "")
