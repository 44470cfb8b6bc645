"""Waiters: each wakes one task once, in the cheapest way of each backend.

Law: the waiting task does `await waiter`; the answering side checks `done()` before `set_result`.
A waiter belongs to one event loop, so `EventLoop.waiter` compares that with the running one.

Under asyncio (and uvloop) a waiter is an `asyncio.Future`; under trio it is a task that is parked
with `wait_task_rescheduled`.  An `anyio.Event` for each request would cost up to twice as much as
the rest of the request.
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
    """The common interface of `asyncio.Future` and `TrioWaiter`."""

    def done(self) -> bool:
        """Whether it has its answer, or the waiting task was cancelled."""
        ...

    def cancelled(self) -> bool:
        """Whether the waiting task was cancelled before the answer came."""
        ...

    def result(self) -> Any:
        """The answer, if it is `done` and not `cancelled`."""
        ...

    def set_result(self, result: Any, /) -> None:
        """Set the answer and wake the waiting task; only while it is not `done`."""
        ...

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait for the answer; a cancellation while waiting marks it `cancelled`."""
        ...


class TrioWaiter:
    """A trio task that is parked until it is given an answer."""

    # Attributes of the class, because each request makes an instance.
    lowlevel: ClassVar[Any]
    value: ClassVar[Any]
    _done = _cancelled = False
    _result: Any = None
    _task: Any = None

    def done(self) -> bool:
        """Whether it has its answer, or the waiting task was cancelled."""
        return self._done

    def cancelled(self) -> bool:
        """Whether the waiting task was cancelled before the answer came."""
        return self._cancelled

    def result(self) -> Any:
        """The answer."""
        return self._result

    def set_result(self, result: Any, /) -> None:
        """Set the answer and wake the waiting task."""
        self._done = True
        self._result = result
        if self._task is not None:
            self.lowlevel.reschedule(self._task, self.value(result))

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait for the answer."""
        if self._done:
            return self._answered()
        self._task = self.lowlevel.current_task()
        # trio's own iterator, so that the task continues without a frame of this class.
        parked: Generator[Any, Any, Any] = self.lowlevel.wait_task_rescheduled(
            self._abort
        ).__await__()
        return parked

    def _answered(self) -> Generator[Any, Any, Any]:
        return self._result
        yield

    def _abort(self, _raise_cancel: Callable[[], Any]) -> Any:
        self._done = self._cancelled = True
        self._task = None
        return self.lowlevel.Abort.SUCCEEDED


class EventLoop:
    """The event loop that was running when this object was made, and its waiters."""

    def __init__(self) -> None:
        self.running = running_loop_getter()
        """Gives the event loop that is running in this thread: asyncio's object or trio's token."""
        self.loop = self.running()
        self.new_waiter = waiter_factory()
        """Makes a waiter, without a check that this event loop is running."""
        self._name = sniffio.current_async_library()
        self.thread = threading.get_ident()
        self._thread_name = threading.current_thread().name

    def is_running_here(self) -> bool:
        """Whether this event loop is running in the current thread."""
        return self.running() is self.loop

    @property
    def closed(self) -> bool:
        """Whether it can never run again; always False under trio, which does not tell."""
        return isinstance(self.loop, asyncio.AbstractEventLoop) and self.loop.is_closed()

    def check(self) -> None:
        """Raise `RuntimeError` if another event loop is running, or none."""
        if not self.is_running_here():
            raise RuntimeError(
                f"this client or pool was opened in another event loop ({self._name}, in thread "
                f"{self._thread_name!r}) and cannot be used in thread "
                f"{threading.current_thread().name!r} here: open a client of its own in each event "
                "loop with `async with`, or have the call run in the other thread, as with "
                "anyio.from_thread.run()"
            )

    def waiter(self) -> Waiter:
        """A waiter; raises `RuntimeError` if another event loop is running, or none."""
        if self.running() is not self.loop:
            self.check()
        return self.new_waiter()


def running_loop_getter() -> Callable[[], object]:
    """A function that gives the running event loop, for the backend that is running now.

    It gives None if no event loop of that backend is running.
    """
    if sniffio.current_async_library() == "trio":
        return functools.partial(_trio_token, importlib.import_module("trio").lowlevel)
    # The public `get_running_loop` raises if there is none; this function gives None instead.
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
        # trio is running, so it is installed; programs on asyncio do not need it.
        TrioWaiter.lowlevel = importlib.import_module("trio").lowlevel
        TrioWaiter.value = importlib.import_module("outcome").Value
        return TrioWaiter
    make: Callable[..., Waiter] = asyncio.Future[Any]
    # The class itself, because its subscripted alias is slower to call.  The loop is an argument, so
    # that it is an error to await the waiter in another event loop.
    return functools.partial(getattr(make, "__origin__", make), loop=asyncio.get_running_loop())


def clock() -> Callable[[], float]:
    """The clock of the event loop that is running now, in seconds."""
    if sniffio.current_async_library() == "trio":
        current_time: Callable[[], float] = importlib.import_module("trio").current_time
        return current_time
    return asyncio.get_running_loop().time
