"""Tests of `anyredis.connection.tls_lane`: what TLS adds to the promises of each lane."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import anyio
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSAttribute

from anyredis.connection.direct_streams import stream_over
from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.health import Hearing
from anyredis.connection.lane import Lane, LaneEvents, LaneStream, lane_of
from anyredis.connection.tls_lane import EncryptedStream, TLSLane, TLSState
from tests.connection.lanes import (
    Events,
    contexts,
    opened,
    passes,
    running,
    takes_more,
    tcp_pair,
    until,
)
from tests.connection.tls_peer import TLSPeer, connected

LARGE = bytes(range(256)) * 4096


class LaneBelow(LaneStream):
    """A stream and its lane, both at the test's command."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.takes = 1_000_000
        """The number of writes until it is full."""
        self.calls: list[Callable[[], None]] = []
        self.said: list[str] = []
        self.events: LaneEvents = Events()

    def take(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self.written)
        self.written.clear()
        return data

    # -- the stream

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """None."""
        return {}

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Never."""
        raise AssertionError

    async def send(self, item: bytes) -> None:
        """Never."""
        raise AssertionError

    async def send_eof(self) -> None:
        """Never."""
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing."""

    def attach(self, events: LaneEvents) -> Lane:
        """Itself."""
        self.events = events
        return self

    # -- the lane

    @property
    def full(self) -> bool:
        """Whether it takes no more writes."""
        return self.takes <= 0

    def write(self, data: bytes, /) -> None:
        """Note it."""
        assert self.takes > 0, "it is full"
        assert data, "a write of nothing"
        self.written.append(data)
        self.takes -= 1

    def soon(self, call: Callable[[], None], /) -> None:
        """Keep the call."""
        self.calls.append(call)

    def now_or_soon(self, call: Callable[[], None], /) -> None:
        """Keep the call."""
        self.calls.append(call)

    def pause_reading(self) -> None:
        """Note it."""
        self.said.append("pause")

    def resume_reading(self) -> None:
        """Note it."""
        self.said.append("resume")

    async def run(self) -> None:
        """Note it."""
        self.said.append("run")

    def stop(self) -> None:
        """Note it."""
        self.said.append("stop")

    def takes_again(self, writes: int) -> None:
        """It is not full any more."""
        self.takes = writes
        self.events.writable()


class Bench:
    """A TLS lane over a lane below, its events, and its peer."""

    def __init__(self) -> None:
        self.below, self.events = LaneBelow(), Events()
        self.state, self.peer = connected()
        self.lane = TLSLane(self.below, self.state, self.events)

    def arrive(self, data: bytes) -> None:
        """Deliver *data* to the TLS lane."""
        self.below.events.received(data)


@pytest.fixture
async def bench() -> Bench:
    """A lane that runs."""
    bench = Bench()
    await bench.lane.run()
    assert bench.below.said == ["run"]
    return bench


# -- the stream ---------------------------------------------------------------------------------


async def test_what_is_known_of_it() -> None:
    """The attributes of the socket below, and those of TLS; it was verified."""
    async with opened("tls") as (stream, _):
        assert stream.extra(SocketAttribute.raw_socket).fileno() >= 0
        assert stream.extra(TLSAttribute.tls_version) == "TLSv1.3"
        assert stream.extra(TLSAttribute.cipher)[0].startswith("TLS_")
        assert stream.extra(TLSAttribute.peer_certificate)
        assert stream.extra(TLSAttribute.peer_certificate_binary)
        assert stream.extra(TLSAttribute.alpn_protocol) is None
        assert not stream.extra(TLSAttribute.standard_compatible)
        assert not stream.extra(TLSAttribute.server_side)
        assert isinstance(stream.extra(TLSAttribute.ssl_object), ssl.SSLObject)
        with pytest.raises(NotImplementedError):
            await stream.send_eof()


@pytest.mark.parametrize("host", ["localhost", "elsewhere.example", "127.0.0.1"])
@pytest.mark.parametrize("trusts", [True, False])
async def test_certificate_and_name_are_verified(host: str, trusts: bool) -> None:
    """G15: whoever is not trusted, or is called something else, is sent nothing but a greeting."""
    context = contexts().client if trusts else ssl.create_default_context()
    peer = TLSPeer()
    ours, other = tcp_pair()
    stream = await stream_over(ours)
    async with stream, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, shake_hands, other, peer)
        try:
            if trusts and host == "localhost":
                await EncryptedStream.over(stream, context, host)
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await EncryptedStream.over(stream, context, host)
        finally:
            await stream.aclose()


def shake_hands(sock: socket.socket, peer: TLSPeer) -> None:
    """Answer as *peer* until the other side has hung up; it sends no byte of data."""
    with sock, suppress(ConnectionResetError):
        while data := sock.recv(65536):
            sock.sendall(peer.shake(data))


