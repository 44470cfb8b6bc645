"""Profiles of anyredis: cProfile's seconds and the profiler hook's calls, by function."""

from __future__ import annotations

import cProfile
import functools
import pstats
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from benchmarks.calls import count_functions
from benchmarks.contestants import Ops
from benchmarks.load import run_load
from benchmarks.places import Place
from benchmarks.results import SUBJECT, Hotspot, Profile
from benchmarks.scenarios import SCENARIOS, Operation, Scenario

OPERATIONS = {
    "get64": 12_800,
    "get1": 4_000,
    "pool": 4_000,
    "pipeline": 30,
    "lrange": 400,
    "cluster-get64": 12_800,
    "cluster-get1": 4_000,
    "cluster-pipeline": 30,
    "messages": 5,
    "messages-resp2": 5,
    "messages-ready": 5,
    "messages-ready-resp2": 5,
    "subscribe": 5,
    "channels": 5,
    "fan-out": 5,
    "consumer": 1,
}
OTHERWISE = 100
SHOWN = 30

Where = tuple[str, int, str]
Entry = tuple[int, int, float, float, Any]


async def profile_all(
    names: tuple[str, ...], backend: str, place: Place, port: int
) -> list[Profile]:
    """The profiles of those of the named scenarios that belong to *place*."""
    chosen = [each for each in SCENARIOS if each.name in names and each.place is place]
    return [await profile(each, backend, port) for each in chosen]


async def profile(scenario: Scenario, backend: str, port: int) -> Profile:
    """The profile of anyredis in *scenario*, the costliest functions first."""
    times = max(1, OPERATIONS.get(scenario.name, OTHERWISE) // scenario.tasks)
    [subject] = [each for each in scenario.contestants if each.name == SUBJECT]
    async with subject.open(port, scenario.pool) as ops:
        operation = prepared(ops, scenario.operation(ops))
        calls = await count_functions(operation, scenario.tasks, times)
        profiler = cProfile.Profile()
        await run_load(operation, scenario.tasks, times)
        profiler.enable()
        try:
            await run_load(operation, scenario.tasks, times)
        finally:
            profiler.disable()
    stats: Mapping[Where, Entry] = getattr(pstats.Stats(profiler), "stats")  # noqa: B009
    spots = hotspots(stats, calls, scenario.tasks * times)
    return Profile(backend, scenario.name, spots)


def prepared(ops: Ops, operation: Operation) -> Operation:
    """*operation* with what has to be done before each."""
    prepare = ops.prepare
    if prepare is None:
        return operation

    async def both() -> Any:
        prepare()
        return await operation()

    return both


def hotspots(
    stats: Mapping[Where, Entry], calls: Counter[CodeType], operations: int
) -> list[Hotspot]:
    """The costliest functions of *stats*, with their number of calls in *calls*."""
    entered: Counter[Where] = Counter()
    for code, count in calls.items():
        entered[code.co_filename, code.co_firstlineno, code.co_name] += count
    costliest = sorted(stats.items(), key=lambda item: item[1][2], reverse=True)[:SHOWN]
    return [
        Hotspot(
            shown(where),
            (entered[where] or entry[1]) / operations,
            entry[2] / operations * 1e6,
            entry[3] / operations * 1e6,
        )
        for where, entry in costliest
    ]


@functools.cache
def shown(where: Where) -> str:
    """`package/file.py:12 function`, or the name of a built-in."""
    file, line, name = where
    return name if file == "~" else f"{'/'.join(Path(file).parts[-2:])}:{line} {name}"
