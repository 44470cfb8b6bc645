"""Charts of the results of `python -m benchmarks --growth --json FILE`, as one SVG.

`python -m benchmarks.chart FILE SVG` draws, for each backend, the commands a second and the CPU of
each by the number of tasks, and the same by the length of a pipeline.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.results import SUBJECT

COLOURS = {
    SUBJECT: "#c6302b",
    "corked": "#9aa0a6",
    "bare": "#c8ccd0",
    "redis-py": "#1f77b4",
    "coredis": "#2ca02c",
    "glide": "#9467bd",
}
"""The colour of each client; those of the lower bounds are grey."""

KINDS = {"tasks": "tasks at once, one GET each", "pipeline": "commands in a pipeline"}
SIZE = (5.2, 3.4)
"""Inches of one chart."""


class Line(NamedTuple):
    """What one client did: for each number of tasks or commands the microseconds of a command."""

    client: str
    numbers: list[int]
    wall: list[float]
    cpu: list[float]


def lines_of(scores: list[dict[str, Any]], backend: str, kind: str) -> list[Line]:
    """The lines of a chart, in the order of the results."""
    lines: dict[str, Line] = {}
    for score in scores:
        name, _, number = str(score["scenario"]).partition("-")
        if score["backend"] == backend and name == kind and number.isdigit():
            client = score["client"]
            line = lines.setdefault(client, Line(client, [], [], []))
            line.numbers.append(int(number))
            line.wall.append(score["median"]["wall"])
            line.cpu.append(score["median"]["cpu"])
    return list(lines.values())


def draw(results: dict[str, Any], file: Path) -> None:
    """Write the charts of *results* to *file*; the same results give the same bytes."""
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "anyredis", "font.size": 9})
    pyplot = importlib.import_module("matplotlib.pyplot")
    scores = results["scores"]
    backends = list(dict.fromkeys(score["backend"] for score in scores))
    rows = [(backend, kind) for kind in KINDS for backend in backends]
    size = (2 * SIZE[0], len(rows) * SIZE[1])
    figure, axes = pyplot.subplots(len(rows), 2, figsize=size, squeeze=False)
    for (backend, kind), (left, right) in zip(rows, axes, strict=True):
        for line in lines_of(scores, backend, kind):
            style = {"color": COLOURS.get(line.client, "black"), "label": line.client}
            left.plot(line.numbers, [1e6 / each for each in line.wall], marker="o", **style)
            right.plot(line.numbers, line.cpu, marker="o", **style)
        for axis, what in ((left, "commands a second"), (right, "µs of CPU for a command")):
            axis.set(xscale="log", yscale="log", xlabel=KINDS[kind], ylabel=what)
            axis.set_title(backend)
            axis.grid(visible=True, alpha=0.3)
            for each in (axis.xaxis, axis.yaxis):
                each.set_major_formatter("{x:,.0f}")
                each.set_minor_formatter("")
        left.legend(fontsize=8)
    about = ", ".join(f"{name} {value}" for name, value in results["about"].items())
    figure.text(0.01, 0.002, about, fontsize=6)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Read the results, write the charts."""
    parser = argparse.ArgumentParser(prog="benchmarks.chart", description=main.__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("svg", type=Path)
    given = parser.parse_args()
    draw(json.loads(given.results.read_text(encoding="utf-8")), given.svg)


if __name__ == "__main__":
    main()
