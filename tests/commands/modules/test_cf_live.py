"""Cuckoo filters on a real server: each method once, in both protocols."""

from __future__ import annotations

from typing import Literal

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_filter(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """What was added is found, counted and deleted; a dump in chunks restores it."""
    async with Redis(
        redis_stack.host, redis_stack.port, protocol=protocol, decode_responses=True
    ) as client:
        assert (
            await client.cf.reserve("k", 1000, bucket_size=4, max_iterations=10, expansion=2)
            is True
        )
        assert await client.cf.add("k", "a") is True
        assert await client.cf.addnx("k", "a") is False
        assert await client.cf.insert("k", ["a", "b"]) == [True, True]
        assert await client.cf.insertnx("k", ["b", "c"]) == [0, 1]
        assert await client.cf.count("k", "a") == 2
        assert await client.cf.delete("k", "a") is True
        assert await client.cf.delete("k", "z") is False
        assert await client.cf.exists("k", "a") is True
        assert await client.cf.mexists("k", "b", "z") == [True, False]
        info = await client.cf.info("k")
        assert (info.items, info.deleted, info.bucket_size, info.expansion) == (3, 1, 4, 2)
        assert await client.cf.compact("k") is True

        assert (
            await client.cf.reserve("small", 2, bucket_size=1, max_iterations=1, expansion=0)
            is True
        )
        outcomes = await client.cf.insert("small", [*map(str, range(9))])
        assert outcomes[-1] is False
        assert (await client.cf.insertnx("small", ["new"])) == [-1]
        with pytest.raises(ResponseError, match="full"):
            await client.cf.add("small", "newer")
        with pytest.raises(ResponseError, match=r"(?i)not found"):
            await client.cf.delete("missing", "a")

        first = await client.cf.scandump("k", 0)
        chunks = [chunk async for chunk in client.cf.scandump_iter("k")]
        assert chunks[0] == first
        assert await client.cf.loadchunk("by hand", *first) is True
        assert await client.cf.loadchunks("copy", chunks) == len(chunks) >= 2
        assert await client.cf.mexists("copy", "a", "b", "c", "z") == [True, True, True, False]
        async with client.pipeline() as pipe:
            added = pipe.cf.add("k", "d")
        assert added.value is True
