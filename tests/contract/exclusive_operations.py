"""Operations on exclusive connections: transactions that watch keys, guarantees, monitors."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from anyredis import (
    Backoff,
    ConnectionError,
    DurabilityError,
    GuaranteeError,
    Monitor,
    MonitoredCommand,
    ReplicationError,
    Result,
    Transaction,
)
from tests.contract.cluster_harness import BESIDE, NUMBER, ClusterBench, FakeBench, after
from tests.contract.harness import Operation, fresh
from tests.contract.server_harness import ServerBench
from tests.contract.steps import Ended

AT_ONCE: Final = Backoff(base=0, cap=0)


async def _add_three(tx: Transaction[bytes]) -> list[Result[int]]:
    """Read, then increment `a` twice and `b` once."""
    assert await tx.get("a") is None
    async with tx.pipeline() as pipe:
        return [pipe.incr("a"), pipe.incr("b"), pipe.incr("a")]


def _values(results: list[Result[int]]) -> list[int]:
    return [result.value for result in results]


async def _until(monitor: Monitor[bytes], value: bytes) -> MonitoredCommand[bytes]:
    """The command with *value*."""
    async for command in monitor:
        if value in command.args:
            return command
    raise AssertionError


# -- one server -------------------------------------------------------------------------------


async def _watch(bench: ServerBench) -> None:
    async with bench.client.watch("a") as tx:
        results = await _add_three(tx)
    assert _values(results) == [1, 1, 2]


async def _watch_without_pipeline(bench: ServerBench) -> None:
    async with bench.client.watch("a") as tx:
        assert await tx.get("a") is None


async def _transact(bench: ServerBench) -> None:
    results = await bench.client.transaction(_add_three, "a", "b")
    assert _values(results) == [1, 1, 2]


async def _transact_twice(bench: ServerBench) -> None:
    """Another client changes a watched key during the first try."""
    tries = 0

    async def add(tx: Transaction[bytes]) -> list[Result[int]]:
        nonlocal tries
        tries += 1
        if tries == 1:
            bench.control.ask("SET", "watched", "theirs")
        return await _add_three(tx)

    results = await bench.client.transaction(add, "watched", backoff=AT_ONCE)
    assert _values(results) == [1, 1, 2]
    assert tries >= 2


async def _transact_raises(bench: ServerBench) -> None:
    async def fails(tx: Transaction[bytes]) -> None:
        await tx.get("a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await bench.client.transaction(fails, "a")


def _all_or_nothing(bench: ServerBench, ended: Ended) -> None:
    found = tuple(bench.control.ask("MGET", "a", "b"))
    assert found == ("2", "1") if ended.completed else found in ((None, None), ("2", "1"))


def _nothing(bench: ServerBench, ended: Ended) -> None:
    assert bench.control.ask("MGET", "a", "b") == [None, None]


async def _replicate(bench: ServerBench) -> None:
    """There is no replica: the write is executed, and the error says so."""
    async with bench.client.session(ensure_replication=1, timeout=1) as session:
        with pytest.raises(ReplicationError) as caught:
            await session.incr("n")
        assert caught.value.value == 1


async def _persist(bench: ServerBench) -> None:
    """No replica has an append-only file: the write is executed, and the error says so."""
    async with bench.client.session(ensure_persistence=(0, 1), timeout=1) as session:
        with pytest.raises(DurabilityError) as caught:
            await session.incr("n")
        assert caught.value.value == 1


@asynccontextmanager
async def _unknown_after_a_loss() -> AsyncGenerator[None]:
    """A guarantee may be unknown because the connection was lost; the write was executed then."""
    try:
        yield
    except DurabilityError as error:
        if error.value == 1 and isinstance(error.__cause__, ConnectionError):
            raise error.__cause__ from None
        raise


async def _persist_here(bench: ServerBench) -> None:
    """The server in memory says that its own file has each write."""
    async with (
        _unknown_after_a_loss(),
        bench.client.session(ensure_persistence=(1, 0), timeout=1000) as session,
    ):
        assert await session.incr("n") == 1


async def _persist_a_pipeline(bench: ServerBench) -> None:
    """The guarantee of a pipeline, which fails for both reasons in turn."""
    async with bench.client.session(
        ensure_replication=1, ensure_persistence=(0, 1), timeout=1
    ) as session:
        pipe = session.pipeline()
        results = [pipe.incr("a"), pipe.incr("b"), pipe.incr("a")]
        with pytest.raises(ReplicationError):
            await pipe.execute()
        assert _values(results) == [1, 1, 2]


def _at_most_once(bench: ServerBench, ended: Ended) -> None:
    times = bench.control.ask("GET", "n")
    assert times == "1" if ended.completed else times in ("1", None)


async def _monitor(bench: ServerBench) -> None:
    value = fresh()
    async with bench.client.monitor() as commands:
        await bench.client.echo(value)
        assert (await _until(commands, value)).args == (b"ECHO", value)


EXCLUSIVE: Final[list[Operation[ServerBench]]] = [
    Operation("watch", _watch, _all_or_nothing, bystanders=(1, 1), always=("G9",)),
    Operation("watch without a pipeline", _watch_without_pipeline, _nothing, warm=True),
    Operation("transaction function", _transact, _all_or_nothing, always=("G5", "G11")),
    Operation("transaction function, changed", _transact_twice, _all_or_nothing, warm=True),
    Operation("transaction function, raising", _transact_raises, _nothing),
    Operation("ensured replication", _replicate, _at_most_once),
    Operation("ensured persistence", _persist, _at_most_once, warm=True),
    Operation("ensured pipeline", _persist_a_pipeline, _all_or_nothing, bystanders=(1, 1)),
    Operation("monitor", _monitor, warm=True, always=("G8",)),
]
"""For the client of one server."""

EXCLUSIVE_IN_MEMORY: Final[list[Operation[ServerBench]]] = [
    Operation("ensured persistence here", _persist_here, _at_most_once, always=("G11",)),
]
"""For the client of a server in memory, which says that it has an append-only file."""


# -- clusters ---------------------------------------------------------------------------------


async def _add_two(tx: Transaction[bytes]) -> list[Result[int]]:
    """Read, then increment twice."""
    assert await tx.get(NUMBER) is None
    async with tx.pipeline() as pipe:
        return [pipe.incr(NUMBER), pipe.incr(NUMBER)]


async def _watch_in_cluster(bench: ClusterBench) -> None:
    async with bench.client.watch(NUMBER) as tx:
        results = await _add_two(tx)
    assert _values(results) == [1, 2]


async def _transact_in_cluster(bench: ClusterBench) -> None:
    results = await bench.client.transaction(_add_two, NUMBER)
    assert _values(results) == [1, 2]


def _moved(bench: FakeBench) -> None:
    bench.fake.move(NUMBER, bench.fake.primaries[1])


async def _transact_while_it_moves(bench: FakeBench) -> None:
    """The slot moves during the first try."""

    async def add(tx: Transaction[bytes]) -> list[Result[int]]:
        assert await tx.get(NUMBER) is None
        _moved(bench)
        async with tx.pipeline() as pipe:
            return [pipe.incr(NUMBER), pipe.incr(NUMBER)]

    results = await bench.client.transaction(add, NUMBER, backoff=AT_ONCE)
    assert _values(results) == [1, 2]


def _both_or_none(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 2 if ended.completed else times in (0, 2)


async def _replicate_in_cluster(bench: ClusterBench) -> None:
    """There are not so many replicas: the write is executed, and the error says so."""
    async with bench.client.session(NUMBER, ensure_replication=5, timeout=1) as session:
        with pytest.raises(GuaranteeError) as caught:
            await session.incr(NUMBER)
        assert caught.value.value == 1


async def _persist_in_cluster(bench: ClusterBench) -> None:
    """Not so many replicas have a file: the write is executed, and the error says so."""
    async with bench.client.session(NUMBER, ensure_persistence=(0, 5), timeout=1) as session:
        with pytest.raises(GuaranteeError) as caught:
            await session.incr(NUMBER)
        assert caught.value.value == 1


async def _persist_here_in_cluster(bench: FakeBench) -> None:
    """Each node in memory says that its own file has each write."""
    async with (
        _unknown_after_a_loss(),
        bench.client.session(NUMBER, ensure_persistence=(1, 0), timeout=1000) as session,
    ):
        assert await session.incr(NUMBER) == 1


def _once_at_most(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 1 if ended.completed else times in (0, 1)


async def _monitor_a_node(bench: ClusterBench) -> None:
    value = fresh()
    node = bench.client.node_for(NUMBER)
    async with node.monitor() as commands:
        await node.echo(value)
        assert (await _until(commands, value)).args == (b"ECHO", value)


REAL_EXCLUSIVE: Final[list[Operation[ClusterBench]]] = [
    Operation("transaction function", _transact_in_cluster, _both_or_none, warm=True),
    Operation("ensured replication", _replicate_in_cluster, _once_at_most, warm=True),
    Operation("ensured persistence", _persist_in_cluster, _once_at_most, warm=True),
]
"""For a real cluster."""

EXCLUSIVE_IN_CLUSTERS: Final[list[Operation[FakeBench]]] = [
    Operation("watch", _watch_in_cluster, _both_or_none, warm=True),
    Operation("transaction function", _transact_in_cluster, _both_or_none, always=("G11",)),
    Operation(
        "transaction function, moved",
        after(_moved, _transact_in_cluster),
        _both_or_none,
        warm=True,
        bystanders=BESIDE,
    ),
    Operation("transaction function, moving", _transact_while_it_moves, _both_or_none, warm=True),
    Operation("ensured replication", _replicate_in_cluster, _once_at_most, warm=True),
    Operation("ensured persistence", _persist_in_cluster, _once_at_most, warm=True),
    Operation("ensured persistence here", _persist_here_in_cluster, _once_at_most),
    Operation("monitor of a node", _monitor_a_node, warm=True),
]
"""For a cluster in memory."""
