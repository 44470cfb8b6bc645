"""Plain connections to a server, and an answer to one line."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream

from anyredis.server import Server


async def exchange(stream: ByteStream, line: bytes) -> bytes:
    """The server's answer to one line."""
    await stream.send(line + b"\r\n")
    return await stream.receive()


@asynccontextmanager
async def dial(server: Server) -> AsyncGenerator[ByteStream]:
    """A plain TCP connection to a server."""
    async with await anyio.connect_tcp(server.host, server.port) as stream:
        yield stream
