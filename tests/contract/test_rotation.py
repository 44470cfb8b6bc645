"""Tests of the choice of cancellation cases: each case runs in some run, and a seed repeats a run.

They also hold that each clause of the contract is proved in every run, whatever its seed.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.contract import cluster_operations, harness, operations
from tests.contract.harness import Operation, cancel_everywhere
from tests.contract.rotation import (
    CLAUSES,
    EVERY_CASE,
    ONE_LOOP,
    PARTS,
    SEED,
    THIRD,
    Rotation,
    Tally,
    described,
    draw_seed,
    examples,
    share,
)
from tests.contract.server_harness import FakeServerBench, Target
from tests.contract.steps import Kind, counting
from tests.servers import ROOT

LOOPS = ["asyncio", "uvloop", "trio"]

KINDS: list[Kind] = ["task", "tasks", "scope"]

NOT_OF_THE_HARNESS = {
    "G10": "a cancelled receiver of messages: no operation of the harness receives any",
    "G13": "bounds are reached by load, not by a cancellation",
}

SEEDS = range(7, 7 + THIRD)
"""The seeds of successive runs."""


def first(count: int, steps: Iterator[int]) -> set[int]:
    """The numbers in *steps* that are below *count*."""
    return set(itertools.takewhile(lambda at: at < count, steps))


def test_successive_seeds_take_every_step_once() -> None:
    """Each run takes a third of the steps, and three runs take each step exactly once."""
    for case in ("get of a pool", "set of a pool"):
        taken = [first(30, Rotation(seed).steps(case, every=False)) for seed in SEEDS]
        assert [len(steps) for steps in taken] == [10, 10, 10]
        assert set[int]().union(*taken) == set(range(30))


def test_different_cases_begin_at_different_steps() -> None:
    """One run does not cancel all operations at the same steps."""
    begin = {next(Rotation(7).steps(f"case {n}", every=False)) for n in range(50)}
    assert begin == {0, 1, 2}


def test_every_kind_of_cancel_comes_with_every_step() -> None:
    """Nine successive seeds take each pair of a third and a kind once."""
    pairs: set[tuple[int, Kind]] = set()
    for seed in range(THIRD * len(KINDS)):
        rotation = Rotation(seed)
        [kind] = rotation.kinds("get of a pool", KINDS)
        pairs.add((next(rotation.steps("get of a pool", every=False)), kind))
    assert len(pairs) == THIRD * len(KINDS)


def test_all_steps_and_kinds_on_demand() -> None:
    """All of both for a run that takes every case; all steps of an operation that is marked."""
    whole = Rotation(7, parts=1)
    assert first(30, whole.steps("get of a pool", every=False)) == set(range(30))
    assert whole.kinds("get of a pool", KINDS) == KINDS
    assert first(30, Rotation(7).steps("get of a pool", every=True)) == set(range(30))
    assert first(30, Rotation(7, parts=9).steps("get of a pool", every=True)) == set(range(30))


def test_nine_parts_of_very_small_ones() -> None:
    """An operation that is marked takes a third of its steps where others take one step of 27."""
    taken = [first(30, Rotation(seed, 27).steps("get of a pool", every=True)) for seed in SEEDS]
    assert [len(steps) for steps in taken] == [10, 10, 10]
    assert set[int]().union(*taken) == set(range(30))


def test_the_environment_repeats_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ANYREDIS_SEED` is the seed, `ANYREDIS_PARTS` the parts; `ANYREDIS_EVERY_CASE` takes all."""
    monkeypatch.setenv(SEED, "12345")
    monkeypatch.delenv(EVERY_CASE, raising=False)
    monkeypatch.delenv(PARTS, raising=False)
    assert draw_seed() == 12345
    assert Rotation.of_this_run() == Rotation(12345)
    assert f"{SEED}=12345" in described(Rotation.of_this_run())
    monkeypatch.setenv(PARTS, "9")
    assert Rotation.of_this_run() == Rotation(12345, parts=9)
    monkeypatch.setenv(EVERY_CASE, "1")
    assert Rotation.of_this_run() == Rotation(12345, parts=1)
    assert "every case" in described(Rotation.of_this_run())


