"""Counters on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import UnknownCommandError
from anyredis.server import Server
from tests.commands.live import knows


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def test_counters(client: Redis[str]) -> None:
    """Counters go up and down from 0."""
    assert await client.incr("k") == 1
    assert await client.incr("k", 9) == 10
    assert await client.incrby("k", 5) == 15
    assert await client.decr("k") == 14
    assert await client.decr("k", 4) == 10
    assert await client.decrby("k", 20) == -10
    assert await client.incrbyfloat("k", 0.5) == -9.5
    assert await client.incrbyfloat("small", 1e-7) == 1e-7


@pytest.mark.parametrize("protocol", [2, 3])
async def test_bounded_counters(redis8: Server, protocol: int) -> None:
    """A counter stays within its bounds, and gets a time to live; Redis 8.8."""
    async with Redis(host=redis8.host, port=redis8.port, protocol=protocol) as client:
        if not await knows(client, "INCREX"):
            with pytest.raises(UnknownCommandError):
                await client.increx("k")
            with pytest.raises(UnknownCommandError):
                await client.increx_float("k", 0.5)
            return
        assert await client.increx("k", ex=60, enx=True) == (1, 1)
        assert 0 < await client.ttl("k") <= 60
        assert await client.increx("k", 9, ubound=5) == (1, 0)
        assert await client.increx("k", 9, ubound=5, saturate=True) == (5, 4)
        assert await client.increx("k", -9, lbound=-1, saturate=True, persist=True) == (-1, -6)
        assert await client.ttl("k") == -1
        assert await client.increx_float("f", 0.5) == (0.5, 0.5)
        assert await client.increx_float("f", 2.0, ubound=1.5, saturate=True) == (1.5, 1.0)
