"""The lower bound: the least work possible in Python with hiredis, on asyncio and on trio.

None of them supports cancellation, timeouts, reconnects, redirects or checks.
"""

from __future__ import annotations

import asyncio
import importlib
from binascii import crc_hqx
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import hiredis

HOST = "127.0.0.1"
CHUNK = 256 * 1024
SLOTS = 16384

Call = Callable[..., Awaitable[Any]]

# The stub of hiredis takes a tuple of one; the function takes any.
pack: Callable[[tuple[Any, ...]], bytes] = getattr(hiredis, "pack_command")  # noqa: B009


class BareProtocol(asyncio.Protocol):
    """A future and a write for each command."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's derives from nothing

    def data_received(self, data: bytes) -> None:
        """Answer all complete replies."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._waiting.popleft().set_result(reply)

    def call(self, *args: Any) -> asyncio.Future[Any]:
        """The reply to the command of these words, to be awaited."""
        future = self._loop.create_future()
        self._waiting.append(future)
        self.send(pack(args))
        return future

    def send(self, command: bytes) -> None:
        """Write *command*."""
        self.transport.write(command)


class CorkedProtocol(BareProtocol):
    """The same, with one write for all commands of one turn of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._unsent: list[bytes] = []

    def send(self, command: bytes) -> None:
        """Write *command* with all others of this turn."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(command)

    def _flush(self) -> None:
        self.transport.write(b"".join(self._unsent))
        self._unsent.clear()


@asynccontextmanager
async def bare_asyncio(port: int, protocol_class: type[BareProtocol]) -> AsyncGenerator[Call]:
    """A connection of asyncio's or uvloop's own, for any number of tasks."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(protocol_class, HOST, port)
    try:
        yield protocol.call
    finally:
        transport.close()


@asynccontextmanager
async def bare_cluster(port: int) -> AsyncGenerator[Call]:
    """A connection to each node, with one write for all commands of one turn; asyncio or uvloop.

    Commands have their key first, which is text without a hash tag.
    """
    async with AsyncExitStack() as stack:
        ask = await stack.enter_async_context(bare_asyncio(port, CorkedProtocol))
        endpoint_by_slot: list[Call] = [ask] * SLOTS
        for first, last, (_, port_there, *_more), *_replicas in await ask(b"CLUSTER", b"SLOTS"):
            there = await stack.enter_async_context(bare_asyncio(port_there, CorkedProtocol))
            endpoint_by_slot[first : last + 1] = [there] * (last + 1 - first)

        def call(name: bytes, key: str) -> Awaitable[Any]:
            return endpoint_by_slot[crc_hqx(key.encode(), 0) % SLOTS](name, key)

        yield call


@asynccontextmanager
async def bare_trio(port: int) -> AsyncGenerator[Call]:
    """A `trio.SocketStream`, for one task."""
    trio: Any = importlib.import_module("trio")  # trio is an optional dependency
    stream = await trio.open_tcp_stream(HOST, port)
    reader = hiredis.Reader()

    async def call(*args: Any) -> Any:
        await stream.send_all(pack(args))
        while (reply := reader.gets()) is False:
            reader.feed(await stream.receive_some(CHUNK))
        return reply

    async with stream:
        yield call
