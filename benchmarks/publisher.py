"""The publisher of the benchmarks: the server publishes by itself, by a script, in batches.

So a message costs this process nothing but its reception, and the server is never far ahead.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import sniffio

from benchmarks.bare import BareProtocol, Call, bare_asyncio, bare_trio

PAYLOAD = b"m" * 100

AT_ONCE = 500
"""Messages that one run of the script publishes."""

REPEAT = b"for _ = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], ARGV[3]) end"
EACH = b"for n = 2, #ARGV do redis.call('PUBLISH', ARGV[n], ARGV[1]) end"


class Publisher:
    """Publishes `PAYLOAD` over a connection of its own, for one task at a time."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def repeat(self, channel: bytes, count: int) -> None:
        """Publish *count* messages to *channel*."""
        for begin in range(0, count, AT_ONCE):
            some = min(AT_ONCE, count - begin)
            await self._call(b"EVAL", REPEAT, 0, channel, some, PAYLOAD)

    async def each(self, channels: Sequence[bytes]) -> None:
        """Publish one message to each of *channels*."""
        for begin in range(0, len(channels), AT_ONCE):
            some = channels[begin : begin + AT_ONCE]
            await self._call(b"EVAL", EACH, 0, PAYLOAD, *some)


@asynccontextmanager
async def publisher(port: int) -> AsyncGenerator[Publisher]:
    """A publisher on the event loop that is running."""
    trio = sniffio.current_async_library() == "trio"
    async with bare_trio(port) if trio else bare_asyncio(port, BareProtocol) as call:
        yield Publisher(call)
