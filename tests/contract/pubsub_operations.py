"""Operations with subscriptions for the harness, on a server in memory that publishes."""

from __future__ import annotations

from typing import Any, Literal

import anyio

from anyredis import ConnectionError, Gap, Message, PubSub, SubscriptionChange
from anyredis.testing import VirtualClock
from tests.client.subscription_server import SubscriptionServer
from tests.contract.harness import Operation
from tests.contract.server_harness import FakeServerBench, Target
from tests.contract.steps import Ended, Steps

MESSAGES = 12


class PubSubBench(FakeServerBench):
    """A pool of two connections to a server in memory that keeps subscriptions."""

    on_full: Literal["wait", "drop_oldest", "fail"] = "wait"
    subscriptions: SubscriptionServer

    def __init__(self, target: Target, steps: Steps) -> None:
        super().__init__(target, steps)
        server = target.arguments["server"]
        assert isinstance(server, SubscriptionServer)
        self.subscriptions = server
        self.seen: list[Any] = []
        """What the operation has read."""
        self.published = 0

    def renew(self) -> None:
        """A fresh client, and nothing published."""
        super().renew()
        self.seen, self.published = [], 0

    @property
    def has_gap(self) -> bool:
        """Whether a gap was read."""
        return any(each is not None and each.kind == "gap" for each in self.seen)

    @property
    def is_complete(self) -> bool:
        """Whether all that was published is read, or a gap."""
        read = sum(each is not None and each.kind == "message" for each in self.seen)
        return self.has_gap or read == self.published

    def pubsub(self) -> PubSub[bytes]:
        """A `PubSub` of the client."""
        return self.client.pubsub(on_full=self.on_full)

    def publish(self) -> None:
        """Publish the next message."""
        if self.published < MESSAGES:
            number = self.published
            self.published += bool(self.subscriptions.publish(b"a", b"%d" % number))


def target(**options: Any) -> Target:
    """Clients of a new server that keeps subscriptions."""
    whole = Target.of_fake_server(**options)
    return Target(
        whole.pool_class,
        whole.arguments | {"server": SubscriptionServer(clock=VirtualClock())},
    )


async def _subscribe(bench: PubSubBench) -> None:
    """A cancelled subscribe has subscribed to all or nothing, and `channels` tells which."""
    async with bench.pubsub() as pubsub:
        try:
            await pubsub.subscribe("a", "b")
            await pubsub.psubscribe("*")
        except ConnectionError:
            assert pubsub.channels in ({}, {b"a": None, b"b": None})
            raise
        finally:
            assert len(pubsub.channels) in {0, 2}
        assert pubsub.patterns == {b"*": None}


async def _shorthand(bench: PubSubBench) -> None:
    async with bench.client.subscribe("a", patterns=["*"], on_full=bench.on_full) as messages:
        assert messages.subscribed


async def _receive(bench: PubSubBench) -> None:
    async with bench.pubsub() as pubsub:
        await pubsub.subscribe("a")
        for _ in range(MESSAGES):
            bench.publish()
        while not bench.is_complete:
            bench.seen.append(await anext(pubsub))


async def _receive_cancelled_again_and_again(bench: PubSubBench) -> None:
    """Each wait is cancelled by a deadline that is over: what had arrived is read by the next."""
    async with bench.pubsub() as pubsub:
        await pubsub.subscribe("a")
        for _ in range(MESSAGES):
            bench.publish()
            with anyio.CancelScope() as scope:
                scope.cancel()
                bench.seen.append(await pubsub.get_message(timeout=None))
        while not bench.is_complete:
            bench.seen.append(await pubsub.get_message(timeout=None))


def _in_order(bench: PubSubBench, ended: Ended) -> None:
    """No message is lost or doubled, except at a gap, nor comes out of order (G10)."""
    expected = 0
    for event in bench.seen:
        if event is not None and event.kind == "message":
            number = int(event.data)
            assert number == expected or (number > expected and bench.has_gap)
            expected = number + 1
    if ended.completed and not bench.has_gap:
        assert expected == bench.published
        # What is published while the connection is lost reaches nobody, and the block may end before
        # the gap is read.
        assert bench.published == MESSAGES or ended.reached


async def _reader_is_cancelled(bench: PubSubBench) -> None:
    """A task waits for messages and is cancelled; another task reads on (G10)."""
    async with bench.pubsub() as pubsub:
        await pubsub.subscribe("a")

        async def read() -> None:
            while True:
                bench.seen.append(await anext(pubsub))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for _ in range(MESSAGES):
                bench.publish()
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        while not bench.is_complete:
            bench.seen.append(await anext(pubsub))


async def _unsubscribe(bench: PubSubBench) -> None:
    async with bench.pubsub() as pubsub:
        await pubsub.subscribe("a", "b")
        try:
            await pubsub.unsubscribe("a")
        finally:
            assert b"a" not in pubsub.channels or len(pubsub.channels) == 2
        await pubsub.unsubscribe()
        assert not pubsub.subscribed


async def _reconnect(bench: PubSubBench) -> None:
    async with bench.pubsub() as pubsub:
        await pubsub.subscribe("a")
        bench.subscriptions.reset()
        event = await anext(pubsub)
        assert isinstance(event, Gap)
        assert event.channels == {b"a"}
        bench.publish()
        while not isinstance(await anext(pubsub), Message):
            pass


async def _two_share(bench: PubSubBench) -> None:
    """Two subscribers of one client; one of them leaves first (G12)."""
    async with bench.pubsub() as one:
        await one.subscribe("a")
        async with bench.pubsub() as two:
            await two.subscribe("a", "b")
        assert one.channels == {b"a": None}
        if bench.on_full != "wait":
            assert bench.subscriptions.subscribers(b"a") <= 1


async def _enter_subscribe_and_leave(bench: PubSubBench) -> None:
    async with bench.client, bench.client.subscribe("a", on_full=bench.on_full) as messages:
        event = await messages.get_message()
        assert isinstance(event, SubscriptionChange)


SUBSCRIBING: list[Operation[PubSubBench]] = [
    Operation("subscribe", _subscribe, always=("G5", "G9")),
    Operation("subscribe beside others", _subscribe, warm=True, bystanders=(1, 1)),
    Operation("subscribe, shorthand", _shorthand),
    Operation("receive", _receive, _in_order, always=("G10",)),
    Operation("receive, cancelled waits", _receive_cancelled_again_and_again, _in_order),
    Operation("receive, a cancelled reader", _reader_is_cancelled, _in_order, always=("G10",)),
    Operation("unsubscribe", _unsubscribe),
    Operation("reconnect", _reconnect, losable=False),
    Operation("two subscribers", _two_share, always=("G12",)),
    Operation("enter, subscribe and leave", _enter_subscribe_and_leave, around=True),
]
