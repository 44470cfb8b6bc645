"""Sessions: an exclusive connection, whose changed state ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from anyredis import ConnectionError, DataError, MaxConnectionsError, Outcome, Redis, WatchError
from anyredis.server import Server
from anyredis.testing import FakeServer, silent
from tests.servers import ask


@pytest.fixture
async def client(valkey: Server) -> AsyncIterator[Redis[str]]:
    """A client of at most two connections that decodes."""
    async with Redis(valkey.host, valkey.port, max_connections=2, decode_responses=True) as client:
        yield client


async def test_it_has_all_commands(client: Redis[str]) -> None:
    """Those of the client, raw commands, scans, blocking commands, pipelines."""
    async with client.session() as session:
        assert await session.set("k", 1)
        assert await session.execute_command("get", "k") == "1"
        assert [key async for key in session.scan_iter()] == ["k"]
        assert await session.blpop("list", timeout=0.01) is None
        async with session.pipeline() as pipe:
            counter = pipe.incr("k")
        assert counter.value == 2


async def test_it_is_one_connection(client: Redis[str]) -> None:
    """All its requests are sent on the same connection, which no other caller uses."""
    async with client.session() as session:
        ids = {await session.client_id() for _ in range(3)}
        assert len(ids) == 1
        assert await client.client_id() not in ids
        assert session.connection.server_info.client_id in ids


async def test_it_holds_a_lease(client: Redis[str]) -> None:
    """Until its block ends."""
    async with client.session(), client.session():
        with pytest.raises(MaxConnectionsError):
            await client.ping()
        with pytest.raises(MaxConnectionsError):
            async with client.session():
                pass
    assert await client.ping()
    assert client.connection_pool.free == 2


async def test_its_database_does_not_affect_others(client: Redis[str]) -> None:
    """SELECT works within; the client's database does not change."""
    async with client.session() as session:
        assert await session.select(3)
        await session.set("k", "here")
        assert await client.get("k") is None
    async with client.session() as session:
        assert await session.get("k") is None


async def test_optimistic_locking(client: Redis[str]) -> None:
    """WATCH, read, transaction: concurrent increments are all counted."""

    async def add_one() -> None:
        while True:
            async with client.session() as session:
                await session.watch("n")
                value = int(await session.get("n") or 0)
                pipe = session.pipeline()
                pipe.set("n", value + 1)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                else:
                    return

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(add_one)
    assert await client.get("n") == "2"


@pytest.mark.parametrize("words", ["MULTI", "EXEC", "DISCARD", "SUBSCRIBE c", "CLIENT REPLY OFF"])
async def test_commands_that_it_refuses(client: Redis[str], words: str) -> None:
    """Commands that would leave requests without replies; `pipeline()` is for transactions."""
    async with client.session() as session:
        with pytest.raises(DataError, match=words.split(maxsplit=1)[0]):
            await session.execute_command(*words.split())
        assert await session.ping()


async def test_its_end(client: Redis[str]) -> None:
    """A later call raises `RuntimeError`, also on its pipeline."""
    async with client.session() as session:
        pipe = session.pipeline()
        pipe.get("k")
    with pytest.raises(RuntimeError, match="this session has ended"):
        await session.ping()
    with pytest.raises(RuntimeError, match="this session has ended"):
        await pipe.execute()


async def test_a_call_that_is_awaited_after_its_end(client: Redis[str], valkey: Server) -> None:
    """It raises `RuntimeError` and is not sent: the connection may be another's by then."""
    async with client.session() as session:
        late = session.set("late", 1)
    with pytest.raises(RuntimeError, match="this session has ended"):
        await late
    assert await client.exists("late") == 0


async def test_a_cancelled_command_is_counted() -> None:
    """Its reply is awaited as a tombstone, whose number is bounded, and given to nobody."""
    server = FakeServer()
    server.on("GET", silent, times=1)
    async with server.client() as client, client.session() as session:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.get, "k")
            await server.wait_for("GET")
            tasks.cancel_scope.cancel()
        assert session.connection.wire.tombstones == 1


async def test_nothing_is_sent_again(client: Redis[str], valkey: Server) -> None:
    """The state of a session is lost with its connection: even reads are not repeated."""
    async with client.session() as session:
        await session.select(1)
        killed = ask(valkey, "CLIENT", "KILL", "ID", await session.client_id())
        assert killed == 1
        with pytest.raises(ConnectionError) as caught:  # noqa: PT012 - the first may be told late
            for _ in range(3):
                await session.get("k")
        assert caught.value.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT)
    assert client.connection_pool.free == 2
    assert await client.ping()


async def test_tasks_can_share_it(client: Redis[str]) -> None:
    """Several tasks can use the one connection."""
    answers: list[str] = []

    async def ask_own(session: Any, number: int) -> None:
        answers.append(await session.echo(str(number)))

    async with client.session() as session, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask_own, session, number)
    assert sorted(answers, key=int) == [str(number) for number in range(20)]
