"""Tasks that run while an `async with` block is open, among those of the client's pool.

Law: no cancel scope and no task group is around the user's block, so its end and its exception are
its own.  Leaving waits, shielded and bounded, until the tasks have ended, and never raises their errors.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import anyio

from anyredis.pool.scope import PoolScope
from anyredis.pool.tasks import PoolTasks

LOGGER = logging.getLogger("anyredis")

CLOSING_TIMEOUT = 3.0
"""Seconds for the work that is left when the block ends."""

LEAVE_TIMEOUT = 5.0
"""Seconds that leaving waits for the tasks."""


Step: TypeAlias = Callable[[], Awaitable[object]]


class BlockTasks:
    """The tasks of a block; *scope* is that of the client's pool, which the block holds too.

    Each of *steps* runs in a task of its own, and is cancelled when the block ends; then *close*
    is called.  *failed* gets the exception that ends one of them early.
    """

    def __init__(
        self,
        scope: PoolScope,
        steps: Sequence[Step],
        close: Step,
        failed: Callable[[Exception], object],
    ) -> None:
        self._scope = scope
        self._steps = steps
        self._close = close
        self._failed = failed
        self._running = anyio.CancelScope()
        self._tasks: PoolTasks | None = None
        self._done = anyio.Event()

    async def hold(self) -> None:
        """Hold the pool.  Raises `RuntimeError` unless the client is open."""
        self._scope.check()
        self._tasks = await self._scope.enter()

    def start(self) -> None:
        """Start the tasks; the pool is held."""
        assert self._tasks is not None  # noqa: S101 - `hold` comes first
        self._tasks.connections.start_soon(self._main)

    async def _main(self) -> None:
        try:
            with self._running:
                async with anyio.create_task_group() as group:
                    for step in self._steps:
                        group.start_soon(self._guarded, step)
            with anyio.move_on_after(CLOSING_TIMEOUT) as closing:
                await self._guarded(self._close)
            if closing.cancelled_caught:
                LOGGER.warning("not all was done within %g s of leaving", CLOSING_TIMEOUT)
        except anyio.get_cancelled_exc_class():
            self._failed(self._cancelled())
            raise
        finally:
            self._done.set()

    def _cancelled(self) -> Exception:
        """The reason why the tasks were cancelled, and not by `stop`."""
        if self._tasks is not None and self._tasks.closing:
            return self._tasks.closed_error()
        return RuntimeError("the task that reads the streams was cancelled")

    async def _guarded(self, step: Step) -> None:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - handed on
            # It concerns those who use this block, not the others who share the pool.
            self._failed(error)

    async def stop(self) -> None:
        """End the tasks, wait until they have ended, and leave the pool.

        A cancellation that comes meanwhile is raised afterwards.
        """
        tasks, self._tasks = self._tasks, None
        if tasks is None:
            return
        self._running.cancel()
        try:
            await self._wait_done(tasks)
        finally:
            await self._scope.leave(tasks)

    async def _wait_done(self, tasks: PoolTasks) -> None:
        cancelled: BaseException | None = None
        with anyio.move_on_after(LEAVE_TIMEOUT, shield=True) as scope:
            while not (self._done.is_set() or tasks.done.is_set()):
                try:
                    await self._done.wait()
                except anyio.get_cancelled_exc_class() as error:
                    if scope.cancel_called:
                        raise
                    cancelled = error  # by `asyncio.Task.cancel`, which ignores shields
        if cancelled is not None:
            raise cancelled

    async def release(self) -> None:
        """Leave the pool without having started the tasks."""
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            await self._scope.leave(tasks)
