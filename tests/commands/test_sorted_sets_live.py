"""Sorted sets on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf

import anyio
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, WrongTypeError
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def test_add(client: Redis[str]) -> None:
    """Members are added and scored, if the conditions are met."""
    assert await client.zadd("k", {"a": 1, "b": 2.5}) == 2
    assert await client.zadd("k", {"a": 5, "c": 3}, nx=True) == 1
    assert await client.zadd("k", {"a": 5, "d": 4}, xx=True, ch=True) == 1
    assert await client.zadd("k", {"a": 4, "b": 9}, gt=True, ch=True) == 1
    assert await client.zadd("k", {"a": 4, "b": 99}, lt=True, ch=True) == 1
    assert await client.zadd("k", {b"x": -inf, b"y": inf}) == 2
    assert await client.zrange_with_scores("k", 0, -1) == [
        ("x", -inf),
        ("c", 3),
        ("a", 4),
        ("b", 9),
        ("y", inf),
    ]
    assert await client.zcard("k") == 5
    assert await client.zcard("none") == 0


async def test_increment(client: Redis[str]) -> None:
    """Scores are increased; None if the condition was not met."""
    assert await client.zincrby("k", 1.5, "a") == 1.5
    assert await client.zadd_incr("k", "a", 1e-7) == 1.5 + 1e-7
    assert await client.zadd_incr("k", "a", 1, nx=True) is None
    assert await client.zadd_incr("k", "b", 1, xx=True) is None
    assert await client.zadd_incr("k", "a", 1, lt=True) is None
    assert await client.zadd_incr("k", "a", 1, xx=True, gt=True) == 1.5 + 1e-7 + 1


async def test_scores_and_ranks(client: Redis[str]) -> None:
    """Members have a score, and a rank from either end."""
    await client.zadd("k", {"a": 1, "b": 2.5, "c": inf})
    assert await client.zscore("k", "b") == 2.5
    assert await client.zscore("k", "x") is None
    assert await client.zmscore("k", "c", "x") == [inf, None]
    assert await client.zrank("k", "b") == 1
    assert await client.zrank("k", "x") is None
    assert await client.zrevrank("k", "a") == 2
    assert await client.zrank_with_score("k", "b") == (1, 2.5)
    assert await client.zrank_with_score("k", "x") is None
    assert await client.zrevrank_with_score("k", "c") == (0, inf)


async def test_random(client: Redis[str]) -> None:
    """Members are picked by chance, with their scores if wanted."""
    assert await client.zrandmember("k") is None
    assert await client.zrandmember_many("k", 2) == []
    assert await client.zrandmember_with_scores("k", 2) == []
    await client.zadd("k", {"a": 1})
    assert await client.zrandmember("k") == "a"
    assert await client.zrandmember_many("k", 2) == ["a"]
    assert await client.zrandmember_many("k", -2) == ["a", "a"]
    assert await client.zrandmember_with_scores("k", -2) == [("a", 1), ("a", 1)]


async def test_scan(client: Redis[str]) -> None:
    """A small sorted set is one page."""
    await client.zadd("k", {"a1": 1, "a2": 2.5, "b": inf})
    assert await client.zscan("k") == (0, [("a1", 1), ("a2", 2.5), ("b", inf)])
    assert await client.zscan("k", 0, "a*", 100) == (0, [("a1", 1), ("a2", 2.5)])
    assert await client.zscan("none") == (0, [])


async def test_scan_in_pages(client: Redis[str]) -> None:
    """A large sorted set comes whole, page by page."""
    scores = {f"m{number}": number + 0.5 for number in range(500)}
    await client.zadd("k", scores)
    cursor, found = await client.zscan("k", count=100)
    assert cursor
    while cursor:
        cursor, page = await client.zscan("k", cursor, count=100)
        found += page
    assert dict(found) == scores


async def test_scan_without_scores(valkey: Server) -> None:
    """Valkey gives members alone."""
    async with Redis(host=valkey.host, port=valkey.port, decode_responses=True) as client:
        await client.zadd("k", {"a": 1, "b": 2})
        assert await client.zscan_no_scores("k", match="a") == (0, ["a"])


async def test_remove_and_pop(client: Redis[str]) -> None:
    """Members are removed by name, or popped from either end."""
    await client.zadd("k", {"a": 1, "b": 2.5, "c": 3, "d": 4, "e": 5})
    assert await client.zrem("k", "b", "x") == 1
    assert await client.zpopmin("k") == [("a", 1)]
    assert await client.zpopmax("k") == [("e", 5)]
    assert await client.zpopmin("k", 1) == [("c", 3)]
    assert await client.zpopmax("k", 9) == [("d", 4)]
    assert await client.zpopmin("k") == []
    assert await client.zpopmax("k", 2) == []


async def test_pop_from_the_first(client: Redis[str]) -> None:
    """The first sorted set that has members is popped from."""
    await client.zadd("l", {"a": 1, "b": 2.5, "c": 3})
    assert await client.zmpop(["k", "l"], max=True) == ("l", [("c", 3)])
    assert await client.zmpop(["k", "l"], min=True, count=9) == ("l", [("a", 1), ("b", 2.5)])
    assert await client.zmpop(["k", "l"], min=True) is None


async def test_blocking_with_members(client: Redis[str]) -> None:
    """Existing members are popped without waiting."""
    await client.zadd("k", {"a": 1, "b": 2.5, "c": 3, "d": inf})
    assert await client.bzpopmin(["none", "k"]) == ("k", "a", 1)
    assert await client.bzpopmax(["none", "k"]) == ("k", "d", inf)
    assert await client.bzmpop("k", max=True, count=9) == ("k", [("c", 3), ("b", 2.5)])


async def test_blocking_in_vain(client: Redis[str]) -> None:
    """If no member comes in time the reply is None."""
    assert await client.bzpopmin("k", timeout=0.001) is None
    assert await client.bzpopmax(["k", "l"], timeout=0.001) is None
    assert await client.bzmpop("k", min=True, timeout=0.001) is None


async def test_blocking_until_it_comes(client: Redis[str]) -> None:
    """A member that another task adds ends the wait."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.zadd, "k", {"a": 1})
        assert await client.bzpopmin("k", timeout=10) == ("k", "a", 1)
        tasks.start_soon(client.zadd, "k", {"b": 2})
        assert await client.bzmpop("k", max=True, timeout=10) == ("k", [("b", 2)])


