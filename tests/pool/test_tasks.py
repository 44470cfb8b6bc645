"""Tests of `anyredis.pool.tasks`: the effect of a task's failure or cancellation on the pool."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable

import anyio
import pytest

from anyredis.pool.tasks import PoolTasks, TaskStarter
from tests.blocked_tasks import all_tasks_blocked
from tests.conftest import BACKENDS

on_asyncio = pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="clean")

KINDS: dict[str, Callable[[PoolTasks], TaskStarter]] = {
    "required": lambda tasks: tasks,
    "connection": lambda tasks: tasks.connections,
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=[*KINDS])


async def started() -> PoolTasks:
    """The tasks of a pool that is open."""
    tasks = PoolTasks(lambda _: None, lambda _: None)
    tasks.start(None)
    await tasks.started.wait()
    return tasks


async def closed(tasks: PoolTasks) -> None:
    """Close, and wait until all tasks have ended."""
    tasks.close()
    await tasks.wait_done()


@each_kind
async def test_all_start_in_a_clean_context(kind: Callable[[PoolTasks], TaskStarter]) -> None:
    """A task sees no variable of the request that caused it."""
    tasks = await started()
    VARIABLE.set("the request's")
    seen: list[str] = []

    async def look(word: str) -> None:
        seen.append(f"{word} {VARIABLE.get()}")

    kind(tasks).start_soon(look, "it is")
    await all_tasks_blocked()
    assert seen == ["it is clean"]
    await closed(tasks)


@each_kind
async def test_a_failure_ends_the_pool(
    kind: Callable[[PoolTasks], TaskStarter], caplog: pytest.LogCaptureFixture
) -> None:
    """It is the cause of the errors of requests, and is logged once."""
    tasks = await started()
    failure = ZeroDivisionError()

    async def fail() -> None:
        raise failure

    for _ in range(2):
        kind(tasks).start_soon(fail)
    await tasks.done.wait()
    assert tasks.cause is failure
    assert tasks.closed_error().__cause__ is failure
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def cancel_a_task(tasks: TaskStarter) -> None:
    """Cancel a task of *tasks* by `asyncio.Task.cancel`, and wait until it has ended."""
    before = asyncio.all_tasks()
    tasks.start_soon(anyio.sleep_forever)
    await all_tasks_blocked()
    [task] = asyncio.all_tasks() - before
    task.cancel()
    await asyncio.wait([task])


@on_asyncio
async def test_a_task_of_a_connection_is_cancelled_alone() -> None:
    """The pool and its other tasks continue."""
    tasks = await started()
    await cancel_a_task(tasks.connections)
    await all_tasks_blocked()
    assert not tasks.closing
    await closed(tasks)
    assert tasks.cause is None


@on_asyncio
async def test_the_cancellation_of_any_other_task_ends_the_pool() -> None:
    """The pool does not stay open without a task that it needs."""
    tasks = await started()
    await cancel_a_task(tasks)
    assert isinstance(tasks.cause, asyncio.CancelledError)
    await tasks.done.wait()


async def test_the_reason_has_only_the_type_of_the_error() -> None:
    """G15: the text of an unexpected error may contain secrets."""
    tasks = await started()
    assert tasks.reason == "the pool was left"
    tasks.close(ValueError("sesame"))
    assert "ValueError" in str(tasks.closed_error())
    assert "sesame" not in str(tasks.closed_error())
    await tasks.done.wait()


async def test_nothing_is_started_after_the_end() -> None:
    """The pool refuses a task for whose end it would not wait."""
    tasks = await started()
    await closed(tasks)
    with pytest.raises(RuntimeError, match="has ended"):
        tasks.start_soon(anyio.sleep_forever)


async def test_closing_before_the_first_step_opens_nothing() -> None:
    """If entering is cancelled at once, *opened* is not called."""
    log: list[str] = []
    tasks = PoolTasks(lambda _: log.append("opened"), lambda _: log.append("closing"))
    tasks.start(None)
    await closed(tasks)
    assert log == ["closing"]
