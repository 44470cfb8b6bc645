"""The tasks of a pool: one task, whose task group has all other tasks as children.

Law: each task starts in a clean context.  If a connection's task alone is cancelled, only that
connection closes; the cancellation of any other task, or an unexpected failure, closes the pool
with that cause and is logged once.  Only a cancellation or an interrupt leaves the pool's task.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVarTuple

import anyio
from anyio.abc import TaskGroup

from anyredis.exceptions import ConnectionError
from anyredis.pool import background
from anyredis.waiter import EventLoop

LOGGER = logging.getLogger("anyredis")

Arguments = TypeVarTuple("Arguments")

INTERRUPTS = (KeyboardInterrupt, SystemExit)
"""Exceptions that end the program, whichever task raises them."""

LEAVE_TIMEOUT = 5.0
"""Seconds that the last holder to leave waits for the pool's task to end."""


class TaskStarter(Protocol):
    """A starter of tasks, such as an `anyio.abc.TaskGroup`."""

    def start_soon(
        self, function: Callable[[*Arguments], Coroutine[Any, Any, Any]], /, *args: *Arguments
    ) -> object:
        """Start *function* with these arguments in a task."""
        ...


class PoolTasks:
    """The tasks of a pool from its opening to its closing, and the number of its holders.

    `start_soon` starts a task that the pool needs: if that is cancelled, the pool closes.
    *opened* is called in the pool's task, *closing* as soon as that has to end.
    """

    def __init__(
        self, opened: Callable[[PoolTasks], None], closing: Callable[[PoolTasks], None]
    ) -> None:
        self.event_loop = EventLoop()
        self.holders = 0
        self.started = anyio.Event()
        """Set once it is open, or opening has failed."""
        self.done = anyio.Event()
        """Set once the pool's task is done."""
        self.closing = False
        self.cause: BaseException | None = None
        """The exception that ended it early."""
        self.connections: TaskStarter = ConnectionTasks(self)
        """Starts the tasks of connections, whose cancellation leaves the pool open."""
        self._opened = opened
        self._closing = closing
        self._group: TaskGroup | None = None
        self._in_users_group = False
        """Whether the pool's task is a child of a task group that the user passed."""

    def start(self, task_group: TaskGroup | None) -> None:
        """Start the pool's task, as a child of *task_group* if there is one."""
        self._in_users_group = task_group is not None
        background.start(self._main, self._ended, task_group)

    @property
    def loop_ended(self) -> bool:
        """Whether its event loop has ended, which counts as leaving for all holders."""
        loop = self.event_loop
        return loop.closed or (self.done.is_set() and not loop.is_running_here())

    @property
    def reason(self) -> str:
        """The reason why it takes no more requests."""
        if self.cause is None:
            return "the pool was left"
        if isinstance(self.cause, Exception):
            return f"the pool's task failed with {type(self.cause).__name__}"
        return "the pool's task was cancelled"

    def closed_error(self) -> ConnectionError:
        """The error for requests to a pool that ended early."""
        error = ConnectionError(f"the pool is closed: {self.reason}")
        error.__cause__ = self.cause
        return error

    # -- the tasks ------------------------------------------------------------------------------

    def start_soon(
        self, function: Callable[[*Arguments], Coroutine[Any, Any, Any]], /, *args: *Arguments
    ) -> None:
        """Start *function* in a clean context; if its task is cancelled, the pool closes."""
        self.spawn(self._run_required, function, *args)

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Start *function* in a clean context, as a child of the pool's task."""
        if self._group is None:
            raise RuntimeError("the pool's task has ended")
        _ = background.clean_context().run(self._group.start_soon, function, *args)

    async def _main(self) -> None:
        """The pool's task."""
        try:
            async with anyio.create_task_group() as self._group:
                if not self.closing:
                    await self._run_required(self._stay_open)
        except anyio.get_cancelled_exc_class():
            if not self._in_users_group or _in_cancelled_scope():
                raise
            # `asyncio.Task.cancel` of this task alone must not cancel the user's group.

    async def _stay_open(self) -> None:
        self._opened(self)
        self.started.set()
        await anyio.sleep_forever()

    async def _run_required(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            await function(*args)
        except anyio.get_cancelled_exc_class() as error:
            self.fail(error)
            raise
        except BaseException as error:
            self.fail(error)
            if isinstance(error, INTERRUPTS):
                raise

    # -- the end --------------------------------------------------------------------------------

    def close(self, cause: BaseException | None = None) -> None:
        """End all tasks; *cause* is the exception that ends them early, if one does."""
        if self.closing:
            return
        self.closing = True
        self.cause = cause
        self._closing(self)
        if self._group is not None:
            self._group.cancel_scope.cancel()

    def fail(self, error: BaseException) -> None:
        """End all tasks early because of *error*, and log it."""
        if self.closing:
            return
        self.close(error)
        if isinstance(error, Exception):
            LOGGER.error("%s; the pool is closed", self.reason, exc_info=error)
        else:
            level = logging.INFO if self._in_users_group else logging.WARNING
            LOGGER.log(level, "%s while the pool was in use; it is closed", self.reason)

    def _ended(self, error: BaseException | None) -> None:
        """Close, now that the pool's task is done."""
        if error is not None:
            self.fail(error)
        self.close()
        self._group = None
        self.started.set()
        self.done.set()

    async def wait_done(self) -> None:
        """Wait, shielded, until the pool's task is done, or for `LEAVE_TIMEOUT` seconds.

        A cancellation that comes meanwhile is raised afterwards.
        """
        cancelled: BaseException | None = None
        with anyio.move_on_after(LEAVE_TIMEOUT, shield=True) as scope:
            while not self.done.is_set():
                try:
                    await self.done.wait()
                except anyio.get_cancelled_exc_class() as error:
                    if scope.cancel_called:
                        raise
                    cancelled = error  # by `asyncio.Task.cancel`, which ignores shields
        if not self.done.is_set():
            LOGGER.warning("the pool's task has not ended within %g s of leaving", LEAVE_TIMEOUT)
        if cancelled is not None:
            raise cancelled


class ConnectionTasks:
    """Starts tasks for connections as children of *tasks*; their cancellation closes no pool."""

    def __init__(self, tasks: PoolTasks) -> None:
        self._tasks = tasks

    def start_soon(
        self, function: Callable[[*Arguments], Coroutine[Any, Any, Any]], /, *args: *Arguments
    ) -> None:
        """Start *function* in a clean context; if its task alone is cancelled, only that ends."""
        self._tasks.spawn(self._run, function, *args)

    async def _run(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            await function(*args)
        except anyio.get_cancelled_exc_class():
            if _in_cancelled_scope():
                raise
            # `asyncio.Task.cancel` of this task alone: a task group cancels all its children if
            # one of them ends by a cancellation.
        except BaseException as error:
            self._tasks.fail(error)
            if isinstance(error, INTERRUPTS):
                raise


def _in_cancelled_scope() -> bool:
    """Whether a cancel scope around this task is cancelled; `asyncio.Task.cancel` cancels none."""
    return anyio.current_effective_deadline() == -math.inf
