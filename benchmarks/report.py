"""The results as tables for people, and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.results import SUBJECT, Profile, Results
from benchmarks.scenarios import ALL
from benchmarks.targets import Verdict, judge


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, aligned: the first column to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def joined(line: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = [f"{'-' * (width - 1)}{':' if n else '-'}" for n, width in enumerate(widths)]
    return "\n".join([joined(lines[0]), joined(rule), *map(joined, lines[1:])])


def show_scores(results: Results) -> Iterable[str]:
    """A table for each scenario: microseconds for each command, and times anyredis's."""
    head = ["", "µs", "CPU µs", "to anyredis", "in CPU"]
    for scenario in ALL:
        rows = []
        for score in (each for each in results.scores if each.scenario == scenario.name):
            subject = results.score(score.backend, score.scenario, SUBJECT)
            ratio = score.ratio_to(subject) if subject else None
            ratios = [f"{ratio.wall:.2f}", f"{ratio.cpu:.2f}"] if ratio else ["", ""]
            name = f"{score.backend}: {score.client}"
            rows.append([name, f"{score.wall:.1f}", f"{score.cpu:.1f}", *ratios])
        if rows:
            yield f"\n{scenario.title} ({scenario.name})\n\n{table(head, rows)}"


def show_calls(results: Results) -> Iterable[str]:
    """The table of calls."""
    rows = [
        [f"{each.backend}, {each.tasks}: {each.client}", f"{each.total:.1f}", f"{each.own:.1f}"]
        for each in results.calls
    ]
    if rows:
        head = ["backend, tasks: client", "calls", "its own"]
        yield f"\nPython-level calls for one warm GET\n\n{table(head, rows)}"


def show_memory(results: Results) -> Iterable[str]:
    """The table of memory."""
    rows = [
        [
            f"{each.backend}: {each.client}",
            "" if each.connection is None else f"{each.connection / 1024:.1f}",
            f"{each.call / 1024:.1f}",
        ]
        for each in results.memory
    ]
    if rows:
        head = ["", "idle connection, KiB", "waiting call with its task, KiB"]
        yield f"\nPython objects (memory)\n\n{table(head, rows)}"


def show_routing(results: Results) -> Iterable[str]:
    """The table of routing."""
    rows = [
        [
            f"{each.backend}, {each.nodes:,} nodes",
            f"{median(each.route):.2f}",
            f"{median(each.route_reads):.2f}",
            f"{median(each.get_few):.1f}",
            f"{median(each.get):.1f}",
            f"{median(each.refresh) / 1000:.1f}",
        ]
        for each in results.routing
    ]
    if rows:
        head = [
            "",
            "routing, µs",
            "to replicas, µs",
            "GET of 3 nodes, µs",
            "of all, µs",
            "new slot map, ms",
        ]
        yield f"\nA simulated cluster, CPU of one task (routing)\n\n{table(head, rows)}"


def show_imports(results: Results) -> Iterable[str]:
    """The table of imports."""
    rows = [[f"import {each.module}", f"{each.milliseconds:.0f}"] for each in results.imports]
    if rows:
        yield f"\nImport in a fresh interpreter\n\n{table(['', 'CPU ms'], rows)}"


def show_profile(profile: Profile) -> str:
    """The table of one profile."""
    rows = [
        [
            each.function,
            f"{each.calls:.2f}",
            f"{each.own_microseconds:.2f}",
            f"{each.all_microseconds:.2f}",
        ]
        for each in profile.hotspots
    ]
    head = ["function", "calls", "own µs", "with callees µs"]
    title = f"anyredis in {profile.scenario}, {profile.backend}, for each operation, profiled"
    return f"\n{title}\n\n{table(head, rows)}"


def show_verdicts(verdicts: Sequence[Verdict]) -> str:
    """The table of targets."""
    rows = [[each.target, each.measured, each.verdict] for each in verdicts]
    missed = sum(each.verdict != "met" for each in verdicts)
    title = f"Targets: {len(verdicts) - missed} of {len(verdicts)} met"
    return f"\n{title}\n\n{table(['target', 'measured', ''], rows)}"


def show(results: Results) -> str:
    """All results, for people."""
    about = [f"{name}: {value}" for name, value in results.about.items()]
    missing = [f"missing: {each}" for each in results.missing]
    verdicts = judge(results)
    return "\n".join(
        [
            *about,
            *missing,
            *show_scores(results),
            *show_calls(results),
            *show_memory(results),
            *show_routing(results),
            *show_imports(results),
            *map(show_profile, results.profiles),
            *([show_verdicts(verdicts)] if verdicts else []),
        ]
    )


def as_json(results: Results) -> str:
    """All results, for programs, every round included."""
    values = dataclasses.asdict(results)
    for score, value in zip(results.scores, values["scores"], strict=True):
        value |= {"median": {"wall": score.wall, "cpu": score.cpu}}
    values["targets"] = [dataclasses.asdict(each) for each in judge(results)]
    return json.dumps(values, indent=1, ensure_ascii=False)
