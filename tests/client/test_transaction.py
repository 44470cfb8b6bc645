"""A transaction that watches keys: what runs at once, what is queued, and what is left behind."""

from __future__ import annotations

from typing import Any, cast

import anyio
import pytest

from anyredis import (
    BaseConnection,
    DataError,
    NoPermissionError,
    Redis,
    RedisError,
    Transaction,
    WatchError,
)
from anyredis.server import Server
from anyredis.testing import FakeServer
from tests.servers import ask


def sent(server: FakeServer) -> list[str]:
    """The names of all commands since the first WATCH, handshakes left out."""
    words = (each[0].decode() for each in server.received)
    names = [name for name in words if name not in ("HELLO", "CLIENT")]
    return names[names.index("WATCH") :]


# -- one try ------------------------------------------------------------------------------------


async def test_it_reads_at_once_and_executes_its_pipeline(
    server: FakeServer, client: Redis[str]
) -> None:
    """Commands give values at once; those of the pipeline run between MULTI and EXEC."""
    await client.set("k", 5)
    async with client.watch("k") as tx:
        value = int(await tx.get("k") or 0)
        async with tx.pipeline() as pipe:
            stored = pipe.set("k", value * 2)
    assert stored.value is True
    assert await client.get("k") == "10"
    assert sent(server)[:6] == ["WATCH", "GET", "MULTI", "SET", "EXEC", "GET"]


async def test_a_changed_key_leaves_the_block(client: Redis[str]) -> None:
    """`WatchError` comes from the pipeline, and nothing of it was executed."""
    with pytest.raises(WatchError):  # noqa: PT012 - it leaves the block
        async with client.watch("k") as tx:
            await client.set("k", "theirs")
            async with tx.pipeline() as pipe:
                pipe.set("k", "ours")
    assert await client.get("k") == "theirs"


async def test_more_keys_can_be_watched(client: Redis[str]) -> None:
    """A key whose name was read is watched too."""
    await client.set("pointer", "target")
    with pytest.raises(WatchError):  # noqa: PT012 - it leaves the block
        async with client.watch("pointer") as tx:
            target = await tx.get("pointer") or ""
            await tx.watch(target)
            await client.set(target, "theirs")
            async with tx.pipeline() as pipe:
                pipe.set(target, "ours")
    assert await client.get("target") == "theirs"


async def test_a_block_without_a_pipeline_checks_nothing(
    server: FakeServer, client: Redis[str]
) -> None:
    """It ends with UNWATCH; an empty pipeline asks whether what was read has changed."""
    async with client.watch("k") as tx:
        await tx.get("k")
        await client.set("k", 1)
    assert sent(server) == ["WATCH", "GET", "SET", "UNWATCH"]
    with pytest.raises(WatchError):  # noqa: PT012 - it leaves the block
        async with client.watch("k") as tx:
            await client.set("k", 2)
            async with tx.pipeline():
                pass


async def test_a_plain_pipeline_in_it_runs_at_once(server: FakeServer, client: Redis[str]) -> None:
    """Many reads in one round trip; the keys are watched as before."""
    async with client.watch("a", "b") as tx:
        async with tx.pipeline(transaction=False) as reads:
            a, b = reads.get("a"), reads.get("b")
        assert (a.value, b.value) == (None, None)
        await client.set("b", 1)
        with pytest.raises(WatchError):
            await tx.pipeline().execute()
    assert sent(server) == ["WATCH", "GET", "GET", "SET", "MULTI", "EXEC"]


async def test_it_executes_once(server: FakeServer, client: Redis[str]) -> None:
    """A second pipeline, and another watch, are refused: nothing is watched any more."""
    async with client.watch("k") as tx:
        async with tx.pipeline() as pipe:
            pipe.set("k", 1)
        assert await tx.get("k") == "1"
        second = tx.pipeline()
        second.set("k", 2)
        with pytest.raises(DataError, match="this transaction is executed"):
            await second.execute()
        with pytest.raises(DataError, match="this transaction is executed"):
            await tx.watch("other")
        async with tx.pipeline(transaction=False) as reads:
            value = reads.get("k")
    assert value.value == "1"
    assert server.count("EXEC") == 1


