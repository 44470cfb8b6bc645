"""Tests of `anyredis.pool.dials`: pauses, one dial at a time, errors, health."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from anyredis import AuthenticationError, ConnectionError, Outcome, Redis, RedisError, Retry
from anyredis.pool.dials import REDIAL
from anyredis.pool.server_connections import ServerConnections
from anyredis.testing import FakeConnection, FakeServer
from tests.contract.clients_and_taps import until


def server_of(client: Redis[bytes]) -> ServerConnections:
    """The server connections of a client's pool."""
    return client.connection_pool.endpoint.server


async def test_dials_that_fail_back_off() -> None:
    """G13: while the server is down, dials become rare, for any number of commands."""
    server = FakeServer()
    server.down = True
    async with server.client(retry=None) as client:
        connections = server_of(client)
        for expected in range(1, 4):
            with pytest.raises(ConnectionError, match="cannot connect to the fake server"):
                await client.get("k")
            assert connections.dials.failures == expected
        server.down = False
        assert await client.ping()
        assert connections.dials.failures == 0


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
            await until(lambda: connections.dials.failures == 1)
            allocator.multiplexed_waiters = Line(asked)
            await until(lambda: len(allocator.multiplexed_waiters) == 10_000)
            failures = connections.dials.failures
            await until(lambda: connections.dials.failures >= failures + 2)
            assert allocator.dialling == 1, "there is one dial at a time"
            assert len(allocator.multiplexed_waiters) == 10_000, "a failed dial wakes nobody"
            assert len(asked) == 10_000, "each task asked for a connection once"
            server.down = False
        assert answered == 10_000
        assert connections.dials.failures == 0
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
            await until(lambda: connections.dials.failures > 20 and len(waiters) == 20)
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
        await until(lambda: connections.dials.failures > 2)
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
            await until(lambda: connections.dials.failures > 2)
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
                    await until(lambda: connections.dials.failures > 2 and pool.connecting == 2)
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
