"""The time that the clients take to import."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence

import anyio

from benchmarks.contestants import Contestant
from benchmarks.results import ImportTime

PROGRAM = """
import time
start = time.process_time()
import {module}
print((time.process_time() - start) * 1000)
"""


async def time_imports(contestants: Sequence[Contestant], rounds: int) -> list[ImportTime]:
    """Milliseconds of CPU for each contestant, in turns; the first turn compiles and is dropped."""
    times: dict[str, list[float]] = {each.name: [] for each in contestants}
    with tempfile.TemporaryDirectory() as cache:
        for number in range(rounds + 1):
            for each in contestants:
                milliseconds = await time_import(each.module, cache)
                if number:
                    times[each.name].append(milliseconds)
    return [ImportTime(each.name, each.module, times[each.name]) for each in contestants]


async def time_import(module: str, cache: str) -> float:
    """Milliseconds that `import` takes in a fresh interpreter, with bytecode kept in *cache*."""
    program = PROGRAM.format(module=module)
    env = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    done = await anyio.run_process([sys.executable, "-c", program], env=env, stderr=None)
    return float(done.stdout)
