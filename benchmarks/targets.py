"""The targets of the project, and verdicts on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from benchmarks.results import SUBJECT, Results

LEAST_GLIDE = 4.0
LEAST_GLIDE_CLUSTER = 3.0
CALLS = {("asyncio", 64): 35, ("trio", 64): 45, ("asyncio", 1): 180, ("trio", 1): 180}
OWN_CALLS = 15
IMPORT = ("redis-py", 0.5)
MOST_FOR_ROUTING = 1.2
"""Microseconds."""
ROUTED = ("routing", "routing to replicas", "GET of 3 nodes")
MOST_FOR_NODES = 1.1
"""The most that a command may cost in a cluster of many more nodes, as a multiple."""


@dataclass(frozen=True)
class Verdict:
    """A target, the measurement, and the verdict: "met", "not met" or in between."""

    target: str
    measured: str
    verdict: str


@dataclass(frozen=True)
class SpeedTarget:
    """Anyredis is to be *factor* times as fast as *peer*, more or less than once."""

    backend: str
    scenario: str
    peer: str
    factor: float
    cpu_only: bool = False

    def judge(self, results: Results) -> Verdict | None:
        """The verdict; None if there is no measurement."""
        subject = results.score(self.backend, self.scenario, SUBJECT)
        peer = results.score(self.backend, self.scenario, self.peer)
        if subject is None or peer is None:
            return None
        ratio = peer.ratio_to(subject)
        target = f"{self.scenario}, {self.backend}: {self.factor:.3g} times {self.peer} or more"
        if self.cpu_only:
            good = ratio.cpu >= self.factor
            measured = f"{ratio.cpu:.2f} ({1 / ratio.cpu:.2f} times its CPU)"
            return Verdict(f"{target}, CPU", measured, word(good, good))
        verdict = word(ratio.wall >= self.factor, ratio.cpu >= self.factor)
        return Verdict(target, f"{ratio.wall:.2f} (CPU {ratio.cpu:.2f})", verdict)


SPEED = (
    SpeedTarget("asyncio", "get64", "coredis", 12),
    SpeedTarget("asyncio", "get64", "redis-py", 12),
    SpeedTarget("asyncio", "get64", "glide", LEAST_GLIDE),
    SpeedTarget("asyncio", "get64", "bare", 1 / 1.6, cpu_only=True),
    SpeedTarget("trio", "get64", "coredis", 12),
    SpeedTarget("trio", "get64", "glide", LEAST_GLIDE),
    SpeedTarget("asyncio", "get1", "redis-py", 1.3),
    *(SpeedTarget(backend, "get1", "coredis", 2.5) for backend in ("asyncio", "trio")),
    SpeedTarget("asyncio", "pool", "redis-py", 1),
    *(SpeedTarget(backend, "pool", "coredis", 1) for backend in ("asyncio", "trio")),
    SpeedTarget("asyncio", "pipeline", "redis-py", 4),
    *(SpeedTarget(backend, "pipeline", "coredis", 4) for backend in ("asyncio", "trio")),
    *(
        SpeedTarget(backend, scenario, peer, factor)
        for scenario in ("lrange", "large")
        for backend, peer, factor in (
            ("asyncio", "redis-py", 1.0),
            ("asyncio", "coredis", 1.0),
            ("trio", "coredis", 1.0),
            ("asyncio", "bare", 0.5),
            ("trio", "bare", 0.8),
        )
    ),
    SpeedTarget("asyncio", "cluster-get64", "coredis", 10),
    SpeedTarget("asyncio", "cluster-get64", "redis-py", 10),
    SpeedTarget("asyncio", "cluster-get64", "glide", LEAST_GLIDE_CLUSTER),
    SpeedTarget("trio", "cluster-get64", "coredis", 10),
    SpeedTarget("asyncio", "cluster-pipeline", "redis-py", 4),
    *(SpeedTarget(backend, "cluster-pipeline", "coredis", 4) for backend in ("asyncio", "trio")),
    *(
        SpeedTarget(backend, scenario, peer, 4)
        for scenario in ("messages", "messages-resp2", "messages-ready", "messages-ready-resp2")
        for backend, peer in (("asyncio", "redis-py"), ("asyncio", "coredis"), ("trio", "coredis"))
    ),
    *(SpeedTarget(backend, "consumer", "coredis", 4) for backend in ("asyncio", "trio")),
)


def word(on_the_clock: bool, in_cpu: bool) -> str:
    """The verdict."""
    if on_the_clock and in_cpu:
        return "met"
    return "met on the clock only" if on_the_clock else "met in CPU only" if in_cpu else "NOT MET"


def judge(results: Results) -> list[Verdict]:
    """A verdict on every target that was measured."""
    speed = [verdict for target in SPEED if (verdict := target.judge(results))]
    return [
        *speed,
        *judge_calls(results),
        *judge_routing(results),
        *judge_imports(results),
    ]


def judge_calls(results: Results) -> Iterator[Verdict]:
    """Verdicts on Python-level calls."""
    for each in results.calls:
        limit = CALLS.get((each.backend, each.tasks))
        if each.client == SUBJECT and limit is not None:
            where = f"{each.backend}, tasks: {each.tasks}"
            good, own_good = each.total < limit, each.own < OWN_CALLS
            target = f"calls for one GET, {where}: fewer than {limit}"
            yield Verdict(target, f"{each.total:.1f}", word(good, good))
            target = f"anyredis's own calls, {where}: fewer than {OWN_CALLS}"
            yield Verdict(target, f"{each.own:.1f}", word(own_good, own_good))


def judge_routing(results: Results) -> Iterator[Verdict]:
    """Verdicts on the cost of routing, and on its growth with the number of nodes."""
    for each in results.routing:
        where = f"{each.backend}, {each.nodes:,} nodes: less than {MOST_FOR_ROUTING} µs"
        for name, costs in zip(ROUTED[:2], (each.route, each.route_reads), strict=True):
            cost = median(costs)
            good = cost < MOST_FOR_ROUTING
            yield Verdict(f"{name}, {where}", f"{cost:.2f}", word(good, good))
    for few, many in pairwise(results.routing):
        if few.backend == many.backend:
            what = f"{few.backend}, {many.nodes:,} nodes to {few.nodes:,}"
            for name, ratio in zip(ROUTED, many.ratios_to(few), strict=True):
                good = ratio <= MOST_FOR_NODES
                target = f"{name}, {what}: {MOST_FOR_NODES} times or less"
                yield Verdict(target, f"{ratio:.2f}", word(good, good))


def judge_imports(results: Results) -> Iterator[Verdict]:
    """The verdict on importing."""
    times = {each.client: each.milliseconds for each in results.imports}
    peer, share = IMPORT
    if SUBJECT in times and peer in times:
        ratio = times[SUBJECT] / times[peer]
        good = ratio < share
        yield Verdict(f"import: less than {share} of {peer}", f"{ratio:.2f}", word(good, good))
