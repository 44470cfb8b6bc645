"""Scans on real servers: each iterator once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def test_scan_iter(client: Redis[str]) -> None:
    """Keys that exist the whole time come, while other keys come and go."""
    await client.mset({f"stays:{i}": i for i in range(500)})
    await client.lpush("stays:list", "v")
    found: set[str] = set()
    async for key in client.scan_iter("stays:*", 20):
        found.add(key)
        if len(found) % 50 == 0:
            await client.mset({f"{key}:{i}:late": i for i in range(100)})
    assert found >= {f"stays:{i}" for i in range(500)} | {"stays:list"}
    assert [key async for key in client.scan_iter(type="list", count=10_000)] == ["stays:list"]
    assert [key async for key in client.scan_iter("nothing:*")] == []


async def test_left_early(client: Redis[str]) -> None:
    """A scan that is left early leaves nothing behind, also under trio."""
    await client.mset({f"k{i}": i for i in range(100)})
    async for key in client.scan_iter(count=5):
        assert key.startswith("k")
        break
    assert await client.ping() is True


async def test_hscan_iter(client: Redis[str]) -> None:
    """The fields of a hash too big for one page."""
    fields = {f"field{i}": "v" * 100 for i in range(500)}
    await client.hset("h", mapping=fields)
    assert {pair async for pair in client.hscan_iter("h", count=20)} == set(fields.items())
    assert [pair async for pair in client.hscan_iter("h", "field7")] == [("field7", "v" * 100)]
    assert {field async for field in client.hscan_iter_no_values("h")} == set(fields)


async def test_sscan_iter(client: Redis[str]) -> None:
    """The members of a set too big for one page."""
    members = {f"member{i}" for i in range(500)}
    await client.sadd("s", *members)
    assert {member async for member in client.sscan_iter("s", count=20)} == members
    assert [member async for member in client.sscan_iter("s", "member7")] == ["member7"]


async def test_zscan_iter(client: Redis[str]) -> None:
    """The members of a sorted set too big for one page."""
    scores = {f"member{i}": i + 0.5 for i in range(500)}
    await client.zadd("z", scores)
    assert {pair async for pair in client.zscan_iter("z", count=20)} == set(scores.items())
    assert [pair async for pair in client.zscan_iter("z", "member7")] == [("member7", 7.5)]


async def test_zscan_iter_no_scores(valkey: Server, redis8: Server) -> None:
    """Valkey gives members alone; Redis refuses."""
    async with Redis(host=valkey.host, port=valkey.port) as client:
        await client.zadd("z", {"a": 1, "b": 2})
        assert {member async for member in client.zscan_iter_no_scores("z")} == {b"a", b"b"}
    async with Redis(host=redis8.host, port=redis8.port) as client:
        await client.zadd("z", {"a": 1})
        with pytest.raises(ResponseError, match="syntax error"):
            await anext(client.zscan_iter_no_scores("z"))
