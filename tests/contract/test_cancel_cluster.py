"""Every operation on a cluster, cancelled at every scheduling point: G1 to G14 hold each time."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeAlias

import pytest

from anyredis import Backoff, BlockingClusterConnectionPool, ClusterConnectionPool, TCPAddress
from anyredis.address_remap import AddressRemap
from anyredis.client import subscribed_connection
from anyredis.cluster import scanning, subscription_placement
from anyredis.cluster.nodes import topology
from anyredis.cluster.nodes.slot_map import SlotMap, parse_slots
from anyredis.cluster.routing import redirect_policy
from anyredis.pool import dials
from anyredis.server import Cluster
from anyredis.wire.decode import Reply
from tests.conftest import BACKENDS, Backend
from tests.contract.cluster_harness import ClusterBench, ClusterTarget, FakeBench, RealBench
from tests.contract.cluster_operations import ALL, REAL, REPLICAS, WAITING
from tests.contract.cluster_subscriptions import FAILING_OVER, SHARED, SUBSCRIPTIONS
from tests.contract.control import Control
from tests.contract.harness import Operation, cancel_everywhere, lose_everywhere, named
from tests.contract.resettable_cluster import ResettableCluster
from tests.contract.rotation import EVERY_CASE
from tests.contract.script_operations import CLUSTER_SCRIPTS
from tests.contract.steps import Steps, counting, kinds

STRICT, BLOCKING = ClusterConnectionPool, BlockingClusterConnectionPool

MOST = 4

TARGETS = [
    ClusterTarget(STRICT, MOST, per_node=False, shared=1),
    ClusterTarget(BLOCKING, 2, per_node=False, shared=0),
    ClusterTarget(BLOCKING, 2, per_node=True, shared=1),
    ClusterTarget(STRICT, 2, per_node=True, shared=0),
    ClusterTarget(BLOCKING, 2, per_node=False, shared=1),
    ClusterTarget(STRICT, MOST, per_node=False, shared=0),
    ClusterTarget(BLOCKING, 2, per_node=True, shared=0),
    ClusterTarget(STRICT, 2, per_node=True, shared=1),
]

SLOT_MAPS: dict[tuple[str, TCPAddress], SlotMap] = {}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No delays, and a slot map that was parsed once is not parsed again."""
    at_once = Backoff(0, 0)
    monkeypatch.setattr(redirect_policy, "REFUSAL_BACKOFF", at_once)
    monkeypatch.setattr(dials, "REDIAL", at_once)
    monkeypatch.setattr(topology, "PAUSE", 0)
    monkeypatch.setattr(topology, "GRACE", 0.002)
    monkeypatch.setattr(scanning, "PAUSE", 0)
    monkeypatch.setattr(subscribed_connection, "RECONNECT", at_once)
    monkeypatch.setattr(subscription_placement, "AGAIN", at_once)

    def read(reply: Reply, asked: TCPAddress, _remap: AddressRemap | None) -> SlotMap:
        key = repr(reply), asked
        if key not in SLOT_MAPS:
            SLOT_MAPS[key] = parse_slots(reply, asked)
        return SLOT_MAPS[key]

    monkeypatch.setattr(topology, "parse_slots", read)


@pytest.fixture(autouse=True)
def both_ways_to_several_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strict pools of the most leases send batches as one without a limit, the others by tasks."""

    def unlimited(pool: ClusterConnectionPool) -> bool:
        return pool.strict and pool._capacity == MOST

    monkeypatch.setattr(ClusterConnectionPool, "unlimited", property(unlimited))


@functools.cache
def fake_cluster(replicas: int) -> ResettableCluster:
    """The fake cluster for all cases."""
    return ResettableCluster(replicas)


READING = [replace(target, readonly=True) for target in TARGETS]

WAITING_AT_NODES = [target for target in TARGETS if target.blocking and target.per_node]

ROOMY = [target for target in TARGETS if target.per_node or target.capacity > 2]

COMBINATIONS = [
    *((operation, TARGETS) for operation in (*ALL, *CLUSTER_SCRIPTS)),
    *((operation, WAITING_AT_NODES) for operation in WAITING),
    *((operation, READING) for operation in REPLICAS),
    *((operation, TARGETS) for operation in SUBSCRIPTIONS),
    *((operation, ROOMY) for operation in SHARED),
    *((operation, READING) for operation in FAILING_OVER),
]
"""The operations, each with the pools that it is run with."""

TURNS = range(len(TARGETS) if EVERY_CASE in os.environ else 1)
"""Each operation runs with one pool on each event loop, and over time with every pool."""

LOOPS = [*BACKENDS.values()]

Combination: TypeAlias = tuple[Operation[FakeBench], list[ClusterTarget]]

each_combination = pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda it: named(it[0]))
each_turn = pytest.mark.parametrize("turn", TURNS)


def bench_for(combination: Combination, number: int, steps: Steps) -> FakeBench:
    """The bench for one of the pools of an operation."""
    target = combination[1][number % len(combination[1])]
    return FakeBench(target, fake_cluster(int(target.readonly)), steps)


@each_combination
@each_turn
async def test_cancelled_everywhere(
    combination: Combination, turn: int, anyio_backend: Backend
) -> None:
    """An operation leaves no trace, at any step of its cancellation (G1 to G14)."""
    number = COMBINATIONS.index(combination) + turn + 3 * LOOPS.index(anyio_backend)
    ways = kinds()
    with counting() as steps:
        bench = bench_for(combination, number, steps)
        found = await cancel_everywhere(bench, combination[0], [ways[number % len(ways)]])
    assert found >= 2


LOSSES = [
    (combination, turn, LOOPS[(number + turn) % len(LOOPS)])
    for number, combination in enumerate(COMBINATIONS)
    for turn in TURNS
    if combination[0].losable and not any(combination[0].bystanders)
]


@pytest.mark.parametrize(
    ("combination", "turn", "anyio_backend"),
    LOSSES,
    ids=[
        f"{named(combination[0])}-{turn}-{[*BACKENDS][LOOPS.index(on)]}"
        for combination, turn, on in LOSSES
    ],
    indirect=["anyio_backend"],
)
async def test_lost_everywhere(combination: Combination, turn: int, anyio_backend: Backend) -> None:
    """An operation ends and the pool is whole, at any step of a connection loss (G5, G6, G11)."""
    number = COMBINATIONS.index(combination) + turn
    with counting() as steps:
        found = await lose_everywhere(bench_for(combination, number, steps), combination[0])
    assert found >= 2


@pytest.fixture
def controls(valkey_cluster: Cluster) -> Iterator[list[Control]]:
    """A `Control` of each server of `valkey_cluster`, primaries first."""
    with ExitStack() as stack:
        servers = (*valkey_cluster.primaries, *valkey_cluster.replicas)
        yield [stack.enter_context(Control(server)) for server in servers]


@pytest.mark.parametrize("operation", REAL, ids=named)
async def test_cancelled_on_a_real_cluster(
    valkey_cluster: Cluster,
    controls: list[Control],
    operation: Operation[ClusterBench],
    anyio_backend: Backend,
) -> None:
    """The same on real sockets and servers, for a few operations (G1 to G14)."""
    number = REAL.index(operation) + 3 * LOOPS.index(anyio_backend)
    target = TARGETS[number % len(TARGETS)]
    ways = kinds()
    with counting() as steps:
        bench: ClusterBench = RealBench(target, valkey_cluster, controls, steps)
        found = await cancel_everywhere(bench, operation, [ways[number % len(ways)]])
    assert found >= 2
