"""Hashes on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, WrongTypeError
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def test_fields_and_values(client: Redis[str]) -> None:
    """Stored fields are read back, one by one and all at once."""
    assert await client.hset("h", "a", 1) == 1
    assert await client.hset("h", "a", 2, mapping={"b": 3, "c": 4.5}) == 2
    assert await client.hmset("h", {"c": 5}) is True
    assert await client.hget("h", "a") == "2"
    assert await client.hget("h", "missing") is None
    assert await client.hmget("h", "a", "missing", "c") == ["2", None, "5"]
    assert await client.hgetall("h") == {"a": "2", "b": "3", "c": "5"}
    assert sorted(await client.hkeys("h")) == ["a", "b", "c"]
    assert sorted(await client.hvals("h")) == ["2", "3", "5"]
    assert await client.hlen("h") == 3
    assert await client.hstrlen("h", "a") == 1


async def test_missing_hash(client: Redis[str]) -> None:
    """Without a hash all replies are empty."""
    assert await client.hget("h", "a") is None
    assert await client.hmget("h", "a", "b") == [None, None]
    assert await client.hgetall("h") == {}
    assert await client.hkeys("h") == []
    assert await client.hvals("h") == []
    assert await client.hlen("h") == 0
    assert await client.hrandfield("h") is None
    assert await client.hrandfield_many("h", 2) == []
    assert await client.hrandfield_with_values("h", 2) == []
    assert await client.hscan("h") == (0, {})


async def test_hsetnx_hexists_hdel(client: Redis[str]) -> None:
    """A field is stored once with `hsetnx`, and is gone after `hdel`."""
    assert await client.hsetnx("h", "a", "1") is True
    assert await client.hsetnx("h", "a", "2") is False
    assert await client.hexists("h", "a") is True
    assert await client.hdel("h", "a", "missing") == 1
    assert await client.hexists("h", "a") is False


async def test_counters(client: Redis[str]) -> None:
    """Counters in fields go up and down from 0."""
    assert await client.hincrby("h", "n") == 1
    assert await client.hincrby("h", "n", -5) == -4
    assert await client.hincrbyfloat("h", "n", 0.5) == -3.5
    assert await client.hincrbyfloat("h", "m") == 1.0


async def test_random_fields(client: Redis[str]) -> None:
    """A positive count gives each field once, a negative one as many as asked for."""
    await client.hset("h", mapping={"a": 1, "b": 2})
    assert await client.hrandfield("h") in {"a", "b"}
    assert sorted(await client.hrandfield_many("h", 5)) == ["a", "b"]
    assert len(await client.hrandfield_many("h", -5)) == 5
    assert sorted(await client.hrandfield_with_values("h", 5)) == [("a", "1"), ("b", "2")]
    again = await client.hrandfield_with_values("h", -5)
    assert len(again) == 5
    assert set(again) <= {("a", "1"), ("b", "2")}


async def test_hscan(client: Redis[str]) -> None:
    """Page after page, every field comes."""
    stored = {f"field:{number}": "x" * 80 for number in range(600)}
    await client.hset("h", mapping=stored)
    cursor, found = await client.hscan("h")
    assert cursor != 0
    pages = 1
    while cursor:
        cursor, page = await client.hscan("h", cursor, count=200)
        found.update(page)
        pages += 1
    assert found == stored
    assert pages > 2
    assert await client.hscan("h", match="field:7", count=10_000) == (0, {"field:7": "x" * 80})
    assert await client.hscan_no_values("h", match="field:7", count=10_000) == (0, ["field:7"])


async def test_wrong_type(client: Redis[str]) -> None:
    """A hash command on another type of value is `WrongTypeError`; no number cannot be counted."""
    await client.set("s", "v")
    with pytest.raises(WrongTypeError):
        await client.hget("s", "a")
    await client.hset("h", "a", "text")
    with pytest.raises(ResponseError, match="not an integer"):
        await client.hincrby("h", "a")


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_bytes(request: pytest.FixtureRequest, name: str) -> None:
    """A client that does not decode gives all fields and values as bytes."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        await client.hset("h", b"\xff", b"\x00\r\n")
        assert await client.hgetall("h") == {b"\xff": b"\x00\r\n"}
        assert await client.hscan("h") == (0, {b"\xff": b"\x00\r\n"})
        assert await client.hrandfield_with_values("h", 1) == [(b"\xff", b"\x00\r\n")]
