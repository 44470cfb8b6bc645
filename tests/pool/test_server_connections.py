"""Tests of `anyredis.pool.server_connections`: dialling, maintenance, draining, closing."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, TaskGroup

from anyredis import AuthenticationError, ConnectionError, Outcome, Redis, RedisError, Retry
from anyredis.pool import health_checks as module
from anyredis.pool.server_connections import REDIAL, ServerConnections
from anyredis.testing import FakeConnection, FakeServer, silent
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import until


def server_of(client: Redis[bytes]) -> ServerConnections:
    """The server connections of a client's pool."""
    return client.connection_pool.endpoint.server


async def test_a_hundred_first_commands_open_one_connection() -> None:
    """Connecting is single-flight, and all hundred commands leave together."""
    server = FakeServer()
    async with server.client() as client, anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(client.incr, "n")
    assert server.accepted == 1
    assert server.memory.databases[0][b"n"] == b"100"


async def test_a_caller_that_is_cancelled_while_dialling() -> None:
    """G5: once the connection is ready, it is for the next lease."""
    server = FakeServer()
    server.hold()
    async with server.client(max_connections=1) as client:
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "k")
            await server.wait_for("HELLO")
            assert (pool.free, pool.leased, pool.connecting) == (0, 0, 1)
            tasks.cancel_scope.cancel()
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
        server.release()
        assert await client.ping()
    assert server.accepted == 1


async def test_dials_that_fail_back_off() -> None:
    """G13: while the server is down, dials become rare, for any number of commands."""
    server = FakeServer()
    server.down = True
    async with server.client(retry=None) as client:
        connections = server_of(client)
        for expected in range(1, 4):
            with pytest.raises(ConnectionError, match="cannot connect to the fake server"):
                await client.get("k")
            assert connections._failures == expected
        server.down = False
        assert await client.ping()
        assert connections._failures == 0


def test_a_server_that_returns_is_found_soon() -> None:
    """The longest wait between dials is a quarter of a second."""
    assert REDIAL.delay(10**6) <= 0.25


async def test_ten_thousand_tasks_join_one_dial_loop() -> None:
    """While a server is down, all commands wait for one dial after the other, and then succeed."""
    server = FakeServer()
    server.down = True
    asked: list[RedisError] = []
    answered = 0

    async def get() -> None:
        nonlocal answered
        await client.get("k")
        answered += 1

    retry = Retry(deadline=60)
    async with server.client(retry=retry) as client:
        connections = server_of(client)
        allocator = connections.allocator
        async with anyio.create_task_group() as tasks:
            for _ in range(10_000):
                tasks.start_soon(get)
            await until(lambda: connections._failures == 1)
            allocator.multiplexed_waiters = Line(asked)
            await until(lambda: len(allocator.multiplexed_waiters) == 10_000)
            failures = connections._failures
            await until(lambda: connections._failures >= failures + 2)
            assert allocator.dialling == 1, "there is one dial at a time"
            assert len(allocator.multiplexed_waiters) == 10_000, "a failed dial wakes nobody"
            assert len(asked) == 10_000, "each task asked for a connection once"
            server.down = False
        assert answered == 10_000
        assert connections._failures == 0
    assert server.accepted == 1


class Line(dict[Any, Any]):
    """A line of waiters that records those who join."""

    def __init__(self, joined: list[Any]) -> None:
        self._joined = joined

    def __setitem__(self, waiter: Any, patience: Any) -> None:
        self._joined.append(waiter)
        super().__setitem__(waiter, patience)


async def test_exclusive_leases_join_the_dial_loop_too() -> None:
    """Sessions and blocking commands: one dial at a time once the server is known to be down."""
    server = FakeServer()
    server.down = True
    server.on("BLPOP", [b"k", b"item"])
    done: list[str] = []

    async def session() -> None:
        async with client.session() as mine:
            await mine.ping()
        done.append("session")

    async def pop() -> None:
        await client.blpop("k", timeout=1)
        done.append("blpop")

    async with server.client(retry=Retry(deadline=60)) as client:
        connections = server_of(client)
        waiters = connections.allocator.exclusive_waiters
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(session)
                tasks.start_soon(pop)
            await until(lambda: connections._failures > 20 and len(waiters) == 20)
            assert connections.allocator.dialling == 1
            server.down = False
    assert sorted(done) == ["blpop"] * 10 + ["session"] * 10