# -- refusals -----------------------------------------------------------------------------------


async def test_what_redis_py_says_instead(server: FakeServer, client: Redis[str]) -> None:
    """MULTI by itself is refused naming `tx.pipeline()`; so are other changes of the connection."""
    async with client.watch("k") as tx:
        with pytest.raises(DataError, match=r"tx\.pipeline\(\)"):
            cast("Any", tx).multi()
        with pytest.raises(DataError, match=r"tx\.pipeline\(\)"):
            await cast("Any", tx).execute()
        for name in ("MULTI", "EXEC", "DISCARD"):
            with pytest.raises(DataError, match=r"tx\.pipeline\(\)"):
                await tx.execute_command(name)
        with pytest.raises(DataError, match="SELECT changes its connection"):
            await tx.execute_command("SELECT", 1)
        with pytest.raises(DataError, match="SUBSCRIBE"):
            await tx.execute_command("SUBSCRIBE", "c")
    assert sent(server) == ["WATCH", "UNWATCH"]


async def test_a_pipeline_names_watch(client: Redis[str]) -> None:
    """redis-py's `pipe.watch` and `pipe.multi` are refused with ours named."""
    async with client.pipeline() as pipe:
        with pytest.raises(DataError, match=r"client\.watch\(\*keys\)"):
            cast("Any", pipe).watch("k")
        with pytest.raises(DataError, match=r"pipeline\(transaction=True\)"):
            cast("Any", pipe).multi()


async def test_keys_are_needed(server: FakeServer, client: Redis[str]) -> None:
    """Without keys it is a pipeline; a number is no key; nothing is sent."""
    with pytest.raises(DataError, match=r"without any, use pipeline\(\)"):
        client.watch()
    with pytest.raises(DataError, match="keys is empty"):
        client.watch([])
    with pytest.raises(DataError, match="numbers are no keys"):
        client.watch(cast("Any", 1))
    assert server.accepted == 0


async def test_its_end(client: Redis[str]) -> None:
    """A later call raises `RuntimeError`, also one whose coroutine was made before the end."""
    async with client.watch("k") as tx:
        late = tx.get("k")
        pipe = tx.pipeline()
        pipe.set("k", 1)
    for call in (late, tx.get("k"), pipe.execute()):
        with pytest.raises(RuntimeError, match="this transaction has ended"):
            await call
    with pytest.raises(RuntimeError, match="this transaction has ended"):
        _ = tx.connection


# -- what is left behind (G9) -------------------------------------------------------------------


async def test_an_executed_transaction_keeps_its_connection(
    server: FakeServer, client: Redis[str]
) -> None:
    """EXEC ends the watch, so the connection goes back to the pool, changed key or not."""
    async with client.watch("k") as tx:
        connection = tx.connection
        await tx.pipeline().execute()
    assert not connection.closed
    async with client.watch("k") as tx:
        assert tx.connection is connection
        await client.set("k", 1)
        with pytest.raises(WatchError):
            await tx.pipeline().execute()
    assert not connection.closed
    assert not connection.dirty
    assert all(not peer.state.watched for peer in server.peers)


async def test_an_exception_in_the_block_keeps_the_connection(
    server: FakeServer, client: Redis[str]
) -> None:
    """UNWATCH is sent, and the exception leaves as itself (G14)."""
    with pytest.raises(KeyError, match="mine"):
        async with client.watch("k"):
            raise KeyError("mine")
    assert sent(server) == ["WATCH", "UNWATCH"]
    async with client.watch("k"):
        pass
    assert server.accepted == 1


