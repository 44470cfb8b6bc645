"""Tests of `anyredis.cluster.nodes.topology`: the slot map is asked for by one at a time."""

from __future__ import annotations

import anyio
import pytest

from anyredis.cluster.nodes import topology as module
from anyredis.testing import FakeCluster
from tests.blocked_tasks import all_tasks_blocked
from tests.cluster.nodes.refreshes import asked, at_once, known

pytestmark = pytest.mark.usefixtures("hurry")


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
