"""Tests of `anyredis.connection.trio_stream`: what is sent in the step of the caller, and what not."""

from __future__ import annotations

import time

import anyio
import pytest
import trio

from tests.conftest import BACKENDS
from tests.connection.lanes import passes, running, takes_more, until

pytestmark = pytest.mark.parametrize("anyio_backend", [BACKENDS["trio"]], ids=["trio"])


async def test_a_call_that_is_alone_is_made_at_once() -> None:
    """Any other is made by the writer task."""
    async with running("direct") as run:
        called: list[str] = []
        run.lane.now_or_soon(lambda: called.append("alone"))
        assert called == ["alone"]
        run.lane.soon(lambda: called.append("with others"))
        assert called == ["alone"]
        await until(lambda: called == ["alone", "with others"])


@pytest.mark.parametrize("how", ["cancelled", "deadline", "outer deadline"])
async def test_not_for_a_caller_that_is_about_to_be_cancelled(how: str) -> None:
    """G2: a cancellation that was delivered is seen before the call, and so is a deadline."""
    async with running("direct") as run:
        called: list[str] = []
        with anyio.CancelScope() as outer, anyio.CancelScope() as inner:
            if how == "cancelled":
                outer.cancel()
            else:
                scope = outer if how == "outer deadline" else inner
                scope.deadline = anyio.current_time() + 0.001
                time.sleep(0.002)  # noqa: ASYNC251 - the event loop has not seen it yet
            run.lane.now_or_soon(lambda: called.append("call"))
            assert called == []
            await anyio.lowlevel.checkpoint()
        await until(lambda: called)


async def test_not_while_bytes_are_delivered() -> None:
    """The connection is in the middle of its replies then."""
    async with running("direct") as run:
        order: list[str] = []

        def received() -> None:
            run.lane.now_or_soon(lambda: order.append("call"))
            order.append("delivered")

        run.events.on_received = received
        run.peer.sendall(b"x")
        await until(lambda: len(order) == 2)
        assert order == ["delivered", "call"]


async def test_not_outside_of_a_task() -> None:
    """Nobody knows a deadline there."""
    async with running("direct") as run:
        order: list[str] = []

        class Callback(trio.abc.Instrument):
            def after_io_wait(self, timeout: float) -> None:
                trio.lowlevel.remove_instrument(self)
                run.lane.now_or_soon(lambda: order.append("call"))
                order.append("callback")

        trio.lowlevel.add_instrument(Callback())
        await until(lambda: len(order) == 2)
        assert order == ["callback", "call"]


async def test_a_failure_at_once_is_told_later() -> None:
    """`write` raises nothing in the step of the caller, and takes no more."""
    async with running("direct") as run:
        run.stream._sock.shutdown(1)  # type: ignore[attr-defined]
        assert not takes_more(run.lane, b"PING\r\n")
        assert run.events.told == []
        await until(lambda: run.events.ends)
        assert run.events.told == ["sending failed", "ended"]
        await passes()
        assert len(run.events.ends) == 1
