"""What a pool runs: one task, whose task group has all others as children.

Law: they begin in a clean context.  A connection's task may be cancelled by itself and then closes
that connection; the cancellation of any other task, or an unexpected failure, closes the pool with
that cause, logged once.  Nothing but a cancellation leaves the pool's task.
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
"""What ends the program, wherever it is raised."""

PATIENCE = 5.0
"""Seconds that the last to leave waits for the pool's task to end."""


class TaskStarter(Protocol):
    """What starts the tasks of a pool; an `anyio.abc.TaskGroup` is one."""

    def start_soon(
        self, function: Callable[[*Arguments], Coroutine[Any, Any, Any]], /, *args: *Arguments
    ) -> object:
        """Start *function* with these arguments in a task."""
        ...


class PoolTasks:
    """One life of a pool: its task, the children of that, and how many blocks hold it.

    `start_soon` starts what the pool cannot do without: a cancellation of that ends the pool.
    *opened* is called in the pool's task, *closing* as soon as it is certain to end.
    """

    def __init__(
        self, opened: Callable[[PoolTasks], None], closing: Callable[[PoolTasks], None]
    ) -> None:
        self.event_loop = EventLoop()
        self.holders = 0
        self.started = anyio.Event()
        """Set once it is open, or has failed to be."""
        self.gone = anyio.Event()
        self.closing = False
        self.cause: BaseException | None = None
        """Why it ended early."""
        self.connections: TaskStarter = ConnectionTasks(self)
        """Starts tasks whose cancellation concerns nothing but themselves."""
        self._opened = opened
        self._closing = closing
        self._group: TaskGroup | None = None
        self._guest = False
        """Whether its task is a child of a group of the user's."""

    def start(self, task_group: TaskGroup | None) -> None:
        """Start the pool's task, as a child of *task_group* if there is one."""
        self._guest = task_group is not None
        background.start(self._main, self._ended, task_group)

    @property
    def over(self) -> bool:
        """Whether its event loop has ended, which counts as leaving."""
        loop = self.event_loop
        return loop.closed or (self.gone.is_set() and not loop.is_running_here())

    @property
    def reason(self) -> str:
        """Why it takes no more requests."""
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
        """Start *function* in a clean context; if it is cancelled by itself, the pool ends."""
        self.spawn(self._vital, function, *args)

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
                    await self._vital(self._stay_open)
        except anyio.get_cancelled_exc_class():
            if not self._guest or _in_cancelled_scope():
                raise
            # By `asyncio.Task.cancel`, of this task alone, which must not cancel the user's group.

    async def _stay_open(self) -> None:
        self._opened(self)
        self.started.set()
        await anyio.sleep_forever()

    async def _vital(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
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
        """End all tasks; *cause* is why, where it is early."""
        if self.closing:
            return
        self.closing = True
        self.cause = cause
        self._closing(self)
        if self._group is not None:
            self._group.cancel_scope.cancel()

    def fail(self, error: BaseException) -> None:
        """End early because of *error*."""
        if self.closing:
            return
        self.close(error)
        if isinstance(error, Exception):
            LOGGER.error("%s; the pool is closed", self.reason, exc_info=error)
        else:
            level = logging.INFO if self._guest else logging.WARNING
            LOGGER.log(level, "%s while the pool was in use; it is closed", self.reason)

    def _ended(self, error: BaseException | None) -> None:
        """The pool's task is over."""
        if error is not None:
            self.fail(error)
        self.close()
        self._group = None
        self.started.set()
        self.gone.set()

    async def wait_gone(self) -> None:
        """Wait, shielded, until the pool's task is over, or for `PATIENCE` seconds.

        A cancellation that comes meanwhile is raised afterwards.
        """
        cancelled: BaseException | None = None
        with anyio.move_on_after(PATIENCE, shield=True) as scope:
            while not self.gone.is_set():
                try:
                    await self.gone.wait()
                except anyio.get_cancelled_exc_class() as error:
                    if scope.cancel_called:
                        raise
                    cancelled = error  # by `asyncio.Task.cancel`, which knows no shield
        if not self.gone.is_set():
            LOGGER.warning("the pool's task has not ended within %g s of leaving", PATIENCE)
        if cancelled is not None:
            raise cancelled


class ConnectionTasks:
    """Starts tasks of *tasks* whose cancellation concerns nothing but themselves."""

    def __init__(self, tasks: PoolTasks) -> None:
        self._tasks = tasks

    def start_soon(
        self, function: Callable[[*Arguments], Coroutine[Any, Any, Any]], /, *args: *Arguments
    ) -> None:
        """Start *function* in a clean context; if it is cancelled by itself, only it ends."""
        self._tasks.spawn(self._run, function, *args)

    async def _run(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            await function(*args)
        except anyio.get_cancelled_exc_class():
            if _in_cancelled_scope():
                raise
            # By `asyncio.Task.cancel`, of this task alone: a task group whose child ends by a
            # cancellation would cancel all others.
        except BaseException as error:
            self._tasks.fail(error)
            if isinstance(error, INTERRUPTS):
                raise


def _in_cancelled_scope() -> bool:
    """Whether a cancel scope around this task is cancelled: `asyncio.Task.cancel` needs none."""
    return anyio.current_effective_deadline() == -math.inf
