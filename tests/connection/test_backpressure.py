"""Tests of `anyredis.connection.backpressure`: who waits while the server does not read."""

from __future__ import annotations

import anyio
import pytest

from anyredis.connection.backpressure import Backpressure
from anyredis.exceptions import ConnectionError, Outcome
from anyredis.waiter import waiter_factory


@pytest.fixture
async def backpressure() -> Backpressure:
    """A room with nobody in line."""
    return Backpressure(waiter_factory())


class Crowd:
    """Tasks that want room, and those who got some."""

    def __init__(self, backpressure: Backpressure) -> None:
        self.backpressure = backpressure
        self.inside: list[int] = []

    async def enter(self, number: int, size: int) -> None:
        """Wait for room, and say so."""
        await self.backpressure.wait(size)
        self.inside.append(number)


async def test_first_come_first_served(backpressure: Backpressure) -> None:
    """As many go on as there is room for; the last may overshoot."""
    crowd = Crowd(backpressure)
    async with anyio.create_task_group() as tasks:
        for number, size in enumerate([10, 10, 100, 1]):
            tasks.start_soon(crowd.enter, number, size)
            await anyio.wait_all_tasks_blocked()
        backpressure.grant(0)
        await anyio.wait_all_tasks_blocked()
        assert crowd.inside == []
        backpressure.grant(20)
        await anyio.wait_all_tasks_blocked()
        assert sorted(crowd.inside) == [0, 1]
        backpressure.grant(1)
        await anyio.wait_all_tasks_blocked()
        assert sorted(crowd.inside) == [0, 1, 2]
        backpressure.grant(1)
    assert sorted(crowd.inside) == [0, 1, 2, 3]
    assert not backpressure.waiting


async def test_who_gave_up_takes_no_room(backpressure: Backpressure) -> None:
    """G7: cancelling one who waits loses nobody's turn."""
    crowd = Crowd(backpressure)
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as leaving:
            leaving.start_soon(crowd.enter, 0, 10)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(crowd.enter, 1, 10)
            await anyio.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
        backpressure.grant(5)
    assert crowd.inside == [1]


async def test_who_is_cancelled_in_the_moment_of_being_served(backpressure: Backpressure) -> None:
    """G7: the room that one was granted goes to the next."""
    crowd = Crowd(backpressure)
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as leaving:
            leaving.start_soon(crowd.enter, 0, 10)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(crowd.enter, 1, 10)
            await anyio.wait_all_tasks_blocked()
            backpressure.grant(5)
            leaving.cancel_scope.cancel()
        if 0 in crowd.inside:
            backpressure.grant(5)  # it went on before the cancellation came
    assert crowd.inside[-1] == 1


async def test_a_lost_connection_is_told_to_all_who_wait(backpressure: Backpressure) -> None:
    """G11: nothing of theirs was sent, and each has an error of its own."""
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
