"""Measure anyredis and its peers, all in one run against the same servers, and report."""

from __future__ import annotations

import os
import pickle
import platform
import sys
import tempfile
from pathlib import Path

import anyio

from benchmarks.contestants import CONTESTANTS, FLOORS
from benchmarks.imports import time_imports
from benchmarks.options import Options, parse
from benchmarks.places import run_place, version_of
from benchmarks.report import as_json, show
from benchmarks.results import Results
from benchmarks.worker import Work


async def measure_backend(work: Work) -> Results:
    """The results of a separate process: no client starts with another backend's state."""
    with tempfile.TemporaryDirectory() as folder:
        file = anyio.Path(folder, "work")
        await file.write_bytes(pickle.dumps(work))
        command = [sys.executable, "-m", "benchmarks.worker", str(file)]
        await anyio.run_process(command, stdout=None, stderr=None)
        results: Results = pickle.loads(await file.read_bytes())
    return results


async def measure(options: Options) -> Results:
    """The results that *options* ask for."""
    contestants = [each for each in CONTESTANTS if each.name in options.clients]
    installed = [each for each in contestants if each.installed]
    results = Results(missing=[each.name for each in contestants if not each.installed])
    results.about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}",
        "python": platform.python_version(),
        **{each.distribution: each.version for each in installed},
    }
    for place in options.places:
        async with run_place(place) as port:
            if port is not None:
                results.about["server"] = await version_of(port)
            for backend in options.backends:
                results.add(await measure_backend(Work(backend, place, port, options)))
    if "imports" in options.scenarios:
        importable = [each for each in installed if each.name not in FLOORS]
        results.imports = await time_imports(importable, options.effort.rounds)
    return results


def main() -> None:
    """Measure, print the tables, write the JSON."""
    options = parse()
    if options.json is not None:
        Path(options.json).touch()  # better to fail now than after the work
    results = anyio.run(measure, options)
    print(show(results))
    if options.json is not None:
        options.json.write_text(as_json(results), encoding="utf-8")


if __name__ == "__main__":
    main()
