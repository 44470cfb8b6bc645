"""Tests of `anyredis.recipes.acknowledging`: repeated, batched, refused."""

from __future__ import annotations

import anyio
import pytest

from anyredis import NoPermissionError
from anyredis.exceptions import from_server
from anyredis.recipes import Consumer
from anyredis.testing import run_then_reset
from tests.recipes.stream_bench import StreamBench, add, consumer, take, until


async def test_a_lost_reply_of_acknowledging(bench: StreamBench) -> None:
    """An acknowledgement is sent again until it is confirmed."""
    bench.server.on("XACK", run_then_reset, times=2)
    async with bench.client() as client, consumer(client) as entries:
        await add(client, 1)
        [entry] = await take(entries, 1)
        await entry.ack()
        assert bench.server.count("XACK") == 3


async def test_an_acknowledgement_that_is_refused(bench: StreamBench) -> None:
    """`ack` raises the server's error, and so does the iteration."""
    bench.server.on("XACK", from_server("NOPERM User a has no permissions"))
    async with bench.client() as client, consumer(client) as entries:
        await add(client, 1)
        [entry] = await take(entries, 1)
        with pytest.raises(NoPermissionError):
            await entry.ack()
        with pytest.raises(NoPermissionError):
            await anext(aiter(entries))


async def test_unconfirmed_acknowledgements_are_bounded(bench: StreamBench) -> None:
    """While none is confirmed, an iterator waits after ten times `prefetch` entries (G13)."""
    seen: list[str] = []

    async def work(entries: Consumer[str]) -> None:
        async for entry in entries:
            seen.append(entry.id)  # noqa: PERF401 - one after the other

    async with bench.client(retry=None) as client, anyio.create_task_group() as tasks:
        await add(client, 30)
        bench.server.on("XACK", from_server("LOADING the dataset"))
        mine = Consumer(client, "orders", group="billing", name="c1", prefetch=2)
        async with mine as entries:
            tasks.start_soon(work, entries)
            await until(lambda: len(seen) == 20)
            for _ in range(50):
                await client.ping()
            assert len(seen) == 20
            bench.server.off("XACK")
            await until(lambda: len(seen) == 30)


async def test_acknowledgements_are_sent_together(bench: StreamBench) -> None:
    """Those that are collected while one is in flight leave in one XACK."""
    async with bench.client() as client:
        await add(client, 100)
        async with consumer(client) as entries:
            found = await take(entries, 100)
            await found[-1].ack()
        assert bench.server.count("XACK") < 50
        assert bench.pending() == {}
