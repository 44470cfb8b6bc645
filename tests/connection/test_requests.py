"""Tests of `anyredis.connection.requests`: enqueued, abandoned, and waiting under backpressure."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    ConnectionError,
    DataValueError,
    Outcome,
)
from anyredis.command import raw_command
from anyredis.connection import requests
from anyredis.testing import FakeServer
from tests.blocked_tasks import all_tasks_blocked
from tests.connection.serving import connected, echo
from tests.wire.subscribing import NotedWaiter


async def test_a_command_and_its_reply() -> None:
    """A command gives the parsed reply, `run` the raw one."""
    async with connected(FakeServer()) as (connection, _):
        assert await connection.submit(echo("a")) == b"a"
        assert await connection.run(echo("b")) == b"b"
        assert await connection.execute_command("ECHO", "c") == b"c"


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
    """G2: while the server does not read, cancelled requests are dropped."""
    server = FakeServer()
    async with connected(server) as (connection, peer):
        peer.stop_reading()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.submit, echo("in the pipe"))
            await all_tasks_blocked()
            async with anyio.create_task_group() as cancelled:
                cancelled.start_soon(connection.submit, echo("cancelled"))
                await all_tasks_blocked()
                cancelled.cancel_scope.cancel()
            peer.start_reading()
        assert await connection.submit(echo("mine")) == b"mine"
    assert [words[1] for words in server.received if words[0] == b"ECHO"] == [
        b"in the pipe",
        b"mine",
    ]


async def test_a_cancelled_request_that_was_written_leaves_a_tombstone() -> None:
    """G3: its late reply is swallowed, and the connection stays usable."""
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
        await all_tasks_blocked()
        assert peer not in server.peers


async def test_a_closed_connection_takes_nothing() -> None:
    """The error says that the command was not sent; closing twice is harmless."""
    server = FakeServer()
    async with connected(server) as (connection, _):
        connection.close("first")
        connection.close("second")
        with pytest.raises(ConnectionError, match="it was closed") as caught:
            await connection.submit(echo("x"))
        assert caught.value.outcome is Outcome.NOT_SENT
        assert not connection.usable
    assert server.count("ECHO") == 0


async def test_callers_wait_while_the_server_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """G13: the unsent bytes are bounded, no request is lost, and the order is kept."""
    monkeypatch.setattr(requests, "HIGH_WATER", 10_000)
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
            await all_tasks_blocked()
            assert done == []
            assert connection._backpressure.waiting
            peer.start_reading()
        assert sorted(done) == list(range(200))
        assert not connection._backpressure.waiting


async def test_waiting_under_backpressure_can_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """G2, G5: the command is not written, and its lease is released."""
    monkeypatch.setattr(requests, "HIGH_WATER", 100)
    server = FakeServer()
    async with server.client(max_connections=100) as client:
        await client.ping()
        [peer] = server.peers
        peer.stop_reading()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.echo, b"x" * 200)
                await all_tasks_blocked()
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(client.echo, b"cancelled")
                await all_tasks_blocked()
                waiting.cancel_scope.cancel()
            peer.start_reading()
        assert await client.echo("mine") == b"mine"
        assert client.connection_pool.free == 100
    assert (b"ECHO", b"cancelled") not in server.received


async def test_too_many_in_flight_make_callers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """G13: requests in flight are bounded, too."""
    monkeypatch.setattr(requests, "MAX_IN_FLIGHT", 10)
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
            await all_tasks_blocked()
            assert len(connection.wire.inflight) < 20
            peer.release()
        assert await client.get("n") == b"50"


async def test_commands_that_make_a_connection_dirty() -> None:
    """G9: SELECT does, GET does not."""
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


async def test_a_request_with_a_waiter_of_its_own() -> None:
    """Any `ReplyWaiter` gets the answer, in the order of sending, or the error of a closed connection."""
    answers: list[NotedWaiter] = [NotedWaiter() for _ in range(2)]
    async with connected(FakeServer()) as (connection, _):
        connection.enqueue_for((b"ECHO", b"a"), answers[0])
        assert await connection.submit(echo("b")) == b"b"
        assert answers[0].results == [b"a"]
        connection.close("closed by the test")
        connection.enqueue_for((b"ECHO", b"c"), answers[1])
        [error] = answers[1].results
        assert isinstance(error, ConnectionError)
        assert error.outcome is Outcome.NOT_SENT
