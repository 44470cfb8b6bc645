"""Tests of `anyredis.connection.base` with a lane at the test's command: what it is asked, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis import ConnectionError, Outcome
from anyredis.connection import requests
from anyredis.testing import FakeConnection, FakeServer


class StubbornLane:
    """A lane that is full after each write, until the test says otherwise."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.calls: list[Callable[[], None]] = []
        self.full = True

    def write(self, data: bytes, /) -> None:
        """Note it."""
        self.written.append(data)

    def soon(self, call: Callable[[], None], /) -> None:
        """Keep the call."""
        self.calls.append(call)

    def now_or_soon(self, call: Callable[[], None], /) -> None:
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
    while lane.calls:  # again, if there was a pause before
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


class FailingLane(StubbornLane):
    """A lane that makes calls at once, and whose transport raises."""

    def write(self, data: bytes, /) -> None:
        """Raise."""
        raise RuntimeError("the handler is closed")

    def soon(self, call: Callable[[], None], /) -> None:
        """Make the call."""
        call()

    def now_or_soon(self, call: Callable[[], None], /) -> None:
        """Make the call."""
        call()


async def test_a_transport_that_raises() -> None:
    """G11, G14: nothing is raised to the caller; its request, which may have been sent, fails."""
    connection = FakeConnection(server=FakeServer())
    await connection.connect()
    connection._begin(FailingLane())
    request = connection.enqueue((b"INCR", b"n"))
    assert connection.closed
    assert request is not None
    error = await connection.answer(request)
    assert isinstance(error, ConnectionError)
    assert "the handler is closed" in str(error)
    assert error.outcome is Outcome.UNKNOWN
    await connection.serve()


async def test_who_is_alone() -> None:
    """Nobody else is in flight, nor were there others lately: then they would come together."""

    class OpenLane(StubbornLane):
        def __init__(self) -> None:
            super().__init__()
            self.alone: list[bool] = []
            self.full = False

        def soon(self, call: Callable[[], None], /) -> None:
            super().soon(call)
            self.alone.append(False)

        def now_or_soon(self, call: Callable[[], None], /) -> None:
            super().soon(call)
            self.alone.append(True)

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
    connection._paused = True  # others wait in line, and are let in one after another
    connection.enqueue_for((b"PING",), connection._new_waiter())
    assert lane.alone[-1] is False
    connection.close("the test is over")
    await connection.serve()
