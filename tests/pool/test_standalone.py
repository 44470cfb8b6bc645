"""The pools for one server: URLs, sharing between clients and tasks, exclusive connections."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Unpack

import anyio
import pytest
from anyio.abc import ByteStream

from anyredis import (
    BaseConnection,
    BlockingConnectionPool,
    Connection,
    ConnectionError,
    ConnectionOptions,
    ConnectionPool,
    DataError,
    DataTypeError,
    DataValueError,
    MaxConnectionsError,
    PoolTimeoutError,
    PoolView,
    Redis,
    UnixDomainSocketConnection,
)
from anyredis.server import Server
from anyredis.testing import FakeConnection, FakeServer
from anyredis.wire.decode import Reply
from tests.contract.clients_and_taps import until

# -- URLs ---------------------------------------------------------------------------------------


async def test_from_url(valkey: Server) -> None:
    """A URL names the server and any option of the pool and its connections."""
    pool = ConnectionPool.from_url(f"{valkey.url}/1?max_connections=3&client_name=url")
    assert type(pool) is ConnectionPool
    assert pool.capacity == 3
    async with pool, pool.acquire() as connection:
        assert await connection.execute_command("CLIENT GETNAME") == b"url"
        assert b" db=1 " in await connection.execute_command("CLIENT INFO")


async def test_arguments_override_the_url(valkey: Server) -> None:
    """A blocking pool takes its `timeout` from either."""
    url = f"unix://{valkey.unix_socket_path}?max_connections=1&timeout=20&decode_responses=yes"
    pool = BlockingConnectionPool.from_url(url, timeout=0.01)
    assert pool.decode_responses
    assert pool.address == valkey.unix_socket_path
    async with pool, pool.acquire() as connection:
        assert isinstance(connection, UnixDomainSocketConnection)
        assert await connection.execute_command("PING") == "PONG"
        with pytest.raises(PoolTimeoutError, match=r"0\.01 s"):
            async with pool.acquire():
                pass


def test_a_bad_url_is_refused() -> None:
    """The error names the unknown parameter."""
    with pytest.raises(DataValueError, match="'colour'"):
        ConnectionPool.from_url("redis://localhost?colour=red")
    with pytest.raises(DataTypeError, match="timeout"):
        ConnectionPool.from_url("redis://localhost?timeout=1")


# -- sharing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["pool", "one", "other"])
async def test_it_may_be_entered_by_any(valkey: Server, first: str) -> None:
    """Through the pool or one of the clients; the last to leave closes it."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    scopes: dict[str, ConnectionPool | Redis[bytes]] = {
        "pool": pool,
        "one": Redis(connection_pool=pool),
        "other": Redis(connection_pool=pool),
    }
    owner = scopes.pop(first)
    second, third = scopes.values()
    async with owner:
        async with second:
            async with third:
                assert (await _id(pool)) > 0
            before = await _id(pool)
        assert await _id(pool) == before
    assert repr(pool) == "<ConnectionPool not open>"


async def _id(pool: ConnectionPool) -> int:
    return await Redis(connection_pool=pool).client_id()


async def test_it_may_be_used_from_other_tasks(valkey: Server) -> None:
    """Tasks that have not entered it may use it, with a new client or without."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    ids: set[int] = set()

    async def with_a_client() -> None:
        async with Redis(connection_pool=pool) as client:
            ids.add(await client.client_id())

    async def without() -> None:
        async with pool.acquire() as connection:
            assert await connection.execute_command("PING") == b"PONG"
        ids.add(await _id(pool))

    async with pool:
        await _id(pool)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(with_a_client)
                tasks.start_soon(without)
    assert len(ids) <= 2


@pytest.mark.parametrize("ending", ["plainly", "by an error"])
async def test_the_first_to_enter_leaves_alone(valkey: Server, ending: str) -> None:
    """It leaves without waiting, and the pool works for the other blocks."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    entered, go_on = anyio.Event(), anyio.Event()
    done: list[str] = []

    async def stay() -> None:
        async with Redis(connection_pool=pool) as client:
            entered.set()
            await go_on.wait()
            assert await client.ping()
            done.append("stayed")

    async with anyio.create_task_group() as tasks:
        with contextlib.suppress(KeyError):
            async with pool:
                tasks.start_soon(stay)
                await entered.wait()
                if ending == "by an error":
                    raise KeyError
        done.append("left")
        go_on.set()
    assert done == ["left", "stayed"]


