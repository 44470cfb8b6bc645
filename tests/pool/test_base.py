"""Tests of `anyredis.pool.base`: what a pool counts, shows and looks after."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from anyredis import (
    BlockingConnectionPool,
    ConnectionError,
    ConnectionPool,
    DataTypeError,
    DataValueError,
    MaxConnectionsError,
    PoolTimeoutError,
    Redis,
)
from anyredis.pool.base import BasePool, check_sharing
from anyredis.pool.lease import Lease
from anyredis.server import Server
from anyredis.testing import FakeServer, silent

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])
each_sharing = pytest.mark.parametrize("shared", [0, 1, 2])


def counts(pool: BasePool) -> tuple[int, int, int]:
    """Free, leased and connecting, which make up the capacity (G5)."""
    assert pool.free + pool.leased + pool.connecting == pool.capacity
    return pool.free, pool.leased, pool.connecting


def shown(pool: BasePool) -> dict[str, int]:
    """What the repr tells, by name; what is 0 is left out."""
    told = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", repr(pool))}
    return {name: number for name, number in told.items() if number}


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def fail_in(block: AbstractAsyncContextManager[object]) -> None:
    """Enter *block* and raise KeyError in it."""
    async with block:
        raise KeyError


# -- leases -------------------------------------------------------------------------------------


@each_pool
async def test_a_lease_is_counted_while_its_block_runs(pool_class: type[ConnectionPool]) -> None:
    """G5: without a connection, too; a block that fails gives it back all the same."""
    server = FakeServer()
    async with server.pool(pool_class=pool_class, max_connections=3) as pool:
        async with Lease(pool.endpoint), Lease(pool.endpoint):
            assert counts(pool) == (1, 2, 0)
        assert counts(pool) == (3, 0, 0)
        with pytest.raises(KeyError):
            await fail_in(Lease(pool.endpoint))
        assert counts(pool) == (3, 0, 0)
    assert server.accepted == 0


@each_pool
async def test_a_lease_too_many_takes_nothing(pool_class: type[ConnectionPool]) -> None:
    """G5: neither for a lease nor for a connection of one's own."""
    options: dict[str, Any] = {} if pool_class is ConnectionPool else {"timeout": 0.01}
    error = MaxConnectionsError if pool_class is ConnectionPool else PoolTimeoutError
    async with (
        FakeServer().pool(pool_class=pool_class, max_connections=1, **options) as pool,
        Lease(pool.endpoint),
    ):
        with pytest.raises(error):
            await fail_in(Lease(pool.endpoint))
        with pytest.raises(error):
            await fail_in(pool.acquire())
        assert counts(pool) == (0, 1, 0)


@each_pool
@each_sharing
async def test_a_ride(pool_class: type[ConnectionPool], shared: int) -> None:
    """G5: a lease is counted before, while it waits for a connection, on it, and after it."""
    server = FakeServer()
    server.hold()
    pool = server.pool(pool_class=pool_class, max_connections=3, shared_connections=shared)
    seen: list[tuple[int, int, int]] = []

    async def acquire_multiplexed() -> None:
        async with Lease(pool.endpoint) as lease:
            seen.append(counts(pool))
            await lease.attach()
            seen.append(counts(pool))
            lease.detach()
            seen.append(counts(pool))

    async with pool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(acquire_multiplexed)
            await server.wait_for("HELLO")
            assert counts(pool) == (2, 0, 1)
            server.release()
        assert seen == [(2, 1, 0)] * 3
        assert counts(pool) == (3, 0, 0)


