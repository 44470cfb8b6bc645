"""Tests of `anyredis.waiter`: waiters behave the same on every event loop."""

from __future__ import annotations

import functools

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from anyredis.waiter import EventLoop, Waiter, clock, waiter_factory
from tests.blocked_tasks import all_tasks_blocked


async def test_an_answer_wakes_the_waiting_task() -> None:
    """The task gets the answer."""
    waiter = waiter_factory()()
    found: list[object] = []

    async def wait() -> None:
        found.append(await waiter)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await all_tasks_blocked()
        assert not waiter.done()
        waiter.set_result("answer")
        assert waiter.done()
        assert not waiter.cancelled()
        assert waiter.result() == "answer"
    assert found == ["answer"]


async def test_an_answer_that_came_before() -> None:
    """A task that awaits the waiter later does not wait."""
    waiter = waiter_factory()()
    waiter.set_result(None)
    with anyio.fail_after(5):
        assert await waiter is None


@pytest.mark.parametrize("early", [True, False])
async def test_a_cancellation_marks_it(early: bool) -> None:
    """A waiter whose task was cancelled is done and cancelled, before it waited or later."""
    waiter = waiter_factory()()
    with anyio.CancelScope() as scope:
        if early:
            scope.cancel()
            await waiter
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_once_blocked, scope)
            await waiter
    assert scope.cancelled_caught
    assert waiter.done()
    assert waiter.cancelled()


async def _cancel_once_blocked(scope: anyio.CancelScope) -> None:
    await all_tasks_blocked()
    scope.cancel()


async def test_an_answer_and_a_cancellation_in_one_turn() -> None:
    """The first of them counts: an answer that was set first can be read."""
    waiter = waiter_factory()()
    outcome: list[str] = []

    async def wait() -> None:
        try:
            await waiter
        except BaseException:
            outcome.append("cancelled")
            raise
        outcome.append("answered")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await all_tasks_blocked()
        waiter.set_result("answer")
        tasks.cancel_scope.cancel()
    assert waiter.done()
    assert not waiter.cancelled()
    assert waiter.result() == "answer"
    assert outcome in (["answered"], ["cancelled"])


async def test_many_at_once() -> None:
    """Each is woken by its answer."""
    make = waiter_factory()
    waiters: list[Waiter] = [make() for _ in range(100)]
    found: dict[int, object] = {}

    async def wait(number: int) -> None:
        found[number] = await waiters[number]

    async with anyio.create_task_group() as tasks:
        for number in range(100):
            tasks.start_soon(wait, number)
        await anyio.lowlevel.checkpoint()
        for number in reversed(range(100)):
            waiters[number].set_result(number)
    assert found == {number: number for number in range(100)}


async def test_the_clock_is_that_of_the_loop() -> None:
    """It gives the time that timeouts use."""
    assert clock()() == pytest.approx(anyio.current_time(), abs=1)


# -- event loops --------------------------------------------------------------------------------


async def test_the_running_event_loop() -> None:
    """`check` does not raise, and `waiter` makes a waiter."""
    loop = EventLoop()
    assert loop.is_running_here()
    assert not loop.closed
    loop.check()
    waiter = loop.waiter()
    waiter.set_result(1)
    assert await waiter == 1


async def test_in_another_thread() -> None:
    """The error names the thread and what to write, with no event loop and one of each kind."""
    loop = EventLoop()

    async def use() -> None:
        message = r"another event loop.*'MainThread'.*async with"
        with pytest.raises(RuntimeError, match=message):
            loop.check()
        with pytest.raises(RuntimeError, match=message):
            await loop.waiter()

    def without_one() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            loop.check()

    await anyio.to_thread.run_sync(without_one)
    for backend in ("asyncio", "trio"):
        await anyio.to_thread.run_sync(functools.partial(anyio.run, use, backend=backend))


def test_one_event_loop_after_another() -> None:
    """In one thread they are different, even of the same kind."""
    loops: list[EventLoop] = []

    async def make() -> None:
        assert not any(loop.is_running_here() for loop in loops)
        loops.append(EventLoop())

    for backend in ("asyncio", "asyncio", "trio", "trio"):
        anyio.run(make, backend=backend)
    assert [loop.closed for loop in loops] == [True, True, False, False]
