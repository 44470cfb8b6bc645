"""Tests of `PoolWatcher`: a listener with a task, which sees the connections of a pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from anyredis import PoolView, PoolWatcher
from anyredis.testing import FakeCluster
from tests.connection.listeners import RecordingListener


class WorkingWatcher(RecordingListener):
    """A watcher that runs *work*."""

    def __init__(self, work: Callable[[PoolView], Awaitable[None]]) -> None:
        super().__init__()
        self._work = work

    async def watch(self, pool: PoolView, /) -> None:
        """Run it."""
        await self._work(pool)


async def test_a_watcher_of_a_cluster() -> None:
    """It sees the connections to all nodes, and can replace them."""
    done = anyio.Event()
    may_work = anyio.Event()

    async def work(pool: PoolView) -> None:
        await may_work.wait()
        assert len(pool.connections()) == 3
        pool.replace_connections("the test says so", pool.connections()[:1])
        assert len(pool.connections()) == 2
        pool.replace_connections("the test says so")
        assert pool.connections() == []
        done.set()

    listener = WorkingWatcher(work)
    assert isinstance(listener, PoolWatcher)
    assert not isinstance(RecordingListener(), PoolWatcher)
    async with FakeCluster(3).client(listeners=[listener]) as client:
        await client.mget("bar", "eggs", "foo")
        may_work.set()
        with anyio.fail_after(5):
            await done.wait()
        await client.mget("bar", "eggs", "foo")
    assert listener.events.count("ready") == 6
