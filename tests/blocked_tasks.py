"""Waits until all other tasks are blocked, which take turns of the event loop but no time.

`anyio.wait_all_tasks_blocked` sleeps for a tenth of a second under asyncio whenever it finds a task
that is not blocked.  Here such a task is simply given another turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import anyio
import sniffio

QUIET_TURNS: Final = 20
"""Between two tasks there may be some callbacks in a row, or a socket: each takes a turn or two."""


async def all_tasks_blocked() -> None:
    """Return when all other tasks have been blocked for some turns of the event loop in a row.

    Data in a socket of this process arrives meanwhile; an answer of another process, or of a
    thread, may not.
    """
    if sniffio.current_async_library() != "asyncio":
        await anyio.wait_all_tasks_blocked()
        return
    quiet = 0
    while quiet < QUIET_TURNS:
        await asyncio.sleep(0)
        quiet = quiet + 1 if _others_are_blocked() else 0


@asynccontextmanager
async def cancelled_once_blocked() -> AsyncGenerator[anyio.CancelScope]:
    """Cancel the block as soon as it waits for what does not come, and all other tasks wait, too.

    The scope tells whether it was cancelled: a block that ends before is not.
    """
    with anyio.CancelScope() as scope:

        async def cancel() -> None:
            await all_tasks_blocked()
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel)
            yield scope
            tasks.cancel_scope.cancel()


def _others_are_blocked() -> bool:
    """Whether each task of asyncio but the current one waits for a future that is not done."""
    current = asyncio.current_task()
    for task in asyncio.all_tasks():
        waiter = cast("Any", task)._fut_waiter
        if task is not current and (waiter is None or waiter.done()):
            return False
    return True
