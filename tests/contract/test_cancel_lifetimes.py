"""Entering and leaving, cancelled at every scheduling point, by several holders in every order."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeAlias

import anyio
import pytest

from anyredis import ConnectionPool, Redis
from anyredis.testing import FakeServer
from tests.contract.harness import own_answers, running_tasks
from tests.contract.rotation import TALLY, Rotation
from tests.contract.steps import Kind, Steps, counting, kinds, loop_name

Holders: TypeAlias = Callable[[ConnectionPool, bool], Awaitable[object]]
Beside: TypeAlias = Callable[[ConnectionPool], AbstractAsyncContextManager[None]]

ORDERS = [*itertools.permutations(range(3))]


async def hold(pool: ConnectionPool, use: bool, entered: anyio.Event, may_go: anyio.Event) -> None:
    """A block that holds *pool* until it may go."""
    async with Redis(connection_pool=pool) as client:
        entered.set()
        if use:
            await own_answers(client, 1)
        await may_go.wait()


async def three(pool: ConnectionPool, use: bool, order: tuple[int, ...]) -> None:
    """Three blocks enter one after another, and leave in this *order*."""
    async with anyio.create_task_group() as tasks:
        may_go = [anyio.Event() for _ in order]
        for event in may_go:
            entered = anyio.Event()
            tasks.start_soon(hold, pool, use, entered, event)
            await entered.wait()
        for number in order:
            may_go[number].set()


async def one(pool: ConnectionPool, use: bool) -> None:
    """One block, first and last."""
    async with Redis(connection_pool=pool) as client:
        if use:
            await own_answers(client, 1)


async def opened_and_closed(pool: ConnectionPool, use: bool) -> None:
    """The same with calls; a task that is cancelled while it opens the pool holds nothing."""
    client = await Redis(connection_pool=pool).open()
    try:
        if use:
            await own_answers(client, 1)
    finally:
        await client.aclose()


OPERATIONS: dict[str, Holders] = {
    "one": one,
    "open and aclose": opened_and_closed,
    **{f"three leave in order {order}": partial(three, order=order) for order in ORDERS},
}


@asynccontextmanager
async def alone(pool: ConnectionPool) -> AsyncGenerator[None]:
    """No other block holds *pool*."""
    yield


@asynccontextmanager
async def beside_another(pool: ConnectionPool) -> AsyncGenerator[None]:
    """Another block entered first, and works on afterwards (G12)."""
    async with Redis(connection_pool=pool) as client:
        yield
        await own_answers(client, 1)


@asynccontextmanager
async def as_the_last(pool: ConnectionPool) -> AsyncGenerator[None]:
    """Another block entered first, and leaves at once in a separate task."""
    async with anyio.create_task_group() as tasks:
        entered, may_go = anyio.Event(), anyio.Event()
        tasks.start_soon(hold, pool, False, entered, may_go)
        await entered.wait()
        may_go.set()
        yield


@asynccontextmanager
async def in_a_group_of_the_users(pool: ConnectionPool) -> AsyncGenerator[None]:
    """The pool's tasks are children of a group, which they never end."""
    async with anyio.create_task_group() as tasks:
        pool.scope._task_group = tasks
        yield
        assert not tasks.cancel_scope.cancel_called
    pool.scope._task_group = None


BESIDE: list[Beside] = [alone, beside_another, as_the_last, in_a_group_of_the_users]


@pytest.mark.parametrize("use", [False, True], ids=["idle", "used"])
@pytest.mark.parametrize("beside", BESIDE, ids=["alone", "beside", "as_the_last", "in_a_group"])
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_entering_and_leaving_cancelled_everywhere(
    operation: str, beside: Beside, use: bool
) -> None:
    """At any step of a cancellation, others go on, and the last block leaves nothing (G8).

    The operations with a single holder never rotate out.
    """
    holders = OPERATIONS[operation]
    every = operation in ("one", "open and aclose")
    name = f"{operation} {beside.__name__} {use}"
    rotation = Rotation.of_this_run()
    ways: Sequence[Kind] = kinds()
    if loop_name() == "uvloop":
        ways = rotation.kinds(name, ways)
    with counting() as steps:
        for kind in ways:
            for at in rotation.steps(f"{name} {kind}", every=every):
                assert at < 2000, "it does not end"
                TALLY.cases += 1
                if not await one_case(steps, holders, beside, kind, at, use):
                    break
    TALLY.operations.add("hold a pool")


async def one_case(
    steps: Steps,
    holders: Holders,
    beside: Beside,
    kind: Kind,
    at: int,
    use: bool,
) -> bool:
    """Cancel *holders* after *at* steps; whether they took that many."""
    server = FakeServer()
    pool = server.pool()
    before = running_tasks()
    with anyio.fail_after(8):
        async with beside(pool):
            ended = await steps.run(partial(holders, pool, use), kind, at)
        case = f"{kind} after {at} steps"
        assert not pool.scope.entered, case
        assert server.peers == [], case
        assert running_tasks() == before, case
        await one(pool, use=True)
        assert (server.peers, running_tasks()) == ([], before), case
    return ended.reached
