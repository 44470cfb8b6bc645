"""Tests of `anyredis.cluster.nodes.topology`: the slot map is asked for in the background, by one at a time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from anyredis import ConnectionError, ReadFrom, RedisError
from anyredis.cluster.nodes import topology as module
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.pool.lease import exclusive_connection
from anyredis.testing import (
    Answer,
    FakeCluster,
    FakeClusterConnection,
    FakeNode,
    FakePeer,
    Words,
    silent,
)
from tests.blocked_tasks import all_tasks_blocked


def asked(cluster: FakeCluster) -> int:
    """How often some node was asked for the slot map."""
    return sum(node.server.count("CLUSTER") for node in cluster.nodes)


async def known(pool: ClusterConnectionPool) -> ClusterConnectionPool:
    """*pool*, once it knows the slot map and the pause after that is over."""
    await pool.ready()
    await anyio.sleep(module.PAUSE * 1.5)
    return pool


FOR_EVER = 40.0
"""Seconds that no test has."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes hundredths here; a deadline, which a test sets for itself, for ever.

    So a machine that stands still for a moment is no node that does not answer.
    """
    monkeypatch.setattr(module, "DEADLINE", FOR_EVER)
    monkeypatch.setattr(module, "PAUSE", 0.02)


async def at_once(*calls: Callable[[], Awaitable[object]]) -> None:
    """Make all *calls* at the same time."""

    async def make(call: Callable[[], Awaitable[object]]) -> None:
        await call()

    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(make, call)


# -- one at a time ------------------------------------------------------------------------------


async def test_a_refresh_is_single_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred who want one at once get the same."""
    monkeypatch.setattr(module, "GRACE", 30.0)  # on a busy machine, too, each node has its time
    cluster = FakeCluster(3)
    async with cluster.pool() as pool:
        await known(pool)
        before = asked(cluster)
        await at_once(*[pool.topology.wait_refreshed] * 100)
        assert asked(cluster) - before == 3


async def test_refreshes_have_a_pause_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the slot map is in doubt."""
    monkeypatch.setattr(module, "PAUSE", 0.1)
    cluster = FakeCluster(1)
    async with cluster.pool() as pool:
        await known(pool)
        before = asked(cluster)
        begin = anyio.current_time()
        for _ in range(3):
            assert await pool.topology.wait_refreshed() is None
        assert anyio.current_time() - begin >= 0.19
        assert asked(cluster) - before == 3


async def test_asked_anew() -> None:
    """Who asks *anew* gets what was said after that; who does not is content with less."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    async with cluster.pool() as pool:
        await known(pool)
        node.server.hold()
        pool.topology.refresh_soon()
        before = asked(cluster)
        await node.server.wait_for("CLUSTER", before + 1)
        told: list[str] = []

        async def wait(*, anew: bool) -> None:
            assert await pool.topology.wait_refreshed(anew=anew) is None
            told.append("anew" if anew else "content")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: wait(anew=True))
            tasks.start_soon(lambda: wait(anew=False))
            await all_tasks_blocked()
            node.server.release()
        assert told == ["content", "anew"]
        assert asked(cluster) == before + 2


async def test_a_quiet_pool_asks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing happened."""
    monkeypatch.setattr(module, "INTERVAL", 0.03)
    cluster = FakeCluster(1)
    async with cluster.pool() as pool:
        await pool.ready()
        with anyio.fail_after(5):
            await cluster.nodes[0].server.wait_for("CLUSTER", 4)


async def test_waiting_for_a_refresh_can_be_cancelled() -> None:
    """The others are told all the same."""
    cluster = FakeCluster(1)
    async with cluster.pool() as pool:
        await known(pool)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await pool.topology.wait_refreshed()
        assert pool.topology._waiting == pool.topology._waiting_for_next == []
        assert await pool.topology.wait_refreshed() is None


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
    monkeypatch.setattr(module, "DEADLINE", 0.2)
    cluster = FakeCluster(1)

    def stand_still(peer: FakePeer, words: Words) -> Answer:
        end = time.monotonic() + 0.3  # longer than all of the deadline
        while time.monotonic() < end:
            pass
        return peer.run(words)

    async with cluster.pool() as pool:
        await known(pool)
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
    monkeypatch.setattr(module, "DEADLINE", 0.2)
    cluster = FakeCluster(2)
    async with cluster.pool() as pool:
        await known(pool)
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


# -- what goes wrong ----------------------------------------------------------------------------


async def test_a_node_that_knows_of_no_slots_is_not_believed() -> None:
    """One that was taken out of its cluster says that nobody serves anything."""
    cluster = FakeCluster(2)
    async with cluster.pool() as pool:
        await known(pool)
        slot_map = pool.slot_map
        for node in cluster.nodes:
            node.sees([])
        error = await pool.topology.wait_refreshed()
        assert isinstance(error, RedisError)
        assert "knows no node that serves slots" in str(error)
        assert pool.slot_map is slot_map


GARBAGE: list[Any] = [[[0]], [[0, 1, []]], b"no", [5], 7, [[0, 99999, [b"h", 1]]]]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_from_one_node(garbage: Any) -> None:
    """The others are believed; from all of them it is an error, and nothing else happens."""
    cluster = FakeCluster(3)
    async with cluster.pool() as pool:
        await known(pool)
        cluster.nodes[0].server.on("CLUSTER", garbage)
        assert await pool.topology.wait_refreshed() is None
        for node in cluster.nodes[1:]:
            node.server.on("CLUSTER", garbage)
        error = await pool.topology.wait_refreshed()
        assert isinstance(error, RedisError)
        assert pool.slot_map.covered == 16384


class Odd(FakeClusterConnection):
    """A connection of the user's own that fails in its own way."""

    opening: BaseException | None = None
    answering: BaseException | None = None

    async def open_stream(self) -> ByteStream:
        """The stream, or trouble."""
        if Odd.opening is not None:
            raise Odd.opening
        return await super().open_stream()

    async def connect(self) -> None:
        """Connect, or trouble."""
        if Odd.answering is not None:
            raise Odd.answering
        await super().connect()


