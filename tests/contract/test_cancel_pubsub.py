"""Subscriptions, cancelled at every scheduling point in every way: G1 to G14 hold each time."""

from __future__ import annotations

from typing import Literal

import pytest

from anyredis import Backoff, BlockingConnectionPool, ConnectionPool
from anyredis.client import subscribed_connection
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.pubsub_operations import SUBSCRIBING, PubSubBench, target
from tests.contract.steps import counting

LOSABLE = [each for each in SUBSCRIBING if each.losable and not any(each.bystanders)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It connects again without a pause."""
    monkeypatch.setattr(subscribed_connection, "RECONNECT", Backoff(base=0.0, cap=0.0))


on_full = pytest.mark.parametrize("on_full", ["wait", "drop_oldest"])


@pytest.mark.parametrize("operation", SUBSCRIBING, ids=named)
@on_full
async def test_cancelled_everywhere(
    operation: Operation[PubSubBench], on_full: Literal["wait", "drop_oldest"]
) -> None:
    """A subscription leaves no trace, at any step of its cancellation (G1, G5, G8 to G10, G14)."""
    pool_class = ConnectionPool if on_full == "drop_oldest" else BlockingConnectionPool
    with counting() as steps:
        bench = PubSubBench(target(pool_class=pool_class), steps)
        bench.on_full = on_full
        found = await cancel_everywhere(bench, operation)
    assert found >= 3


@pytest.mark.parametrize("operation", LOSABLE, ids=named)
@on_full
async def test_lost_everywhere(
    operation: Operation[PubSubBench], on_full: Literal["wait", "drop_oldest"]
) -> None:
    """A subscription goes on or fails, and the pool is whole, at any step of a loss (G5, G8)."""
    with counting() as steps:
        bench = PubSubBench(target(), steps)
        bench.on_full = on_full
        found = await lose_everywhere(bench, operation)
    assert found >= 3
