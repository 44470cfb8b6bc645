"""The four kinds of pool, counted: one caller too many raises, or waits."""

from __future__ import annotations

import asyncio
import functools

import pytest

from anyredis import BlockingConnectionPool, ConnectionPool, MaxConnectionsError, PoolTimeoutError
from anyredis.server import Server
from tests.conftest import BACKENDS
from tests.contract.clients_and_taps import Transport, client_of, connections_of, outcomes, until
from tests.contract.control import Control
from tests.contract.steps import counting

each_pool = pytest.mark.parametrize("pool_class", [ConnectionPool, BlockingConnectionPool])


async def test_a_strict_pool_of_two_refuses_eight_of_ten(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """Of ten commands at once on two connections, eight raise `MaxConnectionsError`."""
    client = client_of(valkey, transport, max_connections=2, shared_connections=shared)
    async with client:
        await client.set("fubar", 1)
        found = await outcomes([lambda: client.get("fubar")] * 10)
        assert sum(isinstance(each, MaxConnectionsError) for each in found) == 8
        assert found.count(b"1") == 2
        assert client.connection_pool.free == 2


async def test_a_strict_pool_of_two_refuses_eight_of_ten_at_first(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """The same before any connection exists: waiting for a connection takes a lease."""
    client = client_of(valkey, transport, max_connections=2, shared_connections=shared)
    async with client:
        found = await outcomes([lambda: client.get("fubar")] * 10)
    assert sum(isinstance(each, MaxConnectionsError) for each in found) == 8
    assert found.count(None) == 2


async def test_a_strict_pool_of_ten_refuses_none_of_ten(
    valkey: Server, transport: Transport, shared: int
) -> None:
    """Of ten commands at once on ten connections, none fails."""
    client = client_of(valkey, transport, max_connections=10, shared_connections=shared)
    async with client:
        await client.set("fubar", 1)
        assert await outcomes([lambda: client.get("fubar")] * 10) == [b"1"] * 10


async def test_a_blocking_pool_of_two_runs_ten_two_at_a_time(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """Of ten commands at once on two connections of a blocking pool, none fails."""
    client = client_of(
        valkey,
        transport,
        max_connections=2,
        shared_connections=shared,
        connection_pool_cls=BlockingConnectionPool,
    )
    busiest = 0

    def count() -> None:
        nonlocal busiest
        wires = [each.wire for each in connections_of(client)]
        busiest = max(busiest, sum(len(each.unsent) + len(each.inflight) for each in wires))

    with counting() as steps:
        steps.watch = count
        async with client:
            await client.set("fubar", 1)
            if not shared:  # or all ten might be done before the second connection is there
                async with client.session() as one, client.session() as other:
                    assert await one.get("fubar") == await other.get("fubar")
            accepted = _accepted(control)

            async def ten() -> None:
                found = await outcomes([lambda: client.get("fubar")] * 10)
                assert found == [b"1"] * 10

            await steps.run(ten, "scope", None)
            assert _accepted(control) - accepted <= 1
    assert busiest == 2


async def test_a_blocking_pool_of_two_has_two_at_a_time_on_the_server(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """Of ten that wait on the server, two are there at a time."""
    client = client_of(
        valkey,
        transport,
        max_connections=2,
        shared_connections=shared,
        connection_pool_cls=BlockingConnectionPool,
    )
    served: list[bytes] = []

    async def pop() -> None:
        element = await client.blpop("queue")
        assert element is not None
        served.append(element[1])

    async def feed() -> None:
        for number in range(10):
            there = min(2, 10 - number)
            await until(functools.partial(_are_blocked, control, there))
            assert len(control.client_list()) <= 2
            control.ask("RPUSH", "queue", number)

    async with client:
        results = await outcomes([*[pop] * 10, feed])
        assert results == [None] * 11
    assert sorted(served) == [b"%d" % number for number in range(10)]


def _are_blocked(control: Control, count: int) -> bool:
    return sum("b" in client["flags"] for client in control.client_list()) == count


def _accepted(control: Control) -> int:
    """The number of connections that the server has had."""
    stats: str = control.ask("INFO", "stats")
    [line] = [each for each in stats.splitlines() if each.startswith("total_connections_received")]
    return int(line.partition(":")[2])


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
@each_pool
async def test_the_asyncio_form(
    valkey: Server, transport: Transport, shared: int, pool_class: type[ConnectionPool]
) -> None:
    """`asyncio.gather` of tasks made of bare client calls works as it does elsewhere."""
    client = client_of(
        valkey,
        transport,
        max_connections=2,
        shared_connections=shared,
        connection_pool_cls=pool_class,
    )
    async with client:
        await client.set("fubar", 1)
        found = await asyncio.gather(
            *[asyncio.get_running_loop().create_task(client.get("fubar")) for _ in range(10)],
            return_exceptions=True,
        )
    refused = sum(isinstance(each, MaxConnectionsError) for each in found)
    assert refused == (8 if pool_class is ConnectionPool else 0)
    assert found.count(b"1") == 10 - refused


async def test_waiting_is_bounded(valkey: Server, transport: Transport, shared: int) -> None:
    """A caller that waits longer than *timeout* gets `PoolTimeoutError`, and holds nothing."""
    pool = BlockingConnectionPool.from_url(
        valkey.url, max_connections=1, timeout=0.01, shared_connections=shared
    )
    async with pool:
        async with pool.acquire():
            with pytest.raises(PoolTimeoutError, match=r"all 1 connections stayed in use for 0.01"):
                await pool.acquire().__aenter__()
        assert (pool.free, pool.endpoint.limit.waiting) == (1, 0)
        async with pool.acquire() as connection:
            assert await connection.execute_command("PING") in (b"PONG", "PONG")


async def test_a_thousand_first_commands_share_one_socket(
    valkey: Server, transport: Transport, control: Control
) -> None:
    """Connecting is single-flight: a thousand commands at once open one connection."""
    async with client_of(valkey, transport) as client:
        accepted = _accepted(control)
        assert await outcomes([client.ping] * 1000) == [True] * 1000
        assert _accepted(control) - accepted == 1
        assert len(control.client_list()) == 1


async def test_sockets_never_exceed_leases(
    valkey: Server, transport: Transport, shared: int, control: Control
) -> None:
    """An idle multiplexed connection is leased exclusively, rather than one socket too many."""
    client = client_of(valkey, transport, max_connections=1, shared_connections=shared)
    async with client:
        await client.ping()
        accepted = _accepted(control)
        async with client.session() as session:
            assert await session.ping()
        assert await client.ping()
        async with client.connection_pool.acquire():
            with pytest.raises(MaxConnectionsError):
                await client.ping()
        assert await client.ping()
        assert _accepted(control) == accepted
        assert len(control.client_list()) == 1


async def test_more_shared_connections_than_the_limit(
    valkey: Server, transport: Transport, control: Control
) -> None:
    """`shared_connections` are dialled as commands need them, within `max_connections`."""
    client = client_of(valkey, transport, max_connections=2, shared_connections=2)
    async with client:
        accepted = _accepted(control)
        async with client.session() as session:
            for _ in range(3):
                assert await client.ping()
                assert await session.ping()
        assert await outcomes([client.ping] * 2) == [True] * 2
        await until(lambda: client.connection_pool.endpoint.server.allocator.dialling == 0)
        assert _accepted(control) - accepted == 2
