"""HyperLogLogs on real servers: each method once, on every server that the tests run."""

from __future__ import annotations

import pytest

from anyredis import Redis
from anyredis.exceptions import WrongTypeError
from anyredis.server import Server


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_estimates(request: pytest.FixtureRequest, name: str) -> None:
    """Different elements are counted once, in one key, in several, and in their union."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        assert await client.pfadd("a", "x", "y") is True
        assert await client.pfadd("a", ["y", "x"]) is False
        assert await client.pfadd("b") is True
        assert await client.pfadd("b", "y", "z") is True
        assert await client.pfcount("a") == 2
        assert await client.pfcount("a", "b", "missing") == 3
        assert await client.pfmerge("c", ["a", "b"]) is True
        assert await client.pfcount("c") == 3
        await client.set("text", "x")
        with pytest.raises(WrongTypeError):
            await client.pfcount("text")
