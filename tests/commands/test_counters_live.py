"""Counters on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.server import Server


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
