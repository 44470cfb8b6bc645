"""Tests of `anyredis.pool.scope`: blocks that hold a pool, in any order, from any task."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging

import anyio
import anyio.to_thread
import pytest

from anyredis import ConnectionError
from anyredis.pool import background
from anyredis.pool import tasks as pool_tasks
from anyredis.pool.scope import PoolScope
from anyredis.pool.tasks import PoolTasks
from anyredis.testing import FakeServer
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.harness import running_tasks
from tests.pool.scoped_resource import ALL_EVENTS, Resource


async def test_background_tasks_end_with_the_block() -> None:
    """G8: opened on entering, closing and ended on leaving."""
    resource = Resource()
    before = running_tasks()
    async with resource:
        await all_tasks_blocked()
        assert resource.scope.entered
        assert resource.log == ["opened"]
    assert not resource.scope.entered
    assert resource.log == ALL_EVENTS
    assert running_tasks() == before


async def test_open_and_aclose_are_entering_and_leaving() -> None:
    """G8: for the start and stop callbacks of frameworks; closing twice is harmless."""
    resource = Resource()
    assert await resource.open() is resource
    await all_tasks_blocked()
    await resource.aclose()
    assert resource.log == ALL_EVENTS
    await resource.aclose()
    assert resource.log == ALL_EVENTS


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
async def test_holders_leave_in_any_order(order: tuple[int, ...]) -> None:
    """The first to enter opens it and the last to leave closes it, each in another task."""
    resource = Resource()
    may_leave = [anyio.Event() for _ in order]
    before = running_tasks()

    async def hold(number: int) -> None:
        async with resource:
            await may_leave[number].wait()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(hold, number)
            await all_tasks_blocked()
        for number in order:
            assert resource.log == ["opened"]
            may_leave[number].set()
            await all_tasks_blocked()
        assert resource.log == ALL_EVENTS
    assert running_tasks() == before


async def test_one_task_enters_and_another_leaves() -> None:
    """G8: it closes completely, in any task that leaves."""
    resource = Resource()
    before = running_tasks()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resource.open)
    await all_tasks_blocked()
    assert resource.log == ["opened"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resource.aclose)
    assert resource.log == ALL_EVENTS
    assert running_tasks() == before


@pytest.mark.parametrize("ending", ["error", "cancellation"])
async def test_a_holder_that_fails_leaves_alone(ending: str) -> None:
    """G12: the other holders continue, although it was the first to enter."""
    resource = Resource()
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope, contextlib.suppress(KeyError):
            async with resource:
                await resource.open()
                if ending == "error":
                    raise KeyError
                scope.cancel()
                await anyio.sleep_forever()
        await all_tasks_blocked()
        assert resource.log == ["opened"]
        tasks.start_soon(resource.aclose)
    assert resource.log == ALL_EVENTS


async def test_a_cancelled_block_is_closed() -> None:
    """G8: the cancellation reaches its scope, and the tasks have ended by then."""
    resource = Resource()
    with anyio.CancelScope() as scope:
        async with resource:
            await all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert resource.log == ALL_EVENTS


async def test_entering_while_it_closes_opens_it_again() -> None:
    """G8: entering waits until the former tasks have ended."""
    may_end = anyio.Event()

    async def slow() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await may_end.wait()

    resource = Resource(slow)
    await resource.open()
    await all_tasks_blocked()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resource.aclose)
        await all_tasks_blocked()
        tasks.start_soon(resource.open)
        await all_tasks_blocked()
        assert resource.log == ["opened", "closing"]
        may_end.set()
    await all_tasks_blocked()
    assert resource.log == [*ALL_EVENTS, "opened"]
    await resource.aclose()


async def test_the_last_to_leave_waits_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """G8: a task that does not end does not block leaving for ever; the log has a warning."""
    monkeypatch.setattr(pool_tasks, "LEAVE_TIMEOUT", 0.01)
    may_end = anyio.Event()

    async def stubborn() -> None:
        with anyio.CancelScope(shield=True):
            await may_end.wait()

    resource = Resource(stubborn)
    await resource.open()
    await all_tasks_blocked()
    await resource.aclose()
    assert "has not ended" in caplog.text
    assert resource.log == ["opened", "closing"]
    tasks = resource.tasks
    assert tasks is not None
    may_end.set()
    await tasks.done.wait()


async def test_leaving_while_cancelled_waits() -> None:
    """G8: the wait of the last to leave is shielded."""
    resource = Resource()
    await resource.open()
    await all_tasks_blocked()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await resource.aclose()
    assert resource.log == ALL_EVENTS


async def test_a_failure_closes_it_and_every_request_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Later requests and entering raise from the cause; it is logged once; leaving is silent."""
    failing = anyio.Event()
    failure = ZeroDivisionError("a bug")

    async def fail() -> None:
        await failing.wait()
        raise failure

    resource = Resource(fail)
    await resource.open()
    resource.scope.check()
    failing.set()
    await all_tasks_blocked()
    for _ in range(2):
        with pytest.raises(ConnectionError, match="failed with ZeroDivisionError") as caught:
            resource.scope.check()
        assert caught.value.__cause__ is failure
        with pytest.raises(ConnectionError) as caught:
            await resource.open()
        assert caught.value.__cause__ is failure
    await resource.aclose()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    resource.background = anyio.sleep_forever
    async with resource:
        resource.scope.check()


