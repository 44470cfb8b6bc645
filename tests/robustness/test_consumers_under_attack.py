"""Consumers whose server, stream or group is changed under them: nothing is lost, nothing hangs."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import Redis, WrongTypeError
from anyredis.recipes import Consumer, StreamReader
from anyredis.server import Server
from tests.servers import ask

PATIENCE = 30.0
"""Seconds after which something hangs."""

STREAM = "orders"


def client_of(server: Server, **options: Any) -> Redis[str]:
    """A client of *server*."""
    return Redis(port=server.port, decode_responses=True, **options)


def consumer_of(client: Redis[str], name: str = "c1", **options: Any) -> Consumer[str]:
    """A consumer of `STREAM`."""
    return Consumer(client, STREAM, group="billing", name=name, **options)


@pytest.fixture(autouse=True)
def short_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocking read ends soon."""
    monkeypatch.setattr("anyredis.recipes.fetching.LONGEST_BLOCK", 0.2)
    monkeypatch.setattr("anyredis.recipes.stream_reader.BLOCK", 200)


async def take(entries: Any) -> dict[str, str]:
    """The fields of the next entry."""
    with anyio.fail_after(PATIENCE):
        fields: dict[str, str] = (await anext(entries)).fields
    return fields


async def none_pending(client: Redis[str]) -> None:
    """Wait until no entry is pending."""
    with anyio.fail_after(PATIENCE):
        while (await client.xpending(STREAM, "billing")).pending:
            await anyio.sleep(0.005)


async def destroy_group(client: Redis[str]) -> None:
    """The group is gone, its pending entries with it."""
    await client.xgroup_destroy(STREAM, "billing")


async def flush_all(client: Redis[str]) -> None:
    """The stream is gone too."""
    await client.flushall()


async def delete_consumer(client: Redis[str]) -> None:
    """What was pending for the consumer is nobody's."""
    await client.xgroup_delconsumer(STREAM, "billing", "c1")


async def replace_group(client: Redis[str]) -> None:
    """The group is another one, which begins at the beginning."""
    await client.xgroup_destroy(STREAM, "billing")
    await client.xgroup_create(STREAM, "billing", "0")


async def trim(client: Redis[str]) -> None:
    """The entries are gone, and pending all the same."""
    await client.xtrim(STREAM, maxlen=0, approximate=False)


async def rename_away(client: Redis[str]) -> None:
    """The stream has another name."""
    await client.rename(STREAM, "elsewhere")


ATTACKS: list[Callable[[Redis[str]], Awaitable[None]]] = [
    *(destroy_group, flush_all, delete_consumer, replace_group, trim, rename_away)
]


