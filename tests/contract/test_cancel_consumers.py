"""Consumers and readers of streams, cancelled at every scheduling point: nothing is lost (G1 to G14)."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from anyredis import BlockingConnectionPool, ConnectionPool
from tests.contract.consumer_operations import ALL
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.server_harness import FakeServerBench, ServerBench, Target
from tests.contract.steps import counting


@pytest.fixture(scope="module", autouse=True)
def garbage(anyio_backend: object) -> Iterator[None]:
    """Garbage is collected once for the module, because it is slow; its warnings appear here."""
    yield
    gc.collect()


@pytest.mark.parametrize("operation", ALL, ids=named)
async def test_cancelled_everywhere(operation: Operation[ServerBench]) -> None:
    """No entry is lost and nothing is left behind, at any step of a cancellation (G1 to G14)."""
    with counting() as steps:
        bench = FakeServerBench(Target.of_fake_server(ConnectionPool), steps)
        assert await cancel_everywhere(bench, operation) >= 3


@pytest.mark.parametrize("operation", ALL, ids=named)
async def test_lost_everywhere(operation: Operation[ServerBench]) -> None:
    """No entry is lost, at any step of a loss of all connections (G5, G6, G11)."""
    with counting() as steps:
        bench = FakeServerBench(Target.of_fake_server(BlockingConnectionPool), steps)
        assert await lose_everywhere(bench, operation) >= 3
