"""Tests of `anyredis.connection.base`: opened, served by two tasks, drained, closed."""

from __future__ import annotations

import weakref
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    BaseConnection,
    ConnectionError,
    ConnectionPool,
    Outcome,
    Redis,
    RedisError,
    TimeoutError,
    UnknownCommandError,
)
from anyredis.connection.handshake import HandshakeStep, ServerInfo
from anyredis.exceptions import from_server
from anyredis.testing import FakeConnection, FakeServer, run_then_reset, silent
from tests.blocked_tasks import all_tasks_blocked
from tests.connection.serving import connected, echo


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
        await all_tasks_blocked()
        tasks.start_soon(lose, "unsent")
        await all_tasks_blocked()
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
        await all_tasks_blocked()
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
