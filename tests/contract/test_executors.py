"""Pipelines, sessions, clients and pools at work together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from anyredis import (
    BlockingConnectionPool,
    ConnectionPool,
    DataError,
    DataTypeError,
    DataValueError,
    MaxConnectionsError,
    Redis,
    Retry,
    WatchError,
    WrongTypeError,
)
from anyredis.client.options import checked_retry, options_of_url
from anyredis.connection import requests
from anyredis.connection.base import BaseConnection
from anyredis.server import Server
from anyredis.testing import FakeServer, Words
from anyredis.wire.request import Request
from anyredis.wire.request_queue import MAX_SEND
from tests.blocked_tasks import all_tasks_blocked


def names(received: list[Words]) -> Iterator[bytes]:
    """The names of commands, except those of handshakes."""
    return (words[0] for words in received if words[0] not in {b"HELLO", b"CLIENT"})


async def test_a_transaction_is_contiguous_among_others() -> None:
    """G9: no other command gets between MULTI and EXEC on a multiplexed connection."""
    server = FakeServer()

    async def transact(number: int) -> None:
        async with client.pipeline() as pipe:
            pipe.echo(f"first{number}")
            await anyio.lowlevel.checkpoint()
            pipe.echo(f"last{number}")

    async with (
        server.client(max_connections=1000) as client,
        anyio.create_task_group() as tasks,
    ):
        for number in range(50):
            tasks.start_soon(transact, number)
            tasks.start_soon(client.incr, "n")
            tasks.start_soon(client.get, "n")
    assert server.accepted == 1
    order = list(names(server.received))
    starts = [index for index, name in enumerate(order) if name == b"MULTI"]
    assert len(starts) == 50
    for start in starts:
        assert order[start : start + 4] == [b"MULTI", b"ECHO", b"ECHO", b"EXEC"]
    assert server.memory.databases[0][b"n"] == b"50"


@pytest.mark.parametrize("transaction", [False, True])
async def test_fifty_thousand_commands(
    valkey: Server, transaction: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G13: for any number of queued commands, the unsent bytes stay bounded."""
    seen: list[int] = []
    hand_over = BaseConnection._submit

    def watched(self: BaseConnection, request: Request) -> Request:
        given = hand_over(self, request)
        seen.append(self.wire.unsent_bytes)
        return given

    monkeypatch.setattr(BaseConnection, "_submit", watched)
    async with Redis(valkey.host, valkey.port, max_connections=1) as client:
        async with client.pipeline(transaction=transaction) as pipe:
            results = [pipe.incrby("n", 1) for _ in range(25_000)]
            for number in range(25_000):
                pipe.set(f"k{number}", b"x" * 300)
        assert [result.value for result in results] == list(range(1, 25_001))
        assert await client.dbsize() == 25_001
    assert max(seen) <= requests.HIGH_WATER + 2 * MAX_SEND


async def test_execute_twice() -> None:
    """The second time no command is queued, so nothing is sent; then it can be used again."""
    server = FakeServer()
    async with server.client() as client:
        async with client.pipeline() as pipe:
            pipe.incr("n")
            assert await pipe.execute() == [1]
            assert await pipe.execute() == []
            again = pipe.incr("n")
        assert again.value == 2
    assert server.count("MULTI") == 2


async def test_reuse_after_an_error() -> None:
    """A pipeline that raised is empty, and can be used again."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        await client.set("k", "text")
        pipe = client.pipeline()
        pipe.lpush("k", "x")
        with pytest.raises(WrongTypeError, match=r"command 1 of 1 in the pipeline, LPUSH"):
            await pipe.execute()
        assert len(pipe) == 0
        got = pipe.get("k")
        await pipe.execute()
        assert got.value == "text"


async def test_a_failed_result_keeps_its_error() -> None:
    """`raise_on_error` raises a copy with the position; the Result has the server's error."""
    server = FakeServer()
    async with server.client() as client:
        await client.set("k", "text")
        pipe = client.pipeline(transaction=False)
        fine, bad, after = pipe.get("k"), pipe.lpush("k", "x"), pipe.incr("n")
        with pytest.raises(WrongTypeError, match="command 2 of 3") as caught:
            await pipe.execute()
        assert caught.value.__cause__ is bad.error
        assert (fine.value, after.value) == (b"text", 1)
        with pytest.raises(WrongTypeError):
            _ = bad.value


async def test_a_session_that_changed_nothing_gives_its_connection_back() -> None:
    """The next session gets it; a connection that was changed is closed."""
    server = FakeServer()
    async with server.client(max_connections=1, shared_connections=0) as client:
        async with client.session() as session:
            await session.get("k")
        [peer] = server.peers
        async with client.session() as session:
            assert server.peers == [peer]
            await session.select(1)
        await all_tasks_blocked()
        assert server.peers == []
        await client.set("k", "v")
    assert server.memory.databases[0] == {b"k": b"v"}
    assert server.memory.databases[1] == {}


@pytest.mark.parametrize("shared", [0, 1])
async def test_the_watch_of_another_session_stops_no_transaction(shared: int) -> None:
    """G9: a key that a session watched and left does not stop later transactions."""
    server = FakeServer()
    async with server.client(max_connections=2, shared_connections=shared) as client:
        async with client.session() as session:
            await session.watch("k")
            await client.set("k", "changed")
        for _ in range(3):
            async with client.pipeline() as pipe:
                pipe.incr("n")
        assert await client.get("n") == b"3"


