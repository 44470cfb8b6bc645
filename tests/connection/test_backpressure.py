"""Tests of `anyredis.connection.backpressure`: callers that wait while the server does not read."""

from __future__ import annotations

import anyio
import pytest

from anyredis.connection.backpressure import Backpressure
from anyredis.exceptions import ConnectionError, Outcome
from anyredis.waiter import waiter_factory


@pytest.fixture
async def backpressure() -> Backpressure:
    """Backpressure without waiting callers."""
    return Backpressure(waiter_factory())


class Callers:
    """Tasks that wait for capacity, and the numbers of those that continued."""

    def __init__(self, backpressure: Backpressure) -> None:
        self.backpressure = backpressure
        self.admitted: list[int] = []

    async def call(self, number: int, size: int) -> None:
        """Wait for capacity, and note the number."""
        await self.backpressure.wait(size)
        self.admitted.append(number)


async def test_first_come_first_served(backpressure: Backpressure) -> None:
    """Callers continue up to the capacity; the last may exceed it."""
    callers = Callers(backpressure)
    async with anyio.create_task_group() as tasks:
        for number, size in enumerate([10, 10, 100, 1]):
            tasks.start_soon(callers.call, number, size)
            await anyio.wait_all_tasks_blocked()
        backpressure.grant(0)
        await anyio.wait_all_tasks_blocked()
        assert callers.admitted == []
        backpressure.grant(20)
        await anyio.wait_all_tasks_blocked()
        assert sorted(callers.admitted) == [0, 1]
        backpressure.grant(1)
        await anyio.wait_all_tasks_blocked()
        assert sorted(callers.admitted) == [0, 1, 2]
        backpressure.grant(1)
    assert sorted(callers.admitted) == [0, 1, 2, 3]
    assert not backpressure.waiting


async def test_a_cancelled_caller_takes_no_capacity(backpressure: Backpressure) -> None:
    """G7: cancelling a waiting caller loses no other caller's turn."""
    callers = Callers(backpressure)
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(callers.call, 0, 10)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(callers.call, 1, 10)
            await anyio.wait_all_tasks_blocked()
            cancelled.cancel_scope.cancel()
        backpressure.grant(5)
    assert callers.admitted == [1]


async def test_a_cancellation_in_the_same_turn_as_the_grant(backpressure: Backpressure) -> None:
    """G7: the capacity that was granted goes to the next caller."""
    callers = Callers(backpressure)
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(callers.call, 0, 10)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(callers.call, 1, 10)
            await anyio.wait_all_tasks_blocked()
            backpressure.grant(5)
            cancelled.cancel_scope.cancel()
        if 0 in callers.admitted:
            backpressure.grant(5)  # it continued before the cancellation came
    assert callers.admitted[-1] == 1


async def test_a_lost_connection_fails_all_waiting_callers(backpressure: Backpressure) -> None:
    """G11: their requests were not sent, and each gets an error object of its own."""
    errors: list[ConnectionError] = []

    async def wait() -> None:
        with pytest.raises(ConnectionError) as caught:
            await backpressure.wait(10)
        errors.append(caught.value)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        backpressure.close(lambda outcome: ConnectionError("gone", outcome=outcome))
    assert [error.outcome for error in errors] == [Outcome.NOT_SENT] * 3
    assert len({id(error) for error in errors}) == 3
