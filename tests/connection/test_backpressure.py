"""Tests of `anyredis.connection.backpressure`: requests that wait for their turn, and owners."""

from __future__ import annotations

import anyio
import pytest

from anyredis.connection.backpressure import Backpressure
from anyredis.exceptions import ConnectionError, Outcome
from anyredis.waiter import waiter_factory
from anyredis.wire.request import Request
from tests.blocked_tasks import all_tasks_blocked


class Line:
    """A line, the requests that were enqueued from it, and the owners, in order."""

    def __init__(self) -> None:
        self.new_waiter = waiter_factory()
        self.ended: list[object] = []
        self.freed = 0
        """The capacity that there is when somebody leaves the line."""
        self.backpressure = Backpressure(
            self.new_waiter,
            self.enqueued,
            lambda: self.backpressure.grant(self.freed, idle=True),
        )

    def enqueued(self, request: Request) -> None:
        """Note a request whose turn has come."""
        self.ended.append(request.payload)

    def add(self, name: bytes, size: int = 1) -> Request:
        """Put a request in the line."""
        request = Request.of(name, self.new_waiter())
        self.backpressure.add(request, size, lambda: name)
        return request

    async def own(self, name: bytes) -> None:
        """Wait for the ownership, and note it."""
        await self.backpressure.own()
        self.ended.append(name)

    async def grant(self, capacity: int, *, idle: bool = False) -> list[object]:
        """Let some continue; gives all that did so far."""
        self.backpressure.grant(capacity, idle=idle)
        await all_tasks_blocked()
        return self.ended


@pytest.fixture
async def line() -> Line:
    """An empty line."""
    return Line()


async def test_first_come_first_served(line: Line) -> None:
    """G7: requests are enqueued up to the capacity; the last may exceed it."""
    for name, size in ((b"a", 10), (b"b", 10), (b"c", 100), (b"d", 1)):
        line.add(name, size)
    assert await line.grant(0) == []
    assert await line.grant(20) == [b"a", b"b"]
    assert await line.grant(1) == [b"a", b"b", b"c"]
    assert line.backpressure.busy
    assert await line.grant(1) == [b"a", b"b", b"c", b"d"]
    assert not line.backpressure.busy


async def test_a_request_that_was_given_up(line: Line) -> None:
    """G2, G7, G13: it leaves nothing in the line, takes no capacity and is never enqueued."""
    given_up = [line.add(b"no", 10) for _ in range(3000)]
    line.add(b"b")
    assert all(line.backpressure.remove(request) for request in given_up)
    assert not line.backpressure.remove(given_up[0])
    assert len(line.backpressure.waiting) == 1
    assert await line.grant(1) == [b"b"]


async def test_a_waiter_that_is_done(line: Line) -> None:
    """G2: an asyncio future is cancelled before its task has run to give the request up."""
    line.add(b"no", 10).waiter.set_result(None)
    line.add(b"b")
    assert await line.grant(1) == [b"b"]


async def test_bytes_are_not_kept(line: Line) -> None:
    """G13: requests in the line have no bytes, whatever their size is."""
    assert line.add(b"large").payload == b""
    assert await line.grant(1) == [b"large"]


async def test_a_lost_connection_fails_all_that_wait(line: Line) -> None:
    """G11: nothing of them was sent, and each gets an error object of its own."""
    requests = [line.add(b"a"), line.add(b"b")]
    errors: list[object] = []

    async def own() -> None:
        with pytest.raises(ConnectionError) as caught:
            await line.own(b"never")
        errors.append(caught.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(own)
        await all_tasks_blocked()
        line.backpressure.close(lambda outcome: ConnectionError("gone", outcome=outcome))
    errors += [await request.waiter for request in requests]
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, ConnectionError)
        assert error.outcome is Outcome.NOT_SENT


# -- owners -------------------------------------------------------------------------------------


async def test_an_owner_waits_until_nothing_is_carried(line: Line) -> None:
    """G1, G7: it is not overtaken, and no request is enqueued before it has let go."""
    async with anyio.create_task_group() as tasks:
        line.add(b"a")
        tasks.start_soon(line.own, b"owner")
        await all_tasks_blocked()
        line.add(b"b")
        tasks.start_soon(line.own, b"next")
        await all_tasks_blocked()
        assert await line.grant(9, idle=True) == [b"a"]
        assert await line.grant(9, idle=False) == [b"a"]
        assert await line.grant(9, idle=True) == [b"a", b"owner"]
        assert await line.grant(9, idle=True) == [b"a", b"owner"]
        assert line.backpressure.busy
        line.backpressure.owned = False
        assert await line.grant(9, idle=True) == [b"a", b"owner", b"b"]
        assert await line.grant(9, idle=True) == [b"a", b"owner", b"b", b"next"]
        line.backpressure.owned = False
        assert not line.backpressure.busy


@pytest.mark.parametrize("turn_came", [False, True])
async def test_an_owner_that_is_cancelled(line: Line, turn_came: bool) -> None:
    """G7: the next one continues, whether the owner's turn had come or not."""
    line.freed = 9
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(line.own, b"owner")
        await all_tasks_blocked()
        line.add(b"a")
        if turn_came:
            line.backpressure.grant(9, idle=True)
        tasks.cancel_scope.cancel()
    if b"owner" in line.ended:  # it continued before the cancellation came
        line.backpressure.owned = False
        line.backpressure.grant(9, idle=True)
    assert line.ended[-1] == b"a"
    assert not line.backpressure.busy


async def test_an_owner_waits_for_capacity(line: Line) -> None:
    """G13: it continues before all others, or gets the error of a lost connection."""
    backpressure = line.backpressure
    backpressure.owned = True

    async def send() -> None:
        await backpressure.wait_as_owner()
        line.ended.append(b"owner")
        with pytest.raises(ConnectionError):
            await backpressure.wait_as_owner()

    async with anyio.create_task_group() as tasks:
        line.add(b"a")
        tasks.start_soon(send)
        await all_tasks_blocked()
        assert await line.grant(0) == []
        assert await line.grant(1) == [b"owner"]
        backpressure.close(lambda outcome: ConnectionError("gone", outcome=outcome))
