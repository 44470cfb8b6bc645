"""t-digests on a real server: each method once, in both protocols."""

from __future__ import annotations

import math
from typing import Literal

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_sketch(redis_stack: Server, protocol: Literal[2, 3]) -> None:
    """Quantiles and ranks of what was added; an empty sketch has none."""
    async with Redis(
        redis_stack.host, redis_stack.port, protocol=protocol, decode_responses=True
    ) as client:
        assert await client.tdigest.create("k") is True
        assert await client.tdigest.create("fine", 500) is True
        with pytest.raises(ResponseError, match="exists"):
            await client.tdigest.create("k")
        assert math.isnan(await client.tdigest.min("k"))
        assert math.isnan((await client.tdigest.quantile("k", 0.5))[0])
        assert await client.tdigest.rank("k", 3) == [-2]
        assert await client.tdigest.add("k", [1, 2, 3, 4.5, 10]) is True
        assert (await client.tdigest.min("k"), await client.tdigest.max("k")) == (1, 10)
        assert await client.tdigest.quantile("k", 0, 0.5, 1) == [1, 3, 10]
        assert await client.tdigest.rank("k", 0, 3, 11) == [-1, 2, 5]
        assert await client.tdigest.revrank("k", [0, 3, 11]) == [5, 2, -1]
        assert await client.tdigest.byrank("k", 0, 2, 9) == [1, 3, math.inf]
        assert await client.tdigest.byrevrank("k", 0, 9) == [10, -math.inf]
        assert await client.tdigest.cdf("k", 0, 3, 11) == [0, 0.5, 1]
        assert await client.tdigest.trimmed_mean("k", 0.1, 0.9) == pytest.approx(4.1)
        info = await client.tdigest.info("k")
        assert (info.compression, info.observations) == (100, 5)
        assert await client.tdigest.merge("fine", "k", compression=300) is True
        assert await client.tdigest.merge("fine", ["k"], override=True) is True
        assert (await client.tdigest.info("fine")).observations == 5
        assert await client.tdigest.reset("fine") is True
        async with client.pipeline() as pipe:
            smallest = pipe.tdigest.min("k")
        assert smallest.value == 1
