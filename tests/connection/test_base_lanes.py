"""Tests of `anyredis.connection.base` on each lane: the same promises, whoever moves the bytes."""

from __future__ import annotations

import socket
import threading
import time
from functools import partial

import anyio
import anyio.lowlevel
import pytest
import sniffio
from anyio.abc import ByteStream

from anyredis import BaseConnection, ConnectionError, MaxClientsError
from anyredis.connection import requests
from anyredis.server import Server
from anyredis.testing import FakeServer, Raw
from anyredis.wire import request_queue
from anyredis.wire.decode import Reply
from tests.connection.lanes import (
    CLASSES,
    LANE_KINDS,
    LaneKind,
    client_on,
    connection_of,
    contexts,
    on_tcp,
    options_of,
    passes,
    reset,
    until,
)
from tests.connection.serving import echo
from tests.servers import ask

on_each_lane = pytest.mark.parametrize("kind", LANE_KINDS)


@on_each_lane
async def test_a_cancellation_that_came_before_is_seen(lane_server: Server, kind: LaneKind) -> None:
    """G2: a request of a task that is cancelled is never written, on any lane."""
    async with client_on(kind, lane_server.host, lane_server.port) as client:
        await client.ping()
        for _ in range(20):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.incr("never")
            assert scope.cancelled_caught
        assert await client.get("never") is None


@on_each_lane
async def test_a_request_that_is_cancelled_in_its_turn(lane_server: Server, kind: LaneKind) -> None:
    """G2, G3: it is not written, or its reply is swallowed; others get theirs."""
    async with client_on(kind, lane_server.host, lane_server.port) as client:
        await client.ping()
        for _ in range(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.echo, "cancelled")
                tasks.start_soon(client.echo, "too")
                await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            assert await client.echo("mine") == b"mine"


@on_each_lane
async def test_an_expired_deadline_that_the_loop_has_not_seen(
    lane_server: Server, kind: LaneKind
) -> None:
    """G2: under trio it counts, though the lane may write in the step of the caller."""
    if sniffio.current_async_library() != "trio":
        return  # asyncio delivers it in a later turn than that of the write
    async with client_on(kind, lane_server.host, lane_server.port) as client:
        for _ in range(20):
            await client.ping()  # nothing is on its way now
            with anyio.move_on_after(0.001) as scope:
                time.sleep(0.002)  # noqa: ASYNC251 - the event loop stands still
                await client.incr("never")
            assert scope.cancelled_caught
        assert await client.get("never") is None


@on_each_lane
async def test_the_first_words_of_a_server_that_refuses(kind: LaneKind) -> None:
    """G11: they are the error, though the stream broke while the handshake was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]

        def refuse() -> None:
            for number in range(20):
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if kind.startswith("tls"):
                    peer = contexts().server.wrap_socket(peer, server_side=True)
                peer.sendall(b"-ERR max number of clients reached\r\n")
                if number % 2:
                    peer.close()
                else:
                    reset(peer)

        other = threading.Thread(target=refuse)
        other.start()
        for _ in range(20):
            connection = CLASSES[kind](host="127.0.0.1", port=port, **options_of(kind))
            stream = await connection.open_stream()
            await passes(2)
            connection.open_stream = partial(given, stream)  # type: ignore[method-assign]
            with pytest.raises(MaxClientsError):
                await connection.connect()
        other.join()


async def given(stream: ByteStream) -> ByteStream:
    """*stream*."""
    return stream


class LossListener:
    """A listener that notes why connections are lost."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def ready(self, connection: BaseConnection, /) -> None:
        """Nothing."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Nothing."""

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Note it."""
        self.reasons.append(reason)


@on_each_lane
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"nonsense\r\n", "does not speak the Redis protocol"),
        (b"*1000000000\r\n", "announced an aggregate of 1000000000"),
        (b"~1000000000\r\n", "announced an aggregate of 1000000000"),
        (b"|1000000000\r\n", "announced an aggregate of 1000000000"),
        (b">1000000000\r\n", "announced a push of 1000000000"),
        (b"$1\r\na\r\n$1\r\nb\r\n", "a reply to no request"),
    ],
)
async def test_bytes_that_cannot_be_read(kind: LaneKind, answer: bytes, reason: str) -> None:
    """G12, G14: nothing leaves the callbacks of the event loop; the connection is closed."""
    server, listener = FakeServer(), LossListener()
    server.on("ECHO", lambda _peer, _words: Raw(answer), times=1)
    async with (
        on_tcp(server, kind) as port,
        client_on(kind, "127.0.0.1", port, listeners=[listener]) as client,
    ):
        await client.ping()
        connection = connection_of(client)
        request = connection.enqueue((b"ECHO", b"x"))
        await until(lambda: connection.closed)
        assert request is not None
        assert isinstance(await connection.answer(request), (bytes, ConnectionError))
        assert reason in listener.reasons[0]
        with pytest.raises(ConnectionError, match="it was closed"):
            await connection.submit(echo("y"))
        assert await client.ping()
    assert len(listener.reasons) == 2


class FailingPauser(LossListener):
    """A listener that pauses in each push, and fails."""

    def __init__(self) -> None:
        super().__init__()
        self.pushes: list[object] = []

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Note it, pause, and fail."""
        self.pushes.append(message)
        connection.pause_reading()
        raise KeyError("a failing listener")


