"""Rounds: every client in turn, several times, so that noise of the machine affects all alike."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import anyio

from benchmarks.contestants import Contestant, Ops
from benchmarks.load import measure
from benchmarks.results import Sample, Score
from benchmarks.scenarios import Operation, Scenario

PATIENCE, LONG_PATIENCE = 20.0, 300.0
"""Seconds for the first reply, and for that of a long operation."""

LEAST_TIMES = {64: 20, 10: 50, 1: 3}
"""The fewest operations of each task, so that the start of the tasks counts little."""

LEAST_OPERATIONS = 5_000
"""The same for all tasks together, for other numbers of tasks."""


@dataclass(frozen=True)
class Effort:
    """The length of a measurement: *rounds* of about *seconds* for each client."""

    rounds: int
    seconds: float


@dataclass
class Runner:
    """A client in a scenario, the number of its operations, and its samples."""

    contestant: Contestant
    ops: Ops
    operation: Operation
    times: int
    samples: list[Sample]


async def compete(
    scenario: Scenario, contestants: Sequence[Contestant], backend: str, port: int, effort: Effort
) -> list[Score]:
    """The scores of all *contestants*, connected side by side."""
    async with AsyncExitStack() as stack:
        runners: list[Runner] = []
        for contestant in contestants:
            ops = await stack.enter_async_context(contestant.open(port, scenario.pool))
            operation = scenario.operation(ops)
            if ops.prepare is not None:
                ops.prepare()
            with anyio.fail_after(LONG_PATIENCE if scenario.most_rounds else PATIENCE):
                right = scenario.right(await operation())
            if not right:
                raise RuntimeError(f"{contestant.name} got {scenario.name} wrong on {backend}")
            times = 1
            if scenario.most_rounds is None and ops.prepare is None:
                times = await calibrate(operation, scenario.tasks, effort.seconds)
            runners.append(Runner(contestant, ops, operation, times, []))
        for number in range(min(effort.rounds, scenario.most_rounds or effort.rounds)):
            # In alternating order, so that no client always runs after the same one.
            for runner in runners if number % 2 == 0 else reversed(runners):
                if runner.ops.prepare is not None:
                    runner.ops.prepare()
                sample = await measure(runner.operation, scenario.tasks, runner.times)
                share = Sample(sample.wall / scenario.commands, sample.cpu / scenario.commands)
                runner.samples.append(share)
    return [Score(backend, scenario.name, each.contestant.name, each.samples) for each in runners]


async def calibrate(operation: Operation, tasks: int, seconds: float) -> int:
    """The operations of each task that take about *seconds*; warms the client up, too."""
    least = LEAST_TIMES.get(tasks) or max(3, LEAST_OPERATIONS // tasks)
    await measure(operation, tasks, least)
    microseconds = (await measure(operation, tasks, least)).wall
    return max(least, round(seconds * 1e6 / microseconds / tasks))
