"""The load, and its measure.  Counts of calls leave out the frames of this file."""

from __future__ import annotations

import gc
import time

import anyio

from benchmarks.results import Sample
from benchmarks.scenarios import Operation


async def repeat(operation: Operation, times: int) -> None:
    """One task's work."""
    for _ in range(times):
        await operation()


async def run_load(operation: Operation, tasks: int, times: int) -> None:
    """Run *tasks* tasks at once, each of which calls the operation *times* times."""
    if tasks == 1:
        await repeat(operation, times)
        return
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(repeat, operation, times)


async def measure(operation: Operation, tasks: int, times: int) -> Sample:
    """Microseconds for each of the operations; CPU is that of all threads of the process."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    await run_load(operation, tasks, times)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count = tasks * times / 1e6
    return Sample(wall=wall / count, cpu=cpu / count)
