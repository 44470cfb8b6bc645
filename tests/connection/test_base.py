"""Tests of `anyredis.connection.base`: one connection, its two tasks and its requests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    BaseConnection,
    ConnectionError,
    ConnectionPool,
    DataValueError,
    Outcome,
    Redis,
    TimeoutError,
    UnknownCommandError,
)
from anyredis.command import Command, raw_command
from anyredis.connection import base
from anyredis.connection.handshake import HandshakeStep, ServerInfo
from anyredis.testing import FakeConnection, FakePeer, FakeServer, run_then_reset, silent


@asynccontextmanager
async def connected(
    server: FakeServer, **options: Any
) -> AsyncGenerator[tuple[BaseConnection, FakePeer]]:
    """A connection that serves, and its other end."""
    connection = FakeConnection(server=server, **options)
    await connection.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.serve)
        yield connection, server.peers[-1]
        connection.close("the test is over")


def echo(text: str) -> Command[Any]:
    """A command whose reply tells it from others."""
    return raw_command("ECHO", text)


async def test_a_command_and_its_reply() -> None:
    """A command gives the parsed reply, `run` the raw one."""
    async with connected(FakeServer()) as (connection, _):
        assert await connection.submit(echo("a")) == b"a"
        assert await connection.run(echo("b")) == b"b"
        assert await connection.execute_command("ECHO", "c") == b"c"


async def test_what_is_known_of_the_server() -> None:
    """`server_info` has what HELLO said."""
    async with connected(FakeServer()) as (connection, peer):
        assert connection.server_info.protocol == 3
        assert connection.server_info.server == "fake"
        assert connection.server_info.client_id == peer.state.id


async def test_requests_of_one_turn_leave_in_one_send() -> None:
    """A hundred requests, one write."""
    server = FakeServer()
    async with connected(server) as (connection, peer):
        await connection.submit(echo("warm"))
        sends: list[bytes] = []
        take = peer.stream._on_bytes

        def counted(data: bytes) -> None:
            sends.append(data)
            take(data)

        peer.stream._on_bytes = counted
        requests = [connection.enqueue((b"ECHO", str(number))) for number in range(100)]
        for number, request in enumerate(requests):
            assert request is not None
            assert await connection.answer(request) == str(number).encode()
        assert len(sends) == 1


async def test_a_cancelled_request_that_was_not_written_is_never_written() -> None:
    """G2: while the server does not read, what is cancelled is forgotten."""
    server = FakeServer()
    async with connected(server) as (connection, peer):
        peer.stop_reading()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.submit, echo("in the pipe"))
            await anyio.wait_all_tasks_blocked()
            async with anyio.create_task_group() as cancelled:
                cancelled.start_soon(connection.submit, echo("cancelled"))
                await anyio.wait_all_tasks_blocked()
                cancelled.cancel_scope.cancel()
            peer.start_reading()
        assert await connection.submit(echo("mine")) == b"mine"
    assert [words[1] for words in server.received if words[0] == b"ECHO"] == [
        b"in the pipe",
        b"mine",
    ]


async def test_a_cancelled_request_that_was_written_leaves_a_tombstone() -> None:
    """G3: its late reply is swallowed, and the connection stays good."""
    server = FakeServer()
    async with connected(server) as (connection, peer):
        peer.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.submit, echo("cancelled"))
            await server.wait_for("ECHO")
            tasks.cancel_scope.cancel()
        assert connection.wire.tombstones == 1
        peer.release()
        assert await connection.submit(echo("mine")) == b"mine"
        assert connection.wire.tombstones == 0
        assert connection.usable


async def test_a_cancelled_blocking_command_closes_the_connection() -> None:
    """G4: at once."""
    server = FakeServer()
    async with connected(server) as (connection, peer):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.submit, raw_command("BLPOP", "k", 0))
            await server.wait_for("BLPOP")
            tasks.cancel_scope.cancel()
        assert connection.closed
        await anyio.wait_all_tasks_blocked()
        assert peer not in server.peers


async def test_what_is_in_flight_when_the_connection_breaks() -> None:
    """G11: each learns whether its command can have run."""
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


async def test_a_closed_connection_takes_nothing() -> None:
    """It is an error that says that nothing was sent; closing twice is harmless."""
    server = FakeServer()
    async with connected(server) as (connection, _):
        connection.close("first")
        connection.close("second")
        with pytest.raises(ConnectionError, match="it was closed") as caught:
            await connection.submit(echo("x"))
        assert caught.value.outcome is Outcome.NOT_SENT
        assert not connection.usable
    assert server.count("ECHO") == 0


async def test_closing_late_is_a_timeout() -> None:
    """What the housekeeping closes because no reply came is told as TimeoutError."""
    server = FakeServer()
    server.on("ECHO", silent)

    async def wait() -> None:
        with pytest.raises(TimeoutError, match="no reply"):
            await connection.submit(echo("x"))

    async with connected(server) as (connection, _), anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await server.wait_for("ECHO")
        connection.close("no reply", late=True)


async def test_callers_wait_while_the_server_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """G13: what is unsent is bounded, nobody is lost, and the order is kept."""
    monkeypatch.setattr(base, "HIGH_WATER", 10_000)
    server = FakeServer()
    text = "x" * 1000
    async with server.client(decode_responses=True, max_connections=1000) as client:
        await client.ping()
        [peer] = server.peers
        [connection] = client.connection_pool.endpoint.server.connections()
        peer.stop_reading()
        done: list[int] = []

        async def call(number: int) -> None:
            assert await client.echo(f"{number}{text}") == f"{number}{text}"
            done.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(call, number)
                if number % 20 == 19:
                    await anyio.lowlevel.checkpoint()
                    await anyio.lowlevel.checkpoint()
                    assert connection.wire.unsent_bytes < 10_000 + 20 * 1100
            await anyio.wait_all_tasks_blocked()
            assert done == []
            assert connection._backpressure.line
            peer.start_reading()
        assert sorted(done) == list(range(200))
        assert not connection._backpressure.line


async def test_waiting_for_room_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """G2, G5: nothing of it is written, and its lease is given back."""
    monkeypatch.setattr(base, "HIGH_WATER", 100)
    server = FakeServer()
    async with server.client(max_connections=100) as client:
        await client.ping()
        [peer] = server.peers
        peer.stop_reading()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.echo, b"x" * 200)
                await anyio.wait_all_tasks_blocked()
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(client.echo, b"cancelled")
                await anyio.wait_all_tasks_blocked()
                waiting.cancel_scope.cancel()
            peer.start_reading()
        assert await client.echo("mine") == b"mine"
        assert client.connection_pool.free == 100
    assert (b"ECHO", b"cancelled") not in server.received


async def test_too_many_in_flight_make_callers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """G13: requests in flight are bounded, too."""
    monkeypatch.setattr(base, "MAX_IN_FLIGHT", 10)
    server = FakeServer()
    async with server.client(max_connections=1000) as client:
        await client.ping()
        [peer] = server.peers
        [connection] = client.connection_pool.endpoint.server.connections()
        peer.hold()
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(client.incr, "n")
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            assert len(connection.wire.inflight) < 20
            peer.release()
        assert await client.get("n") == b"50"


async def test_what_the_server_said_before_it_hung_up_is_read() -> None:
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


async def test_commands_that_leave_a_mark() -> None:
    """G9: a connection whose state was changed is known to be so."""
    async with connected(FakeServer()) as (connection, _):
        await connection.execute_command("GET", "k")
        assert not connection.dirty
        await connection.execute_command("SELECT", 1)
        assert connection.dirty


async def test_commands_that_no_connection_can_carry() -> None:
    """G9: they are refused before a byte is written."""
    server = FakeServer()
    async with connected(server) as (connection, _):
        with pytest.raises(DataValueError, match="MONITOR cannot be sent"):
            await connection.execute_command("MONITOR")
    assert server.count("MONITOR") == 0


async def test_a_connect_that_is_cancelled_leaves_nothing_open() -> None:
    """G6, G8: at any point of the handshake."""
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
    """A connection that is closed between connect and serve ends at once, and its stream too."""
    server = FakeServer()
    connection = FakeConnection(server=server)
    await connection.connect()
    connection.close("too early")
    await connection.serve()
    assert server.peers == []


async def test_serving_under_a_cancellation_closes_the_stream() -> None:
    """G8: however it ends."""
    server = FakeServer()
    connection = FakeConnection(server=server)
    await connection.connect()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await connection.serve()
    assert connection.closed
    assert server.peers == []


async def test_a_subclass_needs_its_stream() -> None:
    """`open_stream` is for subclasses; the name of the class stands for its address."""
    connection = BaseConnection()
    assert connection.address == "BaseConnection"
    with pytest.raises(ConnectionError, match="cannot connect to BaseConnection") as caught:
        await connection.connect()
    assert isinstance(caught.value.__cause__, NotImplementedError)


async def test_a_server_that_is_not_approved() -> None:
    """A connection class may judge what its extra steps brought; a refusal is told, and closes."""
    server = FakeServer()

    class Choosy(FakeConnection):
        def extra_steps(self) -> tuple[HandshakeStep, ...]:
            return (
                HandshakeStep((b"ECHO", b"you?")),
                HandshakeStep((b"NONSENSE",), required=False),
            )

        def check_server(self, server_info: ServerInfo) -> None:
            echo, nonsense = server_info.extra
            assert echo == b"you?"
            assert isinstance(nonsense, UnknownCommandError)
            raise ValueError("not you")

    connection = Choosy(server=server)
    with pytest.raises(ConnectionError, match="cannot connect to the fake server: not you"):
        await connection.connect()
    assert server.peers == []


async def test_a_misplaced_connection_is_replaced() -> None:
    """A connection that says it is misplaced answers what it carries, and gets nothing new."""
    server = FakeServer()

    class Misplaced(FakeConnection):
        @property
        def misplaced(self) -> bool:
            return server.count("GET") > 0

    pool = ConnectionPool(connection_class=Misplaced, server=server)
    async with Redis(connection_pool=pool) as client:
        await client.ping()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get, "k")
        assert server.accepted == 1
        await client.ping()
    assert server.accepted == 2
