"""The part of all cancellation cases that a run takes: every third step, and one kind on uvloop.

The process that starts a run draws one seed; successive seeds take successive thirds, so that any
three of them together take every step.  `ANYREDIS_SEED=n` repeats a run, `ANYREDIS_EVERY_CASE=1`
takes all cases, `ANYREDIS_PARTS=n` one step of n, `ANYREDIS_ONE_LOOP=1` one event loop a test and
few random examples.  An operation that is marked with a clause of the contract never rotates out;
of 27 parts and more, it takes nine.
"""

from __future__ import annotations

import itertools
import os
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self, TypedDict

from tests.contract.steps import Kind

SEED: Final = "ANYREDIS_SEED"
"""The environment variable with the seed of the run."""

EVERY_CASE: Final = "ANYREDIS_EVERY_CASE"
"""The environment variable that asks for all cases; its value does not matter."""

PARTS: Final = "ANYREDIS_PARTS"
"""The environment variable that asks for one step of so many."""

ONE_LOOP: Final = "ANYREDIS_ONE_LOOP"
"""The environment variable that asks for one event loop a test instead of all three."""

THIRD: Final = 3
"""A run takes one step in this many, unless the environment asks for more or fewer."""

CLAUSES: Final = tuple(f"G{number}" for number in range(1, 15))
"""The clauses of the contract that a cancellation may break."""


def examples(count: int) -> int:
    """The number of random examples of a test in this run: *count*, or a tenth with one event loop."""
    return -(-count // 10) if ONE_LOOP in os.environ else count


def share(names: Sequence[str]) -> list[str]:
    """The *names* that this run takes: all of them, or a third with one event loop.

    Successive seeds take successive thirds.
    """
    return [*names[draw_seed() % THIRD :: THIRD]] if ONE_LOOP in os.environ else [*names]


def draw_seed() -> int:
    """The seed of this run: drawn now, if no process that started this one drew it before.

    Processes that are started from now on inherit it.
    """
    return int(os.environ.setdefault(SEED, str(random.randrange(100_000))))


@dataclass(frozen=True)
class Rotation:
    """A choice among steps and kinds, the same for the same seed in every process."""

    seed: int
    parts: int = THIRD
    """One step of so many is taken; 1 takes all cases."""

    @classmethod
    def of_this_run(cls) -> Self:
        """The choice that the environment asks for."""
        every = EVERY_CASE in os.environ
        return cls(draw_seed(), 1 if every else int(os.environ.get(PARTS, THIRD)))

    def loop(self, test: str, loops: Sequence[str]) -> str:
        """The one of *loops* on which *test* runs; as many successive seeds take each of them."""
        return loops[(self.seed + zlib.crc32(test.encode())) % len(loops)]

    def steps(self, case: str, *, every: bool) -> Iterator[int]:
        """The numbers of the steps to cancel at, without end: those of one part.

        *every* takes all of them, or nine parts if there are more.
        """
        parts = -(-self.parts // (THIRD * THIRD)) if every else self.parts
        return itertools.count((self.seed + zlib.crc32(case.encode())) % parts, parts)

    def kinds(self, case: str, kinds: Sequence[Kind]) -> Sequence[Kind]:
        """One of *kinds*; all of them if all cases are taken."""
        if self.parts == 1:
            return kinds
        # By the parts already taken: nine successive seeds take each third in each of three kinds.
        number = self.seed // self.parts + zlib.crc32(case.encode())
        return [kinds[number % len(kinds)]]


class Counts(TypedDict):
    """A `Tally` as processes send it to each other."""

    cases: int
    losses: int
    operations: list[str]


@dataclass
class Tally:
    """How many cases have run."""

    cases: int = 0
    losses: int = 0
    operations: set[str] = field(default_factory=set[str])

    def counts(self) -> Counts:
        """All of it, for another process."""
        return {
            "cases": self.cases,
            "losses": self.losses,
            "operations": sorted(self.operations),
        }

    def add(self, counts: Counts) -> None:
        """Add the counts of another process."""
        self.cases += counts["cases"]
        self.losses += counts["losses"]
        self.operations |= set(counts["operations"])

    def __str__(self) -> str:
        return (
            f"cancelled at every step: {self.cases} cases of {len(self.operations)} operations; "
            f"connections lost at every step: {self.losses} cases"
        )


TALLY: Final = Tally()
"""The cases of this process; of all processes of the run, in the one that started it."""


def described(rotation: Rotation) -> str:
    """The part of all cases that a run takes, and how to repeat it."""
    if rotation.parts == 1:
        return f"every case, as {EVERY_CASE} asks"
    return (
        f"one step of {rotation.parts}; {SEED}={rotation.seed} repeats it, {EVERY_CASE}=1 takes all"
    )
