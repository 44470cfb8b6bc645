"""The places of measurements: one server, a cluster, or memory alone; each with its data."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyredis
import anyredis.server
from benchmarks.bare import HOST
from benchmarks.keys import (
    LARGE,
    LARGE_KEY,
    LIST,
    LIST_KEY,
    SMALL,
    SMALL_KEY,
    key_in_each_slot,
)

PRIMARIES = 3


class Place(enum.Enum):
    """The kind of servers that a measurement needs."""

    SERVER = "one server"
    CLUSTER = "a cluster of real servers"
    MEMORY = "nothing"


@asynccontextmanager
async def run_place(place: Place) -> AsyncGenerator[int | None]:
    """*place*, with the data that the scenarios read; gives its port, if it has one."""
    if place is Place.SERVER:
        async with anyredis.server.run() as server:
            await prepare_server(server.port)
            yield server.port
    elif place is Place.CLUSTER:
        async with anyredis.server.run_cluster(primaries=PRIMARIES, replicas=0) as cluster:
            await prepare_cluster(cluster.port)
            yield cluster.port
    else:
        yield None


async def prepare_server(port: int) -> None:
    """Store the data that the scenarios read."""
    async with anyredis.Redis(HOST, port) as client:
        await client.set(SMALL_KEY, SMALL)
        await client.set(LARGE_KEY, LARGE)
        await client.delete(LIST_KEY)
        await client.rpush(LIST_KEY, *LIST)


async def prepare_cluster(port: int) -> None:
    """Give each slot a key."""
    async with anyredis.RedisCluster(HOST, port) as client, client.pipeline() as pipe:
        for key in key_in_each_slot():
            pipe.set(key, SMALL)


async def version_of(port: int) -> str:
    """The server's name and version."""
    async with anyredis.Redis(HOST, port, decode_responses=True) as client:
        facts = str(await client.execute_command("INFO", "server")).splitlines()
    known = dict(fact.partition(":")[::2] for fact in facts)
    if "valkey_version" in known:
        return f"Valkey {known['valkey_version']}"
    return f"Redis {known['redis_version']}"
