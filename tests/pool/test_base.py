"""Tests of `anyredis.pool.base`: `repr`, use while it is not open, later openings and maintenance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import anyio
import pytest
from anyio.abc import TaskGroup

from anyredis import BlockingConnectionPool, ConnectionPool, DataTypeError, DataValueError, Redis
from anyredis.backoff import Retry
from anyredis.pool.base import check_sharing
from anyredis.pool.lease import Lease
from anyredis.server import Server
from anyredis.testing import FakeServer, silent
from tests.pool.counts import counts, fail_in, shown, until

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])


# -- repr ---------------------------------------------------------------------------------------


async def test_the_repr_of_an_unused_pool() -> None:
    """It has all counts, in one line."""
    async with FakeServer().pool(pool_class=BlockingConnectionPool, max_connections=7) as pool:
        assert repr(pool) == (
            "<BlockingConnectionPool capacity=7 free=7 leased=0 connecting=0 waiting=0 multiplexed=0 "
            "exclusive=0 idle=0 draining=0 dialling=0 unanswered=0 tombstones=0>"
        )


async def test_the_repr_has_waiting_leases_and_callers() -> None:
    """Leases that are connecting, dials, and callers that wait for a lease."""
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


async def test_the_repr_has_connections_and_requests() -> None:
    """Multiplexed, exclusive and idle connections, unanswered requests and tombstones."""
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


async def test_the_repr_has_draining_connections() -> None:
    """A lost connection counts as draining while a lease is attached to it."""
    async with FakeServer().pool(max_connections=2) as pool, Lease(pool.endpoint) as lease:
        connection = await lease.attach()
        connection.close("the test wants it")
        assert shown(pool) == {"capacity": 2, "free": 1, "leased": 1, "draining": 1}
        lease.detach()
        assert shown(pool) == {"capacity": 2, "free": 1, "leased": 1}


async def test_the_repr_has_no_secrets() -> None:
    """G15: it has neither password nor user."""
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
    """The error says what to write, before the block and after it, and no lease is held."""
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
    """Each use raises: a command, a blocking one, a session, a pipeline."""
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
    """G5: a lease that is held when the pool is entered again is counted until its release."""
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
    """G5: it is retried once the pool is open again."""
    server = FakeServer()
    server.on("GET", silent, times=1)
    client = server.client(max_connections=2, retry=Retry(deadline=60))
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
    """A limit belongs to one event loop; a pool can be used in several, one after another."""
    pool = FakeServer().pool(pool_class=pool_class, max_connections=1)
    limits: list[object] = []
    for _ in range(2):
        async with pool, Lease(pool.endpoint):
            limits.append(pool.endpoint.limit)
            assert counts(pool) == (0, 1, 0)
    assert limits[0] is not limits[1]


# -- maintenance --------------------------------------------------------------------------------

INTERVALS: list[tuple[float | None, float | None, float]] = [
    (None, None, 1.0),
    (10.0, None, 1.0),
    (10.0, 3600, 1.0),
    (2.0, None, 0.5),
    (None, 2.0, 0.5),
    (2.0, 1.0, 0.25),
    (0.04, 60, 0.01),
]


@pytest.mark.parametrize(("stream_timeout", "max_idle_time", "interval"), INTERVALS)
def test_the_interval_of_maintenance(
    stream_timeout: float | None, max_idle_time: float | None, interval: float
) -> None:
    """It is a quarter of the shorter of the two times, and at most a second."""
    pool = FakeServer().pool(stream_timeout=stream_timeout, max_idle_time=max_idle_time)
    assert pool._maintenance_interval == interval


async def test_maintenance_checks_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does so again and again while the pool is open."""
    pool = FakeServer().pool(stream_timeout=0.02)
    checks: list[int] = []

    def check(overslept: float) -> None:
        assert overslept >= 0
        checks.append(1)

    monkeypatch.setattr(pool.endpoint.server, "check_health", check)
    async with pool:
        await until(lambda: len(checks) == 2)


IDLE_TIMES: list[tuple[object, type[Exception], str]] = [
    (0, DataValueError, "max_idle_time has to be more than 0 seconds, not 0"),
    (-1.5, DataValueError, "max_idle_time has to be more than 0 seconds, not -1.5"),
    ("1", DataTypeError, "max_idle_time has to be a number of seconds, not '1'"),
    (True, DataTypeError, "max_idle_time has to be a number of seconds, not True"),
]


@pytest.mark.parametrize(("given", "error", "message"), IDLE_TIMES)
def test_an_invalid_idle_time(given: object, error: type[Exception], message: str) -> None:
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


async def test_the_repr_on_a_real_server(valkey: Server) -> None:
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
    """While it waits for a connection it is `connecting`; the counts add up to the capacity."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_connections=5)
    async with pool, Redis(connection_pool=pool) as client, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(client.ping)
        while pool.free == 5:
            await anyio.lowlevel.checkpoint()
        assert pool.free + pool.leased + pool.connecting == pool.capacity


async def test_a_connection_that_is_idle_too_long_is_closed(valkey: Server) -> None:
    """After `max_idle_time`, multiplexed or not; the next command dials again."""
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


async def test_a_connection_in_use_is_not_idle(valkey: Server) -> None:
    """A blocking command may take longer than `max_idle_time`."""
    pool = ConnectionPool(host=valkey.host, port=valkey.port, max_idle_time=0.05)
    async with pool, Redis(connection_pool=pool) as client:
        async with client.session() as session:
            assert await session.blpop("list", timeout=0.3) is None
            assert await session.ping()
        assert await client.blpop("list", timeout=0.3) is None


async def test_an_idle_time_has_to_be_positive() -> None:
    """A number that is not is refused when the pool is made."""
    for wrong in (0, -1.0):
        with pytest.raises(DataValueError, match="max_idle_time"):
            ConnectionPool(max_idle_time=wrong)


async def test_a_pool_that_is_not_open_on_a_real_server(valkey: Server) -> None:
    """It raises before it is entered and after it was left."""
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
