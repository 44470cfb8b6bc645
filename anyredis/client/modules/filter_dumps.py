"""Filters in chunks, for backup and restore."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import ClassVar, TypeAlias

from anyredis.client.scans import ScanIterator
from anyredis.command import Method
from anyredis.commands.modules.bf import Chunk
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.namespaces import ClientNamespace
from anyredis.replies import S
from anyredis.unfit_calls import coroutine_method, explained
from anyredis.wire.encode import Key, Value

Chunks: TypeAlias = Iterable[Chunk] | AsyncIterable[Chunk]


class DumpIterator(ScanIterator[Chunk]):
    """All chunks of a filter, for `async for`; each is requested when it is wanted.

    After an error or a cancellation, the next chunk is the one that was requested then.
    """

    def __init__(self, scandump: Callable[[int], Awaitable[Chunk]]) -> None:
        self._scandump = scandump
        self._iterator: int | None = 0

    async def __anext__(self) -> Chunk:
        """The next chunk."""
        if self._closed or self._iterator is None:
            raise StopAsyncIteration
        iterator, data = await self._scandump(self._iterator)
        if iterator == 0:
            self._iterator = None
            raise StopAsyncIteration
        self._iterator = iterator
        return iterator, data


async def load_chunks(
    name: str, key: Key, chunks: Chunks, loadchunk: Callable[[Key, int, bytes], Awaitable[bool]]
) -> int:
    """Write *chunks* to *key* one after the other; gives their number."""
    count = 0
    if isinstance(chunks, AsyncIterable):
        async for iterator, data in chunks:
            await loadchunk(key, iterator, data)
            count += 1
    elif isinstance(chunks, Iterable):
        for iterator, data in chunks:
            await loadchunk(key, iterator, data)
            count += 1
    else:
        msg = f"{name}: chunks is a {type(chunks).__name__}: give what scandump_iter gave"
        raise DataTypeError(msg)
    if not count:
        raise DataValueError(f"{name}: chunks is empty: give what scandump_iter gave")
    return count


class DumpedFilters(ClientNamespace[S]):
    """The base of the namespaces of filters on clients: whole filters, read and written in chunks.

    It stands behind the class of the commands, whose two on chunks it calls.
    """

    loading: ClassVar[str]
    """The name of the command that writes a chunk."""
    scandump: Method[[Key, int], Chunk]
    loadchunk: Method[[Key, int, Value], bool]

    @explained
    def scandump_iter(self, key: Key) -> DumpIterator:
        """All chunks of the filter at *key*, each an iterator and bytes, for `async for`.

        `loadchunks` takes them. The filter must not change in between.
        `ResponseError` if there is no filter.
        """
        return DumpIterator(lambda iterator: self.scandump(key, iterator))

    @coroutine_method
    async def loadchunks(self, key: Key, chunks: Chunks) -> int:
        """The number of *chunks*, all of which were written to *key*, which did not exist before.

        *chunks* is what `scandump_iter` gave: that iterator, or a list of pairs. If it fails or is
        cancelled, *key* may hold a part of the filter: delete it and begin anew.
        """
        return await load_chunks(self.loading, key, chunks, self.loadchunk)
