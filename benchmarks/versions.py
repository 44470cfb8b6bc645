"""Compare two checkouts of anyredis: `python -m benchmarks.versions BEFORE AFTER`.

Each round is one process for each checkout and event loop, in turns, against the same servers.
The table shows how many times as fast as BEFORE the checkout AFTER is: the median of all rounds.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import anyio

from benchmarks.imports import PROGRAM
from benchmarks.options import BACKENDS, Options
from benchmarks.places import Place, run_place
from benchmarks.results import SUBJECT, Results, Sample
from benchmarks.rounds import Effort
from benchmarks.scenarios import SCENARIOS
from benchmarks.worker import Work

ONE_ROUND = Effort(rounds=1, seconds=0.1)

Key = tuple[str, str]
"""Event loop and scenario."""


@dataclass(frozen=True)
class Checkout:
    """One of the two; its own `benchmarks` run in it, with files in *folder*."""

    path: Path
    folder: Path

    async def run(self, *arguments: str) -> bytes:
        """What a Python prints that imports from this checkout."""
        command = [sys.executable, *arguments]
        # With bytecode, which the first run writes: compiling would be most of an import.  It is in
        # a folder of its own, where no other file can stand in the way of a folder of the checkout.
        bytecode = self.folder / "bytecode"
        cache = {"PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONDONTWRITEBYTECODE": ""}
        env = {**os.environ, **cache, "PYTHONPATH": str(self.path)}
        done = await anyio.run_process(command, env=env, cwd=self.path, stderr=None)
        return done.stdout


async def measure_round(checkout: Checkout, work: Work) -> dict[Key, Sample]:
    """One sample for each scenario of *work*."""
    file = anyio.Path(checkout.folder, "work")
    await file.write_bytes(pickle.dumps(work))
    await checkout.run("-m", "benchmarks.worker", str(file))
    results: Results = pickle.loads(await file.read_bytes())
    return {(each.backend, each.scenario): each.rounds[0] for each in results.scores}


async def measure(
    checkouts: tuple[Checkout, Checkout], backends: Sequence[str], rounds: int
) -> dict[Key, list[Sample]]:
    """The ratios of all rounds, BEFORE to AFTER."""
    ratios: defaultdict[Key, list[Sample]] = defaultdict(list)
    for place in (Place.SERVER, Place.CLUSTER):
        names = tuple(each.name for each in SCENARIOS if each.place is place)
        options = Options(names, tuple(backends), (SUBJECT,), ONE_ROUND, profile=False, json=None)
        async with run_place(place) as port:
            for number in range(rounds):
                for backend in backends:
                    work = Work(backend, place, port, options)
                    order = checkouts if number % 2 == 0 else checkouts[::-1]
                    found = {each: await measure_round(each, work) for each in order}
                    before, after = (found[each] for each in checkouts)
                    for key, sample in before.items():
                        mine = after[key]
                        ratio = Sample(sample.wall / mine.wall, sample.cpu / mine.cpu)
                        ratios[key].append(ratio)
    return ratios


async def measure_imports(checkouts: tuple[Checkout, Checkout], rounds: int) -> float:
    """How many times as long as BEFORE the import of AFTER takes, in CPU."""
    ratios: list[float] = []
    for _ in range(rounds + 1):
        before, after = [
            float(await each.run("-c", PROGRAM.format(module="anyredis"))) for each in checkouts
        ]
        ratios.append(after / before)
    return median(ratios[1:])  # the first compiles


async def compare(paths: tuple[Path, Path], backends: Sequence[str], rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, name) for name in ("before", "after")]
        for folder in folders:
            folder.mkdir()
        checkouts = (Checkout(paths[0], folders[0]), Checkout(paths[1], folders[1]))
        ratios = await measure(checkouts, backends, rounds)
        imports = await measure_imports(checkouts, rounds)
    print(f"{'scenario':18} {'loop':8} {'wall':>6} {'CPU':>6}   (before / after, {rounds} rounds)")
    for (backend, scenario), samples in sorted(ratios.items(), key=lambda item: item[0][::-1]):
        wall, cpu = median(each.wall for each in samples), median(each.cpu for each in samples)
        print(f"{scenario:18} {backend:8} {wall:6.2f} {cpu:6.2f}")
    print(f"import: {imports:.3f} times the CPU of before")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks.versions", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--backends", default=",".join(BACKENDS), metavar="A,B")
    given = parser.parse_args()
    paths = (given.before.resolve(), given.after.resolve())
    anyio.run(compare, paths, given.backends.split(","), given.rounds)


if __name__ == "__main__":
    main()
