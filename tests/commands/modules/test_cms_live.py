"""Count-min sketches on a real server: each method once, in both protocols."""

from __future__ import annotations

from typing import Literal

import pytest

from anyredis import Redis
from anyredis.commands.modules.cms import CountMinSketchInfo
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_counts(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Items are counted, and sketches of one size are added, on a client and in a pipeline."""
    async with Redis(redis_stack.host, redis_stack.port, protocol=protocol) as client:
        assert await client.cms.initbydim("k", 1000, 5) is True
        assert await client.cms.initbydim("d", 1000, 5) is True
        assert await client.cms.initbyprob("p", 0.001, 0.5) is True
        with pytest.raises(ResponseError, match="already exists"):
            await client.cms.initbydim("k", 1000, 5)
        assert await client.cms.incrby("k", {"a": 2, "b": 3}) == [2, 3]
        assert await client.cms.incrby("k", ["a"], [2]) == [4]
        assert await client.cms.query("k", "a", "b", "c") == [4, 3, 0]
        assert await client.cms.merge("d", {"k": 3}) is True
        assert await client.cms.info("d") == CountMinSketchInfo(1000, 5, 21)
        async with client.pipeline() as pipe:
            added = pipe.cms.incrby("d", "a", 1)
            counts = pipe.cms.query("d", "a", "b")
        assert (added.value, counts.value) == ([13], [13, 9])
        with pytest.raises(ResponseError, match="does not exist"):
            await client.cms.query("missing", "a")