class OtherContext(ssl.SSLContext):
    """A context of another library, whose `wrap_bio` may not run in the event loop."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Assert where it runs."""
        assert threading.current_thread() is not threading.main_thread()
        return super().wrap_bio(*args, **options)


async def test_a_context_of_another_library() -> None:
    """Its `wrap_bio` runs in a thread: it may read files."""
    context = OtherContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    ours, other = tcp_pair()
    stream = await stream_over(ours)
    async with stream, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, shake_hands, other, TLSPeer())
        await EncryptedStream.over(stream, context, "localhost")
        await stream.aclose()


async def test_a_reader_answers_though_another_sends() -> None:
    """G13: one who receives never waits for one who sends, nor fails because of a failed send."""
    async with opened("tls") as (stream, peer), anyio.create_task_group() as tasks:
        tasks.start_soon(stream.send, LARGE * 40)
        await passes()
        peer.sendall(b"heard")
        with anyio.fail_after(10):
            assert await stream.receive() == b"heard"
        tasks.cancel_scope.cancel()


async def test_a_send_that_was_cancelled() -> None:
    """Encrypted bytes may be lost, so nothing can be sent any more: that is said."""
    async with opened("tls") as (stream, peer):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.send, LARGE * 40)
            assert await anyio.to_thread.run_sync(peer.recv, 1) == LARGE[:1]
            tasks.cancel_scope.cancel()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x")


async def test_a_closed_stream_gives_nothing() -> None:
    """Not even what it has decrypted."""
    async with opened("tls") as (stream, peer):
        peer.sendall(b"abcdef")
        assert await stream.receive(2) == b"ab"
        await stream.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            await stream.receive()


async def test_close_notify() -> None:
    """It ends the stream, though the socket stays open."""
    async with opened("tls") as (stream, peer):
        peer.sendall(b"last")
        raw = cast("ssl.SSLSocket", peer)
        raw.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            raw.unwrap()
        assert await stream.receive() == b"last"
        for _ in range(2):
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()


# -- received bytes -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 1000, 20_000, CHUNK])
async def test_any_cut(bench: Bench, size: int) -> None:
    """Records that are cut anywhere, or come together, give the bytes in order, each once."""
    data = LARGE[: size * 40]
    arriving = bench.peer.encrypted(data)
    for begin in range(0, len(arriving), size):
        before = bench.events.told.count("received")
        bench.arrive(arriving[begin : begin + size])
        assert bench.events.told.count("received") <= before + 1, "one delivery for one piece"
    assert bench.events.data == data


async def test_records_that_arrive_together(bench: Bench) -> None:
    """Are delivered together, in one pass of the connection."""
    bench.arrive(b"".join(bench.peer.encrypted(b"%d" % number) for number in range(9)))
    assert bench.events.told == ["received"]
    assert bench.events.data == b"012345678"


async def test_records_without_data() -> None:
    """Session tickets give nothing to deliver, and end nothing."""
    events, below = Events(), LaneBelow()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = contexts().client.wrap_bio(incoming, outgoing, server_hostname="localhost")
    peer = TLSPeer()
    for _ in range(2):
        try:
            ours.do_handshake()
        except ssl.SSLWantReadError:
            incoming.write(peer.shake(outgoing.read()))
    lane = TLSLane(below, TLSState(ours, incoming, outgoing), events)
    await lane.run()
    tickets = peer.shake(below.take())
    assert len(tickets) > 100
    lane.received(tickets)
    assert events.told == []
    lane.received(peer.encrypted(b"data"))
    assert events.told == ["received"]


async def test_an_end_behind_the_bytes(bench: Bench) -> None:
    """close_notify that comes with the last bytes is told behind them, once."""
    bench.arrive(bench.peer.encrypted(b"last") + bench.peer.close_notify())
    assert bench.events.told == ["received", "ended"]
    assert isinstance(bench.events.ends[0], anyio.EndOfStream)
    bench.below.events.ended(anyio.EndOfStream())
    bench.arrive(b"more")
    assert bench.events.told == ["received", "ended"]
    assert bench.below.said[-1] == "stop"


@pytest.mark.parametrize("junk", [b"-ERR plain text\r\n", b"\x17\x03\x03\x00\x20" + b"x" * 32])
async def test_bytes_that_are_not_tls(bench: Bench, junk: bytes) -> None:
    """G12, G14: nothing is raised; what came before is delivered, then the error is told, once."""
    bench.arrive(bench.peer.encrypted(b"good") + junk)
    assert bench.events.told == ["received", "ended"]
    assert bench.events.data == b"good"
    assert isinstance(bench.events.ends[0], ssl.SSLError)
    bench.arrive(b"more")
    assert bench.events.told == ["received", "ended"]


