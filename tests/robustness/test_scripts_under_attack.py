"""Scripts and transactions whose server changes under them: nothing runs twice, nothing hangs."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import (
    BusyScriptError,
    ConnectionError,
    CrossSlotError,
    Outcome,
    OutOfMemoryError,
    Redis,
    RedisCluster,
    ResponseError,
    Result,
    Transaction,
    WatchError,
)
from anyredis.server import Cluster, Server
from tests.servers import ask

PATIENCE = 30.0
"""Seconds after which something hangs."""

MANY = 10_000

ADD = "return redis.call('incrby', KEYS[1], ARGV[1])"

SUM = """
local total = 0
for i = 1, #KEYS do total = total + redis.call('incr', KEYS[i]) end
return total
"""

FORGED = "redis.call('incr', KEYS[1]) return redis.error_reply('NOSCRIPT No matching script.')"


def client_of(server: Server, **options: Any) -> Redis[str]:
    """A client of *server*."""
    return Redis(port=server.port, decode_responses=True, **options)


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_many_keys(request: pytest.FixtureRequest, name: str) -> None:
    """A script with 10,000 keys runs by itself, in pipelines and in transactions."""
    server: Server = request.getfixturevalue(name)
    keys = [f"k{number}" for number in range(MANY)]
    async with client_of(server) as client:
        script = client.register_script(SUM)
        assert await script(keys=keys) == MANY
        results: list[Result[Any]] = []
        for transaction in (False, True):
            await client.script_flush()
            async with client.pipeline(transaction=transaction) as pipe:
                results.append(pipe.script(script, keys=keys))
        assert [result.value for result in results] == [2 * MANY, 3 * MANY]


async def test_many_keys_of_a_cluster(valkey_cluster: Cluster) -> None:
    """The same with one hash tag; keys of several slots are refused before anything is sent."""
    async with RedisCluster(port=valkey_cluster.primaries[0].port) as cluster:
        script = cluster.register_script(SUM)
        assert await script(keys=[f"{{x}}{number}" for number in range(MANY)]) == MANY
        with pytest.raises(CrossSlotError):
            await script(keys=["a", "b"])


@pytest.mark.parametrize("transaction", [False, True])
async def test_script_flush_between(valkey: Server, transaction: bool) -> None:
    """SCRIPT FLUSH at any moment: each call of a pipeline or of many tasks runs once."""
    calls = 0
    async with client_of(valkey) as client:
        script = client.register_script(ADD)

        async def by_itself() -> None:
            nonlocal calls
            for _ in range(50):
                await script(keys=["n"], args=[1])
                calls += 1

        async def in_pipelines() -> None:
            nonlocal calls
            for _ in range(50):
                async with client.pipeline(transaction=transaction) as pipe:
                    for _ in range(3):
                        pipe.script(script, keys=["n"], args=[1])
                calls += 3

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(by_itself)
                    tasks.start_soon(in_pipelines)
                while calls < 700:
                    ask(valkey, "SCRIPT", "FLUSH")
                    await anyio.sleep(0.001)
        assert await client.get("n") == str(calls) == "800"


async def test_a_script_that_lies(valkey: Server) -> None:
    """A script that gives the server's NOSCRIPT itself has run, and is not run again (G11)."""
    async with client_of(valkey) as client:
        script = client.register_script(FORGED)
        for _ in range(2):
            with pytest.raises(ResponseError, match="NOSCRIPT"):
                await script(keys=["n"])
        pipe = client.pipeline()
        pipe.script(script, keys=["n"])
        with pytest.raises(ResponseError, match="NOSCRIPT"):
            await pipe.execute()
        assert await client.get("n") == "3"


async def test_a_script_is_killed(private_server: Server) -> None:
    """Its caller gets the server's error, others BUSY meanwhile, and nothing runs again."""
    ask(private_server, "CONFIG", "SET", "busy-reply-threshold", 50)
    errors: list[ResponseError] = []
    async with client_of(private_server, shared_connections=2) as client:
        script = client.register_script("local n = 0 while true do n = n + 1 end")

        async def run() -> None:
            try:
                await script()
            except ResponseError as failed:
                errors.append(failed)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                async with client_of(private_server) as other:
                    refused: BusyScriptError | None = None
                    while refused is None:
                        try:
                            await other.get("k")
                        except BusyScriptError as busy:
                            refused = busy
                    await other.execute_command("SCRIPT", "KILL")
        [error] = errors
        assert "script" in str(error).lower()
        assert await client.ping()


async def test_a_transaction_whose_connection_is_killed(valkey: Server) -> None:
    """Killed while it reads it is tried again; killed before EXEC it runs once, or not at all."""
    for reads_again in (True, False):
        tries = 0

        async def add(tx: Transaction[str], again: bool = reads_again) -> int:
            nonlocal tries
            tries += 1
            value = int(await tx.get("n") or 0)
            if tries == 1:
                ask(valkey, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            if again:
                await tx.get("n")
            async with tx.pipeline() as pipe:
                pipe.set("n", value + 1)
            return value + 1

        async with client_of(valkey) as client:
            await client.delete("n")
            error: ConnectionError | None = None
            try:
                assert await client.transaction(add, "n") == 1
            except ConnectionError as lost:
                error = lost
            if error is None:
                assert (await client.get("n"), tries) in (("1", 1), ("1", 2))
            else:
                assert (error.outcome, reads_again) == (Outcome.UNKNOWN, False)
                assert await client.get("n") is None
            assert client.connection_pool.leased == 0


async def test_a_watched_key_expires_is_flushed_or_swapped(valkey: Server) -> None:
    """Each of these is a change of the key: the transaction does not run with old values."""
    for change in (("PEXPIRE", "n", 1), ("FLUSHALL",), ("SWAPDB", 0, 1), ("RENAME", "n", "m")):
        async with client_of(valkey) as client:
            await client.flushall()
            await client.set("n", 1)
            async with client.watch("n") as tx:
                assert await tx.get("n") == "1"
                ask(valkey, *change)
                await anyio.sleep(0.01)
                pipe = tx.pipeline()
                pipe.set("ran", 1)
                with pytest.raises(WatchError):
                    await pipe.execute()
            assert ask(valkey, "EXISTS", "ran") == 0


async def test_no_memory_within_a_transaction(private_server: Server) -> None:
    """A command that is refused while it is queued stops all of them, and its error is told."""
    async with client_of(private_server) as client:
        await client.set("n", 1)
        await client.config_set("maxmemory", 1)
        pipe = client.pipeline()
        first, second = pipe.delete("n"), pipe.set("m", "x")
        with pytest.raises(OutOfMemoryError):
            await pipe.execute()
        for result in (first, second):
            with pytest.raises(ResponseError):
                result.value  # noqa: B018
        await client.config_set("maxmemory", 0)
        assert await client.get("n") == "1"


async def test_a_paused_server_within_a_transaction(private_server: Server) -> None:
    """CLIENT PAUSE holds EXEC up, and it runs once; a cancelled one leaves the pool whole."""
    async with client_of(private_server) as client:
        ask(private_server, "CLIENT", "PAUSE", 300, "WRITE")
        async with client.pipeline() as pipe:
            number = pipe.incr("n")
        assert number.value == 1
        ask(private_server, "CLIENT", "PAUSE", 300, "WRITE")
        with anyio.move_on_after(0.05):
            async with client.pipeline() as pipe:
                pipe.incr("n")
        assert await client.incr("n") in (2, 3)
        assert client.connection_pool.leased == 0
