"""The cluster clients that are compared, each used as its own documentation shows."""

from __future__ import annotations

import functools
import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyredis
from benchmarks.bare import HOST, bare_cluster
from benchmarks.contestants import Contestant, Ops, fill


@asynccontextmanager
async def open_anyredis(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """Anyredis, with its defaults."""
    client = anyredis.RedisCluster(HOST, port)

    async def pipeline(commands: int) -> Any:
        return await fill(client.pipeline(transaction=False), commands).execute()

    async def mget(keys: list[str]) -> Any:
        return await client.mget(*keys)

    async with client:
        yield Ops(client.get, pipeline=pipeline, mget=mget)


@asynccontextmanager
async def open_redis_py(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """redis-py, with hiredis, which it finds by itself."""
    client = importlib.import_module("redis.asyncio").RedisCluster(host=HOST, port=port)

    async def pipeline(commands: int) -> Any:
        return await fill(client.pipeline(transaction=False), commands).execute()

    async with client:
        yield Ops(client.get, pipeline=pipeline, mget=client.mget_nonatomic)


@asynccontextmanager
async def open_coredis(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """Coredis, which splits MGET by itself."""
    client = importlib.import_module("coredis").RedisCluster(host=HOST, port=port)

    async def pipeline(commands: int) -> Any:
        async with client.pipeline(transaction=False) as pipe:
            fill(pipe, commands)
        return pipe.results

    async with client:
        yield Ops(client.get, pipeline=pipeline, mget=client.mget)


@asynccontextmanager
async def open_glide(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """valkey-glide, whose core runs in threads of its own."""
    glide = importlib.import_module("glide")
    config = glide.GlideClusterClientConfiguration(
        [glide.NodeAddress(HOST, port)], request_timeout=10_000
    )
    client = await glide.GlideClusterClient.create(config)

    async def pipeline(commands: int) -> Any:
        batch = fill(glide.ClusterBatch(is_atomic=False), commands)
        return await client.exec(batch, raise_on_error=True)

    try:
        yield Ops(client.get, pipeline=pipeline, mget=client.mget)
    finally:
        await client.close()


@asynccontextmanager
async def open_corked(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """Bare loops of asyncio, with one write for all commands to a node of one turn."""
    async with bare_cluster(port) as call:
        yield Ops(functools.partial(call, b"GET"))


CLUSTER_CONTESTANTS = (
    Contestant("anyredis", "anyredis", "anyredis", open_anyredis),
    Contestant("corked", "hiredis", "hiredis", open_corked, ("asyncio", "uvloop"), pools=False),
    Contestant("redis-py", "redis.asyncio", "redis", open_redis_py, ("asyncio", "uvloop")),
    Contestant("coredis", "coredis", "coredis", open_coredis),
    Contestant("glide", "glide", "valkey-glide", open_glide),
)
