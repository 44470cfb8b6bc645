"""Entries that were read and not yet handed out, a bounded number from each source.

Law: a source adds no more entries than it has room for, and waits while nobody takes any.  What is
taken is handed out at once: there is no `await` between the two, so a cancelled wait loses nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

import anyio

from anyredis.recipes.stream_errors import raised

E = TypeVar("E")

HANDED_OUT_AT_ONCE: Final = 32
"""Entries that an iterator gives before it lets other tasks run."""


class Share:
    """The part of a queue that one source may fill, *limit* entries."""

    __slots__ = ("_freed", "limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._freed: anyio.Event | None = None

    @property
    def room(self) -> int:
        """The number of entries that may be added."""
        return self.limit - self.used

    def take(self) -> None:
        """Note that an entry of it was taken."""
        self.used -= 1
        if self._freed is not None and 2 * self.used <= self.limit:
            self._freed.set()
            self._freed = None

    async def wait_for_room(self) -> None:
        """Wait until half of it is free, so that a read is worth its round trip."""
        while 2 * self.used > self.limit:
            self._freed = anyio.Event()
            await self._freed.wait()


class EntryQueue(Generic[E]):
    """Entries of several sources, in the order of their arrival; several tasks may take them."""

    def __init__(self) -> None:
        self.ready: deque[tuple[Share, E]] = deque()
        self.failure: Exception | None = None
        """The error that ended the reading."""
        self.closed = False
        self._changed = anyio.Event()

    def add(self, share: Share, entries: Iterable[E]) -> None:
        """Add *entries*, for which *share* has room, and wake those who wait."""
        before = len(self.ready)
        self.ready.extend([(share, each) for each in entries])
        share.used += len(self.ready) - before
        self._wake()

    def discard(self, unwanted: Callable[[E], bool]) -> None:
        """Drop the entries that nobody should get any more."""
        kept = [item for item in self.ready if not unwanted(item[1])]
        dropped = [share for share, each in self.ready if unwanted(each)]
        self.ready = deque(kept)
        for share in dropped:
            share.take()

    def fail(self, error: Exception) -> None:
        """Let each who takes an entry get *error* once the queue is empty."""
        self.failure = self.failure or error
        self._wake()

    def close(self) -> None:
        """Hand out nothing more: those who wait, and who come, get the end of the iteration."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def wait(self) -> None:
        """Wait until there is an entry.

        Raises `StopAsyncIteration` once it is closed, and the error that ended the reading.
        """
        while True:
            if self.closed:
                raise StopAsyncIteration
            if self.ready:
                return
            if self.failure is not None:
                raise raised(self.failure)
            await self._changed.wait()

    def take(self) -> E:
        """The oldest entry; there is one."""
        share, entry = self.ready.popleft()
        share.take()
        return entry