async def test_ranges_by_rank(client: Redis[str]) -> None:
    """Members are read by rank, from either end."""
    await client.zadd("k", {"a": 1, "b": 2.5, "c": 3})
    assert await client.zrange("k", 0, 1) == ["a", "b"]
    assert await client.zrange("k", 0, 1, desc=True) == ["c", "b"]
    assert await client.zrange_with_scores("k", -1, -1) == [("c", 3)]
    assert await client.zrange_with_scores("k", 0, 0, desc=True) == [("c", 3)]
    assert await client.zrange_with_scores("none", 0, -1) == []
    assert await client.zrevrange("k", 0, -1) == ["c", "b", "a"]
    assert await client.zrevrange_with_scores("k", 1, -1) == [("b", 2.5), ("a", 1)]


async def test_ranges_by_score(client: Redis[str]) -> None:
    """Members are read by score, with or without the bounds."""
    await client.zadd("k", {"a": 1, "b": 2.5, "c": 3})
    assert await client.zrange("k", "(1", inf, byscore=True) == ["b", "c"]
    assert await client.zrange("k", inf, -inf, byscore=True, desc=True, offset=1, num=1) == ["b"]
    assert await client.zrange_with_scores("k", 1, 2.5, byscore=True, offset=1, num=5) == [
        ("b", 2.5)
    ]
    assert await client.zrangebyscore("k", "-inf", 2.5) == ["a", "b"]
    assert await client.zrangebyscore_with_scores("k", 1, 3, start=2, num=-1) == [("c", 3)]
    assert await client.zrevrangebyscore("k", "+inf", "(1") == ["c", "b"]
    assert await client.zrevrangebyscore_with_scores("k", 3, 1, start=0, num=1) == [("c", 3)]
    assert await client.zcount("k", 1, "(3") == 2


