"""Consumers of one stream of 100,000 entries, each in a new group for each operation.

Each entry is acknowledged after it was handled, as a job queue does it, but by `coredis-noack`,
whose entries are lost with the process.  redis-py has no consumer: here it reads batches by hand
and acknowledges each batch at once.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyredis
from anyredis.recipes import Consumer
from benchmarks.bare import HOST
from benchmarks.contestants import Contestant, Ops

ENTRIES = 100_000
PREFETCH = 100
"""Entries that each consumer asks for at once."""

STREAM = b"bench:stream"
FILL = b"""
redis.call('DEL', KEYS[1])
for n = 1, ARGV[1] do redis.call('XADD', KEYS[1], n .. '-1', 'number', n, 'data', ARGV[2]) end
"""

groups = itertools.count()

Consume = Callable[[str], Awaitable[Any]]
"""Takes and acknowledges all entries, as a member of the named group; gives the last number."""


@asynccontextmanager
async def open_anyredis(port: int) -> AsyncGenerator[Consume]:
    """An entry is acknowledged when the next one is asked for."""
    async with anyredis.Redis(HOST, port) as client:

        async def consume(group: str) -> Any:
            entry: Any = None
            count = 0

            async with Consumer(
                client, STREAM.decode(), group=group, name="c", prefetch=PREFETCH
            ) as consumer:
                async for entry in consumer:
                    count += 1
                    if count == ENTRIES:
                        await entry.ack()
                        break
            return entry.fields[b"number"]

        yield consume


@asynccontextmanager
async def open_redis_py(port: int) -> AsyncGenerator[Consume]:
    """A loop of XREADGROUP and XACK."""
    async with importlib.import_module("redis.asyncio").Redis(host=HOST, port=port) as client:

        async def consume(group: str) -> Any:
            fields: Any = None
            count = 0
            while count < ENTRIES:
                reply = await client.xreadgroup(group, "c", {STREAM: ">"}, count=PREFETCH)
                [[_, entries]] = reply
                for _, fields in entries:  # noqa: B007 - the last is asked for
                    count += 1
                await client.xack(STREAM, group, *[each for each, _ in entries])
            return fields[b"number"]

        yield consume


def coredis_opener(*, noack: bool) -> Callable[[int], AbstractAsyncContextManager[Consume]]:
    """A `GroupConsumer`, with or without acknowledgements."""

    @asynccontextmanager
    async def open_coredis(port: int) -> AsyncGenerator[Consume]:
        coredis = importlib.import_module("coredis")
        streams = importlib.import_module("coredis.patterns.streams")
        async with coredis.Redis(host=HOST, port=port) as client:

            async def consume(group: str) -> Any:
                entry: Any = None
                count = 0
                async with streams.GroupConsumer(
                    client, [STREAM], group, "c", buffer_size=PREFETCH - 1, auto_acknowledge=noack
                ) as consumer:
                    async for _, entry in consumer:
                        count += 1
                        if not noack:
                            await client.xack(STREAM, group, [entry.identifier])
                        if count == ENTRIES:
                            break
                return entry.field_values[b"number"]

            yield consume

    return open_coredis


@dataclass(frozen=True)
class Opening:
    """What opens a contestant: it fills the stream, too."""

    connect: Callable[[int], AbstractAsyncContextManager[Consume]]

    @asynccontextmanager
    async def __call__(self, port: int, _pool: int | None) -> AsyncGenerator[Ops]:
        """The operation, as `Ops.run`."""
        async with anyredis.Redis(HOST, port) as client, self.connect(port) as consume:
            if await client.execute_command("XLEN", STREAM) != ENTRIES:
                await client.execute_command("EVAL", FILL, 1, STREAM, ENTRIES, "x" * 100)

            async def operation() -> Any:
                group = f"g{next(groups)}"
                await client.execute_command("XGROUP", "CREATE", STREAM, group, 0)
                last = await consume(group)
                pending, *_ = await client.execute_command("XPENDING", STREAM, group)
                await client.execute_command("XGROUP", "DESTROY", STREAM, group)
                return last, pending

            yield Ops(run=operation)


def consumed(reply: Any) -> bool:
    """True if the last entry was the last of the stream, and none is pending."""
    return bool(reply == (b"%d" % ENTRIES, 0))


CONSUMERS = (
    Contestant("anyredis", "anyredis", "anyredis", Opening(open_anyredis)),
    Contestant("redis-py", "redis.asyncio", "redis", Opening(open_redis_py), ("asyncio", "uvloop")),
    Contestant("coredis", "coredis", "coredis", Opening(coredis_opener(noack=False))),
    Contestant("coredis-noack", "coredis", "coredis", Opening(coredis_opener(noack=True))),
)
