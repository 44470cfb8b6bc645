"""Tests of `anyredis.waiter`: a one-shot wake-up, alike on every event loop."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from anyredis.waiter import Waiter, clock, waiter_factory


async def test_an_answer_wakes_who_waits() -> None:
    """Whoever waits gets what was given."""
    waiter = waiter_factory()()
    found: list[object] = []

    async def wait() -> None:
        found.append(await waiter)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not waiter.done()
        waiter.set_result("answer")
        assert waiter.done()
        assert not waiter.cancelled()
        assert waiter.result() == "answer"
    assert found == ["answer"]


async def test_an_answer_that_came_before() -> None:
    """Who comes later does not wait."""
    waiter = waiter_factory()()
    waiter.set_result(None)
    with anyio.fail_after(5):
        assert await waiter is None


@pytest.mark.parametrize("early", [True, False])
async def test_a_cancellation_marks_it(early: bool) -> None:
    """A waiter whose task was cancelled is done and cancelled, whenever that was."""
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
    await anyio.wait_all_tasks_blocked()
    scope.cancel()


async def test_an_answer_and_a_cancellation_in_one_turn() -> None:
    """Whichever was first counts: an answer that was given is there to be read."""
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
        await anyio.wait_all_tasks_blocked()
        waiter.set_result("answer")
        tasks.cancel_scope.cancel()
    assert waiter.done()
    assert not waiter.cancelled()
    assert waiter.result() == "answer"
    assert outcome in (["answered"], ["cancelled"])


async def test_many_at_once() -> None:
    """Each is woken by its own answer."""
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
    """It tells the time that timeouts go by."""
    assert clock()() == pytest.approx(anyio.current_time(), abs=1)