def test_a_seed_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later calls, in this process or in one that it starts, give the same."""
    monkeypatch.delenv(SEED)
    assert draw_seed() == draw_seed()


def test_tallies_of_processes_add_up() -> None:
    """An operation that several processes ran counts once, its cases all."""
    tally = Tally()
    tally.add({"cases": 3, "losses": 1, "operations": ["get", "set"]})
    tally.add({"cases": 4, "losses": 0, "operations": ["get"]})
    assert tally == Tally(7, 1, {"get", "set"})
    assert "7 cases of 2 operations" in str(tally)


async def test_the_harness_takes_the_steps_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the cases of an ordinary operation, and all of one that is marked."""
    monkeypatch.delenv(EVERY_CASE, raising=False)
    monkeypatch.delenv(PARTS, raising=False)
    cases: dict[tuple[str, ...], list[int]] = {}
    for always in ((), ("G1",)):
        operation = Operation[FakeServerBench]("ping", _ping, warm=True, always=always)
        for seed in SEEDS:
            monkeypatch.setenv(SEED, str(seed))
            tally = Tally()
            monkeypatch.setattr(harness, "TALLY", tally)
            with counting() as steps:
                bench = FakeServerBench(Target.of_fake_server(), steps)
                found = await cancel_everywhere(bench, operation, ["scope"])
            cases.setdefault(always, []).append(tally.cases)
            assert always == () or tally.cases == found
    rotating, marked = cases[()], cases["G1",]
    assert sum(rotating) <= marked[0] + THIRD
    assert max(rotating) < marked[0]


async def _ping(bench: FakeServerBench) -> None:
    await bench.client.ping()


def kept(*lists: Iterable[Operation[Any]]) -> set[str]:
    """The clauses that operations of these lists are marked with."""
    return {clause for each in lists for operation in each for clause in operation.always}


def test_every_clause_keeps_cases() -> None:
    """For one server and for clusters, each clause has operations that never rotate out."""
    of_one = kept(operations.ALL, operations.CONNECTING)
    of_clusters = kept(cluster_operations.ALL)
    wanted = set(CLAUSES) - NOT_OF_THE_HARNESS.keys()
    assert (wanted - of_one, wanted - of_clusters) == (set(), set())
    assert of_one | of_clusters <= set(CLAUSES)


def named_clauses() -> set[str]:
    """The clauses in docstrings of tests, except those of the harness."""
    return {
        clause
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if not path.name.startswith("test_cancel_")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
        for clause in re.findall(r"\bG\d+\b", ast.get_docstring(node) or "")
    }


def test_every_clause_has_a_test_of_its_own() -> None:
    """Beside the harness, tests that always run name each clause."""
    assert set(CLAUSES) - named_clauses() == set()


def test_each_test_runs_on_each_loop_in_some_run() -> None:
    """Three successive seeds take three event loops, and one seed does not take one for all."""
    for test in ("a.py::test_one", "a.py::test_two"):
        assert {Rotation(seed).loop(test, LOOPS) for seed in SEEDS} == set(LOOPS)
    names = [f"a.py::test_{number}" for number in range(30)]
    assert {Rotation(7).loop(name, LOOPS) for name in names} == set(LOOPS)


def test_fewer_random_examples_with_one_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run for daily work takes a tenth of the random examples, at least one; others take all."""
    monkeypatch.delenv(ONE_LOOP, raising=False)
    assert (examples(200), examples(1)) == (200, 1)
    monkeypatch.setenv(ONE_LOOP, "1")
    assert (examples(200), examples(1)) == (20, 1)


def test_a_share_of_the_names_with_one_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three successive runs for daily work take each name once; others take all."""
    names = [f"name {n}" for n in range(10)]
    monkeypatch.delenv(ONE_LOOP, raising=False)
    assert share(names) == names
    monkeypatch.setenv(ONE_LOOP, "1")
    taken: list[str] = []
    for seed in SEEDS:
        monkeypatch.setenv(SEED, str(seed))
        taken += share(names)
    assert sorted(taken) == names
