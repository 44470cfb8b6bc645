"""scan_iter over a cluster that changes: a key that stays is never missed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import RedisCluster
from anyredis.server import Cluster
from tests.faults.load import SHARDS
from tests.faults.moves import (
    AT_ONCE,
    NAME,
    empty,
    fail_over,
    migrate_slots,
    move_by_hand,
    private_cluster,
    replicated,
)
from tests.servers import redis8_binary, valkey_binary

pytestmark = pytest.mark.server

KEYS = {f"key-{number}" for number in range(6000)}
HALF = len(KEYS) // 2
NEARLY_ALL = len(KEYS) * 5 // 6
SLOTS_THAT_MOVE = SHARDS[0][1000:2000], SHARDS[2][-1000:]
"""Servers go through their slots in order: those of the last shard come last."""


@pytest.fixture(scope="module")
def valkey_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Valkey 9.1 with a replica each, which count as failed after half a second."""
    with private_cluster(portal, valkey_binary(), replicas=1, node_timeout=0.5) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def redis8_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Redis 8.2."""
    with private_cluster(portal, redis8_binary()) as cluster:
        yield cluster


@asynccontextmanager
async def client_of(cluster: Cluster) -> AsyncGenerator[RedisCluster[str]]:
    """A client of a cluster that holds `KEYS`."""
    empty(cluster)
    async with RedisCluster.from_url(
        cluster.url, decode_responses=True, client_name=NAME
    ) as client:
        async with client.pipeline() as pipe:
            for key in KEYS:
                pipe.set(key, "v")
        yield client


async def keys_seen(
    client: RedisCluster[str], after: int, fault: Callable[[], Awaitable[None]]
) -> set[str]:
    """All keys that scan_iter gives, if a *fault* happens once it has given so many."""
    seen: set[str] = set()
    happened = False
    async for key in client.scan_iter(count=100):
        seen.add(key)
        if len(seen) == after and not happened:
            await fault()
            happened = True
    assert happened
    return seen


async def kill(cluster: Cluster, slot: int) -> None:
    """The primary of a slot is gone; its replica is to take over."""
    await (await cluster.primary_for(slot)).kill()


@pytest.mark.parametrize("fault", [kill, fail_over])
async def test_a_failover_in_the_middle(
    valkey_nodes: Cluster, fault: Callable[[Cluster, int], Awaitable[None]]
) -> None:
    """The second of three nodes, half walked over, dies, or changes places with its replica."""
    nodes = valkey_nodes
    async with client_of(nodes) as client:
        for shard in SHARDS:
            await replicated(await nodes.primary_for(shard[0]))
        failing = partial(fault, nodes, SHARDS[1][0])
        assert await keys_seen(client, HALF, failing) == KEYS
    for server in nodes.servers:
        if not server.is_running:
            await server.start()
    await nodes.wait_until_ok()


async def test_slots_move_meanwhile(redis8_nodes: Cluster) -> None:
    """By hand, 1,000 to another node and back: all scans that begin meanwhile give all keys."""
    source, target, _ = redis8_nodes.primaries
    moved = False

    async def move() -> None:
        nonlocal moved
        await move_by_hand(redis8_nodes, SLOTS_THAT_MOVE[0], source, target)
        await move_by_hand(redis8_nodes, SLOTS_THAT_MOVE[0], target, source)
        moved = True

    scans = 0
    async with client_of(redis8_nodes) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(move)
        while not moved:
            assert {key async for key in client.scan_iter(count=100)} == KEYS
            scans += 1
    assert scans > 1


@pytest.mark.parametrize(
    ("kind", "move"), [("valkey_nodes", migrate_slots), ("redis8_nodes", move_by_hand)]
)
async def test_keys_that_move_behind_its_back(
    kind: str, move: Callable[..., Awaitable[None]], request: pytest.FixtureRequest
) -> None:
    """Keys move from a node that is to come, or half walked over, to one that is done, and back."""
    nodes: Cluster = request.getfixturevalue(kind)
    first, _, last = [await nodes.primary_for(shard[0]) for shard in SHARDS]
    async with client_of(nodes) as client:
        for after in (HALF, NEARLY_ALL):
            for source, target in ((last, first), (first, last)):
                moving = partial(move, nodes, SLOTS_THAT_MOVE[1], source, target)
                assert await keys_seen(client, after, moving) == KEYS


async def test_a_scan_that_ends_while_slots_are_on_the_move(redis8_nodes: Cluster) -> None:
    """They belong to a node still, and their keys are at another that it has walked over before."""
    first, _, last = redis8_nodes.primaries
    slots = SLOTS_THAT_MOVE[1][:AT_ONCE]
    seen: set[str] = set()
    async with client_of(redis8_nodes) as client:
        scan = client.scan_iter(count=100)

        async def see_the_rest() -> None:
            seen.update([key async for key in scan])

        while len(seen) < HALF:
            seen.add(await anext(scan))
        await move_by_hand(redis8_nodes, slots, last, first, meanwhile=see_the_rest)
        assert seen == KEYS
    await move_by_hand(redis8_nodes, slots, first, last)
