"""Tests of `anyredis.wire.request_queue`: anything may happen between a request and its reply."""

from __future__ import annotations

import hiredis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anyredis.exceptions import ConnectionError, Outcome, RedisError
from anyredis.wire.encode import encoder
from anyredis.wire.request import Request
from tests.contract.rotation import examples
from tests.wire.notes import Note, ask, lost, session

pack = encoder()


class Interleavings(RuleBasedStateMachine):
    """Requests that carry their number, a server that echoes it, and anything in between."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = session(reply_timeout=None)
        self.requests: list[tuple[Request, Note]] = []
        self.abandoned: set[int] = set()
        self.written: list[int] = []
        self.server = hiredis.Reader()
        self.outgoing = b""
        self.failed: list[tuple[int, int]] = []

    @rule(expected=st.none() | st.integers(1, 3))
    def submit(self, expected: int | None) -> None:
        """A request is submitted, for one reply or several."""
        number = len(self.requests)
        payload = pack((b"ECHO", number)) * (expected or 1)
        self.requests.append(ask(self.wire, payload, expected))

    @rule()
    def take(self) -> None:
        """The writer takes all unsent bytes, and the server answers in order."""
        already_given_up = set(self.abandoned)
        self.server.feed(self.wire.take(0))
        while (command := self.server.gets()) is not False:
            number = int(command[1])
            assert number not in already_given_up, "an abandoned unsent request was sent"
            if not self.written or self.written[-1] != number:
                self.written.append(number)
            self.outgoing += b":%d\r\n" % number

    @precondition(lambda self: self.outgoing)
    @rule(data=st.data())
    def feed(self, data: st.DataObject) -> None:
        """Some bytes arrive."""
        size = data.draw(st.integers(1, len(self.outgoing)))
        arrived, self.outgoing = self.outgoing[:size], self.outgoing[size:]
        self.wire.feed(arrived)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), how=st.sampled_from(["cancelled", "cancelled first", "dropped"]))
    def abandon(self, data: st.DataObject, how: str) -> None:
        """A request is cancelled, under asyncio the future first; or is dropped uncancelled."""
        number = data.draw(st.integers(0, len(self.requests) - 1))
        request, note = self.requests[number]
        if not note.answers:
            self.abandoned.add(number)
            note.given_up = note.given_up or how != "dropped"
            if how != "cancelled first":
                self.wire.abandon(request)

    @precondition(lambda self: self.requests)
    @rule()
    def abandon_for_good(self) -> None:
        """The cancelled tasks have run."""
        for number in self.abandoned:
            self.wire.abandon(self.requests[number][0])

    @rule()
    def fail(self) -> None:
        """The connection is lost, and another takes its place."""
        sent = {id(request) for request in self.wire.inflight}
        waiting = [
            (number, id(request) in sent)
            for number, (request, note) in enumerate(self.requests)
            if not note.done() and number not in self.abandoned
        ]
        self.wire.fail(lost)
        for number, was_sent in waiting:
            [error] = self.requests[number][1].answers
            assert isinstance(error, ConnectionError)
            assert error.outcome is (Outcome.UNKNOWN if was_sent else Outcome.NOT_SENT)
            assert was_sent == (number in self.written)
        assert self.wire.idle
        self.wire = session()
        self.server = hiredis.Reader()
        self.outgoing = b""

    @invariant()
    def own_answers_only(self) -> None:
        """G1: each has at most one answer, which is its own."""
        for number, (request, note) in enumerate(self.requests):
            assert len(note.answers) <= 1
            for answer in note.answers:
                if not isinstance(answer, RedisError):
                    assert answer == (number if request.replies is None else [number] * len(answer))

    @invariant()
    def written_once_and_in_order(self) -> None:
        """G2: nothing is written twice, or out of turn."""
        assert self.written == sorted(set(self.written))

    @invariant()
    def tombstones_are_counted(self) -> None:
        """G3: there are as many tombstones as abandoned requests in flight."""
        assert self.wire.tombstones == sum(each.abandoned for each in self.wire.inflight)

    @invariant()
    def bytes_are_counted(self) -> None:
        """G13: the count of unsent bytes is right."""
        assert self.wire.unsent_bytes == sum(len(each.payload or b"") for each in self.wire.unsent)
        assert all(each.payload is None for each in self.wire.inflight)


Interleavings.TestCase.settings = settings(
    deadline=None,
    max_examples=examples(150),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestInterleavings = Interleavings.TestCase
