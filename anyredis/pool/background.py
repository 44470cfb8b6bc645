"""The start of the pool's task, which is not a child of the task that enters the pool.

Law: the task starts in a clean context, so it keeps no context variable of the task that starts
it.  Its own cancel scope ends it.  *ended* is called once it is done, even if it is cancelled
before its first step.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeAlias

import sniffio
from anyio.abc import TaskGroup

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Ended: TypeAlias = Callable[[BaseException | None], None]

NAME = "anyredis pool"

_running: set[asyncio.Task[Any]] = set()
"""A strong reference to each task until it is done: asyncio itself keeps only weak ones."""


def start(main: Main, ended: Ended, task_group: TaskGroup | None) -> None:
    """Run *main* in a new task, a child of *task_group* if there is one.

    *ended* gets the exception that ended the task, or None.
    """
    if sniffio.current_async_library() == "trio":
        _start_in_trio(main, ended, task_group)
    elif task_group is None:
        # With `Context.run` the task would get a copy of that context, not the context itself.
        _watch(asyncio.create_task(main(), name=NAME, context=clean_context()), ended)
    else:
        before = asyncio.all_tasks()
        _ = clean_context().run(task_group.start_soon, main)
        for task in asyncio.all_tasks() - before:  # exactly one; anyio does not return it
            _watch(task, ended)


def clean_context() -> Context:
    """A context without the variables of the current task."""
    context = Context()
    # The variable of sniffio describes the event loop, not the user; without it sniffio is slower.
    context.run(sniffio.current_async_library_cvar.set, sniffio.current_async_library())
    return context


def _watch(task: asyncio.Task[Any], ended: Ended) -> None:
    def done(task: asyncio.Task[Any]) -> None:
        _running.discard(task)
        if task.cancelled():
            ended(asyncio.CancelledError("the pool's task was cancelled"))
        else:
            ended(task.exception())

    _running.add(task)
    task.add_done_callback(done, context=Context())


def _start_in_trio(main: Main, ended: Ended, task_group: TaskGroup | None) -> None:
    trio: Any = importlib.import_module("trio")

    async def run() -> None:
        try:
            await main()
        except trio.Cancelled as error:
            ended(error)
            raise
        except BaseException as error:
            ended(error)
            if task_group is not None:
                raise
            # trio reports any exception that leaves a system task as an internal error of trio.
        else:
            ended(None)

    if task_group is None:
        trio.lowlevel.spawn_system_task(run, name=NAME, context=clean_context())
    else:
        _ = clean_context().run(task_group.start_soon, run)
