"""G5 and G6: a pool loses no lease, and gets no doubtful connection."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Awaitable, Callable

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    BlockingConnectionPool,
    ConnectionError,
    ConnectionPool,
    Redis,
    ResponseError,
    WatchError,
)
from anyredis.server import Server
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import (
    Tap,
    TappedConnection,
    Transport,
    client_of,
    connections_of,
    outcomes,
    until,
)
from tests.contract.control import Control
from tests.contract.harness import assert_all_free, own_answers

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])


@pytest.fixture
def unused_port() -> int:
    """A port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# -- G5 -----------------------------------------------------------------------------------------


@each_pool
async def test_failing_to_connect_takes_no_lease(
    unused_port: int, shared: int, pool_class: type[ConnectionPool]
) -> None:
    """G5: if no connection can be made, every caller gets an error and every lease is released."""
    client = Redis(
        "127.0.0.1",
        unused_port,
        max_connections=2,
        shared_connections=shared,
        connection_pool_cls=pool_class,
        retry=None,
    )
    async with client:
        found = await outcomes([client.ping] * 2 + [lambda: client.blpop("list")] * 2)
        assert all(isinstance(each, ConnectionError) for each in found)
        assert_all_free(client.connection_pool)
        # A dial may still run that was begun for a caller that got the error of another dial.
        await until(lambda: "dialling=0" in repr(client.connection_pool))


@each_pool
async def test_errors_of_the_server_take_no_lease(
    valkey: Server, transport: Transport, shared: int, pool_class: type[ConnectionPool]
) -> None:
    """G5: a command that the server refuses releases its lease like any other."""
    client = client_of(
        valkey,
        transport,
        max_connections=2,
        shared_connections=shared,
        connection_pool_cls=pool_class,
    )
    async with client:
        await client.set("text", "x")
        refused: list[Callable[[], Awaitable[object]]] = [
            lambda: client.incr("text"),
            lambda: client.blpop("text"),
        ]
        for _ in range(3):
            found = await outcomes(refused)
            assert all(isinstance(each, ResponseError) for each in found)
        with pytest.raises(ResponseError):
            async with client.pipeline() as pipe:
                pipe.incr("text")
        assert_all_free(client.connection_pool)
        assert "exclusive=0" in repr(client.connection_pool)


@each_pool
async def test_connections_killed_at_work_take_no_lease(
    valkey: Server,
    transport: Transport,
    shared: int,
    control: Control,
    pool_class: type[ConnectionPool],
) -> None:
    """G5: leases of a lost connection are released, and the next ones get a good connection."""
    client = client_of(
        valkey,
        transport,
        max_connections=2,
        shared_connections=shared,
        connection_pool_cls=pool_class,
        retry=None,
    )

    async def kill() -> None:
        await until(lambda: sum("b" in each["flags"] for each in control.client_list()) == 2)
        for each in control.client_list():
            control.ask("CLIENT", "KILL", "ID", each["id"])

    async with client:
        for _ in range(3):
            *lost, none = await outcomes([*[lambda: client.blpop("list")] * 2, kill])
            assert none is None
            assert all(isinstance(each, ConnectionError) for each in lost)
            assert_all_free(client.connection_pool)
            assert await outcomes([client.ping] * 2) == [True] * 2


async def test_random_cancellations_and_kills_take_no_lease(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """G5: commands of all kinds, cancelled and killed at random, leave the pool whole."""
    client = client_of(
        valkey,
        transport,
        max_connections=3,
        shared_connections=shared,
        connection_pool_cls=BlockingConnectionPool,
    )
    dice = random.Random(5)

    async def session() -> None:
        async with client.session() as session:
            await session.watch("k")
            with contextlib.suppress(WatchError):
                async with session.pipeline() as pipe:
                    pipe.set("k", 1)

    async def block() -> None:
        await client.blpop("list", timeout=0.01)

    async def acquire() -> None:
        async with client.connection_pool.acquire() as connection:
            await connection.execute_command("PING")

    kinds: list[Callable[[], Awaitable[object]]] = [client.ping, session, block, acquire]

    async def one() -> None:
        with anyio.move_on_after(dice.choice([0, 0.0005, 0.002, 1])):
            try:
                await dice.choice(kinds)()
            except ConnectionError:
                assert killed

    killed = False
    async with client:
        for turn in range(12):
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(one)
                if turn % 4 == 3:
                    killed = True
                    for each in control.client_list():
                        control.ask("CLIENT", "KILL", "ID", each["id"])
            assert_all_free(client.connection_pool)
            assert len(connections_of(client)) <= 3
        assert await outcomes([lambda: own_answers(client, 5)] * 3) == [None] * 3


# -- G6 -----------------------------------------------------------------------------------------


async def test_a_connection_enters_the_pool_after_its_handshake(valkey: Server) -> None:
    """G6: until the server has answered all of the handshake the pool has no connection."""
    tap = Tap()
    pool = ConnectionPool(
        connection_class=TappedConnection, tap=tap, host=valkey.host, port=valkey.port
    )
    async with Redis(connection_pool=pool) as client, anyio.create_task_group() as tasks:
        tap.hold_receiving()
        tasks.start_soon(client.ping)
        await until(lambda: b"SETINFO" in tap.sent)
        await all_tasks_blocked()
        assert (pool.leased, pool.connecting) == (0, 1)
        assert "multiplexed=0 exclusive=0 idle=0 draining=0 dialling=1" in repr(pool)
        assert b"PING" not in tap.sent
        tap.release()
    assert b"PING" in tap.sent


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_connection_that_cannot_log_in_never_enters_the_pool(
    locked_valkey: Server, protocol: int
) -> None:
    """G6: a wrong password raises at the caller, and leaves no connection."""
    with Control(locked_valkey, "open sesame") as control:
        async with client_of(locked_valkey, password="wrong", protocol=protocol) as client:
            with pytest.raises(AuthenticationError):
                await client.ping()
            assert connections_of(client) == []
            await control.all_gone()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_connection_to_a_wrong_database_never_enters_the_pool(
    valkey: Server, control: Control, protocol: int
) -> None:
    """G6: a database that does not exist fails the handshake, in any protocol."""
    async with client_of(valkey, db=4711, protocol=protocol) as client:
        with pytest.raises(ResponseError, match=r"out of range.*SELECT"):
            await client.ping()
        assert connections_of(client) == []
        await control.all_gone()


async def test_a_connection_in_doubt_is_a_dead_connection(valkey: Server) -> None:
    """G6: a reply without a request closes its connection."""
    async with client_of(valkey) as client:
        before = await client.client_id()
        [connection] = connections_of(client)
        assert connection._stream is not None
        await connection._stream.send(b"*1\r\n$4\r\nPING\r\n")
        await until(lambda: connection.closed)
        assert connection not in connections_of(client)
        assert await client.client_id() != before
