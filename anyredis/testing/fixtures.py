"""What the fixtures of the pytest plugin do, loaded when the first of them is used.

Law: servers are held by an event loop in a thread, so tests may be sync or async, on any loop; a
client runs on the loop of its test.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from anyredis.client.redis import Redis
from anyredis.cluster.redis_cluster import RedisCluster
from anyredis.server import Cluster, Server, run, run_cluster


def portal() -> AbstractContextManager[BlockingPortal]:
    """An event loop in a thread."""
    return start_blocking_portal()


def server(loop: BlockingPortal) -> AbstractContextManager[Server]:
    """A real server, held by *loop*."""
    return loop.wrap_async_context_manager(run())


def cluster(loop: BlockingPortal) -> AbstractContextManager[Cluster]:
    """A real cluster of three primaries, held by *loop*."""
    return loop.wrap_async_context_manager(run_cluster(replicas=0))


async def empty(running: Server) -> None:
    """Delete all data of a server."""
    async with Redis.from_url(running.url) as redis:
        await redis.flushall()


async def empty_cluster(running: Cluster) -> None:
    """Delete all data of a cluster."""
    async with RedisCluster.from_url(running.url) as redis:
        await redis.flushall()


def client(running: Server, options: Mapping[str, Any]) -> AbstractAsyncContextManager[Redis[Any]]:
    """A client of *running*, for the event loop of a test."""
    arguments: dict[str, Any] = {"decode_responses": False, **options}
    decode: bool = arguments.pop("decode_responses")
    if decode:
        return Redis.from_url(running.url, decode_responses=True, **arguments)
    return Redis.from_url(running.url, decode_responses=False, **arguments)


def cluster_client(
    running: Cluster, options: Mapping[str, Any]
) -> AbstractAsyncContextManager[RedisCluster[Any]]:
    """A client of *running*, for the event loop of a test."""
    arguments: dict[str, Any] = {"decode_responses": False, **options}
    decode: bool = arguments.pop("decode_responses")
    if decode:
        return RedisCluster.from_url(running.url, decode_responses=True, **arguments)
    return RedisCluster.from_url(running.url, decode_responses=False, **arguments)
