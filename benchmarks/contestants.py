"""The clients that are compared, each used as its own documentation shows."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import sniffio

import anyredis
from benchmarks.bare import HOST, BareProtocol, CorkedProtocol, bare_asyncio, bare_trio

Ask = Callable[..., Awaitable[Any]]

PLAIN_KEY = "bench:pipeline:{}"

SCRIPT = """
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
if total > tonumber(ARGV[2]) then
    redis.call('SET', KEYS[1], 0)
end
return 'counted'
"""
SCRIPT_KEY = "bench:script"


async def not_needed(*_words: Any) -> Any:
    """The operation of a contestant for scenarios without it."""
    raise NotImplementedError


@dataclass(frozen=True)
class Ops:
    """The operations that scenarios need of a client; None for an operation that none needs.

    `pipeline(n)` sends n commands and gives their replies, `scripts(n)` n calls of `SCRIPT`; `mget`
    takes a list of keys; `run` is the whole operation of a scenario with contestants of its own, and
    `prepare` what has to be done before each, which is not measured.
    """

    get: Ask = not_needed
    lrange: Ask | None = None
    pipeline: Callable[[int], Awaitable[Any]] | None = None
    mget: Ask | None = None
    scripts: Callable[[int], Awaitable[Any]] | None = None
    run: Callable[[], Awaitable[Any]] | None = None
    prepare: Callable[[], None] | None = None


Open = Callable[[int, int | None], AbstractAsyncContextManager[Ops]]


@dataclass(frozen=True)
class Contestant:
    """A client: `open` connects it, with a pool of that many connections or with its defaults."""

    name: str
    module: str
    distribution: str
    open: Open
    backends: tuple[str, ...] = ("asyncio", "uvloop", "trio")
    pools: bool = True

    @property
    def installed(self) -> bool:
        """True if it can be imported."""
        return importlib.util.find_spec(self.module.partition(".")[0]) is not None

    @property
    def version(self) -> str:
        """Its version, for the report."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return "not installed as a package"


