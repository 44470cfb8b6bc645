"""Tests of `anyredis.pool.limit`: one lease too many raises, or waits in turn."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis.exceptions import DataError, MaxConnectionsError, PoolTimeoutError
from anyredis.pool.limit import StrictLimit, WaitingLimit, check_capacity
from tests.blocked_tasks import all_tasks_blocked


async def test_one_too_many_raises() -> None:
    """A strict limit raises at once; after a release a lease can be acquired again."""
    limit = StrictLimit(2)
    await limit.acquire()
    await limit.acquire()
    with pytest.raises(MaxConnectionsError, match="all 2 connections are in use: raise max_conn"):
        await limit.acquire()
    assert not limit.acquire_nowait()
    assert (limit.acquired, limit.waiting) == (2, 0)
    limit.release()
    assert limit.acquire_nowait()


async def test_one_too_many_waits() -> None:
    """G7: a waiting limit admits callers in the order in which they came."""
    limit = WaitingLimit(2)
    admitted: list[int] = []

    async def work(number: int) -> None:
        await limit.acquire()
        admitted.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(work, number)
            await all_tasks_blocked()
        assert admitted == [0, 1]
        assert (limit.acquired, limit.waiting) == (2, 4)
        for count in range(3, 7):
            limit.release()
            await all_tasks_blocked()
            assert admitted == list(range(count))
    assert limit.acquired == 2


async def test_a_later_caller_does_not_overtake() -> None:
    """G7: a released lease goes to the first waiting caller, not to a new one."""
    limit = WaitingLimit(1)
    assert limit.acquire_nowait()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(limit.acquire)
        await all_tasks_blocked()
        limit.release()
        assert not limit.acquire_nowait()
    assert limit.acquired == 1


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_cancelling_a_waiting_caller_loses_no_turn(cancel_first: bool) -> None:
    """G7: the turn of a cancelled caller passes to the next."""
    limit = WaitingLimit(1)
    await limit.acquire()
    admitted: list[str] = []

    async def work(name: str) -> None:
        await limit.acquire()
        admitted.append(name)
        limit.release()

    async with anyio.create_task_group() as outer, anyio.create_task_group() as first:
        first.start_soon(work, "first")
        await all_tasks_blocked()
        outer.start_soon(work, "second")
        await all_tasks_blocked()
        # Both in one turn of the loop, in either order.
        if cancel_first:
            first.cancel_scope.cancel()
            limit.release()
        else:
            limit.release()
            first.cancel_scope.cancel()
    assert admitted[-1] == "second"
    assert (limit.acquired, limit.waiting) == (0, 0)


async def test_waiting_ends_after_timeout() -> None:
    """PoolTimeoutError names the limit and the time, and no lease was acquired."""
    limit = WaitingLimit(1, timeout=0.01)
    await limit.acquire()
    with pytest.raises(PoolTimeoutError, match=r"all 1 connections stayed in use for 0\.01 s"):
        await limit.acquire()
    assert (limit.acquired, limit.waiting) == (1, 0)
    limit.release()
    await limit.acquire()


async def test_a_cancelled_wait_acquires_nothing() -> None:
    """G5: a caller that is cancelled while it waits does not change the count."""
    limit = WaitingLimit(1, timeout=None)
    await limit.acquire()
    with anyio.move_on_after(0) as scope:
        await limit.acquire()
    assert scope.cancelled_caught
    assert (limit.acquired, limit.waiting) == (1, 0)


@pytest.mark.parametrize("kind", [StrictLimit, WaitingLimit])
async def test_one_task_may_acquire_several(kind: type[StrictLimit | WaitingLimit]) -> None:
    """A lease belongs to no task: one may hold many, and another may release them."""
    limit = kind(3)
    for _ in range(3):
        await limit.acquire()
    assert limit.acquired == limit.capacity
    for _ in range(3):
        limit.release()
    assert limit.acquired == 0


@pytest.mark.parametrize("capacity", [0, -1, 1.0, True, "1"])
def test_an_invalid_capacity(capacity: Any) -> None:
    """It is an int from 1 up, or None for the default."""
    assert check_capacity(None, 7) == 7
    with pytest.raises(DataError, match="max_connections has to be"):
        check_capacity(capacity)
