"""Streams on real servers: each method once, on every server that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from anyredis import Redis, RedisCluster
from anyredis.exceptions import (
    CrossSlotError,
    DataError,
    ReplyDecodeError,
    ResponseError,
    UnknownCommandError,
    WrongTypeError,
)
from anyredis.server import Cluster, Server
from anyredis.stream_entries import StreamEntry


@pytest.fixture(params=[("valkey", 2), ("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, in each protocol."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(
        host=server.host, port=server.port, decode_responses=True, protocol=protocol
    ) as client:
        yield client


async def is_redis(client: Redis[str], *version: int) -> bool:
    """Whether the server is a Redis of this *version* or a later one."""
    info = await client.info("server")
    return (
        "valkey_version" not in info
        and tuple(int(each) for each in str(info["redis_version"]).split(".")) >= version
    )


async def test_add_and_range(client: Redis[str]) -> None:
    """Entries come in the order of their IDs, with all their fields, forwards and backwards."""
    assert await client.xadd("s", {"a": 1, "b": 1.5}, "1-1") == "1-1"
    assert await client.xadd("s", [("a", 1), ("a", 2)], "1-*") == "1-2"
    last = await client.xadd("s", {"c": b"\r\n"})
    assert await client.xlen("s") == 3
    first, second, third = await client.xrange("s")
    assert first == StreamEntry("1-1", {"a": "1", "b": "1.5"})
    assert (second.fields, second.pairs) == ({"a": "2"}, [("a", "1"), ("a", "2")])
    assert third == (last, {"c": "\r\n"})
    assert await client.xrevrange("s") == [third, second, first]
    assert await client.xrange("s", "(1-1", 1) == [second]
    assert await client.xrange("s", count=1) == [first]
    assert await client.xrange("s", count=0) == []
    assert await client.xrevrange("s", "+", "1-2", 1) == [third]
    assert await client.xrange("none") == []


async def test_add_where_there_is_a_stream(client: Redis[str]) -> None:
    """`xadd_nomkstream` adds to a stream that is there, and makes none."""
    assert await client.xadd_nomkstream("s", {"a": 1}) is None
    assert await client.xlen("s") == 0
    await client.xadd("s", {"a": 1}, "1-1")
    assert await client.xadd_nomkstream("s", {"a": 2}, "2-0") == "2-0"
    with pytest.raises(ResponseError, match="equal or smaller"):
        await client.xadd("s", {"a": 3}, "2-0")


async def test_trimming(client: Redis[str]) -> None:
    """The oldest entries go, when one is added or at once; approximately none of these few."""
    for number in range(1, 10):
        await client.xadd("s", {"a": number}, number, maxlen=5)
    assert await client.xlen("s") == 9
    assert await client.xtrim("s", maxlen=5) == 0
    assert await client.xtrim("s", maxlen=5, approximate=False) == 4
    assert await client.xtrim("s", minid="7-0", approximate=False) == 2
    assert await client.xtrim("s", minid=7, limit=5) == 0
    await client.xadd("s", {"a": 10}, 10, maxlen=2, approximate=False)
    assert [entry.id for entry in await client.xrange("s")] == ["9-0", "10-0"]


async def test_deleting(client: Redis[str]) -> None:
    """Entries are deleted by ID; those that are not there do not count."""
    for number in (1, 2, 3):
        await client.xadd("s", {"a": number}, number)
    assert await client.xdel("s", "1-0", 2, "9-0") == 2
    assert await client.xdel("s", ["3-0"]) == 1
    assert await client.xlen("s") == 0


async def test_setting_the_last_id(client: Redis[str]) -> None:
    """The next ID is greater; the number of entries ever added can be set too."""
    await client.xadd("s", {"a": 1}, "1-0")
    assert await client.xsetid("s", "5-0") is True
    with pytest.raises(ResponseError, match="equal or smaller"):
        await client.xadd("s", {"a": 1}, "5-0")
    assert await client.xsetid("s", "7-0", entries_added=9, max_deleted_id="2-0") is True
    info = await client.xinfo_stream("s")
    assert (info.last_generated_id, info.entries_added) == ("7-0", 9)


async def test_reading(client: Redis[str]) -> None:
    """The entries after an ID, of each stream that has any; an empty dict if none has."""
    assert await client.xread({"s": 0, "t": 0}) == {}
    await client.xadd("s", {"a": 1}, "1-0")
    await client.xadd("s", {"a": 2}, "2-0")
    await client.xadd("t", {"b": 1}, "1-0")
    first, second, other = ("1-0", {"a": "1"}), ("2-0", {"a": "2"}), ("1-0", {"b": "1"})
    assert await client.xread({"s": 0, "t": 0, "u": 0}) == {"s": [first, second], "t": [other]}
    assert await client.xread({"s": 0, "t": "1-0"}, 1) == {"s": [first]}
    assert await client.xread({"s": "$"}) == {}
    await client.lpush("l", 1)
    with pytest.raises(WrongTypeError):
        await client.xread({"l": 0})


async def test_waiting(client: Redis[str]) -> None:
    """A read that blocks gets the first entry that comes, and other commands are not held up."""
    came: list[dict[str, list[StreamEntry[str]]]] = []

    async def read() -> None:
        came.append(await client.xread({"s": "$", "t": "$"}, block=0))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            while "flags=b" not in str(await client.execute_command("CLIENT LIST")):
                await anyio.lowlevel.checkpoint()
            assert came == []
            await client.xadd("t", {"a": 1}, "9-0")
    assert came == [{"t": [("9-0", {"a": "1"})]}]


async def test_waiting_in_vain(client: Redis[str]) -> None:
    """An empty dict once the time is over; there is no need to wait for what is there."""
    assert await client.xread({"s": "$"}, block=1) == {}
    await client.xadd("s", {"a": 1}, "1-0")
    assert await client.xread({"s": 0}, block=0) == {"s": [("1-0", {"a": "1"})]}


async def test_pipeline(client: Redis[str]) -> None:
    """Streams are read and written in a pipeline; a read that blocks is refused there."""
    async with client.pipeline() as pipe:
        added = pipe.xadd("s", {"a": 1}, "1-0")
        read = pipe.xread({"s": 0})
        with pytest.raises(DataError, match="XREAD blocks"):
            pipe.xread({"s": "$"}, block=5)
        with pytest.raises(DataError, match="XREADGROUP blocks"):
            pipe.xreadgroup("g", "c", {"s": ">"}, block=5)
    assert added.value == "1-0"
    assert read.value == {"s": [("1-0", {"a": "1"})]}


async def test_deleting_with_a_policy(client: Redis[str]) -> None:
    """With ACKED an entry that is pending stays; Valkey does not know the command."""
    await client.xadd("s", {"a": 1}, "1-0")
    await client.xadd("s", {"a": 2}, "2-0")
    if not await is_redis(client, 8, 2):
        with pytest.raises(UnknownCommandError):
            await client.xdelex("s", "1-0")
        return
    await client.xgroup_create("s", "g", "0")
    await client.xreadgroup("g", "c", {"s": ">"}, 1)
    assert await client.xdelex("s", "1-0", "0-5", ref_policy="ACKED") == [2, -1]
    assert await client.xadd("s", {"a": 3}, "3-0", maxlen=1, approximate=False, ref_policy="ACKED")
    assert await client.xlen("s") == 3
    assert await client.xdelex("s", "1-0", "2-0", ref_policy="DELREF") == [1, 1]
    assert (await client.xpending("s", "g")).pending == 0
    assert await client.xtrim("s", maxlen=0, approximate=False, ref_policy="DELREF") == 1


async def test_idempotence(client: Redis[str]) -> None:
    """Redis 8.6 adds the message of a producer once; older servers refuse the words."""
    if not await is_redis(client, 8, 6):
        with pytest.raises(UnknownCommandError):
            await client.xcfgset("s", idmp_duration=60)
        with pytest.raises(ResponseError):
            await client.xadd("s", {"a": 1}, idmp=("p", "i"))
        return
    first = await client.xadd("s", {"a": 1}, idmp=("p", "i"))
    assert await client.xcfgset("s", idmp_duration=60, idmp_maxsize=9) is True
    again = await client.xadd("s", {"a": 1}, idmp=("p", "i"))
    assert again != first  # a changed setting makes the stream forget
    assert await client.xadd("s", {"a": 2}, idmp=("p", "i")) == again
    twice = [await client.xadd("s", {"b": 1}, idmpauto="p") for _ in range(2)]
    assert twice[0] == twice[1]
    assert await client.xlen("s") == 3
    known = (await client.xinfo_stream("s")).idempotence
    assert known is not None
    assert (known.idmp_duration, known.idmp_maxsize, known.iids_duplicates) == (60, 9, 2)


async def test_the_most_of_all_streams(client: Redis[str]) -> None:
    """Redis 8.10 bounds entries and bytes of all streams together; older servers refuse it."""
    for key in ("s", "t"):
        for number in (1, 2):
            await client.xadd(key, {"a": number}, number)
    if not await is_redis(client, 8, 10):
        with pytest.raises(ResponseError):
            await client.xread({"s": 0}, max_count=3)
        return
    assert {
        key: len(entries)
        for key, entries in (await client.xread({"s": 0, "t": 0}, max_count=3)).items()
    } == {"s": 2, "t": 1}
    assert list(await client.xread({"s": 0, "t": 0}, max_size=1)) == ["s"]


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_bytes(request: pytest.FixtureRequest, name: str) -> None:
    """A client that does not decode gives keys and fields as bytes, and IDs as text."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        assert await client.xadd(b"s", {b"\xff": b"\xfe"}, b"1-0") == "1-0"
        assert await client.xrange("s") == [("1-0", {b"\xff": b"\xfe"})]
        assert await client.xread({b"s": 0}) == {b"s": [("1-0", {b"\xff": b"\xfe"})]}
    async with Redis(host=server.host, port=server.port, decode_responses=True) as text:
        with pytest.raises(ReplyDecodeError):
            await text.xread({"s": 0})
        await text.xadd("s", {"a": "ä"}, "2-0")
        assert await text.xread({"s": "1-0"}) == {"s": [("2-0", {"a": "ä"})]}


async def test_cluster(valkey_cluster: Cluster) -> None:
    """Streams of one slot are read together; those of several are refused, with the remedy."""
    server = valkey_cluster.primaries[0]
    async with RedisCluster(server.host, server.port, decode_responses=True) as client:
        for key in ("{a}1", "{a}2", "b", "c"):
            await client.xadd(key, {"a": 1}, "1-0")
        entries = [("1-0", {"a": "1"})]
        assert await client.xread({"{a}1": 0, "{a}2": 0}) == {"{a}1": entries, "{a}2": entries}
        assert await client.xread({"{a}1": 0}, block=0) == {"{a}1": entries}
        with pytest.raises(CrossSlotError, match="hash tag"):
            await client.xread({"b": 0, "c": 0})
        with pytest.raises(CrossSlotError, match="hash tag"):
            await client.xread({"b": 0, "c": 0}, block=0)
