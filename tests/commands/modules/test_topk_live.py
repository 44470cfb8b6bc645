"""Top-k lists on a real server: each method once, in both protocols."""

from __future__ import annotations

from typing import Literal

import pytest

from anyredis import Redis
from anyredis.commands.modules.topk import TopKInfo
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_list(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """The most frequent items are on the list, with their counts."""
    async with Redis(
        redis_stack.host, redis_stack.port, protocol=protocol, decode_responses=True
    ) as client:
        assert await client.topk.reserve("k", 2, 50, 4, 0.9) is True
        with pytest.raises(ResponseError, match="exists"):
            await client.topk.reserve("k", 2)
        assert await client.topk.add("k", "a", "b") == [None, None]
        assert await client.topk.incrby("k", {"a": 5, "c": 7}) == [None, "b"]
        assert await client.topk.list("k") == ["c", "a"]
        assert await client.topk.list_with_counts("k") == [("c", 7), ("a", 6)]
        assert await client.topk.query("k", "a", "b") == [True, False]
        assert await client.topk.count("k", "a", "z") == [6, 0]
        assert await client.topk.info("k") == TopKInfo(2, 50, 4, 0.9)
        async with client.pipeline() as pipe:
            listed = pipe.topk.list("k")
        assert listed.value == ["c", "a"]
