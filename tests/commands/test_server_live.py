"""Servers: each method once on real ones, on every server that knows it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.reports.server_reports import PrimaryRole
from anyredis.server import Server
from anyredis.server.server_group import server_group
from tests.servers import redis8_binary, valkey_binary


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


@pytest.fixture(params=["valkey", "redis8"])
async def in_resp2(request: pytest.FixtureRequest) -> AsyncIterator[Redis[bytes]]:
    """A client that speaks RESP2 and does not decode, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, protocol=2) as client:
        yield client


async def test_info(client: Redis[str]) -> None:
    """Numbers are numbers, keyspaces and calls are dicts, modules a list."""
    await client.set("k", "v", ex=100)
    info = await client.info()
    assert isinstance(info["redis_version"], str)
    assert isinstance(info["used_memory"], int)
    assert isinstance(info["mem_fragmentation_ratio"], float)
    assert isinstance(info["redis_git_sha1"], str)
    keyspace = info["db0"]
    assert isinstance(keyspace, dict)
    assert (keyspace["keys"], keyspace["expires"]) == (1, 1)
    some = await client.info("commandstats", "keyspace")
    assert "used_memory" not in some
    calls = some["cmdstat_set"]
    assert isinstance(calls, dict)
    assert isinstance(calls["calls"], int)
    everything = await client.info("everything")
    assert isinstance(everything.get("modules", []), list)
    assert "__raw__" not in everything


async def test_config(client: Redis[str]) -> None:
    """A setting is read and set, several at once too."""
    settings = await client.config_get("maxmemory-samples", "hz")
    assert settings == {"maxmemory-samples": "5", "hz": "10"}
    assert await client.config_set("maxmemory-samples", 5, "hz", "10") is True
    assert len(await client.config_get()) > 100
    assert await client.config_get("no such") == {}
    assert await client.config_resetstat() is True
    with pytest.raises(ResponseError, match="without a config file"):
        await client.config_rewrite()


@pytest.mark.server
@pytest.mark.parametrize("binary", [valkey_binary, redis8_binary], ids=["valkey", "redis8"])
async def test_a_settings_file(binary: Callable[[], Path]) -> None:
    """Changed settings are written to the file that the server began with."""
    async with server_group(binary(), tls=None, startup_timeout=10) as servers:
        server = await servers.launch(settings="hz 11\n")
        async with Redis(host=server.host, port=server.port) as client:
            await client.config_set("hz", 12)
            assert await client.config_rewrite() is True
            assert "hz 12\n" in (server.directory / "server.conf").read_text(encoding="utf-8")


async def test_databases(client: Redis[str]) -> None:
    """Databases are counted, swapped and emptied."""
    await client.mset({"a": 1, "b": 2})
    assert await client.dbsize() == 2
    assert await client.swapdb(0, 1) is True
    assert await client.dbsize() == 0
    assert await client.swapdb(0, 1) is True
    assert await client.flushdb() is True
    assert await client.flushdb(asynchronous=True) is True
    assert await client.dbsize() == 0
    await client.set("a", 1)
    assert await client.flushall(asynchronous=False) is True
    assert await client.dbsize() == 0


async def test_who_and_when(client: Redis[str]) -> None:
    """The server gives the time, its role, the user and its commands."""
    seconds, microseconds = await client.time()
    assert abs(datetime.datetime.now(datetime.UTC).timestamp() - seconds) < 5
    assert 0 <= microseconds < 1_000_000
    role = await client.role()
    assert isinstance(role, PrimaryRole)
    assert (role.role, role.replicas) == ("master", [])
    assert "ver" in await client.lolwut()
    assert "ver" in await client.lolwut(5, 1, 1, 1)


async def test_memory(client: Redis[str]) -> None:
    """The use of memory is reported."""
    await client.set("k", "v")
    size = await client.memory_usage("k")
    assert size is not None
    assert 10 < size < 100
    assert await client.memory_usage("k", samples=0) == size
    assert await client.memory_usage("nope") is None
    stats = await client.memory_stats()
    assert isinstance(stats["peak.allocated"], int)
    assert isinstance(stats["dataset.percentage"], float)
    assert isinstance(stats["db.0"], dict)
    assert await client.memory_purge() is True
    assert "Sam" in await client.memory_doctor()
    assert await client.memory_malloc_stats()


async def test_slowlog(client: Redis[str]) -> None:
    """Slow commands are reported, cut or not, and forgotten."""
    assert await client.slowlog_reset() is True
    assert await client.slowlog_len() == 0
    assert await client.slowlog_get() == []
    before = await client.config_get("slowlog-log-slower-than")
    try:
        await client.config_set("slowlog-log-slower-than", 0)
        await client.set("k", "é" * 200)  # cut in the middle of a character
    finally:
        await client.config_set("slowlog-log-slower-than", *before.values())
    assert await client.slowlog_len() >= 1
    [entry] = [entry for entry in await client.slowlog_get(-1) if entry.command[0] == b"SET"]
    assert entry.command[1] == b"k"
    assert b"more bytes" in entry.command[2]
    assert entry.address.startswith("127.0.0.1:")
    assert len(await client.slowlog_get(1)) == 1
    assert await client.slowlog_reset() is True


async def test_resp2(in_resp2: Redis[bytes]) -> None:
    """With RESP2, and without decoding, the replies are the same."""
    await in_resp2.set(b"k", b"v")
    info = await in_resp2.info("keyspace")
    assert isinstance(info["db0"], dict)
    assert await in_resp2.config_get("hz") == {"hz": "10"}
    stats = await in_resp2.memory_stats()
    assert isinstance(stats["db.0"], dict)
    assert isinstance(stats["dataset.percentage"], float)
    assert isinstance(await in_resp2.role(), PrimaryRole)
    assert isinstance(await in_resp2.memory_doctor(), str)
