"""Strings on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.commands.strings import Match, Matches
from anyredis.exceptions import ResponseError, UnknownCommandError, WrongTypeError
from anyredis.server import Server
from tests.commands.live import knows


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


@pytest.fixture
async def on_valkey(valkey: Server) -> AsyncIterator[Redis[str]]:
    """A client of the only server here that knows the command."""
    async with Redis(host=valkey.host, port=valkey.port, decode_responses=True) as client:
        yield client


@pytest.fixture
async def on_redis8(redis8: Server) -> AsyncIterator[Redis[str]]:
    """A client of Redis."""
    async with Redis(host=redis8.host, port=redis8.port, decode_responses=True) as client:
        yield client


async def test_set_get(client: Redis[str]) -> None:
    """A stored value is read back, as text; a missing one is None."""
    assert await client.get("k") is None
    assert await client.set("k", "héllo") is True
    assert await client.get("k") == "héllo"
    assert await client.set(b"k", memoryview(b"v"), ex=60) is True
    assert await client.set("k", 1, keepttl=True) is True
    assert await client.getex("k", persist=True) == "1"
    assert await client.set("k", 1.5, xx=True, px=60_000) is True
    assert await client.get("k") == "1.5"


async def test_set_conditions(client: Redis[str]) -> None:
    """A condition that is not met leaves the value as it is."""
    assert await client.set("k", "v", xx=True) is False
    assert await client.set("k", "v", nx=True) is True
    assert await client.set("k", "w", nx=True) is False
    assert await client.get("k") == "v"


async def test_set_in_the_past(client: Redis[str]) -> None:
    """A value with an end in the past is gone at once."""
    assert await client.set("k", "v", exat=1) is True
    assert await client.set("l", "v", pxat=1) is True
    assert await client.mget("k", "l") == [None, None]


async def test_set_replaces_the_previous_value(client: Redis[str]) -> None:
    """`set_get` and `getset` give the previous value."""
    assert await client.set_get("k", "a") is None
    assert await client.set_get("k", "b", xx=True, ex=60) == "a"
    assert await client.set_get("k", "c", nx=True) == "b"
    assert await client.getset("k", "d") == "b"
    assert await client.get("k") == "d"


async def test_set_comparing(on_valkey: Redis[str]) -> None:
    """With *ifeq* a value is replaced only if it is as expected."""
    await on_valkey.set("k", "a")
    assert await on_valkey.set("k", "b", ifeq="wrong") is False
    assert await on_valkey.set("k", "b", ifeq="a") is True
    assert await on_valkey.set_get("k", "c", ifeq="b") == "b"
    assert await on_valkey.get("k") == "c"


async def test_append_and_ranges(client: Redis[str]) -> None:
    """Parts of a value are written and read by position."""
    assert await client.append("k", "Hello") == 5
    assert await client.append("k", " World") == 11
    assert await client.setrange("k", 6, "Redis") == 11
    assert await client.getrange("k", 0, -1) == "Hello Redis"
    assert await client.substr("k", -5, -1) == "Redis"
    assert await client.getrange("missing", 0, -1) == ""
    assert await client.strlen("k") == 11
    assert await client.strlen("missing") == 0


async def test_getdel(client: Redis[str]) -> None:
    """The value comes once."""
    await client.set("k", "v")
    assert await client.getdel("k") == "v"
    assert await client.getdel("k") is None


async def test_getex(client: Redis[str]) -> None:
    """Reading can set the end of a value, here to the past."""
    await client.set("k", "v")
    assert await client.getex("k") == "v"
    assert await client.getex("k", ex=60) == "v"
    assert await client.getex("k", px=60_000) == "v"
    assert await client.getex("k", pxat=1) == "v"
    assert await client.getex("k", exat=1) is None


async def test_longest_common_subsequence(client: Redis[str]) -> None:
    """It comes as text, as a length, and as positions."""
    await client.mset({"a": "ohmytext", "b": "mynewtext"})
    assert await client.lcs("a", "b") == "mytext"
    assert await client.lcs_len("a", "b") == 6
    both = [Match((4, 7), (5, 8), None), Match((2, 3), (0, 1), None)]
    assert await client.lcs_idx("a", "b") == Matches(both, 6)
    long = [Match((4, 7), (5, 8), 4)]
    assert await client.lcs_idx("a", "b", minmatchlen=4, withmatchlen=True) == Matches(long, 6)
    assert await client.lcs_idx("a", "missing") == Matches([], 0)


async def test_many_at_once(client: Redis[str]) -> None:
    """Several values are stored at one moment, or none of them."""
    assert await client.mset({"a": 1, "b": 2}) is True
    assert await client.mget("a", "missing", "b") == ["1", None, "2"]
    assert await client.msetnx({"b": 3, "c": 3}) is False
    assert await client.msetnx({"c": 3, "d": 4}) is True
    assert await client.mget("b", "c", "d") == ["2", "3", "4"]


async def test_setex_psetex_setnx(client: Redis[str]) -> None:
    """The older forms of SET."""
    assert await client.setex("a", 60, "1") is True
    assert await client.psetex("b", 60_000, "2") is True
    assert await client.setnx("b", "3") is False
    assert await client.setnx("c", "3") is True
    assert await client.mget("a", "b", "c") == ["1", "2", "3"]


async def test_msetex(client: Redis[str]) -> None:
    """Several values are stored with one time to live, if the condition holds."""
    if not await knows(client, "MSETEX"):
        with pytest.raises(UnknownCommandError):
            await client.msetex({"a": 1})
        return
    assert await client.msetex({"a": 1, "b": 2}, xx=True) is False
    assert await client.msetex({"a": 1, "b": 2}, nx=True, ex=60) is True
    assert await client.msetex({"b": 3, "c": 3}, nx=True) is False
    assert await client.msetex({"a": 4, "b": 5}, xx=True, keepttl=True) is True
    assert await client.mget("a", "b", "c") == ["4", "5", None]
    assert await client.msetex({"a": 6}, pxat=1) is True
    assert await client.get("a") is None


async def test_delifeq(on_valkey: Redis[str]) -> None:
    """A value is deleted only if it is as expected."""
    await on_valkey.set("k", "v")
    assert await on_valkey.delifeq("k", "wrong") is False
    assert await on_valkey.delifeq("k", "v") is True
    assert await on_valkey.delifeq("k", "v") is False


async def test_delex(client: Redis[str]) -> None:
    """A value is deleted if it, or its digest, is as expected or is not; Redis 8.4."""
    await client.set("k", "v")
    if not await knows(client, "DELEX"):
        with pytest.raises(UnknownCommandError):
            await client.delex("k")
        with pytest.raises(UnknownCommandError):
            await client.digest("k")
        return
    digest = await client.digest("k")
    assert digest is not None
    assert (len(digest), int(digest, 16) > 0) == (16, True)
    assert await client.digest("missing") is None
    assert await client.delex("k", ifeq="wrong") is False
    assert await client.delex("k", ifne="v") is False
    assert await client.delex("k", ifdne=digest) is False
    assert await client.delex("k", ifdeq=digest) is True
    assert await client.delex("k") is False


async def test_a_condition_of_other_servers(on_redis8: Redis[str]) -> None:
    """A condition that the server does not know is its error, and nothing changes."""
    if await knows(on_redis8, "DELEX"):
        assert await on_redis8.set("k", "v", ifeq="a") is False
    else:
        with pytest.raises(ResponseError, match="syntax error"):
            await on_redis8.set("k", "v", ifeq="a")
    assert await on_redis8.get("k") is None


async def test_wrong_type(client: Redis[str]) -> None:
    """A string command on another type of value is `WrongTypeError`."""
    await client.sadd("s", "member")
    with pytest.raises(WrongTypeError):
        await client.get("s")
    with pytest.raises(WrongTypeError):
        await client.set_get("s", "v")
    assert await client.set("s", "v") is True


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_bytes(request: pytest.FixtureRequest, name: str) -> None:
    """A client that does not decode gives the bytes that were stored, in any encoding."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        await client.set("k", b"\xff\x00\r\n")
        assert await client.get("k") == b"\xff\x00\r\n"
        assert await client.mget("k", "missing") == [b"\xff\x00\r\n", None]
        assert await client.incrbyfloat("n", 0.5) == 0.5