async def test_a_failure_to_open_is_raised_by_entering(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is closed then, and can be entered again."""
    resource = Resource()

    def fail(tasks: PoolTasks) -> None:
        raise ZeroDivisionError

    scope = resource._scope = PoolScope(fail, resource.closing)
    for _ in range(2):
        with pytest.raises(ConnectionError) as caught:
            await resource.open()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert not scope.entered
    assert len(caplog.records) == 2


async def test_outside_any_block() -> None:
    """`check` says what to write, before and after."""
    resource = Resource()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not open: write `async with client:`"):
            resource.scope.check()
        async with resource:
            resource.scope.check()


async def test_in_another_event_loop() -> None:
    """Using, entering and leaving raise `RuntimeError` there; the holder is unaffected."""
    resource = Resource()

    async def check() -> None:
        resource.scope.check()

    def elsewhere(backend: str) -> None:
        for use in (check, resource.open, resource.aclose):
            with pytest.raises(RuntimeError, match=r"another event loop.*MainThread"):
                anyio.run(use, backend=backend)

    async with resource:
        for backend in ("asyncio", "trio"):
            await anyio.to_thread.run_sync(elsewhere, backend)
        resource.scope.check()
        assert resource.log == ["opened"]
    assert not resource.scope.entered


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_event_loop_that_is_closed_under_its_tasks(caplog: pytest.LogCaptureFixture) -> None:
    """Entering raises: the tasks of such a loop can neither be used nor closed."""
    resource = Resource()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(resource.open())
    loop.close()
    with pytest.raises(RuntimeError, match="make a new client"):
        asyncio.run(resource.open())
    resource.tasks = resource._scope._tasks = None
    resource._held = ()
    background._running.clear()
    gc.collect()


# -- with connections ---------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["plainly", "by an error", "by a cancellation"])
async def test_no_socket_outlives_the_client(ending: str) -> None:
    """G8: all streams are closed, for every end of the block."""
    server = FakeServer()
    with anyio.CancelScope() as scope, contextlib.suppress(KeyError):
        async with server.client() as client, client.session() as session:
            await client.ping()
            await session.ping()
            assert len(server.peers) == 2
            if ending == "by an error":
                raise KeyError
            if ending == "by a cancellation":
                scope.cancel()
    assert server.peers == []


async def test_a_failing_connection_does_not_cancel_the_block() -> None:
    """G14: a background failure fails the affected requests, not the user's block."""
    server = FakeServer()
    async with server.client() as client:
        await client.ping()
        server.reset()
        await all_tasks_blocked()
        assert await client.ping()


async def test_tasks_of_an_open_pool() -> None:
    """A task that is started by the scope ends with the pool; a closed pool starts none."""
    resource = Resource()
    ended: list[str] = []
    begun = anyio.Event()

    async def work(name: str) -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(name)

    assert resource.scope.tasks is None
    with pytest.raises(RuntimeError, match="not open"):
        resource.scope.start_soon(work, "early")
    async with resource:
        assert resource.scope.tasks is resource.tasks
        resource.scope.start_soon(work, "mine")
        await begun.wait()
    assert ended == ["mine"]
    assert resource.scope.tasks is None
