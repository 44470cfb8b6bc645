"""Modules on a real server that has some: each method once."""

from __future__ import annotations

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server, run
from tests.servers import redis_tls_binary, valkey_binary

pytestmark = pytest.mark.server

LOCAL = ("--enable-module-command", "local")


@pytest.mark.parametrize("protocol", [2, 3])
async def test_modules(protocol: int) -> None:
    """A module is loaded with its settings, listed, and unloaded if it can be."""
    path = str(redis_tls_binary().parents[1] / "lib" / "redisbloom.so")
    async with (
        run(binary=redis_tls_binary(), arguments=LOCAL) as server,
        Redis(host=server.host, port=server.port, protocol=protocol) as client,
    ):
        assert await client.module_list() == []
        assert await client.module_load(path, "INITIAL_SIZE", "200") is True
        [module] = await client.module_list()
        assert (module.name, module.path) == ("bf", path)
        assert module.args == ["INITIAL_SIZE", "200"]
        assert module.ver > 0
        with pytest.raises(ResponseError):  # it has data types
            await client.module_unload("bf")
        with pytest.raises(ResponseError):  # it is loaded already
            await client.module_loadex(path, config={"bf.initial-size": 9})
        other = str(redis_tls_binary().parents[1] / "lib" / "redistimeseries.so")
        assert await client.module_loadex(other, args=["CHUNK_SIZE_BYTES", "2048"]) is True
        loaded = {each.name: each.args for each in await client.module_list()}
        assert loaded["timeseries"] == ["CHUNK_SIZE_BYTES", "2048"]


async def test_unloading() -> None:
    """Valkey's Lua engine is a module without data types: it is unloaded."""
    async with (
        run(binary=valkey_binary(), arguments=LOCAL) as server,
        Redis(host=server.host, port=server.port) as client,
    ):
        assert [each.name for each in await client.module_list()] == ["lua"]
        assert await client.module_unload("lua") is True
        assert await client.module_list() == []


@pytest.mark.parametrize("protocol", [2, 3])
async def test_built_in(own_server: Server, protocol: int) -> None:
    """Servers have modules of their own: Valkey its Lua engine, Redis 8 its vector sets."""
    server = own_server
    async with Redis(host=server.host, port=server.port, protocol=protocol) as client:
        [module] = await client.module_list()
        assert (module.name, module.ver) in {("lua", 1), ("vectorset", 1)}
