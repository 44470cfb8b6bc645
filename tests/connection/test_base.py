"""Tests of `anyredis.connection.base`: opened, served by two tasks, drained, closed."""

from __future__ import annotations

import socket
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import sniffio
from anyio.abc import ByteStream

from anyredis import (
    BaseConnection,
    ConnectionError,
    ConnectionPool,
    MaxClientsError,
    Outcome,
    Redis,
    RedisError,
    TimeoutError,
    UnknownCommandError,
)
from anyredis.connection import requests
from anyredis.connection.handshake import HandshakeStep, ServerInfo
from anyredis.exceptions import from_server
from anyredis.server import Server
from anyredis.testing import FakeConnection, FakeServer, Raw, run_then_reset, silent
from anyredis.wire import request_queue
from anyredis.wire.decode import Reply
from tests.connection.lanes import (
    CLASSES,
    LANE_KINDS,
    LaneKind,
    client_on,
    connection_of,
    on_tcp,
    passes,
    reset,
    until,
)
from tests.connection.serving import connected, echo
from tests.servers import ask


async def test_server_info() -> None:
    """`server_info` has the facts in the reply to HELLO."""
    async with connected(FakeServer()) as (connection, peer):
        assert connection.server_info.protocol == 3
        assert connection.server_info.server == "fake"
        assert connection.server_info.client_id == peer.state.id


async def test_requests_in_flight_when_the_connection_breaks() -> None:
    """G11: each error says whether the command may have run."""
    server = FakeServer()
    errors: dict[str, ConnectionError] = {}

    async def lose(text: str) -> None:
        with pytest.raises(ConnectionError) as caught:
            await connection.submit(echo(text))
        errors[text] = caught.value

    async with connected(server) as (connection, peer), anyio.create_task_group() as tasks:
        peer.hold()
        tasks.start_soon(lose, "sent")
        await server.wait_for("ECHO")
        peer.stop_reading()
        tasks.start_soon(lose, "being sent")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(lose, "unsent")
        await anyio.wait_all_tasks_blocked()
        connection.close("pulled the plug")
    assert errors["sent"].outcome is Outcome.UNKNOWN
    assert errors["being sent"].outcome is Outcome.UNKNOWN
    assert errors["unsent"].outcome is Outcome.NOT_SENT
    assert "pulled the plug" in str(errors["unsent"])


async def test_closing_late_is_a_timeout() -> None:
    """If the connection is closed because no reply came, requests raise TimeoutError."""
    server = FakeServer()
    server.on("ECHO", silent)

    async def wait() -> None:
        with pytest.raises(TimeoutError, match="no reply"):
            await connection.submit(echo("x"))

    async with connected(server) as (connection, _), anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await server.wait_for("ECHO")
        connection.close("no reply", late=True)


async def test_replies_before_the_server_closed_are_read() -> None:
    """G1, G11: when sending fails, replies that had arrived still reach their requests."""
    server = FakeServer()
    found: list[object] = []

    async def answered() -> None:
        found.append(await connection.submit(echo("answered")))

    async def lost() -> None:
        with pytest.raises(ConnectionError) as caught:
            await connection.submit(echo("lost"))
        found.append(caught.value.outcome)

    async with connected(server) as (connection, peer), anyio.create_task_group() as tasks:
        peer.hold()
        tasks.start_soon(answered)
        await server.wait_for("ECHO")
        peer.stop_reading()
        tasks.start_soon(lost)
        await anyio.wait_all_tasks_blocked()
        peer.release()
        peer.reset()
    assert sorted(map(str, found)) == ["Outcome.UNKNOWN", "b'answered'"]


async def test_a_connect_that_is_cancelled_leaves_nothing_open() -> None:
    """G6, G8: at every point of the handshake."""
    for after in range(0, 120, 11):
        server = FakeServer()
        server.hold(after)
        connection = FakeConnection(server=server)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.connect)
            await server.wait_for("CLIENT", 2)
            tasks.cancel_scope.cancel()
        assert server.peers == []


async def test_a_connect_that_fails_leaves_nothing_open() -> None:
    """G6, G8: the stream is closed when the handshake breaks."""
    server = FakeServer()
    server.on("HELLO", run_then_reset)
    with pytest.raises(ConnectionError, match="cannot connect to the fake server"):
        await FakeConnection(server=server).connect()
    assert server.peers == []


async def test_closed_before_it_serves() -> None:
    """A connection that is closed between connect and serve ends at once, with its stream."""
    server = FakeServer()
    connection = FakeConnection(server=server)
    await connection.connect()
    connection.close("too early")
    await connection.serve()
    assert server.peers == []