def fill(pipe: Any, commands: int) -> Any:
    """*pipe* with that many commands, SET and GET in turns; in a cluster they go to all nodes."""
    for index in range(commands // 2):
        key = PLAIN_KEY.format(index)
        pipe.set(key, "value")
        pipe.get(key)
    return pipe


@asynccontextmanager
async def open_anyredis(port: int, pool: int | None) -> AsyncGenerator[Ops]:
    """Anyredis, with its defaults."""
    client = (
        anyredis.Redis(HOST, port)
        if pool is None
        else anyredis.Redis(
            HOST,
            port,
            connection_pool_cls=anyredis.BlockingConnectionPool,
            max_connections=pool,
        )
    )

    async def pipeline(commands: int) -> Any:
        return await fill(client.pipeline(transaction=False), commands).execute()

    script = client.register_script(SCRIPT)

    async def scripts(calls: int) -> Any:
        pipe = client.pipeline(transaction=False)
        for _ in range(calls):
            pipe.script(script, [SCRIPT_KEY], [1, 1000])
        return await pipe.execute()

    async with client:
        yield Ops(client.get, client.lrange, pipeline, scripts=scripts)


@asynccontextmanager
async def open_redis_py(port: int, pool: int | None) -> AsyncGenerator[Ops]:
    """redis-py, with hiredis, which it finds by itself."""
    redis = importlib.import_module("redis.asyncio")
    if pool is None:
        client = redis.Redis(host=HOST, port=port)
    else:
        waiting = redis.BlockingConnectionPool(max_connections=pool, host=HOST, port=port)
        client = redis.Redis.from_pool(waiting)

    async def pipeline(commands: int) -> Any:
        return await fill(client.pipeline(transaction=False), commands).execute()

    script = client.register_script(SCRIPT)

    async def scripts(calls: int) -> Any:
        pipe = client.pipeline(transaction=False)
        for _ in range(calls):
            await script([SCRIPT_KEY], [1, 1000], client=pipe)
        return await pipe.execute()

    async with client:
        yield Ops(client.get, client.lrange, pipeline, scripts=scripts)


def open_patient_redis_py(port: int, _pool: int | None) -> AbstractAsyncContextManager[Ops]:
    """redis-py for any number of tasks: its default pool of 100 raises if there are more."""
    return open_redis_py(port, 100)


@asynccontextmanager
async def open_coredis(port: int, pool: int | None) -> AsyncGenerator[Ops]:
    """Coredis, whose pools wait in any case."""
    coredis = importlib.import_module("coredis")
    if pool is None:
        client = coredis.Redis(host=HOST, port=port)
    else:
        waiting = coredis.ConnectionPool(host=HOST, port=port, max_connections=pool)
        client = coredis.Redis(connection_pool=waiting)

    async def pipeline(commands: int) -> Any:
        async with client.pipeline(transaction=False) as pipe:
            fill(pipe, commands)
        return pipe.results

    script = client.register_script(SCRIPT)

    async def scripts(calls: int) -> Any:
        async with client.pipeline(transaction=False) as pipe:
            for _ in range(calls):
                script([SCRIPT_KEY], [1, 1000], client=pipe)
        return pipe.results

    async with client:
        yield Ops(client.get, client.lrange, pipeline, scripts=scripts)


@asynccontextmanager
async def open_glide(port: int, _pool: int | None, most: int | None = None) -> AsyncGenerator[Ops]:
    """valkey-glide, whose core runs in threads of its own; *most* requests at once."""
    glide = importlib.import_module("glide")
    address = glide.NodeAddress(HOST, port)
    config = glide.GlideClientConfiguration(
        [address], request_timeout=60_000, inflight_requests_limit=most
    )
    client = await glide.GlideClient.create(config)

    async def pipeline(commands: int) -> Any:
        batch = fill(glide.Batch(is_atomic=False), commands)
        return await client.exec(batch, raise_on_error=True)

    try:
        yield Ops(client.get, client.lrange, pipeline)
    finally:
        await client.close()


@asynccontextmanager
async def open_bare(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """The bare loop of the backend that is running."""
    trio = sniffio.current_async_library() == "trio"
    async with bare_trio(port) if trio else bare_asyncio(port, BareProtocol) as call:
        yield Ops(functools.partial(call, b"GET"), functools.partial(call, b"LRANGE"))


@asynccontextmanager
async def open_corked(port: int, _pool: int | None) -> AsyncGenerator[Ops]:
    """The bare loop of asyncio, with one write for all commands of one turn."""
    async with bare_asyncio(port, CorkedProtocol) as call:

        async def pipeline(commands: int) -> Any:
            replies: list[Awaitable[Any]] = []
            for index in range(commands // 2):
                key = PLAIN_KEY.format(index)
                replies.append(call(b"SET", key, "value"))
                replies.append(call(b"GET", key))
            return [await reply for reply in replies]

        yield Ops(functools.partial(call, b"GET"), functools.partial(call, b"LRANGE"), pipeline)


ANYREDIS = Contestant("anyredis", "anyredis", "anyredis", open_anyredis)
CONTESTANTS = (
    ANYREDIS,
    Contestant("bare", "hiredis", "hiredis", open_bare, pools=False),
    Contestant("corked", "hiredis", "hiredis", open_corked, ("asyncio", "uvloop"), pools=False),
    Contestant("redis-py", "redis.asyncio", "redis", open_redis_py, ("asyncio", "uvloop")),
    Contestant("coredis", "coredis", "coredis", open_coredis),
    Contestant("glide", "glide", "valkey-glide", open_glide, pools=False),
)

PATIENT: dict[str, Open] = {
    "redis-py": open_patient_redis_py,
    "glide": functools.partial(open_glide, most=100_000),
}
PATIENT_CONTESTANTS = tuple(
    replace(each, open=PATIENT.get(each.name, each.open)) for each in CONTESTANTS
)
"""The same for thousands of tasks."""

FLOORS = ("bare", "corked")
"""The lower bounds, which are no clients: no client can be faster."""
