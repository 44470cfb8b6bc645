"""Tests of `anyredis.pool.endpoint`: every lease is released, after any failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import ConnectionError, DataError, RedisError, ResponseError
from anyredis.command import Command, raw_command
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import Lease, exclusive_connection
from anyredis.testing import FakeServer, run_then_reset, silent
from anyredis.waiter import waiter_factory
from anyredis.wire.decode import Reply
from tests.blocked_tasks import cancelled_once_blocked

GET = raw_command("GET", "k")


def assert_all_free(endpoint: Endpoint) -> None:
    """G5: no lease is held, nor counted twice."""
    assert (endpoint.limit.acquired, endpoint.limit.waiting_for_connection) == (0, 0)
    assert (endpoint.server.allocator.leased, endpoint.server.allocator.connecting) == (0, 0)


class SlowPath:
    """A slow path that records its arguments."""

    def __init__(self) -> None:
        self.got: list[tuple[Command[Any], Lease, RedisError | None]] = []

    async def __call__(
        self, command: Command[Any], lease: Lease, failed: RedisError | None
    ) -> Reply:
        """The reply `b"slow"`."""
        self.got.append((command, lease, failed))
        limit = lease.endpoint.limit
        assert (limit.acquired, limit.waiting_for_connection) == (1, 1)
        await anyio.lowlevel.checkpoint()
        return b"slow"


async def test_the_fast_path(shared: int) -> None:
    """If there is a connection, the slow path is not called."""
    server, slow_path = FakeServer(), SlowPath()
    async with server.pool(shared_connections=shared) as pool:
        async with pool.acquire():
            pass
        for _ in range(2):
            await pool.endpoint.run(GET, slow_path)
        assert (
            len(slow_path.got) <= 1
        )  # the multiplexed connection was idle before the first command
        assert_all_free(pool.endpoint)


@pytest.mark.parametrize("waiting", ["exclusive_waiters", "multiplexed_waiters", "starved"])
async def test_a_lease_in_line_gets_its_turn(waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """G7: if anybody waits for a connection, the fast path has it assigned at its end."""
    slow_path = SlowPath()
    async with FakeServer().pool() as pool:
        connections = pool.endpoint.server
        async with pool.acquire():
            pass
        await pool.endpoint.run(GET, slow_path)  # the idle connection becomes the multiplexed one
        del slow_path.got[:]
        turns: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(connections, "assign", lambda: turns.append(waiting))
            if waiting == "starved":
                patch.setattr(connections, waiting, [connections])
            else:
                patch.setattr(connections.allocator, waiting, {waiter_factory()(): None})
            await pool.endpoint.run(GET, slow_path)
        assert (turns, slow_path.got) == ([waiting], [])
        assert_all_free(pool.endpoint)


async def test_the_slow_path_gets_the_lease(shared: int) -> None:
    """It is called without a connection, and for an error; it need not release the lease."""
    server, slow_path = FakeServer(), SlowPath()
    async with server.pool(shared_connections=shared, max_connections=1) as pool:
        assert await pool.endpoint.run(GET, slow_path) == b"slow"
        assert_all_free(pool.endpoint)
        async with Lease(pool.endpoint) as lease:
            await lease.attempt(GET.args, binary=False)
        server.on("GET", refusal("ERR no"), times=1)
        assert await pool.endpoint.run(GET, slow_path) == b"slow"
        [(_, _, none), (command, lease, failed)] = slow_path.got
        assert (none, command, lease.endpoint) == (None, GET, pool.endpoint)
        assert isinstance(failed, ResponseError)
        assert_all_free(pool.endpoint)


async def test_a_slow_path_that_releases_the_lease_itself(shared: int) -> None:
    """A lease that was released already is not released again."""

    async def slow_path(_command: Command[Any], lease: Lease, _failed: RedisError | None) -> Reply:
        await lease.attach()
        lease.release()
        assert_all_free(pool.endpoint)
        return b"slow"

    async with FakeServer().pool(shared_connections=shared, max_connections=1) as pool:
        assert await pool.endpoint.run(GET, slow_path) == b"slow"
        assert_all_free(pool.endpoint)


def refusal(text: str) -> ResponseError:
    """An error reply."""
    return ResponseError(text)


async def test_an_argument_that_cannot_be_sent(shared: int) -> None:
    """The lease is released."""
    server = FakeServer()
    bad: Command[Any] = Command((b"SET", b"k", True), None)  # type: ignore[arg-type]
    async with server.client(shared_connections=shared, max_connections=1) as client:
        await client.ping()
        endpoint = client.connection_pool.endpoint
        with pytest.raises(DataError):
            await client.submit(bad)
        assert_all_free(endpoint)


async def test_a_parser_that_fails(shared: int) -> None:
    """The parser of the reply runs after the lease was released."""
    server = FakeServer()

    def read(_reply: Reply) -> None:
        raise KeyError("mine")

    async with server.client(shared_connections=shared) as client:
        for _ in range(2):
            with pytest.raises(KeyError, match="mine"):
                await client.submit(Command((b"GET", b"k"), read))
            assert_all_free(client.connection_pool.endpoint)


@pytest.fixture(params=[1, 0, 2], ids=["sharing", "not_sharing", "sharing_two"])
def shared(request: pytest.FixtureRequest) -> int:
    """The number of multiplexed connections."""
    shared: int = request.param
    return shared


async def _attach_exclusive(endpoint: Endpoint) -> None:
    async with Lease(endpoint) as lease:
        connection = await lease.attach(exclusive=True)
        await connection.execute_command("GET", "k")


async def _acquire(endpoint: Endpoint) -> None:
    async with exclusive_connection(endpoint) as connection:
        await connection.execute_command("GET", "k")


async def _attempt(endpoint: Endpoint) -> None:
    async with Lease(endpoint) as lease:
        reply = await lease.attempt((b"GET", b"k"), binary=False)
        if isinstance(reply, RedisError):
            raise reply


async def _run(endpoint: Endpoint) -> None:
    async def slow_path(command: Command[Any], lease: Lease, failed: RedisError | None) -> Reply:
        if failed is not None:
            raise failed
        reply = await lease.attempt(command.args, binary=False)
        if isinstance(reply, RedisError):
            raise reply
        return reply

    await endpoint.run(GET, slow_path)


async def _lose_connections(server: FakeServer, endpoint: Endpoint) -> None:
    server.reset()
    with anyio.fail_after(5):
        while endpoint.server.connections():
            await anyio.lowlevel.checkpoint()


each_way = pytest.mark.parametrize("use", [_attach_exclusive, _acquire, _attempt, _run])


@each_way
@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("failure", ["none", "refused", "lost", "error", "dial", "reply"])
async def test_after_every_failure_all_leases_are_free(
    shared: int, use: Callable[[Endpoint], Awaitable[None]], connected: bool, failure: str
) -> None:
    """G5: refused, lost, answered with an error, cancelled in a dial or waiting for a reply."""
    server = FakeServer()
    async with server.pool(shared_connections=shared, max_connections=1) as pool:
        endpoint = pool.endpoint
        if connected:
            await use(endpoint)
        if failure == "refused":
            server.down = True
            await _lose_connections(server, endpoint)
        elif failure == "lost":
            server.on("GET", run_then_reset, times=1)
        elif failure == "error":
            server.on("GET", refusal("ERR no"), times=1)
        elif failure == "dial":
            await _lose_connections(server, endpoint)
            server.hold()
        elif failure == "reply":
            server.on("GET", silent, times=1)
        if failure in ("dial", "reply"):
            async with cancelled_once_blocked() as scope:
                await use(endpoint)
            assert scope.cancelled_caught
        elif failure == "none":
            await use(endpoint)
        else:
            with pytest.raises((ConnectionError, ResponseError)):
                await use(endpoint)
        assert_all_free(endpoint)


@each_way
async def test_outside_of_the_pool(use: Callable[[Endpoint], Awaitable[None]]) -> None:
    """`RuntimeError` says what to write, and no lease is held."""
    endpoint = FakeServer().pool().endpoint
    with pytest.raises(RuntimeError, match="async with"):
        await use(endpoint)
    assert endpoint.limit.acquired == endpoint.limit.waiting_for_connection == 0
