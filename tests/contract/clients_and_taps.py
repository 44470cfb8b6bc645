"""Clients on both transports and taps on their connections, for the tests of the contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, Unpack

import anyio
from anyio.abc import ByteStream

from anyredis import (
    BaseConnection,
    ClusterConnectionPool,
    Connection,
    ConnectionOptions,
    ConnectionPool,
    Redis,
    Retry,
    TCPAddress,
)
from anyredis.client.options import RedisOptions
from anyredis.server import Server

T = TypeVar("T")

Transport: TypeAlias = Literal["tcp", "unix"]

DEFAULT_RETRY = Retry()

PATIENCE = 30.0
"""Seconds after which an expected event counts as missing."""


def client_of(
    server: Server, transport: Transport = "tcp", *, db: int = 0, **options: Unpack[RedisOptions]
) -> Redis[bytes]:
    """A client for *server*."""
    if transport == "unix":
        options["unix_socket_path"] = server.unix_socket_path
        return Redis(db=db, **options)
    return Redis(server.host, server.port, db, **options)


def text_client_of(server: Server, **options: Unpack[RedisOptions]) -> Redis[str]:
    """A client for *server* that decodes."""
    return Redis(server.host, server.port, decode_responses=True, **options)


async def outcomes(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | Exception]:
    """The results or exceptions of *calls*, which run concurrently."""
    results: dict[int, T | Exception] = {}

    async def one(position: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            results[position] = await call()
        except Exception as error:  # noqa: BLE001 - an outcome like another
            results[position] = error

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            for position, call in enumerate(calls):
                tasks.start_soon(one, position, call)
    return [results[position] for position in range(len(calls))]


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds, by polling."""
    with anyio.fail_after(PATIENCE):
        while not condition():
            await anyio.sleep(0.001)


def connections_of(client: Redis[Any]) -> list[BaseConnection]:
    """All connections of the client's pool."""
    return client.connection_pool.endpoint.server.connections()


class Tap:
    """Records the bytes that its connections send, delays them, and loses replies."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.opened = 0
        self.received = 0
        self._cut_at = b""
        self._cuts = 0
        self._hold_at: int | None = None
        self._sending: anyio.Event | None = None
        self._receiving: anyio.Event | None = None

    def lose_reply_to(self, word: bytes, times: int = 1) -> None:
        """Lose the connection instead of the reply, the next *times* that *word* was sent."""
        self._cut_at, self._cuts = word, times

    def hold_sending(self) -> None:
        """From now on the server does not read."""
        self._sending = anyio.Event()

    def hold_receiving(self) -> None:
        """From now on no bytes from the server arrive."""
        self._receiving = anyio.Event()

    def hold_receiving_after(self, count: int) -> None:
        """The same, once *count* more bytes have arrived."""
        self._hold_at = self.received + count

    def let_arrive(self) -> None:
        """Bytes that were delayed arrive now."""
        if self._receiving is not None:
            self._receiving.set()
        self._receiving = None

    def release(self) -> None:
        """Bytes flow again in both directions."""
        self.let_arrive()
        if self._sending is not None:
            self._sending.set()
        self._sending = None

    async def send(self, stream: ByteStream, data: bytes) -> None:
        """Pass on the bytes that a client sends."""
        if self._sending is not None:
            await self._sending.wait()
        self.sent += data
        await stream.send(data)

    async def receive(self, stream: ByteStream, most: int, since: int) -> bytes:
        """Pass on the bytes of the server; the stream's first request is at *since* in `sent`."""
        data = await stream.receive(most)
        if self._hold_at is not None and self.received >= self._hold_at:
            self._hold_at = None
            self.hold_receiving()
        if self._receiving is not None:
            await self._receiving.wait()
        if self._cuts and self._cut_at in self.sent[since:]:
            self._cuts -= 1
            raise anyio.EndOfStream
        self.received += len(data)
        return data


class TappedStream(ByteStream):
    """A stream with a tap on it."""

    def __init__(self, stream: ByteStream, tap: Tap) -> None:
        self._stream = stream
        self._tap = tap
        self._since = len(tap.sent)

    async def send(self, item: bytes) -> None:
        """Send."""
        await self._tap.send(self._stream, item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive."""
        return await self._tap.receive(self._stream, max_bytes, self._since)

    async def send_eof(self) -> None:
        """Half-close."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()


class TappedConnection(Connection):
    """A TCP connection with *tap* on it."""

    def __init__(
        self, *, tap: Tap, host: str, port: int, **options: Unpack[ConnectionOptions]
    ) -> None:
        super().__init__(host=host, port=port, **options)
        self._tap = tap

    async def open_stream(self) -> ByteStream:
        """A TCP stream with the tap on it."""
        self._tap.opened += 1
        return TappedStream(await super().open_stream(), self._tap)


def tapped(
    server: Server,
    tap: Tap,
    *,
    max_connections: int = 100,
    shared_connections: int = 1,
    retry: Retry | None = DEFAULT_RETRY,
    stream_timeout: float | None = 10.0,
) -> Redis[bytes]:
    """A client of *server* with *tap* on its wire."""
    pool = ConnectionPool(
        connection_class=TappedConnection,
        tap=tap,
        host=server.host,
        port=server.port,
        max_connections=max_connections,
        shared_connections=shared_connections,
        stream_timeout=stream_timeout,
    )
    return Redis(connection_pool=pool, retry=retry)


def control_sockets(pool: ClusterConnectionPool, address: TCPAddress) -> int:
    """How many sockets of the control connection of *pool* go to the node at *address*."""
    control = pool.topology.control
    nodes = (*control._nodes.values(), *control._closing)
    return sum(node.allocator.sockets for node in nodes if node.address == str(address))