async def test_serving_under_a_cancellation_closes_the_stream() -> None:
    """G8: the stream is closed."""
    server = FakeServer()
    connection = FakeConnection(server=server)
    await connection.connect()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await connection.serve()
    assert connection.closed
    assert server.peers == []


async def test_a_subclass_needs_its_stream() -> None:
    """`open_stream` is for subclasses; the default address is the name of the class."""
    connection = BaseConnection()
    assert connection.address == "BaseConnection"
    with pytest.raises(ConnectionError, match="cannot connect to BaseConnection") as caught:
        await connection.connect()
    assert isinstance(caught.value.__cause__, NotImplementedError)


async def test_a_server_that_is_refused() -> None:
    """A connection class may check the replies to its extra steps; its error closes the stream."""
    server = FakeServer()

    class RefusingConnection(FakeConnection):
        def extra_steps(self) -> tuple[HandshakeStep, ...]:
            return (
                HandshakeStep((b"ECHO", b"you?")),
                HandshakeStep((b"NONSENSE",), required=False),
            )

        def check_server(self, server_info: ServerInfo) -> None:
            echo, unknown = server_info.extra
            assert echo == b"you?"
            assert isinstance(unknown, UnknownCommandError)
            raise ValueError("not you")

    connection = RefusingConnection(server=server)
    with pytest.raises(ConnectionError, match="cannot connect to the fake server: not you"):
        await connection.connect()
    assert server.peers == []


class DrainingConnection(FakeConnection):
    """A connection that drains at an error reply."""

    def __init__(self, *, server: FakeServer, **options: Any) -> None:
        reference = weakref.ref(self)

        def read_error(message: str) -> RedisError:
            connection = reference()
            assert connection is not None
            connection.drain("it refuses")
            return from_server(message)

        self.read_error = read_error
        super().__init__(server=server, **options)


async def test_a_connection_that_drains_is_replaced() -> None:
    """A connection that an error reply drains answers its requests, and gets no new ones."""
    server = FakeServer()
    pool = ConnectionPool(connection_class=DrainingConnection, server=server)
    errors: list[RedisError] = []
    async with Redis(connection_pool=pool, retry=None) as client:
        await client.ping()
        server.on("GET", from_server("MISPLACED talk to another"))

        async def get() -> None:
            with pytest.raises(RedisError, match="MISPLACED") as caught:
                await client.get("k")
            errors.append(caught.value)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(get)
        assert (len(errors), server.accepted) == (3, 1)
        await client.ping()
    assert server.accepted == 2


async def test_draining_while_only_tombstones_are_left() -> None:
    """G3, G5: the connection closes while a reply is read, which affects no other request."""
    server = FakeServer()
    pool = ConnectionPool(connection_class=DrainingConnection, server=server)
    async with Redis(connection_pool=pool, retry=None) as client:
        await client.ping()
        server.on("GET", from_server("MISPLACED talk to another"))
        server.hold()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get, "k")
            await server.wait_for("GET", 3)
            tasks.cancel_scope.cancel()
        [connection] = pool.connections()
        server.release()
        with anyio.fail_after(5):
            while server.peers:
                await anyio.lowlevel.checkpoint()
        assert connection.draining
        assert connection.closed
        assert not connection.lost
        assert await client.ping()
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)
    assert server.accepted == 2


# -- on each lane -------------------------------------------------------------------------------

on_each_lane = pytest.mark.parametrize("kind", LANE_KINDS)


@on_each_lane
async def test_a_cancellation_that_came_before_is_seen(valkey: Server, kind: LaneKind) -> None:
    """G2: a request of a task that is cancelled is never written, on any lane."""
    async with client_on(kind, valkey.host, valkey.port) as client:
        await client.ping()
        for _ in range(20):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.incr("never")
            assert scope.cancelled_caught
        assert await client.get("never") is None


