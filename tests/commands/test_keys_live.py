"""Keys on real servers: each method once, on every server that knows it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import BusyKeyError, ResponseError
from anyredis.server import Server

FUTURE = datetime.datetime(2055, 5, 18, 3, 33, 20, tzinfo=datetime.UTC)


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


@pytest.fixture(params=["valkey", "redis8"])
async def undecoded(request: pytest.FixtureRequest) -> AsyncIterator[Redis[bytes]]:
    """A client that does not decode, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port) as client:
        yield client


async def test_there_or_not(client: Redis[str]) -> None:
    """Keys are counted, found, named and deleted."""
    assert await client.randomkey() is None
    assert await client.keys() == []
    await client.mset({"a": 1, "b": 2, "c": 3})
    assert await client.exists("a", "a", "nope") == 2
    assert await client.touch("a", "nope") == 1
    assert await client.randomkey() in {"a", "b", "c"}
    assert sorted(await client.keys("[ab]")) == ["a", "b"]
    assert await client.type("a") == "string"
    assert await client.type("nope") == "none"
    assert await client.delete("a", "nope") == 1
    assert await client.unlink("b", "c") == 2
    assert await client.keys() == []


async def test_copy_and_rename(client: Redis[str]) -> None:
    """Values are copied, moved and given other names."""
    await client.set("a", "1")
    assert await client.copy("a", "b") is True
    assert await client.copy("a", "b") is False
    assert await client.copy("a", "b", replace=True) is True
    assert await client.copy("a", "b", destination_db=1) is True
    assert await client.rename("b", "c") is True
    assert await client.renamenx("a", "c") is False
    assert await client.renamenx("a", "d") is True
    assert await client.move("d", 1) is True
    assert await client.move("d", 1) is False
    with pytest.raises(ResponseError, match="no such key"):
        await client.rename("nope", "x")


async def test_dump_and_restore(client: Redis[str]) -> None:
    """A dumped value, bytes on a client that decodes too, is restored with its time to live."""
    assert await client.dump("k") is None
    await client.set("k", "v")
    dump = await client.dump("k")
    assert isinstance(dump, bytes)
    with pytest.raises(BusyKeyError):
        await client.restore("k", 0, dump)
    assert await client.restore("k", 0, dump, replace=True, idletime=100) is True
    idle = await client.object_idletime("k")
    assert idle is not None
    assert idle >= 99
    assert await client.restore("l", 100_000, memoryview(dump), frequency=5) is True
    assert 0 < await client.ttl("l") <= 100
    assert await client.restore("m", FUTURE, dump, absttl=True) is True
    assert await client.expiretime("m") == int(FUTURE.timestamp())
    assert await client.mget("k", "l", "m") == ["v", "v", "v"]


async def test_objects(client: Redis[str]) -> None:
    """The encoding of a value and the rest are reported; None for a missing key."""
    await client.set("k", "v")
    assert await client.object_encoding("k") == "embstr"
    assert await client.object_refcount("k") == 1
    idle = await client.object_idletime("k")
    assert idle is not None
    assert 0 <= idle < 60
    assert await client.object_encoding("nope") is None
    assert await client.object_refcount("nope") is None
    assert await client.object_idletime("nope") is None
    with pytest.raises(ResponseError, match="LFU"):
        await client.object_freq("k")


async def test_object_freq(own_server: Server) -> None:
    """A server that counts accesses gives the counter, and accepts one to restore."""
    async with Redis(host=own_server.host, port=own_server.port) as client:
        await client.config_set("maxmemory-policy", "allkeys-lfu")
        await client.set("k", "v")
        dump = await client.dump("k")
        assert dump is not None
        await client.restore("k", 0, dump, replace=True, frequency=200)
        assert await client.object_freq("k") in {199, 200, 201}
        assert await client.object_freq("nope") is None


async def test_scan(client: Redis[str]) -> None:
    """Pages together hold every key once at least; options narrow them."""
    await client.mset({f"k{i}": i for i in range(100)})
    await client.lpush("list", "v")
    found: set[str] = set()
    cursor, pages = 0, 0
    while True:
        cursor, page = await client.scan(cursor, count=10)
        found.update(page)
        pages += 1
        if not cursor:
            break
    assert pages > 2
    assert found == {f"k{i}" for i in range(100)} | {"list"}
    assert await client.scan(0, "li*", 1000) == (0, ["list"])
    assert await client.scan(0, count=1000, type="list") == (0, ["list"])


async def test_migrate_nothing(client: Redis[str]) -> None:
    """If no key exists, the other server is not used."""
    host, port = "127.0.0.1", 1
    assert await client.migrate(host, port, ["a", "b"], destination_db=0, timeout=100) is False
    await client.set("a", "v")
    with pytest.raises(ResponseError, match="IOERR"):
        await client.migrate(host, port, ["a", "b"], destination_db=0, timeout=100)


async def test_migrate(valkey: Server, private_server: Server) -> None:
    """Keys go to another server, and stay with *copy*."""
    async with (
        Redis(host=valkey.host, port=valkey.port, decode_responses=True) as here,
        Redis(host=private_server.host, port=private_server.port, decode_responses=True) as there,
    ):
        await there.acl_whoami()
        await here.mset({"a": 1, "b": 2})
        host, port = private_server.host, private_server.port
        assert await here.migrate(host, port, "a", destination_db=0, timeout=5000, copy=True)
        assert await here.migrate(
            host, port, ["a", "b"], destination_db=0, timeout=5000, replace=True
        )
        assert await here.exists("a", "b") == 0
        assert await there.mget("a", "b") == ["1", "2"]
        await here.set("c", 3)
        with pytest.raises(ResponseError, match="WRONGPASS"):
            await here.migrate(
                host, port, "c", destination_db=0, timeout=5000, username="no", auth="one"
            )
        assert await here.migrate(
            host, port, "c", destination_db=1, timeout=5000, username="default", auth="any"
        )


async def test_undecoded(undecoded: Redis[bytes]) -> None:
    """A client that does not decode gets keys as bytes, and text as str."""
    await undecoded.set(b"\xff\x00", b"v")
    assert await undecoded.keys() == [b"\xff\x00"]
    assert await undecoded.randomkey() == b"\xff\x00"
    assert await undecoded.scan() == (0, [b"\xff\x00"])
    assert await undecoded.type(b"\xff\x00") == "string"
    assert await undecoded.object_encoding(b"\xff\x00") == "embstr"