@each_sharing
async def test_a_ride_that_cannot_be_had(shared: int) -> None:
    """G5: where dialling fails, the lease is there for another try."""
    server = FakeServer()
    server.down = True
    async with server.pool(max_connections=3, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            with pytest.raises(ConnectionError, match="cannot connect"):
                await lease.attach()
            assert counts(pool) == (2, 1, 0)
            server.down = False
            await lease.attach()
            lease.detach()
            assert counts(pool) == (2, 1, 0)
        assert counts(pool) == (3, 0, 0)


@each_sharing
async def test_a_ride_that_is_cancelled(shared: int) -> None:
    """G5: while it waits for a connection; the lease stays its block's."""
    server = FakeServer()
    server.hold()
    async with server.pool(max_connections=3, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as lease:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lease.attach)
                await server.wait_for("HELLO")
                assert (pool.free, pool.connecting) == (2, 1)
                tasks.cancel_scope.cancel()
            assert counts(pool) == (2, 1, 0)
        assert counts(pool) == (3, 0, 0)


async def test_many_leases_ride_on_one_connection() -> None:
    """G5: each is counted for itself."""
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(max_connections=10) as client:
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            for _ in range(7):
                tasks.start_soon(client.get, "k")
            await server.wait_for("GET", 7)
            assert counts(pool) == (3, 7, 0)
            assert shown(pool)["multiplexed"] == 1
            tasks.cancel_scope.cancel()
        assert counts(pool) == (10, 0, 0)


# -- a connection of one's own ------------------------------------------------------------------


@each_pool
@each_sharing
async def test_acquire(pool_class: type[ConnectionPool], shared: int) -> None:
    """G5: counted while it is being dialled, and while the block runs."""
    server = FakeServer()
    server.hold()
    pool = server.pool(pool_class=pool_class, max_connections=3, shared_connections=shared)
    got, done = anyio.Event(), anyio.Event()

    async def work() -> None:
        async with pool.acquire() as connection:
            assert await connection.execute_command("ECHO", "x") == b"x"
            got.set()
            await done.wait()

    async with pool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            await server.wait_for("HELLO")
            assert counts(pool) == (2, 0, 1)
            server.release()
            await got.wait()
            assert counts(pool) == (2, 1, 0)
            done.set()
        assert counts(pool) == (3, 0, 0)


async def test_what_was_acquired_is_kept_for_others() -> None:
    """One that is as new serves whoever comes next."""
    async with FakeServer().pool() as pool:
        async with pool.acquire() as first:
            await first.execute_command("PING")
        async with pool.acquire() as second:
            assert second is first


async def test_what_was_acquired_and_changed_is_closed() -> None:
    """G9: whoever comes next gets another."""
    server = FakeServer()
    async with server.pool() as pool:
        async with pool.acquire() as first:
            await first.execute_command("SELECT", 1)
        async with pool.acquire() as second:
            assert second is not first
            assert len(server.peers) == 1


async def test_an_acquire_that_fails() -> None:
    """G5: nothing is taken by who could not be connected."""
    server = FakeServer()
    server.down = True
    async with server.pool(max_connections=2) as pool:
        for _ in range(3):
            with pytest.raises(ConnectionError, match="cannot connect"):
                await fail_in(pool.acquire())
            assert counts(pool) == (2, 0, 0)


async def test_an_acquire_that_is_cancelled() -> None:
    """G5: while it waits for the handshake, it takes nothing."""
    server = FakeServer()
    server.hold()
    async with server.pool(max_connections=2) as pool:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail_in, pool.acquire())
            await server.wait_for("HELLO")
            assert counts(pool) == (1, 0, 1)
            tasks.cancel_scope.cancel()
        assert counts(pool) == (2, 0, 0)


# -- connections that are lost ------------------------------------------------------------------


@each_sharing
async def test_an_own_connection_that_is_lost(shared: int) -> None:
    """G5: its lease lasts until its block ends, and the next gets a new connection."""
    server = FakeServer()
    async with server.pool(max_connections=1, shared_connections=shared) as pool:
        async with pool.acquire() as connection:
            server.reset()
            await until(lambda: connection.closed)
            assert counts(pool) == (0, 1, 0)
        assert shown(pool) == {"capacity": 1, "free": 1}
        async with pool.acquire() as other:
            assert other is not connection
            await other.execute_command("PING")


@each_sharing
async def test_a_connection_that_is_lost_under_its_rider(shared: int) -> None:
    """G5: its lease lasts until it alights; a new ride meanwhile is on a new connection."""
    server = FakeServer()
    async with server.pool(max_connections=3, shared_connections=shared) as pool:
        async with Lease(pool.endpoint) as first, Lease(pool.endpoint) as second:
            lost = await first.attach()
            server.reset()
            await until(lambda: lost.closed)
            assert counts(pool) == (1, 2, 0)
            fine = await second.attach()
            assert fine is not lost
            assert counts(pool) == (1, 2, 0)
            first.detach()
            second.detach()
            assert counts(pool) == (1, 2, 0)
        assert counts(pool) == (3, 0, 0)
        assert "draining" not in shown(pool)


