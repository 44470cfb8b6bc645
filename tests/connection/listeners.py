"""Listeners that record or fail, a client that has them, and pushes to send to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel

from anyredis import BaseConnection, ConnectionListener, ConnectionPool, Redis
from anyredis.testing import FakeConnection, FakePeer, FakeServer
from anyredis.wire.decode import Reply

TEXT = {"decode_responses": True}


class RecordingListener:
    """A listener that records its events and pushes."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.pushes: list[list[Reply]] = []

    def ready(self, connection: BaseConnection, /) -> None:
        """Note it."""
        assert connection.usable
        self.events.append("ready")

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Note it."""
        self.pushes.append(message)

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Note it."""
        assert not connection.usable
        self.events.append(f"{'closed' if connection.closed else 'draining'}: {reason}")


class FailingListener(RecordingListener):
    """A listener that fails at every event."""

    def ready(self, connection: BaseConnection, /) -> None:
        """Fail."""
        raise KeyError("ready")

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Fail."""
        raise KeyError("push")

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Fail."""
        raise KeyError("lost")


def pushed(kind: bytes, *texts: bytes) -> bytes:
    """The bytes of a push."""
    strings = b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in texts)
    return b">%d\r\n+%b\r\n%b" % (len(texts) + 1, kind, strings)


@asynccontextmanager
async def client_with(
    *listeners: ConnectionListener, **options: Any
) -> AsyncGenerator[tuple[Redis[Any], FakeServer]]:
    """A client that is connected, and its server."""
    server = FakeServer()
    pool = ConnectionPool(
        connection_class=FakeConnection, server=server, listeners=listeners, **options
    )
    decodes = pool.decode_responses
    client: Redis[Any] = Redis(connection_pool=pool, decode_responses=decodes, retry=None)
    async with client:
        await client.ping()
        yield client, server


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


def connection_of(client: Redis[Any]) -> BaseConnection:
    """The one connection that *client* has."""
    [connection] = client.connection_pool.connections()
    return connection


def send(peer: FakePeer, *pieces: bytes) -> None:
    """Send *pieces* unchanged from *peer*."""
    peer.stream.deliver(b"".join(pieces))
