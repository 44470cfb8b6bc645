"""Servers that freeze, die and come back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from anyredis import ConnectionError, ConnectTimeoutError, Outcome, Redis, RedisError, TimeoutError
from anyredis.server import Server, run
from tests.blocked_tasks import all_tasks_blocked
from tests.servers import ask, valkey_binary

PATIENCE = 0.3
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


async def test_a_server_that_freezes(private_server: Server) -> None:
    """SIGSTOP: TimeoutError after stream_timeout, ConnectTimeoutError after that; SIGCONT: service.

    G1: late answers to abandoned requests are dropped.
    """
    server = private_server
    async with Redis(
        server.host,
        server.port,
        decode_responses=True,
        stream_timeout=PATIENCE,
        connect_timeout=PATIENCE,
    ) as client:
        await client.set("n", 0)
        server.pause()
        started = anyio.current_time()
        with pytest.raises(TimeoutError, match=r"no reply within 0\.3 s") as caught:
            await client.incr("n")
        assert PATIENCE <= anyio.current_time() - started < PATIENCE + 5, "that of the default"
        assert caught.value.outcome is Outcome.UNKNOWN
        with pytest.raises(ConnectTimeoutError, match=r"within 0\.3 s"):
            await client.echo("nobody there")
        server.resume()
        assert await client.echo("mine") == "mine"
        assert await client.get("n") in {"0", "1"}


async def test_a_server_that_freezes_for_less_than_stream_timeout(private_server: Server) -> None:
    """Callers wait longer, and get their replies."""
    server = private_server
    async with Redis(server.host, server.port, decode_responses=True) as client:
        identity = await client.client_id()
        server.pause()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.set, "k", "v")
            await all_tasks_blocked()
            server.resume()
        assert await client.get("k") == "v"
        assert await client.client_id() == identity


async def test_a_frozen_server_and_callers_with_more_to_say_than_it_reads(
    private_server: Server,
) -> None:
    """G13: they wait, with bounded bytes unsent; after stream_timeout all of them get an error."""
    server = private_server
    failed: list[RedisError] = []
    value = bytes(1024 * 1024)

    async def store(number: int) -> None:
        try:
            await client.set(f"k{number}", value)
        except RedisError as error:
            failed.append(error)

    async with Redis(
        server.host, server.port, stream_timeout=PATIENCE, connect_timeout=PATIENCE, retry=None
    ) as client:
        await client.ping()
        server.pause()
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(store, number)
            await all_tasks_blocked()
            [connection] = client.connection_pool.endpoint.server.connections()
            assert connection.wire.unsent_bytes < 10 * 1024 * 1024
        assert len(failed) == 100
        assert any(getattr(each, "outcome", None) is Outcome.NOT_SENT for each in failed)
        server.resume()
        assert await client.echo("mine") == b"mine"


async def test_a_server_that_restarts_while_nobody_is_looking(private_server: Server) -> None:
    """The next command finds the new one: read or write, it is run once."""
    server = private_server
    async with Redis(server.host, server.port) as client:
        await client.set("k", "v")
        await server.restart()
        assert await client.incr("n") == 1
        assert await client.get("n") == b"1"


async def test_a_server_that_closes_an_idle_connection(private_server: Server) -> None:
    """CLIENT KILL from elsewhere: the next command gets a new connection, a write too."""
    server = private_server
    async with Redis(server.host, server.port) as client:
        first = await client.client_id()
        ask(server, "CLIENT", "KILL", "ID", first)
        with anyio.fail_after(5):
            while client.connection_pool.endpoint.server.connections():
                await anyio.sleep(0.001)
        assert await client.incr("n") == 1
        assert await client.client_id() > first


class Tally:
    """The results of one task for its counter."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.acknowledged = 0
        self.unknown = 0
        self.served_at = 0.0

    async def count(self, client: Redis[str]) -> None:
        """Increment the counter for ever, one at a time, as an application would."""
        while True:
            try:
                await client.incr(self.name)
            except (ConnectionError, TimeoutError) as error:
                self.unknown += error.outcome is Outcome.UNKNOWN
            else:
                self.acknowledged += 1
                self.served_at = anyio.current_time()


@asynccontextmanager
async def counting(client: Redis[str], names: list[str]) -> AsyncGenerator[list[Tally]]:
    """Tasks that count, each its own counter; those in mid-command at the end do not know."""
    tallies = [Tally(name) for name in names]

    async def count(tally: Tally) -> None:
        try:
            await tally.count(client)
        except BaseException:
            tally.unknown += 1
            raise

    async with anyio.create_task_group() as tasks:
        for tally in tallies:
            tasks.start_soon(count, tally)
        yield tallies
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("shared_connections", [1, 0])
@pytest.mark.server
async def test_kill_and_restart_under_load(shared_connections: int) -> None:
    """Kill -9: service returns with the server, and every write is accounted for.

    G11: no acknowledged write is lost, and none runs twice: each counter on the server is at least
    the acknowledged number, and at most that plus the unknown ones.
    """
    names = [f"counter-{number}" for number in range(20)]
    async with (
        run(binary=valkey_binary(), arguments=DURABLE) as server,
        Redis(
            server.host,
            server.port,
            decode_responses=True,
            max_connections=20,
            shared_connections=shared_connections,
        ) as client,
    ):
        async with counting(client, names) as tallies:
            for round_ in range(3):
                before = [tally.acknowledged for tally in tallies]
                with anyio.fail_after(10):
                    while any(
                        tally.acknowledged < mark + 20
                        for tally, mark in zip(tallies, before, strict=True)
                    ):
                        await anyio.sleep(0.001)
                if round_ < 2:
                    await server.kill()
                    await server.start()
                    returned = anyio.current_time()
                    with anyio.fail_after(10):
                        while any(tally.served_at < returned for tally in tallies):
                            await anyio.sleep(0.001)
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (20, 0, 0)
        for tally in tallies:
            value = int(await client.get(tally.name) or 0)
            assert tally.acknowledged <= value <= tally.acknowledged + tally.unknown
        assert sum(tally.unknown for tally in tallies) <= 20 * 3