async def test_those_without_patience_get_the_error_of_the_next_dial() -> None:
    """`retry=None` and `Retry(deadline=0)` wait for one dial at most, beside others that go on."""
    server = FakeServer()
    server.down = True
    async with (
        server.client(retry=Retry(deadline=60)) as patient,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(patient.get, "k")
        connections = server_of(patient)
        await until(lambda: connections._failures > 2)
        for retry in (None, Retry(deadline=0)):
            hasty = Redis(connection_pool=patient.connection_pool, retry=retry)
            with pytest.raises(ConnectionError, match="cannot connect to the fake server"):
                await hasty.get("k")
            with pytest.raises(ConnectionError, match="cannot connect to the fake server"):
                async with hasty.session():
                    raise AssertionError("there is no session")
        server.down = False


async def test_patience_ends_with_the_deadline() -> None:
    """A command whose next dial would begin after its deadline gets the error; leases stay right."""
    server = FakeServer()
    server.down = True
    async with server.client(retry=Retry(deadline=0.2), max_connections=5) as client:
        with pytest.raises(ConnectionError, match="cannot connect") as caught:
            await client.incr("n")
        assert caught.value.outcome is Outcome.NOT_SENT
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (5, 0, 0)
        server.down = False
        assert await client.incr("n") == 1


async def test_a_login_that_is_refused_ends_patience() -> None:
    """Only errors that the policy allows are waited for."""
    server = FakeServer(users={"default": "right"})
    server.down = True
    async with server.client(retry=Retry(deadline=60), password="wrong") as client:
        connections = server_of(client)

        async def get() -> None:
            with pytest.raises(AuthenticationError):
                await client.get("k")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(get)
            await until(lambda: connections._failures > 2)
            server.down = False


async def test_cancelling_one_that_waits_for_a_dial() -> None:
    """G5, G7: its place in the line is free, and the others go on."""
    server = FakeServer()
    server.down = True
    async with server.client(retry=Retry(deadline=60), max_connections=2) as client:
        connections = server_of(client)
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "k")
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as others:
                    others.start_soon(client.get, "k")
                    await until(lambda: connections._failures > 2 and pool.connecting == 2)
                    scope.cancel()
            assert (pool.free, pool.leased, pool.connecting) == (1, 0, 1)
            server.down = False
        assert (pool.free, pool.leased, pool.connecting) == (2, 0, 0)


async def test_a_connection_class_that_fails_in_its_own_way() -> None:
    """An error that a subclass raises while connecting is a ConnectionError with that cause."""

    class Broken(FakeConnection):
        async def open_stream(self) -> ByteStream:
            raise ZeroDivisionError("mine")

    server = FakeServer()
    pool = server.pool()
    pool._connection_class = Broken
    pool._first = None
    async with Redis(connection_pool=pool, retry=Retry(deadline=0.2)) as client:
        with pytest.raises(ConnectionError, match="mine") as caught:
            await client.get("k")
    causes: list[type[BaseException]] = []
    error: BaseException | None = caught.value
    while error is not None:
        causes.append(type(error))
        error = error.__cause__
    assert ZeroDivisionError in causes


async def test_an_overdue_connection_is_closed() -> None:
    """After stream_timeout all its requests fail, and a new connection is opened."""
    server = FakeServer()
    server.on("GET", silent, times=2)
    errors: list[RedisError] = []

    async def get() -> None:
        with pytest.raises(TimeoutError) as caught:
            await client.get("k")
        assert isinstance(caught.value, RedisError)
        errors.append(caught.value)

    async with server.client(stream_timeout=0.04) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(get)
            tasks.start_soon(get)
        assert await client.get("k") is None
    assert len(errors) == 2
    assert server.accepted == 2


async def test_a_blocking_command_has_an_additional_timeout() -> None:
    """A BLPOP of a second is not overdue after stream_timeout."""
    server = FakeServer()
    async with server.client(stream_timeout=0.04) as client:
        with anyio.move_on_after(0.2) as scope:
            await client.blpop("k", timeout=1)
        assert scope.cancelled_caught


async def test_an_idle_connection_is_closed_after_max_idle_time() -> None:
    """Multiplexed or not; the next command opens another."""
    server = FakeServer()
    async with server.client(max_idle_time=0.04) as client:
        async with client.session() as session:
            await client.ping()
            await session.ping()
        assert len(server.peers) == 2
        with anyio.fail_after(5):
            while server.peers:
                await anyio.sleep(0.01)
        assert client.connection_pool.free == client.connection_pool.capacity
        assert await client.ping()
    assert server.accepted == 3


async def test_a_connection_in_use_is_not_idle() -> None:
    """A reply may take longer than max_idle_time."""
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(max_idle_time=0.02) as client:
        with anyio.move_on_after(0.15) as scope:
            await client.get("k")
        assert scope.cancelled_caught
        assert server.accepted == 1


