"""Expiry of keys on real servers: each method once, on every server that knows it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.server import Server

FUTURE = datetime.datetime(2055, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def test_time_to_live(client: Redis[str]) -> None:
    """A time to live is set in every way, read in every way, and removed."""
    assert await client.ttl("k") == -2
    assert await client.expire("k", 100) is False
    await client.set("k", "v")
    assert await client.ttl("k") == -1
    assert await client.persist("k") is False
    assert await client.expire("k", 100, xx=True) is False
    assert await client.expire("k", 100, nx=True) is True
    assert await client.expire("k", datetime.timedelta(minutes=10), xx=True, gt=True) is True
    assert 590 <= await client.ttl("k") <= 600
    assert await client.pexpire("k", 1_000_000, gt=True) is True
    assert 990_000 <= await client.pttl("k") <= 1_000_000
    assert await client.expireat("k", FUTURE) is True
    assert await client.expiretime("k") == int(FUTURE.timestamp())
    assert await client.pexpireat("k", FUTURE, lt=True) is False
    assert await client.pexpireat("k", int(FUTURE.timestamp() * 1000) - 1, lt=True) is True
    assert await client.pexpiretime("k") == FUTURE.timestamp() * 1000 - 1
    assert await client.persist("k") is True
    assert await client.pttl("k") == -1
    assert await client.expire("k", -1) is True
    assert await client.exists("k") == 0