async def test_half_a_record_before_the_end(bench: Bench) -> None:
    """G1: it is not delivered."""
    bench.arrive(bench.peer.encrypted(b"whole"))
    bench.arrive(bench.peer.encrypted(b"half")[:-1])
    bench.below.events.ended(anyio.EndOfStream())
    assert bench.events.data == b"whole"
    assert bench.events.told == ["received", "ended"]


async def test_a_connection_that_closes_in_a_delivery(bench: Bench) -> None:
    """G3: it hears no more, nor of the end behind."""
    bench.events.on_received = bench.lane.stop
    bench.arrive(bench.peer.encrypted(b"x") + bench.peer.close_notify())
    bench.arrive(b"more")
    assert bench.events.told == ["received"]


# -- pauses -------------------------------------------------------------------------------------


async def test_a_pause_is_one_of_the_lane_below(bench: Bench) -> None:
    """Therefore bytes wait with the peer, encrypted."""
    bench.lane.pause_reading()
    bench.lane.resume_reading()
    assert bench.below.said[-2:] == ["pause", "resume"]


async def test_an_end_in_a_pause(bench: Bench) -> None:
    """G13: it waits for `resume_reading`, and is told later than in that call."""
    bench.events.on_received = bench.lane.pause_reading
    bench.arrive(bench.peer.encrypted(b"last") + bench.peer.close_notify())
    assert bench.events.told == ["received"]
    bench.lane.resume_reading()
    assert bench.events.told == ["received"]
    bench.lane.pause_reading()
    bench.below.calls.pop()()
    assert bench.events.told == ["received"], "it was paused again"
    bench.lane.resume_reading()
    bench.below.calls.pop()()
    assert bench.events.told == ["received", "ended"]


async def test_the_lane_below_ends_in_a_pause(bench: Bench) -> None:
    """After the grace of a failed write: nobody may resume the reading."""
    bench.lane.pause_reading()
    assert bench.below.events.sending_failed(OSError()) == bench.events.grace
    bench.below.events.ended(anyio.BrokenResourceError())
    assert bench.events.told == ["sending failed", "ended"]


async def test_what_the_stream_had_decrypted() -> None:
    """It comes first; in a pause it waits, and so does all that is behind."""
    async with opened("tls") as (stream, peer), anyio.create_task_group() as tasks:
        peer.sendall(b"abcdef")
        assert await stream.receive(2) == b"ab"
        peer.sendall(b"ghi")
        await passes()
        events = Events()
        lane = lane_of(stream, events)
        lane.pause_reading()
        tasks.start_soon(lane.run)
        await passes()
        assert events.told == []
        lane.resume_reading()
        assert events.told == []
        await until(lambda: events.data == b"cdefghi")
        assert events.ends == []
        lane.stop()


async def test_stopped_before_what_was_decrypted_is_delivered() -> None:
    """`run` returns, and nothing is delivered."""
    bench = Bench()
    bench.state.incoming.write(bench.peer.encrypted(b"kept"))
    bench.lane.pause_reading()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.lane.run)
            await passes()
            bench.lane.stop()
    assert bench.events.told == []


# -- sending ------------------------------------------------------------------------------------


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


# -- health -------------------------------------------------------------------------------------


class Idle:
    """A connection that is idle."""

    closed = False
    reason = ""

    def close(self, reason: str, cause: BaseException | None = None, *, late: bool = False) -> None:
        """Note it."""
        self.closed, self.reason = True, reason


async def test_nothing_said_costs_no_pass() -> None:
    """Whatever arrived is decrypted at once, so a look at the socket is enough."""
    async with running("tls") as run:
        assert not Hearing(Idle(), run.stream).goes_on()


async def test_readable_is_not_dead() -> None:
    """G6: a record without data is read, and the connection is good."""
    ours, other = tcp_pair()
    peer, idle, events = TLSPeer(), Idle(), Events()
    stream = await stream_over(ours)
    async with stream, anyio.create_task_group() as tasks:
        encrypted: list[EncryptedStream] = []

        async def call() -> None:
            encrypted.append(await EncryptedStream.over(stream, contexts().client, "localhost"))

        tasks.start_soon(call)
        greeting = await anyio.to_thread.run_sync(other.recv, 65536)
        other.sendall(peer.shake(greeting))
        await until(lambda: encrypted)
        lane = lane_of(encrypted[0], events)
        tasks.start_soon(lane.run)
        await passes()
        other.sendall(peer.shake(other.recv(65536)))  # session tickets
        hearing, looks = Hearing(idle, encrypted[0]), 0
        while hearing.goes_on():
            looks += 1
            await anyio.lowlevel.checkpoint()
        assert 1 <= looks < 8, "the socket was readable, and is not any more"
        assert not idle.closed
        assert events.told == []
        other.close()
        hearing = Hearing(idle, encrypted[0])
        while hearing.goes_on():
            await anyio.lowlevel.checkpoint()
        assert idle.closed or events.ends, "this was the end"
        lane.stop()
