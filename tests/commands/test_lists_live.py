"""Lists on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, UnknownCommandError, WrongTypeError
from anyredis.server import Server
from tests.commands.live import knows


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


async def test_push_and_range(client: Redis[str]) -> None:
    """Elements are pushed at either end and read in order."""
    assert await client.rpush("k", "b", 3, 1.5) == 3
    assert await client.lpush("k", "a", "z") == 5
    assert await client.lrange("k", 0, -1) == ["z", "a", "b", "3", "1.5"]
    assert await client.lrange("k", -2, 99) == ["3", "1.5"]
    assert await client.lrange("none", 0, -1) == []
    assert await client.llen("k") == 5


async def test_push_where_there_is_a_list(client: Redis[str]) -> None:
    """The X forms push to a list that is there, and make none."""
    assert await client.lpushx("k", "a") == 0
    assert await client.rpushx("k", "a") == 0
    await client.rpush("k", "b")
    assert await client.lpushx("k", "a") == 2
    assert await client.rpushx("k", "c", "d") == 4


async def test_pop(client: Redis[str]) -> None:
    """Elements are popped at either end, one or many; None if there is no list."""
    await client.rpush("k", "a", "b", "c", "d", "e")
    assert await client.lpop("k") == "a"
    assert await client.rpop("k") == "e"
    assert await client.lpop_many("k", 0) == []
    assert await client.lpop_many("k", 1) == ["b"]
    assert await client.rpop_many("k", 9) == ["d", "c"]
    assert await client.lpop("k") is None
    assert await client.rpop("k") is None
    assert await client.lpop_many("k", 1) is None
    assert await client.rpop_many("k", 1) is None


async def test_elements(client: Redis[str]) -> None:
    """Elements are read, replaced, inserted and removed by place or value."""
    await client.rpush("k", "a", "b", "a", "b", "a")
    assert await client.lindex("k", -2) == "b"
    assert await client.lindex("k", 9) is None
    assert await client.lset("k", 0, "x") is True
    assert await client.linsert("k", "BEFORE", "b", "y") == 6
    assert await client.linsert("k", "after", "none", "y") == -1
    assert await client.linsert("none", "AFTER", "b", "y") == 0
    assert await client.lrem("k", -1, "a") == 1
    assert await client.lrange("k", 0, -1) == ["x", "y", "b", "a", "b"]
    assert await client.ltrim("k", 1, -2) is True
    assert await client.lrange("k", 0, -1) == ["y", "b", "a"]
    with pytest.raises(ResponseError, match="index out of range"):
        await client.lset("k", 9, "v")
    with pytest.raises(ResponseError, match="no such key"):
        await client.lset("none", 0, "v")


async def test_position(client: Redis[str]) -> None:
    """Elements are found by value, from either end."""
    await client.rpush("k", "a", "b", "a", "b", "a")
    assert await client.lpos("k", "b") == 1
    assert await client.lpos("k", "a", rank=-1) == 4
    assert await client.lpos("k", "b", maxlen=1) is None
    assert await client.lpos("k", "x") is None
    assert await client.lpos_many("k", "a") == [0, 2, 4]
    assert await client.lpos_many("k", "a", 2, rank=-1, maxlen=3) == [4, 2]
    assert await client.lpos_many("none", "a") == []


async def test_move(client: Redis[str]) -> None:
    """An element moves from one list to another, or around one."""
    await client.rpush("k", "a", "b", "c")
    assert await client.lmove("k", "l") == "a"
    assert await client.lmove("k", "l", "RIGHT", "LEFT") == "c"
    assert await client.lrange("l", 0, -1) == ["c", "a"]
    assert await client.rpoplpush("l", "l") == "a"
    assert await client.lrange("l", 0, -1) == ["a", "c"]
    assert await client.lmove("none", "l") is None
    assert await client.rpoplpush("none", "l") is None


async def test_move_many(client: Redis[str]) -> None:
    """Several elements move at once, one by one or in the order that they had; Redis 8.10."""
    await client.rpush("k", *"abcdef")
    if not await knows(client, "LMOVEM"):
        with pytest.raises(UnknownCommandError):
            await client.lmovem("k", "l", count=2, ordering="OBO")
        with pytest.raises(UnknownCommandError):
            await client.blmovem("k", "l", 1)
        return
    assert await client.lmovem("k", "l") == ["a"]
    assert await client.lmovem("k", "l", "RIGHT", "LEFT", count=2, ordering="OBO") == ["e", "f"]
    assert await client.lrange("l", 0, -1) == ["e", "f", "a"]
    assert await client.lmovem("k", "l", count=9, mode="EXACTLY", ordering="BULK") is None
    assert await client.blmovem("k", "m", 1, count=2, ordering="BULK") == ["b", "c"]
    assert await client.blmovem("k", "m", count=1, mode="EXACTLY", ordering="OBO") == ["d"]
    assert await client.lrange("m", 0, -1) == ["b", "c", "d"]
    assert await client.blmovem("none", "m", 0.01) is None


async def test_pop_from_the_first(client: Redis[str]) -> None:
    """The first list that has elements is popped from."""
    await client.rpush("l", "a", "b", "c")
    assert await client.lmpop(["k", "l"], direction="LEFT") == ("l", ["a"])
    assert await client.lmpop(["k", "l"], direction="right", count=9) == ("l", ["c", "b"])
    assert await client.lmpop(["k", "l"], direction="LEFT") is None


async def test_bytes(server: Server) -> None:
    """A client that does not decode gets bytes."""
    async with Redis(host=server.host, port=server.port) as client:
        await client.rpush(b"k", b"\xff", "ä")
        assert await client.lrange("k", 0, -1) == [b"\xff", b"\xc3\xa4"]
        assert await client.lmpop("k", direction="LEFT") == (b"k", [b"\xff"])
        assert await client.blpop("k") == (b"k", b"\xc3\xa4")


async def test_blocking_with_elements(client: Redis[str]) -> None:
    """Existing elements are popped or moved without waiting."""
    await client.rpush("k", "a", "b", "c", "d", "e", "f")
    assert await client.blpop(["none", "k"]) == ("k", "a")
    assert await client.brpop(["k", "none"]) == ("k", "f")
    assert await client.blmove("k", "l") == "b"
    assert await client.blmove("k", "l", 1, "RIGHT", "LEFT") == "e"
    assert await client.brpoplpush("l", "l") == "b"
    assert await client.lrange("l", 0, -1) == ["b", "e"]
    assert await client.blmpop(["none", "k"], direction="LEFT", count=9) == ("k", ["c", "d"])


async def test_blocking_in_vain(client: Redis[str]) -> None:
    """If no element comes in time the reply is None."""
    assert await client.blpop("k", timeout=0.001) is None
    assert await client.brpop(["k", "l"], timeout=0.001) is None
    assert await client.blmove("k", "l", 0.001) is None
    assert await client.brpoplpush("k", "l", timeout=0.001) is None
    assert await client.blmpop("k", direction="LEFT", timeout=0.001) is None


async def test_blocking_until_it_comes(client: Redis[str]) -> None:
    """An element that another task pushes ends the wait."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.rpush, "k", "a")
        assert await client.blpop("k", timeout=10) == ("k", "a")
        tasks.start_soon(client.rpush, "k", "b")
        assert await client.blmove("k", "l", timeout=10) == "b"
        tasks.start_soon(client.rpush, "k", "c", "d")
        assert await client.blmpop("k", direction="RIGHT", timeout=10) == ("k", ["d"])


async def test_refusals(client: Redis[str]) -> None:
    """A refusal of the server is the caller's error."""
    await client.rpush("k", "a")
    with pytest.raises(ResponseError, match="timeout is negative"):
        await client.execute_command("BLPOP", "none", -1)
    with pytest.raises(ResponseError, match="RANK"):
        await client.lpos("k", "a", rank=0)
    await client.lpop("k")
    await client.zadd("k", {"a": 1})
    with pytest.raises(WrongTypeError):
        await client.llen("k")
