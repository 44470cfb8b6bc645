"""Numbered stream entries, and consumers of one group, some of which die in the middle of an entry."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import Final

import anyio
import anyio.lowlevel

from anyredis import ConnectionError, Redis, TimeoutError
from anyredis.recipes import Consumer
from anyredis.replies import array, integer
from tests.faults.moves import Line

STREAM: Final = "faults:orders"
GROUP: Final = "billing"
CONSUMERS: Final = 3
AT_ONCE: Final = 100
CLAIM_IDLE: Final = 0.3
"""Seconds after which the entries of a dead consumer are claimed."""

LIFE: Final = 200
"""The most entries that a consumer lives for."""

HONEST: Final = (ConnectionError, TimeoutError)
"""The errors that a bad network may cause."""

PATIENCE: Final = 60.0


class Work:
    """The entries of a test, and how often each was processed."""

    def __init__(self, dice: random.Random) -> None:
        self.added = 0
        self.processed: Counter[int] = Counter()
        self.deaths = 0
        self.killing = True
        """Whether consumers die now and then."""
        self._dice = dice

    async def produce(self, line: Line, count: int) -> None:
        """Add *count* numbered entries."""
        for _ in range(0, count, AT_ONCE):
            numbers = range(self.added, self.added + AT_ONCE)
            await line.ask_all(("XADD", STREAM, "*", "number", number) for number in numbers)
            self.added += AT_ONCE
            with anyio.move_on_after(0.02):
                while self.added - len(self.processed) > 10 * AT_ONCE:
                    await anyio.sleep(0.001)

    async def consume(self, port: int, name: str) -> None:
        """One consumer after another; each dies after a while, as long as they are to die."""
        for generation in itertools.count():
            with anyio.CancelScope() as life:
                await self._consume_as(port, f"{name}-{generation}", life)
            self.deaths += life.cancelled_caught

    async def _consume_as(self, port: int, name: str, life: anyio.CancelScope) -> None:
        """Process entries until *life* is cancelled, which happens here or in any wait."""
        async with (
            Redis(
                port=port, decode_responses=True, stream_timeout=0.25, connect_timeout=1
            ) as client,
            AsyncExitStack() as stack,
        ):
            consumer = Consumer(
                client, STREAM, group=GROUP, name=name, claim_idle=CLAIM_IDLE, prefetch=20
            )
            try:
                await stack.enter_async_context(consumer)
            except HONEST:
                return  # only entering may fail: from then on a consumer goes on by itself
            entries = self._dice.randrange(LIFE)
            if self._dice.random() < 0.5 and self.killing:
                life.deadline = anyio.current_time() + self._dice.random() * 0.1
            async for entry in consumer:
                entries -= 1
                if entries < 0 and self.killing:
                    life.cancel()
                    self.processed.update([int(entry.fields["number"])] * self._dice.randrange(2))
                    await anyio.lowlevel.checkpoint()  # it dies here, with an entry in hand
                self.processed[int(entry.fields["number"])] += 1

    async def finish(self, line: Line) -> None:
        """Wait until every entry was processed, and none is pending."""
        self.killing = False
        with anyio.fail_after(PATIENCE):
            while len(self.processed) < self.added or await pending(line):
                await anyio.sleep(0.02)


async def pending(line: Line) -> int:
    """The number of entries that were delivered and not acknowledged."""
    return integer(array(await line.ask("XPENDING", STREAM, GROUP))[0])
