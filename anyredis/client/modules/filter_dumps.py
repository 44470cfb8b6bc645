"""Filters in chunks, for backup and restore."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import TypeAlias

from anyredis.client.scans import ScanIterator
from anyredis.commands.modules.bf import Chunk
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.wire.encode import Key

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
