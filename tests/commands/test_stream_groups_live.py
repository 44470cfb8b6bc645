"""Consumer groups on real servers: each method once, on every server that knows it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import anyio
import pytest

from anyredis import Redis, RedisCluster
from anyredis.exceptions import (
    BusyGroupError,
    CrossSlotError,
    NoGroupError,
    ResponseError,
    UnknownCommandError,
)
from anyredis.server import Cluster, Server
from anyredis.stream_entries import AutoClaim, AutoClaimIds, PendingSummary, StreamEntry

FIRST, SECOND, THIRD = (StreamEntry(f"{n}-0", {"a": str(n)}) for n in (1, 2, 3))
LONG = datetime.timedelta(hours=1)


@pytest.fixture(params=[("valkey", 2), ("valkey", 3), ("redis8", 2), ("redis8", 3)], ids=str)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server, in each protocol; a stream of three, and a group."""
    name, protocol = request.param
    server: Server = request.getfixturevalue(name)
    async with Redis(
        host=server.host, port=server.port, decode_responses=True, protocol=protocol
    ) as client:
        for number in (1, 2, 3):
            await client.xadd("s", {"a": number}, number)
        await client.xgroup_create("s", "g", 0)
        yield client


async def is_redis(client: Redis[str], *version: int) -> bool:
    """Whether the server is a Redis of this *version* or a later one."""
    info = await client.info("server")
    return (
        "valkey_version" not in info
        and tuple(int(each) for each in str(info["redis_version"]).split(".")) >= version
    )


async def test_groups(client: Redis[str]) -> None:
    """A group is created once, set to another ID, and destroyed."""
    with pytest.raises(BusyGroupError):
        await client.xgroup_create("s", "g")
    with pytest.raises(ResponseError, match="MKSTREAM"):
        await client.xgroup_create("none", "g")
    assert await client.xgroup_create("t", "g", "$", mkstream=True) is True
    assert await client.xlen("t") == 0
    assert await client.xgroup_create("s", "h", "$", entries_read=3) is True
    assert await client.xreadgroup("h", "c", {"s": ">"}) == {}
    assert await client.xgroup_setid("s", "h", "2-0", entries_read=2) is True
    assert await client.xreadgroup("h", "c", {"s": ">"}) == {"s": [THIRD]}
    assert await client.xgroup_destroy("s", "h") is True
    assert await client.xgroup_destroy("s", "h") is False
    with pytest.raises(NoGroupError):
        await client.xreadgroup("h", "c", {"s": ">"})


async def test_consumers(client: Redis[str]) -> None:
    """A consumer is created once; deleting it tells how many entries were pending for it."""
    assert await client.xgroup_createconsumer("s", "g", "c") is True
    assert await client.xgroup_createconsumer("s", "g", "c") is False
    await client.xreadgroup("g", "c", {"s": ">"}, 2)
    assert await client.xgroup_delconsumer("s", "g", "c") == 2
    assert await client.xgroup_delconsumer("s", "g", "c") == 0


async def test_read_and_acknowledge(client: Redis[str]) -> None:
    """Each entry goes to one consumer, and is in its history until it is acknowledged."""
    assert await client.xreadgroup("g", "c", {"s": ">"}, 2) == {"s": [FIRST, SECOND]}
    assert await client.xreadgroup("g", "d", {"s": ">"}) == {"s": [THIRD]}
    assert await client.xreadgroup("g", "d", {"s": ">"}) == {}
    assert await client.xreadgroup("g", "c", {"s": 0}) == {"s": [FIRST, SECOND]}
    assert await client.xreadgroup("g", "c", {"s": 0}, block=0) == {"s": [FIRST, SECOND]}
    assert await client.xack("s", "g", "1-0", "9-0") == 1
    await client.xdel("s", "2-0")
    history = await client.xreadgroup("g", "c", {"s": "0"})
    assert history == {"s": [("2-0", {})]}
    assert history["s"][0].deleted
    assert await client.xack("s", "g", ["2-0"]) == 1
    assert await client.xreadgroup("g", "c", {"s": "0"}) == {"s": []}


async def test_read_without_acknowledging(client: Redis[str]) -> None:
    """With NOACK nothing is pending."""
    assert await client.xreadgroup("g", "c", {"s": ">"}, noack=True) == {
        "s": [FIRST, SECOND, THIRD]
    }
    assert await client.xpending("s", "g") == PendingSummary(0, None, None, {})


