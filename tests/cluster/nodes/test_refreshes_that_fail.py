"""Tests of `anyredis.cluster.nodes.topology`: what goes wrong in a refresh, and who is told."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from anyredis import ConnectionError, ReadFrom, RedisError
from anyredis.cluster.nodes import topology as module
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.testing import FakeCluster, FakeClusterConnection
from tests.blocked_tasks import all_tasks_blocked
from tests.cluster.nodes.refreshes import asked, known

pytestmark = pytest.mark.usefixtures("hurry")


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
