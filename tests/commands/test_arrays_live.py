"""Arrays on real servers: `nox -s redis810` has one that knows them, the others refuse them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.commands.arrays import ArrayPredicate
from anyredis.exceptions import ResponseError, UnknownCommandError
from anyredis.server import Server


@pytest.fixture(params=[("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, in both protocols."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(
        host=server.host, port=server.port, protocol=protocol, decode_responses=True
    ) as client:
        yield client


async def lacks_arrays(client: Redis[str]) -> bool:
    """Whether the server knows no arrays; it says so then, as it is older than Redis 8.8."""
    info = await client.info("server")
    version = tuple(int(each) for each in str(info["redis_version"]).split("."))
    if "valkey_version" not in info and version >= (8, 8):
        return False
    with pytest.raises(UnknownCommandError):
        await client.arset("k", 0, "a")
    return True


async def test_values(client: Redis[str]) -> None:
    """Values are stored, read, counted and deleted by their indexes."""
    if await lacks_arrays(client):
        return
    assert await client.arset("k", 0, "a", "b") == 2
    assert await client.arset("k", 5, "x") == 1
    assert await client.armset("k", {7: "y", 9: "z", 0: "a"}) == 2
    assert (await client.arlen("k"), await client.arcount("k")) == (10, 5)
    assert (await client.arget("k", 0), await client.arget("k", 3)) == ("a", None)
    assert await client.armget("k", 0, 3, 5) == ["a", None, "x"]
    assert await client.argetrange("k", 4, 7) == [None, "x", None, "y"]
    assert await client.argetrange("k", 7, 4) == ["y", None, "x", None]
    assert await client.arscan("k", 0, 9, limit=3) == [(0, "a"), (1, "b"), (5, "x")]
    assert await client.ardel("k", 0, 1) == 2
    assert await client.ardelrange("k", (5, 7), (9, 9)) == 3
    assert await client.arcount("k") == 0


async def test_inserting(client: Redis[str]) -> None:
    """Values are stored one behind the other, and in a ring."""
    if await lacks_arrays(client):
        return
    assert await client.arseek("k", 20) is False
    assert await client.arinsert("k", "a") == 0
    assert await client.arnext("k") == 1
    assert await client.arseek("k", 20) is True
    assert await client.arinsert("k", "b", "c") == 21
    assert await client.arlastitems("k", 2) == ["b", "c"]
    assert await client.arlastitems("k", 2, rev=True) == ["c", "b"]
    assert await client.arring("ring", 3, "a", "b", "c", "d") == 0
    assert await client.argetrange("ring", 0, 2) == ["d", "b", "c"]


async def test_searching(client: Redis[str]) -> None:
    """Values are found by tests, and aggregated."""
    if await lacks_arrays(client):
        return
    await client.arset("k", 0, "apple", "banana", "Apricot")
    assert await client.argrep("k", 0, 9, [("GLOB", "a*")]) == [0]
    assert await client.argrep("k", 0, 9, [("GLOB", "a*")], nocase=True) == [0, 2]
    both: list[ArrayPredicate] = [("MATCH", "an"), ("RE", "^b")]
    assert await client.argrep_with_values("k", 0, 9, both, combinator="AND") == [(1, "banana")]
    await client.arset("n", 0, 1, 2, 3.5)
    assert await client.arop("n", 0, 5, "SUM") == 6.5
    assert await client.arop("n", 0, 5, "MAX") == 3.5
    assert await client.arop("n", 0, 5, "USED") == 3
    assert await client.arop("n", 0, 5, "MATCH", "2") == 1
    assert await client.arop("missing", 0, 5, "SUM") is None


async def test_state(client: Redis[str]) -> None:
    """The state of an array, in short and in full."""
    if await lacks_arrays(client):
        return
    await client.arset("k", 0, "a", "b")
    assert (await client.arinfo("k"))["count"] == 2
    assert (await client.arinfo_full("k"))["avg-dense-size"] >= 0
    with pytest.raises(ResponseError):
        await client.arinfo("missing")
