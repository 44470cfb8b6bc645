"""Tests of `anyredis.wire.request_queue`: pushes, and the bytes that no request asks for."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis.exceptions import ProtocolError, ReplyDecodeError
from anyredis.wire.request_queue import RequestQueue
from tests.wire.notes import ask, lost, session


def test_pushes_answer_no_request() -> None:
    """G1: a push between replies is reported, and changes no request's turn."""
    pushes: list[Any] = []
    wire = session(pushes=pushes)
    _, first = ask(wire, b"x")
    _, second = ask(wire, b"x")
    wire.feed(b">1\r\n+early\r\n")
    wire.take(0)
    wire.feed(b">1\r\n+a\r\n:1\r\n>1\r\n+b\r\n:2\r\n")
    assert pushes == [[b"early"], [b"a"], [b"b"]]
    assert (first.answers, second.answers) == ([1], [2])


def test_a_push_that_does_not_decode_spoils_no_reply() -> None:
    """G1, G12: unreadable text in a push does not affect requests that wait for replies."""
    pushes: list[Any] = []
    wire = session("utf-8", pushes=pushes)
    _, note = ask(wire, b"x")
    wire.take(0)
    wire.feed(b">2\r\n+invalidate\r\n*1\r\n$1\r\n\xff\r\n+mine\r\n")
    assert note.answers == ["mine"]
    assert len(pushes) == 1


def test_a_push_in_pieces_that_does_not_decode_spoils_no_reply() -> None:
    """G1, G12: the same for a cut at any byte."""
    data = b">2\r\n+invalidate\r\n*1\r\n$1\r\n\xff\r\n+mine\r\n"
    for cut in range(1, len(data)):
        wire = session("utf-8")
        _, note = ask(wire, b"x")
        wire.take(0)
        wire.feed(data[:cut])
        wire.feed(data[cut:])
        assert note.answers == ["mine"], cut


def test_pushes_are_bytes_though_replies_are_text() -> None:
    """G1: text, bytes that are no text, and the replies around them."""
    pushes: list[Any] = []
    wire = session("utf-8", pushes=pushes)
    _, first = ask(wire, b"x")
    _, both = ask(wire, b"y", 2)
    wire.take(0)
    push = b">2\r\n$2\r\n\xc3\xbc\r\n$1\r\n\xff\r\n"
    wire.feed(push + b"$2\r\n\xc3\xbc\r\n" + push + b"+a\r\n" + push + b"$1\r\n\xff\r\n" + push)
    assert first.answers == ["ü"]
    [[text, decode_error]] = both.answers
    assert text == "a"
    assert isinstance(decode_error, ReplyDecodeError)
    assert pushes == [[b"\xc3\xbc", b"\xff"]] * 4


def test_no_push_after_the_end() -> None:
    """What is left of the bytes of a connection that was given up is told to nobody."""
    pushes: list[Any] = []
    wire = session(pushes=pushes)
    wire.fail(lost)
    wire.feed(b">1\r\n+late\r\n")
    assert pushes == []


def test_pushes_without_a_listener_are_dropped() -> None:
    """G13: without a taker pushes are not kept."""
    wire = session()
    wire.feed(b">1\r\n+a\r\n")
    assert wire.idle


CHUNK = b"$1000\r\n" + b"x" * 1000 + b"\r\n"


def feed_up_to(wire: RequestQueue, chunk: bytes, most: int) -> None:
    """Feed *chunk* again and again, at most *most* bytes."""
    for _ in range(most // len(chunk)):
        wire.feed(chunk)


@pytest.mark.parametrize("chunk", [CHUNK, CHUNK * 10, b"x" * 1000], ids=["one", "many", "string"])
@pytest.mark.parametrize("before", [b"", b">1\r\n+a\r\n"])
def test_a_push_that_never_ends(chunk: bytes, before: bytes) -> None:
    """G13: the bytes of a message that is not complete are bounded, wherever they are cut."""
    wire = session()
    wire.max_unasked = 100_000
    wire.feed(before + (b">1\r\n$9999999\r\n" if chunk[:1] == b"x" else b">60000\r\n"))
    feed_up_to(wire, chunk, 90_000)
    with pytest.raises(ProtocolError, match="no complete message; the most are 100000"):
        feed_up_to(wire, chunk, 21_000)


def test_a_push_that_never_ends_while_requests_come() -> None:
    """G13: a request that is sent meanwhile does not begin the count anew."""
    wire = session()
    wire.max_unasked = 100_000
    wire.feed(b">60000\r\n")
    feed_up_to(wire, CHUNK, 10_000)
    ask(wire, b"x")
    wire.take(0)
    feed_up_to(wire, CHUNK, 80_000)
    with pytest.raises(ProtocolError, match="no complete message"):
        feed_up_to(wire, CHUNK, 21_000)


def test_what_is_asked_for_is_not_bounded() -> None:
    """Replies and complete pushes of any number and size are no unasked bytes."""
    pushes: list[Any] = []
    wire = session(pushes=pushes)
    wire.max_unasked = 5000
    _, large = ask(wire, b"x")
    _, several = ask(wire, b"y", 20)
    wire.take(0)
    push = b">2\r\n" + CHUNK + CHUNK
    for begin in range(0, len(push) * 20, 700):
        wire.feed((push * 20)[begin : begin + 700])
    string = b"$20000\r\n" + b"x" * 20000 + b"\r\n"
    data = (string + push) * 21
    for begin in range(0, len(data), 700):
        wire.feed(data[begin : begin + 700])
    assert large.answers == [b"x" * 20000]
    assert several.answers == [[b"x" * 20000] * 20]
    assert len(pushes) == 41
