"""Tests of `anyredis.connection.tls_lane`: what is encrypted and sent, and when."""

from __future__ import annotations

import ssl
from typing import cast

import anyio
import pytest

from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.tls_lane import EncryptedStream, TLSLane, TLSState
from tests.connection.lanes import Events, takes_more
from tests.connection.tls_bench import LARGE, Bench, LaneBelow


async def test_no_more_is_encrypted_than_the_lane_below_takes(bench: Bench) -> None:
    """G13: a piece at a time; `writable` comes once, behind the last."""
    bench.below.takes = 1
    assert not takes_more(bench.lane, LARGE)
    assert bench.state.outgoing.pending == 0
    assert len(bench.below.written) == 1
    assert len(bench.below.written[0]) < CHUNK * 1.1
    got = bench.peer.decrypted(bench.below.take())
    while len(got) < len(LARGE):
        assert bench.events.told == []
        bench.below.takes_again(1)
        got += bench.peer.decrypted(bench.below.take())
    assert bench.events.told == []
    bench.below.takes_again(1)
    assert bench.events.told == ["writable"]
    assert got == LARGE
    assert not takes_more(bench.lane, b"x")
    assert bench.peer.decrypted(bench.below.take()) == b"x"


async def test_a_write_is_taken_at_once(bench: Bench) -> None:
    """And nobody is told of capacity who has not asked for it."""
    assert takes_more(bench.lane, LARGE)
    assert bench.peer.decrypted(bench.below.take()) == LARGE
    bench.below.takes_again(5)
    assert bench.events.told == []


async def test_what_was_written_is_not_kept(bench: Bench) -> None:
    """The memory of a large request is free once it is encrypted."""
    data = bytearray(LARGE)
    assert takes_more(bench.lane, cast("bytes", data))
    data.clear()  # raises BufferError while somebody looks at it


class Renegotiation:
    """An SSL object in the middle of a renegotiation: it has to hear the peer before it writes."""

    def __init__(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self.buffers = incoming, outgoing
        self.in_handshake = True
        self.failure: Exception | None = None

    def read(self, size: int) -> bytes:
        """What arrives, of which `hello` is part of the protocol, and is answered."""
        data = self._incoming.read(size)
        if data == b"hello":
            self.in_handshake = False
            self._outgoing.write(b"<answer>")
            data = b""
        if not data:
            raise ssl.SSLWantReadError
        return data

    def write(self, data: memoryview) -> int:
        """Pass it on, unless the peer has to be heard."""
        if self.failure is not None:
            raise self.failure
        if self.in_handshake:
            raise ssl.SSLWantReadError
        return self._outgoing.write(data)


def renegotiating() -> tuple[TLSLane, LaneBelow, Events, Renegotiation]:
    """A lane in a renegotiation."""
    below, events = LaneBelow(), Events()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = Renegotiation(incoming, outgoing)
    state = TLSState(cast("ssl.SSLObject", tls), incoming, outgoing)
    return TLSLane(below, state, events), below, events, tls


async def test_a_write_that_has_to_hear_first() -> None:
    """The lane is full until the peer was heard; then the bytes leave, once, behind the answer."""
    lane, below, events, _ = renegotiating()
    assert not takes_more(lane, b"request")
    assert below.written == []
    below.events.received(b"data")
    assert events.told == ["received"]
    below.events.received(b"hello")
    assert below.take() == b"<answer>request"
    assert events.told == ["received", "writable"]


async def test_what_tls_says_itself_waits_for_a_full_lane() -> None:
    """An answer to a key update waits like all bytes, and its end concerns the lane alone."""
    lane, below, events, tls = renegotiating()
    tls.in_handshake = False
    below.takes = 1
    assert not takes_more(lane, b"request")
    below.events.received(b"hello")
    assert below.take() == b"request"
    below.takes_again(2)
    assert below.take() == b"<answer>"
    assert events.told == ["writable"]
    below.events.received(b"hello")
    assert below.take() == b"<answer>"
    below.takes_again(9)
    assert events.told == ["writable"]


async def test_an_answer_makes_the_lane_full() -> None:
    """A request that comes then waits, though nobody had been told so."""
    lane, below, events, tls = renegotiating()
    tls.in_handshake = False
    below.takes = 1
    below.events.received(b"hello")
    assert below.take() == b"<answer>"
    assert not takes_more(lane, b"request")
    assert below.take() == b""
    below.takes_again(9)
    assert below.take() == b"request"
    assert events.told == ["writable"]


async def test_a_write_that_tls_refuses() -> None:
    """G14: `write` raises nothing; the end is told in a call of its own, once."""
    lane, below, events, tls = renegotiating()
    tls.failure = ssl.SSLError("broken")
    assert not takes_more(lane, b"request")
    assert events.told == []
    below.calls.pop()()
    assert events.ends == [tls.failure]
    below.events.ended(anyio.EndOfStream())
    assert events.told == ["ended"]


async def test_nothing_is_sent_after_the_stop() -> None:
    """Neither an answer of TLS, nor the rest of a request; nobody is told of capacity."""
    lane, below, events, tls = renegotiating()
    assert not takes_more(lane, b"request")
    tls.in_handshake = False
    tls.buffers[1].write(b"<answer>")
    events.on_received = lane.stop
    below.events.received(b"data")
    assert below.written == []
    assert events.told == ["received"]


class Deaf(LaneBelow):
    """A stream whose peer takes nothing any more, but has said something before."""

    def __init__(self) -> None:
        super().__init__()
        self.arriving = [b"hello", b"last words"]

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What it has said."""
        return self.arriving.pop(0)

    async def send(self, item: bytes) -> None:
        """Fail."""
        raise anyio.BrokenResourceError


async def test_last_words_before_an_answer_that_fails() -> None:
    """G11: one who receives hears them; one who sends is told."""
    _, _, _, tls = renegotiating()
    stream = EncryptedStream(Deaf(), TLSState(cast("ssl.SSLObject", tls), *tls.buffers))
    assert await stream.receive() == b"last words"
    with pytest.raises(anyio.BrokenResourceError):
        await stream.send(b"x")