@pytest.mark.parametrize("where", ["opening", "answering"])
@pytest.mark.parametrize("read_from", [ReadFrom.REPLICAS, ReadFrom.NEAREST])
async def test_a_connection_class_that_raises_something_odd(
    monkeypatch: pytest.MonkeyPatch, where: str, read_from: ReadFrom
) -> None:
    """G14: the user's block goes on, and those who wait are told."""
    cluster = FakeCluster(2, 1)
    pool = ClusterConnectionPool(
        connection_class=Odd, cluster=cluster, host="fake", port=7000, readonly=True,
        read_from=read_from,
    )  # fmt: skip
    async with pool:
        await known(pool)
        for node in cluster.nodes:
            node.server.reset()
        monkeypatch.setattr(Odd, where, ZeroDivisionError("mine"))
        pool.forget_latencies()
        with anyio.fail_after(5):
            error = await pool.topology.wait_refreshed()
        assert isinstance(error, RedisError)
        assert "mine" in str(error)
        monkeypatch.undo()
        with anyio.fail_after(5):
            assert await pool.topology.wait_refreshed() is None


async def test_a_refresh_that_raises_something_odd(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """G14: it is logged, and those who wait are told."""
    cluster = FakeCluster(1)
    async with cluster.pool() as pool:
        await known(pool)

        def replace_slot_map(_layout: object) -> None:
            raise ZeroDivisionError("mine")

        monkeypatch.setattr(pool, "replace_slot_map", replace_slot_map)
        error = await pool.topology.wait_refreshed()
        assert isinstance(error, ConnectionError)
        assert isinstance(error.__cause__, ZeroDivisionError) or "mine" in str(error)
        monkeypatch.undo()
        assert "asking for the slot map of the cluster failed" in caplog.text


async def test_leaving_the_pool_wakes_waiting_calls() -> None:
    """G8: nobody hangs, then or later."""
    cluster = FakeCluster(1)
    pool = cluster.pool()
    told: list[RedisError | None] = []

    async def wait() -> None:
        told.append(await pool.topology.wait_refreshed())

    async with anyio.create_task_group() as tasks:
        async with pool:
            await known(pool)
            cluster.nodes[0].server.hold()
            tasks.start_soon(wait)
            await all_tasks_blocked()
            pool.topology.refresh_soon()
        tasks.start_soon(wait)
        with anyio.fail_after(5):
            while len(told) < 2:
                await anyio.lowlevel.checkpoint()
    assert all(isinstance(error, ConnectionError) for error in told)


async def test_leaving_in_the_turn_of_a_wish_and_entering_again() -> None:
    """The task of the last time does not take the wishes of the next."""
    cluster = FakeCluster(1)
    pool = cluster.pool()
    for _ in range(5):
        async with pool:
            with anyio.fail_after(5):
                await pool.ready()
                assert await pool.topology.wait_refreshed() is None
            await anyio.sleep(module.PAUSE * 1.5)
            pool.topology.refresh_soon()
        assert isinstance(await pool.topology.wait_refreshed(), ConnectionError)


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


# -- nonsense -----------------------------------------------------------------------------------


async def test_nonsense_leaves_the_slot_map_and_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ports and ranges that cannot be are refused; the next refresh comes soon, without a request."""
    monkeypatch.setattr(module, "AGAIN", 0.02)
    cluster = FakeCluster(3)
    async with cluster.pool() as pool:
        await known(pool)
        before = pool.slot_map
        for node in cluster.nodes:
            node.server.on("CLUSTER", [[0, 16383, [b"h", 0, b"id"]]])
        error = await pool.topology.wait_refreshed(anew=True)
        assert error is not None
        assert "a port from 1 to 65535" in str(error)
        assert pool.slot_map is before
        count = asked(cluster)
        with anyio.fail_after(30):
            while asked(cluster) == count:  # any of the nodes may be asked
                await anyio.sleep(0.001)
        for node in cluster.nodes:
            node.server.off("CLUSTER")
        assert await pool.topology.wait_refreshed(anew=True) is None
