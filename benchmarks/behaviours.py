"""Behaviour of clients in failures: `python -m benchmarks.behaviours`, with the peers installed.

It shows not speed, but the effects of cancelled commands in a small pool, of a lost reply to a
write, and of an exception of the user's code inside a client's block.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.abc
import sniffio

import anyredis
import anyredis.server
from benchmarks.calls import count_calls
from benchmarks.contestants import CONTESTANTS
from benchmarks.report import table

HOST = "127.0.0.1"
PATIENCE = 5.0  # seconds to wait for an answer


@dataclass(frozen=True)
class Subject:
    """A client under observation; `open` connects it, with a waiting pool of two if asked to."""

    name: str
    backends: tuple[str, ...]
    open: Callable[[int, bool], AbstractAsyncContextManager[Any]]


def open_anyredis(port: int, two: bool) -> AbstractAsyncContextManager[Any]:
    """Anyredis, as it comes or with a waiting pool of two."""
    if two:
        waiting = anyredis.BlockingConnectionPool
        return anyredis.Redis(HOST, port, connection_pool_cls=waiting, max_connections=2)
    return anyredis.Redis(HOST, port)


def open_coredis(port: int, two: bool) -> AbstractAsyncContextManager[Any]:
    """Coredis, likewise."""
    client: AbstractAsyncContextManager[Any] = importlib.import_module("coredis").Redis(
        host=HOST, port=port, max_connections=2 if two else None
    )
    return client


def open_redis_py(port: int, two: bool) -> AbstractAsyncContextManager[Any]:
    """redis-py, likewise."""
    redis = importlib.import_module("redis.asyncio")
    client: AbstractAsyncContextManager[Any] = redis.Redis(host=HOST, port=port)
    if two:
        pool = redis.BlockingConnectionPool(host=HOST, port=port, max_connections=2)
        client = redis.Redis.from_pool(pool)
    return client


SUBJECTS = (
    Subject("anyredis", ("asyncio", "trio"), open_anyredis),
    Subject("coredis", ("asyncio", "trio"), open_coredis),
    Subject("redis-py", ("asyncio",), open_redis_py),
)


# -- two cancelled BLPOPs in a pool of two --------------------------------------------------------


async def cancel_two(subject: Subject, port: int) -> str:
    """What a GET does after two BLPOPs were cancelled in a pool of two."""
    outcome = f"no answer in {PATIENCE:g} s"
    with anyio.move_on_after(2 * PATIENCE):
        async with subject.open(port, True) as client:
            keys = "nobody-pushes" if subject.name == "anyredis" else ["nobody-pushes"]

            async def blpop() -> None:
                await client.blpop(keys, timeout=0)

            with anyio.move_on_after(0.2):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(blpop)
                    tasks.start_soon(blpop)
            with anyio.move_on_after(PATIENCE):
                outcome = await told(client.get("nothing"))
    return outcome


async def told(call: Awaitable[Any]) -> str:
    """`answers`, or the exception that a call raises."""
    try:
        await call
    except Exception as error:  # noqa: BLE001 - what is raised is the result
        return f"raises {type(error).__name__}"
    return "answers"


# -- the reply to a write is lost -----------------------------------------------------------------


class LossyProxy:
    """A proxy of a server; it runs INCRs, and hangs up instead of answering the first ones."""

    def __init__(self, server: int, losses: int) -> None:
        self.server = server
        self.losses = losses

    async def serve(self, client: anyio.abc.ByteStream) -> None:
        """Forward one connection."""
        self.doomed = False
        async with (
            client,
            await anyio.connect_tcp(HOST, self.server) as server,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(self.forward, client, server)
            await self.back(server, client)
            tasks.cancel_scope.cancel()

    async def forward(self, client: anyio.abc.ByteStream, server: anyio.abc.ByteStream) -> None:
        """Forward the client's bytes, and note INCRs."""
        async for data in client:
            if b"INCR" in data and self.losses:
                self.losses -= 1
                self.doomed = True
            await server.send(data)

    async def back(self, server: anyio.abc.ByteStream, client: anyio.abc.ByteStream) -> None:
        """Forward the server's bytes, up to the reply that is to be lost."""
        async for data in server:
            if self.doomed:
                return
            await client.send(data)


@asynccontextmanager
async def lossy_proxy(port: int, losses: int) -> AsyncGenerator[int]:
    """The port of a `LossyProxy` of the server at *port*."""
    listener = await anyio.create_tcp_listener(local_host=HOST)
    proxy = LossyProxy(port, losses)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, proxy.serve)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def lose(subject: Subject, port: int, losses: int) -> str:
    """The number of runs of one INCR whose reply was lost that often, and the outcome."""
    async with anyredis.Redis(HOST, port) as observer:
        await observer.delete("counter")
        async with lossy_proxy(port, losses) as proxy, subject.open(proxy, False) as client:
            with anyio.move_on_after(30):
                outcome = await told(client.incr("counter"))
        runs = int(await observer.get("counter") or 0)
    return f"{runs} time{'s' * (runs != 1)}, {outcome}"


# -- the user's own exception ---------------------------------------------------------------------


class OwnError(Exception):
    """An error of the user's own."""


async def raise_own(subject: Subject, port: int) -> str:
    """The exception that leaves a client's block in which the user's code raises one."""
    try:
        async with subject.open(port, False) as client:
            await client.get("nothing")
            raise OwnError  # noqa: TRY301 - that is the point
    except BaseException as error:  # noqa: BLE001 - what is raised is the result
        return "as itself" if type(error) is OwnError else f"in an {type(error).__name__}"


# -- all of it ------------------------------------------------------------------------------------


async def calls(subject: Subject, port: int, tasks: int) -> str:
    """Python-level calls for one warm GET, with that number of tasks."""
    [contestant] = [each for each in CONTESTANTS if each.name == subject.name]
    backend = sniffio.current_async_library()
    return f"{(await count_calls(contestant, backend, port, tasks)).total:.0f}"


OBSERVATIONS: dict[str, Callable[[Subject, int], Awaitable[str]]] = {
    "GET after two cancelled BLPOPs, pool of two": cancel_two,
    "INCR runs, its reply lost once": functools.partial(lose, losses=1),
    "INCR runs, its reply lost every time": functools.partial(lose, losses=2**31),
    "own exception leaves the block": raise_own,
    "Python calls for a GET, one task": functools.partial(calls, tasks=1),
    "Python calls for a GET, 64 tasks": functools.partial(calls, tasks=64),
}


async def observe(backend: str) -> str:
    """A table of all behaviours on one event loop."""
    subjects = [each for each in SUBJECTS if backend in each.backends]
    async with anyredis.server.run() as server:
        rows = [
            [title, *[await observation(each, server.port) for each in subjects]]
            for title, observation in OBSERVATIONS.items()
        ]
    return table([backend, *[each.name for each in subjects]], rows)


def main() -> None:
    """Print a table for each event loop."""
    for backend in ("asyncio", "trio"):
        print(f"{anyio.run(observe, backend, backend=backend)}\n")


if __name__ == "__main__":
    main()
