"""What one may do wrong with transactions and monitors: a clear error, and nothing hangs."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import ConnectionError, DataError, Redis, RedisError, Transaction, WatchError
from anyredis.server import Server
from tests.robustness.test_pubsub import PATIENCE, client_of, ended_with
from tests.servers import ask


async def at_rest(client: Redis[str]) -> None:
    """No lease is lost, and the client works."""
    assert client.connection_pool.leased == 0
    assert await client.ping()


async def test_functions_that_are_none(valkey: Server) -> None:
    """Something else than an async function of one argument is refused, and nothing is left."""
    async with client_of(valkey) as client:
        wrong: Any = client.transaction

        def sync(tx: Transaction[str]) -> None:
            """Not a coroutine function."""

        async def with_two(tx: Transaction[str], more: int) -> None:
            """One argument too many."""

        for func in (sync, with_two, "function", None):
            with pytest.raises((DataError, TypeError)), anyio.fail_after(PATIENCE):
                await wrong(func, "k")
        with pytest.raises((DataError, TypeError)):
            await wrong(sync, "k", value_from_callable=True)
        await at_rest(client)


async def test_a_transaction_after_its_end(valkey: Server) -> None:
    """A transaction that was kept says that it is over."""
    kept: list[Transaction[str]] = []

    async def keep(tx: Transaction[str]) -> None:
        kept.append(tx)

    async with client_of(valkey) as client:
        await client.transaction(keep, "k")
        async with client.watch("k") as tx:
            kept.append(tx)
        for tx in kept:
            with pytest.raises(RuntimeError):
                await tx.get("k")
            with pytest.raises(RuntimeError):
                await tx.watch("k")
        await at_rest(client)


async def test_a_key_that_always_changes(valkey: Server) -> None:
    """It gives up after the attempts it was given, and says how many they were."""

    async def spoil(tx: Transaction[str]) -> None:
        ask(valkey, "INCR", "k")
        async with tx.pipeline() as pipe:
            pipe.incr("k")

    async with client_of(valkey) as client:
        with pytest.raises(WatchError, match="3 times"), anyio.fail_after(PATIENCE):
            await client.transaction(spoil, "k", attempts=3)
        assert await client.get("k") == "3"
        await at_rest(client)


async def test_the_client_used_inside_of_its_own_transaction(valkey: Server) -> None:
    """With a limit of one lease, a command of the client itself is refused, and does not hang."""

    async def forget_tx(_tx: Transaction[str]) -> None:
        await client.get("k")

    async with Redis(port=valkey.port, max_connections=1, decode_responses=True) as client:
        with pytest.raises(RedisError), anyio.fail_after(PATIENCE):
            await client.transaction(forget_tx, "k")
        await at_rest(client)


async def test_multi_by_its_words(valkey: Server) -> None:
    """MULTI, EXEC and WATCH by their words are refused with what to write."""
    async with client_of(valkey) as client:
        for words in (("MULTI",), ("EXEC",), ("DISCARD",), ("WATCH", "k")):
            with pytest.raises(RedisError, match=r"pipeline|session|transaction|watch"):
                await client.execute_command(*words)
        await at_rest(client)


async def test_a_monitor_after_its_end(valkey: Server) -> None:
    """Reading a monitor after its block says so."""
    async with client_of(valkey) as client:
        async with client.monitor() as commands:
            await client.get("k")
            with anyio.fail_after(PATIENCE):
                while (await anext(commands)).args != ("GET", "k"):
                    pass  # it sees how the connection of GET begins, too
        with pytest.raises((RuntimeError, StopAsyncIteration)), anyio.fail_after(PATIENCE):
            await anext(commands)
        await at_rest(client)


async def test_the_server_dies_under_a_monitor(private_server: Server) -> None:
    """A task that waits for a command gets the lost connection, and does not hang."""
    async with client_of(private_server) as client, client.monitor() as commands:
        error = await ended_with(lambda: anext(commands), private_server.kill)
        assert isinstance(error, ConnectionError)
