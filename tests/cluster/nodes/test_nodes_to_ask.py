"""Tests of `anyredis.cluster.nodes.topology`: the nodes that are asked, and the wait for them."""

from __future__ import annotations

import time

import anyio
import pytest

from anyredis import ConnectionError, ReadFrom
from anyredis.cluster.nodes import topology as module
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.pool.lease import exclusive_connection
from anyredis.testing import Answer, FakeCluster, FakeNode, FakePeer, Words, silent
from tests.cluster.nodes.refreshes import FOR_EVER, known

pytestmark = pytest.mark.usefixtures("hurry")


# -- nodes to ask -------------------------------------------------------------------------------


async def test_some_nodes_down_at_the_start() -> None:
    """One seed that answers is enough."""
    cluster = FakeCluster(3)
    for node in cluster.nodes[:2]:
        cluster.fail(node)
    async with cluster.pool(startup_nodes=[node.address for node in cluster.nodes]) as pool:
        await pool.ready()
        assert pool.slot_map.covered == 16384


async def test_all_nodes_down_at_the_start() -> None:
    """One error tells of each."""
    cluster = FakeCluster(3)
    for node in cluster.nodes:
        cluster.fail(node)
    async with cluster.pool(startup_nodes=[node.address for node in cluster.nodes]) as pool:
        with pytest.raises(ConnectionError, match=r"fake:7000: .*fake:7001: .*fake:7002: "):
            await pool.ready()


async def test_seeds_are_asked_again_when_all_others_fail() -> None:
    """As where all nodes have new addresses."""
    cluster = FakeCluster(2)
    seed = cluster.add_node()
    async with cluster.pool(startup_nodes=[seed.address]) as pool:
        await known(pool)
        assert seed.address not in pool.known
        cluster.move(range(16384), seed)
        for node in cluster.nodes[:2]:
            cluster.fail(node)
        assert await pool.topology.wait_refreshed() is None
        assert [*pool.known] == [seed.address]


async def test_the_majority_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that tells the past is outvoted, whoever answers first."""
    monkeypatch.setattr(module, "GRACE", FOR_EVER)  # not needed: all of them answer
    cluster = FakeCluster(3)
    past = cluster.slots()
    cluster.move(range(100), cluster.nodes[1])
    cluster.nodes[0].sees(past)
    async with cluster.pool(startup_nodes=[node.address for node in cluster.nodes]) as pool:
        await pool.ready()
        assert pool.slot_map.by_slot[0] is not None
        assert pool.slot_map.by_slot[0].primary == cluster.nodes[1].address


async def test_the_event_loop_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that arrive meanwhile are not late: that time is a piece of the deadline only."""
    cluster = FakeCluster(1)

    def stand_still(peer: FakePeer, words: Words) -> Answer:
        end = time.monotonic() + 0.3  # longer than all of the deadline
        while time.monotonic() < end:
            pass
        return peer.run(words)

    async with cluster.pool() as pool:
        await known(pool)
        monkeypatch.setattr(module, "DEADLINE", 0.2)
        cluster.nodes[0].server.on("CLUSTER", stand_still)
        assert await pool.topology.wait_refreshed() is None


async def test_a_node_that_is_late_is_not_waited_for() -> None:
    """Once one has answered, the others have a moment."""
    cluster = FakeCluster(3)
    async with cluster.pool() as pool:
        await known(pool)
        cluster.nodes[0].server.on("CLUSTER", silent)
        cluster.nodes[1].server.on("CLUSTER", silent)
        with anyio.fail_after(FOR_EVER / 2):
            assert await pool.topology.wait_refreshed() is None


async def test_a_refresh_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that do not answer are an error that says so, and the slot map stays."""
    cluster = FakeCluster(2)
    async with cluster.pool() as pool:
        await known(pool)
        monkeypatch.setattr(module, "DEADLINE", 0.2)
        slot_map = pool.slot_map
        for node in cluster.nodes:
            node.server.on("CLUSTER", silent)
        error = await pool.topology.wait_refreshed()
        assert isinstance(error, ConnectionError)
        assert "no answer within" in str(error)
        assert pool.slot_map is slot_map


async def test_fewer_sockets_than_nodes_to_ask() -> None:
    """Asking takes no socket of the limit's: one lease is at work while all nodes are asked."""
    cluster = FakeCluster(3)
    async with cluster.pool(max_connections=1) as pool:
        await known(pool)
        cluster.fail(cluster.nodes[2])
        async with exclusive_connection(pool.endpoint_at(cluster.nodes[0].address)) as connection:
            for _ in range(3):
                assert await pool.topology.wait_refreshed() is None
            assert connection.usable
            sockets = sum(len(node.server.peers) for node in cluster.nodes)
            assert sockets <= 1 + pool.topology.control.sockets


# -- latencies ----------------------------------------------------------------------------------


def nearest(cluster: FakeCluster) -> ClusterConnectionPool:
    """A pool that measures."""
    return cluster.pool(readonly=True, read_from=ReadFrom.NEAREST)


async def test_latencies_are_measured() -> None:
    """Each node is asked a few times, after the first refresh; not again after the next."""
    cluster = FakeCluster(2, 1)
    async with nearest(cluster) as pool:
        await pool.ready()
        with anyio.fail_after(5):
            while pool.endpoints_to_measure():
                await anyio.sleep(0.001)
        assert await pool.topology.wait_refreshed() is None
        counts = [node.server.count("PING") for node in cluster.nodes]
        assert counts == [module.PINGS + 1] * 4
        pool.forget_latencies()
        assert len(pool.endpoints_to_measure()) == 4


async def test_a_node_that_hangs_is_far_and_delays_no_refresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It counts as unreachable; the slot map is asked for meanwhile."""
    monkeypatch.setattr(module, "DEADLINE", 1.0)
    cluster = FakeCluster(1, 2)

    def hang(node: FakeNode) -> None:
        node.server.on("PING", silent)

    hang(cluster.nodes[1])
    async with nearest(cluster) as pool:
        await pool.ready()
        await cluster.nodes[1].server.wait_for("PING")
        assert await pool.topology.wait_refreshed() is None
        assert pool.endpoints_to_measure(), "the refresh waited for the one that hangs"
        with anyio.fail_after(5):
            while pool.endpoints_to_measure():
                await anyio.sleep(0.001)
        assert pool._reads.latencies[cluster.nodes[1].address] == module.UNREACHABLE
        assert pool._reads.latencies[cluster.nodes[2].address] < 1
