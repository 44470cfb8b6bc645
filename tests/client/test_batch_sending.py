"""Tests of `anyredis.client.batch` at work: batches that are sent, cancelled and lost."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from anyredis import ConnectionError, Outcome, RedisError, WrongTypeError
from anyredis.client.batch import EncodedBatch, send_large, send_small
from anyredis.command import raw_command
from anyredis.connection import requests
from anyredis.pool.lease import Lease
from anyredis.testing import NOTHING, Answer, FakePeer, FakeServer, Words, run_then_reset
from anyredis.wire.request_queue import MAX_SEND
from tests.blocked_tasks import all_tasks_blocked
from tests.client.batches import KB, PACK, batch, many


async def test_a_small_batch_is_one_request() -> None:
    """Its answer is the list of its replies."""
    server = FakeServer()
    async with server.pool() as pool, pool.acquire() as connection:
        [piece] = batch(raw_command("INCR", "n"), raw_command("LPUSH", "n", "x")).chunks(PACK)
        replies = await send_small(connection, piece, binary=False)
    assert isinstance(replies, list)
    assert replies[0] == 1
    assert isinstance(replies[1], WrongTypeError)


async def test_a_small_batch_whose_connection_is_lost() -> None:
    """The answer is one error, not a list."""
    server = FakeServer()
    server.on("INCR", run_then_reset)
    async with server.pool() as pool, pool.acquire() as connection:
        [piece] = batch(raw_command("INCR", "n")).chunks(PACK)
        reply = await send_small(connection, piece, binary=False)
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.UNKNOWN


async def test_a_large_batch_is_sent_chunk_by_chunk() -> None:
    """Its answer is the list of all replies."""
    server = FakeServer()
    whole = many(5000, KB)
    async with server.pool() as pool, pool.acquire() as connection:
        replies = await send_large(connection, whole, whole.chunks(PACK))
    assert replies == [b"OK"] * 5000


class StopsReading:
    """Runs a command; after a number of them the server stops reading from that connection."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.stopped = anyio.Event()

    def __call__(self, peer: FakePeer, words: Words) -> Answer:
        """Run one command."""
        self.left -= 1
        if not self.left:
            peer.stop_reading()
            self.stopped.set()
        return peer.run(words)


async def test_a_large_batch_that_is_cancelled_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """G2, G3: its connection is closed, the rest is never sent, and no transaction runs."""
    monkeypatch.setattr(requests, "HIGH_WATER", MAX_SEND)
    server = FakeServer()
    stops = StopsReading(after=300)
    server.on("SET", stops)
    whole = many(5000, KB, transaction=True)
    async with server.pool(max_connections=1) as pool:
        async with pool.acquire() as connection:
            pass  # it is open, and will be used again
        async with anyio.create_task_group() as tasks:

            async def send() -> None:
                async with pool.acquire() as mine:
                    assert mine is connection
                    await send_large(mine, whole, whole.chunks(PACK))

            tasks.start_soon(send)
            await stops.stopped.wait()
            await all_tasks_blocked()
            assert connection.wire.unsent_bytes <= 3 * MAX_SEND
            tasks.cancel_scope.cancel()
        assert connection.closed
        assert (pool.free, pool.leased, pool.connecting) == (1, 0, 0)
        await all_tasks_blocked()
        assert server.peers == []
    assert server.count("MULTI") == 1
    assert server.count("EXEC") == 0
    assert 300 <= server.count("SET") < 5000
    assert server.memory.ran[b"SET"] == 0


async def test_a_large_batch_whose_connection_is_lost_half_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """G11: the reply is an error: a part was sent."""
    monkeypatch.setattr(requests, "HIGH_WATER", MAX_SEND)
    server = FakeServer()

    def reset(peer: FakePeer, words: Words) -> Answer:
        peer.reset()
        return NOTHING

    server.on("SET", reset)
    whole = many(5000, KB, transaction=True)
    async with server.pool() as pool, pool.acquire() as connection:
        reply = await send_large(connection, whole, whole.chunks(PACK))
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.UNKNOWN
    assert server.count("EXEC") == 0


async def test_a_large_batch_on_a_closed_connection() -> None:
    """G11: the reply is an error: nothing was sent."""
    server = FakeServer()
    whole = many(5000, KB)
    async with server.pool() as pool, pool.acquire() as connection:
        connection.close("pulled the plug")
        reply = await send_large(connection, whole, whole.chunks(PACK))
    assert isinstance(reply, ConnectionError)
    assert reply.outcome is Outcome.NOT_SENT
    assert server.count("SET") == 0


async def test_an_error_between_chunks() -> None:
    """A connection that has sent a part of a batch is closed, after any error."""

    def chunks() -> Iterator[tuple[bytes, int]]:
        yield PACK((b"MULTI",)), 1
        raise RedisError("no more")

    server = FakeServer()
    async with server.pool() as pool, pool.acquire() as connection:
        with pytest.raises(RedisError, match="no more"):
            await send_large(connection, many(1, transaction=True), chunks())
        assert connection.closed


@pytest.mark.parametrize("value", [b"v", KB], ids=["small", "large"])
async def test_a_batch_gives_its_connection_back(value: bytes) -> None:
    """Between two tries its lease is held without a connection, after an answer or an error."""
    server = FakeServer()
    async with server.pool(max_connections=1) as pool, Lease(pool.endpoint) as lease:
        packed = EncodedBatch(many(300, value), PACK)
        for answer in (run_then_reset, None):
            if answer is not None:
                server.on("SET", answer, times=1)
            reply = await packed.send(lease)
            assert isinstance(reply, list) is (answer is None)
            assert lease.connection is None
            assert (pool.free, pool.leased, pool.connecting) == (0, 1, 0)
