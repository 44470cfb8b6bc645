"""What one may do wrong with consumers and readers of streams: a clear error, and nothing hangs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import anyio
import pytest

from anyredis import (
    DataError,
    NoPermissionError,
    Redis,
    RedisError,
    WrongTypeError,
)
from anyredis.recipes import Consumer, StreamReader
from anyredis.server import Server
from tests.robustness.test_pubsub import PATIENCE, client_of, ended_with
from tests.servers import ask

STREAM = "robust:orders"


def consumer_of(client: Redis[str], name: str = "c1") -> Consumer[str]:
    """A consumer of `STREAM`."""
    return Consumer(client, STREAM, group="billing", name=name)


async def test_outside_the_block(valkey: Server) -> None:
    """Iterating before the block says so; after it, the iteration is over."""
    async with client_of(valkey) as client:
        consumer, reader = consumer_of(client), StreamReader(client, STREAM)
        with pytest.raises(RuntimeError, match="async with"):
            aiter(consumer)
        with pytest.raises(RuntimeError, match="async with"):
            await anext(reader)
        async with consumer, reader:
            entries = aiter(consumer)
        for iterator in (entries, reader):
            with pytest.raises((RuntimeError, StopAsyncIteration)), anyio.fail_after(PATIENCE):
                await anext(iterator)
        assert client.connection_pool.leased == 0


async def test_a_client_outside_its_block(valkey: Server) -> None:
    """Entering with a client that is not open says so."""
    client = client_of(valkey)
    with pytest.raises(RuntimeError, match="async with"):
        await consumer_of(client).__aenter__()
    with pytest.raises(RuntimeError, match="async with"):
        await StreamReader(client, STREAM).__aenter__()


async def test_entered_twice_at_once(valkey: Server) -> None:
    """The second block of a consumer that is in use is refused; the first goes on."""
    async with client_of(valkey) as client, consumer_of(client) as consumer:
        with pytest.raises(RuntimeError, match="another"):
            await consumer.__aenter__()
        await client.xadd(STREAM, {"n": 1})
        with anyio.fail_after(PATIENCE):
            assert (await anext(aiter(consumer))).fields == {"n": "1"}


async def test_wrong_arguments(valkey: Server) -> None:
    """Each is refused when the consumer is made, before anything is sent."""
    async with client_of(valkey) as client:
        wrong: Any = Consumer
        good = {"group": "g", "name": "n"}
        cases: list[tuple[Any, dict[str, Any]]] = [
            ([], good),
            (None, good),
            ({"a": "0"}, good),
            ("s", {**good, "group": ""}),
            ("s", {**good, "name": None}),
            ("s", {**good, "prefetch": 0}),
            ("s", {**good, "claim_idle": -1}),
            ("s", {**good, "claim_idle": "soon"}),
            ("s", {**good, "max_deliveries": 3}),
            ("s", {**good, "dead_letter": "d"}),
            ("s", {**good, "consumer": "c"}),
            ("s", {"group": "g"}),
        ]
        for streams, options in cases:
            with pytest.raises((DataError, TypeError)):
                wrong(client, streams, **options)
        with pytest.raises((DataError, TypeError)):
            StreamReader(client, "s", start={"elsewhere": "0"})


@pytest.mark.parametrize("place", ["pipeline", "session"])
async def test_of_something_else_than_a_client(valkey: Server, place: str) -> None:
    """A pipeline or a session is no client to consume with: entering fails, and does not hang."""
    async with client_of(valkey) as client:
        wrong: Any = getattr(client, place)()
        with pytest.raises((TypeError, AttributeError, RuntimeError)), anyio.fail_after(PATIENCE):
            async with Consumer(wrong, STREAM, group="g", name="n"):
                pass


async def test_a_key_that_is_no_stream(valkey: Server) -> None:
    """Entering raises the server's error; a reader's iteration does."""
    async with client_of(valkey) as client:
        await client.set(STREAM, "text")
        with pytest.raises(WrongTypeError):
            await consumer_of(client).__aenter__()
        with pytest.raises(WrongTypeError), anyio.fail_after(PATIENCE):
            async with StreamReader(client, STREAM, start="0") as reader:
                await anext(reader)
        assert client.connection_pool.leased == 0


async def test_no_permission(valkey: Server) -> None:
    """A consumer whose user may not read is told so by the iteration, which does not hang."""
    ask(valkey, "ACL", "SETUSER", "clerk", "on", ">pw", "~*", "+@all", "-xreadgroup")
    try:
        async with (
            Redis(
                port=valkey.port, username="clerk", password="pw", decode_responses=True
            ) as client,
            consumer_of(client) as consumer,
        ):
            with pytest.raises(NoPermissionError), anyio.fail_after(PATIENCE):
                await anext(aiter(consumer))
    finally:
        ask(valkey, "ACL", "DELUSER", "clerk")


async def test_acknowledged_twice_and_late(valkey: Server) -> None:
    """A second `ack` changes nothing; one after the block is an error or nothing, and no hang."""
    async with client_of(valkey) as client:
        await client.xadd(STREAM, {"n": 1})
        async with consumer_of(client) as consumer:
            with anyio.fail_after(PATIENCE):
                entry = await anext(aiter(consumer))
                await entry.ack()
                await entry.ack()
            assert (await client.xpending(STREAM, "billing")).pending == 0
        with anyio.fail_after(PATIENCE):
            await entry.ack()


async def test_two_iterators_in_one_task(valkey: Server) -> None:
    """Each has its own entry in hand, and acknowledges that alone."""
    async with client_of(valkey) as client:
        for number in range(3):
            await client.xadd(STREAM, {"n": number})
        async with consumer_of(client) as consumer:
            with anyio.fail_after(PATIENCE):
                one, two = aiter(consumer), aiter(consumer)
                taken = [(await anext(each)).fields["n"] for each in (one, two, one)]
        assert taken == ["0", "1", "2"]
        assert (await client.xpending(STREAM, "billing")).pending == 2


async def _next_of(iterator: AsyncIterator[object]) -> object:
    return await anext(iterator)


async def test_the_block_is_left_while_a_task_waits(valkey: Server) -> None:
    """The task's iteration ends, and does not hang."""
    async with client_of(valkey) as client:
        consumer, reader = consumer_of(client), StreamReader(client, STREAM)
        for owner in (consumer, reader):
            await owner.__aenter__()
            waiting = partial(_next_of, aiter(owner))
            error = await ended_with(waiting, partial(owner.__aexit__, None, None, None))
            assert isinstance(error, (StopAsyncIteration, RuntimeError))
        assert client.connection_pool.leased == 0


