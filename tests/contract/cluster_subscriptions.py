"""Subscriptions in a cluster for the harness: subscribe, receive, move, lose a node, leave."""

from __future__ import annotations

from typing import Final

from anyredis import Gap, Message, PubSub
from tests.contract.cluster_harness import EVERYWHERE, NUMBER, ClusterBench, FakeBench
from tests.contract.harness import Operation, fresh
from tests.contract.steps import Ended


async def _receive(bench: ClusterBench, pubsub: PubSub[bytes], channel: bytes) -> None:
    """Publish; the message comes (G10), unless a gap says that it may be missed."""
    value = fresh()
    await bench.client.spublish(channel, value)
    event = await anext(pubsub)
    if isinstance(event, Message):
        assert (event.channel, event.data) == (channel, value)
    else:
        assert isinstance(event, Gap)
        assert channel in event.shard_channels


async def _subscribe(bench: ClusterBench) -> None:
    async with bench.client.subscribe(shard_channels=[NUMBER]) as pubsub:
        await _receive(bench, pubsub, NUMBER)


async def _subscribe_and_unsubscribe(bench: ClusterBench) -> None:
    async with bench.client.pubsub() as pubsub:
        await pubsub.ssubscribe(NUMBER)
        await pubsub.sunsubscribe(NUMBER)
        assert not pubsub.subscribed


async def _shared(bench: ClusterBench) -> None:
    async with (
        bench.client.subscribe("one", shard_channels=[NUMBER], on_full="drop_oldest"),
        bench.client.subscribe(shard_channels=[NUMBER], on_full="fail") as pubsub,
    ):
        await _receive(bench, pubsub, NUMBER)


async def _everywhere(bench: ClusterBench) -> None:
    async with bench.client.pubsub() as pubsub:
        await pubsub.ssubscribe(EVERYWHERE[:2])


async def _stale(bench: FakeBench) -> None:
    """The first node redirects the subscription to the second."""
    bench.fake.move(NUMBER, bench.fake.primaries[1])
    async with bench.client.subscribe(shard_channels=[NUMBER]):
        pass


async def _moved(bench: FakeBench) -> None:
    """The slot moves while the channel is subscribed."""
    async with bench.client.subscribe(shard_channels=[NUMBER]) as pubsub:
        bench.fake.move(NUMBER, bench.fake.primaries[1])
        gap = await anext(pubsub)
        assert isinstance(gap, Gap)
        assert gap.shard_channels == {NUMBER}
        await _receive(bench, pubsub, NUMBER)


async def _home_lost(bench: FakeBench) -> None:
    """The node of an ordinary channel breaks the connection: the channel moves to another."""
    async with bench.client.subscribe("one") as pubsub:
        for node in bench.fake.primaries:
            if node.server.memory.pubsub.names():
                node.server.reset()
        assert isinstance(await anext(pubsub), Gap)


async def _failover(bench: FakeBench) -> None:
    """The primary of the channel crashes, and its replica takes over."""
    async with bench.client.subscribe(shard_channels=[NUMBER]) as pubsub:
        primary = bench.fake.primaries[0]
        bench.fake.fail_over(next(each for each in bench.fake.replicas if each.primary is primary))
        gap = await anext(pubsub)
        assert isinstance(gap, Gap)
        assert gap.shard_channels == {NUMBER}


def _nobody_is_subscribed(bench: FakeBench, ended: Ended) -> None:
    """No server has a subscriber left (G8, G9)."""
    for node in bench.fake.nodes:
        pubsub = node.server.memory.pubsub
        assert not pubsub.names("subscribe")
        assert not pubsub.names("ssubscribe")


SUBSCRIPTIONS: Final[list[Operation[FakeBench]]] = [
    Operation("ssubscribe and receive", _subscribe, _nobody_is_subscribed, always=("G10",)),
    Operation("ssubscribe, connected", _subscribe, _nobody_is_subscribed, warm=True),
    Operation("sunsubscribe", _subscribe_and_unsubscribe, _nobody_is_subscribed),
    Operation("ssubscribe at two nodes", _everywhere, _nobody_is_subscribed, warm=True),
    Operation("ssubscribe redirected", _stale, _nobody_is_subscribed, warm=True),
    Operation("subscribed slot moves", _moved, _nobody_is_subscribed, warm=True),
    Operation("home of a subscription is lost", _home_lost, _nobody_is_subscribed),
]

SHARED: Final[list[Operation[FakeBench]]] = [
    Operation("ssubscribe, shared", _shared, _nobody_is_subscribed),
]
"""For pools with three leases, or with a limit for each node."""

FAILING_OVER: Final[list[Operation[FakeBench]]] = [
    Operation("subscribed primary fails", _failover, _nobody_is_subscribed),
]
"""For a cluster with replicas."""
