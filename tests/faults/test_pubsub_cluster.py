"""Numbered messages in a cluster, whose slots move and whose primaries die while they come.

`ANYREDIS_MESSAGES=100000` takes as many messages, see `nox -s faults`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import RedisCluster, RedisError
from anyredis.server import Cluster, Server
from tests.contract.rotation import Rotation
from tests.faults.ledger import Ledger
from tests.faults.load import SHARDS, tags
from tests.faults.messages import COUNT, Publisher, SendAll, reading
from tests.faults.moves import (
    NAME,
    migrate_slots,
    move_by_hand,
    private_cluster,
)
from tests.servers import ask, redis8_binary, valkey_binary

pytestmark = pytest.mark.server

MOVING = range(2000, 2100)
MOVED = tuple(f"{{{tags()[slot]}}}:moved" for slot in MOVING[::25])
STAYING = tuple(f"{{{tags()[slot]}}}:staying" for slot in (3000, 7000, 14_000))
ORDINARY = ("news", "weather", "{sports}")


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


def client_of(cluster: Cluster) -> RedisCluster[str]:
    """A client with few leases, one for each node that it subscribes at."""
    return RedisCluster(
        startup_nodes=[(server.host, server.port) for server in cluster.servers],
        max_connections=4,
        decode_responses=True,
        client_name=NAME,
        stream_timeout=1.0,
    )


def sender(cluster: Cluster, client: RedisCluster[str], ledger: Ledger) -> SendAll:
    """Publish to the node of a slot, or at any one; what fails is doubted."""

    async def send_all(messages: Sequence[tuple[str, str]]) -> None:
        for channel, text in messages:
            command = "PUBLISH" if channel in ORDINARY else "SPUBLISH"
            try:
                await client.execute_command(command, channel, text)
            except RedisError:
                ledger.doubt(channel)

    return send_all


async def publish_during(
    cluster: Cluster,
    faults: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    *,
    between_nodes: Sequence[str] = (),
) -> Ledger:
    """Subscribe to all channels, and publish while *faults* happen, one after the other.

    *between_nodes*: the channels whose messages may be lost by a node that dies.
    """
    dice = random.Random(Rotation.of_this_run().seed)
    channels = (*MOVED, *STAYING, *ORDINARY)
    ledger = Ledger(channels, doubles=True, between_nodes=between_nodes)
    async with client_of(cluster) as client, client_of(cluster) as other:
        async with client.pubsub() as pubsub:
            await pubsub.ssubscribe((*MOVED, *STAYING))
            await pubsub.subscribe(ORDINARY)
            publisher = Publisher(sender(cluster, other, ledger), ledger, dice)
            async with reading(pubsub, ledger, dice):
                await publisher.finish()
                for fault in faults:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(fault)
                        await publisher.publish_many(COUNT // len(faults))
                    await publisher.finish()
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (4, 0, 0)
    sys.stdout.write(f"{ledger}\n")
    ledger.check()
    return ledger


def only_moved_channels_have_gaps(ledger: Ledger) -> None:
    """A gap names the channels that moved, and no others."""
    assert ledger.gaps
    for gap in ledger.gaps:
        assert not gap.channels, gap
        assert not gap.patterns, gap
        assert gap.shard_channels <= set(MOVED), gap


@pytest.mark.timeout(600)
async def test_slots_moved_by_hand(redis8_nodes: Cluster) -> None:
    """G10, G12: sharded subscriptions follow MIGRATING, IMPORTING and SETSLOT NODE, and back."""
    cluster = redis8_nodes
    source, target, _ = cluster.primaries

    async def there() -> None:
        await move_by_hand(cluster, MOVING, source, target)

    async def back() -> None:
        await move_by_hand(cluster, MOVING, target, source)

    only_moved_channels_have_gaps(await publish_during(cluster, [there, back]))


@pytest.mark.timeout(600)
async def test_slots_moved_by_the_servers(valkey_nodes: Cluster) -> None:
    """G10, G12: the same with CLUSTER MIGRATESLOTS."""
    cluster = valkey_nodes
    source, target = await cluster.primary_for(MOVING[0]), await cluster.primary_for(SHARDS[1][0])

    async def there() -> None:
        await migrate_slots(cluster, MOVING, source, target)

    async def back() -> None:
        await migrate_slots(cluster, MOVING, target, source)

    only_moved_channels_have_gaps(await publish_during(cluster, [there, back]))


def holder_of(cluster: Cluster, channel: str) -> Server:
    """The server that a channel is subscribed at."""
    for server in cluster.servers:
        reply = ask(server, "PUBSUB", "NUMSUB", channel)
        assert isinstance(reply, list)
        if reply[1]:
            return server
    raise AssertionError(f"nobody has subscribed to {channel}")


@pytest.mark.timeout(600)
async def test_nodes_that_are_killed(valkey_nodes: Cluster) -> None:
    """G10, G12: the node of ordinary channels dies, and the primary of sharded ones; both move."""
    cluster = valkey_nodes
    killed: list[Server] = []

    async def kill(server: Server) -> None:
        killed.append(server)
        await server.kill()
        await cluster.wait_until_ok()
        await server.start()
        await cluster.wait_until_ok()

    async def kill_the_holder() -> None:
        await kill(holder_of(cluster, ORDINARY[0]))

    async def kill_a_primary() -> None:
        await kill(await cluster.primary_for(MOVING[0]))

    faults = [kill_the_holder, kill_a_primary]
    ledger = await publish_during(cluster, faults, between_nodes=ORDINARY)
    assert len(killed) == 2
    gaps = ledger.gaps
    assert set().union(*(gap.channels for gap in gaps)) >= set(ORDINARY)
    assert set().union(*(gap.shard_channels for gap in gaps)) >= set(MOVED)
