"""Slots that move while the cluster is at work: no caller sees anything of it.

All on one cluster of each kind, under the load of `load.py`; the slots go back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal

from anyredis import RedisCluster, TCPAddress
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.server import Cluster, Server
from tests.faults.load import SHARDS, Load, load_on
from tests.faults.moves import NAME, counted, empty, migrate_slots, move_by_hand, private_cluster
from tests.servers import redis8_binary, valkey_binary

MOVING = range(2000, 3000)
AREAS = (MOVING[:500], MOVING[500:], SHARDS[0][3000:], *SHARDS[1:])
"""Two slots that move for each task, one that stays with their first owner, two elsewhere."""

CAPACITY = 100


@pytest.fixture(scope="module")
def redis8_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Redis 8.2."""
    with private_cluster(portal, redis8_binary()) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def valkey_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Valkey 9.1."""
    with private_cluster(portal, valkey_binary()) as cluster:
        yield cluster


def client_of(cluster: Cluster) -> RedisCluster[str]:
    """A client that knows one node to begin with, with a limit for each node."""
    return RedisCluster(
        cluster.host,
        cluster.port,
        max_connections=CAPACITY,
        max_connections_per_node=True,
        decode_responses=True,
        client_name=NAME,
    )


async def settled(load: Load) -> None:
    """No caller saw an error, everything is there exactly once, and all leases are back."""
    assert load.errors == []
    await load.check()
    pool = load.client.connection_pool
    assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


def known(pool: ClusterConnectionPool, server: Server) -> bool:
    """Whether a pool has anything for a server."""
    return TCPAddress(server.host, server.port) in {
        endpoint.address for endpoint in pool.endpoints()
    }


async def test_1000_slots_move_by_hand(redis8_nodes: Cluster) -> None:
    """MIGRATING, IMPORTING, MIGRATE, SETSLOT NODE: no error, counters exact, lists in order."""
    cluster = redis8_nodes
    empty(cluster)
    source, target, _ = cluster.primaries
    before = counted(cluster, "ASK"), counted(cluster, "TRYAGAIN")
    async with client_of(cluster) as client:
        async with load_on(client, AREAS) as load:
            await load.goes_on()
            await move_by_hand(cluster, MOVING, source, target)
            await load.goes_on()
            await move_by_hand(cluster, MOVING, target, source)
            await load.goes_on()
        await settled(load)
    asked, tried_again = counted(cluster, "ASK"), counted(cluster, "TRYAGAIN")
    assert asked > before[0], "no command met a migrating slot"
    assert tried_again > before[1], "no command met keys on two nodes"


async def test_1000_slots_move_by_themselves(valkey_nodes: Cluster) -> None:
    """CLUSTER MIGRATESLOTS: no error, counters exact, lists in order."""
    cluster = valkey_nodes
    empty(cluster)
    source, target, _ = cluster.primaries
    before = counted(cluster, "MOVED")
    async with client_of(cluster) as client:
        async with load_on(client, AREAS) as load:
            await load.goes_on()
            await migrate_slots(cluster, MOVING, source, target)
            await load.goes_on()
            await migrate_slots(cluster, MOVING, target, source)
            await load.goes_on()
        await settled(load)
    assert counted(cluster, "MOVED") > before, "no command met a slot that had moved"


async def test_a_node_joins_and_leaves_under_load(redis8_nodes: Cluster) -> None:
    """A node that no client knows gets 1,000 slots, by ASK first, gives them back and is stopped.

    No error reaches a caller, and afterwards the client has nothing left of it: neither
    connections nor leases.
    """
    cluster = redis8_nodes
    empty(cluster)
    source = cluster.primaries[0]
    async with client_of(cluster) as client:
        pool = client.connection_pool
        async with load_on(client, AREAS) as load:
            newcomer = await cluster.add_server()
            assert await pool.topology.wait_refreshed() is None
            assert not known(pool, newcomer)
            await move_by_hand(cluster, MOVING, source, newcomer, meanwhile=load.goes_on)
            await load.goes_on()
            assert pool.capacity == 4 * CAPACITY
            await move_by_hand(cluster, MOVING, newcomer, source)
            await load.goes_on()
            await cluster.remove_server(newcomer)
            await load.goes_on()
        assert await pool.topology.wait_refreshed() is None
        assert not known(pool, newcomer)
        assert pool.capacity == 3 * CAPACITY
        await settled(load)
