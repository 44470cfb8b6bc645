"""The replies of a pipeline are read in runs: the same as one by one, however the bytes are cut."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis.exceptions import ReplyDecodeError, ResponseError
from anyredis.wire.decode import Decoder, NotRedisError, Reply
from anyredis.wire.request_queue import RequestQueue
from tests.wire.notes import Note, ask

BAD = b"$2\r\n\xff\xfe\r\n"

REPLIES = b"".join(
    (
        b"+OK\r\n",
        b">2\r\n+x\r\n$4\r\npush\r\n",
        b"$5\r\nfirst\r\n",
        BAD,
        b"-ERR no\r\n",
        b"*2\r\n:1\r\n$6\r\nsecond\r\n",
        b">2\r\n+y\r\n" + BAD,
        b">1\r\n+z\r\n",
        b"*3\r\n$1\r\na\r\n" + BAD + b":3\r\n",
        b":7\r\n",
    )
)
"""Seven replies, and three pushes between them."""

COUNT = 7

PUSHES = [[b"x", b"push"], [b"y", b"\xff\xfe"], [b"z"]]

ENCODINGS = [None, "utf-8", "ascii", "shift_jis"]
"""None, two whose bytes can be had back from text that does not decode, one where they cannot."""


def shown(value: Reply) -> object:
    """*value*, with the types of its errors in their place."""
    if isinstance(value, list):
        return [shown(each) for each in value]
    return type(value) if isinstance(value, Exception) else value


def in_text(encoding: str | None, *, by_element: bool) -> list[Any]:
    """The seven replies as they are meant."""
    if encoding is None:
        bad: Any = b"\xff\xfe"
        texts: list[Any] = [b"OK", b"first", b"second", b"a"]
    else:
        bad, texts = ReplyDecodeError, ["OK", "first", "second", "a"]
    ok, first, second, a = texts
    elements = [a, bad, 3] if by_element or encoding is None else ReplyDecodeError
    return [ok, first, bad, ResponseError, [1, second], elements, 7]


def read(
    pieces: list[bytes], encoding: str | None, *, by_element: bool, binary: bool = False
) -> tuple[object, list[Any], RequestQueue]:
    """The answer to a request for the seven replies, the pushes, and the queue afterwards."""
    pushes: list[Any] = []
    wire = RequestQueue(Decoder(encoding), on_push=pushes.append)
    request, note = ask(wire, b"x", COUNT)
    request.by_element, request.binary = by_element, binary
    _, behind = ask(wire, b"y")
    wire.take(0)
    for piece in pieces:
        wire.feed(piece)
    wire.feed(b"+behind\r\n")
    assert len(behind.answers) == 1
    [answer] = note.answers
    return shown(answer), pushes, wire


@pytest.mark.parametrize("by_element", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cut_anywhere(encoding: str | None, by_element: bool) -> None:
    """G1: each reply is itself, an error for its own text alone; each push is delivered once."""
    wanted = in_text(encoding, by_element=by_element)
    for cut in range(len(REPLIES) + 1):
        pieces = [REPLIES[:cut], REPLIES[cut:]]
        answer, pushes, wire = read(pieces, encoding, by_element=by_element)
        assert answer == wanted, cut
        assert pushes == PUSHES, cut
        assert (wire.answered, wire.idle) == (COUNT + 1, True), cut


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_byte_by_byte(encoding: str | None) -> None:
    """The same if each byte arrives alone."""
    pieces = [REPLIES[at : at + 1] for at in range(len(REPLIES))]
    answer, pushes, _ = read(pieces, encoding, by_element=False)
    assert answer == in_text(encoding, by_element=False)
    assert pushes == PUSHES


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes(encoding: str | None) -> None:
    """A binary request gets bytes, wherever they are cut, and the next one its text."""
    wanted = in_text(None, by_element=False)
    for cut in range(len(REPLIES) + 1):
        pieces = [REPLIES[:cut], REPLIES[cut:]]
        answer, pushes, _ = read(pieces, encoding, by_element=False, binary=True)
        assert answer == wanted, cut
        assert pushes == PUSHES, cut


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_abandoned_anywhere(encoding: str | None) -> None:
    """G3: replies that nobody wants are dropped as they come, and pushes are delivered."""
    for cut in range(len(REPLIES) + 1):
        pushes: list[Any] = []
        wire = RequestQueue(Decoder(encoding), on_push=pushes.append)
        request, note = ask(wire, b"x", COUNT)
        behind: Note
        _, behind = ask(wire, b"y")
        wire.take(0)
        wire.feed(REPLIES[:cut])
        kept = len(request.replies or ())
        wire.abandon(request)
        wire.feed(REPLIES[cut:] + b":8\r\n")
        assert behind.answers == [8], cut
        assert pushes == PUSHES, cut
        assert wire.tombstones == 0, cut
        if cut < len(REPLIES):
            assert note.answers == [], cut
            assert len(request.replies or ()) == kept, cut


def test_a_request_that_is_cut_by_a_push() -> None:
    """A push that ends the bytes received leaves the request waiting for the rest."""
    pushes: list[Any] = []
    wire = RequestQueue(Decoder(), on_push=pushes.append)
    _, note = ask(wire, b"x", 3)
    wire.take(0)
    wire.feed(b":1\r\n>1\r\n+p\r\n")
    assert (note.answers, pushes, wire.answered) == ([], [[b"p"]], 1)
    wire.feed(b":2\r\n>1\r\n+q\r\n:3\r\n")
    assert (note.answers, pushes, wire.answered) == ([[1, 2, 3]], [[b"p"], [b"q"]], 3)


@pytest.mark.parametrize("count", [None, 3])
@pytest.mark.parametrize("before", [b"", b"+a\r\n"])
def test_a_map_that_no_dict_can_hold(count: int | None, before: bytes) -> None:
    """It is the end of the stream, for one reply as for one of several."""
    wire = RequestQueue(Decoder())
    ask(wire, b"x", count)
    if not count:
        ask(wire, b"y")
    wire.take(0)
    with pytest.raises(NotRedisError, match="unhashable"):
        wire.feed(before + b"%1\r\n*0\r\n:1\r\n")
