"""Tests of `anyredis.pool.scope` in a task group of the user."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from anyredis import ConnectionError
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.harness import running_tasks
from tests.pool.scoped_resource import ALL_EVENTS, Resource


async def test_a_users_group_waits_for_the_last_block() -> None:
    """A group that ends normally ends after the last block has left."""
    before = running_tasks()
    tasks = anyio.create_task_group()
    resource = Resource(task_group=tasks)
    async with tasks:
        await resource.open()

        async def leave_later() -> None:
            await all_tasks_blocked()
            assert resource.log == ["opened"]
            await resource.aclose()

        tasks.start_soon(leave_later)
    assert resource.log == ALL_EVENTS
    assert running_tasks() == before


async def test_cancelling_a_users_group_closes_the_pool() -> None:
    """Requests raise; the block that holds the pool continues, and leaves without an error."""
    tasks = anyio.create_task_group()
    resource = Resource(task_group=tasks)
    async with tasks:
        await resource.open()
        await all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert sorted(resource.log) == sorted(ALL_EVENTS)
    with pytest.raises(ConnectionError, match="was cancelled") as caught:
        resource.scope.check()
    assert isinstance(caught.value.__cause__, anyio.get_cancelled_exc_class())
    await resource.aclose()


async def test_nothing_is_raised_into_a_users_group(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A failure of the pool's tasks is raised by requests, not in the group."""
    failing = anyio.Event()

    async def fail() -> None:
        await failing.wait()
        raise ZeroDivisionError

    async with anyio.create_task_group() as tasks:
        resource = Resource(fail, task_group=tasks)
        await resource.open()
        failing.set()
        await all_tasks_blocked()
        await anyio.lowlevel.checkpoint()  # this would raise if the group were cancelled
        assert sorted(resource.log) == sorted(ALL_EVENTS)
        await resource.aclose()
    assert len(caplog.records) == 1


async def test_a_group_that_has_ended_cannot_be_used() -> None:
    """Entering raises the error of the group, and the pool stays closed."""
    async with anyio.create_task_group() as tasks:
        pass
    resource = Resource(task_group=tasks)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"not active|closed"):
            await resource.open()
        assert not resource.scope.entered
