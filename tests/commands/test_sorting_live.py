"""Sorting on real servers: each method once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, with a list and keys for its members."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        await client.rpush("k", "10", "9", "8")
        await client.mset({"w_8": 3, "w_9": 1, "w_10": 2, "o_8": "eight", "o_9": "nine"})
        yield client


async def test_sort(client: Redis[str]) -> None:
    """Members come in the order of their values, or of other keys, in part or whole."""
    assert await client.sort("k") == ["8", "9", "10"]
    assert await client.sort("k", desc=True) == ["10", "9", "8"]
    assert await client.sort("k", alpha=True) == ["10", "8", "9"]
    assert await client.sort("k", by="w_*") == ["9", "10", "8"]
    assert await client.sort("k", start=1, num=1) == ["9"]
    assert await client.sort("nope") == []
    assert await client.sort_ro("k", desc=True) == ["10", "9", "8"]


async def test_sort_get(client: Redis[str]) -> None:
    """The values of other keys come for each member, None for a missing key."""
    assert await client.sort_get("k", "o_*") == ["eight", "nine", None]
    assert await client.sort_get("k", "#", "o_*", num=2, start=1) == ["9", "nine", "10", None]
    assert await client.sort_ro_get("k", "o_*", by="w_*") == ["nine", None, "eight"]


async def test_sort_store(client: Redis[str]) -> None:
    """The order is stored; a missing value is an empty string there."""
    assert await client.sort_store("k", "d") == 3
    assert await client.lrange("d", 0, -1) == ["8", "9", "10"]
    assert await client.sort_store("k", "d", "o_*", desc=True) == 3
    assert await client.lrange("d", 0, -1) == ["", "nine", "eight"]


async def test_no_numbers(client: Redis[str]) -> None:
    """Text has no numeric order."""
    await client.rpush("k", "ten")
    with pytest.raises(ResponseError, match="converted into double"):
        await client.sort("k")
