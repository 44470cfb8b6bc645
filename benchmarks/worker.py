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
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.options import Options
from benchmarks.profiles import profile_all
from benchmarks.results import Results
from benchmarks.rounds import compete
from benchmarks.scenarios import SCENARIOS

COUNTED = ("anyredis", "redis-py", "coredis")


@dataclass(frozen=True)
class Work:
    """What to measure on one backend, against the server on this port."""

    backend: str
    port: int
    options: Options

    def contestants(self) -> list[Contestant]:
        """Those wanted here that are installed."""
        wanted = self.options.clients
        return [each for each in CONTESTANTS if each.name in wanted and each.installed]


def progress(*words: object) -> None:
    """Tell whoever watches what is being done."""
    print(*words, file=sys.stderr, flush=True)


async def measure_all(work: Work) -> Results:
    """All that *work* asks for."""
    results = Results()
    contestants = work.contestants()
    backend, port, options = work.backend, work.port, work.options
    for scenario in SCENARIOS:
        if scenario.name in options.scenarios:
            taking_part = [each for each in contestants if scenario.takes(each, backend)]
            progress(f"{backend}: {scenario.title}: {', '.join(c.name for c in taking_part)}")
            results.scores += await compete(scenario, taking_part, backend, port, options.effort)
    if "calls" in options.scenarios:
        progress(f"{backend}: calls")
        counted = [c for c in contestants if c.name in COUNTED and backend in c.backends]
        for tasks in TIMES:
            results.calls += [await count_calls(each, backend, port, tasks) for each in counted]
    if options.profile:
        progress(f"{backend}: profiles")
        results.profiles += await profile_all(options.scenarios, backend, port)
    return results


def run(work: Work) -> Results:
    """All that *work* asks for, on its backend if that is installed."""
    library = work.backend
    if library != "asyncio" and importlib.util.find_spec(library) is None:
        return Results(missing=[library])
    if library == "uvloop":
        options = {"use_uvloop": True}
        return anyio.run(measure_all, work, backend="asyncio", backend_options=options)
    return anyio.run(measure_all, work, backend=library)


def main(arguments: Sequence[str]) -> None:
    """Replace the work in the file that is named by its results."""
    # Written and read by this program only.
    file = Path(arguments[0])
    work: Work = pickle.loads(file.read_bytes())
    file.write_bytes(pickle.dumps(run(work)))


if __name__ == "__main__":
    main(sys.argv[1:])
