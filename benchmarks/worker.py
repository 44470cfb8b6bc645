"""A process that measures one backend: `python -m benchmarks.worker FILE`.

The file holds a pickled `Work`, and afterwards the pickled `Results`.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from benchmarks.calls import TIMES, count_calls
from benchmarks.contestants import CONTESTANTS, FLOORS, PATIENT_CONTESTANTS, Contestant
from benchmarks.memory import measure_memory
from benchmarks.options import Options
from benchmarks.places import Place
from benchmarks.profiles import profile_all
from benchmarks.results import Results
from benchmarks.rounds import compete
from benchmarks.routing import measure_routing
from benchmarks.scenarios import ALL

COUNTED = ("anyredis", "redis-py", "coredis")


@dataclass(frozen=True)
class Work:
    """The measurements on one backend at one place, against the server on its port, if any."""

    backend: str
    place: Place
    port: int | None
    options: Options

    def wanted(self, contestants: Sequence[Contestant]) -> list[Contestant]:
        """The *contestants* that are selected and installed."""
        able = [each for each in contestants if self.backend in each.backends]
        return [each for each in able if each.name in self.options.clients and each.installed]


def progress(*words: object) -> None:
    """Show the progress."""
    print(*words, file=sys.stderr, flush=True)


async def measure_all(work: Work) -> Results:
    """The results that *work* asks for."""
    results = Results()
    if work.port is not None:
        await measure_scenarios(work, work.port, results)
    if work.place is Place.SERVER and work.port is not None and "calls" in work.options.scenarios:
        progress(f"{work.backend}: calls")
        counted = [each for each in work.wanted(CONTESTANTS) if each.name in COUNTED]
        for tasks in TIMES:
            for each in counted:
                results.calls.append(await count_calls(each, work.backend, work.port, tasks))
    if work.place is Place.SERVER and work.port is not None and "memory" in work.options.scenarios:
        progress(f"{work.backend}: memory")
        weighed = [each for each in work.wanted(PATIENT_CONTESTANTS) if each.name not in FLOORS]
        for each in weighed:
            results.memory.append(await measure_memory(each, work.backend, work.port))
    if work.place is Place.MEMORY and "routing" in work.options.scenarios:
        progress(f"{work.backend}: routing")
        results.routing = await measure_routing(work.backend, work.options.effort.rounds)
    return results


async def measure_scenarios(work: Work, port: int, results: Results) -> None:
    """Measure all scenarios that *work* asks for, into *results*."""
    backend, options = work.backend, work.options
    for scenario in ALL:
        if scenario.name in options.scenarios and scenario.place is work.place:
            wanted = work.wanted(scenario.contestants)
            taking_part = [each for each in wanted if scenario.takes(each, backend)]
            progress(f"{backend}: {scenario.title}: {', '.join(c.name for c in taking_part)}")
            results.scores += await compete(scenario, taking_part, backend, port, options.effort)
    if options.profile:
        progress(f"{backend}: profiles")
        results.profiles += await profile_all(options.scenarios, backend, work.place, port)


def run(work: Work) -> Results:
    """The results that *work* asks for, on its backend if that is installed."""
    library = work.backend
    if library != "asyncio" and importlib.util.find_spec(library) is None:
        return Results(missing=[library])
    if library == "uvloop":
        options = {"use_uvloop": True}
        return anyio.run(measure_all, work, backend="asyncio", backend_options=options)
    return anyio.run(measure_all, work, backend=library)


def main(arguments: Sequence[str]) -> None:
    """Replace the work in the named file by its results."""
    # Written and read by this program only.
    file = Path(arguments[0])
    work: Work = pickle.loads(file.read_bytes())
    file.write_bytes(pickle.dumps(run(work)))


if __name__ == "__main__":
    main(sys.argv[1:])
