"""Many tasks at once."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from anyredis import BlockingConnectionPool, ConnectionPool, MaxConnectionsError, Redis
from anyredis.server import Server
from tests.servers import ask

CROWD = 10_000


async def test_ten_thousand_tasks_share_one_connection(valkey: Server) -> None:
    """G1: each gets its own answer, over one socket, from a client as it comes."""
    answered = 0

    async def echo(number: int) -> None:
        nonlocal answered
        assert await client.echo(number) == str(number)
        answered += 1

    async with Redis(
        valkey.host, valkey.port, decode_responses=True, client_name="crowd"
    ) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(CROWD):
                tasks.start_soon(echo, number)
        listing = ask(valkey, "CLIENT", "LIST")
        assert isinstance(listing, bytes)
        assert listing.count(b"name=crowd") == 1
        assert client.connection_pool.free == client.connection_pool.capacity
    assert answered == CROWD


@pytest.mark.parametrize("shared_connections", [0, 1, 3])
async def test_ten_thousand_tasks_take_turns(valkey: Server, shared_connections: int) -> None:
    """G5, G7: with ten leases that are waited for, all are served, and each is given back."""
    answered = 0

    async def echo(number: int) -> None:
        nonlocal answered
        assert await client.echo(number) == str(number)
        answered += 1

    async with Redis(
        valkey.host,
        valkey.port,
        decode_responses=True,
        connection_pool_cls=BlockingConnectionPool,
        max_connections=10,
        shared_connections=shared_connections,
    ) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(CROWD):
                tasks.start_soon(echo, number)
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting, pool.endpoint.limit.waiting) == (
            10,
            0,
            0,
            0,
        )
    assert answered == CROWD


async def test_too_large_a_crowd(valkey: Server) -> None:
    """A strict pool refuses exactly the commands beyond its limit, at once."""
    refused = served = 0

    async def get() -> None:
        nonlocal refused, served
        try:
            await client.get("k")
            served += 1
        except MaxConnectionsError:
            refused += 1

    async with (
        Redis(valkey.host, valkey.port, max_connections=7) as client,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(CROWD):
            tasks.start_soon(get)
    assert (served, refused) == (7, CROWD - 7)


@pytest.mark.parametrize("kind", [ConnectionPool, BlockingConnectionPool])
async def test_a_crowd_that_is_cancelled(
    valkey: Server, kind: Callable[..., ConnectionPool]
) -> None:
    """G1, G3, G5: thousands of cancelled commands leave nothing behind but their replies."""
    pool = kind(host=valkey.host, port=valkey.port, max_connections=CROWD)
    async with Redis(connection_pool=pool) as client:
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                for _ in range(CROWD // 10):
                    tasks.start_soon(client.echo, b"somebody else's")
                await client.echo("x")
                tasks.cancel_scope.cancel()
            assert await client.echo("mine") == b"mine"
            assert (pool.free, pool.leased) == (CROWD, 0)
