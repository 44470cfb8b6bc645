"""Tests of `anyredis.wire.request_queue`: requests in order, tombstones, deadlines."""

from __future__ import annotations

import pytest

from anyredis.exceptions import Outcome, ProtocolError, ReplyDecodeError, ResponseError
from anyredis.wire.request import Request
from anyredis.wire.request_queue import (
    MAX_GIVEN_UP,
    MAX_SEND,
    MAX_SWALLOWED,
    MAX_TOMBSTONES,
    RequestQueue,
)
from tests.wire.notes import Note, ask, lost, session


def ask_for_bytes(wire: RequestQueue) -> Note:
    """A submitted request whose strings stay bytes."""
    note = Note()
    request = Request.of(b"x", note)
    request.binary = True
    wire.submit(request)
    return note


def test_requests_of_one_turn_leave_together() -> None:
    """All that is unsent is one piece of bytes, in order."""
    wire = session()
    ask(wire, b"one")
    ask(wire, b"two")
    assert wire.unsent_bytes == 6
    assert wire.take(0) == b"onetwo"
    assert wire.take(0) == b""
    assert wire.unsent_bytes == 0


def test_a_piece_is_bounded() -> None:
    """G13: one send joins at most PIECE bytes; a larger request goes alone."""
    wire = session()
    sizes = [MAX_SEND // 2, MAX_SEND // 2, 1, 2 * MAX_SEND, 1]
    for size in sizes:
        ask(wire, b"x" * size)
    assert [len(wire.take(0)) for _ in range(5)] == [MAX_SEND, 1, 2 * MAX_SEND, 1, 0]


def test_replies_go_to_their_requests() -> None:
    """G1: the first reply is the first request's, and so on."""
    wire = session()
    notes = [ask(wire, b"x")[1] for _ in range(3)]
    wire.take(0)
    wire.feed(b":1\r\n:2\r\n:")
    assert [note.answers for note in notes] == [[1], [2], []]
    wire.feed(b"3\r\n")
    assert notes[2].answers == [3]
    assert wire.idle


def test_an_abandoned_unsent_request_is_never_sent() -> None:
    """G2: it is dropped, and its bytes no longer count."""
    wire = session()
    first, _ = ask(wire, b"one")
    ask(wire, b"two")
    wire.abandon(first)
    assert wire.unsent_bytes == 3
    assert wire.take(0) == b"two"
    assert wire.tombstones == 0


def test_abandoned_unsent_requests_are_bounded() -> None:
    """G2, G13: they are removed although nothing is sent, and those that are wanted are not."""
    wire = session()
    _, first = ask(wire, b"first")
    for _ in range(3000):
        request, _ = ask(wire, b"x" * 100)
        wire.abandon(request)
        assert len(wire.unsent) <= 2 * MAX_GIVEN_UP
    wanted = [ask(wire, b"w")[1] for _ in range(1000)]
    gone = [ask(wire, b"x") for _ in range(3000)]
    for _, note in gone:
        note.given_up = True  # by asyncio, before the task has run
    for request, _ in gone:
        wire.abandon(request)
    assert len(wire.unsent) <= 2 * 1001 + MAX_GIVEN_UP
    assert wire.unsent_bytes == 1005
    assert wire.take(0) == b"first" + b"w" * 1000
    assert wire.tombstones == 0
    wire.feed(b":1\r\n" * 1001)
    assert all(note.answers == [1] for note in (first, *wanted))
    assert wire.idle


def test_a_cancelled_waiter_is_never_sent() -> None:
    """G2: an asyncio future is cancelled before its task has run to abandon the request."""
    wire = session()
    first, note = ask(wire, b"one")
    note.given_up = True
    assert wire.take(0) == b""
    wire.abandon(first)
    assert wire.unsent_bytes == 0
    assert wire.tombstones == 0
    assert wire.idle


def test_a_request_may_be_abandoned_without_a_cancellation() -> None:
    """G1, G2: a coroutine that is closed, not cancelled, leaves a waiter that still waits."""
    wire = session()
    unsent, note = ask(wire, b"one")
    _, other = ask(wire, b"two")
    wire.abandon(unsent)
    assert not note.done()
    assert wire.take(0) == b"two"
    wire.feed(b":2\r\n")
    assert (note.answers, other.answers) == ([], [2])


def test_an_abandoned_sent_request_swallows_its_reply() -> None:
    """G3: a tombstone keeps its place, and other requests get their own replies."""
    wire = session()
    first, note = ask(wire, b"one")
    _, other = ask(wire, b"two")
    wire.take(0)
    wire.abandon(first)
    assert wire.tombstones == 1
    wire.feed(b":1\r\n:2\r\n")
    assert note.answers == []
    assert other.answers == [2]
    assert wire.tombstones == 0
    assert wire.idle


def test_abandoning_twice_or_late_is_harmless() -> None:
    """A request is abandoned once, and not at all once it was answered."""
    wire = session()
    first, _ = ask(wire, b"one")
    second, _ = ask(wire, b"two")
    wire.take(0)
    wire.abandon(first)
    wire.abandon(first)
    assert wire.tombstones == 1
    wire.feed(b":1\r\n:2\r\n")
    wire.abandon(first)
    wire.abandon(second)
    assert wire.tombstones == 0


def test_several_replies_for_one_request() -> None:
    """A batch is answered when all of its replies are in, errors as values."""
    wire = session()
    _, note = ask(wire, b"batch", 3)
    _, other = ask(wire, b"x")
    wire.take(0)
    wire.feed(b"+a\r\n-ERR no\r\n")
    assert note.answers == []
    wire.feed(b"+c\r\n:9\r\n")
    [[first, error, last]] = note.answers
    assert (first, last) == (b"a", b"c")
    assert isinstance(error, ResponseError)
    assert other.answers == [9]


def test_a_batch_abandoned_half_way_swallows_all_of_its_replies() -> None:
    """G3: a tombstone swallows as many replies as its request has, and keeps none."""
    wire = session()
    request, note = ask(wire, b"batch", 3)
    _, other = ask(wire, b"x")
    wire.take(0)
    wire.feed(b"+a\r\n")
    wire.abandon(request)
    wire.feed(b"+b\r\n+c\r\n:9\r\n")
    assert note.answers == []
    assert request.replies == [b"a"]
    assert other.answers == [9]


def test_a_request_in_several_payloads() -> None:
    """One request may be sent in pieces; its replies are one answer, overdue like any other."""
    wire = session(reply_timeout=10)
    note = Note()
    request = Request.of_many(b"aa", note, 2, 3)
    wire.submit(request)
    assert wire.take(0) == b"aa"
    wire.feed(b":1\r\n")
    wire.submit(request.continued(b"b", 1))
    assert wire.take(5) == b"b"
    wire.feed(b":2\r\n")
    assert wire.inflight
    assert not wire.overdue(14)
    assert wire.overdue(16)
    wire.feed(b":3\r\n")
    assert note.answers == [[1, 2, 3]]
    assert wire.idle
    assert not wire.overdue(1000)


def test_too_many_tombstones_are_the_end() -> None:
    """G3: tombstones are bounded in count."""
    wire = session()
    requests = [ask(wire, b"x")[0] for _ in range(MAX_TOMBSTONES + 1)]
    wire.take(0)
    for request in requests[:-1]:
        wire.abandon(request)
    assert not wire.exhausted
    wire.abandon(requests[-1])
    assert wire.exhausted
    wire.feed(b":1\r\n")
    assert not wire.exhausted


def test_too_much_to_swallow_is_the_end() -> None:
    """G3: tombstones are bounded in bytes."""
    wire = session()
    request, _ = ask(wire, b"x")
    wire.take(0)
    wire.abandon(request)
    wire.feed(b"$%d\r\n" % (2 * MAX_SWALLOWED))
    chunk = b"x" * (MAX_SWALLOWED // 4)
    for _ in range(3):
        wire.feed(chunk)
    assert not wire.exhausted
    wire.feed(chunk)
    assert wire.exhausted


def test_what_others_receive_is_not_swallowed() -> None:
    """G3: only bytes for a tombstone count against its bound."""
    wire = session()
    _, note = ask(wire, b"x")
    behind, _ = ask(wire, b"x")
    wire.take(0)
    wire.abandon(behind)
    size = 2 * MAX_SWALLOWED
    wire.feed(b"$%d\r\n" % size + b"x" * (size // 2))
    assert not wire.exhausted
    wire.feed(b"x" * (size // 2) + b"\r\n:1\r\n")
    assert len(note.answers[0]) == size
    assert not wire.exhausted
    assert wire.idle


def test_deadlines_are_postponed() -> None:
    """By the time in which nobody was reading; what is sent later has its own."""
    wire = session(reply_timeout=10.0)
    ask(wire, b"x")
    wire.take(0.0)
    wire.postpone(100.0)
    assert not wire.overdue(109.0)
    assert wire.overdue(111.0)


@pytest.mark.parametrize("request_first", [False, True])
def test_a_reply_to_no_request_is_the_end(request_first: bool) -> None:
    """G1: after one reply too many, the next one cannot be assigned to a request."""
    wire = session()
    if request_first:
        ask(wire, b"x")
        wire.take(0)
        wire.feed(b":1\r\n")
    with pytest.raises(ProtocolError, match="a reply to no request"):
        wire.feed(b":2\r\n")


def test_an_unsent_request_is_not_answered() -> None:
    """G1: a reply before the request was even written is not its reply."""
    wire = session()
    _, note = ask(wire, b"x")
    with pytest.raises(ProtocolError):
        wire.feed(b":1\r\n")
    assert note.answers == []


def test_bad_text_is_the_error_of_one() -> None:
    """G12: text that does not decode fails its own request only."""
    wire = session("utf-8")
    notes = [ask(wire, b"x")[1] for _ in range(3)]
    wire.take(0)
    wire.feed(b"+a\r\n$1\r\n\xff\r\n+c\r\n")
    assert notes[0].answers == ["a"]
    assert isinstance(notes[1].answers[0], ReplyDecodeError)
    assert notes[2].answers == ["c"]


def test_a_binary_request_gets_bytes() -> None:
    """A request may ask for bytes on a connection that decodes."""
    wire = session("utf-8")
    note = ask_for_bytes(wire)
    _, other = ask(wire, b"x")
    wire.take(0)
    wire.feed(b"$1\r\n\xff\r\n$1\r\na\r\n")
    assert (note.answers, other.answers) == ([b"\xff"], ["a"])


def test_a_binary_request_in_pieces() -> None:
    """A request for bytes gets bytes, with the reply cut at any byte."""
    data = b"*2\r\n$1\r\n\xff\r\n$1\r\nb\r\n"
    for cut in range(1, len(data)):
        wire = session("utf-8")
        note = ask_for_bytes(wire)
        wire.take(0)
        wire.feed(data[:cut])
        wire.feed(data[cut:])
        assert note.answers == [[b"\xff", b"b"]], cut


def test_failing_tells_each_what_is_known() -> None:
    """G11, G12: sent requests are unknown, unsent ones are not sent; answered ones keep theirs."""
    wire = session()
    _, answered = ask(wire, b"x")
    sent, note_sent = ask(wire, b"x")
    gone, note_gone = ask(wire, b"x")
    wire.take(0)
    unsent, note_unsent = ask(wire, b"x")
    wire.feed(b":1\r\n")
    note_gone.given_up = True
    wire.abandon(gone)
    wire.fail(lost)
    assert answered.answers == [1]
    assert [error.outcome for error in note_sent.answers] == [Outcome.UNKNOWN]
    assert [error.outcome for error in note_unsent.answers] == [Outcome.NOT_SENT]
    assert note_gone.answers == []
    assert wire.idle
    assert (wire.tombstones, wire.unsent_bytes) == (0, 0)
    for request in (sent, unsent, gone):
        wire.abandon(request)
    assert (wire.tombstones, wire.unsent_bytes) == (0, 0)


def test_each_gets_an_error_of_its_own() -> None:
    """G12: tasks do not share an exception, which would share its traceback."""
    wire = session()
    notes = [ask(wire, b"x")[1] for _ in range(2)]
    wire.take(0)
    wire.fail(lost)
    assert notes[0].answers[0] is not notes[1].answers[0]


def test_overdue_is_the_oldest_in_flight() -> None:
    """A request is overdue when its reply took longer than patience, counted from its send."""
    wire = session(reply_timeout=10)
    assert not wire.overdue(1000)
    ask(wire, b"x")
    assert not wire.overdue(1000)
    wire.take(5)
    ask(wire, b"x")
    wire.take(9)
    assert not wire.overdue(15)
    assert wire.overdue(15.1)
    wire.feed(b":1\r\n")
    assert not wire.overdue(19)
    assert wire.overdue(19.1)
    wire.feed(b":2\r\n")
    assert not wire.overdue(1000)


def test_a_tombstone_is_overdue_too() -> None:
    """A missing reply makes the connection overdue even if its request is abandoned."""
    wire = session(reply_timeout=10)
    request, _ = ask(wire, b"x")
    wire.take(0)
    wire.abandon(request)
    assert wire.overdue(11)


def test_without_patience_nothing_is_overdue() -> None:
    """None is for ever."""
    wire = session()
    ask(wire, b"x")
    wire.take(0)
    assert not wire.overdue(1e9)


def test_deadlines_do_not_pile_up() -> None:
    """G13: there are never more deadlines than pieces in flight."""
    wire = session(reply_timeout=10)
    for moment in range(1000):
        ask(wire, b"x")
        wire.take(moment)
        wire.feed(b":1\r\n")
    assert len(wire._deadlines) <= 2
