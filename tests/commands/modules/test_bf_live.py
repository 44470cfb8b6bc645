"""Bloom filters on a real server: each method once, in both protocols."""

from __future__ import annotations

from typing import Literal

import pytest

from anyredis import Redis
from anyredis.exceptions import DataValueError, ResponseError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_filter(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """What was added is found; a dump in chunks restores it, on a client and in a pipeline."""
    async with Redis(
        redis_stack.host, redis_stack.port, protocol=protocol, decode_responses=True
    ) as client:
        assert await client.bf.reserve("k", 0.001, 1000, expansion=4) is True
        with pytest.raises(ResponseError, match="exists"):
            await client.bf.reserve("k", 0.001, 1000)
        assert await client.bf.add("k", "a") is True
        assert await client.bf.add("k", "a") is False
        assert await client.bf.madd("k", "a", "b") == [False, True]
        assert await client.bf.insert("n", ["a"], capacity=10, error=0.1) == [True]
        with pytest.raises(ResponseError, match="not found"):
            await client.bf.insert("missing", ["a"], nocreate=True)
        assert await client.bf.exists("k", "b") is True
        assert await client.bf.mexists("k", "b", "z") == [True, False]
        assert (await client.bf.card("k"), await client.bf.card("missing")) == (2, 0)
        info = await client.bf.info("k")
        assert (info.capacity, info.filters, info.items, info.expansion) == (1000, 1, 2, 4)

        assert await client.bf.reserve("fixed", 0.01, 2, nonscaling=True) is True
        assert (await client.bf.info("fixed")).expansion is None
        with pytest.raises(ResponseError, match="full"):
            await client.bf.madd("fixed", *map(str, range(9)))

        first = await client.bf.scandump("k", 0)
        assert first[0] == 1
        chunks = [chunk async for chunk in client.bf.scandump_iter("k")]
        assert chunks[0] == first
        assert await client.bf.loadchunk("by hand", *first) is True
        assert await client.bf.loadchunks("copy", chunks) == len(chunks) >= 2
        assert await client.bf.loadchunks("copied", client.bf.scandump_iter("copy")) == len(chunks)
        assert await client.bf.mexists("copied", "a", "b", "z") == [True, True, False]
        with pytest.raises(DataValueError, match=r"BF\.LOADCHUNK: chunks is empty"):
            await client.bf.loadchunks("nothing", [])
        async with client.pipeline() as pipe:
            added = pipe.bf.add("k", "c")
            there = pipe.bf.exists("k", "c")
        assert (added.value, there.value) == (True, True)
