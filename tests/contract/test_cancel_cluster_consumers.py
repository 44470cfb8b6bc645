"""Consumers of streams in several slots, cancelled at every scheduling point (G1 to G14)."""

from __future__ import annotations

import functools
import os

import pytest

from anyredis import Backoff, ClusterConnectionPool
from anyredis.cluster.nodes import topology
from anyredis.cluster.routing import redirect_policy
from anyredis.pool import dials
from tests.conftest import BACKENDS, Backend
from tests.contract.cluster_consumer_operations import ALL
from tests.contract.cluster_harness import ClusterTarget, FakeBench
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.resettable_cluster import ResettableCluster
from tests.contract.rotation import EVERY_CASE
from tests.contract.steps import counting, kinds

LOOPS = [*BACKENDS.values()]

EVERY = EVERY_CASE in os.environ
"""Whether each operation runs in every way; otherwise in one way on each event loop."""

TARGET = ClusterTarget(ClusterConnectionPool, 4, per_node=False, shared=1)
"""Two reads that wait, one acknowledgement and one more."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No delays."""
    at_once = Backoff(0, 0)
    monkeypatch.setattr(redirect_policy, "REFUSAL_BACKOFF", at_once)
    monkeypatch.setattr(dials, "REDIAL", at_once)
    monkeypatch.setattr("anyredis.recipes.fetching.BACKOFF", at_once)
    monkeypatch.setattr(topology, "PAUSE", 0)
    monkeypatch.setattr(topology, "GRACE", 0.002)


@functools.cache
def fake_cluster() -> ResettableCluster:
    """The fake cluster for all cases."""
    return ResettableCluster(0)


@pytest.mark.parametrize("operation", ALL, ids=named)
async def test_cancelled_everywhere(
    operation: Operation[FakeBench], anyio_backend: Backend
) -> None:
    """No entry is lost and nothing is left behind, at any step of a cancellation (G1 to G14)."""
    ways = kinds()
    way = ways[(ALL.index(operation) + LOOPS.index(anyio_backend)) % len(ways)]
    with counting() as steps:
        bench = FakeBench(TARGET, fake_cluster(), steps)
        assert await cancel_everywhere(bench, operation, ways if EVERY else [way]) >= 3


@pytest.mark.parametrize(
    ("operation", "anyio_backend"),
    [
        pytest.param(each, loop, id=f"{named(each)}-{name}")
        for number, each in enumerate(ALL)
        for place, (name, loop) in enumerate(BACKENDS.items())
        if EVERY or number == place
    ],
    indirect=["anyio_backend"],
)
async def test_lost_everywhere(operation: Operation[FakeBench]) -> None:
    """No entry is lost, at any step of a loss of all connections (G5, G6, G11)."""
    with counting() as steps:
        bench = FakeBench(TARGET, fake_cluster(), steps)
        assert await lose_everywhere(bench, operation) >= 3
