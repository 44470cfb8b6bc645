"""Python-level calls for each operation, the event loop's and all libraries' included."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from benchmarks import load
from benchmarks.contestants import Contestant
from benchmarks.keys import SMALL_KEY
from benchmarks.load import run_load
from benchmarks.results import Calls
from benchmarks.scenarios import Operation

TIMES = {64: 50, 1: 500}

GENERATED = "<{} "
"""How the file name of code begins that a package has generated."""


async def count_calls(contestant: Contestant, backend: str, port: int, tasks: int) -> Calls:
    """The calls for one warm GET with that number of tasks."""
    times = TIMES[tasks]
    async with contestant.open(port, None) as ops:
        counter = await count_functions(functools.partial(ops.get, SMALL_KEY), tasks, times)
    own_files = (package_folder(contestant.module), GENERATED.format(contestant.module))
    own = sum(calls for code, calls in counter.items() if code.co_filename.startswith(own_files))
    count = tasks * times
    return Calls(backend, tasks, contestant.name, sum(counter.values()) / count, own / count)


async def count_functions(operation: Operation, tasks: int, times: int) -> Counter[CodeType]:
    """The number of times that each function was entered, or a coroutine resumed.

    The load's own functions are left out.
    """
    counter: Counter[CodeType] = Counter()

    def note(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            counter[frame.f_code] += 1

    await run_load(operation, tasks, times)
    sys.setprofile(note)
    try:
        await run_load(operation, tasks, times)
    finally:
        sys.setprofile(None)
    for code in [code for code in counter if code.co_filename == load.__file__]:
        del counter[code]
    return counter


def package_folder(module: str) -> str:
    """The folder of the package that *module* belongs to."""
    spec = importlib.util.find_spec(module.partition(".")[0])
    assert spec is not None
    assert spec.origin is not None
    return f"{Path(spec.origin).parent}/"
