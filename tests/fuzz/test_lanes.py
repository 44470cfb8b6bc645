"""Streams of all types through each lane: cut anywhere, in pauses, between cancellations, to any end."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from anyredis import BaseConnection, ConnectionError, ProtocolError
from anyredis.wire.decode import UNDECODABLE, Reply
from anyredis.wire.request import Request
from tests.connection.lanes import LANE_KINDS, LaneKind, opened, reset
from tests.contract.rotation import examples
from tests.fuzz.test_wire import stream
from tests.wire.notes import ask, session

on_each_lane = pytest.mark.parametrize("kind", LANE_KINDS)

SIZES = [1, 100, 20_000, 400_000]
"""The lengths of arguments; the last is more than a piece of any lane."""


class Ear:
    """A listener that notes pushes and losses."""

    def __init__(self) -> None:
        self.pushes: list[list[Reply]] = []
        self.losses: list[str] = []

    def ready(self, connection: BaseConnection, /) -> None:
        """Nothing."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Note it."""
        self.pushes.append(message)

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Note it."""
        self.losses.append(reason)


class OverStream(BaseConnection):
    """A connection over *stream*, without a handshake."""

    def __init__(self, stream: ByteStream, listener: Ear, encoding: str | None) -> None:
        decodes = encoding is not None
        super().__init__(protocol=2, lib_name=None, decode_responses=decodes, stream_timeout=None)
        self.listeners = (listener,)
        self._given = stream

    async def open_stream(self) -> ByteStream:
        """The stream."""
        return self._given


class Wire(NamedTuple):
    """A connection that serves, its listener, and the other end of its socket."""

    connection: OverStream
    ear: Ear
    peer: socket.socket
    encoding: str | None


@asynccontextmanager
async def wire_of(kind: LaneKind, dice: random.Random) -> AsyncGenerator[Wire]:
    """A connection on a lane of *kind*."""
    ear, encoding = Ear(), dice.choice([None, "utf-8"])
    async with opened(kind) as (given, peer), anyio.create_task_group() as tasks:
        connection = OverStream(given, ear, encoding)
        await connection.connect()
        tasks.start_soon(connection.serve)
        yield Wire(connection, ear, peer, encoding)
        connection.close("the test is over")
    UNDECODABLE.clear()


class Expected(NamedTuple):
    """What the bytes mean, without any lane."""

    answers: list[list[Any]]
    pushes: list[Any]


def expected(data: bytes, counts: list[int], encoding: str | None) -> Expected:
    """The answers and the pushes in *data*; no answer to a request whose replies are not complete."""
    pushes: list[Any] = []
    queue = session(encoding, pushes=pushes)
    notes = [ask(queue, b"x", None if count == 1 else count)[1] for count in counts]
    queue.take(0)
    queue.feed(data)
    return Expected([note.answers for note in notes], pushes)


async def send_requests(wire: Wire, counts: list[int], dice: random.Random) -> list[Request]:
    """Requests, of which the peer has got every byte."""
    connection, payload, requests = wire.connection, b"", list[Request]()
    for count in counts:
        words = (b"ECHO", dice.randbytes(dice.choice(SIZES)))
        packed = connection.pack(words) * count
        payload += packed
        if count == 1:
            requests.append(connection.enqueue_later(words))
        else:
            requests.append(connection.enqueue_many(packed, count, binary=False))
    assert await anyio.to_thread.run_sync(read_exactly, wire.peer, len(payload)) == payload
    return requests


def read_exactly(peer: socket.socket, size: int) -> bytes:
    """*size* bytes, all that has arrived."""
    got = bytearray()
    while len(got) < size:
        got += peer.recv(65536)
    return bytes(got)


class Answers:
    """Tasks that wait for answers, each of which may be cancelled."""

    def __init__(self, wire: Wire, requests: list[Request]) -> None:
        self.found: list[Any] = [None for _ in requests]
        self._wire = wire
        self._requests = requests
        self._scopes = [anyio.CancelScope() for _ in requests]

    async def wait(self, number: int) -> None:
        """Wait for one answer."""
        with self._scopes[number]:
            answer = await self._wire.connection.answer(self._requests[number])
            self.found[number] = [answer]

    def cancel_one(self, dice: random.Random) -> None:
        """Cancel one, which may have its answer already."""
        dice.choice(self._scopes).cancel()

    def check(self, wanted: list[list[Any]], *, whole: bool) -> None:
        """Each is that of its request, or was cancelled, or its connection was lost before.

        If not *whole*, an answer that had arrived may be lost too.
        """
        behind_a_loss = False
        for found, scope, want in zip(self.found, self._scopes, wanted, strict=True):
            if found is None:
                assert scope.cancel_called
            elif want and (whole or not isinstance(found[0], ConnectionError)):
                assert not behind_a_loss, "answers are given in order"
                assert repr(found) == repr(want)
            else:
                behind_a_loss = True
                assert isinstance(found[0], (ConnectionError, ProtocolError))


async def send_cut(wire: Wire, data: bytes, dice: random.Random) -> None:
    """Send *data* in pieces, with and without time between them."""
    ends = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(12)))
    for begin, end in zip([0, *ends], [*ends, len(data)], strict=True):
        await anyio.to_thread.run_sync(wire.peer.sendall, data[begin:end])
        if dice.random() < 0.3:
            await anyio.sleep(0.001)


async def disturb(wire: Wire, answers: Answers, dice: random.Random) -> None:
    """Pause and resume the reading, and cancel requests."""
    for _ in range(dice.randrange(6)):
        match dice.randrange(3):
            case 0:
                answers.cancel_one(dice)
            case 1:
                wire.connection.pause_reading()
                for _ in range(dice.randrange(4)):
                    await anyio.lowlevel.checkpoint()
                wire.connection.resume_reading()
            case _:
                await anyio.lowlevel.checkpoint()


@on_each_lane
async def test_own_answers_on_each_lane(kind: LaneKind, dice: random.Random, cases: int) -> None:
    """G1, G3: each request gets its own replies and each push is heard once, whatever the cut."""
    for _ in range(examples(cases // 10)):
        async with wire_of(kind, dice) as wire:
            for _ in range(dice.randrange(1, 6)):
                counts, data = stream(dice)
                wanted = expected(data, counts, wire.encoding)
                wire.ear.pushes.clear()
                answers = Answers(wire, await send_requests(wire, counts, dice))
                async with anyio.create_task_group() as tasks:
                    for number in range(len(counts)):
                        tasks.start_soon(answers.wait, number)
                    tasks.start_soon(disturb, wire, answers, dice)
                    await send_cut(wire, data, dice)
                with anyio.fail_after(10):
                    while wire.connection.wire.inflight:
                        await anyio.sleep(0.001)
                answers.check(wanted.answers, whole=True)
                assert repr(wire.ear.pushes) == repr(wanted.pushes)
            assert wire.connection.usable
            assert wire.ear.losses == []


@on_each_lane
async def test_any_end_on_each_lane(kind: LaneKind, dice: random.Random, cases: int) -> None:
    """G1, G11, G12: what came before the end is answered, all else fails, and it is told once."""
    ways = ["closes", "resets"]
    if kind.startswith("tls"):
        ways += ["close_notify", "tampered"]
    for _ in range(examples(cases // 10)):
        async with wire_of(kind, dice) as wire:
            way = dice.choice(ways)
            counts, data = stream(dice)
            data = data[: dice.randrange(len(data) + 1)]
            wanted = expected(data, counts, wire.encoding)
            answers = Answers(wire, await send_requests(wire, counts, dice))
            async with anyio.create_task_group() as tasks:
                for number in range(len(counts)):
                    tasks.start_soon(answers.wait, number)
                tasks.start_soon(disturb, wire, answers, dice)
                await send_cut(wire, data, dice)
                end(wire.peer, way, dice)
                with anyio.fail_after(10):
                    while not wire.connection.closed:
                        await anyio.sleep(0.001)
            answers.check(wanted.answers, whole=way != "resets")
            assert len(wire.ear.losses) == 1
            if way != "resets":
                assert repr(wire.ear.pushes) == repr(wanted.pushes)


def end(peer: socket.socket, way: str, dice: random.Random) -> None:
    """End it from the other side in that *way*."""
    if way == "closes":
        peer.close()
    elif way == "resets":
        reset(peer)
    elif way == "close_notify":
        assert isinstance(peer, ssl.SSLSocket)
        peer.setblocking(False)
        with suppress(ssl.SSLWantReadError):
            peer.unwrap()
    else:  # below TLS
        socket.socket.sendall(peer, b"\x17\x03\x03\x00\x28" + dice.randbytes(40))
