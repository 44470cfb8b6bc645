"""Subscribers and consumers that never read: the memory that they take is bounded (G13)."""

from __future__ import annotations

import tracemalloc
from typing import Literal

import anyio
import pytest

from anyredis import Dropped, Message, PubSub, Redis, SubscriptionOverflowError
from anyredis.recipes import Consumer
from anyredis.replies import array, integer
from anyredis.server import Server
from tests.faults.moves import line_to

MESSAGES = 20_000
AT_ONCE = 500
SIZE = 1000
"""Bytes of each message: all together are ten times `MOST`."""

BOUND = 2**18
"""The bound that the subscriber is given, in bytes."""

MOST = 2**21
"""Bytes in use at most: twice the bound and what one receive brings, as bytes and as messages."""

FLOOD = "for _ = 1, ARGV[1] do redis.call('PUBLISH', 'flood', ARGV[2]) end"
FILL = "for n = 1, ARGV[1] do redis.call('XADD', 'flood', '*', 'number', n, 'data', ARGV[2]) end"


async def read_for_ever(pubsub: PubSub[bytes]) -> None:
    """Read until the subscription ends."""
    async for event in pubsub:
        assert isinstance(event, Message)


@pytest.mark.parametrize("on_full", ["wait", "drop_oldest", "fail"])
async def test_a_subscriber_that_never_reads(
    valkey: Server, on_full: Literal["wait", "drop_oldest", "fail"]
) -> None:
    """G13: it holds little more than its bound, and what it holds is there to be read."""
    async with (
        Redis(port=valkey.port) as client,
        client.pubsub(on_full=on_full, max_bytes=BOUND, max_messages=MESSAGES) as pubsub,
        line_to(valkey) as line,
    ):
        await pubsub.subscribe("flood")
        tracemalloc.start()
        try:
            for _ in range(0, MESSAGES, AT_ONCE):
                await line.ask("EVAL", FLOOD, 0, AT_ONCE, "x" * SIZE)
                await client.ping()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MOST, f"{peak:,} bytes"
        first = await pubsub.get_message(ignore_subscribe_messages=True, timeout=None)
        assert isinstance(first, Dropped if on_full == "drop_oldest" else Message)
        if on_full == "fail":
            for _ in range(BOUND // 2 // SIZE):
                assert isinstance(await pubsub.get_message(timeout=None), Message)
            with pytest.raises(SubscriptionOverflowError):
                await read_for_ever(pubsub)


async def test_a_consumer_that_never_reads(valkey: Server) -> None:
    """G13: it has fetched little more than its prefetch, as the server counts."""
    prefetch = 50
    async with line_to(valkey) as line, Redis(port=valkey.port) as client:
        await line.ask("EVAL", FILL, 0, MESSAGES, "x" * SIZE)
        await line.ask("XGROUP", "CREATE", "flood", "group", "0")
        async with Consumer(
            client, "flood", group="group", name="idler", prefetch=prefetch
        ) as consumer:
            tracemalloc.start()
            try:
                entries = aiter(consumer)
                assert (await anext(entries)).fields[b"number"] == b"1"
                with anyio.move_on_after(0.5):
                    while True:
                        fetched = integer(array(await line.ask("XPENDING", "flood", "group"))[0])
                        assert fetched <= 2 * prefetch
                        await anyio.sleep(0.01)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak < MOST, f"{peak:,} bytes"
            assert (await anext(entries)).fields[b"number"] == b"2"