async def test_the_client_is_closed_while_a_consumer_is_open(valkey: Server) -> None:
    """The consumer holds the pool as well: it goes on until its own block ends, and then all is closed."""
    client = client_of(valkey)
    await client.open()
    with anyio.fail_after(PATIENCE):
        async with consumer_of(client) as consumer:
            await client.aclose()
            async with client_of(valkey) as other:
                await other.xadd(STREAM, {"n": 1})
            assert (await anext(aiter(consumer))).fields == {"n": "1"}
    with pytest.raises(RuntimeError, match="async with"):
        await client.ping()
    assert client.connection_pool.leased == 0


async def test_the_stream_is_deleted_under_a_consumer(valkey: Server) -> None:
    """The group is made again, and new entries come."""
    async with client_of(valkey) as client, consumer_of(client) as consumer:
        entries = aiter(consumer)
        with anyio.fail_after(PATIENCE):
            await client.xadd(STREAM, {"n": 1})
            assert (await anext(entries)).fields == {"n": "1"}
            await client.delete(STREAM)
            await client.xadd(STREAM, {"n": 2})
            assert (await anext(entries)).fields == {"n": "2"}


async def fail_with_an_entry(client: Redis[str]) -> None:
    """Raise with an entry in hand."""
    async with consumer_of(client) as consumer:
        async for _ in consumer:
            raise ZeroDivisionError


async def test_an_exception_leaves_the_block_as_itself(valkey: Server) -> None:
    """G14: one's own exception leaves the consumer's block in no group, and the entry is pending."""
    async with client_of(valkey) as client:
        await client.xadd(STREAM, {"n": 1})
        with pytest.raises(ZeroDivisionError), anyio.fail_after(PATIENCE):
            await fail_with_an_entry(client)
        assert (await client.xpending(STREAM, "billing")).pending == 1


async def test_the_server_goes_away_for_good(private_server: Server) -> None:
    """Leaving the block does not wait for a server that is gone."""
    async with client_of(private_server) as client:
        with anyio.fail_after(2 * PATIENCE):
            async with consumer_of(client):
                await private_server.kill()
            async with anyio.create_task_group():
                with pytest.raises(RedisError):
                    await consumer_of(client, "c2").__aenter__()
        assert client.connection_pool.leased == 0
