"""Connected byte streams that have a direct lane, for the event loop that is running now."""

from __future__ import annotations

from socket import socket

import sniffio

from anyredis.connection.asyncio_stream import AsyncioStream
from anyredis.connection.lane import LaneStream
from anyredis.connection.sockets import connected_tcp, connected_unix
from anyredis.connection.trio_stream import TrioStream


async def open_tcp(host: str, port: int) -> LaneStream:
    """A stream to *host*, a name or an IP address, at *port*; raises `OSError`."""
    return await stream_over(await connected_tcp(host, port))


async def open_unix(path: str) -> LaneStream:
    """A stream to the Unix socket at *path*; raises `OSError`."""
    return await stream_over(await connected_unix(path))


async def stream_over(sock: socket) -> LaneStream:
    """A stream over *sock*, which is connected and not blocking; it is closed if this fails."""
    if sniffio.current_async_library() == "trio":
        return TrioStream(sock)
    return await AsyncioStream.over(sock)
