"""Helpers for tests of lanes: sockets, streams over them, and what a lane tells its connection."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any, Literal, NamedTuple, TypeAlias

import anyio
import trustme
from anyio.abc import ByteStream, Listener, SocketAttribute
from anyio.streams.tls import TLSListener

from anyredis import BaseConnection, Connection, ConnectionPool, Redis
from anyredis.connection.direct_streams import stream_over
from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.lane import Lane, LaneStream, lane_of
from anyredis.connection.tls_lane import EncryptedStream
from anyredis.testing import FakeServer

LaneKind: TypeAlias = Literal["direct", "tasks", "tls", "tls tasks"]
"""The direct lane of the event loop, or the two tasks over the same stream; each also over TLS."""

LANE_KINDS: tuple[LaneKind, ...] = ("direct", "tasks", "tls", "tls tasks")


class Contexts(NamedTuple):
    """The two sides of TLS."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@cache
def contexts() -> Contexts:
    """Contexts of a server that is called localhost and of a client that trusts it."""
    authority: Any = trustme.CA()  # its types are not complete
    found = Contexts(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context())
    authority.issue_cert("localhost").configure_cert(found.server)
    authority.configure_trust(found.client)
    return found


def takes_more(lane: Lane, data: bytes) -> bool:
    """Have *lane* send *data*; gives whether it takes more behind it."""
    lane.write(data)
    return not lane.full


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
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it sends arrives at once
    return ours, peer


def send_all_it_takes(peer: socket.socket) -> int:
    """Send until *peer* takes no more, though it was asked for a while; the bytes that it took.

    Over TLS it may send more of the last bytes, later.
    """
    peer.setblocking(False)
    sent = 0
    for _ in range(200):
        try:
            sent += peer.send(bytes(CHUNK))
        except (BlockingIOError, ssl.SSLWantWriteError):
            time.sleep(0.001)
    return sent


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
    direct = await stream_over(ours)
    stream: ByteStream = direct
    if kind.startswith("tls"):
        stream, peer = await encrypted(direct, peer, contexts().client)
    if kind.endswith("tasks"):
        stream = Plain(stream)
    try:
        yield stream, peer
    finally:
        peer.close()
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)


async def encrypted(
    stream: LaneStream, peer: socket.socket, context: ssl.SSLContext
) -> tuple[EncryptedStream, ssl.SSLSocket]:
    """TLS over *stream*, and the peer of that."""
    ours: list[EncryptedStream] = []
    peers: list[ssl.SSLSocket] = []

    async def call() -> None:
        ours.append(await EncryptedStream.over(stream, context, "localhost"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        answer = partial(contexts().server.wrap_socket, peer, server_side=True)
        peers.append(await anyio.to_thread.run_sync(answer))
    return ours[0], peers[0]


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


CLASSES: dict[LaneKind, type[Connection]] = {
    "direct": Connection,
    "tasks": TwoTasks,
    "tls": Connection,
    "tls tasks": TwoTasks,
}


def options_of(kind: LaneKind) -> dict[str, Any]:
    """The arguments for connections of *kind*; who the server is does not matter here."""
    return {"ssl": True, "ssl_cert_reqs": "none"} if kind.startswith("tls") else {}


def client_on(kind: LaneKind, host: str, port: int, **options: Any) -> Redis[bytes]:
    """A client whose connections have lanes of *kind*."""
    retry = options.pop("retry", None)
    pool = ConnectionPool(
        connection_class=CLASSES[kind], host=host, port=port, **options_of(kind), **options
    )
    return Redis(connection_pool=pool, retry=retry)


def connection_of(client: Redis[Any]) -> BaseConnection:
    """The one connection that *client* has."""
    [connection] = client.connection_pool.connections()
    return connection


@asynccontextmanager
async def on_tcp(server: FakeServer, kind: LaneKind) -> AsyncGenerator[int]:
    """The port at which connections of *kind* reach *server*."""

    async def pump(source: ByteStream, target: ByteStream) -> None:
        try:
            while True:
                await target.send(await source.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass

    async def serve(client: ByteStream) -> None:
        inner = await server.connect()
        async with client, inner, anyio.create_task_group() as both:
            both.start_soon(pump, client, inner)
            await pump(inner, client)
            both.cancel_scope.cancel()

    listener: Listener[Any] = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port: int = listener.extra(SocketAttribute.local_port)
    if kind.startswith("tls"):
        listener = TLSListener(listener, contexts().server, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield port
        tasks.cancel_scope.cancel()