@on_each_lane
async def test_a_request_that_is_cancelled_in_its_turn(valkey: Server, kind: LaneKind) -> None:
    """G2, G3: it is not written, or its reply is swallowed; others get theirs."""
    async with client_on(kind, valkey.host, valkey.port) as client:
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
    valkey: Server, kind: LaneKind
) -> None:
    """G2: under trio it counts, though the lane may write in the step of the caller."""
    if sniffio.current_async_library() != "trio":
        return  # asyncio delivers it in a later turn than that of the write
    async with client_on(kind, valkey.host, valkey.port) as client:
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
                peer.sendall(b"-ERR max number of clients reached\r\n")
                if number % 2:
                    peer.close()
                else:
                    reset(peer)

        other = threading.Thread(target=refuse)
        other.start()
        for _ in range(20):
            connection = CLASSES[kind](host="127.0.0.1", port=port)
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
        (b"$1\r\na\r\n$1\r\nb\r\n", "a reply to no request"),
    ],
)
async def test_bytes_that_cannot_be_read(kind: LaneKind, answer: bytes, reason: str) -> None:
    """G12, G14: nothing leaves the callbacks of the event loop; the connection is closed."""
    server, listener = FakeServer(), LossListener()
    server.on("ECHO", lambda _peer, _words: Raw(answer), times=1)
    async with (
        on_tcp(server) as port,
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
        on_tcp(server) as port,
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
    async with on_tcp(server) as port, client_on(kind, "127.0.0.1", port) as client:
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
    private_server: Server, kind: LaneKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G7, G13: unsent bytes are bounded, those who wait keep their order, and all are answered."""
    monkeypatch.setattr(requests, "HIGH_WATER", 100_000)
    value = b"x" * 50_000
    options = {"max_connections": 1000}
    async with client_on(kind, private_server.host, private_server.port, **options) as client:
        await client.ping()
        connection = connection_of(client)
        private_server.pause()
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
                private_server.resume()
        finally:
            private_server.resume()
        found = await client.lrange("list", 0, -1)
        assert found[::2] == [b"%d" % number for number in range(400)]


@on_each_lane
async def test_a_loss_is_told_once(valkey: Server, kind: LaneKind) -> None:
    """G12: requests and listeners hear of it once, whatever came together."""
    listener = LossListener()
    async with client_on(kind, valkey.host, valkey.port, listeners=[listener]) as client:
        await client.ping()
        connection = connection_of(client)
        ask(valkey, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until(lambda: connection.closed)
        await passes()
        assert listener.reasons == ["the server closed it"]


class StubbornLane:
    """A lane that is full after each write, until the test says otherwise."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.calls: list[Callable[[], None]] = []

    def write(self, data: bytes, /) -> bool:
        """Note it."""
        self.written.append(data)
        return False

    def soon(self, call: Callable[[], None], /, *, alone: bool) -> None:
        """Keep the call."""
        self.calls.append(call)

    def pause_reading(self) -> None:
        """Nothing."""

    def resume_reading(self) -> None:
        """Nothing."""

    async def run(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


async def test_a_lane_that_is_full_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """G7, G13: one write, and nobody in line is let in; each `writable` lets the next in order."""
    monkeypatch.setattr(requests, "HIGH_WATER", 250_000)
    connection, lane = FakeConnection(server=FakeServer()), StubbornLane()
    await connection.connect()
    connection._begin(lane)
    texts = [b"%d" % number * 200_000 for number in range(5)]
    for text in texts:
        if connection.enqueue((b"ECHO", text)) is None:
            connection.enqueue_later((b"ECHO", text))
    assert len(lane.calls) == 1, "one flush for all requests of a turn"
    lane.calls.pop()()
    for _ in range(3):
        connection.received(b"")
        connection._resume_waiting()
        assert [each[-10:-2] for each in lane.written] == [texts[0][:8]]
        assert len(connection._backpressure.waiting) == 3
    for number in range(1, 5):
        connection.writable()
        assert [each[-10:-2] for each in lane.written] == [each[:8] for each in texts[: number + 1]]
    connection.close("the test is over")
    await connection.serve()


async def test_who_is_alone() -> None:
    """Nobody else is in flight, nor were there others lately: then they would come together."""

    class OpenLane(StubbornLane):
        def __init__(self) -> None:
            super().__init__()
            self.alone: list[bool] = []

        def write(self, data: bytes, /) -> bool:
            super().write(data)
            return True

        def soon(self, call: Callable[[], None], /, *, alone: bool) -> None:
            super().soon(call, alone=alone)
            self.alone.append(alone)

    connection, lane = FakeConnection(server=FakeServer()), OpenLane()
    await connection.connect()
    connection._begin(lane)

    def ask(count: int, times: int) -> None:
        for _ in range(times):
            for _ in range(count):
                connection.enqueue((b"PING",))
                if lane.alone[-1]:
                    lane.calls.pop()()
            while lane.calls:
                lane.calls.pop()()
            connection.received(b"+PONG\r\n" * count)

    ask(1, times=3)
    assert lane.alone == [True] * 3
    assert len(lane.written) == 3
    ask(2, times=10)
    assert lane.alone[3:] == [True, False] + [False] * 9
    assert len(lane.written) == 3 + 2 + 9, "two leave together"
    lane.alone.clear()
    ask(1, times=10)
    assert lane.alone[0] is False
    assert lane.alone[-5:] == [True] * 5
    connection.close("the test is over")
    await connection.serve()
