"""Tests of `anyredis.connection.asyncio_stream`: what is special to asyncio and uvloop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import socket
from typing import Any

import anyio
import pytest

from anyredis.connection.asyncio_stream import AsyncioStream, BufferedLane
from anyredis.connection.lane import lane_of
from anyredis.connection.receive_buffer import receive_buffer
from tests.conftest import BACKENDS
from tests.connection.lanes import (
    LANE_KINDS,
    Events,
    LaneKind,
    opened,
    passes,
    reset,
    running,
    until,
)

pytestmark = pytest.mark.parametrize(
    "anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]], ids=["asyncio", "uvloop"]
)

MARK: contextvars.ContextVar[str] = contextvars.ContextVar("MARK", default="none")


async def test_a_transport_is_full_with_one_byte() -> None:
    """The low mark is 0 and the high mark is not: TLS of asyncio would never get on with 0."""
    async with opened("direct") as (stream, _):
        assert isinstance(stream, AsyncioStream)
        transport: Any = stream._transport
        assert transport.get_write_buffer_limits() == (0, 1)


async def test_a_shared_buffer_is_only_for_loops_that_receive_in_their_own_step() -> None:
    """G1: any other loop gets a lane that receives no bytes of another connection."""
    is_asyncio = isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
    async with running("direct") as run:
        assert isinstance(run.lane, BufferedLane) is is_asyncio


async def test_calls_are_made_in_the_next_turn() -> None:
    """G2: never in the step that asks for it, also if the request is alone."""
    async with running("direct") as run:
        called: list[str] = []
        run.lane.now_or_soon(lambda: called.append("call"))
        assert called == []
        await anyio.lowlevel.checkpoint()
        assert called == ["call"]


async def test_calls_have_the_context_of_the_lane() -> None:
    """Not that of the caller, whose variables concern nobody else."""
    async with running("direct") as run:
        seen: list[str] = []
        MARK.set("the caller's")
        run.lane.soon(lambda: seen.append(MARK.get()))
        await passes(1)
        assert seen == ["none"]


async def test_a_transport_that_ignores_a_pause() -> None:
    """What it delivers nevertheless is kept, in order."""
    async with running("direct") as run:
        lane: Any = run.lane
        lane.pause_reading()
        lane.data_received(b"a")
        if isinstance(lane, BufferedLane):
            receive_buffer()[:1] = b"b"
            lane.buffer_updated(1)
            receive_buffer()[:1] = b"x"
        else:
            lane.data_received(b"b")
        assert run.events.data == b""
        lane.resume_reading()
        lane.data_received(b"c")
        assert run.events.data == b"", "it is delivered later, behind the others"
        run.peer.sendall(b"d")
        await until(lambda: run.events.data == b"abcd")


async def test_what_the_transport_says_after_the_stop() -> None:
    """An end, and bytes that came in spite of the pause, are told to nobody."""
    async with running("direct") as run:
        lane: Any = run.lane
        lane.stop()
        lane.data_received(b"late")
        lane.eof_received()
        lane.connection_lost(None)
        await passes()
        assert run.events.told == []


async def test_a_lane_whose_stream_has_bytes_left() -> None:
    """G13: it is full until the peer has taken what a cancelled `send` has left."""
    async with opened("direct") as (stream, peer), anyio.create_task_group() as tasks:
        with anyio.move_on_after(0.05) as scope:
            await stream.send(bytes(30_000_000))
        assert scope.cancelled_caught
        events = Events()
        lane = lane_of(stream, events)
        tasks.start_soon(lane.run)
        await passes()
        assert lane.full
        assert events.writables == 0
        got = 0
        while got < 30_000_000:
            got += len(await anyio.to_thread.run_sync(peer.recv, 1_000_000))
        await until(lambda: events.writables)
        assert not lane.full
        lane.stop()


@pytest.mark.parametrize("kind", LANE_KINDS)
async def test_closing_in_the_middle_of_a_write(kind: LaneKind) -> None:
    """The event loop is told of no error, neither by a plain stream nor by TLS."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    for ends in (reset, socket.socket.close):
        async with running(kind) as run:
            run.lane.soon(lambda run=run: run.lane.write(bytes(30_000_000)))  # type: ignore[misc]
            await passes(3)
            ends(run.peer)
            run.peer.close()
            run.lane.stop()
            await run.stream.aclose()
        await passes()
    gc.collect()
    assert told == []
