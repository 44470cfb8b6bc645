"""Scans: all elements of a SCAN command, page by page, for `async for`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from anyredis.command import Executor
from anyredis.commands.checks import whole
from anyredis.commands.hashes import Hashes
from anyredis.commands.keys import Keys
from anyredis.commands.sets import Sets
from anyredis.commands.sorted_sets import SortedSets
from anyredis.replies import S
from anyredis.unfit_calls import explained
from anyredis.wire.encode import Key

T = TypeVar("T")


class ScanIterator(AsyncIterator[T]):
    """The items of a scan, for `async for`, page by page.

    It need not be closed, because neither the server nor a connection holds anything for it between
    two pages.  `contextlib.aclosing(client.scan_iter())` works all the same.
    """

    _closed = False

    async def aclose(self) -> None:
        """End the iteration, also for a task that waits for a page at this moment.

        Nothing more is requested.  It may be closed twice.
        """
        self._closed = True


class Pages(ScanIterator[T]):
    """All items of a scan; each page is requested after the last item of the one before.

    It is not an async generator: an `async for` that ends early would have to close that, and there
    is nothing to close here.  After an error or a cancellation, the next item comes from the page
    that was requested then.
    """

    def __init__(self, page: Callable[[int], Awaitable[tuple[int, Iterable[T]]]]) -> None:
        self._page = page
        self._cursor: int | None = 0
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        """The next item."""
        while not self._closed:
            for item in self._items:
                return item
            if self._cursor is None:
                break
            cursor, items = await self._page(self._cursor)
            self._items, self._cursor = iter(items), cursor or None
        raise StopAsyncIteration


def check_scan(method: str, count: object) -> None:
    """Raise `DataError` at the call, not at the first item, if *count* is no whole number."""
    if count is not None:
        whole(f"{method}: count", count)


class Scans(Keys[S], Hashes[S], Sets[S], SortedSets[S], Executor):
    """The SCAN commands as iterators.

    An element that exists during the whole iteration is returned at least once; one that is added
    or removed meanwhile may be returned or not; any may be returned twice.  Neither the server nor
    a connection holds anything between two pages: an iteration may pause or end at any time.
    """

    @explained
    def scan_iter(
        self, match: Key | None = None, count: int | None = None, type: Key | None = None
    ) -> ScanIterator[S]:
        """All keys that match the glob *match* and hold the *type* (as `type` names it).

        A key may be returned twice; one that exists the whole time is returned at least once.
        *count* is the number of elements that the server examines for one page, not the number
        that it returns.
        """
        check_scan("scan_iter", count)
        return Pages(lambda cursor: self.scan(cursor, match, count, type))

    @explained
    def hscan_iter(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> ScanIterator[tuple[S, S]]:
        """The fields of the hash at *key* that match the glob *match*, with their values.

        A field may be returned twice, with two values if it changed; one that exists the whole
        time is returned at least once.  *count* as for `scan_iter`.
        """
        check_scan("hscan_iter", count)

        async def page(cursor: int) -> tuple[int, Iterable[tuple[S, S]]]:
            after, fields = await self.hscan(key, cursor, match, count)
            return after, fields.items()

        return Pages(page)

    @explained
    def hscan_iter_no_values(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> ScanIterator[S]:
        """Like `hscan_iter`, names of fields only.  Redis 7.4, Valkey 8.0."""
        check_scan("hscan_iter_no_values", count)
        return Pages(lambda cursor: self.hscan_no_values(key, cursor, match, count))

    @explained
    def sscan_iter(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> ScanIterator[S]:
        """The members of the set at *key* that match the glob *match*.

        A member may be returned twice; one that exists the whole time is returned at least once.
        *count* as for `scan_iter`.
        """
        check_scan("sscan_iter", count)
        return Pages(lambda cursor: self.sscan(key, cursor, match, count))

    @explained
    def zscan_iter(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> ScanIterator[tuple[S, float]]:
        """The members of the sorted set at *key* that match the glob *match*, with their scores.

        A member may be returned twice, with two scores if it changed; one that exists the whole
        time is returned at least once.  *count* as for `scan_iter`.
        """
        check_scan("zscan_iter", count)
        return Pages(lambda cursor: self.zscan(key, cursor, match, count))

    @explained
    def zscan_iter_no_scores(
        self, key: Key, match: Key | None = None, count: int | None = None
    ) -> ScanIterator[S]:
        """Like `zscan_iter`, members only.  Valkey 8.0."""
        check_scan("zscan_iter_no_scores", count)
        return Pages(lambda cursor: self.zscan_no_scores(key, cursor, match, count))