@pytest.mark.parametrize("idle", [True, False], ids=["waiting", "prefetched"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_it_goes_on(
    valkey: Server, attack: Callable[[Redis[str]], Awaitable[None]], idle: bool
) -> None:
    """Whatever is done to the group, entries that are added afterwards come, and none stays pending."""
    async with client_of(valkey) as client, consumer_of(client) as consumer:
        entries = aiter(consumer)
        for number in range(1 if idle else 20):
            await client.xadd(STREAM, {"n": number})
        assert await take(entries) == {"n": "0"}
        await attack(client)
        await client.xadd(STREAM, {"n": "last"})
        while await take(entries) != {"n": "last"}:
            pass
        with anyio.move_on_after(0.3):
            await anext(entries)  # so that the last one is acknowledged
        if await client.exists(STREAM):
            await none_pending(client)


async def test_acknowledging_what_is_gone(valkey: Server) -> None:
    """`ack` of an entry whose group or stream is gone ends, without an error."""
    async with client_of(valkey) as client, consumer_of(client) as consumer:
        entries = aiter(consumer)
        for attack in (destroy_group, flush_all, delete_consumer):
            await client.xadd(STREAM, {"n": attack.__name__})
            with anyio.fail_after(PATIENCE):
                while (entry := await anext(entries)).fields["n"] != attack.__name__:
                    await entry.ack()
                await attack(client)
                await entry.ack()


async def test_a_key_of_another_type(valkey: Server) -> None:
    """A string in place of the stream is an error of each iteration, and leaving does not hang."""
    async with client_of(valkey) as client:
        with anyio.fail_after(PATIENCE):
            async with consumer_of(client) as consumer, StreamReader(client, STREAM) as reader:
                await client.set(STREAM, "text")
                for iterator in (aiter(consumer), aiter(reader), aiter(consumer)):
                    with pytest.raises(WrongTypeError):
                        await anext(iterator)
        assert client.connection_pool.leased == 0


async def test_two_of_the_same_name(valkey: Server) -> None:
    """Two consumers with one name, which is a mistake, still process each entry at least once."""
    seen: set[str] = set()

    async def work(client: Redis[str]) -> None:
        async with consumer_of(client, prefetch=3, claim_idle=0.5) as consumer:
            async for entry in consumer:
                seen.add(entry.fields["n"])
                await anyio.lowlevel.checkpoint()

    async with client_of(valkey) as client, anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(work, client)
        for number in range(200):
            await client.xadd(STREAM, {"n": number})
        with anyio.fail_after(PATIENCE):
            while len(seen) < 200:
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


async def test_connections_are_killed_all_the_time(valkey: Server) -> None:
    """CLIENT KILL of everybody, again and again: each entry is processed, none stays pending."""
    count, seen = 500, list[str]()

    async def add(client: Redis[str]) -> None:
        for number in range(count):
            await anyio.to_thread.run_sync(ask, valkey, "XADD", STREAM, "*", "n", number)
            if number % 50 == 25:
                ask(valkey, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async with client_of(valkey) as client, consumer_of(client, prefetch=10) as consumer:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(add, client)
            entries = aiter(consumer)
            while len({*seen}) < count:
                seen.append((await take(entries))["n"])
            with anyio.move_on_after(0.2):
                await anext(entries)
        await none_pending(client)
    assert sorted({*map(int, seen)}) == [*range(count)]


async def test_a_script_that_takes_too_long(private_server: Server) -> None:
    """A server that answers BUSY for a while is no end of a consumer or a reader."""
    ask(private_server, "CONFIG", "SET", "busy-reply-threshold", 50)
    script = "local n = 0 while n < 1e12 do n = n + 1 end"
    async with (
        client_of(private_server) as client,
        consumer_of(client) as consumer,
        StreamReader(client, STREAM) as reader,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(anyio.to_thread.run_sync, partial(ask, private_server, "EVAL", script, 0))
        await anyio.sleep(0.8)  # both read again meanwhile
        with anyio.fail_after(PATIENCE):
            while str(ask(private_server, "GET", "k")).startswith("BUSY"):
                ask(private_server, "SCRIPT", "KILL")
                await anyio.sleep(0.05)
        await client.xadd(STREAM, {"n": 1})
        assert await take(aiter(consumer)) == {"n": "1"}
        assert await take(aiter(reader)) == {"n": "1"}


async def test_no_memory_for_dead_letters(
    private_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """While the server has no memory for a dead letter it stays pending; afterwards it moves."""
    async with (
        client_of(private_server) as client,
        consumer_of(client, dead_letter="failed", max_deliveries=1, claim_idle=0.2) as consumer,
    ):
        await client.xadd(STREAM, {"n": 1})
        first = aiter(consumer)
        assert await take(first) == {"n": "1"}
        await client.config_set("maxmemory", 1)
        del first  # nobody has the entry in hand any more, so it is claimed
        gc.collect()
        with anyio.fail_after(PATIENCE):
            while "tries again: OOM" not in caplog.text:
                await anyio.sleep(0.01)
        assert (await client.xpending(STREAM, "billing")).pending == 1
        await client.config_set("maxmemory", 0)
        with anyio.fail_after(PATIENCE):
            while not await client.xlen("failed"):
                await anyio.sleep(0.01)
        await client.xadd(STREAM, {"n": 2})
        assert await take(aiter(consumer)) == {"n": "2"}


async def test_a_pool_that_is_used_up(valkey: Server) -> None:
    """Without a lease for its reads a consumer waits for one, and goes on."""
    async with client_of(valkey, max_connections=3) as client:
        async with consumer_of(client) as consumer:
            async with client.session(), client.session():
                await anyio.sleep(0.3)
            await client.xadd(STREAM, {"n": 1})
            assert await take(aiter(consumer)) == {"n": "1"}
        assert client.connection_pool.leased == 0


async def test_unblocked_by_an_administrator(valkey: Server) -> None:
    """CLIENT UNBLOCK with an error is no end."""
    async with client_of(valkey) as client, consumer_of(client) as consumer:
        for number in range(5):
            with anyio.fail_after(PATIENCE):
                while not (
                    blocked := [
                        line.split("id=")[1].split(" ")[0]
                        for line in str(ask(valkey, "CLIENT", "LIST")).split("\\n")
                        if "cmd=xreadgroup" in line
                    ]
                ):
                    await anyio.sleep(0.005)
            for client_id in blocked:
                ask(valkey, "CLIENT", "UNBLOCK", client_id, "ERROR")
            await client.xadd(STREAM, {"n": number})
            assert await take(aiter(consumer)) == {"n": str(number)}