async def test_ranges_by_name(client: Redis[str]) -> None:
    """Members of one score are read by name."""
    await client.zadd("k", {"a": 0, "b": 0, "c": 0})
    assert await client.zrange("k", "-", b"(c", bylex=True) == ["a", "b"]
    assert await client.zrange("k", "+", "-", bylex=True, desc=True, offset=0, num=1) == ["c"]
    assert await client.zrangebylex("k", "[b", "+") == ["b", "c"]
    assert await client.zrevrangebylex("k", "+", "-", start=1, num=9) == ["b", "a"]
    assert await client.zlexcount("k", "-", "[b") == 2


async def test_store_a_range(client: Redis[str]) -> None:
    """A range is stored with its scores."""
    await client.zadd("k", {"a": 1, "b": 2.5, "c": 3})
    assert await client.zrangestore("l", "k", 0, 1) == 2
    assert await client.zrange_with_scores("l", 0, -1) == [("a", 1), ("b", 2.5)]
    assert await client.zrangestore("l", "k", 9, 0, byscore=True, desc=True, offset=0, num=1) == 1
    assert await client.zrange("l", 0, -1) == ["c"]


async def test_remove_ranges(client: Redis[str]) -> None:
    """Ranges are removed by name, rank or score."""
    await client.zadd("k", {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0})
    assert await client.zremrangebylex("k", "-", "(b") == 1
    assert await client.zremrangebyrank("k", 0, 1) == 2
    await client.zincrby("k", 1.5, "e")
    assert await client.zremrangebyscore("k", "(0", inf) == 1
    assert await client.zrange("k", 0, -1) == ["d"]


async def test_several_sets(client: Redis[str]) -> None:
    """Sorted sets are united, intersected and subtracted."""
    await client.zadd("k", {"a": 1, "b": 2})
    await client.zadd("l", {"b": 10, "c": 20.5})
    assert await client.zdiff(["k", "l"]) == ["a"]
    assert await client.zdiff_with_scores(["k", "l"]) == [("a", 1)]
    assert await client.zinter(["k", "l"]) == ["b"]
    assert await client.zinter_with_scores(["k", "l"], weights=[1, 0.5]) == [("b", 7)]
    assert await client.zintercard(["k", "l"]) == 1
    assert await client.zintercard(["k", "k"], limit=1) == 1
    assert await client.zunion(["k", "l"]) == ["a", "b", "c"]
    assert await client.zunion_with_scores(["k", "l"], aggregate="MAX") == [
        ("a", 1),
        ("b", 10),
        ("c", 20.5),
    ]


async def test_store_several_sets(client: Redis[str]) -> None:
    """The combination of several sorted sets is stored."""
    await client.zadd("k", {"a": 1, "b": 2})
    await client.zadd("l", {"b": 10, "c": 20.5})
    assert await client.zdiffstore("d", ["k", "l"]) == 1
    assert await client.zinterstore("i", ["k", "l"], aggregate="min") == 1
    assert await client.zunionstore("u", ["k", "l"], weights=[2, 1]) == 3
    assert await client.zrange_with_scores("i", 0, -1) == [("b", 2)]
    assert await client.zrange_with_scores("u", 0, -1) == [("a", 2), ("b", 14), ("c", 20.5)]


async def test_bytes(server: Server) -> None:
    """A client that does not decode gets bytes, and floats all the same."""
    async with Redis(host=server.host, port=server.port) as client:
        await client.zadd(b"k", {b"\xff": 1.5})
        assert await client.zrange("k", 0, -1) == [b"\xff"]
        assert await client.zscan("k") == (0, [(b"\xff", 1.5)])
        assert await client.bzpopmin("k") == (b"k", b"\xff", 1.5)


async def test_refusals(client: Redis[str]) -> None:
    """A refusal of the server is the caller's error."""
    await client.zadd("k", {"a": inf})
    with pytest.raises(ResponseError, match="not a number"):
        await client.zincrby("k", -inf, "a")
    with pytest.raises(ResponseError, match="not a float"):
        await client.zcount("k", "one", 2)
    with pytest.raises(ResponseError, match="not valid string range"):
        await client.zlexcount("k", "a", "+")
    with pytest.raises(WrongTypeError):
        await client.llen("k")