async def test_waiting(client: Redis[str]) -> None:
    """A consumer that waits gets the next entry; if it is cancelled, an entry is not lost."""
    await client.xreadgroup("g", "c", {"s": ">"})
    assert await client.xreadgroup("g", "c", {"s": ">"}, block=1) == {}
    came: list[dict[str, list[StreamEntry[str]]]] = []

    async def read() -> None:
        came.append(await client.xreadgroup("g", "c", {"s": ">"}, block=0))

    async def until_blocked() -> None:
        while "flags=b" not in str(await client.execute_command("CLIENT LIST")):
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await until_blocked()
            await client.xadd("s", {"b": 1}, "9-0")
        assert came == [{"s": [("9-0", {"b": "1"})]}]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await until_blocked()
            tasks.cancel_scope.cancel()
        # The server may give the entry to the connection that is being closed: then it is pending.
        await client.xadd("s", {"b": 2}, "9999999999999-0")
        await client.xreadgroup("g", "d", {"s": ">"})
        page = await client.xautoclaim("s", "g", "d", 0)
        assert page.entries[-1] == ("9999999999999-0", {"b": "2"})


async def test_pending(client: Redis[str]) -> None:
    """What is pending for a group in all, and entry by entry."""
    await client.xreadgroup("g", "c", {"s": ">"}, 2)
    await client.xreadgroup("g", "d", {"s": ">"})
    assert await client.xpending("s", "g") == PendingSummary(3, "1-0", "3-0", {"c": 2, "d": 1})
    first, second, third = await client.xpending_range("s", "g", "-", "+", 10)
    assert [first.id, second.id, third.id] == ["1-0", "2-0", "3-0"]
    assert [first.consumer, second.consumer, third.consumer] == ["c", "c", "d"]
    assert first.times_delivered == 1
    assert first.time_since_delivered >= 0
    [only] = await client.xpending_range("s", "g", "2-0", 2, 10, "c")
    assert only.id == "2-0"
    assert await client.xpending_range("s", "g", "-", "+", 10, idle=LONG) == []
    with pytest.raises(NoGroupError):
        await client.xpending("s", "none")


async def test_claim(client: Redis[str]) -> None:
    """An entry that has been pending long enough becomes another consumer's."""
    await client.xreadgroup("g", "c", {"s": ">"}, 2)
    assert await client.xclaim("s", "g", "d", LONG, ["1-0", "2-0"]) == []
    assert await client.xclaim("s", "g", "d", 0, ["1-0", "9-0"], idle=LONG, retrycount=7) == [FIRST]
    [pending] = await client.xpending_range("s", "g", "-", "+", 10, "d", idle=LONG)
    assert (pending.id, pending.times_delivered) == ("1-0", 7)
    assert await client.xclaim_ids("s", "g", "e", LONG, ["1-0", "2-0"], time=1) == ["1-0"]
    [pending] = await client.xpending_range("s", "g", "-", "+", 10, "e")
    assert pending.times_delivered == 7
    assert pending.time_since_delivered > 1_000_000_000_000
    assert await client.xclaim_ids("s", "g", "e", 0, "3-0", force=True, last_id="3-0") == ["3-0"]
    assert await client.xreadgroup("g", "c", {"s": ">"}) == {}
    await client.xdel("s", "2-0")
    assert await client.xclaim("s", "g", "e", 0, "2-0") == []


async def test_claim_page_by_page(client: Redis[str]) -> None:
    """Entries that have been pending long enough are found and claimed; deleted ones are told."""
    await client.xreadgroup("g", "c", {"s": ">"})
    assert await client.xautoclaim("s", "g", "d", LONG) == ("0-0", [], [])
    assert await client.xautoclaim("s", "g", "d", 0, count=2) == AutoClaim(
        "3-0", [FIRST, SECOND], []
    )
    assert await client.xautoclaim("s", "g", "d", 0, "3-0", 2) == AutoClaim("0-0", [THIRD], [])
    await client.xdel("s", "2-0")
    assert await client.xautoclaim_ids("s", "g", "e", 0) == AutoClaimIds(
        "0-0", ["1-0", "3-0"], ["2-0"]
    )
    counts = [each.times_delivered for each in await client.xpending_range("s", "g", "-", "+", 9)]
    assert counts == [2, 2]


