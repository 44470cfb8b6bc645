"""G8: the use of a client or session from another event loop or thread is refused, and harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import anyio
import anyio.to_thread
import pytest

from anyredis import ConnectionPool, Redis
from anyredis.testing import FakeServer
from tests.conftest import BACKENDS, Backend
from tests.contract.harness import running_tasks

Use: TypeAlias = Callable[[Redis[bytes]], Awaitable[object]]


async def _pipeline(client: Redis[bytes]) -> None:
    async with client.pipeline() as pipe:
        pipe.get("k")


async def _session(client: Redis[bytes]) -> None:
    async with client.session() as session:
        await session.ping()


async def _acquire(client: Redis[bytes]) -> None:
    async with client.connection_pool.acquire():
        pass


USES: dict[str, Use] = {
    "get": lambda client: client.get("k"),
    "blpop": lambda client: client.blpop("list"),
    "execute_command": lambda client: client.execute_command("PING"),
    "pipeline": _pipeline,
    "session": _session,
    "acquire": _acquire,
    "open": lambda client: client.open(),
    "aclose": lambda client: client.aclose(),
}


@pytest.mark.parametrize("use", USES.values(), ids=[*USES])
@pytest.mark.parametrize("elsewhere", BACKENDS.values(), ids=[f"from_{name}" for name in BACKENDS])
async def test_use_from_another_event_loop_is_refused(use: Use, elsewhere: Backend) -> None:
    """The error names the owner's loop and the remedy; nothing is sent, the owner is unharmed."""
    server = FakeServer()
    async with server.client(max_connections=1) as client:
        await client.ping()
        before = (repr(client.connection_pool), len(server.received), running_tasks())

        def run() -> None:
            message = r"opened in another event loop \((asyncio|trio), in thread 'MainThread'\)"
            with pytest.raises(RuntimeError, match=message):
                anyio.run(use, client, backend=elsewhere[0], backend_options=elsewhere[1])

        await anyio.to_thread.run_sync(run)
        assert (repr(client.connection_pool), len(server.received)) == before[:2]
        assert await client.ping()
        assert running_tasks() == before[2]


@pytest.mark.parametrize("elsewhere", BACKENDS.values(), ids=[f"from_{name}" for name in BACKENDS])
async def test_a_session_belongs_to_its_event_loop(elsewhere: Backend) -> None:
    """So does an acquired connection: nothing is sent, and it stays usable."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        await session.ping()
        sent = len(server.received)

        async def use() -> None:
            with pytest.raises(RuntimeError, match="opened in another event loop"):
                await session.ping()
            with pytest.raises(RuntimeError, match="opened in another event loop"):
                await session.blpop("list")
            with pytest.raises(RuntimeError, match="opened in another event loop"):
                async with session.pipeline() as pipe:
                    pipe.get("k")

        await anyio.to_thread.run_sync(
            lambda: anyio.run(use, backend=elsewhere[0], backend_options=elsewhere[1])
        )
        assert len(server.received) == sent
        assert await session.ping()


def test_two_event_loops_in_one_thread() -> None:
    """A thread's id is not enough: the running loop is not the one that opened the client."""
    server = FakeServer()
    pool: ConnectionPool = server.pool()
    client = Redis(connection_pool=pool)
    with asyncio.Runner() as one, asyncio.Runner() as other:
        one.run(client.open())
        one.run(client.ping())
        before = repr(pool)
        for use in USES.values():
            with pytest.raises(RuntimeError, match="opened in another event loop"):
                other.run(_awaited(use, client))
            assert one.run(client.ping())
            assert repr(pool) == before, "all was given back"
        assert {words[0] for words in server.received} <= {b"HELLO", b"CLIENT", b"PING"}
        one.run(client.aclose())
        other.run(client.open())
        assert other.run(client.ping())
        other.run(client.aclose())
    assert server.peers == []


async def _awaited(use: Use, client: Redis[bytes]) -> object:
    return await use(client)
