"""Operations of several commands, and operations on exclusive connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.contract.cluster_harness import (
    BESIDE,
    EVERYWHERE,
    LIST,
    NUMBER,
    ClusterBench,
    FakeBench,
    after,
)
from tests.contract.harness import Operation
from tests.contract.resettable_cluster import PRIMARIES, TRY_AGAIN
from tests.contract.steps import Ended

PIECES: Final = [b"%04d" % number + b"x" * 32764 for number in range(10)]
"""Values of 32 KiB: 320 KiB together, more than a connection sends at once."""


def _moved(bench: FakeBench) -> None:
    bench.fake.move(NUMBER, bench.fake.primaries[1])


def _asked_unassigned(bench: FakeBench) -> None:
    bench.fake.migrate(NUMBER, bench.fake.unassigned)


# -- several nodes ----------------------------------------------------------------------------


async def _mget(bench: ClusterBench) -> None:
    assert await bench.client.mget(*EVERYWHERE) == [None] * PRIMARIES


async def _mset(bench: ClusterBench) -> None:
    assert await bench.client.mset(dict.fromkeys(EVERYWHERE, b"1")) is True


async def _mset_redirected(bench: FakeBench) -> None:
    bench.fake.move(EVERYWHERE[0], bench.fake.primaries[2])
    bench.fake.migrate(EVERYWHERE[1], bench.fake.unassigned)
    await _mset(bench)


def _all_set(bench: ClusterBench, ended: Ended) -> None:
    found = [bench.total(key) for key in EVERYWHERE]
    assert found == [1] * PRIMARIES if ended.completed else set(found) <= {0, 1}


async def _delete(bench: ClusterBench) -> None:
    assert await bench.client.delete(*EVERYWHERE) == 0


async def _dbsize(bench: ClusterBench) -> None:
    assert await bench.client.dbsize() >= 0


async def _flushall(bench: ClusterBench) -> None:
    assert await bench.client.flushall() is True


async def _pipeline(bench: ClusterBench) -> None:
    async with bench.client.pipeline() as pipe:
        first = [pipe.incr(key) for key in EVERYWHERE]
        second = [pipe.incr(key) for key in EVERYWHERE]
    assert [result.value for result in first] == [1] * PRIMARIES
    assert [result.value for result in second] == [2] * PRIMARIES


async def _pipeline_redirected(bench: FakeBench) -> None:
    bench.fake.move(EVERYWHERE[0], bench.fake.primaries[2])
    bench.fake.migrate(EVERYWHERE[1], bench.fake.unassigned)
    bench.fake.refuse(2, "INCR", TRY_AGAIN, 1)
    async with bench.client.pipeline() as pipe:
        results = [pipe.incr(key) for key in EVERYWHERE] + [pipe.dbsize()]
    assert [result.value for result in results[:-1]] == [1] * PRIMARIES


def _each_at_most(times: int) -> Callable[[ClusterBench, Ended], None]:
    def check(bench: ClusterBench, ended: Ended) -> None:
        found = [bench.total(key) for key in EVERYWHERE]
        assert found == [times] * PRIMARIES if ended.completed else max(found) <= times, found

    return check


async def _large_pipeline(bench: ClusterBench) -> None:
    async with bench.client.pipeline() as pipe:
        for key in EVERYWHERE[1:]:
            pipe.incr(key)
        for piece in PIECES:
            pipe.rpush(LIST, piece)


async def _large_pipeline_moved(bench: FakeBench) -> None:
    bench.fake.move(LIST, bench.fake.primaries[1])
    await _large_pipeline(bench)


def _first_chunks_in_order(bench: ClusterBench, ended: Ended) -> None:
    found = bench.items(LIST)
    assert found == PIECES[: len(found)], [piece[:6] for piece in found]
    assert not ended.completed or len(found) == len(PIECES)
    assert max(bench.total(key) for key in EVERYWHERE[1:]) <= 1


# -- transactions, sessions, blocking ---------------------------------------------------------


async def _transaction(bench: ClusterBench) -> None:
    async with bench.client.pipeline(transaction=True) as pipe:
        results = [pipe.incr(NUMBER) for _ in range(2)]
    assert [result.value for result in results] == [1, 2]


def _all_or_nothing(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 2 if ended.completed else times in (0, 2)


async def _session(bench: ClusterBench) -> None:
    async with bench.client.session(NUMBER) as session:
        await session.watch(NUMBER)
        assert await session.get(NUMBER) is None
        async with session.pipeline() as pipe:
            pipe.incr(NUMBER)
            pipe.incr(NUMBER)


async def _session_with_changes(bench: ClusterBench) -> None:
    async with bench.client.session(NUMBER) as session:
        await session.client_setname("mine")
        await session.readonly()
        await session.watch(NUMBER)


async def _blpop(bench: FakeBench) -> None:
    assert await bench.client.blpop(LIST, timeout=5) == (LIST, b"1")


async def _blpop_moved(bench: FakeBench) -> None:
    bench.fake.move(LIST, bench.fake.primaries[1])
    await _blpop(bench)


async def _blpop_asked(bench: FakeBench) -> None:
    bench.fake.migrate(LIST, bench.fake.primaries[1])
    await _blpop(bench)


async def _blpop_nothing(bench: FakeBench) -> None:
    assert await bench.client.blpop(LIST, timeout=5) is None


def _push(bench: FakeBench) -> None:
    bench.fake.wake(b"1")


def _time_is_over(bench: FakeBench) -> None:
    bench.fake.wake(None)


def _popped(bench: ClusterBench, ended: Ended) -> None:
    # A cancelled pop may take the element with it (G4), or leave it.
    left = bench.items(LIST)
    assert left == [] if ended.completed else left in ([], [b"1"])


async def _blpop_of_real(bench: ClusterBench) -> None:
    assert await bench.client.blpop(LIST, timeout=0.01) is None


REAL_BATCHES: Final[list[Operation[ClusterBench]]] = [
    Operation("mset", _mset, _all_set),
    Operation("pipeline", _pipeline, _each_at_most(2), warm=True),
    Operation("transaction", _transaction, _all_or_nothing),
    Operation("session", _session, _all_or_nothing, warm=True, bystanders=BESIDE),
    Operation("blpop of nothing", _blpop_of_real),
]
"""For a real cluster, whose topology stays as it is."""

BATCHES: Final[list[Operation[FakeBench]]] = [
    Operation("mget", _mget, warm=True, bystanders=BESIDE),
    Operation("mset", _mset, _all_set),
    Operation("mset redirected", _mset_redirected, _all_set, warm=True),
    Operation("delete", _delete, warm=True),
    Operation("dbsize", _dbsize, warm=True),
    Operation("flushall", _flushall),
    Operation("pipeline", _pipeline, _each_at_most(2)),
    Operation("pipeline beside others", _pipeline, _each_at_most(2), warm=True, bystanders=BESIDE),
    Operation("pipeline redirected", _pipeline_redirected, _each_at_most(1), warm=True),
    Operation("large pipeline", _large_pipeline, _first_chunks_in_order, warm=True),
    Operation("large pipeline moved", _large_pipeline_moved, _first_chunks_in_order),
    Operation("transaction", _transaction, _all_or_nothing, warm=True, bystanders=BESIDE),
    Operation("transaction moved", after(_moved, _transaction), _all_or_nothing, warm=True),
    Operation("transaction asked", after(_asked_unassigned, _transaction), _all_or_nothing),
    Operation("session", _session, _all_or_nothing, warm=True, bystanders=BESIDE),
    Operation("session, marked", _session_with_changes, warm=True, always=("G9",)),
    Operation("blpop", _blpop, _popped, warm=True, during=_push, bystanders=(0, 1)),
    Operation("blpop of nothing", _blpop_nothing, during=_time_is_over),
    Operation("blpop moved", _blpop_moved, _popped, warm=True, during=_push, always=("G4",)),
    Operation("blpop asked", _blpop_asked, _popped, warm=True, during=_push),
]
