"""Tests of `anyredis.cluster.nodes.cluster_pool`: endpoints to all nodes, and what a change of the slot map does."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    ClusterConnectionPool,
    Connection,
    ConnectionError,
    DataError,
    ReadFrom,
)
from anyredis.cluster.nodes.slot_map import Shard, SlotMap, parse_slots
from anyredis.pool.lease import exclusive_connection
from anyredis.testing import FakeCluster
from tests.blocked_tasks import all_tasks_blocked


def slot_map_of(cluster: FakeCluster) -> SlotMap:
    """What the nodes say now."""
    return parse_slots(cluster.slots(), cluster.nodes[0].address)  # type: ignore[arg-type]


def test_what_makes_no_sense_is_refused_at_once() -> None:
    """`DataError`, before anything is opened."""
    bad: list[dict[str, Any]] = [
        {"connection_class": Connection},
        {"connection_class": 5},
        {"max_connections": 0},
        {"max_connections_per_node": 1},
        {"readonly": 1},
        {"read_from": "any"},
        {"read_from": ReadFrom.ANY},
        {"readonly": True, "read_from": ReadFrom.ZONE},
        {"availability_zone": "z1"},
        {"shared_connections": -1},
        {"startup_nodes": "a:1"},
        {"max_idle_time": -1},
        {"nonsense": 1},
    ]
    for arguments in bad:
        with pytest.raises(DataError):
            ClusterConnectionPool(**arguments)
    with pytest.raises(DataError):
        BlockingClusterConnectionPool(timeout=-1)


def test_a_url() -> None:
    """Arguments go before those of the URL."""
    pool = ClusterConnectionPool.from_url("redis://a:1,b:2?max_connections=5", max_connections=6)
    assert [str(seed) for seed in pool.seeds] == ["a:1", "b:2"]
    assert pool.capacity == 6
    blocking = BlockingClusterConnectionPool.from_url("redis://a:1?timeout=3")
    assert (blocking.capacity, blocking.strict, pool.strict) == (50, False, True)


async def test_the_router_is_told_in_place() -> None:
    """`endpoint_by_slot` has the endpoint to the primary of each slot, None where nobody serves it."""
    cluster = FakeCluster(3, 1)
    cluster.unassign(range(5, 8))
    async with cluster.pool() as pool:
        endpoint_by_slot = pool.endpoint_by_slot
        await pool.ready()
        assert pool.endpoint_by_slot is endpoint_by_slot
        for slot in (0, 4, 5, 7, 8, 6000, 16383):
            endpoint = endpoint_by_slot[slot]
            expected = None if 5 <= slot < 8 else cluster.node_of(slot).address
            assert (endpoint and endpoint.address) == expected
        assert [endpoint.address for endpoint in pool.primaries()] == [
            n.address for n in cluster.nodes[:3]
        ]
        order = [cluster.nodes[at].address for at in (0, 3, 1, 4, 2, 5)]
        assert [endpoint.address for endpoint in pool.members()] == order


async def test_a_node_in_two_shards_is_one_node() -> None:
    """In the middle of a failover, when only some slots are known to have moved."""
    cluster = FakeCluster(1, 1)
    primary, replica = (node.address for node in cluster.nodes)
    async with cluster.pool() as pool:
        await pool.ready()
        pool.record_move(5, replica)
        assert pool.slot_map.shards == (Shard(primary, (replica,)), Shard(replica, (primary,)))
        assert [endpoint.address for endpoint in pool.members()] == [primary, replica]
        assert [endpoint.address for endpoint in pool.primaries()] == [primary, replica]


async def test_a_slot_that_moved_is_known_at_once() -> None:
    """MOVED patches the slot map, also to a node that it does not know."""
    cluster = FakeCluster(2)
    newcomer = cluster.add_node()
    async with cluster.pool() as pool:
        await pool.ready()
        endpoint = pool.record_move(5, newcomer.address)
        assert pool.endpoint_for_slot(5, reads=False) is endpoint
        assert pool.endpoint_for_slot(4, reads=False) is not endpoint
        assert endpoint in pool.primaries()
        assert pool.record_move(5, newcomer.address) is endpoint


async def test_a_node_that_left_takes_no_more_leases() -> None:
    """Its endpoint is closed, its sockets go; where it comes back there is a new endpoint."""
    cluster = FakeCluster(2)
    async with cluster.pool() as pool:
        await pool.ready()
        second = cluster.nodes[1]
        endpoint = pool.endpoint_at(second.address)
        async with exclusive_connection(endpoint):
            pass
        whole = slot_map_of(cluster)
        cluster.move(range(16384), cluster.nodes[0])
        pool.replace_slot_map(slot_map_of(cluster))
        assert not endpoint.server.open
        assert second.address not in pool.known
        with pytest.raises(ConnectionError, match="left the cluster"):
            await exclusive_connection(endpoint).__aenter__()
        await all_tasks_blocked()
        assert second.server.peers == []
        pool.replace_slot_map(whole)
        assert pool.endpoint_at(second.address) is not endpoint
        assert endpoint not in pool.endpoints()


async def test_a_node_that_is_visited_stays_a_while() -> None:
    """Though the slot map does not know it, as in the middle of a migration."""
    cluster = FakeCluster(2)
    newcomer = cluster.add_node()
    async with cluster.pool() as pool:
        await pool.ready()
        endpoint = pool.temporary_endpoint(newcomer.address)
        pool.replace_slot_map(slot_map_of(cluster))
        assert pool.temporary_endpoint(newcomer.address) is endpoint
        pool.replace_slot_map(slot_map_of(cluster))
        pool.replace_slot_map(slot_map_of(cluster))
        assert newcomer.address not in pool.known


async def test_any_endpoint_takes_turns() -> None:
    """Some primary in turn, none that rests while another does not."""
    cluster = FakeCluster(3)
    async with cluster.pool() as pool:
        assert pool.any_endpoint() is None
        await pool.ready()
        assert len({pool.any_endpoint() for _ in range(3)}) == 3
        is_unhealthy = pool.primaries()[1]
        is_unhealthy.server.mark_unhealthy()
        assert is_unhealthy not in [pool.any_endpoint() for _ in range(6)]
        for endpoint in pool.primaries():
            endpoint.server.mark_unhealthy()
        assert pool.any_endpoint() is not None


async def test_reads_go_to_replicas_that_are_fit() -> None:
    """The one that rests is left; a write is for the primary."""
    cluster = FakeCluster(1, 2)
    primary, one, other = (node.address for node in cluster.nodes)
    async with cluster.pool(readonly=True) as pool:
        await pool.ready()

        def asked() -> set[object]:
            endpoints = [pool.endpoint_for_slot(0, reads=True) for _ in range(4)]
            return {endpoint.address for endpoint in endpoints if endpoint is not None}

        assert asked() == {one, other}
        pool.endpoint_at(one).server.mark_unhealthy()
        assert asked() == {other}
        pool.endpoint_at(other).server.mark_unhealthy()
        assert asked() == {primary}
        endpoint = pool.endpoint_for_slot(0, reads=False)
        assert endpoint is not None
        assert endpoint.address == primary


async def test_what_was_measured_holds_until_it_is_measured_again() -> None:
    """Reads do not go far meanwhile."""
    cluster = FakeCluster(1, 2)
    _, near, _ = (node.address for node in cluster.nodes)
    async with cluster.pool(readonly=True, read_from=ReadFrom.NEAREST) as pool:
        pool.replace_slot_map(slot_map_of(cluster))
        pool.record_latencies({node.address: 0.5 for node in cluster.nodes} | {near: 0.1})
        pool.forget_latencies()
        pool.replace_slot_map(slot_map_of(cluster))
        endpoint = pool.endpoint_for_slot(0, reads=True)
        assert endpoint is not None
        assert endpoint.address == near


async def test_the_clock_of_another_event_loop_means_nothing() -> None:
    """A pool that is entered again does not wait for a moment that never comes."""
    cluster = FakeCluster(1)
    pool = cluster.pool()
    async with pool:
        await pool.ready()
        node = pool.endpoint_at(cluster.nodes[0].address).server
        node.dials.failures = 5
        node.dials._last_failure = node.dials._unhealthy_until = 1e9
    async with pool:
        assert not node.is_unhealthy
        with anyio.fail_after(10):
            assert await pool.topology.wait_refreshed() is None


async def test_what_it_holds_is_told() -> None:
    """`repr` counts over all nodes."""
    cluster = FakeCluster(2)
    pool = cluster.pool(max_connections=5)
    assert repr(pool) == "<ClusterConnectionPool not open>"
    async with pool:
        await pool.ready()
        async with exclusive_connection(pool.endpoint_at(cluster.nodes[1].address)):
            assert "capacity=5 free=4 leased=1 connecting=0 waiting=0" in repr(pool)
            assert "exclusive=1" in repr(pool)
