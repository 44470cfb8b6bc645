"""The options of a measurement, from the command line."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.contestants import CONTESTANTS
from benchmarks.places import Place
from benchmarks.results import SUBJECT
from benchmarks.rounds import Effort
from benchmarks.scenarios import ALL, GROWTH, SCENARIOS

BACKENDS = ("asyncio", "uvloop", "trio")
THOROUGH, QUICK = Effort(rounds=17, seconds=0.1), Effort(rounds=3, seconds=0.05)
EXTRAS = {"calls": Place.SERVER, "routing": Place.MEMORY, "imports": None}
"""Other measurements and their places; None for one that needs processes of its own."""
PLACES = {**{each.name: each.place for each in SCENARIOS}, **EXTRAS}
ON_DEMAND: dict[str, Place | None] = {
    **{each.name: each.place for each in GROWTH},
    "memory": Place.SERVER,
}
"""The measurements of `--growth`."""
FIRST_LOOK: Final = ("get64", "get1", "pipeline", "lrange", "large", "cluster-get64", "imports")
"""Those of `--quick`, in two minutes; it takes asyncio and trio."""


@dataclass(frozen=True)
class Options:
    """The measurements to make, and the file to write them to."""

    scenarios: tuple[str, ...]
    backends: tuple[str, ...]
    clients: tuple[str, ...]
    effort: Effort
    profile: bool
    json: Path | None

    @property
    def places(self) -> list[Place]:
        """The places at which these scenarios are measured."""
        known = {**PLACES, **ON_DEMAND}
        needed = {known[name] for name in self.scenarios}
        return [place for place in Place if place in needed]


def choices(known: Sequence[str]) -> type[argparse.Action]:
    """An action for a comma-separated list of some of *known*."""

    class Choices(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: object,
            _option: str | None = None,
        ) -> None:
            chosen = tuple(str(values).split(","))
            if unknown := sorted(set(chosen) - set(known)):
                parser.error(f"{unknown[0]!r} is none of {', '.join(known)}")
            setattr(namespace, self.dest, chosen)

    return Choices


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="Measure anyredis and its peers, against one server and a cluster.",
    )
    contestants = itertools.chain(CONTESTANTS, *(each.own_contestants for each in ALL))
    names = tuple(dict.fromkeys(each.name for each in contestants))
    for option, known, others in (
        ("scenarios", tuple(PLACES), tuple(ON_DEMAND)),
        ("backends", BACKENDS, ()),
        ("clients", names, ()),
    ):
        parser.add_argument(
            f"--{option}",
            action=choices((*known, *others)),
            default=None,
            metavar="A,B",
            help=f"of {', '.join(known)}; all by default",
        )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="measure 1 to 10,000 tasks, pipelines of 2 to 1,000,000, and memory instead",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a first look in two minutes: fewer and shorter rounds, and of "
        f"{', '.join(FIRST_LOOK)} alone, unless others are named",
    )
    parser.add_argument("--rounds", type=int, help="number of rounds, by default 17, 3 if quick")
    parser.add_argument("--profile", action="store_true", help="also show the slowest functions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements")
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else THOROUGH
    usual = FIRST_LOOK if given.quick else tuple(PLACES)
    loops = ("asyncio", "trio") if given.quick else BACKENDS
    return Options(
        scenarios=tuple(ON_DEMAND) if given.growth else given.scenarios or usual,
        backends=given.backends or loops,
        clients=tuple(dict.fromkeys((SUBJECT, *(given.clients or names)))),
        effort=Effort(given.rounds or effort.rounds, effort.seconds),
        profile=given.profile,
        json=given.json,
    )
