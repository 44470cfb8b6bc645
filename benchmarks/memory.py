"""The memory of a client: for an idle connection, and for a call that waits for its reply.

It is what Python has allocated, by `tracemalloc`: the kernel's buffers do not count, nor does the
core of valkey-glide, which is not Python.
"""

from __future__ import annotations

import functools
import gc
import importlib
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio

import anyredis
from benchmarks.bare import HOST
from benchmarks.contestants import Contestant
from benchmarks.keys import SMALL_KEY
from benchmarks.load import repeat
from benchmarks.results import Memory

CONNECTIONS = 100
CALLS = 1_000
PAUSE = 4_000
"""Milliseconds for which the server answers nothing: it would not read an UNPAUSE either."""


def allocated() -> int:
    """The bytes of all Python objects."""
    for _ in range(3):
        gc.collect()
    return tracemalloc.get_traced_memory()[0]


@asynccontextmanager
async def traced() -> AsyncGenerator[None]:
    """Trace all that is allocated in the block."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def grown_by(open_all: Callable[[], Awaitable[None]]) -> float:
    """The bytes that *open_all* leaves allocated, for each of the connections."""
    before = allocated()
    await open_all()
    return (allocated() - before) / CONNECTIONS


async def of_anyredis(port: int) -> float:
    """A session holds an exclusive connection."""
    async with anyredis.Redis(HOST, port) as client, AsyncExitStack() as stack:

        async def open_all() -> None:
            for _ in range(CONNECTIONS):
                session = await stack.enter_async_context(client.session())
                await session.get(SMALL_KEY)

        await client.get(SMALL_KEY)
        return await grown_by(open_all)


async def of_redis_py(port: int) -> float:
    """A connection is taken from the pool, and given back at the end."""
    redis = importlib.import_module("redis.asyncio")
    async with redis.Redis(host=HOST, port=port, max_connections=2 * CONNECTIONS) as client:
        pool, taken = client.connection_pool, list[Any]()

        async def open_all() -> None:
            for _ in range(CONNECTIONS):
                connection = await pool.get_connection()
                taken.append(connection)
                await connection.send_command("GET", SMALL_KEY)
                await connection.read_response()

        await client.get(SMALL_KEY)
        size = await grown_by(open_all)
        for connection in taken:
            await pool.release(connection)
        return size


async def of_coredis(port: int) -> float:
    """A connection is taken from the pool, and given back at the end."""
    coredis = importlib.import_module("coredis")
    pool = coredis.ConnectionPool(host=HOST, port=port, max_connections=2 * CONNECTIONS)
    async with coredis.Redis(connection_pool=pool) as client, AsyncExitStack() as stack:

        async def open_all() -> None:
            for _ in range(CONNECTIONS):
                connection = await stack.enter_async_context(pool.acquire())
                await connection.create_request(b"GET", SMALL_KEY)

        await client.get(SMALL_KEY)
        return await grown_by(open_all)


OF_CONNECTION: dict[str, Callable[[int], Awaitable[float]]] = {
    "anyredis": of_anyredis,
    "redis-py": of_redis_py,
    "coredis": of_coredis,
}


async def of_call(contestant: Contestant, port: int) -> float:
    """The bytes for each of many calls while the server is paused, their tasks included."""
    async with anyredis.Redis(HOST, port) as control, contestant.open(port, None) as ops:
        operation = functools.partial(ops.get, SMALL_KEY)
        await operation()
        await control.client_pause(PAUSE)
        async with anyio.create_task_group() as tasks:
            before = allocated()
            for _ in range(CALLS):
                tasks.start_soon(repeat, operation, 1)
            await anyio.sleep(2)  # until all is written, and connected where that takes time
            size = (allocated() - before) / CALLS
    return size


async def measure_memory(contestant: Contestant, backend: str, port: int) -> Memory:
    """The memory that *contestant* takes."""
    of_connection = OF_CONNECTION.get(contestant.name)
    async with traced():
        connection = None if of_connection is None else await of_connection(port)
        return Memory(backend, contestant.name, connection, await of_call(contestant, port))