@each_pool
@each_sharing
async def test_commands_whose_connection_is_lost(
    pool_class: type[ConnectionPool], shared: int
) -> None:
    """G5: leases are counted while they are tried again, and are all back in the end."""
    server = FakeServer()
    server.on("GET", silent, times=4)
    async with server.client(
        pool_class=pool_class, max_connections=5, shared_connections=shared
    ) as client:
        pool = client.connection_pool
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(client.get, "k")
            await server.wait_for("GET", 4)
            assert counts(pool) == (1, 4, 0)
            connections = pool.endpoint.server.connections()
            server.reset()
            await until(lambda: all(each.closed for each in connections))
            assert counts(pool)[0] == 1
        assert counts(pool) == (5, 0, 0)
    assert server.count("GET") == 8


# -- what it shows ------------------------------------------------------------------------------


async def test_the_repr_of_a_pool_without_work() -> None:
    """All that there is to know, in a line."""
    async with FakeServer().pool(pool_class=BlockingConnectionPool, max_connections=7) as pool:
        assert repr(pool) == (
            "<BlockingConnectionPool capacity=7 free=7 leased=0 connecting=0 waiting=0 multiplexed=0 "
            "exclusive=0 idle=0 draining=0 dialling=0 unanswered=0 tombstones=0>"
        )


async def test_the_repr_tells_who_waits_for_a_connection() -> None:
    """Leases that are connecting, dials, and who waits for a lease."""
    server = FakeServer()
    server.hold()
    pool = server.pool(pool_class=BlockingConnectionPool, max_connections=2)
    async with pool, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(fail_in, pool.acquire())
        await server.wait_for("HELLO", 2)
        await until(lambda: pool.endpoint.limit.waiting == 3)
        assert shown(pool) == {"capacity": 2, "connecting": 2, "waiting": 3, "dialling": 2}
        tasks.cancel_scope.cancel()


async def test_the_repr_tells_what_is_on_the_connections() -> None:
    """Shared, own and idle ones, what is unanswered and what of it was abandoned."""
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(max_connections=9) as client, anyio.create_task_group() as tasks:
        pool = client.connection_pool
        async with pool.acquire():
            await client.ping()
        async with pool.acquire(), pool.acquire():
            for _ in range(3):
                tasks.start_soon(client.get, "k")
            async with anyio.create_task_group() as cancelled:
                for _ in range(2):
                    cancelled.start_soon(client.get, "k")
                await server.wait_for("GET", 5)
                cancelled.cancel_scope.cancel()
        async with pool.acquire():
            assert shown(pool) == {
                "capacity": 9,
                "free": 5,
                "leased": 4,
                "multiplexed": 1,
                "exclusive": 1,
                "idle": 1,
                "unanswered": 5,
                "tombstones": 2,
            }
        tasks.cancel_scope.cancel()


async def test_the_repr_tells_of_what_is_being_replaced() -> None:
    """A lost connection counts as retiring while a lease rides on it."""
    async with FakeServer().pool(max_connections=2) as pool, Lease(pool.endpoint) as lease:
        connection = await lease.attach()
        connection.close("the test wants it")
        assert shown(pool) == {"capacity": 2, "free": 1, "leased": 1, "draining": 1}
        lease.detach()
        assert shown(pool) == {"capacity": 2, "free": 1, "leased": 1}


async def test_the_repr_tells_no_secrets() -> None:
    """G15: neither password nor user."""
    server = FakeServer(users={"someone": "sesame"})
    async with server.pool(username="someone", password="sesame") as pool, pool.acquire():
        assert "sesame" not in repr(pool)
        assert "someone" not in repr(pool)


# -- when it is not open ------------------------------------------------------------------------

USES: list[Callable[[ConnectionPool], Awaitable[object]]] = [
    lambda pool: fail_in(Lease(pool.endpoint)),
    lambda pool: fail_in(pool.acquire()),
    lambda pool: Lease(pool.endpoint).acquire(),
    lambda pool: Redis(connection_pool=pool).ping(),
]


