"""A one-shot wake-up, the cheapest that each backend has.

Under asyncio (and uvloop) it is an `asyncio.Future`; under trio a task parked with
`wait_task_rescheduled`.  An `anyio.Event` for each request would cost up to twice as much as all
the rest of a request.  Whoever waits does `await waiter`; whoever answers checks `done()` first.
A waiter belongs to one event loop, so what makes it compares that with the one that is running.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import threading
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


class EventLoop:
    """The event loop that is running now, and what makes its waiters."""

    def __init__(self) -> None:
        self.running = running_loop_getter()
        """Gives the event loop that is running in this thread: its object, or trio's run token."""
        self.loop = self.running()
        self.new_waiter = waiter_factory()
        """Makes a waiter, where it is certain that this event loop is running."""
        self._name = sniffio.current_async_library()
        self.thread = threading.get_ident()
        self._thread_name = threading.current_thread().name

    def is_running_here(self) -> bool:
        """Whether it is the one that is running in this thread."""
        return self.running() is self.loop

    @property
    def closed(self) -> bool:
        """Whether it can never run again, as far as it tells."""
        return isinstance(self.loop, asyncio.AbstractEventLoop) and self.loop.is_closed()

    def check(self) -> None:
        """Raise `RuntimeError` where another event loop is running, or none."""
        if not self.is_running_here():
            raise RuntimeError(
                f"this client or pool was opened in another event loop ({self._name}, in thread "
                f"{self._thread_name!r}) and cannot be used in thread "
                f"{threading.current_thread().name!r} here: open a client of its own in each event "
                "loop with `async with`, or have the call run in the other thread, as with "
                "anyio.from_thread.run()"
            )

    def waiter(self) -> Waiter:
        """A waiter; raises `RuntimeError` where another event loop is running, or none."""
        if self.running() is not self.loop:
            self.check()
        return self.new_waiter()


def running_loop_getter() -> Callable[[], object]:
    """A function that gives the running event loop, for the kind that is running now.

    It gives None where no event loop of that kind is running.
    """
    if sniffio.current_async_library() == "trio":
        return functools.partial(_trio_token, importlib.import_module("trio").lowlevel)
    # The public `get_running_loop` raises where there is none, which is no answer to compare.
    running: Callable[[], object] = asyncio._get_running_loop  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return running


def _trio_token(lowlevel: Any) -> object:
    try:
        return lowlevel.current_trio_token()
    except RuntimeError:
        return None


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
