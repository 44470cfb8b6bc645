"""Numbered messages through a bad network, to channels, patterns and sharded channels at once."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio

from anyredis import PubSub
from anyredis.client.pubsub_events import PubSubEvent
from tests.faults.ledger import Ledger
from tests.faults.moves import Line
from tests.soak.bad_network import BadNetwork, Fate

COUNT: Final = int(os.environ.get("ANYREDIS_MESSAGES", "2000"))
"""Messages, or entries, of each test."""

STRIKES: Final = (Fate.RESET, Fate.HALF_CLOSE, Fate.BLACKHOLE)
"""What befalls all connections in the course of a test, besides what the dice give."""

CHANNELS: Final = tuple(f"c{number}" for number in range(6))
PATTERN: Final = "p.*"
MATCHING: Final = tuple(f"p.{number}" for number in range(3))
SHARDED: Final = tuple(f"s{number}" for number in range(3))

AT_ONCE: Final = 50
"""Messages that are published together."""

FAR: Final = 500
"""So many messages ahead of the reader, the publisher waits a moment."""

PATIENCE: Final = 30.0
"""Seconds after which a subscription that receives nothing over a calm network is stuck."""


async def subscribe_all(pubsub: PubSub[str]) -> Ledger:
    """Subscribe to all of the above; gives the ledger of it."""
    await pubsub.subscribe(CHANNELS)
    await pubsub.psubscribe(PATTERN)
    await pubsub.ssubscribe(SHARDED)
    return Ledger((*CHANNELS, *MATCHING, *SHARDED))


SendAll = Callable[[Sequence[tuple[str, str]]], Awaitable[object]]
"""Publishes texts to channels, in this order."""


def publish_on(line: Line) -> SendAll:
    """Publish over *line*, to one server."""

    async def send_all(messages: Sequence[tuple[str, str]]) -> None:
        await line.ask_all(
            ("SPUBLISH" if channel in SHARDED else "PUBLISH", channel, text)
            for channel, text in messages
        )

    return send_all


class Publisher:
    """Publishes numbered messages for a *ledger* with *send_all*, several at once."""

    def __init__(self, send_all: SendAll, ledger: Ledger, dice: random.Random) -> None:
        self._send_all = send_all
        self._ledger = ledger
        self._dice = dice

    async def publish(self, channels: Sequence[str]) -> None:
        """Publish one message to each of *channels*, in this order."""
        await self._send_all([(channel, self._ledger.number(channel)) for channel in channels])

    async def publish_many(self, count: int) -> None:
        """Publish *count* messages to random channels, without getting far ahead of the reader."""
        channels = list(self._ledger.published)
        for _ in range(0, count, AT_ONCE):
            await self.publish(self._dice.choices(channels, k=AT_ONCE))
            with anyio.move_on_after(0.02):
                while self._ledger.behind > FAR:
                    await anyio.sleep(0.001)

    async def until_noticed(self, gaps: int) -> None:
        """Publish now and then until there were more than *gaps* gaps."""
        with anyio.fail_after(PATIENCE):
            while len(self._ledger.gaps) <= gaps:
                await self.publish(list(self._ledger.published))
                await anyio.sleep(0.01)

    async def finish(self) -> None:
        """Publish to every channel until the last message of each has been received."""
        with anyio.fail_after(PATIENCE):
            while True:
                await self.publish(list(self._ledger.published))
                with anyio.move_on_after(0.2):
                    while not self._ledger.up_to_date:
                        await anyio.sleep(0.001)
                    return


async def read(pubsub: PubSub[str], ledger: Ledger, dice: random.Random) -> None:
    """Note every event, by iteration and by `get_message`, waits for which are cancelled often."""
    while True:
        if dice.random() < 0.02:
            async for event in pubsub:
                ledger.note(event)
                if dice.random() < 0.02:
                    break
        received: PubSubEvent[str] | None = None
        with anyio.move_on_after(dice.random() * 0.001):
            received = await pubsub.get_message(ignore_subscribe_messages=True, timeout=None)
        if received is not None:
            ledger.note(received)


@asynccontextmanager
async def reading(pubsub: PubSub[str], ledger: Ledger, dice: random.Random) -> AsyncGenerator[None]:
    """A task that reads during the block."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read, pubsub, ledger, dice)
        yield
        tasks.cancel_scope.cancel()


async def publish_through(
    network: BadNetwork, publisher: Publisher, ledger: Ledger, count: int
) -> None:
    """Publish *count* messages while the network is bad, and some when it is calm again."""
    network.calm = False
    for strike in STRIKES:
        await publisher.publish_many(count // len(STRIKES))
        gaps = len(ledger.gaps)
        await network.strike(strike)
        await publisher.until_noticed(gaps)
    network.calm = True
    await network.strike(Fate.RESET)  # no connection keeps the fate that it drew
    await publisher.finish()
