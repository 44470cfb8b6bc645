"""The lifetime of a pool: the blocks that have entered it hold it together.

Law: the first to enter starts the pool's task, whose task group has all other tasks of the pool as
children; the last to leave closes the pool and waits until that task is done.  Each holder leaves
alone, from any task and in any order.  A cancellation or failure that ends the pool's task early
closes the pool with that cause, which every request raises; leaving never raises it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVarTuple

from anyio.abc import TaskGroup

from anyredis.pool.tasks import PoolTasks

Arguments = TypeVarTuple("Arguments")

NOT_OPEN = (
    "this client or pool is not open: write `async with client:` (or `async with pool:`) around "
    "its use"
)

CLOSED_LOOP = (
    "the event loop that this client or pool was opened in was closed while its tasks were running, "
    "without cancelling them as asyncio.run() does: make a new client"
)


class PoolScope:
    """The scope of a pool; holders `enter` and `leave` it from any task, in any order.

    *opened* is called in the pool's task once that runs, *closing* as soon as that has to end.
    With *task_group* the pool's task is a child of that group.
    """

    def __init__(
        self,
        opened: Callable[[PoolTasks], None],
        closing: Callable[[PoolTasks], None],
        task_group: TaskGroup | None = None,
    ) -> None:
        self._opened = opened
        self._closing = closing
        self._task_group = task_group
        self._tasks: PoolTasks | None = None
        self.thread: int | None = None
        """The thread of the event loop that it is open in; None while it is not open."""

    @property
    def entered(self) -> bool:
        """Whether it is open."""
        return self._tasks is not None and not self._tasks.closing

    @property
    def tasks(self) -> PoolTasks | None:
        """The tasks of this opening of the pool; None while it is not open."""
        return self._tasks

    def check(self) -> None:
        """Raise unless it is open in the event loop that is running now.

        Raises `ConnectionError` if its task ended early, and `RuntimeError` otherwise.
        """
        tasks = self._tasks
        if tasks is None or tasks.loop_ended:
            raise RuntimeError(NOT_OPEN)
        tasks.event_loop.check()
        if tasks.cause is not None:
            raise tasks.closed_error()
        if self.thread is None:
            raise RuntimeError(NOT_OPEN)

    def start_soon(
        self, function: Callable[[*Arguments], Coroutine[Any, Any, Any]], /, *args: *Arguments
    ) -> None:
        """Start *function* in a task of the pool, whose cancellation alone closes no pool.

        Raises the errors of `check`.
        """
        self.check()
        if self._tasks is not None:
            self._tasks.connections.start_soon(function, *args)

    def check_or_undo(self, undo: Callable[[], None]) -> None:
        """Do the same as `check`, and call *undo* before it raises."""
        try:
            self.check()
        except BaseException:
            undo()
            raise

    def explain(self, error: BaseException) -> None:
        """Raise `RuntimeError` if *error* comes from a waiter of another event loop.

        asyncio and trio both refuse to await such a waiter, each with its own message.
        """
        if isinstance(error, (RuntimeError, TypeError)) and self._tasks is not None:
            self._tasks.event_loop.check()

    async def enter(self) -> PoolTasks:
        """Become a holder; gives the tasks to `leave` with.

        Raises `ConnectionError` if the pool's task ended early and other holders have not left.
        """
        while (tasks := self._tasks) is not None and not tasks.loop_ended:
            tasks.event_loop.check()
            if not tasks.closing:
                break
            if tasks.holders and tasks.cause is not None:
                raise tasks.closed_error()
            await tasks.done.wait()
            self._forget(tasks)
        else:
            if tasks is not None and not tasks.closing:
                raise RuntimeError(CLOSED_LOOP)
            tasks = self._start()
        tasks.holders += 1
        try:
            await tasks.started.wait()
        except BaseException:
            await self.leave(tasks)
            raise
        if tasks.cause is not None:
            await self.leave(tasks)
            raise tasks.closed_error()
        return tasks

    def _start(self) -> PoolTasks:
        tasks = self._tasks = PoolTasks(self._has_opened, self._is_closing)
        try:
            tasks.start(self._task_group)
        except BaseException:
            self._forget(tasks)
            raise
        return tasks

    async def leave(self, tasks: PoolTasks) -> None:
        """Stop holding it; the last holder closes it and waits until its task is done."""
        if tasks.loop_ended:
            return
        tasks.holders -= 1
        if tasks.holders:
            return
        tasks.close()
        try:
            await tasks.wait_done()
        finally:
            self._forget(tasks)

    def _has_opened(self, tasks: PoolTasks) -> None:
        self._opened(tasks)
        self.thread = tasks.event_loop.thread

    def _is_closing(self, tasks: PoolTasks) -> None:
        if self._tasks is tasks:
            self.thread = None
            self._closing(tasks)

    def _forget(self, tasks: PoolTasks) -> None:
        if self._tasks is tasks:
            self._tasks = None


class Holder(ABC):
    """A holder of a pool, within an `async with` block or between `open` and `aclose`."""

    @property
    @abstractmethod
    def scope(self) -> PoolScope:
        """The scope of the pool."""

    _held: tuple[PoolTasks, ...] = ()
    """The tasks that it has entered and not left, the latest last."""

    async def open(self) -> Self:
        """The same as entering the block, for the start callbacks of frameworks.

        Another task may close it.  Raises the errors of entering.
        """
        return await self.__aenter__()

    async def aclose(self) -> None:
        """The same as leaving the block, for the stop callbacks of frameworks.

        If it is not open, nothing happens.
        """
        await self.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        tasks = await self.scope.enter()
        self._held = (*(each for each in self._held if not each.loop_ended), tasks)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        held = [each for each in self._held if not each.loop_ended]
        if not held:
            self._held = ()
            return
        held[-1].event_loop.check()
        tasks = held.pop()
        self._held = tuple(held)
        await self.scope.leave(tasks)