async def test_a_cancelled_transaction_closes_its_connection(
    server: FakeServer, client: Redis[str]
) -> None:
    """A cancellation waits for nothing: the connection, which watches keys, is closed (G9)."""
    left: list[BaseConnection] = []
    with anyio.CancelScope() as scope:
        async with client.watch("k") as tx:
            left.append(tx.connection)
            scope.cancel()
            await tx.get("k")
    assert left[0].closed
    assert server.count("UNWATCH") == 0


async def test_nothing_gets_in_behind_unwatch(server: FakeServer, client: Redis[str]) -> None:
    """A task that watches a key while the block ends is refused: the connection is clean (G9)."""
    refused: list[bool] = []

    async def watch_late(tx: Transaction[str]) -> None:
        await server.wait_for("UNWATCH")
        with pytest.raises(RuntimeError, match="this transaction has ended"):
            await tx.watch("other")
        refused.append(True)
        server.release()

    async with anyio.create_task_group() as tasks, client.watch("k") as tx:
        server.hold()
        tasks.start_soon(watch_late, tx)
    assert refused == [True]
    assert not any(peer.state.watched for peer in server.peers)


async def test_a_failed_unwatch_closes_the_connection(
    server: FakeServer, client: Redis[str]
) -> None:
    """If UNWATCH is refused, the connection does not go back to the pool (G9)."""
    server.on("UNWATCH", NoPermissionError("NOPERM this user has no permissions"))
    async with client.watch("k") as tx:
        connection = tx.connection
    assert connection.closed
    assert await client.ping()


async def test_a_refused_multi_does_not_end_the_watch(
    server: FakeServer, client: Redis[str]
) -> None:
    """Without MULTI, EXEC does not end the watch: that is done by UNWATCH (G9)."""
    server.on("MULTI", NoPermissionError("NOPERM this user has no permissions"))
    with pytest.raises(RedisError):
        async with client.watch("k") as tx, tx.pipeline() as pipe:
            pipe.get("k")
    assert sent(server) == ["WATCH", "MULTI", "GET", "EXEC", "UNWATCH"]
    assert not any(peer.state.watched for peer in server.peers)


async def test_tasks_can_share_it(client: Redis[str]) -> None:
    """Several tasks may read on it; each gets its own reply (G1)."""
    values: dict[str, str | None] = {}
    await client.mset({f"k{number}": number for number in range(9)})

    async def read(tx: Transaction[str], key: str) -> None:
        values[key] = await tx.get(key)

    async with client.watch("k0") as tx, anyio.create_task_group() as tasks:
        for number in range(9):
            tasks.start_soon(read, tx, f"k{number}")
    assert values == {f"k{number}": str(number) for number in range(9)}


async def test_a_large_pipeline(valkey: Server) -> None:
    """More than one send: it owns the connection until its last reply, and is all or nothing."""
    piece = b"x" * 8192
    async with Redis(valkey.host, valkey.port) as client:
        for change in (True, False):
            async with client.watch("list") as tx:
                length = await tx.llen("list")
                if change:
                    ask(valkey, "RPUSH", "list", "theirs")
                pipe = tx.pipeline()
                for _ in range(60):
                    pipe.rpush("list", piece)
                if change:
                    with pytest.raises(WatchError):
                        await pipe.execute()
                else:
                    assert (await pipe.execute())[-1] == length + 60
                assert await tx.llen("list") == (1 if change else 61)
        assert client.connection_pool.leased == 0


# -- live ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_on_real_servers(request: pytest.FixtureRequest, name: str, protocol: int) -> None:
    """A change by another client is seen; the same connection serves the next transaction."""
    server: Server = request.getfixturevalue(name)
    async with Redis(server.host, server.port, protocol=protocol, max_connections=1) as client:
        ids: set[int] = set()
        for change in (True, False):
            async with client.watch("k") as tx:
                ids.add(await tx.client_id())
                if change:
                    ask(server, "SET", "k", 1)
                pipe = tx.pipeline()
                pipe.incr("k")
                if change:
                    with pytest.raises(WatchError):
                        await pipe.execute()
                else:
                    assert await pipe.execute() == [2]
        assert len(ids) == 1
