"""Tests of `anyredis.cluster.nodes.read_balancer`: which node of a shard answers the next read."""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest

from anyredis.address import TCPAddress
from anyredis.cluster.nodes.read_balancer import (
    ReadBalancer,
    ReadBalancers,
    ReadFrom,
    ShardMember,
)
from anyredis.cluster.nodes.slot_map import Shard, SlotMap
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.wire.slots import SLOTS


class Nodes:
    """A primary `p` and its replicas, as far as a `ReadBalancer` looks at them."""

    class Endpoint:
        """A endpoint to a node that is fit, or rests."""

        def __init__(self, name: str) -> None:
            self.name = name
            self.is_unhealthy = False

        @property
        def server(self) -> Nodes.Endpoint:
            """Itself."""
            return self

    def __init__(
        self,
        policy: ReadFrom,
        names: str,
        zones: dict[str, str] | None = None,
        latencies: dict[str, float] | None = None,
    ) -> None:
        self.endpoints = {name: self.Endpoint(name) for name in names}
        readers = [
            ShardMember(
                cast("ClusterEndpoint", endpoint),
                is_replica=name != "p",
                zone=(zones or {}).get(name, ""),
                latency=(latencies or {}).get(name),
            )
            for name, endpoint in self.endpoints.items()
        ]
        self.balancer = ReadBalancer(policy, "here", readers)

    def asked(self, times: int) -> dict[str, int]:
        """Who is asked how often."""
        names = (cast("Nodes.Endpoint", self.balancer.next()).name for _ in range(times))
        return dict(Counter(names))

    def rest(self, names: str) -> None:
        """Let only these rest."""
        for name, endpoint in self.endpoints.items():
            endpoint.is_unhealthy = name in names


@pytest.mark.parametrize(
    ("unhealthy", "expected"),
    [
        ("", {"a": 4, "b": 4, "c": 4}),
        ("b", {"a": 6, "c": 6}),
        ("ab", {"c": 12}),
        ("abc", {"p": 12}),
        ("pabc", {"p": 12}),
    ],
)
def test_replicas_take_turns(unhealthy: str, expected: dict[str, int]) -> None:
    """Evenly, whoever rests left out; the primary is for when there is no other."""
    nodes = Nodes(ReadFrom.REPLICAS, "pabc")
    nodes.rest(unhealthy)
    assert nodes.asked(12) == expected


def test_a_shard_without_replicas() -> None:
    """Its primary answers."""
    for policy in ReadFrom:
        assert Nodes(policy, "p").asked(3) == {"p": 3}


@pytest.mark.parametrize(
    ("unhealthy", "expected"), [("", {"p": 2, "a": 2, "b": 2}), ("p", {"a": 3, "b": 3})]
)
def test_any(unhealthy: str, expected: dict[str, int]) -> None:
    """The primary takes its turn like the replicas."""
    nodes = Nodes(ReadFrom.ANY, "pab")
    nodes.rest(unhealthy)
    assert nodes.asked(6) == expected


@pytest.mark.parametrize(
    ("unhealthy", "expected"),
    [("", {"b": 6}), ("b", {"p": 6}), ("bp", {"a": 6}), ("abp", {"p": 6})],
)
def test_nearest(unhealthy: str, expected: dict[str, int]) -> None:
    """Whoever answered fastest, then the next one."""
    nodes = Nodes(ReadFrom.NEAREST, "pab", latencies={"p": 0.002, "a": 0.003, "b": 0.001})
    nodes.rest(unhealthy)
    assert nodes.asked(6) == expected


def test_nearest_before_it_was_measured() -> None:
    """All take turns; then who is known goes before who is not."""
    assert Nodes(ReadFrom.NEAREST, "pab").asked(6) == {"p": 2, "a": 2, "b": 2}
    assert Nodes(ReadFrom.NEAREST, "pab", latencies={"a": 60}).asked(6) == {"a": 6}


@pytest.mark.parametrize(
    ("unhealthy", "expected"),
    [
        ("", {"a": 3, "b": 3}),
        ("a", {"b": 6}),
        ("ab", {"p": 6}),
        ("abp", {"c": 6}),
        ("abpc", {"p": 6}),
    ],
)
def test_zone(unhealthy: str, expected: dict[str, int]) -> None:
    """Replicas of the zone, its primary, then replicas elsewhere."""
    nodes = Nodes(ReadFrom.ZONE, "pabc", zones={"p": "here", "a": "here", "b": "here", "c": "far"})
    nodes.rest(unhealthy)
    assert nodes.asked(6) == expected


def test_zone_where_nobody_is_in_it() -> None:
    """As without zones: the replicas."""
    assert Nodes(ReadFrom.ZONE, "pab", zones={"a": "far"}).asked(6) == {"a": 3, "b": 3}


# -- all shards ---------------------------------------------------------------------------------

PRIMARY, REPLICA = TCPAddress("p", 1), TCPAddress("r", 1)
SLOT_MAP = SlotMap([Shard(PRIMARY, (REPLICA,))] * 2 + [None] * (SLOTS - 2))


class At:
    """An endpoint that knows its address."""

    def __init__(self, address: TCPAddress) -> None:
        self.address = address


def balancers(policy: ReadFrom) -> ReadBalancers:
    """Those of a slot map with one shard, which serves two slots."""
    return ReadBalancers(policy, None, lambda address: cast("ClusterEndpoint", At(address)))


def test_the_slots_of_a_shard_share_a_balancer() -> None:
    """It is made for the first read, found by slot from then on, and dropped by a reset."""
    found = balancers(ReadFrom.ANY)
    first = found.balancer_for(0, SLOT_MAP)
    assert first is not None
    assert found.balancer_for(1, SLOT_MAP) is first
    assert found.by_slot[:3] == [first, first, None]
    assert found.balancer_for(2, SLOT_MAP) is None
    found.reset()
    assert found.by_slot[:2] == [None, None]
    assert found.balancer_for(0, SLOT_MAP) is not first


def test_latencies_are_measured_if_they_decide() -> None:
    """Once for each node, and again after they expired; a new latency drops the balancers."""
    nodes = [cast("ClusterEndpoint", At(address)) for address in (PRIMARY, REPLICA)]
    assert balancers(ReadFrom.ANY).to_measure(nodes) == []
    found = balancers(ReadFrom.NEAREST)
    before = found.balancer_for(0, SLOT_MAP)
    assert found.to_measure(nodes) == nodes
    found.record_latencies({PRIMARY: 0.5})
    assert found.to_measure(nodes) == nodes[1:]
    assert found.balancer_for(0, SLOT_MAP) is not before
    found.expire_latencies()
    assert found.to_measure(nodes) == nodes
    assert found.latencies == {PRIMARY: 0.5}
