"""Tests of `anyredis.pool.reading`: which node of a shard answers the next read."""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest

from anyredis.pool.gate import ClusterGate
from anyredis.pool.reading import Reader, ReadFrom, Spread


class Nodes:
    """A primary `p` and its replicas, as far as a `Spread` looks at them."""

    class Gate:
        """A gate to a node that is fit, or rests."""

        def __init__(self, name: str) -> None:
            self.name = name
            self.resting = False

        @property
        def node(self) -> Nodes.Gate:
            """Itself."""
            return self

    def __init__(
        self,
        policy: ReadFrom,
        names: str,
        zones: dict[str, str] | None = None,
        latencies: dict[str, float] | None = None,
    ) -> None:
        self.gates = {name: self.Gate(name) for name in names}
        readers = [
            Reader(
                cast("ClusterGate", gate),
                is_replica=name != "p",
                zone=(zones or {}).get(name, ""),
                latency=(latencies or {}).get(name),
            )
            for name, gate in self.gates.items()
        ]
        self.spread = Spread(policy, "here", readers)

    def asked(self, times: int) -> dict[str, int]:
        """Who is asked how often."""
        names = (cast("Nodes.Gate", self.spread.next()).name for _ in range(times))
        return dict(Counter(names))

    def rest(self, names: str) -> None:
        """Let only these rest."""
        for name, gate in self.gates.items():
            gate.resting = name in names


@pytest.mark.parametrize(
    ("resting", "expected"),
    [
        ("", {"a": 4, "b": 4, "c": 4}),
        ("b", {"a": 6, "c": 6}),
        ("ab", {"c": 12}),
        ("abc", {"p": 12}),
        ("pabc", {"p": 12}),
    ],
)
def test_replicas_take_turns(resting: str, expected: dict[str, int]) -> None:
    """Evenly, whoever rests left out; the primary is for when there is no other."""
    nodes = Nodes(ReadFrom.REPLICAS, "pabc")
    nodes.rest(resting)
    assert nodes.asked(12) == expected


def test_a_shard_without_replicas() -> None:
    """Its primary answers."""
    for policy in ReadFrom:
        assert Nodes(policy, "p").asked(3) == {"p": 3}


@pytest.mark.parametrize(
    ("resting", "expected"), [("", {"p": 2, "a": 2, "b": 2}), ("p", {"a": 3, "b": 3})]
)
def test_any(resting: str, expected: dict[str, int]) -> None:
    """The primary takes its turn like the replicas."""
    nodes = Nodes(ReadFrom.ANY, "pab")
    nodes.rest(resting)
    assert nodes.asked(6) == expected


@pytest.mark.parametrize(
    ("resting", "expected"),
    [("", {"b": 6}), ("b", {"p": 6}), ("bp", {"a": 6}), ("abp", {"p": 6})],
)
def test_nearest(resting: str, expected: dict[str, int]) -> None:
    """Whoever answered fastest, then the next one."""
    nodes = Nodes(ReadFrom.NEAREST, "pab", latencies={"p": 0.002, "a": 0.003, "b": 0.001})
    nodes.rest(resting)
    assert nodes.asked(6) == expected


def test_nearest_before_it_was_measured() -> None:
    """All take turns; then who is known goes before who is not."""
    assert Nodes(ReadFrom.NEAREST, "pab").asked(6) == {"p": 2, "a": 2, "b": 2}
    assert Nodes(ReadFrom.NEAREST, "pab", latencies={"a": 60}).asked(6) == {"a": 6}


@pytest.mark.parametrize(
    ("resting", "expected"),
    [
        ("", {"a": 3, "b": 3}),
        ("a", {"b": 6}),
        ("ab", {"p": 6}),
        ("abp", {"c": 6}),
        ("abpc", {"p": 6}),
    ],
)
def test_zone(resting: str, expected: dict[str, int]) -> None:
    """Replicas of the zone, its primary, then replicas elsewhere."""
    nodes = Nodes(ReadFrom.ZONE, "pabc", zones={"p": "here", "a": "here", "b": "here", "c": "far"})
    nodes.rest(resting)
    assert nodes.asked(6) == expected


def test_zone_where_nobody_is_in_it() -> None:
    """As without zones: the replicas."""
    assert Nodes(ReadFrom.ZONE, "pab", zones={"a": "far"}).asked(6) == {"a": 3, "b": 3}
