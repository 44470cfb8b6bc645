"""Expiry of hash fields on real servers: each method once, on every server that knows it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server

FAR = datetime.datetime(2133, 1, 1, tzinfo=datetime.UTC)
FAR_SECONDS = int(FAR.timestamp())


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server; there is a hash of two fields."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        await client.hset("h", mapping={"a": 1, "b": 2})
        yield client


async def test_hexpire(client: Redis[str]) -> None:
    """Each field has its own time to live, and a code of its own."""
    assert await client.hexpire("h", 100, "a", "missing") == [1, -2]
    (seconds, none, missing) = await client.httl("h", "a", "b", "missing")
    assert 0 < seconds <= 100
    assert (none, missing) == (-1, -2)
    assert await client.hpexpire("h", datetime.timedelta(seconds=50), "a") == [1]
    (milliseconds, none) = await client.hpttl("h", "a", "b")
    assert 0 < milliseconds <= 50_000
    assert none == -1


async def test_conditions(client: Redis[str]) -> None:
    """0 means that the condition was not met."""
    assert await client.hexpire("h", 100, "a", "b", xx=True) == [0, 0]
    assert await client.hexpire("h", 100, "a", nx=True) == [1]
    assert await client.hexpire("h", 100, "a", nx=True) == [0]
    assert await client.hexpire("h", 50, "a", gt=True) == [0]
    assert await client.hpexpire("h", 200_000, "a", gt=True) == [1]
    assert await client.hexpireat("h", FAR, "a", lt=True) == [0]
    assert await client.hpexpireat("h", FAR, "a", gt=True) == [1]


async def test_moments(client: Redis[str]) -> None:
    """A moment that is set is read back, in seconds and in milliseconds."""
    assert await client.hexpireat("h", FAR, "a", "missing") == [1, -2]
    assert await client.hexpiretime("h", "a", "b", "missing") == [FAR_SECONDS, -1, -2]
    assert await client.hpexpireat("h", FAR_SECONDS * 1000 + 7, "b") == [1]
    assert await client.hpexpiretime("h", "a", "b") == [FAR_SECONDS * 1000, FAR_SECONDS * 1000 + 7]


async def test_the_past(client: Redis[str]) -> None:
    """2 means that the field has expired already; the last field takes the hash along."""
    assert await client.hexpire("h", 0, "a") == [2]
    assert await client.hgetall("h") == {"b": "2"}
    assert await client.hpexpireat("h", 1, "b") == [2]
    assert await client.hlen("h") == 0
    assert await client.hexpire("h", 1, "a") == [-2]


async def test_hpersist(client: Redis[str]) -> None:
    """A time to live that is removed is gone."""
    await client.hexpire("h", 100, "a")
    assert await client.hpersist("h", "a", "b", "missing") == [1, -1, -2]
    assert await client.httl("h", "a") == [-1]


async def test_hgetex(client: Redis[str]) -> None:
    """Reading can set or remove the time to live."""
    assert await client.hgetex("h", "a", "missing") == ["1", None]
    assert await client.hgetex("h", "a", exat=FAR) == ["1"]
    assert await client.hexpiretime("h", "a", "b") == [FAR_SECONDS, -1]
    assert await client.hgetex("h", "a", persist=True) == ["1"]
    assert await client.httl("h", "a") == [-1]
    assert await client.hgetex("h", "a", ex=100) == ["1"]
    assert await client.hgetex("h", "a", px=100_000) == ["1"]
    assert await client.hgetex("h", "a", pxat=1) == ["1"]
    assert await client.hgetex("h", "a", "b") == [None, "2"]
    assert await client.hgetex("nothing", "a", "b") == [None, None]


async def test_hgetdel(client: Redis[str]) -> None:
    """The values come once."""
    assert await client.hgetdel("h", "a", "missing") == ["1", None]
    assert await client.hgetdel("h", "a", "b") == [None, "2"]
    assert await client.hgetdel("nothing", "a") == [None]


async def test_hsetex(client: Redis[str]) -> None:
    """Fields are stored with one time to live, all or none."""
    assert await client.hsetex("h", "a", 3, mapping={"c": 4}, exat=FAR) is True
    assert await client.hexpiretime("h", "a", "b", "c") == [FAR_SECONDS, -1, FAR_SECONDS]
    assert await client.hsetex("h", mapping={"c": 5, "d": 5}, fnx=True) is False
    assert await client.hsetex("h", mapping={"c": 5, "d": 5}, fxx=True) is False
    assert await client.hsetex("h", "c", 5, fxx=True, keepttl=True) is True
    assert await client.hsetex("h", "d", 6, fnx=True, ex=100) is True
    assert await client.hgetall("h") == {"a": "3", "b": "2", "c": "5", "d": "6"}
    assert await client.hexpiretime("h", "c") == [FAR_SECONDS]
    assert await client.hsetex("h", "d", 7, px=100_000) is True
    assert await client.hsetex("h", "d", 8, pxat=1) is True
    assert await client.hget("h", "d") is None


async def test_hset_removes_the_time_to_live(client: Redis[str]) -> None:
    """A field that is stored again lives on, unless `hsetex` keeps its time."""
    await client.hexpire("h", 100, "a")
    await client.hset("h", "a", 2)
    assert await client.httl("h", "a") == [-1]


async def test_hsetex_on_the_key(valkey: Server) -> None:
    """With *nx* or *xx* it depends on the hash, with *fnx* or *fxx* also on the fields."""
    async with Redis(host=valkey.host, port=valkey.port, decode_responses=True) as client:
        assert await client.hsetex("h", "a", 1, xx=True) is False
        assert await client.hsetex("h", "a", 1, nx=True) is True
        assert await client.hsetex("h", "b", 2, nx=True) is False
        assert await client.hsetex("h", "b", 2, xx=True, fnx=True) is True
        assert await client.hsetex("h", "b", 3, xx=True, fnx=True) is False
        assert await client.hgetall("h") == {"a": "1", "b": "2"}


async def test_server_too_old(redis8: Server) -> None:
    """An option that the server does not know is its error."""
    async with Redis(host=redis8.host, port=redis8.port, decode_responses=True) as client:
        with pytest.raises(ResponseError, match="unknown argument"):
            await client.hsetex("h", "a", 1, nx=True)


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_bytes(request: pytest.FixtureRequest, name: str) -> None:
    """A client that does not decode gives all values as bytes."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        await client.hsetex("h", b"\xff", b"\x00\r\n", ex=100)
        assert await client.hgetex("h", b"\xff") == [b"\x00\r\n"]
        assert await client.hgetdel("h", b"\xff", "a") == [b"\x00\r\n", None]
