"""Sets on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import UnknownCommandError, WrongTypeError
from anyredis.server import Server
from tests.commands.live import knows


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server; there are two sets."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        await client.sadd("s", "a", "b", "c")
        await client.sadd("t", "b", "c", "d")
        yield client


async def test_members(client: Redis[str]) -> None:
    """Members come and go, each once."""
    assert await client.sadd("s", "c", "d", 1) == 2
    assert await client.scard("s") == 5
    assert await client.smembers("s") == {"a", "b", "c", "d", "1"}
    assert await client.sismember("s", 1) is True
    assert await client.sismember("s", "e") is False
    assert await client.smismember("s", "a", "e", "d") == [True, False, True]
    assert await client.srem("s", "a", "e", 1) == 2
    assert await client.smembers("s") == {"b", "c", "d"}


async def test_missing_set(client: Redis[str]) -> None:
    """Without a set all replies are empty."""
    assert await client.scard("none") == 0
    assert await client.smembers("none") == set()
    assert await client.smismember("none", "a") == [False]
    assert await client.spop("none") is None
    assert await client.spop_many("none", 2) == set()
    assert await client.srandmember("none") is None
    assert await client.srandmember_many("none", 2) == []
    assert await client.sscan("none") == (0, [])
    assert await client.smove("none", "s", "x") is False


async def test_smove(client: Redis[str]) -> None:
    """A member is in one set or the other."""
    assert await client.smove("s", "t", "a") is True
    assert await client.smove("s", "t", "a") is False
    assert await client.smembers("s") == {"b", "c"}
    assert await client.smembers("t") == {"a", "b", "c", "d"}


async def test_random_members(client: Redis[str]) -> None:
    """`srandmember` leaves them, `spop` removes them; a negative number may repeat."""
    assert await client.srandmember("s") in {"a", "b", "c"}
    assert sorted(await client.srandmember_many("s", 5)) == ["a", "b", "c"]
    assert len(await client.srandmember_many("s", -7)) == 7
    assert await client.scard("s") == 3
    first = await client.spop("s")
    assert first in {"a", "b", "c"}
    rest = await client.spop_many("s", 5)
    assert rest == {"a", "b", "c"} - {first}
    assert await client.scard("s") == 0


async def test_several_sets(client: Redis[str]) -> None:
    """Intersection, union and difference of the sets."""
    assert await client.sdiff("s", "t") == {"a"}
    assert await client.sinter("s", "t") == {"b", "c"}
    assert await client.sinter("s", "none") == set()
    assert await client.sunion("s", "t") == {"a", "b", "c", "d"}
    assert await client.sintercard(["s", "t"]) == 2
    assert await client.sintercard(["s", "t"], limit=1) == 1


async def test_stored_results(client: Redis[str]) -> None:
    """The result becomes a set; an empty result leaves none."""
    assert await client.sdiffstore("d", "s", "t") == 1
    assert await client.smembers("d") == {"a"}
    assert await client.sinterstore("d", "s", "t") == 2
    assert await client.smembers("d") == {"b", "c"}
    assert await client.sunionstore("d", "s", "t") == 4
    assert await client.smembers("d") == {"a", "b", "c", "d"}
    assert await client.sinterstore("d", "s", "none") == 0
    assert await client.scard("d") == 0


async def test_sscan(client: Redis[str]) -> None:
    """Page after page, every member comes."""
    stored = {f"member:{number}" for number in range(600)}
    await client.sadd("big", *stored)
    cursor, page = await client.sscan("big")
    assert cursor != 0
    found, pages = set(page), 1
    while cursor:
        cursor, page = await client.sscan("big", cursor, count=200)
        found.update(page)
        pages += 1
    assert found == stored
    assert pages > 2
    assert await client.sscan("big", match="member:7", count=10_000) == (0, ["member:7"])


async def test_counts_of_combinations(client: Redis[str]) -> None:
    """The members of a difference and of a union are counted, up to a limit; Redis 8.10."""
    if not await knows(client, "SUNIONCARD"):
        with pytest.raises(UnknownCommandError):
            await client.sdiffcard(["s", "t"])
        with pytest.raises(UnknownCommandError):
            await client.sunioncard(["s", "t"], approx=True)
        return
    assert await client.sdiffcard(["s", "t"]) == 1
    assert await client.sdiffcard(["s", "none"], limit=2) == 2
    assert await client.sunioncard(["s", "t"]) == 4
    assert await client.sunioncard(["s", "t"], limit=3) == 3
    assert await client.sunioncard(["s", "t"], approx=True) == 4


async def test_wrong_type(client: Redis[str]) -> None:
    """A set command on another type of value is `WrongTypeError`."""
    await client.set("k", "v")
    with pytest.raises(WrongTypeError):
        await client.smembers("k")


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_bytes(request: pytest.FixtureRequest, name: str) -> None:
    """A client that does not decode gives all members as bytes."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        await client.sadd("s", b"\xff\x00")
        assert await client.smembers("s") == {b"\xff\x00"}
        assert await client.sscan("s") == (0, [b"\xff\x00"])
        assert await client.spop("s") == b"\xff\x00"
