"""Measure anyredis beside its peers, all in one run against one server, and report."""

from __future__ import annotations

import os
import pickle
import platform
import sys
import tempfile
from pathlib import Path

import anyio

import anyredis.server
from benchmarks.contestants import CONTESTANTS, FLOORS
from benchmarks.imports import time_imports
from benchmarks.options import Options, parse
from benchmarks.report import as_json, show
from benchmarks.results import Results
from benchmarks.scenarios import prepare
from benchmarks.worker import Work


async def measure_backend(work: Work) -> Results:
    """What a process of its own measured: no client starts with another backend's leftovers."""
    with tempfile.TemporaryDirectory() as folder:
        file = anyio.Path(folder, "work")
        await file.write_bytes(pickle.dumps(work))
        command = [sys.executable, "-m", "benchmarks.worker", str(file)]
        await anyio.run_process(command, stdout=None, stderr=None)
        results: Results = pickle.loads(await file.read_bytes())
    return results


async def measure(options: Options) -> Results:
    """All that *options* ask for."""
    contestants = [each for each in CONTESTANTS if each.name in options.clients]
    installed = [each for each in contestants if each.installed]
    results = Results(missing=[each.name for each in contestants if not each.installed])
    results.about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}",
        "python": platform.python_version(),
        **{each.distribution: each.version for each in installed},
    }
    async with anyredis.server.run() as server:
        results.about["server"] = await version_of(server.port)
        await prepare(server.port)
        for backend in options.backends:
            results.add(await measure_backend(Work(backend, server.port, options)))
    if "imports" in options.scenarios:
        importable = [each for each in installed if each.name not in FLOORS]
        results.imports = await time_imports(importable, options.effort.rounds)
    return results


async def version_of(port: int) -> str:
    """The server's name and version."""
    async with anyredis.Redis("127.0.0.1", port, decode_responses=True) as client:
        facts = str(await client.execute_command("INFO", "server")).splitlines()
    known = dict(fact.partition(":")[::2] for fact in facts)
    if "valkey_version" in known:
        return f"Valkey {known['valkey_version']}"
    return f"Redis {known['redis_version']}"


def main() -> None:
    """Measure, print the tables, write the JSON."""
    options = parse()
    if options.json is not None:
        Path(options.json).touch()  # better fail now than after all that work
    results = anyio.run(measure, options)
    print(show(results))
    if options.json is not None:
        options.json.write_text(as_json(results), encoding="utf-8")


if __name__ == "__main__":
    main()
