"""Run an operation and cancel it at its k-th scheduling point, on any event loop.

A scheduling point is the end of a step that any task of the event loop takes, and of each call by
which a connection sends or receives: a lane makes them without a task.  So a cancellation arrives while the operation waits for its lease, its
connection, the send of its bytes and its reply, and also one step late: after the reply was set and
before the operation ran again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import anyio
import pytest
import sniffio
import trio

from anyredis import BaseConnection

Kind: TypeAlias = Literal["task", "tasks", "scope", "loss"]
"""`Task.cancel` once, `Task.cancel` at every step from then on, a cancel scope; or, instead of a
cancellation, the loss of the operation's connections."""

TOO_MANY = 20_000
"""Steps after which an operation counts as endless."""


def kinds() -> tuple[Kind, ...]:
    """The kinds of cancellation of this event loop."""
    return ("scope",) if sniffio.current_async_library() == "trio" else ("task", "tasks", "scope")


def loop_name() -> str:
    """The event loop that runs: asyncio, uvloop or trio."""
    library = sniffio.current_async_library()
    if library == "asyncio" and type(asyncio.get_running_loop()).__module__.startswith("uvloop"):
        return "uvloop"
    return library


@dataclass
class Ended:
    """The end of an operation."""

    reached: bool
    """Whether it took that many steps, and so was cancelled."""

    completed: bool
    """Whether it returned, cancelled or not."""


class Steps:
    """Counts the steps of all tasks, and runs a callback at one of them."""

    def __init__(self) -> None:
        self.watch: Callable[[], None] | None = None
        """Called at each step of an operation."""
        self._taken = 0
        self._at: int | None = None
        self._again = False
        self._fire: Callable[[], object] | None = None
        self._failure: BaseException | None = None

    def taken(self) -> None:
        """A task has taken a step."""
        if self._fire is None:
            return
        self._taken += 1
        if self._taken > TOO_MANY:
            self._failure = AssertionError(f"the operation goes on after {TOO_MANY} steps")
        elif self.watch is not None:
            self._look()
        if self._at is not None and (self._taken == self._at or (self._again and self.reached)):
            self._fire()

    def _look(self) -> None:
        # An exception must not leave this callback: it would end the event loop.
        try:
            if self.watch is not None and self._failure is None:
                self.watch()
        except BaseException as error:  # noqa: BLE001 - raised when the operation has ended
            self._failure = error

    @property
    def reached(self) -> bool:
        """Whether the step was taken."""
        return self._at is not None and self._taken >= self._at

    async def run(
        self,
        operation: Callable[[], Awaitable[object]],
        kind: Kind,
        at: int | None,
        loss: Callable[[], object] | None = None,
    ) -> Ended:
        """Run *operation* in a new task, cancelled after *at* steps (0: before its first).

        If *loss* is given, it is called instead.  An exception of *operation* other than the
        cancellation is raised here.
        """
        ended = Ended(reached=False, completed=False)

        async def body() -> None:
            await operation()
            ended.completed = True

        self._taken, self._at, self._again, self._failure = 0, at, kind == "tasks", None
        try:
            if kind in ("scope", "loss"):
                await self._in_scope(body, loss)
            else:
                await self._in_task(body)
        finally:
            self._fire = None
        ended.reached = self.reached
        if self._failure is not None:
            raise self._failure
        if not ended.reached:
            assert ended.completed, "cancelled, but not by these steps"
        return ended

    async def _in_task(self, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(body())
        self._fire = task.cancel
        if self._at == 0:
            task.cancel()
        await asyncio.wait([task])
        self._fire = None
        if not task.cancelled():
            task.result()

    async def _in_scope(
        self, body: Callable[[], Awaitable[None]], loss: Callable[[], object] | None
    ) -> None:
        async def scoped() -> None:
            with anyio.CancelScope() as scope:
                self._fire = loss or scope.cancel
                if self._at == 0:
                    self._fire()
                await body()

        failures: list[BaseException] = []

        async def caught() -> None:
            try:
                await scoped()
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as error:  # noqa: BLE001 - raised below, as itself
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(caught)
        self._fire = None
        for failure in failures:
            raise failure


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine of asyncio whose steps are counted."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], steps: Steps) -> None:
        self._coroutine = coroutine
        self._steps = steps

    def send(self, value: Any, /) -> Any:
        """One step."""
        try:
            return self._coroutine.send(value)
        finally:
            self._steps.taken()

    def throw(self, *error: Any) -> Any:
        """One step, in which *error* is raised."""
        try:
            return self._coroutine.throw(*error)
        finally:
            self._steps.taken()

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Not needed: tasks only send and throw."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """The other attributes, which anyio reads, such as whether it is running."""
        return getattr(self._coroutine, name)


class TrioSteps(trio.abc.Instrument):
    """Counts the steps of all tasks of trio."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task has taken a step."""
        self._steps.taken()


def counted(call: Callable[..., None], steps: Steps) -> Callable[..., None]:
    """*call*, whose end is a scheduling point."""

    def call_and_count(*args: Any) -> None:
        call(*args)
        steps.taken()

    return call_and_count


@contextmanager
def counting() -> Generator[Steps]:
    """A `Steps` that counts all tasks, and the calls of all lanes, that begin from now on."""
    steps = Steps()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("received", "_flush"):
            patch.setattr(BaseConnection, name, counted(getattr(BaseConnection, name), steps))
        with counting_tasks(steps):
            yield steps


@contextmanager
def counting_tasks(steps: Steps) -> Generator[None]:
    """Have *steps* count all tasks that begin from now on."""
    if sniffio.current_async_library() == "trio":
        instrument = TrioSteps(steps)
        trio.lowlevel.add_instrument(instrument)
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(instrument)
        return

    def task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Counted(coroutine, steps), loop=loop, **options)

    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(task)
    try:
        yield
    finally:
        loop.set_task_factory(before)
