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
        self._holds: dict[int, list[TaskScope]] = {}
        """What each task holds, innermost last: of a scope that has gone, too."""
        self._returned = anyio.Event()

    @property
    def entered(self) -> bool:
        """Whether somebody holds it."""
        return self._scope is not None

    async def enter(self) -> None:
        """Hold it; the first to do so owns it."""
        me = anyio.get_current_task().id
        if self._scope is None:
            self._scope = TaskScope(self._opened, self._closing)
            self._owner = me
            try:
                await self._scope.__aenter__()
            except BaseException:
                self._scope = None
                raise
        self._holds.setdefault(me, []).append(self._scope)

    async def leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Let go of it; the owner, last of its holds, waits for the borrowers and closes it."""
        me = anyio.get_current_task().id
        scope = self._let_go(me)
        if scope is None or scope is not self._scope:
            return None  # it was closed before, or by its owner meanwhile
        if me != self._owner:
            self._returned.set()
            return None
        if scope in self._holds.get(me, ()):
            return None
        try:
            while kind is None and self._borrowed(scope):
                self._returned = anyio.Event()
                await self._returned.wait()
        except BaseException as cancelled:
            self._scope = None
            await scope.__aexit__(type(cancelled), cancelled, cancelled.__traceback__)
            raise
        self._scope = None
        return await scope.__aexit__(kind, error, traceback)

    def _let_go(self, me: int) -> TaskScope | None:
        """What this task held last; what any borrower held, where it was entered by another."""
        task = me
        if me not in self._holds:
            task = next((each for each in self._holds if each != self._owner), me)
        held = self._holds.get(task)
        if not held:
            return None
        scope = held.pop()
        if not held:
            del self._holds[task]
        return scope

    def _borrowed(self, scope: TaskScope) -> bool:
        return any(scope in held for held in self._holds.values())