@on_each_lane
async def test_a_listener_that_pauses_and_fails(kind: LaneKind) -> None:
    """G12, G13: replies wait, none fails, and the order is kept."""
    server, listener = FakeServer(), FailingPauser()
    async with (
        on_tcp(server, kind) as port,
        client_on(kind, "127.0.0.1", port, listeners=[listener]) as client,
    ):
        await client.ping()
        connection = connection_of(client)
        for number in range(1, 6):
            server.peers[0].stream.deliver(b">1\r\n$1\r\n%d\r\n" % number)
            await until(lambda: len(listener.pushes) == number)  # noqa: B023 - waited for here
            async with anyio.create_task_group() as tasks:
                answers: list[bytes] = []

                async def ask(answers: list[bytes] = answers) -> None:
                    answers.append(await client.echo("x"))

                tasks.start_soon(ask)
                await passes()
                assert answers == []
                connection.resume_reading()
        assert listener.pushes == [[b"%d" % number] for number in range(1, 6)]


@on_each_lane
async def test_a_reply_that_nobody_wants_is_too_large(
    kind: LaneKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G3: the connection is replaced while it receives, and the next command uses another."""
    monkeypatch.setattr(request_queue, "MAX_SWALLOWED", 1_000_000)
    server = FakeServer()
    server.on("GET", lambda _peer, _words: Raw(b"$9000000\r\n" + b"x" * 8_000_000), times=1)
    async with on_tcp(server, kind) as port, client_on(kind, "127.0.0.1", port) as client:
        await client.ping()
        connection = connection_of(client)
        server.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "large")
            await server.wait_for("GET")
            tasks.cancel_scope.cancel()
        assert connection.usable
        server.release()
        await until(lambda: connection.closed)
        assert connection.wire.received < 5_000_000
        assert await client.ping()
        assert server.accepted == 2


@on_each_lane
async def test_nobody_is_let_in_while_the_lane_is_full(
    private_lane_server: Server, kind: LaneKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G7, G13: unsent bytes are bounded, those who wait keep their order, and all are answered."""
    monkeypatch.setattr(requests, "HIGH_WATER", 100_000)
    value = b"x" * 50_000
    options = {"max_connections": 1000}
    async with client_on(
        kind, private_lane_server.host, private_lane_server.port, **options
    ) as client:
        await client.ping()
        connection = connection_of(client)
        private_lane_server.pause()
        try:
            async with anyio.create_task_group() as tasks:
                for number in range(400):
                    tasks.start_soon(client.rpush, "list", b"%d" % number, value)
                    await anyio.lowlevel.checkpoint()
                    assert connection.wire.unsent_bytes <= 200_000
                await passes()
                assert connection._full
                waiting = len(connection._backpressure.waiting)
                assert waiting
                async with anyio.create_task_group() as late:
                    late.start_soon(client.ping)
                    await passes()
                    assert len(connection._backpressure.waiting) == waiting + 1
                    late.cancel_scope.cancel()
                assert len(connection._backpressure.waiting) == waiting
                private_lane_server.resume()
        finally:
            private_lane_server.resume()
        found = await client.lrange("list", 0, -1)
        assert found[::2] == [b"%d" % number for number in range(400)]


@on_each_lane
async def test_a_loss_is_told_once(lane_server: Server, kind: LaneKind) -> None:
    """G12: requests and listeners hear of it once, whatever came together."""
    listener = LossListener()
    async with client_on(kind, lane_server.host, lane_server.port, listeners=[listener]) as client:
        await client.ping()
        connection = connection_of(client)
        ask(lane_server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until(lambda: connection.closed)
        await passes()
        assert listener.reasons == ["the server closed it"]
