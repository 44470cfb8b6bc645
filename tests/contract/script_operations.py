"""Operations with scripts and functions for the harness: servers lack them at first, or have them."""

from __future__ import annotations

from typing import Final

from anyredis import Script
from tests.client.scripted import ADD, LIBRARY, LOOK, teach
from tests.client.test_libraries import Sums
from tests.contract.cluster_harness import (
    BESIDE,
    EVERYWHERE,
    NUMBER,
    ClusterBench,
    FakeBench,
)
from tests.contract.harness import Operation
from tests.contract.resettable_cluster import PRIMARIES
from tests.contract.server_harness import FakeServerBench, ServerBench
from tests.contract.steps import Ended

ADDING: Final = Script(ADD)
LOOKING: Final = Script(LOOK, read_only=True)
SUMS: Final = Sums()


# -- one server -------------------------------------------------------------------------------


def _nothing_loaded(bench: ServerBench) -> None:
    if isinstance(bench, FakeServerBench):
        teach(bench.server)
    bench.control.ask("SCRIPT", "FLUSH")
    bench.control.ask("FUNCTION", "FLUSH")


def _all_loaded(bench: ServerBench) -> None:
    _nothing_loaded(bench)
    bench.control.ask("SCRIPT", "LOAD", ADD)
    bench.control.ask("FUNCTION", "LOAD", LIBRARY)


async def _script(bench: ServerBench) -> None:
    assert await ADDING("n", 1, bench.client) == 1


async def _function(bench: ServerBench) -> None:
    assert await SUMS.add(bench.client, "n", 1) == 1


def _at_most_once(bench: ServerBench, ended: Ended) -> None:
    times = bench.control.ask("GET", "n")
    assert times == "1" if ended.completed else times in ("1", None)


async def _block(bench: ServerBench, *, transaction: bool) -> None:
    async with bench.client.pipeline(transaction) as pipe:
        results = [pipe.script(ADDING, "a", 1), pipe.incr("b"), pipe.script(ADDING, "a", 1)]
        looked = pipe.script(LOOKING, "b")
    assert [result.value for result in results] == [1, 1, 2]
    assert looked.value == b"1"


async def _pipeline(bench: ServerBench) -> None:
    await _block(bench, transaction=False)


async def _transaction(bench: ServerBench) -> None:
    await _block(bench, transaction=True)


async def _session(bench: ServerBench) -> None:
    async with bench.client.session() as session:
        assert await ADDING("a", 1, session) == 1
        async with session.pipeline() as pipe:
            results = [pipe.incr("b"), pipe.script(ADDING, "a", 1)]
    assert [result.value for result in results] == [1, 2]


def _in_order(bench: ServerBench, ended: Ended) -> None:
    found = tuple(bench.control.ask("MGET", "a", "b"))
    assert found == ("2", "1") if ended.completed else found in _BEGUN


def _all_or_nothing(bench: ServerBench, ended: Ended) -> None:
    found = tuple(bench.control.ask("MGET", "a", "b"))
    assert found == ("2", "1") if ended.completed else found in (_BEGUN[0], _BEGUN[-1])


_BEGUN = ((None, None), ("1", None), ("1", "1"), ("2", "1"))

SCRIPTS: Final[list[Operation[ServerBench]]] = [
    Operation("script", _script, _at_most_once, prepare=_nothing_loaded, always=("G11",)),
    Operation(
        "script, connected",
        _script,
        _at_most_once,
        prepare=_nothing_loaded,
        warm=True,
        bystanders=(1, 2),
    ),
    Operation("script, loaded", _script, _at_most_once, prepare=_all_loaded, warm=True),
    Operation("function", _function, _at_most_once, prepare=_nothing_loaded, warm=True),
    Operation("function, loaded", _function, _at_most_once, prepare=_all_loaded),
    Operation("scripts in a pipeline", _pipeline, _in_order, prepare=_nothing_loaded, warm=True),
    Operation("scripts in a transaction", _transaction, _all_or_nothing, prepare=_nothing_loaded),
    Operation("scripts in a session", _session, _in_order, prepare=_nothing_loaded, warm=True),
]
"""For clients of one server."""


# -- clusters ---------------------------------------------------------------------------------


def _no_node_has_it(bench: FakeBench) -> None:
    teach(bench.fake.cluster)
    for node in bench.fake.nodes:
        node.server.memory.scripts.loaded.clear()
        node.server.memory.scripts.libraries.clear()


def _moved(bench: FakeBench) -> None:
    _no_node_has_it(bench)
    bench.fake.move(NUMBER, bench.fake.primaries[1])


def _asked(bench: FakeBench) -> None:
    _no_node_has_it(bench)
    bench.fake.migrate(NUMBER, bench.fake.unassigned)


async def _add(bench: ClusterBench) -> None:
    assert await ADDING(NUMBER, 1, bench.client) == 1


async def _add_while_moved(bench: FakeBench) -> None:
    _moved(bench)
    await _add(bench)


async def _add_while_asked(bench: FakeBench) -> None:
    _asked(bench)
    await _add(bench)


async def _call(bench: ClusterBench) -> None:
    assert await SUMS.add(bench.client, NUMBER, 1) == 1


def _added_at_most_once(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 1 if ended.completed else times in (0, 1)


async def _add_everywhere(bench: FakeBench) -> None:
    bench.fake.move(EVERYWHERE[0], bench.fake.primaries[2])
    bench.fake.migrate(EVERYWHERE[1], bench.fake.unassigned)
    async with bench.client.pipeline() as pipe:
        first = [pipe.script(ADDING, key, 1) for key in EVERYWHERE]
        second = [pipe.script(ADDING, key, 1) for key in EVERYWHERE]
    assert [result.value for result in first] == [1] * PRIMARIES
    assert [result.value for result in second] == [2] * PRIMARIES


def _each_at_most_twice(bench: ClusterBench, ended: Ended) -> None:
    found = [bench.total(key) for key in EVERYWHERE]
    assert found == [2] * PRIMARIES if ended.completed else max(found) <= 2, found


async def _transact(bench: FakeBench) -> None:
    _asked(bench)
    async with bench.client.pipeline(transaction=True) as pipe:
        results = [pipe.script(ADDING, NUMBER, 1), pipe.incr(NUMBER)]
    assert [result.value for result in results] == [1, 2]


def _both_or_none(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 2 if ended.completed else times in (0, 2)


CLUSTER_SCRIPTS: Final[list[Operation[FakeBench]]] = [
    Operation("script", _add, _added_at_most_once, prepare=_no_node_has_it, bystanders=BESIDE),
    Operation("script moved", _add_while_moved, _added_at_most_once, warm=True, always=("G11",)),
    Operation("script asked", _add_while_asked, _added_at_most_once, warm=True),
    Operation("function", _call, _added_at_most_once, prepare=_no_node_has_it, warm=True),
    Operation(
        "scripts in a pipeline redirected",
        _add_everywhere,
        _each_at_most_twice,
        prepare=_no_node_has_it,
        warm=True,
    ),
    Operation("scripts in a transaction asked", _transact, _both_or_none, warm=True),
]
"""For a fake cluster."""