async def test_the_last_block_ends_pending_requests(valkey: Server) -> None:
    """In tasks that did not enter, those raise `ConnectionError`, later ones `RuntimeError`."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    errors: list[BaseException] = []

    async def use() -> None:
        client = Redis(connection_pool=pool, retry=None)
        for _ in range(2):
            try:
                await client.blpop("list")
            except (ConnectionError, RuntimeError) as error:
                errors.append(error)

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):  # noqa: PT012 - the block is what is tested
            async with pool:
                tasks.start_soon(use)
                with anyio.fail_after(5):
                    while not pool.leased:
                        await anyio.sleep(0.001)
                raise KeyError
    assert [type(error) for error in errors] == [ConnectionError, RuntimeError]


async def test_leaving_twice(valkey: Server) -> None:
    """It is harmless, for the pool and for a client of it."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    client = Redis(connection_pool=pool)
    async with pool:
        async with client:
            await client.ping()
        await client.__aexit__(None, None, None)
        assert await client.ping(), "the pool is still held"
    await pool.__aexit__(None, None, None)
    await client.__aexit__(None, None, None)


# -- exclusive connections ----------------------------------------------------------------------


async def test_acquire(valkey: Server) -> None:
    """An exclusive connection goes back to the pool if it is not dirty."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_connections=1)
    async with pool:
        async with pool.acquire() as connection:
            assert await connection.execute_command("PING") == b"PONG"
            with pytest.raises(MaxConnectionsError):
                await Redis(connection_pool=pool).ping()
        async with pool.acquire() as again:
            assert again is connection
            await again.execute_command("SELECT", 1)
        async with pool.acquire() as other:
            assert other is not connection


class ByteCounter:
    """The numbers of bytes that were sent and received."""

    def __init__(self) -> None:
        self.sent = self.received = 0


class CountingStream(ByteStream):
    """A byte stream that counts."""

    def __init__(self, stream: ByteStream, counter: ByteCounter) -> None:
        self._stream = stream
        self._counter = counter

    async def send(self, item: bytes) -> None:
        """Send *item*."""
        await self._stream.send(item)
        self._counter.sent += len(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """The next bytes."""
        data = await self._stream.receive(max_bytes)
        self._counter.received += len(data)
        return data

    async def send_eof(self) -> None:
        """Half-close."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()


class CountingConnection(Connection):
    """A TCP connection whose bytes are counted by *counter*."""

    def __init__(
        self, *, counter: ByteCounter, host: str, port: int, **options: Unpack[ConnectionOptions]
    ) -> None:
        super().__init__(host=host, port=port, **options)
        self._counter = counter

    async def open_stream(self) -> ByteStream:
        """A TCP stream that counts."""
        return CountingStream(await super().open_stream(), self._counter)


@pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])
@pytest.mark.parametrize("shared", [1, 0])
async def test_a_users_connection_class(
    valkey: Server, pool_class: type[ConnectionPool], shared: int
) -> None:
    """Its argument and those of all connections reach its constructor; the rest is the pool's."""
    counter = ByteCounter()
    pool = pool_class(
        connection_class=CountingConnection,
        counter=counter,
        host=valkey.host,
        port=valkey.port,
        client_name="counted",
        decode_responses=True,
        max_connections=2,
        shared_connections=shared,
    )
    async with Redis(connection_pool=pool, decode_responses=True) as client:
        assert await client.client_getname() == "counted"
        before = counter.sent
        assert await client.set("k", "x" * 1000)
        assert counter.sent - before == len("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n\r\n") + 1000
        before = counter.received
        assert await client.get("k") == "x" * 1000
        assert counter.received - before == len("$1000\r\n\r\n") + 1000


