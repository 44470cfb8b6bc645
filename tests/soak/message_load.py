"""Subscribers and consumers through a bad network, each with a publisher of its own beside it.

Law: a subscriber gets each message once, in order, on its channel, or is told of a gap or of the
number dropped.  Each stream entry is processed at least once, and none is pending in the end.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import Literal

import anyio

from anyredis import Redis
from anyredis.recipes import Consumer
from anyredis.server import Server
from tests.faults.entries import HONEST
from tests.faults.ledger import Ledger
from tests.faults.messages import Publisher, publish_on, reading
from tests.faults.moves import Line, line_to

OnFull = Literal["wait", "drop_oldest"]
"""Their messages go on if a reader is late."""

PATIENCE = 60.0
PAUSE = 0.002
"""Seconds between two messages."""


class MessageLoad:
    """Subscribers and a consumer of one *client*; what is published goes to *server* directly."""

    def __init__(self, client: Redis[str], server: Server, dice: random.Random) -> None:
        self._client = client
        self._server = server
        self._dice = dice
        self._rounds = 0
        self.done: Counter[str] = Counter()
        """What happened, by name."""

    async def run(self, until: float) -> None:
        """Several subscribers and a consumer, until the time *until*, and until all has come."""
        self._rounds += 1
        async with anyio.create_task_group() as tasks:
            for number, on_full in enumerate[OnFull](("wait", "drop_oldest", "drop_oldest")):
                tasks.start_soon(self._subscriber, f"r{self._rounds}n{number}", on_full, until)
            tasks.start_soon(self._consumer, f"soak:stream:{self._rounds}", until)

    async def _subscriber(self, name: str, on_full: OnFull, until: float) -> None:
        """Subscribe, and receive what is published to channels of this subscriber alone."""
        channels = [f"{name}:{number}" for number in range(3)]
        ledger = Ledger(channels)
        async with line_to(self._server) as line, self._client.pubsub(on_full=on_full) as pubsub:
            with anyio.fail_after(PATIENCE):
                while set(pubsub.channels) != set(channels):
                    try:
                        await pubsub.subscribe(channels)
                    except HONEST:
                        self.done["failed to subscribe"] += 1
            publisher = Publisher(publish_on(line), ledger, self._dice)
            async with reading(pubsub, ledger, self._dice):
                while anyio.current_time() < until:
                    await publisher.publish(self._dice.choices(channels, k=5))
                    await anyio.sleep(PAUSE)
                await publisher.finish()
        ledger.check()
        self.done["messages"] += ledger.received
        self.done["messages in gaps"] += ledger.in_gaps
        self.done["gaps"] += len(ledger.gaps)

    async def _consumer(self, stream: str, until: float) -> None:
        """Process all entries of a stream of this round."""
        added, processed = 0, set[int]()

        async def consume() -> None:
            async with AsyncExitStack() as stack:
                consumer = await self._entered(stack, stream)
                async for entry in consumer:
                    processed.add(int(entry.fields["number"]))
                    self.done["entries"] += 1

        async with line_to(self._server) as line:
            await line.ask("XGROUP", "CREATE", stream, "soak", "0", "MKSTREAM")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(consume)
                while anyio.current_time() < until:
                    await line.ask("XADD", stream, "*", "number", added)
                    added += 1
                    await anyio.sleep(PAUSE)
                with anyio.fail_after(PATIENCE):
                    while len(processed) < added or await _pending(line, stream):
                        await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()
            await line.ask("DEL", stream)

    async def _entered(self, stack: AsyncExitStack, stream: str) -> Consumer[str]:
        """A consumer; only entering it may fail, from then on it goes on by itself."""
        with anyio.fail_after(PATIENCE):
            while True:
                try:
                    return await stack.enter_async_context(
                        Consumer(self._client, stream, group="soak", name="c")
                    )
                except HONEST:
                    self.done["failed to consume"] += 1


async def _pending(line: Line, stream: str) -> int:
    reply = await line.ask("XPENDING", stream, "soak")
    assert isinstance(reply, list)
    assert isinstance(reply[0], int)
    return reply[0]
