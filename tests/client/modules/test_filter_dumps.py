"""Tests of `anyredis.client.modules.filter_dumps`: filters in chunks."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, cast

import anyio
import pytest

from anyredis.client.modules.filter_dumps import DumpIterator, load_chunks
from anyredis.commands.modules.bf import Chunk
from anyredis.exceptions import ConnectionError as LostError
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.wire.encode import Key

CHUNKS = {0: (1, b"head"), 1: (30, b"a"), 30: (60, b"b"), 60: (0, b"")}


class Source:
    """A filter of three chunks; a request may be lost or slow once."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.fails = False
        self.hangs = False

    async def scandump(self, iterator: int) -> Chunk:
        """The chunk at *iterator*."""
        self.asked.append(iterator)
        if self.fails:
            self.fails = False
            raise LostError("lost")
        if self.hangs:
            self.hangs = False
            await anyio.sleep_forever()
        return CHUNKS[iterator]


async def test_all_chunks() -> None:
    """Each chunk comes once, the end is none of them, and it stays the end."""
    source = Source()
    dump = DumpIterator(source.scandump)
    assert [each async for each in dump] == [(1, b"head"), (30, b"a"), (60, b"b")]
    assert source.asked == [0, 1, 30, 60]
    with pytest.raises(StopAsyncIteration):
        await anext(dump)
    assert source.asked == [0, 1, 30, 60]


async def test_a_lost_reply_loses_no_chunk() -> None:
    """After an error or a cancellation the same chunk is requested again (G10)."""
    source = Source()
    dump = DumpIterator(source.scandump)
    assert await anext(dump) == (1, b"head")
    source.fails = True
    with pytest.raises(LostError):
        await anext(dump)
    source.hangs = True
    with anyio.move_on_after(0):
        await anext(dump)
    assert [each async for each in dump] == [(30, b"a"), (60, b"b")]
    assert source.asked == [0, 1, 1, 1, 30, 60]


async def test_a_closed_dump_ends() -> None:
    """Nothing more is requested; there is nothing else to close."""
    source = Source()
    async with aclosing(DumpIterator(source.scandump)) as dump:
        await anext(dump)
    assert [each async for each in dump] == []
    assert source.asked == [0]


async def test_loading() -> None:
    """Chunks are written in their order, from a list or from a dump."""
    written: list[tuple[Key, int, bytes]] = []

    async def loadchunk(key: Key, iterator: int, data: bytes) -> bool:
        written.append((key, iterator, data))
        return True

    assert await load_chunks("X", "k", DumpIterator(Source().scandump), loadchunk) == 3
    assert await load_chunks("X", "l", [(1, b"head")], loadchunk) == 1
    assert written == [
        *(("k", 1, b"head"), ("k", 30, b"a"), ("k", 60, b"b")),
        ("l", 1, b"head"),
    ]
    with pytest.raises(DataValueError, match="X: chunks is empty: give what scandump_iter gave"):
        await load_chunks("X", "k", [], loadchunk)
    with pytest.raises(DataTypeError, match="X: chunks is a int: give"):
        await load_chunks("X", "k", cast("Any", 5), loadchunk)
