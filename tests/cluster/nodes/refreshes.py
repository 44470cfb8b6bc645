"""Helpers of tests that have the slot map asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from anyredis.cluster.nodes import topology as module
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.testing import FakeCluster


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


async def at_once(*calls: Callable[[], Awaitable[object]]) -> None:
    """Make all *calls* at the same time."""

    async def make(call: Callable[[], Awaitable[object]]) -> None:
        await call()

    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(make, call)
