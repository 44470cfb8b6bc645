"""Helpers for tests of lanes: sockets, streams over them, and what a lane tells its connection."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple, TypeAlias

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from anyredis import BaseConnection, Connection, ConnectionPool, Redis
from anyredis.connection.direct_streams import stream_over
from anyredis.connection.lane import Lane, lane_of
from anyredis.testing import FakeServer

LaneKind: TypeAlias = Literal["direct", "tasks"]
"""The direct lane of the event loop, or the two tasks over the same socket."""

LANE_KINDS: tuple[LaneKind, ...] = ("direct", "tasks")


class Plain(ByteStream):
    """A stream of which nothing is known but that it is a byte stream."""

    def __init__(self, stream: ByteStream) -> None:
        self.inner = stream

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive."""
        return await self.inner.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        """Send."""
        await self.inner.send(item)

    async def send_eof(self) -> None:
        """Half-close."""
        await self.inner.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self.inner.aclose()


class Events:
    """What a lane told, in order; *on_received* is called with each piece."""

    def __init__(self) -> None:
        self.data = b""
        self.told: list[str] = []
        self.ends: list[BaseException] = []
        self.writables = 0
        self.grace = 0.01
        """The seconds left to read after sending has failed."""
        self.on_received: Callable[[], object] = lambda: None
        self.on_writable: Callable[[], object] = lambda: None

    def has_ended(self) -> bool:
        """Whether the end was told."""
        return bool(self.ends)

    def received(self, data: bytes | memoryview, /) -> None:
        """Note it."""
        assert not self.ends, "bytes behind the end"
        self.data += data
        self.told.append("received")
        self.on_received()

    def writable(self) -> None:
        """Note it."""
        self.writables += 1
        self.told.append("writable")
        self.on_writable()

    def sending_failed(self, error: Exception, /) -> float:
        """Note it."""
        self.told.append("sending failed")
        return self.grace

    def ended(self, error: BaseException, /) -> None:
        """Note it."""
        self.ends.append(error)
        self.told.append("ended")


class Running(NamedTuple):
    """A lane that runs, its events, its stream, and the other end of its socket."""

    lane: Lane
    events: Events
    stream: ByteStream
    peer: socket.socket


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets: ours, and that of the peer, which blocks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    ours.setblocking(False)
    peer.settimeout(10)
    return ours, peer


def reset(sock: socket.socket) -> None:
    """Close *sock* so that its peer gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def passes(count: int = 10) -> None:
    """Let the event loop look at its sockets *count* times."""
    for _ in range(count):
        await anyio.sleep(0.001)


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.001)


@asynccontextmanager
async def opened(kind: LaneKind) -> AsyncGenerator[tuple[ByteStream, socket.socket]]:
    """A stream that has a lane of *kind*, and its peer."""
    ours, peer = tcp_pair()
    stream: ByteStream = await stream_over(ours)
    if kind == "tasks":
        stream = Plain(stream)
    try:
        yield stream, peer
    finally:
        peer.close()
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)


@asynccontextmanager
async def running(kind: LaneKind) -> AsyncGenerator[Running]:
    """A lane of *kind* that runs."""
    async with opened(kind) as (stream, peer), anyio.create_task_group() as tasks:
        events = Events()
        lane = lane_of(stream, events)
        tasks.start_soon(lane.run)
        await passes()
        yield Running(lane, events, stream, peer)
        lane.stop()


# -- connections --------------------------------------------------------------------------------


class TwoTasks(Connection):
    """A connection over TCP whose lane is that of any stream."""

    async def open_stream(self) -> ByteStream:
        """A stream of which nothing is known."""
        return Plain(await super().open_stream())


CLASSES: dict[LaneKind, type[Connection]] = {"direct": Connection, "tasks": TwoTasks}


def client_on(kind: LaneKind, host: str, port: int, **options: Any) -> Redis[bytes]:
    """A client whose connections have lanes of *kind*."""
    retry = options.pop("retry", None)
    pool = ConnectionPool(connection_class=CLASSES[kind], host=host, port=port, **options)
    return Redis(connection_pool=pool, retry=retry)


def connection_of(client: Redis[Any]) -> BaseConnection:
    """The one connection that *client* has."""
    [connection] = client.connection_pool.connections()
    return connection


@asynccontextmanager
async def on_tcp(server: FakeServer) -> AsyncGenerator[int]:
    """The port at which *server* is reached over TCP."""

    async def pump(source: ByteStream, target: ByteStream) -> None:
        try:
            while True:
                await target.send(await source.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass

    async def serve(client: SocketStream) -> None:
        inner = await server.connect()
        async with client, inner, anyio.create_task_group() as both:
            both.start_soon(pump, client, inner)
            await pump(inner, client)
            both.cancel_scope.cancel()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()
