"""Reads from replicas, which come and go."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import ReadFrom, RedisCluster
from anyredis.server import Cluster, Server
from tests.faults.load import SHARDS, TASKS, tags
from tests.faults.moves import (
    NAME,
    asked,
    empty,
    fail_over,
    primaries_of,
    private_cluster,
    replicas_of,
    replicated,
    shard_of,
)
from tests.servers import ask, valkey_binary

KEYS = [f"{{{tags()[slot]}}}:key" for shard in SHARDS for slot in shard[:1000:10]]
"""A hundred keys of each shard."""

EACH = 3 * 100
"""Reads that a shard gets when all is read once in each way."""


@pytest.fixture(scope="module")
def nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three primaries with two replicas each, each of the three in a zone of its own."""
    with private_cluster(portal, valkey_binary(), replicas=2, node_timeout=2.0) as cluster:
        for number, server in enumerate(cluster.servers):
            assert ask(server, "CONFIG", "SET", "availability-zone", f"zone-{number // 3}") == b"OK"
        deadline = time.monotonic() + 20
        while not all(
            str(ask(server, "CLUSTER", "SHARDS")).count("zone-") == 9 for server in cluster.servers
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield cluster


@asynccontextmanager
async def reader_of(
    cluster: Cluster,
    *,
    read_from: ReadFrom = ReadFrom.REPLICAS,
    availability_zone: str | None = None,
) -> AsyncGenerator[RedisCluster[str]]:
    """A client that reads from replicas; in its cluster every key has itself as its value."""
    empty(cluster)
    async with RedisCluster.from_url(
        cluster.url,
        decode_responses=True,
        client_name=NAME,
        readonly=True,
        read_from=read_from,
        availability_zone=availability_zone,
    ) as client:
        async with client.pipeline() as pipe:
            for key in KEYS:
                pipe.set(key, key)
        for primary in primaries_of(cluster):
            await replicated(primary)
        with anyio.fail_after(10):
            while client.connection_pool.endpoints_to_measure():
                await anyio.sleep(0.001)
        for server in cluster.servers:
            assert ask(server, "CONFIG", "RESETSTAT") == b"OK"
        yield client


async def read_all(client: RedisCluster[str]) -> None:
    """Read every key, one by one and in other ways."""
    for key in KEYS:
        assert await client.get(key) == key
    assert await client.mget(*KEYS) == KEYS
    async with client.pipeline() as pipe:
        values = [pipe.get(key) for key in KEYS]
    assert [value.value for value in values] == KEYS


def reads(server: Server) -> int:
    """How many GETs and MGETs a server has answered itself, since its statistics were reset."""
    stats = dict(line.split(":") for line in asked(server, "INFO", "commandstats").split()[2:])
    total = 0
    for name in ("cmdstat_get", "cmdstat_mget"):
        fields = dict(field.split("=") for field in stats.get(name, "").split(",") if field)
        total += int(fields.get("calls", 0)) - int(fields.get("rejected_calls", 0))
    return total


async def read_by(client: RedisCluster[str], tasks: int = TASKS) -> None:
    """Read all that `read_all` reads, in several tasks."""
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(read_all, client)


async def reads_of_shards(cluster: Cluster) -> list[tuple[int, list[int]]]:
    """For each shard the reads of the primary, and of the replicas."""
    return [
        (reads(primary), [reads(each) for each in await replicas_of(cluster, primary)])
        for primary in primaries_of(cluster)
    ]


async def test_reads_go_to_replicas(nodes: Cluster) -> None:
    """All of them, in turn, and nothing to the primaries."""
    async with reader_of(nodes) as client:
        await read_all(client)
        for primary, replicas in await reads_of_shards(nodes):
            assert primary == 0
            assert sum(replicas) == EACH
            assert max(replicas) - min(replicas) <= 1


async def test_reads_go_to_any(nodes: Cluster) -> None:
    """Primary and replicas take turns."""
    async with reader_of(nodes, read_from=ReadFrom.ANY) as client:
        await read_all(client)
        for primary, replicas in await reads_of_shards(nodes):
            assert primary + sum(replicas) == EACH
            assert max(primary, *replicas) - min(primary, *replicas) <= 1


async def test_reads_go_to_the_nearest(nodes: Cluster) -> None:
    """One node of each shard gets all."""
    async with reader_of(nodes, read_from=ReadFrom.NEAREST) as client:
        await read_all(client)
        for primary, replicas in await reads_of_shards(nodes):
            assert sorted([primary, *replicas]) == [0, 0, EACH]


async def test_reads_go_to_the_same_zone(nodes: Cluster) -> None:
    """The one node of each shard that is in the client's zone gets all."""
    async with reader_of(nodes, read_from=ReadFrom.ZONE, availability_zone="zone-2") as client:
        await read_all(client)
        for server in nodes.servers:
            here = server in nodes.servers[6:]
            assert reads(server) == here * EACH


async def test_a_replica_is_killed_under_reads(nodes: Cluster) -> None:
    """It is left without an error, and asked again when it is back."""
    async with reader_of(nodes) as client:
        _, [victim, other] = await shard_of(nodes, SHARDS[0][0])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read_by, client)
            with anyio.fail_after(10):
                while not reads(victim):
                    await anyio.sleep(0.001)
            await victim.kill()
        before = reads(other)
        await read_by(client, 1)
        assert reads(other) == before + EACH, "the other replica, and not the primary"
        await victim.start()
        await nodes.wait_until_ok()
        with anyio.fail_after(10):
            while not reads(victim):  # servers list it once it has sent them its offset
                assert await client.connection_pool.topology.wait_refreshed() is None
                await read_by(client, 1)
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def test_a_failover_under_reads(nodes: Cluster) -> None:
    """Primary and replica change places: no error, and soon reads go to the new replica."""
    async with reader_of(nodes) as client:
        before, [after, *_] = await shard_of(nodes, SHARDS[0][0])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read_by, client)
            await fail_over(nodes, SHARDS[0][0])
        assert (await nodes.primary_for(SHARDS[0][0])) is after
        assert await client.connection_pool.topology.wait_refreshed() is None
        for server in nodes.servers:
            ask(server, "CONFIG", "RESETSTAT")
        await read_all(client)
        assert reads(after) == 0
        assert reads(before) > 0
