"""Operations on a cluster for the harness, and the data that each may leave on the servers."""

from __future__ import annotations

import contextlib
from typing import Final

import anyio
import anyio.lowlevel

from anyredis import ConnectionError, RedisCluster
from anyredis.exceptions import ClusterDownError
from anyredis.pool.lease import exclusive_connection
from tests.contract.cluster_batches import BATCHES, REAL_BATCHES
from tests.contract.cluster_harness import (
    BESIDE,
    EVERYWHERE,
    NUMBER,
    ClusterBench,
    FakeBench,
    after,
)
from tests.contract.exclusive_operations import EXCLUSIVE_IN_CLUSTERS, REAL_EXCLUSIVE
from tests.contract.harness import Operation, echo
from tests.contract.resettable_cluster import PRIMARIES, TRY_AGAIN, key_on
from tests.contract.steps import Ended

CLUSTER_DOWN: Final = ClusterDownError("CLUSTERDOWN The cluster is down")


# -- one command ------------------------------------------------------------------------------


async def _get(bench: ClusterBench) -> None:
    assert await bench.client.get(NUMBER) is None


async def _incr(bench: ClusterBench) -> None:
    assert await bench.client.incr(NUMBER) == 1


async def _get_of_each(bench: ClusterBench) -> None:
    for key in EVERYWHERE:
        assert await bench.client.get(key) is None


async def _by_node(bench: ClusterBench) -> None:
    sizes = await bench.client.dbsize_by_node()
    assert [*sizes] == [node.address for node in bench.client.nodes()]


async def _on_each_node(bench: ClusterBench) -> None:
    answers = await bench.client.on_each_node(lambda node: node.echo(node.address), "primaries")
    assert answers == {address: address.encode() for address in answers}


async def _own_answers(bench: ClusterBench) -> None:
    await bench.own_answers(PRIMARIES)


