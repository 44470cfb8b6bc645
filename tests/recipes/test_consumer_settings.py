"""Tests of `anyredis.recipes.consumer_settings`: the pending entries of one consumer."""

from __future__ import annotations

import pytest

from anyredis.recipes.consumer_settings import ConsumerSettings
from tests.recipes.stream_bench import StreamBench, add


async def test_all_pages(bench: StreamBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are pending, all between the two IDs are found, and no other consumer's."""
    monkeypatch.setattr("anyredis.recipes.consumer_settings.PAGE", 3)
    async with bench.client() as client:
        settings = ConsumerSettings(client, "billing", "c1", "0", 0.5, None, None)
        assert settings.claim_milliseconds == 500
        await client.xgroup_create("orders", "billing", "0", mkstream=True)
        await add(client, 10)
        await client.xreadgroup("billing", "c1", {"orders": ">"}, 8)
        await client.xreadgroup("billing", "c2", {"orders": ">"})
        found = await settings.own_pending("orders", "2-0", "+")
        assert found == {f"{number}-0": 1 for number in range(2, 9)}
