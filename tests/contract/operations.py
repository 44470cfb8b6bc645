"""Operations for the harness, and the data that each may leave on the server."""

from __future__ import annotations

import contextlib

import anyio

from anyredis import ConnectionError, Redis
from tests.contract.exclusive_operations import EXCLUSIVE
from tests.contract.harness import Operation, echo, own_answers
from tests.contract.server_harness import ServerBench
from tests.contract.steps import Ended

PIECES = [b"%04d" % number + b"x" * 8188 for number in range(40)]
"""Values of 8 KiB: 320 KiB together, more than a connection sends at once."""


# -- one command ------------------------------------------------------------------------------


async def _acquire(bench: ServerBench) -> None:
    async with bench.pool.acquire() as connection:
        await echo(connection)


async def _get(bench: ServerBench) -> None:
    assert await bench.client.get("missing") is None


async def _echo(bench: ServerBench) -> None:
    await own_answers(bench.client, 2)


async def _set(bench: ServerBench) -> None:
    assert await bench.client.set("k", "v") is True


def _set_or_not(bench: ServerBench, ended: Ended) -> None:
    stored = bench.control.ask("GET", "k")
    assert stored == "v" if ended.completed else stored in ("v", None)


async def _incr(bench: ServerBench) -> None:
    assert await bench.client.incr("n") == 1


def _at_most_once(bench: ServerBench, ended: Ended) -> None:
    times = bench.control.ask("GET", "n")
    assert times == "1" if ended.completed else times in ("1", None)


