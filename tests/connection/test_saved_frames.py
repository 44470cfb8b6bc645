"""`enqueue` and `take` beside the plain ways of which they save frames: they never differ."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from anyredis import BaseConnection
from anyredis.connection import requests
from anyredis.testing import FakeConnection, FakeServer
from anyredis.wire.encode import Value
from anyredis.wire.request import Request
from anyredis.wire.request_queue import RequestQueue
from tests.contract.rotation import examples
from tests.wire.notes import Note, session

STEPS = 80


class NotedLane:
    """A lane that notes what is asked of it; the test makes the calls."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.calls: list[Callable[[], None]] = []
        self.has_room = True
        self.full = False

    def write(self, data: bytes, /) -> None:
        """Note it."""
        self.log.append(data)
        self.full = not self.has_room

    def soon(self, call: Callable[[], None], /) -> None:
        """Note it, and keep the call."""
        self.log.append("soon")
        self.calls.append(call)

    def now_or_soon(self, call: Callable[[], None], /) -> None:
        """Note it, and keep the call."""
        self.log.append("now or soon")
        self.calls.append(call)

    def pause_reading(self) -> None:
        """Nothing."""

    def resume_reading(self) -> None:
        """Nothing."""

    async def run(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


def enqueue_plainly(
    connection: BaseConnection, args: tuple[Value, ...], binary: bool
) -> Request | None:
    """What `enqueue` does."""
    if connection.wire.unsent_bytes > requests.HIGH_WATER or connection._paused:
        return None
    request = Request.of(connection.pack(args), connection._new_waiter())
    request.binary = binary
    return connection._submit(request)


class Twin:
    """A connection that gets the steps of a test; the other gets the same in the other way."""

    def __init__(self, connection: BaseConnection, *, plain: bool) -> None:
        self.connection = connection
        self.lane = NotedLane()
        self.requests: list[Request] = []
        self._plain = plain
        connection._clock = lambda: connection._written_at  # there is never a pause
        connection._begin(self.lane)

    def ask(self, number: int) -> None:
        """Somebody runs a command; a long one in its turn."""
        args, binary = (b"ECHO", "x" * number), number % 2 == 0
        if self._plain:
            request = enqueue_plainly(self.connection, args, binary)
        else:
            request = self.connection.enqueue(args, binary)
        self.requests.append(request or self.connection.enqueue_later(args, binary))

    def ask_many(self, number: int) -> None:
        """Somebody runs a pipeline."""
        self.requests.append(self.connection.enqueue_many(b"x" * number, 3, binary=False))

    def turn(self, number: int) -> None:
        """The event loop makes the calls; the lane is full now and then."""
        self.lane.has_room = number % 4 != 0
        while self.lane.calls:
            self.lane.calls.pop()()
        self.lane.has_room = True

    def writable(self, number: int) -> None:
        """The lane has room again."""
        del number
        if self.connection._full:
            self.connection.writable()

    def reply(self, number: int) -> None:
        """The server answers some of what it got."""
        wire = self.connection.wire
        self.connection.received(b"+OK\r\n" * min(number, wire.sent - wire.answered))

    def give_up(self, number: int) -> None:
        """A caller goes away."""
        if self.requests:
            self.connection.abandon(self.requests.pop(number % len(self.requests)))

    def state(self) -> object:
        """All that the two have in common."""
        connection, wire = self.connection, self.connection.wire
        return (
            self.lane.log,
            len(self.lane.calls),
            [request.payload for request in wire.unsent],
            [request.binary for request in wire.inflight],
            (wire.unsent_bytes, wire.sent, wire.answered, wire.tombstones, wire._given_up),
            [count for count, *_ in wire._deadlines],
            (connection._crowd, connection._flush_on_request, connection._full),
            (connection._paused, connection.closed, len(connection._backpressure.waiting)),
        )


async def test_enqueue_is_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """G2, G3, G7, G13: whatever else happens on the connection."""
    monkeypatch.setattr(requests, "HIGH_WATER", 120)
    steps = [Twin.ask, Twin.ask, Twin.turn, Twin.turn, Twin.reply, Twin.reply]
    steps += [Twin.writable, Twin.give_up, Twin.ask_many]
    for seed in range(examples(60)):
        dice = random.Random(seed)
        twins: list[Twin] = []
        for plain in (False, True):
            connection = FakeConnection(server=FakeServer())
            await connection.connect()
            twins.append(Twin(connection, plain=plain))
        for _ in range(STEPS):
            step, number = dice.choice(steps), dice.randrange(1, 40)
            for twin in twins:
                step(twin, number)
            fast, plainly = twins
            assert fast.state() == plainly.state(), (seed, step)
        for twin in twins:
            twin.connection.close("the test is over")
            await twin.connection.serve()


def test_one_request_is_taken_as_several_are() -> None:
    """The only unsent one leaves the same as one beside another that was given up."""

    def taken(payload: bytes, *, beside: bool, timeout: float | None) -> object:
        wire: RequestQueue = session(reply_timeout=timeout)
        data: list[bytes] = []
        for now in range(3):
            wire.submit(Request.of(payload, Note()))
            if beside:
                other = Request.of(b"other", Note())
                wire.submit(other)
                wire.abandon(other)
            data.append(wire.take(now))
            if now:
                wire.feed(b"+OK\r\n")
        counts = (wire.unsent_bytes, wire.sent, wire.answered, wire._given_up, len(wire.unsent))
        return data, counts, list(wire._deadlines), [each.payload for each in wire.inflight]

    for payload in (b"x", b"x" * 1_000_000):
        for timeout in (None, 5.0):
            assert taken(payload, beside=False, timeout=timeout) == taken(
                payload, beside=True, timeout=timeout
            )