async def test_acknowledge_and_delete(client: Redis[str]) -> None:
    """One step instead of two in Redis 8.2; Valkey does not know the command."""
    await client.xreadgroup("g", "c", {"s": ">"})
    if not await is_redis(client, 8, 2):
        with pytest.raises(UnknownCommandError):
            await client.xackdel("s", "g", "1-0")
        return
    assert await client.xackdel("s", "g", "1-0", "9-0") == [1, -1]
    assert await client.xackdel("s", "g", ["2-0"], ref_policy="ACKED") == [1]
    assert await client.xrange("s") == [THIRD]
    assert (await client.xpending("s", "g")).consumers == {"c": 1}


async def test_read_what_others_left(client: Redis[str]) -> None:
    """Redis 8.4 gives entries that have been pending too long first; older servers refuse it."""
    await client.xreadgroup("g", "c", {"s": ">"}, 2)
    if not await is_redis(client, 8, 4):
        with pytest.raises(ResponseError):
            await client.xreadgroup_claim("g", "d", 0, {"s": ">"})
        return
    first, second, third = (await client.xreadgroup_claim("g", "d", 0, {"s": ">"}))["s"]
    assert (first.id, second.id, third.id) == ("1-0", "2-0", "3-0")
    assert first.fields == {"a": "1"}
    assert [each.times_delivered for each in (first, second, third)] == [1, 1, 0]
    assert third.time_since_delivered == 0
    assert await client.xreadgroup_claim("g", "d", LONG, {"s": ">"}, block=1) == {}


async def test_hand_back(client: Redis[str]) -> None:
    """Redis 8.8 lets a consumer hand entries back at once; older servers do not know it."""
    await client.xreadgroup("g", "c", {"s": ">"}, 2)
    if not await is_redis(client, 8, 8):
        with pytest.raises(UnknownCommandError):
            await client.xnack("s", "g", "FAIL", "1-0")
        return
    assert await client.xnack("s", "g", "FAIL", "1-0", "9-0") == 1
    assert await client.xnack("s", "g", "SILENT", "2-0", retrycount=5) == 1
    assert await client.xnack("s", "g", "SILENT", "3-0", force=True) == 1
    pending = await client.xpending_range("s", "g", "-", "+", 9)
    assert [each.consumer for each in pending] == ["", "", ""]
    assert [each.times_delivered for each in pending] == [1, 5, 0]
    assert await client.xautoclaim_ids("s", "g", "d", LONG) == ("0-0", ["1-0", "2-0", "3-0"], [])


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_bytes(request: pytest.FixtureRequest, name: str) -> None:
    """A client that does not decode gives names and fields as bytes, and IDs as text."""
    server: Server = request.getfixturevalue(name)
    async with Redis(host=server.host, port=server.port) as client:
        await client.xadd("s", {b"\xff": 1}, "1-0")
        await client.xgroup_create("s", b"\xfe", "0")
        entry = ("1-0", {b"\xff": b"1"})
        assert await client.xreadgroup(b"\xfe", b"\xfd", {"s": ">"}) == {b"s": [entry]}
        assert await client.xpending("s", b"\xfe") == (1, "1-0", "1-0", {b"\xfd": 1})
        [pending] = await client.xpending_range("s", b"\xfe", "-", "+", 9)
        assert (pending.id, pending.consumer) == ("1-0", b"\xfd")
        assert await client.xclaim("s", b"\xfe", "c", 0, "1-0") == [entry]
        assert await client.xclaim_ids("s", b"\xfe", "c", 0, "1-0") == ["1-0"]
        assert (await client.xautoclaim("s", b"\xfe", "c", 0)).entries == [entry]


async def test_cluster(valkey_cluster: Cluster) -> None:
    """Groups of streams in one slot are read together; streams of several slots are refused."""
    server = valkey_cluster.primaries[0]
    async with RedisCluster(server.host, server.port, decode_responses=True) as client:
        for key in ("{a}1", "{a}2", "b"):
            await client.xgroup_create(key, "g", mkstream=True)
            await client.xadd(key, {"a": 1}, "1-0")
        entries = [("1-0", {"a": "1"})]
        assert await client.xreadgroup("g", "c", {"{a}1": ">", "{a}2": ">"}, block=0) == {
            "{a}1": entries,
            "{a}2": entries,
        }
        with pytest.raises(CrossSlotError, match="hash tag"):
            await client.xreadgroup("g", "c", {"{a}1": ">", "b": ">"})
        assert await client.xack("{a}1", "g", "1-0") == 1
        assert (await client.xautoclaim("{a}2", "g", "d", 0)).entries == entries