def _at_most_once(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 1 if ended.completed else times in (0, 1)


async def _cancelled_before_start(bench: ClusterBench) -> None:
    """A write that is cancelled before it is written: none of it may arrive (G2)."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bench.client.incr(NUMBER)
    assert scope.cancelled_caught


def _never(bench: ClusterBench, ended: Ended) -> None:
    assert bench.total(NUMBER) == 0


# -- redirected and refused -------------------------------------------------------------------


def _moved(bench: FakeBench) -> None:
    bench.fake.move(NUMBER, bench.fake.primaries[1])


def _moved_to_unassigned(bench: FakeBench) -> None:
    bench.fake.move(NUMBER, bench.fake.unassigned)


def _asked(bench: FakeBench) -> None:
    bench.fake.migrate(NUMBER, bench.fake.primaries[1])


def _asked_unassigned(bench: FakeBench) -> None:
    bench.fake.migrate(NUMBER, bench.fake.unassigned)


async def _incr_refused(bench: FakeBench) -> None:
    bench.fake.refuse(0, "INCR", TRY_AGAIN, 2)
    await _incr(bench)


async def _incr_while_down(bench: FakeBench) -> None:
    bench.fake.refuse(0, "INCR", CLUSTER_DOWN, 2)
    await _incr(bench)


async def _both_ways(bench: FakeBench) -> None:
    """One command is redirected from the first to the second primary, another the other way."""
    bench.fake.move(NUMBER, bench.fake.primaries[1])
    bench.fake.move(EVERYWHERE[1], bench.fake.primaries[0])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.client.get, EVERYWHERE[1])
        await _incr(bench)


async def _full_target(bench: FakeBench) -> None:
    """A caller that waits at the node of a redirect holds no lease of the first node."""
    bench.fake.move(NUMBER, bench.fake.primaries[1])
    source, target = bench.endpoints()[:2]
    async with anyio.create_task_group() as tasks, contextlib.AsyncExitStack() as full:
        for _ in range(target.limit.size):
            await full.enter_async_context(exclusive_connection(target))
        tasks.start_soon(_incr, bench)
        while not target.limit.waiting:
            await anyio.lowlevel.checkpoint()
        assert source.limit.acquired == 0, repr(bench.pool)
        await bench.client.get(key_on(0, tag=1))


# -- the slot map -------------------------------------------------------------------------------


async def _refresh(bench: ClusterBench) -> None:
    error = await bench.pool.topology.wait_refreshed()
    if error is not None:  # only a loss may do that, of the connections to all nodes that are asked
        raise error


async def _refreshes(bench: ClusterBench) -> None:
    """One refresh that several callers wait for."""
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(_refresh, bench)
        await _refresh(bench)


async def _leaves(bench: FakeBench, holders: int, waiters: int) -> None:
    """A node leaves while *holders* use it and *waiters* wait for it."""
    endpoint = bench.client.connection_pool.endpoint_at(bench.fake.unassigned.address)

    async def hold(ready: anyio.Event, until: anyio.Event) -> None:
        try:
            async with exclusive_connection(endpoint) as connection:
                ready.set()
                await until.wait()
                await echo(connection)
        finally:
            ready.set()

    async with anyio.create_task_group() as tasks:
        left = anyio.Event()
        for _ in range(holders):
            ready = anyio.Event()
            tasks.start_soon(hold, ready, left)
            await ready.wait()
        async with anyio.create_task_group() as waiting:
            for _ in range(waiters):
                waiting.start_soon(bench.client.incr, NUMBER)
            await anyio.lowlevel.checkpoint()
            bench.fake.move(NUMBER, bench.fake.primaries[1])
            await _refresh(bench)
        left.set()  # waiting callers go to another node, although no lease is released
    bench.fake.retire(bench.fake.unassigned)


async def _leaves_undialled(bench: FakeBench) -> None:
    await _leaves(bench, 0, 2)


async def _leaves_in_use(bench: FakeBench) -> None:
    await _leaves(bench, 1, 1)


async def _leaves_with_a_line(bench: FakeBench) -> None:
    await _leaves(bench, bench.target.capacity, 2)


def _at_most_twice(bench: ClusterBench, ended: Ended) -> None:
    times = bench.total(NUMBER)
    assert times == 2 if ended.completed else times in (0, 1, 2)


# -- reads ------------------------------------------------------------------------------------


async def _scan(bench: ClusterBench) -> None:
    assert [key async for key in bench.client.scan_iter(match="nothing")] == []


async def _get_while_one_fails(bench: FakeBench) -> None:
    bench.fake.cluster.fail(bench.fake.replicas[0])
    await _get(bench)


async def _get_in_failover(bench: FakeBench) -> None:
    bench.fake.fail_over(bench.fake.replicas[0])
    await _get(bench)


async def _get_after_failover(bench: FakeBench) -> None:
    """The old primary returns as a replica: its connections need READONLY from then on."""
    old = bench.fake.primaries[0]
    bench.fake.fail_over(bench.fake.replicas[0])
    bench.fake.cluster.revive(old)
    await _get(bench)
    await _refresh(bench)
    await _get_of_each(bench)


async def _get_after_handover(bench: FakeBench) -> None:
    """The same without a lost connection: those to the old primary never sent READONLY."""
    bench.fake.fail_over(bench.fake.replicas[0], crash=False)
    await _refresh(bench)
    await _get_of_each(bench)


# -- scopes -----------------------------------------------------------------------------------


async def _enter_use_leave(bench: ClusterBench) -> None:
    async with bench.client:
        await bench.own_answers(1)


async def _leave_at_once(bench: ClusterBench) -> None:
    async with bench.client:
        pass


async def _leave_busy(bench: ClusterBench) -> None:
    async def work() -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # the client was closed
            await bench.client.get(NUMBER)

    async with anyio.create_task_group() as tasks, bench.client:
        async with bench.acquire() as connection:
            tasks.start_soon(work)
            await echo(connection)
        await bench.client.get(NUMBER)
        tasks.cancel_scope.cancel()


async def _leave_while_refreshing(bench: FakeBench) -> None:
    async def wait() -> None:
        assert isinstance(await bench.pool.topology.wait_refreshed(), ConnectionError)

    try:
        async with anyio.create_task_group() as tasks, bench.client:
            bench.fake.do_not_answer_slots()
            tasks.start_soon(wait)
            nodes = bench.pool.topology.control._nodes
            while not any(
                connection.wire.inflight
                for node in nodes.values()
                for connection in node.connections()
            ):
                await anyio.lowlevel.checkpoint()
    finally:
        bench.fake.answer_normally()


async def _share_pool(bench: ClusterBench) -> None:
    async with RedisCluster(connection_pool=bench.pool) as other:
        assert await other.get(NUMBER) is None


REAL: Final[list[Operation[ClusterBench]]] = [
    Operation("get of each", _get_of_each, warm=True, bystanders=BESIDE),
    Operation("first incr", _incr, _at_most_once),
    Operation("incr, connected", _incr, _at_most_once, warm=True),
    Operation("a call on each node", _on_each_node),
    Operation("enter, use and leave", _enter_use_leave, around=True),
    *REAL_BATCHES,
    *REAL_EXCLUSIVE,
]
"""For a real cluster, whose topology does not change."""

ALL: Final[list[Operation[FakeBench]]] = [
    Operation("first get", _get),
    Operation("own answers beside others", _own_answers, warm=True, bystanders=BESIDE),
    Operation("get of each", _get_of_each, always=("G1", "G5", "G6", "G7")),
    Operation("a report of all nodes", _by_node),
    Operation("a call on each node", _on_each_node),
    Operation("a call on each node, connected", _on_each_node, warm=True),
    Operation("first incr", _incr, _at_most_once),
    Operation("incr, connected", _incr, _at_most_once, warm=True, always=("G3", "G11", "G12")),
    Operation(
        "cancelled before it is written",
        _cancelled_before_start,
        _never,
        warm=True,
        losable=False,
        always=("G2",),
    ),
    Operation("moved", after(_moved, _incr), _at_most_once),
    Operation(
        "moved beside others", after(_moved, _incr), _at_most_once, warm=True, bystanders=BESIDE
    ),
    Operation("moved to unknown", after(_moved_to_unassigned, _incr), _at_most_once, warm=True),
    Operation("asked", after(_asked, _incr), _at_most_once, bystanders=BESIDE),
    Operation("asked, connected", after(_asked, _incr), _at_most_once, warm=True),
    Operation("asked of unknown", after(_asked_unassigned, _incr), _at_most_once, warm=True),
    Operation("both ways", _both_ways, _at_most_once, warm=True),
    Operation("tryagain", _incr_refused, _at_most_once, warm=True),
    Operation("clusterdown", _incr_while_down, _at_most_once, warm=True),
    Operation("refresh", _refresh),
    Operation("refresh of several", _refreshes, warm=True, bystanders=BESIDE),
    Operation(
        "node leaves undialled", _leaves_undialled, _at_most_twice, prepare=_moved_to_unassigned
    ),
    Operation("node leaves in use", _leaves_in_use, _at_most_once, prepare=_moved_to_unassigned),
    Operation("scan", _scan, warm=True),
    Operation("enter, use and leave", _enter_use_leave, around=True),
    Operation("enter and leave", _leave_at_once, around=True, always=("G8", "G14")),
    Operation("leave while busy", _leave_busy, around=True, losable=False),
    Operation("leave while refreshing", _leave_while_refreshing, around=True, losable=False),
    Operation("enter and leave a pool of others", _share_pool, losable=False),
    *BATCHES,
    *EXCLUSIVE_IN_CLUSTERS,
]

WAITING: Final[list[Operation[FakeBench]]] = [
    Operation("moved to a full node", _full_target, _at_most_once, warm=True, losable=False),
    Operation(
        "node leaves with a line", _leaves_with_a_line, _at_most_twice, prepare=_moved_to_unassigned
    ),
]
"""For pools with a waiting limit for each node."""

REPLICAS: Final[list[Operation[FakeBench]]] = [
    Operation("first get", _get),
    Operation("own answers beside others", _own_answers, warm=True, bystanders=BESIDE),
    Operation("get moved", after(_moved, _get), warm=True),
    Operation("get while a replica fails", _get_while_one_fails, warm=True),
    Operation("get in a failover", _get_in_failover, warm=True),
    Operation("get after a failover", _get_after_failover, warm=True),
    Operation("get after a handover", _get_after_handover, warm=True),
    Operation("enter, use and leave", _enter_use_leave, around=True),
]
"""For clients that read from replicas."""
