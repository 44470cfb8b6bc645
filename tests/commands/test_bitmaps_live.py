"""Bitmaps on real servers: each method once, on every server that the tests run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.commands.bitmaps import BitField
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[bytes]]:
    """A client of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port) as client:
        yield client


async def test_bits(client: Redis[bytes]) -> None:
    """A bit is set, read and found."""
    assert await client.setbit("k", 7, 1) == 0
    assert await client.setbit("k", 7, 1) == 1
    assert await client.getbit("k", 7) == 1
    assert await client.getbit("k", 1000) == 0
    assert await client.get("k") == b"\x01"
    assert await client.bitpos("k", 1) == 7
    assert await client.bitpos("missing", 1) == -1


async def test_ranges(client: Redis[bytes]) -> None:
    """Bounds are in bytes, or in bits."""
    await client.set("k", b"\xff\xf0\x00")
    assert await client.bitcount("k") == 12
    assert await client.bitcount("k", 1, -1) == 4
    assert await client.bitcount("k", 5, 9, mode="BIT") == 5
    assert await client.bitpos("k", 0, 1) == 12
    assert await client.bitpos("k", 1, 2, 2) == -1
    assert await client.bitpos("k", 0, 9, 15, mode="BIT") == 12


async def test_bitop(client: Redis[bytes]) -> None:
    """The results are those of the operations."""
    await client.mset({"a": b"\x0f\xff", "b": b"\x3c"})
    results: dict[str, bytes | None] = {}
    for operation in ("AND", "OR", "XOR"):
        assert await client.bitop(operation, "d", "a", "b") == 2
        results[operation] = await client.get("d")
    assert await client.bitop("NOT", "d", "a") == 2
    assert await client.get("d") == b"\xf0\x00"
    assert results == {"AND": b"\x0c\x00", "OR": b"\x3f\xff", "XOR": b"\x33\xff"}


async def test_bitop_of_redis_8(redis8: Server, valkey: Server) -> None:
    """Four operations are Redis 8.2's; an older server refuses them."""
    async with Redis(host=redis8.host, port=redis8.port) as client:
        await client.mset({"a": b"\x0f", "b": b"\x3c", "c": b"\x01"})
        results: list[bytes | None] = []
        for operation in ("DIFF", "DIFF1", "ANDOR", "ONE"):
            await client.bitop(operation, "d", "a", "b", "c")
            results.append(await client.get("d"))
        assert results == [b"\x02", b"\x30", b"\x0d", b"\x32"]
    async with Redis(host=valkey.host, port=valkey.port) as client:
        with pytest.raises(ResponseError):
            await client.bitop("ONE", "d", "a")


async def test_bitfield(client: Redis[bytes]) -> None:
    """Several integers are stored, counted and read in one command, each as it says."""
    operations = (
        BitField()
        .set("u8", 0, 200)
        .incrby("u8", 0, 100, overflow="SAT")
        .incrby("u8", 0, 1, overflow="FAIL")
        .incrby("i8", "#1", -1)
        .get("u8", 0)
        .get("i8", 8)
    )
    assert await client.bitfield("k", operations) == [0, 255, None, -1, 255, -1]
    assert await client.bitfield_ro("k", "u8", 0, [("u4", 0), ("i8", "#1")]) == [255, 15, -1]
