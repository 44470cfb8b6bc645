"""Scans: everything there is, page by page, for `async for`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from anyredis.command import Executor
from anyredis.commands.hashes import Hashes
from anyredis.commands.keys import Keys
from anyredis.commands.sets import Sets
from anyredis.commands.sorted_sets import SortedSets
from anyredis.replies import S
from anyredis.wire.encode import Key

T = TypeVar("T")


class Pages(AsyncIterator[T]):
    """All items of a scan, each page asked for when the one before is used up.

    No async generator: one that is left early would have to be closed, and here is nothing to
    close.  After an error or a cancel, the next item is that of the page which did not come.
    """

    def __init__(self, page: Callable[[int], Awaitable[tuple[int, Iterable[T]]]]) -> None:
        self._page = page
        self._cursor: int | None = 0
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        """The next item."""
        while True:
            for item in self._items:
                return item
            if self._cursor is None:
                raise StopAsyncIteration
            cursor, items = await self._page(self._cursor)
            self._items, self._cursor = iter(items), cursor or None


class Scans(Keys[S], Hashes[S], Sets[S], SortedSets[S], Executor):
    """The SCAN commands as iterators.

    What is there from the first page to the last comes at least once; what comes or goes meanwhile
    may come or not; anything may come twice.  Nothing is held on the server or a connection between
    two pages: an iteration may pause for any time and end anywhere.
    """

    def scan_iter(
        self, match: Key | None = None, count: int | None = None, type: Key | None = None
    ) -> AsyncIterator[S]:
        """All keys that match the glob *match* and hold the *type* (as `type` names it).

        A key may come twice; one that is there the whole time comes at least once.  *count* says
        how much the server looks at for one page, not how many come.
        """
        return Pages(lambda cursor: self.scan(cursor, match, count, type))

    def hscan_iter(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> AsyncIterator[tuple[S, S]]:
        """The fields of the hash at *key* that match the glob *match*, with their values.

        A field may come twice, with two values if it changed; one that is there the whole time
        comes at least once.  *count* as for `scan_iter`.
        """

        async def page(cursor: int) -> tuple[int, Iterable[tuple[S, S]]]:
            after, fields = await self.hscan(key, cursor, match, count)
            return after, fields.items()

        return Pages(page)

    def hscan_iter_no_values(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> AsyncIterator[S]:
        """Like `hscan_iter`, names of fields only.  Valkey 8.0, Redis 7.4."""
        return Pages(lambda cursor: self.hscan_no_values(key, cursor, match, count))

    def sscan_iter(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> AsyncIterator[S]:
        """The members of the set at *key* that match the glob *match*.

        A member may come twice; one that is there the whole time comes at least once.  *count* as
        for `scan_iter`.
        """
        return Pages(lambda cursor: self.sscan(key, cursor, match, count))

    def zscan_iter(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> AsyncIterator[tuple[S, float]]:
        """The members of the sorted set at *key* that match the glob *match*, with their scores.

        A member may come twice, with two scores if it changed; one that is there the whole time
        comes at least once.  *count* as for `scan_iter`.
        """
        return Pages(lambda cursor: self.zscan(key, cursor, match, count))

    def zscan_iter_no_scores(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> AsyncIterator[S]:
        """Like `zscan_iter`, members only.  Valkey 8.0."""
        return Pages(lambda cursor: self.zscan_no_scores(key, cursor, match, count))
