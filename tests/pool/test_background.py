"""Tests of `anyredis.pool.background`: the start of the pool's task."""

from __future__ import annotations

import asyncio
import contextvars
import gc

import anyio
import pytest

from anyredis.pool import background
from tests.blocked_tasks import all_tasks_blocked
from tests.conftest import BACKENDS

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="clean")


async def test_it_begins_in_a_clean_context() -> None:
    """The task sees no variable of the task that starts it, in a user's task group either."""
    VARIABLE.set("the starter's")
    seen: list[str] = []

    async def main() -> None:
        seen.append(VARIABLE.get())

    async with anyio.create_task_group() as tasks:
        for task_group in (None, tasks):
            background.start(main, lambda _: None, task_group)
        await all_tasks_blocked()
    assert seen == ["clean", "clean"]


async def test_ended_gets_the_exception() -> None:
    """The exception of the task goes to *ended* alone."""
    failure = ZeroDivisionError()

    async def fail() -> None:
        raise failure

    ended_with: list[BaseException | None] = []
    over = anyio.Event()

    def ended(error: BaseException | None) -> None:
        ended_with.append(error)
        over.set()

    background.start(fail, ended, None)
    await over.wait()
    await all_tasks_blocked()  # trio would have ended by an internal error
    assert ended_with == [failure]


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
async def test_a_cancellation_before_the_first_step() -> None:
    """Asyncio never runs such a task, but *ended* is called."""
    ended_with: list[BaseException | None] = []
    before = asyncio.all_tasks()
    background.start(anyio.sleep_forever, ended_with.append, None)
    [task] = asyncio.all_tasks() - before
    task.cancel()
    await asyncio.wait([task])
    assert isinstance(ended_with[0], asyncio.CancelledError)


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
async def test_it_is_kept_until_it_is_done() -> None:
    """Asyncio itself has only weak references to tasks."""
    before = asyncio.all_tasks()
    over = anyio.Event()

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()  # only the task refers to it

    background.start(wait, lambda _: over.set(), None)
    await asyncio.sleep(0)
    gc.collect()
    [task] = asyncio.all_tasks() - before
    task.cancel()
    await over.wait()
    assert task not in background._running
