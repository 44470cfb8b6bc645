"""A one-shot wake-up, the cheapest that each backend has.

Under asyncio (and uvloop) it is an `asyncio.Future`; under trio a task parked with
`wait_task_rescheduled`.  An `anyio.Event` for each request would cost up to twice as much as all
the rest of a request.  Whoever waits does `await waiter`; whoever answers checks `done()` first.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
from collections.abc import Callable, Generator
from typing import Any, ClassVar, Protocol

import sniffio


class Waiter(Protocol):
    """What an `asyncio.Future` and a `TrioWaiter` have in common."""

    def done(self) -> bool:
        """Whether it has its answer, or whoever waited was cancelled."""
        ...

    def cancelled(self) -> bool:
        """Whether whoever waited was cancelled before the answer came."""
        ...

    def result(self) -> Any:
        """The answer, where it is `done` and not `cancelled`."""
        ...

    def set_result(self, result: Any, /) -> None:
        """Wake whoever waits; only while not `done`."""
        ...

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait for the answer; a cancellation while waiting marks it `cancelled`."""
        ...


class TrioWaiter:
    """A trio task that is parked until it is given an answer."""

    # On the class, not in an __init__: there is one of these for each request.
    lowlevel: ClassVar[Any]
    value: ClassVar[Any]
    _done = _cancelled = False
    _result: Any = None
    _task: Any = None

    def done(self) -> bool:
        """Whether it has its answer, or whoever waited was cancelled."""
        return self._done

    def cancelled(self) -> bool:
        """Whether whoever waited was cancelled before the answer came."""
        return self._cancelled

    def result(self) -> Any:
        """The answer."""
        return self._result

    def set_result(self, result: Any, /) -> None:
        """Wake whoever waits."""
        self._done = True
        self._result = result
        if self._task is not None:
            self.lowlevel.reschedule(self._task, self.value(result))

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait for the answer."""
        if self._done:
            return self._at_once()
        self._task = self.lowlevel.current_task()
        # trio's own iterator, so that no frame of ours is in the way when the task goes on.
        parked: Generator[Any, Any, Any] = self.lowlevel.wait_task_rescheduled(
            self._abort
        ).__await__()
        return parked

    def _at_once(self) -> Generator[Any, Any, Any]:
        return self._result
        yield

    def _abort(self, _raise_cancel: Callable[[], Any]) -> Any:
        self._done = self._cancelled = True
        self._task = None
        return self.lowlevel.Abort.SUCCEEDED


def waiter_factory() -> Callable[[], Waiter]:
    """A function that makes waiters for the event loop that is running now."""
    if sniffio.current_async_library() == "trio":
        # Running under trio, so it is there; asyncio users need not have it.
        TrioWaiter.lowlevel = importlib.import_module("trio").lowlevel
        TrioWaiter.value = importlib.import_module("outcome").Value
        return TrioWaiter
    make: Callable[..., Waiter] = asyncio.Future[Any]
    # Not the subscripted class itself: that one is slower to call.
    return functools.partial(getattr(make, "__origin__", make), loop=asyncio.get_running_loop())


def clock() -> Callable[[], float]:
    """The clock of the event loop that is running now, in seconds."""
    if sniffio.current_async_library() == "trio":
        current_time: Callable[[], float] = importlib.import_module("trio").current_time
        return current_time
    return asyncio.get_running_loop().time
