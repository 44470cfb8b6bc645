"""Tests of `anyredis.connection.direct_streams`: the streams are ordinary ones until attached."""

from __future__ import annotations

import socket
import threading
from functools import partial

import anyio
import pytest
import sniffio
from anyio.abc import ByteStream

from anyredis.connection.asyncio_stream import AsyncioStream
from anyredis.connection.direct_streams import stream_over
from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.lane import LaneStream
from anyredis.connection.trio_stream import TrioStream
from tests.connection.lanes import LaneKind, opened, passes, reset, tcp_pair, until

on_each_stream = pytest.mark.parametrize("kind", ["direct", "tls"])

LARGE = bytes(range(256)) * 4096 * 12
"""More than the sockets hold."""


async def test_each_event_loop_has_its_own() -> None:
    """One over asyncio's transports, one over trio's sockets."""
    async with opened("direct") as (stream, _):
        kind = TrioStream if sniffio.current_async_library() == "trio" else AsyncioStream
        assert isinstance(stream, kind)


@on_each_stream
async def test_sending_and_receiving(kind: LaneKind) -> None:
    """All bytes, in order; never more than were asked for."""
    async with opened(kind) as (stream, peer), anyio.create_task_group() as tasks:
        got = bytearray()

        def echo() -> None:
            while len(got) < len(LARGE):
                got.extend(peer.recv(65536))
            peer.sendall(got)

        other = threading.Thread(target=echo)
        other.start()
        tasks.start_soon(stream.send, LARGE)
        back = bytearray()
        while len(back) < len(LARGE):
            piece = await stream.receive(1000_000)
            assert 0 < len(piece) <= 1000_000
            back += piece
        other.join()
        assert got == back == LARGE


async def test_what_nobody_reads_stays_with_the_peer() -> None:
    """G13: not more than two pieces are kept."""
    async with opened("direct") as (stream, peer):
        peer.setblocking(False)
        sent = 0
        for _ in range(200):
            try:
                sent += peer.send(LARGE[:CHUNK])
            except BlockingIOError:
                await passes(1)
        if isinstance(stream, AsyncioStream):
            assert stream._kept.size < 2 * CHUNK
            assert stream._kept.size < sent
        received = 0
        while received < sent:
            received += len(await stream.receive(CHUNK))


@on_each_stream
@pytest.mark.parametrize("end", ["closes", "resets"])
async def test_the_end(kind: LaneKind, end: str) -> None:
    """Those who receive get what came before, then the end each time."""
    async with opened(kind) as (stream, peer):
        peer.sendall(b"last")
        assert await stream.receive() == b"last"
        if end == "closes":
            peer.close()
        else:
            reset(peer)
        expected = anyio.EndOfStream if end == "closes" else anyio.BrokenResourceError
        with pytest.raises(expected):
            await stream.receive()
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()


@on_each_stream
async def test_words_before_a_reset_are_received(kind: LaneKind) -> None:
    """Though a send has failed before they were read; later sends fail."""
    for _ in range(10):
        async with opened(kind) as (stream, peer):
            peer.sendall(b"-ERR max number of clients reached\r\n")
            reset(peer)
            with pytest.raises(anyio.BrokenResourceError):
                await send_for_ever(stream)
            assert await stream.receive() == b"-ERR max number of clients reached\r\n"


async def send_for_ever(stream: ByteStream) -> None:
    """Send until that fails; the first failure may be noticed by the second send only."""
    while True:
        await stream.send(b"PING\r\n")


@on_each_stream
async def test_closing_it_while_others_wait(kind: LaneKind) -> None:
    """Both get `ClosedResourceError`, and so do later calls; the peer sees the end."""
    async with opened(kind) as (stream, peer):
        failed: list[str] = []

        async def receive() -> None:
            with pytest.raises(anyio.ClosedResourceError):
                await stream.receive()
            failed.append("receive")

        async def send() -> None:
            with pytest.raises(anyio.ClosedResourceError):
                await stream.send(LARGE)
            failed.append("send")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            tasks.start_soon(send)
            await passes()
            assert failed == []
            await stream.aclose()
        await receive()
        await send()
        assert sorted(failed) == ["receive", "receive", "send", "send"]
        await stream.aclose()
        await anyio.to_thread.run_sync(read_to_the_end, peer)


def read_to_the_end(peer: socket.socket) -> None:
    """Read until the other end is closed, in whatever way."""
    try:
        while peer.recv(1_000_000):
            pass
    except ConnectionResetError:
        pass


@on_each_stream
async def test_two_who_receive(kind: LaneKind) -> None:
    """The second is refused, as by anyio's own streams."""
    async with opened(kind) as (stream, peer), anyio.create_task_group() as tasks:
        tasks.start_soon(stream.receive)
        await passes()
        with pytest.raises(anyio.BusyResourceError):
            await stream.receive()
        peer.sendall(b"x")


@on_each_stream
async def test_cancelling_a_receive_loses_nothing(kind: LaneKind) -> None:
    """What arrives meanwhile is for the next."""
    async with opened(kind) as (stream, peer):
        for number in range(20):
            with anyio.move_on_after(0.001 * (number % 3)):
                await stream.receive(1)
            peer.sendall(b"%d" % (number % 10))
            await passes(1)
            assert await stream.receive(1) == b"%d" % (number % 10)


async def test_half_closing() -> None:
    """The peer sees the end, and can still answer."""
    async with opened("direct") as (stream, peer):
        await stream.send(b"question")
        await stream.send_eof()
        assert await anyio.to_thread.run_sync(peer.recv, 100) == b"question"
        assert await anyio.to_thread.run_sync(peer.recv, 100) == b""
        peer.sendall(b"answer")
        assert await stream.receive() == b"answer"


async def test_a_socket_that_cannot_be_handed_over() -> None:
    """It is closed, and the error is raised; trio takes any."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if sniffio.current_async_library() == "trio":
        sock.close()
        return
    with pytest.raises(ValueError, match="tream"):
        await stream_over(sock)
    assert sock.fileno() < 0


def is_closed(sock: socket.socket) -> bool:
    """Whether *sock* is closed."""
    return sock.fileno() < 0


async def test_handing_over_is_cancelled() -> None:
    """G8: at each step: the peer sees the end."""
    for steps in range(6):
        ours, peer = tcp_pair()
        got: list[LaneStream] = []

        async def hand_over(ours: socket.socket = ours, got: list[LaneStream] = got) -> None:
            got.append(await stream_over(ours))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hand_over)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        for stream in got:
            await stream.aclose()
        if steps or got:
            await until(partial(is_closed, ours))
            assert await anyio.to_thread.run_sync(peer.recv, 10) == b""
        ours.close()
        peer.close()