@each_pool
@pytest.mark.parametrize("use", USES)
async def test_a_pool_that_is_not_open(
    pool_class: type[ConnectionPool], use: Callable[[ConnectionPool], Awaitable[object]]
) -> None:
    """The error says what to write; before the block and after it, and nothing is taken."""
    server = FakeServer()
    pool = server.pool(pool_class=pool_class)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not open: write `async with client:`"):
            await use(pool)
        assert counts(pool) == (pool.capacity, 0, 0)
        async with pool:
            pass
    assert server.accepted == 0


async def test_a_client_that_is_not_open() -> None:
    """Every way to use it says so: a command, a blocking one, a session, a pipeline."""
    client = FakeServer().client()
    uses: list[Callable[[], Awaitable[object]]] = [
        lambda: client.get("k"),
        lambda: client.blpop("k"),
        lambda: fail_in(client.session()),
        lambda: client.execute_command("PING"),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="or `async with pool:`"):
            await use()
    with pytest.raises(RuntimeError, match="around its use"):
        async with client.pipeline() as pipe:
            pipe.get("k")


# -- opened again -------------------------------------------------------------------------------


@each_pool
async def test_leases_of_an_earlier_opening(pool_class: type[ConnectionPool]) -> None:
    """G5: who still has one when the pool is entered again is counted until it is given back."""
    server = FakeServer()
    pool = server.pool(pool_class=pool_class, max_connections=3)
    may_go = anyio.Event()

    async def use(block: AbstractAsyncContextManager[object]) -> None:
        async with block:
            await may_go.wait()

    async def open_and_fail(tasks: TaskGroup) -> None:
        async with pool:
            tasks.start_soon(use, Lease(pool.endpoint))
            tasks.start_soon(use, pool.acquire())
            await until(lambda: pool.leased == 2)
            raise KeyError

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await open_and_fail(tasks)
        assert server.peers == []
        async with pool:
            assert counts(pool) == (1, 2, 0)
            async with pool.acquire() as connection:
                assert await connection.execute_command("ECHO", "x") == b"x"
                assert counts(pool) == (0, 3, 0)
            may_go.set()
            await until(lambda: pool.leased == 0)
            assert counts(pool) == (3, 0, 0)
    assert server.peers == []


async def test_a_command_of_an_earlier_opening() -> None:
    """G5: one that is to be tried again is, once the pool is open again."""
    server = FakeServer()
    server.on("GET", silent, times=1)
    client = server.client(max_connections=2)
    pool = client.connection_pool
    got: list[object] = []

    async def get() -> None:
        got.append(await client.get("k"))

    async def open_and_fail(tasks: TaskGroup) -> None:
        async with client:
            tasks.start_soon(get)
            await server.wait_for("GET")
            raise KeyError

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await open_and_fail(tasks)
        async with client:
            assert counts(pool)[0] == 1
            await until(lambda: bool(got))
            assert counts(pool) == (2, 0, 0)
    assert got == [None]


@each_pool
async def test_a_new_limit_for_each_opening(pool_class: type[ConnectionPool]) -> None:
    """A limit belongs to an event loop, a pool can be used in several."""
    pool = FakeServer().pool(pool_class=pool_class, max_connections=1)
    limits: list[object] = []
    for _ in range(2):
        async with pool, Lease(pool.endpoint):
            limits.append(pool.endpoint.limit)
            assert counts(pool) == (0, 1, 0)
    assert limits[0] is not limits[1]


# -- housekeeping -------------------------------------------------------------------------------

TICKS: list[tuple[float | None, float | None, float]] = [
    (None, None, 1.0),
    (10.0, None, 1.0),
    (10.0, 3600, 1.0),
    (2.0, None, 0.5),
    (None, 2.0, 0.5),
    (2.0, 1.0, 0.25),
    (0.04, 60, 0.01),
]


@pytest.mark.parametrize(("stream_timeout", "max_idle_time", "tick"), TICKS)
def test_how_often_it_looks(
    stream_timeout: float | None, max_idle_time: float | None, tick: float
) -> None:
    """Four times in the shorter of the two times, and at least every second."""
    pool = FakeServer().pool(stream_timeout=stream_timeout, max_idle_time=max_idle_time)
    assert pool._maintenance_interval == tick


