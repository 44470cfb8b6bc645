"""Tests of `anyredis.connection.lane`: the same promises on each lane of each event loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import anyio
import pytest
from anyio.abc import ByteStream

from anyredis.connection.asyncio_stream import AsyncioLane
from anyredis.connection.direct_streams import stream_over
from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.lane import StreamLane, lane_of
from anyredis.connection.tls_lane import TLSLane
from anyredis.connection.trio_stream import TrioLane
from tests.connection.lanes import (
    LANE_KINDS,
    Events,
    LaneKind,
    Plain,
    Running,
    opened,
    passes,
    reset,
    running,
    send_all_it_takes,
    takes_more,
    tcp_pair,
    until,
)

on_each_lane = pytest.mark.parametrize("kind", LANE_KINDS)

LARGE = bytes(range(256)) * 4096 * 12
"""More than the sockets hold."""


def write_all(run: Running, data: bytes) -> Callable[[], None]:
    """A call that writes *data* in pieces, and no more while the lane is full."""
    rest = [data[begin : begin + 100_000] for begin in range(0, len(data), 100_000)]

    def write() -> None:
        while rest and takes_more(run.lane, rest.pop(0)):
            pass

    run.events.on_writable = write
    return write


async def test_the_lane_is_chosen_by_what_the_stream_brings() -> None:
    """A stream of ours has a direct lane, any other the lane of two tasks."""
    ours, peer = tcp_pair()
    stream = await stream_over(ours)
    async with stream:
        assert isinstance(lane_of(stream, Events()), (AsyncioLane, TrioLane))
        assert isinstance(lane_of(Plain(stream), Events()), StreamLane)
    peer.close()
    async with opened("tls") as (encrypted, _):
        assert isinstance(lane_of(encrypted, Events()), TLSLane)


# -- bytes --------------------------------------------------------------------------------------


@on_each_lane
async def test_bytes_arrive_once_and_in_order(kind: LaneKind) -> None:
    """In both directions at once, also if the peer reads slowly."""
    async with running(kind) as run:
        got = bytearray()

        def echo() -> None:
            while len(got) < len(LARGE):
                got.extend(run.peer.recv(65536))
            run.peer.sendall(got)

        other = threading.Thread(target=echo)
        other.start()
        run.lane.soon(write_all(run, LARGE))
        await until(lambda: len(run.events.data) >= len(LARGE))
        other.join()
        assert got == LARGE
        assert run.events.data == LARGE
        assert run.events.ends == []


@on_each_lane
async def test_what_was_received_before_is_delivered_first(kind: LaneKind) -> None:
    """Bytes that the stream had when the lane took over come before those behind them."""
    async with opened(kind) as (stream, peer), anyio.create_task_group() as tasks:
        peer.sendall(b"abcdef")
        assert await stream.receive(2) == b"ab"
        await passes()
        events = Events()
        lane = lane_of(stream, events)
        await passes()
        assert events.told == [], "nothing is delivered before it runs"
        tasks.start_soon(lane.run)
        await until(lambda: events.data == b"cdef")
        peer.sendall(b"ghi")
        await until(lambda: events.data == b"cdefghi")
        lane.stop()


@on_each_lane
@pytest.mark.parametrize("end", ["closes", "resets"])
async def test_an_end_before_it_takes_over(kind: LaneKind, end: str) -> None:
    """The bytes before it are delivered, then the end is told, once."""
    async with opened(kind) as (stream, peer):
        peer.sendall(b"-ERR max number of clients reached\r\n")
        await passes()
        if end == "closes":
            peer.close()
        else:
            reset(peer)
        await passes()
        events = Events()
        with anyio.fail_after(10):
            await lane_of(stream, events).run()
        if end == "closes":
            assert events.data == b"-ERR max number of clients reached\r\n"
            assert isinstance(events.ends[0], anyio.EndOfStream)
        assert events.told[-1] == "ended"
        assert len(events.ends) == 1


# -- full ---------------------------------------------------------------------------------------


@on_each_lane
async def test_a_full_lane_says_when_it_takes_more(kind: LaneKind) -> None:
    """G13: it is full while the peer does not read; `writable` comes once afterwards."""
    async with running(kind) as run:
        written = 0
        full = anyio.Event()

        def write() -> None:
            nonlocal written
            while written < 400 and takes_more(run.lane, LARGE[:CHUNK]):
                written += 1
            written += 1
            full.set()

        def stay() -> None:
            if kind.endswith("tasks") and written * CHUNK < len(LARGE):
                write()  # a lane of tasks is full after each write

        run.events.on_writable = stay
        run.lane.soon(write)
        await full.wait()
        assert written < 400, "more than the sockets hold"
        await passes()
        before = run.events.writables
        await passes()
        assert run.events.writables == before, "it is full, and says nothing"
        size = written * CHUNK
        got = 0
        while got < size:
            got += len(await anyio.to_thread.run_sync(run.peer.recv, 1_000_000))
            size = written * CHUNK
        await passes()
        assert got == size
        assert run.events.writables >= 1
        if not kind.endswith("tasks"):
            assert run.events.writables == 1


@on_each_lane
async def test_a_write_that_the_socket_takes_in_parts(kind: LaneKind) -> None:
    """G13: all of it is sent, and `writable` comes once, when nothing of it is left."""
    async with running(kind) as run:

        def write() -> None:
            run.lane.write(LARGE)

        run.lane.soon(write)
        got = bytearray()
        while len(got) < len(LARGE):
            got += await anyio.to_thread.run_sync(run.peer.recv, 100_000)
        await until(lambda: run.events.writables)
        await passes()
        assert got == LARGE
        assert run.events.writables == 1
        assert not run.lane.full


@on_each_lane
async def test_a_call_in_a_call_comes_behind_the_sockets(kind: LaneKind) -> None:
    """What the peer has said is delivered between both calls, so a flush cannot overtake it."""
    async with running(kind) as run:
        heard: list[bytes] = []

        def again(times: int) -> None:
            heard.append(bytes(run.events.data))
            if times:
                run.lane.soon(lambda: again(times - 1))

        def first() -> None:
            run.peer.sendall(b"said")
            again(8)

        run.lane.soon(first)
        await until(lambda: len(heard) == 9)
        assert heard[0] == b""
        assert heard[-1] == b"said"


# -- pauses -------------------------------------------------------------------------------------


@on_each_lane
async def test_nothing_is_delivered_in_a_pause(kind: LaneKind) -> None:
    """G13: the bytes stay with the peer, but for one piece; `resume_reading` lets them come."""
    async with running(kind) as run:
        run.lane.pause_reading()
        sent = await anyio.to_thread.run_sync(send_all_it_takes, run.peer)
        assert sent < 100 * CHUNK, "more than the sockets hold"
        assert run.events.told == []
        run.lane.resume_reading()
        assert run.events.told == [], "not inside this call"
        await until(lambda: len(run.events.data) >= sent)


@on_each_lane
async def test_a_pause_in_a_delivery(kind: LaneKind) -> None:
    """A connection that pauses for each piece gets one at a time."""
    async with running(kind) as run:
        run.events.on_received = run.lane.pause_reading
        for number in range(1, 5):
            run.peer.sendall(b"%d" % number)
            await until(lambda: len(run.events.data) == number)  # noqa: B023 - waited for here
            run.peer.sendall(b"-" * 0)
            await passes()
            assert len(run.events.data) == number
            run.lane.resume_reading()
        assert run.events.data == b"1234"


@on_each_lane
async def test_a_pause_before_it_runs(kind: LaneKind) -> None:
    """What was kept stays kept until the reading is resumed, and so does the end."""
    async with opened(kind) as (stream, peer), anyio.create_task_group() as tasks:
        peer.sendall(b"kept")
        await passes()
        peer.close()
        events = Events()
        lane = lane_of(stream, events)
        lane.pause_reading()
        tasks.start_soon(lane.run)
        await passes()
        assert events.told == []
        lane.resume_reading()
        await until(lambda: events.ends)
        assert events.data == b"kept"


# -- the end ------------------------------------------------------------------------------------


@on_each_lane
@pytest.mark.parametrize("end", ["closes", "resets"])
async def test_the_end_is_told_once(kind: LaneKind, end: str) -> None:
    """Behind all bytes; then `run` returns, and later calls are harmless."""
    async with opened(kind) as (stream, peer):
        events = Events()
        lane = lane_of(stream, events)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lane.run)
            peer.sendall(b"last")
            await until(lambda: events.data)
            if end == "closes":
                peer.close()
            else:
                reset(peer)
        assert events.data == b"last"
        assert len(events.ends) == 1
        expected = anyio.EndOfStream if end == "closes" else anyio.BrokenResourceError
        assert isinstance(events.ends[0], expected)
        lane.resume_reading()
        lane.stop()
        await passes()
        assert len(events.ends) == 1


@on_each_lane
async def test_words_before_a_reset_are_heard(kind: LaneKind) -> None:
    """G1, G11: what had arrived is delivered, though a write has failed before it was read."""
    for _ in range(10):
        async with running(kind) as run:

            def late(run: Running = run) -> None:
                run.peer.sendall(b"-ERR max number of clients reached\r\n")
                reset(run.peer)
                run.lane.write(b"PING\r\n")

            run.lane.soon(late)
            await until(run.events.has_ended)
            assert run.events.data == b"-ERR max number of clients reached\r\n"
            assert len(run.events.ends) == 1


@on_each_lane
async def test_a_write_that_fails_in_a_pause(kind: LaneKind) -> None:
    """The end is told after the grace, even if nobody resumes the reading."""
    async with running(kind) as run:
        run.lane.pause_reading()

        def late() -> None:
            reset(run.peer)
            run.lane.write(b"PING\r\n")

        run.lane.soon(late)
        await until(lambda: run.events.ends)
        assert len(run.events.ends) == 1
        if not kind.endswith("tasks"):  # a task that receives already gets the end before
            assert run.events.told == ["sending failed", "ended"]
            assert isinstance(run.events.ends[0], anyio.BrokenResourceError)


@on_each_lane
async def test_cancelling_it_ends_it(kind: LaneKind) -> None:
    """G8: `run` raises the cancellation, and nothing is delivered any more."""
    async with opened(kind) as (stream, peer):
        events = Events()
        lane = lane_of(stream, events)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lane.run)
            await passes()
            tasks.cancel_scope.cancel()
        peer.sendall(b"late")
        await passes()
        assert events.data == b""


@on_each_lane
async def test_stopping_in_a_delivery(kind: LaneKind) -> None:
    """G3, G13: no piece follows, however much has arrived."""
    async with running(kind) as run:
        run.events.on_received = run.lane.stop
        other = threading.Thread(target=send_quietly, args=(run.peer, LARGE))
        other.start()
        await until(lambda: run.events.data)
        await passes()
        assert run.events.told == ["received"]
        with suppress(OSError):
            socket.socket.shutdown(run.peer, socket.SHUT_RDWR)
        other.join()


def send_quietly(peer: socket.socket, data: bytes) -> None:
    """Send *data* until nobody takes it."""
    with suppress(OSError):
        peer.sendall(data)


class Eager(ByteStream):
    """A stream whose `receive` always has bytes, and never lets the event loop run."""

    def __init__(self) -> None:
        self.receives = 0

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """A byte at once."""
        self.receives += 1
        assert self.receives < 1000
        return b"x"

    async def send(self, item: bytes) -> None:
        """Nothing."""

    async def send_eof(self) -> None:
        """Nothing."""

    async def aclose(self) -> None:
        """Nothing."""


async def test_a_stream_that_never_yields_is_not_read_past_the_stop() -> None:
    """G3: a connection that was closed in a delivery receives nothing more."""
    stream, events = Eager(), Events()
    lane = lane_of(stream, events)

    def received() -> None:
        if len(events.data) == 5:
            lane.stop()

    events.on_received = received
    await lane.run()
    assert stream.receives == 5