async def test_a_quiet_multiplexed_connection_is_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PING detects a dead multiplexed connection before a command does."""
    monkeypatch.setattr(module, "PING_INTERVAL", 0.02)
    server = FakeServer()
    server.on("PING", silent)
    async with server.client(stream_timeout=0.04) as client:
        await client.get("k")
        with anyio.fail_after(5):
            await server.wait_for("PING")
            while server.peers:
                await anyio.sleep(0.01)
        assert await client.get("k") is None
    assert server.accepted == 2


async def test_too_many_tombstones_replace_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """G3: beyond the bound it takes no new requests, and is closed after its last use."""
    monkeypatch.setattr("anyredis.wire.request_queue.MAX_TOMBSTONES", 5)
    server = FakeServer()
    async with server.client() as client:
        await client.ping()
        [old] = server.peers
        old.hold()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(client.echo, "still waited for")
            async with anyio.create_task_group() as tasks:
                for _ in range(6):
                    tasks.start_soon(client.echo, "given up")
                await server.wait_for("ECHO", 7)
                tasks.cancel_scope.cancel()
            assert await client.echo("mine") == b"mine"
            assert server.accepted == 2
            assert old in server.peers
            old.release()
        await all_tasks_blocked()
        assert old not in server.peers
        assert client.connection_pool.leased == 0


async def test_a_waiting_command_fails_when_the_pool_is_left() -> None:
    """G8: a command that waits for a dial does not hang."""
    server = FakeServer()
    server.hold()
    client = server.client()

    async def get() -> None:
        with pytest.raises(ConnectionError, match="the pool was left"):
            await client.get("k")

    async def leave(tasks: TaskGroup) -> None:
        async with client:
            tasks.start_soon(get)
            await server.wait_for("HELLO")
            raise KeyError

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await leave(tasks)
    assert server.peers == []


async def test_replacing_some_connections() -> None:
    """They get no new leases, the other connections do; a lease that uses one may finish."""
    server = FakeServer()
    async with server.client(shared_connections=0) as client:
        connections = server_of(client)
        async with client.session() as session:
            await client.ping()
            (mine,) = connections.allocator.exclusive
            (idle,) = connections.allocator.idle
            connections.replace_connections("the test says so", [mine])
            await session.ping()
            await client.ping()
            assert connections.allocator.idle == [idle]
        assert connections.connections() == [idle]
        connections.replace_connections("the test says so", [])
        assert connections.connections() == [idle]
        connections.replace_connections("the test says so")
        assert connections.connections() == []


async def test_replacing_includes_connections_being_dialled() -> None:
    """G6: a connection whose dial began before is closed when it is ready, and no lease gets it."""
    server = FakeServer()
    server.hold()
    async with server.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "k")
        await server.wait_for("HELLO")
        [old] = server.peers
        server_of(client).replace_connections("the test says so")
        server.release()
        await server.wait_for("GET")
        assert old not in server.peers
        assert (b"GET", b"k") not in old.received


async def test_draining_lets_leases_in_use_finish() -> None:
    """New and waiting leases fail, dials end, and nothing is open afterwards."""
    server = FakeServer()
    async with server.client(max_connections=3, retry=None) as client:
        connections = server_of(client)
        async with client.session() as session:
            connections.drain("the test says so")
            assert not connections.open
            assert await session.ping()
            with pytest.raises(ConnectionError, match="the test says so"):
                await client.get("k")
        await all_tasks_blocked()
        assert (server.peers, connections.allocator.sockets) == ([], 0)


async def test_a_server_that_failed_is_unhealthy() -> None:
    """After a failed dial until one succeeds, and after `mark_unhealthy` for a fixed time."""
    server = FakeServer()
    async with server.client(retry=None) as client:
        connections = server_of(client)
        assert not connections.is_unhealthy
        server.down = True
        with pytest.raises(ConnectionError):
            await client.ping()
        assert connections.is_unhealthy
        server.down = False
        assert await client.ping()
        assert not connections.is_unhealthy
        connections.mark_unhealthy()
        assert connections.is_unhealthy


async def test_losses_are_counted() -> None:
    """A connection that broke counts, one that the client closed does not."""
    server = FakeServer()
    async with server.client() as client:
        connections = server_of(client)
        await client.ping()
        connections.connections()[0].close("the test says so")
        await client.ping()
        assert connections.losses == 0
        server.reset()
        await all_tasks_blocked()
        assert connections.losses == 1
