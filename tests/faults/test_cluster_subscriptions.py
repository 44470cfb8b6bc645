"""Subscriptions while slots of a real cluster move and primaries die: each loss has its gap.

Messages are numbered by channel.  A subscriber gets those of one channel in order, and misses some
or gets one twice only where the stream has a gap for that channel: after a failover the nodes of a
shard pass a message on to each other that one of them has delivered already.  Messages on
the ordinary channel may be missed without a gap: the servers pass them on over the cluster bus, whose
links break on a loaded machine, and tell nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import Dropped, Gap, KeyEvent, Message, PubSub, RedisCluster
from anyredis.server import Cluster
from tests.faults.load import HONEST, SHARDS, tags
from tests.faults.moves import (
    NAME,
    empty,
    fail_over,
    migrate_slots,
    move_by_hand,
    primaries_of,
    private_cluster,
)
from tests.servers import ask, redis8_binary, valkey_binary

pytestmark = pytest.mark.server

SLOTS = range(100, 110)
MOVED = [f"{{{tags()[slot]}}}" for slot in SLOTS]
"""Sharded channels whose slots move."""
STAYING = [f"{{{tags()[shard[3000]]}}}" for shard in SHARDS]
"""Sharded channels whose slots stay, one at each node."""
ORDINARY = "ordinary"
"""The channel that is not sharded."""


@pytest.fixture(scope="module")
def valkey_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Valkey 9.1 with a replica each, which count as failed after half a second."""
    with private_cluster(portal, valkey_binary(), replicas=1, node_timeout=0.5) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def redis8_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Redis 8.2 with a replica each, which count as failed after half a second."""
    with private_cluster(portal, redis8_binary(), replicas=1, node_timeout=0.5) as cluster:
        yield cluster


@pytest.fixture(params=["valkey_nodes", "redis8_nodes"])
def nodes(request: pytest.FixtureRequest) -> Cluster:
    """A cluster of either kind, empty."""
    cluster: Cluster = request.getfixturevalue(request.param)
    empty(cluster)
    return cluster


def client_of(cluster: Cluster) -> RedisCluster[str]:
    """A client that knows all nodes to begin with."""
    return RedisCluster(
        startup_nodes=[(server.host, server.port) for server in cluster.servers],
        decode_responses=True,
        client_name=NAME,
    )


class Numbered:
    """Publishes numbered messages to *channels*, in turn, and checks what a subscriber reads.

    The channels are sharded, except `ORDINARY`.
    """

    def __init__(self, cluster: Cluster, channels: list[str]) -> None:
        self._cluster = cluster
        self.sent = dict.fromkeys(channels, 0)
        self.refused: dict[str, set[int]] = {channel: set() for channel in channels}
        """Numbers whose publishing failed: they may have been published or not."""
        self.seen = dict.fromkeys(channels, 0)
        self.gaps: dict[str, int] = dict.fromkeys(channels, 0)
        self._excused: set[str] = set()

    async def publish(self, scope: anyio.CancelScope) -> None:
        """Publish until *scope* is cancelled."""
        async with client_of(self._cluster) as client:
            with scope:
                while True:
                    for channel in self.sent:
                        await self._publish_to(client, channel)

    async def _publish_to(self, client: RedisCluster[str], channel: str) -> None:
        self.sent[channel] += 1
        number = self.sent[channel]
        try:
            if channel == ORDINARY:  # always at the same node, so that they come in order
                await client.node_for(STAYING[2]).publish(channel, number)
            else:
                await client.spublish(channel, number)
        except HONEST:
            self.refused[channel].add(number)

    def take(self, event: Message[str] | Gap[str] | Dropped) -> None:
        """Check the next event of the subscriber."""
        if isinstance(event, Gap):
            concerned = {*event.channels, *event.shard_channels}
            assert concerned
            for channel in concerned:
                self.gaps[channel] += 1
            self._excused |= concerned
            return
        assert isinstance(event, Message)
        channel, number = event.channel, int(event.data)
        last = self.seen[channel]
        if number <= last and channel in self._excused:
            return  # the new node got it over the bus from the old one, which had delivered it
        assert number > last, f"{channel}: {number} after {last}"
        missing = set(range(last + 1, number)) - self.refused[channel]
        if channel != ORDINARY and channel not in self._excused:
            assert not missing, f"{channel}: {missing} without a gap"
        self._excused.discard(channel)
        self.seen[channel] = number

    async def read(self, pubsub: PubSub[str], more: int) -> None:
        """Read until each channel has given a message that was published *more* numbers from now."""
        wanted = {channel: number + more for channel, number in self.sent.items()}
        while any(self.seen[channel] < number for channel, number in wanted.items()):
            self.take(await anext(pubsub))


async def test_a_slot_moves(nodes: Cluster) -> None:
    """Channels follow their slots there and back, by a gap each; no other channel has a gap."""
    source = await nodes.primary_for(SLOTS[0])
    target = next(each for each in primaries_of(nodes) if each is not source)
    channels = [*MOVED, *STAYING, ORDINARY]
    numbered, scope = Numbered(nodes, channels), anyio.CancelScope()
    async with (
        client_of(nodes) as client,
        anyio.create_task_group() as tasks,
        client.subscribe(ORDINARY, shard_channels=[*MOVED, *STAYING]) as pubsub,
    ):
        tasks.start_soon(numbered.publish, scope)
        await numbered.read(pubsub, 3)
        for giver, taker in ((source, target), (target, source)):
            move = migrate_slots if giver.binary == valkey_binary() else move_by_hand
            await move(nodes, SLOTS, giver, taker)
            await numbered.read(pubsub, 3)
        scope.cancel()
    moves = {channel for channel, count in numbered.gaps.items() if count}
    assert moves == set(MOVED)


async def test_a_primary_is_killed(nodes: Cluster) -> None:
    """Its sharded channels go on at the new primary, and ordinary ones at any node."""
    victim = await nodes.primary_for(SLOTS[0])
    lost = [*MOVED, STAYING[0]]
    numbered, scope = Numbered(nodes, [*MOVED, *STAYING, ORDINARY]), anyio.CancelScope()
    async with (
        client_of(nodes) as client,
        anyio.create_task_group() as tasks,
        client.subscribe(ORDINARY, shard_channels=[*MOVED, *STAYING]) as pubsub,
    ):
        tasks.start_soon(numbered.publish, scope)
        await numbered.read(pubsub, 3)
        await victim.kill()
        await numbered.read(pubsub, 3)
        scope.cancel()
    gaps = {channel for channel, count in numbered.gaps.items() if count}
    assert gaps - {ORDINARY} == set(lost)
    await victim.start()
    await nodes.wait_until_ok()


async def test_a_primary_changes_places_with_its_replica(nodes: Cluster) -> None:
    """A failover in good order is a gap for the channels of that shard, and for no others."""
    numbered, scope = Numbered(nodes, [*MOVED, *STAYING, ORDINARY]), anyio.CancelScope()
    async with (
        client_of(nodes) as client,
        anyio.create_task_group() as tasks,
        client.subscribe(ORDINARY, shard_channels=[*MOVED, *STAYING]) as pubsub,
    ):
        tasks.start_soon(numbered.publish, scope)
        await numbered.read(pubsub, 3)
        await fail_over(nodes, SLOTS[0])
        await numbered.read(pubsub, 3)
        scope.cancel()
    gaps = {channel for channel, count in numbered.gaps.items() if count}
    assert gaps == {*MOVED, STAYING[0]}


async def test_keyspace_events_of_a_new_primary(nodes: Cluster) -> None:
    """After a primary was killed, events of the replica that took over come, behind a gap."""
    for server in nodes.servers:
        assert ask(server, "CONFIG", "SET", "notify-keyspace-events", "KA") == b"OK"
    victim = await nodes.primary_for(SLOTS[0])
    key = f"{MOVED[0]}:key"
    async with (
        client_of(nodes) as client,
        client.keyspace_events("*:key", events="set") as events,
    ):
        await client.set(key, 1)
        assert await anext(events) == KeyEvent(key, "set", 0)
        await victim.kill()
        event = await anext(events)
        while not (isinstance(event, Gap) and "become a primary" in event.reason):
            assert isinstance(event, Gap)
            event = await anext(events)
        await nodes.wait_until_ok()
        await client.set(key, 2)
        assert await anext(events) == KeyEvent(key, "set", 0)
    await victim.start()
    await nodes.wait_until_ok()
