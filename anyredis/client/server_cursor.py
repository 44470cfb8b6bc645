"""A cursor of a server: its rows, page by page, in a block that closes it.

Law: each command runs in a task of the pool, one at a time.  So cancelling a reader loses no row:
the page that it waited for is there for the next reader.  Leaving the block closes the cursor, whatever
was cancelled: the task does it, as soon as it knows the cursor, and leaving waits for it, shielded
and bounded.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar

import anyio

from anyredis.command import Command
from anyredis.commands.cursors import CursorPage, CursorPlan
from anyredis.exceptions import ConnectionError, RedisError, fresh
from anyredis.pool.scope import PoolScope

T = TypeVar("T")

Submit: TypeAlias = Callable[[Command[Any]], Awaitable[Any]]
"""Runs a command on the node of the cursor."""

First: TypeAlias = Callable[[Command[CursorPage[T]]], Awaitable[tuple[CursorPage[T], Submit]]]
"""Runs the command that makes the cursor: gives its first page, and what runs the next commands."""

LEAVE_TIMEOUT: Final = 5.0
"""Seconds that leaving the block waits until the cursor is closed."""

LOGGER = logging.getLogger("anyredis")

NOT_OPEN: Final = (
    "these rows are not open: use them inside `async with ….aggregate_iter(…) as rows:`"
)


class ServerCursor(Generic[T]):
    """The rows of *plan*, for an `async with` block and `async for`; several tasks may read them."""

    def __init__(self, plan: CursorPlan[T], first: First[T], scope: PoolScope) -> None:
        self._plan = plan
        self._first = first
        self._scope = scope
        self._submit: Submit | None = None
        self._rows: deque[T] = deque()
        self._cursor = 0
        self._failure: Exception | None = None
        self._busy: anyio.Event | None = None
        """Set once the task that runs now has ended; None if there is none."""
        self._state = "new"
        self.warnings: Final[list[str]] = []
        """What the server has warned of so far; RESP2 has no place for it."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state}, cursor {self._cursor}, {len(self._rows)} rows here>"

    # -- the block ------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Make the cursor; raises the error of the command that does."""
        if self._state != "new":
            raise RuntimeError("these rows were read already: make others for another block")
        self._state = "open"
        try:
            self._start(self._begin)
            await self._wait()
            self._check()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """The same as leaving the block: close the cursor; twice is once.

        A cancellation that comes meanwhile is raised afterwards.
        """
        if self._state == "closed":
            return
        self._state = "closed"
        self._rows.clear()
        if self._busy is None and self._cursor and self._scope.entered:
            self._start(self._finish)
        cancelled: BaseException | None = None
        with anyio.move_on_after(LEAVE_TIMEOUT, shield=True) as scope:
            while self._busy is not None:
                try:
                    await self._busy.wait()
                except anyio.get_cancelled_exc_class() as error:
                    if scope.cancel_called:
                        raise
                    cancelled = error  # by `asyncio.Task.cancel`, which ignores shields
        if self._busy is not None:
            LOGGER.warning("a cursor was not closed within %g s of leaving", LEAVE_TIMEOUT)
        if cancelled is not None:
            raise cancelled

    # -- the rows -------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next row.

        Raises the error of the page that was to be read, each time from then on.
        """
        while not self._rows:
            if self._state != "open":
                raise RuntimeError(NOT_OPEN)
            self._check()
            if self._busy is None:
                if not self._cursor:
                    raise StopAsyncIteration
                self._start(self._read)
            await self._wait()
        return self._rows.popleft()

    def _check(self) -> None:
        """Raise the error of the last page, if it failed."""
        if self._failure is not None:
            raise fresh(self._failure) if isinstance(self._failure, RedisError) else self._failure

    async def _wait(self) -> None:
        """Wait until the task that runs now has ended."""
        if self._busy is not None:
            await self._busy.wait()

    # -- the tasks ------------------------------------------------------------------------------

    def _start(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run *step* in a task of the pool."""
        self._busy = anyio.Event()
        try:
            self._scope.start_soon(self._run, step)
        except BaseException:
            self._busy = None
            raise

    async def _run(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - handed on to the reader
                self._failure = error
            if self._state == "closed":
                await self._finish()
        except BaseException:
            self._failure = self._failure or ConnectionError(
                "the pool closed while a page was read"
            )
            raise
        finally:
            busy, self._busy = self._busy, None
            if busy is not None:
                busy.set()

    async def _begin(self) -> None:
        page, self._submit = await self._first(self._plan.first)
        self._take(page)

    async def _read(self) -> None:
        assert self._submit is not None  # noqa: S101 - the first page is here
        self._take(await self._submit(self._plan.read(self._cursor)))

    def _take(self, page: CursorPage[T]) -> None:
        self._cursor = page.cursor
        self.warnings.extend(page.warnings)
        if self._state == "open":
            self._rows.extend(page.rows)

    async def _finish(self) -> None:
        """Close the cursor; that the server does not know it any more is all right."""
        cursor, self._cursor = self._cursor, 0
        if not cursor or self._submit is None:
            return
        try:
            await self._submit(self._plan.delete(cursor))
        except RedisError as error:
            LOGGER.info("a cursor was not closed: %s", error)
