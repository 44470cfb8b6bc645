"""Batches for several nodes: sent in one step if that is possible, each with its own end."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import BlockingClusterConnectionPool, Outcome, RedisCluster
from anyredis.cluster.routing.node_batch import NodeBatch
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ConnectionError, MaxConnectionsError
from anyredis.testing import FakeCluster, run_then_reset
from anyredis.wire.request import Request
from tests.pool.counts import counts, until

KEYS = ("foo", "bar", "c")
"""A key on each of three primaries."""

VALUES = [True] * 3 + [b"0", b"1", b"2"]


def connections(client: RedisCluster[Any]) -> list[BaseConnection]:
    """All connections of the client's pool."""
    endpoints = client.connection_pool.endpoints()
    return [each for endpoint in endpoints for each in endpoint.server.connections()]


def is_free(client: RedisCluster[Any]) -> bool:
    """Whether no lease and no connection is in use, and nothing is in flight."""
    pool = client.connection_pool
    busy = [each for each in connections(client) if each.in_use or each.wire.inflight]
    return counts(pool) == (pool.capacity, 0, 0) and not busy


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[NodeBatch]:
    """The batches that were sent in the step of their caller."""
    found: list[NodeBatch] = []
    start = NodeBatch.start

    def note(batch: NodeBatch) -> Request:
        found.append(batch)
        return start(batch)

    monkeypatch.setattr(NodeBatch, "start", note)
    return found


async def run(client: RedisCluster[Any]) -> list[Any]:
    """The values of a pipeline to all nodes, errors among them."""
    pipe = client.pipeline(raise_on_error=False)
    for number, key in enumerate(KEYS):
        pipe.set(key, number)
    for key in KEYS:
        pipe.get(key)
    return await pipe.execute()


async def test_all_nodes_in_one_step(started: list[NodeBatch]) -> None:
    """Without a limit, all connected nodes get their batches in one step, without a task for each."""
    async with FakeCluster().client() as client:
        assert await run(client) == VALUES
        started.clear()
        tasks = len(anyio.get_running_tasks())
        async with anyio.create_task_group() as group:
            group.start_soon(run, client)
            await until(lambda: len(started) == 3)
            assert len(anyio.get_running_tasks()) == tasks + 1
        assert is_free(client)


async def test_a_node_without_a_connection(started: list[NodeBatch]) -> None:
    """Then no batch is sent before its task waits for the reply: a cancellation may come first."""
    async with FakeCluster().client() as client:
        await client.get("foo")
        assert await run(client) == VALUES
        assert started == []
        assert is_free(client)


async def test_a_batch_of_several_chunks(started: list[NodeBatch]) -> None:
    """It gets an exclusive connection, the others a multiplexed one."""
    async with FakeCluster().client() as client:
        await run(client)
        started.clear()
        pipe = client.pipeline()
        for number in range(600):
            pipe.set(f"{{foo}}{number}", "x" * 2000)
        pipe.set("bar", 1)
        assert await pipe.execute() == [True] * 601
        assert started == []
        assert is_free(client)


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_connections": 3},
        {"max_connections": 1, "max_connections_per_node": True},
        {"pool_class": BlockingClusterConnectionPool},
        {"pool_class": BlockingClusterConnectionPool, "max_connections": 1},
    ],
)
async def test_with_a_limit(started: list[NodeBatch], arguments: dict[str, Any]) -> None:
    """Each lease comes back with the replies to its own batch, so there is a task for each."""
    cluster = FakeCluster()
    pool = cluster.pool(**arguments)
    async with RedisCluster(connection_pool=pool) as client:
        assert await run(client) == VALUES
        cluster.nodes[0].server.hold()
        async with anyio.create_task_group() as group:
            group.start_soon(run, client)
            # With one connection for all nodes, it may be one to a node that does not answer yet.
            await until(lambda: pool.leased + pool.connecting == 1)
            if pool.capacity > 1:  # all others have come back
                await until(lambda: cluster.nodes[2].server.count("GET") == 2)
                await until(lambda: cluster.nodes[0].server.count("GET") == 2)
                await until(lambda: pool.leased == 1)
            cluster.nodes[0].server.release()
        assert started == []
        assert is_free(client)


async def test_too_few_leases_of_a_strict_pool(started: list[NodeBatch]) -> None:
    """Nothing is sent to any node."""
    cluster = FakeCluster()
    async with cluster.client(max_connections=2) as client:
        with pytest.raises(MaxConnectionsError):
            await run(client)
        assert started == []
        assert [node.server.count("SET") for node in cluster.nodes] == [0, 0, 0]
        assert is_free(client)


async def test_cancelled_before_it_is_written() -> None:
    """None of the batches is ever written (G2)."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await run(client)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await run(client)
        assert scope.cancelled_caught
        assert is_free(client)
        assert await client.mget(*KEYS) == [b"0", b"1", b"2"]
        assert [node.server.count("SET") for node in cluster.nodes] == [1, 1, 1]


async def test_cancelled_while_one_node_is_awaited() -> None:
    """Each batch without a reply leaves a tombstone; the connections stay, and give no wrong reply."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await run(client)
        before = connections(client)
        for node in cluster.nodes:
            node.server.hold()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(run, client)
                for node in cluster.nodes:
                    await until(lambda node=node: node.server.count("SET") == 2)  # type: ignore[misc]
                scope.cancel()
        pool = client.connection_pool
        assert counts(pool) == (pool.capacity, 0, 0)
        assert sum(each.wire.tombstones for each in before) == 3
        assert not any(each.in_use for each in before)
        for node in cluster.nodes:
            node.server.release()
        assert await client.mget(*KEYS) == [b"0", b"1", b"2"]
        assert connections(client) == before
        assert is_free(client)


async def test_a_lost_connection_beside_others() -> None:
    """Its commands alone fail, although another node is awaited first (G12)."""
    cluster = FakeCluster()
    async with cluster.client(retry=None) as client:
        await run(client)
        for node in cluster.nodes:
            node.server.on("GET", run_then_reset, times=1)
            values = await run(client)
            failed = [value for value in values if isinstance(value, ConnectionError)]
            assert [each.outcome for each in failed] == [Outcome.UNKNOWN] * 2
            assert len(failed) == len(values) - 4
            assert is_free(client)
            assert await run(client) == VALUES