async def _cancelled_before_start(bench: ServerBench) -> None:
    """A write that is cancelled before it is written: none of it may arrive (G2)."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bench.client.incr("n")
    assert scope.cancelled_caught


def _never(bench: ServerBench, ended: Ended) -> None:
    assert bench.control.ask("GET", "n") is None


# -- blocking ---------------------------------------------------------------------------------


async def _blpop_nothing(bench: ServerBench) -> None:
    assert await bench.client.blpop("list", timeout=0.01) is None


async def _blpop_something(bench: ServerBench) -> None:
    assert await bench.client.blpop("list", timeout=5) == (b"list", b"element")


def _push_once_it_blocks(bench: ServerBench) -> None:
    if not bench.pushed and any(
        c.wire.inflight for c in bench.pool.endpoint.server.allocator.exclusive
    ):
        bench.pushed = True
        bench.control.ask("RPUSH", "list", "element")


def _popped_once(bench: ServerBench, ended: Ended) -> None:
    # A cancelled pop may take the element with it (G4), or leave it.
    left = bench.control.ask("LRANGE", "list", 0, -1)
    assert left == [] if ended.completed else left in ([], ["element"])


# -- several commands -------------------------------------------------------------------------


async def _pipeline(bench: ServerBench) -> None:
    async with bench.client.pipeline(transaction=False) as pipe:
        results = [pipe.incr("a"), pipe.incr("b"), pipe.incr("a")]
    assert [result.value for result in results] == [1, 1, 2]


async def _transaction(bench: ServerBench) -> None:
    async with bench.client.pipeline() as pipe:
        results = [pipe.incr("a"), pipe.incr("b"), pipe.incr("a")]
    assert [result.value for result in results] == [1, 1, 2]


def _in_order(bench: ServerBench, ended: Ended) -> None:
    found = tuple(bench.control.ask("MGET", "a", "b"))
    assert found == ("2", "1") if ended.completed else found in _BEGUN


_BEGUN = ((None, None), ("1", None), ("1", "1"), ("2", "1"))


def _all_or_nothing(bench: ServerBench, ended: Ended) -> None:
    found = tuple(bench.control.ask("MGET", "a", "b"))
    assert found == ("2", "1") if ended.completed else found in (_BEGUN[0], _BEGUN[-1])


async def _large(bench: ServerBench, *, transaction: bool) -> None:
    async with bench.client.pipeline(transaction=transaction) as pipe:
        for piece in PIECES:
            pipe.rpush("list", piece)


async def _large_pipeline(bench: ServerBench) -> None:
    await _large(bench, transaction=False)


async def _large_transaction(bench: ServerBench) -> None:
    await _large(bench, transaction=True)


def _first_chunks_in_order(bench: ServerBench, ended: Ended) -> None:
    found = [piece.encode() for piece in bench.control.ask("LRANGE", "list", 0, -1)]
    assert found == PIECES[: len(found)], [piece[:6] for piece in found]
    assert not ended.completed or len(found) == len(PIECES)


def _whole_or_nothing(bench: ServerBench, ended: Ended) -> None:
    _first_chunks_in_order(bench, ended)
    assert bench.control.ask("LLEN", "list") in (0, len(PIECES))


# -- sessions ---------------------------------------------------------------------------------


async def _session(bench: ServerBench) -> None:
    async with bench.client.session() as session:
        await session.watch("a")
        assert await session.get("a") is None
        async with session.pipeline() as pipe:
            pipe.incr("a")
            pipe.incr("b")
            pipe.incr("a")


async def _session_with_changes(bench: ServerBench) -> None:
    async with bench.client.session() as session:
        await session.select(1)
        await session.client_setname("mine")
        await session.watch("a")


async def _shared_session(bench: ServerBench) -> None:
    async with bench.client.session() as session, anyio.create_task_group() as tasks:

        async def transact() -> None:
            async with session.pipeline() as pipe:
                for piece in PIECES:
                    pipe.rpush("list", piece)

        tasks.start_soon(echo, session.connection)
        tasks.start_soon(transact)
        tasks.start_soon(echo, session.connection)
        await echo(session.connection)


# -- scopes -----------------------------------------------------------------------------------


async def _enter_use_leave(bench: ServerBench) -> None:
    async with bench.client as client:
        await own_answers(client, 1)


async def _leave_at_once(bench: ServerBench) -> None:
    async with bench.client:
        pass


async def _leave_busy(bench: ServerBench) -> None:
    async def work(client: Redis[bytes]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # the client was closed
            await own_answers(client, 1)

    async with anyio.create_task_group() as tasks, bench.client as client:
        async with bench.pool.acquire() as connection:
            tasks.start_soon(work, client)
            await connection.execute_command("PING")
        await client.ping()
        tasks.cancel_scope.cancel()


async def _share_pool(bench: ServerBench) -> None:
    async with Redis(connection_pool=bench.pool) as other:
        await own_answers(other, 1)


async def _hold_beside_others(bench: ServerBench) -> None:
    async def hold() -> None:
        async with bench.client:
            await own_answers(bench.client, 1)

    async with anyio.create_task_group() as tasks, bench.pool:
        tasks.start_soon(hold)
        await own_answers(Redis(connection_pool=bench.pool), 1)


# -- connections ------------------------------------------------------------------------------


async def _dial(bench: ServerBench) -> None:
    connection = bench.pool._construct()
    await connection.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.serve)
        await echo(connection)
        connection.close("done")


ALL = [
    Operation("acquire", _acquire),
    Operation("acquire, connected", _acquire, warm=True, always=("G5",)),
    Operation("acquire, in line", _acquire, bystanders=(1, 2), always=("G7",)),
    Operation("get", _get),
    Operation("get, connected", _get, warm=True),
    Operation("echo beside others", _echo, warm=True, bystanders=(1, 2), always=("G1", "G12")),
    Operation("set", _set, _set_or_not, warm=True),
    Operation("incr", _incr, _at_most_once),
    Operation("incr, connected", _incr, _at_most_once, warm=True, always=("G3", "G11")),
    Operation(
        "cancelled before it is written",
        _cancelled_before_start,
        _never,
        warm=True,
        losable=False,
        always=("G2",),
    ),
    Operation("blpop of nothing", _blpop_nothing),
    Operation("blpop of nothing, connected", _blpop_nothing, warm=True, bystanders=(1, 1)),
    Operation("blpop", _blpop_something, _popped_once, during=_push_once_it_blocks, always=("G4",)),
    Operation("pipeline", _pipeline, _in_order, warm=True),
    Operation("transaction", _transaction, _all_or_nothing),
    Operation(
        "transaction, connected", _transaction, _all_or_nothing, warm=True, bystanders=(1, 2)
    ),
    Operation("large pipeline", _large_pipeline, _first_chunks_in_order),
    Operation("large transaction", _large_transaction, _whole_or_nothing, warm=True),
    Operation("session", _session, _all_or_nothing),
    Operation(
        "session, marked", _session_with_changes, warm=True, bystanders=(1, 1), always=("G9",)
    ),
    Operation(
        "session of several tasks",
        _shared_session,
        _whole_or_nothing,
        losable=False,
        always=("G1", "G9"),
    ),
    *EXCLUSIVE,
    Operation("enter, use and leave", _enter_use_leave, around=True, always=("G8",)),
    Operation("enter and leave", _leave_at_once, around=True, always=("G14",)),
    Operation("leave while busy", _leave_busy, around=True, losable=False),
    Operation("enter and leave a pool of others", _share_pool),
    Operation("hold a pool beside others", _hold_beside_others, around=True, losable=False),
]

CONNECTING = [
    Operation("dial", _dial, around=True, always=("G6",)),
    Operation("first command", _get),
    Operation("enter, connect and leave", _enter_use_leave, around=True),
]
