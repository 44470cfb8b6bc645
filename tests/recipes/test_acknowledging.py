"""Tests of `anyredis.recipes.acknowledging`: repeated, batched, refused."""

from __future__ import annotations

import pytest

from anyredis import NoPermissionError
from anyredis.exceptions import from_server
from anyredis.testing import run_then_reset
from tests.recipes.stream_bench import StreamBench, add, consumer, take


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