class Strange(BaseConnection):
    """A connection whose constructor needs an argument that the pool is not given."""

    def __init__(self, needed: int) -> None:
        super().__init__()
        self.needed = needed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"connection_class": object}, "subclass of BaseConnection"),
        ({"connection_class": Connection(host="x")}, "subclass of BaseConnection"),
        ({"connection_class": Strange}, "Strange: .*'needed'"),
        ({"connection_class": UnixDomainSocketConnection}, "path"),
        ({"connection_class": UnixDomainSocketConnection, "path": ""}, "path has to be"),
        ({"hosts": "x"}, "Connection: .*'hosts'"),
        ({"max_connections": 0}, "max_connections has to be 1 or more"),
        ({"max_connections": 1.0}, "max_connections has to be an int"),
        ({"shared_connections": -1}, "shared_connections has to be 0 or more"),
        ({"db": "x"}, "db has to be an int"),
        ({"timeout": 1}, "timeout"),
        ({"encoding": "klingon"}, "klingon"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    """The error names them."""
    with pytest.raises(DataError, match=message):
        ConnectionPool(**arguments)


@pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])
def test_a_misspelt_argument_is_told_with_the_nearest_name(
    pool_class: type[ConnectionPool],
) -> None:
    """A misspelt keyword is refused where the pool is made."""
    wrong: dict[str, Any] = {"max_conections": 3}
    message = r"^Connection: unknown argument 'max_conections': did you mean max_connections=\?$"
    with pytest.raises(DataTypeError, match=message):
        pool_class(**wrong)


@pytest.mark.parametrize("wrong", [0, -1, "1", True])
def test_a_bad_timeout_is_refused_at_once(wrong: Any) -> None:
    """None waits for ever; anything else is a number of seconds."""
    BlockingConnectionPool(timeout=None)
    with pytest.raises(DataError, match="timeout"):
        BlockingConnectionPool(timeout=wrong)


class StubWatcher:
    """A listener that runs *watch* in the background."""

    def __init__(self, watch: Callable[[PoolView], Awaitable[None]]) -> None:
        self._watch = watch

    def ready(self, connection: BaseConnection, /) -> None:
        """Nothing."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Nothing."""

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Nothing."""

    async def watch(self, pool: PoolView, /) -> None:
        """Run it."""
        await self._watch(pool)


class WatchedConnection(FakeConnection):
    """A connection whose class brings a watcher."""

    def __init__(self, *, watch: Callable[[PoolView], Awaitable[None]], **options: Any) -> None:
        super().__init__(**options)
        self.listeners = (StubWatcher(watch),)


async def test_the_watcher_of_a_connection_class() -> None:
    """It runs once while the pool is open, sees all connections, and ends with the pool (G8)."""
    server = FakeServer()
    seen: list[str] = []

    async def watch(pool_view: PoolView) -> None:
        seen.append("begun")
        try:
            await server.wait_for("GET")
            pool_view.replace_connections("the test says so")
            await anyio.sleep_forever()
        finally:
            seen.append(f"ended with {len(pool_view.connections())}")

    pool = ConnectionPool(connection_class=WatchedConnection, server=server, watch=watch)
    for times in (1, 2):
        async with Redis(connection_pool=pool) as client, Redis(connection_pool=pool) as other:
            await client.ping()
            await other.get("k")
            await until(lambda: server.peers == [])
            assert server.accepted == times
        assert seen == ["begun", "ended with 0"] * times
        server.received.clear()


async def test_a_watcher_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and affects neither the block nor commands (G14)."""

    async def watch(_: PoolView) -> None:
        raise KeyError("the user's own")

    server = FakeServer()
    pool = ConnectionPool(connection_class=WatchedConnection, server=server, watch=watch)
    async with Redis(connection_pool=pool) as client:
        assert await client.ping()
        await until(lambda: caplog.records)
        assert await client.ping()
    assert "a watcher of the connections of" in caplog.text
