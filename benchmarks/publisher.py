"""The publisher of the benchmarks: the server publishes by itself, by a script, in batches.

So a message costs this process nothing but its reception, and the server is never far ahead.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import sniffio

from benchmarks.bare import HOST, BareProtocol, Call, bare_asyncio, bare_trio, pack

PAYLOAD = b"m" * 100

AT_ONCE = 1000
"""Messages that one run of the script publishes."""

CONNECTIONS = 2

REPEAT = b"for _ = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], ARGV[3]) end"
EACH = b"for n = 2, #ARGV do redis.call('PUBLISH', ARGV[n], ARGV[1]) end"


class Publisher:
    """Publishes `PAYLOAD` over connections of its own, one run of a script at a time on each.

    So the server has the next run in hand when it has finished one, and never waits for us.
    """

    def __init__(self, port: int, calls: Sequence[Call]) -> None:
        self._port = port
        self._calls = calls

    async def repeat(self, channel: bytes, count: int) -> None:
        """Publish *count* messages to *channel*."""
        parts = [min(AT_ONCE, count - begin) for begin in range(0, count, AT_ONCE)]
        await self._run([(REPEAT, 0, channel, part, PAYLOAD) for part in parts])

    async def each(self, channels: Sequence[bytes]) -> None:
        """Publish one message to each of *channels*."""
        parts = [channels[begin : begin + AT_ONCE] for begin in range(0, len(channels), AT_ONCE)]
        await self._run([(EACH, 0, PAYLOAD, *part) for part in parts])

    def publish_now(self, channel: bytes, count: int) -> None:
        """Publish *count* messages to *channel*, and hold up the event loop until that is done.

        So no client receives any of them meanwhile: they are all on their way when it goes on.
        """
        with socket.create_connection((HOST, self._port)) as server:
            server.sendall(pack((b"EVAL", REPEAT, 0, channel, count, PAYLOAD)))
            reply = server.recv(100)
        if reply != b"$-1\r\n":
            raise RuntimeError(f"the server answered {reply!r} to the script that publishes")

    async def _run(self, runs: list[tuple[Any, ...]]) -> None:
        async def work(call: Call) -> None:
            while runs:
                await call(b"EVAL", *runs.pop())

        async with anyio.create_task_group() as tasks:
            for call in self._calls:
                tasks.start_soon(work, call)


@asynccontextmanager
async def publisher(port: int) -> AsyncGenerator[Publisher]:
    """A publisher on the event loop that is running."""
    trio = sniffio.current_async_library() == "trio"
    async with AsyncExitStack() as stack:
        calls: list[Call] = []
        for _ in range(CONNECTIONS):
            bare = bare_trio(port) if trio else bare_asyncio(port, BareProtocol)
            calls.append(await stack.enter_async_context(bare))
        yield Publisher(port, calls)
