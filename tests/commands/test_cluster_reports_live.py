"""Reports about a cluster from real clusters: each method once, on every server that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import NodeClient, RedisCluster
from anyredis.exceptions import DataError, ResponseError
from anyredis.server import Cluster


@pytest.fixture(params=["valkey_cluster", "redis8_cluster"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[RedisCluster[bytes]]:
    """A client of a cluster of each server, which does not decode."""
    cluster: Cluster = request.getfixturevalue(request.param)
    async with RedisCluster.from_url(cluster.url) as client:
        await client.ping()
        while len(client.nodes()) < len(
            cluster.servers
        ):  # a replica that has just begun is not told
            await client.connection_pool.topology.wait_refreshed()
        yield client


def some_primary(client: RedisCluster[bytes]) -> NodeClient[bytes]:
    """A client of one primary."""
    return client.primaries()[0]


async def test_nodes(client: RedisCluster[bytes]) -> None:
    """Nodes, their roles and their slots are those of the slot map."""
    node = some_primary(client)
    nodes = await node.cluster_nodes()
    assert {f"{each.host}:{each.port}" for each in nodes} == {
        each.address for each in client.nodes()
    }
    [own] = [each for each in nodes if "myself" in each.flags]
    assert own.id == await node.cluster_myid()
    assert own.primary_id is None
    assert own.slots == [(own.slots[0][0], own.slots[0][1])]
    assert (own.migrating, own.importing) == ({}, {})
    assert len(await node.cluster_myshardid()) == 40
    replicas = await node.cluster_replicas(own.id)
    assert [each.primary_id for each in replicas] == [own.id] * len(replicas)
    assert await node.cluster_count_failure_reports(own.id) == 0
    with pytest.raises(ResponseError, match="Unknown node"):
        await node.cluster_replicas("nothing")


async def test_slots(client: RedisCluster[bytes]) -> None:
    """Each slot has its primary and its replicas, in three reports alike."""
    node = some_primary(client)
    ranges = await node.cluster_slots()
    assert sum(each.end - each.start + 1 for each in ranges) == 16384
    shards = await client.cluster_shards()
    assert sorted(span for shard in shards for span in shard.slots) == sorted(
        (each.start, each.end) for each in ranges
    )
    by_slots = {shard.slots[0]: shard for shard in shards}
    for each in ranges:
        nodes = by_slots[each.start, each.end].nodes
        assert {server.id for server in each.nodes} == {server.id for server in nodes}
        assert {server.role for server in nodes} <= {"master", "replica"}
        assert {server.health for server in nodes} == {"online"}


async def test_keys(client: RedisCluster[bytes]) -> None:
    """The keys of a slot are those of its node."""
    await client.mset({"{a}1": 1, "{a}2": 2})
    slot = client.slot_of("{a}")
    node = client.node_for("{a}")
    assert await client.cluster_keyslot("{a}1") == slot
    assert await node.cluster_countkeysinslot(slot) == 2
    assert sorted(await node.cluster_getkeysinslot(slot, 10)) == [b"{a}1", b"{a}2"]
    assert len(await node.cluster_getkeysinslot(slot, 1)) == 1
    stats = await node.cluster_slot_stats(slot, slot)
    assert stats[slot]["key-count"] == 2
    most = await node.cluster_slot_stats(orderby="KEY-COUNT", limit=1)
    assert len(most) == 1
    await client.delete("{a}1", "{a}2")


async def test_state(client: RedisCluster[bytes]) -> None:
    """The state of the cluster, and the links of a node."""
    state = await client.cluster_info()
    assert (state["cluster_state"], state["cluster_slots_ok"]) == ("ok", 16384)
    node = some_primary(client)
    links = await node.cluster_links()
    others = {each.id for each in await node.cluster_nodes() if "myself" not in each.flags}
    assert {each.node for each in links} == others
    assert {each.direction for each in links} == {"to", "from"}


async def test_changes_need_a_node(client: RedisCluster[bytes]) -> None:
    """A change of one node is refused by the cluster's client, before anything is sent."""
    with pytest.raises(DataError, match="node"):
        await client.cluster_forget("nothing")
