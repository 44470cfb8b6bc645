"""A wait until all other tasks are blocked, which takes turns of the event loop but no time.

`anyio.wait_all_tasks_blocked` sleeps for a tenth of a second under asyncio whenever it finds a task
that is not blocked.  Here such a task is simply given another turn.
"""

from __future__ import annotations

import asyncio
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


def _others_are_blocked() -> bool:
    """Whether each task of asyncio but the current one waits for a future that is not done."""
    current = asyncio.current_task()
    for task in asyncio.all_tasks():
        waiter = cast("Any", task)._fut_waiter
        if task is not current and (waiter is None or waiter.done()):
            return False
    return True
