"""The lifetime of a pool: one owner, any number of borrowers, and errors that stay themselves.

Whoever enters first owns the task group, and is the last to leave: it waits for the borrowers as a
nursery waits for its children.  Leaving by an exception or a cancellation closes at once.  What
the owner's block raises leaves it as itself: a group whose leaves are all the block's own, or
cancellations, is replaced by what the block raised.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType

import anyio
from anyio import AsyncContextManagerMixin
from anyio.abc import TaskGroup


class TaskScope(AsyncContextManagerMixin):
    """A task group for background tasks: *opened* gets it, *closing* is called when it ends."""

    def __init__(self, opened: Callable[[TaskGroup], None], closing: Callable[[], None]) -> None:
        self._opened = opened
        self._closing = closing

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[TaskScope, None]:
        raised: BaseException | None = None
        try:
            async with anyio.create_task_group() as tasks:
                self._opened(tasks)
                try:
                    yield self
                except BaseException as error:
                    raised = error
                    raise
                finally:
                    self._closing()
                    tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            if raised is None or not _only_of(group, raised):
                raise
            context, cause = raised.__context__, raised.__cause__
            try:
                raise raised
            finally:
                raised.__context__, raised.__cause__ = context, cause


def _leaves(error: BaseException) -> list[BaseException]:
    branches: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [leaf for branch in branches for leaf in _leaves(branch)] or [error]


def _only_of(group: BaseException, raised: BaseException) -> bool:
    own = {id(leaf) for leaf in _leaves(raised)} | {id(raised)}
    cancelled = anyio.get_cancelled_exc_class()
    return all(id(leaf) in own or isinstance(leaf, cancelled) for leaf in _leaves(group))


class Lifetime:
    """Counts who holds a resource, and runs its task scope in the task of the first."""

    def __init__(self, opened: Callable[[TaskGroup], None], closing: Callable[[], None]) -> None:
        self._opened = opened
        self._closing = closing
        self._scope: TaskScope | None = None
        self._owner = 0
        self._owner_holds = 0
        self._borrowed = 0
        self._all_returned: anyio.Event | None = None

    @property
    def entered(self) -> bool:
        """Whether somebody holds it."""
        return self._scope is not None

    async def enter(self) -> None:
        """Hold it; the first to do so owns it."""
        me = anyio.get_current_task().id
        if self._scope is None:
            self._scope = TaskScope(self._opened, self._closing)
            self._owner, self._owner_holds = me, 1
            try:
                await self._scope.__aenter__()
            except BaseException:
                self._scope = None
                raise
        elif me == self._owner:
            self._owner_holds += 1
        else:
            self._borrowed += 1

    async def leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Let go of it; the owner, last of its holds, waits for the borrowers and closes it."""
        if self._scope is None:
            return None
        if anyio.get_current_task().id != self._owner:
            self._return_one()
            return None
        self._owner_holds -= 1
        if self._owner_holds:
            return None
        try:
            if kind is None:
                await self._wait_for_borrowers()
        except BaseException as cancelled:
            await self._close(type(cancelled), cancelled, cancelled.__traceback__)
            raise
        return await self._close(kind, error, traceback)

    def _return_one(self) -> None:
        self._borrowed = max(0, self._borrowed - 1)
        if not self._borrowed and self._all_returned is not None:
            self._all_returned.set()

    async def _wait_for_borrowers(self) -> None:
        while self._borrowed:
            self._all_returned = anyio.Event()
            await self._all_returned.wait()

    async def _close(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        scope, self._scope = self._scope, None
        self._borrowed = 0
        self._all_returned = None
        if scope is None:
            return None
        return await scope.__aexit__(kind, error, traceback)
