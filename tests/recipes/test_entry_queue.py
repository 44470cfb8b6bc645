"""Tests of `anyredis.recipes.entry_queue`: bounds, and cancelled waits."""

from __future__ import annotations

import anyio

from anyredis.recipes import Consumer
from tests.recipes.stream_bench import StreamBench, add, consumer, until


async def test_reading_stops_while_nobody_takes(bench: StreamBench) -> None:
    """No more than `prefetch` entries are ever read ahead, and none without room (G13)."""
    async with bench.client() as client:
        await add(client, 30)
        async with Consumer(client, "orders", group="billing", name="c1", prefetch=4) as entries:
            await until(lambda: len(bench.pending()) == 4)
            reads = bench.server.count("XREADGROUP")
            for _ in range(50):
                await client.ping()
            assert bench.server.count("XREADGROUP") == reads
            iterator = aiter(entries)
            for number in range(1, 31):
                assert (await anext(iterator)).id == f"{number}-0"
                assert len(bench.pending()) <= 4 + 1 + number


async def test_a_cancelled_wait_loses_nothing(bench: StreamBench) -> None:
    """However often `anext` is cancelled, each entry is handed out once (G10)."""
    async with bench.client() as client, consumer(client) as entries:
        iterator, found = aiter(entries), list[str]()
        await add(client, 20)
        while len(found) < 20:
            with anyio.CancelScope() as scope:
                if len(found) % 2:
                    scope.cancel()
                    await anyio.lowlevel.checkpoint_if_cancelled()
                found.append((await anext(iterator)).id)
            if scope.cancelled_caught:
                with anyio.CancelScope() as again:
                    again.deadline = anyio.current_time()
                    found.append((await anext(iterator)).id)
        assert found == [f"{number}-0" for number in range(1, 21)]
