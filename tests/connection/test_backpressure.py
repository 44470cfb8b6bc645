"""Tests of `anyredis.connection.backpressure`: callers that wait while the server does not read."""

from __future__ import annotations

import anyio
import pytest

from anyredis.connection.backpressure import Backpressure
from anyredis.exceptions import ConnectionError, Outcome
from anyredis.waiter import waiter_factory


@pytest.fixture
async def backpressure() -> Backpressure:
    """Backpressure without waiting callers; one that is given up leaves 5 bytes to the next."""
    line = Backpressure(waiter_factory(), lambda: line.grant(5, idle=True))
    return line


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
        backpressure.grant(0, idle=False)
        await anyio.wait_all_tasks_blocked()
        assert callers.admitted == []
        backpressure.grant(20, idle=False)
        await anyio.wait_all_tasks_blocked()
        assert sorted(callers.admitted) == [0, 1]
        backpressure.grant(1, idle=False)
        await anyio.wait_all_tasks_blocked()
        assert sorted(callers.admitted) == [0, 1, 2]
        backpressure.grant(1, idle=False)
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
        backpressure.grant(5, idle=False)
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
            backpressure.grant(5, idle=False)
            cancelled.cancel_scope.cancel()
        if 0 in callers.admitted:
            backpressure.grant(5, idle=False)  # it continued before the cancellation came
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


# -- owners -------------------------------------------------------------------------------------


class Owners(Callers):
    """Tasks that wait for capacity or for the connection to themselves, in the order given."""

    async def own(self, number: int) -> None:
        """Wait for the connection, and note the number."""
        await self.backpressure.wait(0, alone=True)
        self.admitted.append(number)


async def test_an_owner_waits_until_nothing_is_carried(backpressure: Backpressure) -> None:
    """G1, G7: it is not overtaken, and no caller continues before it has let go."""
    callers = Owners(backpressure)
    async with anyio.create_task_group() as tasks:
        for number, call in enumerate([callers.call, callers.own, callers.call, callers.own]):
            tasks.start_soon(call, number, *([1] if call == callers.call else []))
            await anyio.wait_all_tasks_blocked()
        backpressure.grant(9, idle=True)
        assert not backpressure.owned  # the first caller has not enqueued yet
        backpressure.grant(9, idle=True)
        await anyio.wait_all_tasks_blocked()
        backpressure.grant(9, idle=False)
        await anyio.wait_all_tasks_blocked()
        assert callers.admitted == [0]
        for admitted in ([0, 1], [0, 1, 2], [0, 1, 2, 3]):
            backpressure.grant(9, idle=True)
            await anyio.wait_all_tasks_blocked()
            assert callers.admitted == admitted
            assert backpressure.owned == (admitted[-1] != 2)
            backpressure.owned = False
        assert not backpressure.busy


async def test_an_owner_that_is_cancelled_in_its_turn(backpressure: Backpressure) -> None:
    """G7: the next caller continues, cancelled before or after the turn came."""
    callers = Owners(backpressure)
    for turn_came in (False, True):
        callers.admitted.clear()
        async with anyio.create_task_group() as tasks:
            async with anyio.create_task_group() as cancelled:
                cancelled.start_soon(callers.own, 0)
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(callers.call, 1, 1)
                await anyio.wait_all_tasks_blocked()
                if turn_came:
                    backpressure.grant(9, idle=True)
                cancelled.cancel_scope.cancel()
            if 0 in callers.admitted:  # it continued before the cancellation came
                backpressure.owned = False
                backpressure.grant(9, idle=True)
        assert callers.admitted[-1] == 1
        assert not backpressure.busy


async def test_an_owner_waits_for_capacity(backpressure: Backpressure) -> None:
    """G13: it continues before all others, or gets the error of a lost connection."""
    callers = Owners(backpressure)
    backpressure.owned = True

    async def send() -> None:
        await backpressure.wait_as_owner()
        callers.admitted.append(7)
        with pytest.raises(ConnectionError):
            await backpressure.wait_as_owner()

    async def wait() -> None:
        with pytest.raises(ConnectionError):
            await backpressure.wait(1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        tasks.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        backpressure.grant(0, idle=False)
        await anyio.wait_all_tasks_blocked()
        assert callers.admitted == []
        backpressure.grant(1, idle=False)
        await anyio.wait_all_tasks_blocked()
        assert callers.admitted == [7]
        backpressure.close(lambda outcome: ConnectionError("gone", outcome=outcome))


async def test_callers_that_were_cancelled_are_forgotten(backpressure: Backpressure) -> None:
    """G13: while nobody can continue, those given up leave nothing behind."""
    async with anyio.create_task_group() as tasks:
        for _ in range(3000):
            tasks.start_soon(backpressure.wait, 10)
        await anyio.wait_all_tasks_blocked()
        backpressure.owned = True
        assert len(backpressure.waiting) == 3000
        tasks.cancel_scope.cancel()
    assert not backpressure.waiting
