"""Tests of `anyredis.pool.gate`: a lease comes back, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import ConnectionError, DataError, RedisError, ResponseError
from anyredis.command import Command, raw_command
from anyredis.pool.gate import Gate
from anyredis.testing import FakeServer, run_then_reset, silent
from anyredis.wire.decode import Reply

GET = raw_command("GET", "k")


def assert_whole(gate: Gate) -> None:
    """G5: no lease is out, nor counted twice."""
    assert (gate.limit.taken, gate.limit.unattached) == (0, 0)
    assert (gate.node.roster.leased, gate.node.roster.connecting) == (0, 0)


class Otherwise:
    """Notes what it gets; ends the lease, as it has to."""

    def __init__(self) -> None:
        self.got: list[tuple[Command[Any], Gate, RedisError | None]] = []

    async def __call__(self, command: Command[Any], gate: Gate, failed: RedisError | None) -> Reply:
        """What is done where a straight pass is not enough."""
        self.got.append((command, gate, failed))
        try:
            assert (gate.limit.taken, gate.limit.unattached) == (1, 1)
            await anyio.lowlevel.checkpoint()
            return b"otherwise"
        finally:
            gate.leave(None)


async def test_a_straight_pass(shared: int) -> None:
    """Where there is a connection, nothing else is asked."""
    server, otherwise = FakeServer(), Otherwise()
    async with server.pool(shared_connections=shared) as pool:
        async with pool.gate.acquire():
            pass
        for _ in range(2):
            await pool.gate.run(GET, otherwise)
        assert len(otherwise.got) <= 1  # the first connection that is shared was idle before
        assert_whole(pool.gate)


async def test_otherwise_gets_the_lease(shared: int) -> None:
    """Without a connection, and for an error, which it is given."""
    server, otherwise = FakeServer(), Otherwise()
    async with server.pool(shared_connections=shared, max_connections=1) as pool:
        assert await pool.gate.run(GET, otherwise) == b"otherwise"
        async with pool.gate.lease():
            await pool.gate.attempt(GET.args, binary=False)
        server.on("GET", refusal("ERR no"), times=1)
        assert await pool.gate.run(GET, otherwise) == b"otherwise"
        [(_, _, none), (command, gate, failed)] = otherwise.got
        assert (none, command, gate) == (None, GET, pool.gate)
        assert isinstance(failed, ResponseError)
        assert_whole(pool.gate)


def refusal(text: str) -> ResponseError:
    """An error reply."""
    return ResponseError(text)


async def test_an_argument_that_cannot_be_sent(shared: int) -> None:
    """The lease comes back."""
    server = FakeServer()
    bad: Command[Any] = Command((b"SET", b"k", True), None)  # type: ignore[arg-type]
    async with server.client(shared_connections=shared, max_connections=1) as client:
        await client.ping()
        gate = client.connection_pool.gate
        with pytest.raises(DataError):
            await client.submit(bad)
        assert_whole(gate)


async def test_a_reader_that_fails(shared: int) -> None:
    """What reads the reply runs without a lease."""
    server = FakeServer()

    def read(_reply: Reply) -> None:
        raise KeyError("mine")

    async with server.client(shared_connections=shared) as client:
        for _ in range(2):
            with pytest.raises(KeyError, match="mine"):
                await client.submit(Command((b"GET", b"k"), read))
            assert_whole(client.connection_pool.gate)


@pytest.fixture(params=[1, 0, 2], ids=["sharing", "not_sharing", "sharing_two"])
def shared(request: pytest.FixtureRequest) -> int:
    """How many connections ordinary commands share."""
    shared: int = request.param
    return shared


async def _own(gate: Gate) -> None:
    async with gate.lease(), gate.own() as connection:
        await connection.execute_command("GET", "k")


async def _acquire(gate: Gate) -> None:
    async with gate.acquire() as connection:
        await connection.execute_command("GET", "k")


async def _attempt(gate: Gate) -> None:
    async with gate.lease():
        reply = await gate.attempt((b"GET", b"k"), binary=False)
        if isinstance(reply, RedisError):
            raise reply


async def _run(gate: Gate) -> None:
    async def otherwise(command: Command[Any], gate: Gate, failed: RedisError | None) -> Reply:
        try:
            if failed is not None:
                raise failed
            reply = await gate.attempt(command.args, binary=False)
            if isinstance(reply, RedisError):
                raise reply
            return reply
        finally:
            gate.leave(None)

    await gate.run(GET, otherwise)


async def _break(server: FakeServer, gate: Gate) -> None:
    server.reset()
    with anyio.fail_after(5):
        while gate.node.connections():
            await anyio.lowlevel.checkpoint()


each_way = pytest.mark.parametrize("use", [_own, _acquire, _attempt, _run])


@each_way
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("trouble", ["none", "refused", "lost", "error", "dial", "reply"])
async def test_after_every_failure_all_is_back(
    shared: int, use: Callable[[Gate], Awaitable[None]], warm: bool, trouble: str
) -> None:
    """G5: refused, lost, answered with an error, cancelled in a dial or waiting for a reply."""
    server = FakeServer()
    async with server.pool(shared_connections=shared, max_connections=1) as pool:
        gate = pool.gate
        if warm:
            await use(gate)
        if trouble == "refused":
            server.down = True
            await _break(server, gate)
        elif trouble == "lost":
            server.on("GET", run_then_reset, times=1)
        elif trouble == "error":
            server.on("GET", refusal("ERR no"), times=1)
        elif trouble == "dial":
            await _break(server, gate)
            server.hold()
        elif trouble == "reply":
            server.on("GET", silent, times=1)
        with anyio.move_on_after(0.02 if trouble in ("dial", "reply") else 5):
            if trouble in ("refused", "lost", "error"):
                with pytest.raises((ConnectionError, ResponseError)):
                    await use(gate)
            else:
                await use(gate)
        assert_whole(gate)


@each_way
async def test_outside_of_the_pool(use: Callable[[Gate], Awaitable[None]]) -> None:
    """`RuntimeError` that says what to write, and no lease."""
    gate = FakeServer().pool().gate
    with pytest.raises(RuntimeError, match="async with"):
        await use(gate)
    assert gate.limit.taken == gate.limit.unattached == 0