async def test_a_session_transaction_that_lost_the_race() -> None:
    """WatchError, no command ran, and the session goes on."""
    server = FakeServer()
    async with server.client(max_connections=3) as client, client.session() as session:
        await session.watch("k")
        await client.set("k", "theirs")
        pipe = session.pipeline()
        result = pipe.set("k", "mine")
        with pytest.raises(WatchError):
            await pipe.execute()
        with pytest.raises(RuntimeError, match="has no reply"):
            _ = result.value
        assert await session.get("k") == b"theirs"


@pytest.mark.parametrize("word", ["MULTI", "EXEC", "DISCARD", "multi"])
async def test_multi_by_hand(word: str) -> None:
    """It is refused: a session's transaction is its pipeline."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        with pytest.raises(DataValueError, match="use the session's pipeline"):
            await session.execute_command(word)
    assert server.count(word) == 0


async def test_blocking_in_a_session() -> None:
    """G4: it runs there; a cancellation closes the session's connection and releases the lease."""
    server = FakeServer()
    async with server.client(max_connections=1, decode_responses=True) as client:
        async with client.session() as session:
            await session.rpush("l", "x")
            assert await session.blpop("l") == ("l", "x")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.blpop, "l")
                await server.wait_for("BLPOP", 2)
                tasks.cancel_scope.cancel()
            with pytest.raises(ConnectionError) as caught:
                await session.ping()
            assert caught.value.__class__.__name__ == "ConnectionError"
        assert client.connection_pool.free == 1
        assert await client.ping()


@pytest.mark.parametrize("shared", [0, 1, 3])
async def test_how_many_connections_are_shared(shared: int) -> None:
    """100 commands at once use as many connections as are multiplexed; with 0 each has its own."""
    server = FakeServer()
    async with server.client(max_connections=20, shared_connections=shared) as client:

        async def work() -> None:
            for _ in range(5):
                await client.incr("n")

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(work)
        assert client.connection_pool.free == 20
        allocator = client.connection_pool.endpoint.server.allocator
        assert len(allocator.multiplexed) == shared or shared == 0
    assert server.accepted <= (shared or 20)
    assert server.memory.databases[0][b"n"] == b"100"


@pytest.mark.parametrize("shared", [0, 1, 3])
async def test_one_too_many(shared: int) -> None:
    """Ten at once on two connections: eight raise, in every mode of sharing."""
    server = FakeServer()
    full: list[int] = []
    async with server.client(max_connections=2, shared_connections=shared) as client:

        async def one(number: int) -> None:
            try:
                await client.incr("n")
            except MaxConnectionsError:
                full.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(one, number)
    assert len(full) == 8


@pytest.mark.parametrize("shared", [0, 1, 3])
async def test_one_too_many_may_wait(shared: int) -> None:
    """Ten at once on two connections with a blocking pool: none raises."""
    server = FakeServer()
    pool = server.pool(
        pool_class=BlockingConnectionPool, max_connections=2, shared_connections=shared
    )
    async with Redis(connection_pool=pool) as client, anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(client.incr, "n")
    assert server.memory.databases[0][b"n"] == b"10"
    assert server.accepted <= 2


def test_checked_retry() -> None:
    """A Retry or None is accepted; any other value is named in the error."""
    retry = Retry()
    assert checked_retry(retry) is retry
    assert checked_retry(None) is None
    wrong: Any = Retry
    with pytest.raises(DataTypeError, match="retry has to be"):
        checked_retry(wrong)


@pytest.mark.parametrize(
    ("scheme", "tls"), [("redis", False), ("valkey", False), ("rediss", True), ("valkeys", True)]
)
def test_from_url_of_each_scheme(scheme: str, tls: bool) -> None:
    """Each names host, port and database; with an s at its end it means TLS."""
    client = Redis.from_url(f"{scheme}://me:secret@[::1]:1234/3")
    connection: Any = client.connection_pool._construct()
    assert client.connection_pool.address == "[::1]:1234"
    assert (connection._ssl_context is not None) is tls
    assert connection._handshake_options.db == 3
    assert "secret" not in repr(client) + repr(client.connection_pool) + repr(connection)
    pool = ConnectionPool.from_url(f"{scheme}://me:secret@[::1]:1234/3")
    other: Any = pool._construct()
    assert (other._ssl_context is not None) is tls


def test_url_contradictions() -> None:
    """An option of the URL that differs from the call is refused."""
    with pytest.raises(DataValueError):
        options_of_url("redis://h/1?db=2", decode_responses=False)
    with pytest.raises(DataError):
        Redis.from_url("unix:///x", host="h")
    with pytest.raises(DataValueError):
        Redis.from_url("unix:///x", ssl=True)
    client = Redis.from_url("rediss://h", ssl=False)
    made: Any = client.connection_pool._construct()
    assert made._ssl_context is None


async def test_a_client_that_is_left_twice() -> None:
    """G8: the second time does nothing, and does not affect others on its pool."""
    server = FakeServer()
    pool = server.pool()
    async with pool:
        client, other = Redis(connection_pool=pool), Redis(connection_pool=pool)
        async with other:
            async with client:
                await client.ping()
            await client.__aexit__(None, None, None)
            await client.__aexit__(None, None, None)
            assert await other.ping()
        async with pool.acquire() as connection:
            assert await connection.execute_command("ECHO", "x") == b"x"


async def test_two_clients_from_other_tasks() -> None:
    """One pool is used by clients of several tasks, each entered in its own task."""
    server = FakeServer()
    pool = server.pool()

    async def work() -> None:
        async with Redis(connection_pool=pool) as client:
            for _ in range(10):
                await client.incr("n")

    async with pool, anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        tasks.start_soon(work)
    assert server.accepted == 1
    assert server.memory.databases[0][b"n"] == b"20"
