"""Tests of `anyredis.pool.endpoint`: a lease comes back, whatever happens on the way."""

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
from anyredis.wire.decode import Reply

GET = raw_command("GET", "k")


def assert_whole(endpoint: Endpoint) -> None:
    """G5: no lease is out, nor counted twice."""
    assert (endpoint.limit.acquired, endpoint.limit.waiting_for_connection) == (0, 0)
    assert (endpoint.server.allocator.leased, endpoint.server.allocator.connecting) == (0, 0)


class SlowPath:
    """Notes what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[Command[Any], Lease, RedisError | None]] = []

    async def __call__(
        self, command: Command[Any], lease: Lease, failed: RedisError | None
    ) -> Reply:
        """What is done where a straight pass is not enough."""
        self.got.append((command, lease, failed))
        limit = lease.endpoint.limit
        assert (limit.acquired, limit.waiting_for_connection) == (1, 1)
        await anyio.lowlevel.checkpoint()
        return b"slow"


async def test_a_straight_pass(shared: int) -> None:
    """Where there is a connection, nothing else is asked."""
    server, slow_path = FakeServer(), SlowPath()
    async with server.pool(shared_connections=shared) as pool:
        async with pool.acquire():
            pass
        for _ in range(2):
            await pool.endpoint.run(GET, slow_path)
        assert len(slow_path.got) <= 1  # the first connection that is shared was idle before
        assert_whole(pool.endpoint)


async def test_the_slow_path_gets_the_lease(shared: int) -> None:
    """Without a connection, and for an error, which it is given; it need not end the lease."""
    server, slow_path = FakeServer(), SlowPath()
    async with server.pool(shared_connections=shared, max_connections=1) as pool:
        assert await pool.endpoint.run(GET, slow_path) == b"slow"
        assert_whole(pool.endpoint)
        async with Lease(pool.endpoint) as lease:
            await lease.attempt(GET.args, binary=False)
        server.on("GET", refusal("ERR no"), times=1)
        assert await pool.endpoint.run(GET, slow_path) == b"slow"
        [(_, _, none), (command, lease, failed)] = slow_path.got
        assert (none, command, lease.endpoint) == (None, GET, pool.endpoint)
        assert isinstance(failed, ResponseError)
        assert_whole(pool.endpoint)


async def test_a_slow_path_that_ends_the_lease_itself(shared: int) -> None:
    """A lease that was released already is not released again."""

    async def slow_path(_command: Command[Any], lease: Lease, _failed: RedisError | None) -> Reply:
        await lease.attach()
        lease.release()
        assert_whole(pool.endpoint)
        return b"slow"

    async with FakeServer().pool(shared_connections=shared, max_connections=1) as pool:
        assert await pool.endpoint.run(GET, slow_path) == b"slow"
        assert_whole(pool.endpoint)


def refusal(text: str) -> ResponseError:
    """An error reply."""
    return ResponseError(text)


async def test_an_argument_that_cannot_be_sent(shared: int) -> None:
    """The lease comes back."""
    server = FakeServer()
    bad: Command[Any] = Command((b"SET", b"k", True), None)  # type: ignore[arg-type]
    async with server.client(shared_connections=shared, max_connections=1) as client:
        await client.ping()
        endpoint = client.connection_pool.endpoint
        with pytest.raises(DataError):
            await client.submit(bad)
        assert_whole(endpoint)


async def test_a_reader_that_fails(shared: int) -> None:
    """What reads the reply runs without a lease."""
    server = FakeServer()

    def read(_reply: Reply) -> None:
        raise KeyError("mine")

    async with server.client(shared_connections=shared) as client:
        for _ in range(2):
            with pytest.raises(KeyError, match="mine"):
                await client.submit(Command((b"GET", b"k"), read))
            assert_whole(client.connection_pool.endpoint)


@pytest.fixture(params=[1, 0, 2], ids=["sharing", "not_sharing", "sharing_two"])
def shared(request: pytest.FixtureRequest) -> int:
    """How many connections ordinary commands share."""
    shared: int = request.param
    return shared


async def _own(endpoint: Endpoint) -> None:
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


async def _break(server: FakeServer, endpoint: Endpoint) -> None:
    server.reset()
    with anyio.fail_after(5):
        while endpoint.server.connections():
            await anyio.lowlevel.checkpoint()


each_way = pytest.mark.parametrize("use", [_own, _acquire, _attempt, _run])


@each_way
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("trouble", ["none", "refused", "lost", "error", "dial", "reply"])
async def test_after_every_failure_all_is_back(
    shared: int, use: Callable[[Endpoint], Awaitable[None]], warm: bool, trouble: str
) -> None:
    """G5: refused, lost, answered with an error, cancelled in a dial or waiting for a reply."""
    server = FakeServer()
    async with server.pool(shared_connections=shared, max_connections=1) as pool:
        endpoint = pool.endpoint
        if warm:
            await use(endpoint)
        if trouble == "refused":
            server.down = True
            await _break(server, endpoint)
        elif trouble == "lost":
            server.on("GET", run_then_reset, times=1)
        elif trouble == "error":
            server.on("GET", refusal("ERR no"), times=1)
        elif trouble == "dial":
            await _break(server, endpoint)
            server.hold()
        elif trouble == "reply":
            server.on("GET", silent, times=1)
        with anyio.move_on_after(0.02 if trouble in ("dial", "reply") else 5):
            if trouble in ("refused", "lost", "error"):
                with pytest.raises((ConnectionError, ResponseError)):
                    await use(endpoint)
            else:
                await use(endpoint)
        assert_whole(endpoint)


@each_way
async def test_outside_of_the_pool(use: Callable[[Endpoint], Awaitable[None]]) -> None:
    """`RuntimeError` that says what to write, and no lease."""
    endpoint = FakeServer().pool().endpoint
    with pytest.raises(RuntimeError, match="async with"):
        await use(endpoint)
    assert endpoint.limit.acquired == endpoint.limit.waiting_for_connection == 0