async def test_it_looks_after_its_servers_at_each_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as it is open."""
    pool = FakeServer().pool(stream_timeout=0.02)
    tended: list[int] = []
    monkeypatch.setattr(pool.endpoint.server, "check_health", lambda: tended.append(1))
    async with pool:
        await until(lambda: len(tended) == 2)


IDLE_TIMES: list[tuple[object, type[Exception], str]] = [
    (0, DataValueError, "max_idle_time has to be more than 0 seconds, not 0"),
    (-1.5, DataValueError, "max_idle_time has to be more than 0 seconds, not -1.5"),
    ("1", DataTypeError, "max_idle_time has to be a number of seconds, not '1'"),
    (True, DataTypeError, "max_idle_time has to be a number of seconds, not True"),
]


@pytest.mark.parametrize(("given", "error", "message"), IDLE_TIMES)
def test_an_idle_time_that_makes_no_sense(
    given: object, error: type[Exception], message: str
) -> None:
    """It is refused when the pool is made."""
    with pytest.raises(error, match=message):
        FakeServer().pool(max_idle_time=given)


# -- against a real server -----------------------------------------------------------------------


def test_check_sharing() -> None:
    """A count from 0 up."""
    assert check_sharing(0) == 0
    assert check_sharing(3) == 3
    with pytest.raises(DataValueError, match="0 or more, not -1"):
        check_sharing(-1)
    for wrong in (True, "1", None, 1.0):
        with pytest.raises(DataTypeError, match="shared_connections has to be an int"):
            check_sharing(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_repr_tells_everything(valkey: Server) -> None:
    """Leases, waiters, and connections of each kind."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_connections=5)
    assert repr(pool) == "<ConnectionPool not open>"
    async with pool, Redis(connection_pool=pool) as client:
        assert repr(pool) == (
            "<ConnectionPool capacity=5 free=5 leased=0 connecting=0 waiting=0 "
            "multiplexed=0 exclusive=0 idle=0 draining=0 dialling=0 unanswered=0 tombstones=0>"
        )
        async with client.session() as session:
            await session.ping()
            await client.ping()
            assert repr(pool) == (
                "<ConnectionPool capacity=5 free=4 leased=1 connecting=0 waiting=0 "
                "multiplexed=1 exclusive=1 idle=0 draining=0 dialling=0 unanswered=0 tombstones=0>"
            )
    assert repr(pool) == "<ConnectionPool not open>"


async def test_a_lease_is_counted_from_the_first_moment(valkey: Server) -> None:
    """While it waits for a connection it is `connecting`; `free` and the others make the whole."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_connections=5)
    async with pool, Redis(connection_pool=pool) as client, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(client.ping)
        while pool.free == 5:
            await anyio.lowlevel.checkpoint()
        assert pool.free + pool.leased + pool.connecting == pool.capacity


async def test_what_is_idle_for_too_long_is_closed(valkey: Server) -> None:
    """After `max_idle_time`, whether it was shared or owned; it is dialled again when wanted."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_idle_time=0.05)
    async with pool, Redis(connection_pool=pool) as client:
        before = await client.client_id()
        async with client.session() as session:
            await session.ping()
        assert len(pool.endpoint.server.connections()) == 2
        with anyio.fail_after(5):
            while pool.endpoint.server.connections():
                await anyio.sleep(0.01)
        assert await client.client_id() > before


async def test_what_is_in_use_is_not_idle(valkey: Server) -> None:
    """A blocking command may take longer than `max_idle_time`."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_idle_time=0.05)
    async with pool, Redis(connection_pool=pool) as client:
        async with client.session() as session:
            assert await session.blpop("list", timeout=0.3) is None
            assert await session.ping()
        assert await client.blpop("list", timeout=0.3) is None


async def test_a_bad_number_is_refused() -> None:
    """When the pool is made."""
    for wrong in (0, -1.0):
        with pytest.raises(DataValueError, match="max_idle_time"):
            ConnectionPool(max_idle_time=wrong)


async def test_a_pool_that_is_not_open_says_so(valkey: Server) -> None:
    """Before it is entered and after it was left."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not open: write `async with client:`"):
            async with pool.acquire():
                pass
        with pytest.raises(RuntimeError, match="not open"):
            async with Lease(pool.endpoint):
                pass
        async with pool, Lease(pool.endpoint):
            assert pool.free == pool.capacity - 1
