"""Tests of `anyredis.connection.tls_lane`: what arrives, pauses, and looks at an idle connection."""

from __future__ import annotations

import ssl

import anyio
import pytest

from anyredis.connection.direct_streams import stream_over
from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.health import Hearing
from anyredis.connection.lane import lane_of
from anyredis.connection.tls_lane import EncryptedStream, TLSLane, TLSState
from tests.connection.lanes import Events, contexts, opened, passes, running, tcp_pair, until
from tests.connection.tls_bench import LARGE, Bench, LaneBelow
from tests.connection.tls_peer import TLSPeer

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
