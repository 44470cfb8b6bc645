"""G8, G14: the tasks of a pool that are cancelled or fail before its last block is left."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import BlockingConnectionPool, ConnectionError, Redis
from anyredis.pool.background import NAME
from anyredis.testing import FakeCluster, FakeServer, silent
from tests.blocked_tasks import all_tasks_blocked
from tests.conftest import BACKENDS, Backend
from tests.contract.fake_clients import each_client, make, on_asyncio
from tests.contract.harness import running_tasks


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=[*BACKENDS])
@each_client
def test_an_event_loop_that_ends_counts_as_leaving(
    backend: Backend, cluster: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """G8: a client without an end of its block causes no hang and no error; it is logged once."""
    client, peers = make(cluster)

    async def forget() -> None:
        await client.open()
        await client.set("k", 1)

    for _ in range(2):
        anyio.run(forget, backend=backend[0], backend_options=backend[1])
        assert peers() == 0
        gc.collect()
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2

    async def use() -> None:
        async with client:
            await client.set("k", 1)
        await client.aclose()

    anyio.run(use, backend=backend[0], backend_options=backend[1])
    assert peers() == 0


def own_tasks(before: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """The tasks of the client, its main task last."""
    return sorted(asyncio.all_tasks() - before, key=lambda task: task.get_name() == NAME)


@on_asyncio
@each_client
async def test_cancelling_a_task_of_a_connection_closes_that_alone(cluster: bool) -> None:
    """G14: the block goes on, and the next use reconnects."""
    client, peers = make(cluster)
    before = asyncio.all_tasks()
    async with client:
        for _ in range(10):
            await client.set("k", 1)
            with_connection = peers()
            task = next(each for each in own_tasks(before) if "ConnectionTasks" in each.get_name())
            task.cancel()
            await asyncio.wait([task])
            assert peers() == with_connection - 1
        await client.set("k", 1)
    assert (peers(), asyncio.all_tasks()) == (0, before)


@on_asyncio
async def test_cancelling_the_writer_of_a_connection_closes_that_alone() -> None:
    """G14: no request waits for a task that has ended."""
    server = FakeServer()
    before = asyncio.all_tasks()
    async with server.client() as client:
        for _ in range(3):
            await client.ping()
            [task] = [each for each in own_tasks(before) if "_write" in each.get_name()]
            task.cancel()
            await asyncio.wait([task])
            assert await client.ping()


@on_asyncio
@each_client
@pytest.mark.parametrize("which", ["all", "each"])
async def test_cancelling_all_other_tasks_closes_the_pool(
    cluster: bool, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    """G14: the block goes on; pending and later requests get the cause, leaving raises nothing."""
    client, peers = make(cluster)
    before = asyncio.all_tasks()
    await client.open()
    await client.set("k", 1)
    pending = asyncio.create_task(client.blpop("list"))
    await all_tasks_blocked()
    tasks = [task for task in own_tasks(before) if task is not pending]
    if which == "all":
        for task in tasks:
            task.cancel()
    else:
        tasks[-1].cancel()
    await asyncio.wait([*tasks, pending])
    assert tasks[-1].cancelled(), "a cancellation is never swallowed"
    told = [pending.exception()]
    for _ in range(2):
        with pytest.raises(ConnectionError, match="was cancelled") as caught:
            await client.set("k", 1)
        told.append(caught.value)
    for error in told:
        assert isinstance(error, ConnectionError)
        assert isinstance(error.__cause__, asyncio.CancelledError)
    assert peers() == 0
    await client.aclose()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    async with client:
        await client.set("k", 1)


async def cancelled_before_its_first_step(client: Redis[bytes]) -> asyncio.Task[Redis[bytes]]:
    """The task that opens *client*, whose pool's task was cancelled before it began."""
    before = asyncio.all_tasks()
    opening = asyncio.create_task(client.open())
    while not (tasks := asyncio.all_tasks() - before - {opening}):
        await asyncio.sleep(0)
    tasks.pop().cancel()
    return opening


@pytest.mark.parametrize("shared", [0, 1])
async def test_the_end_of_the_pool_is_told_to_those_who_wait_for_a_lease(shared: int) -> None:
    """G8, G14: a call that waits for a lease ends at once, though no lease comes free."""
    server = FakeServer()
    pool = server.pool(
        pool_class=BlockingConnectionPool,
        max_connections=1,
        timeout=None,
        shared_connections=shared,
    )
    errors: list[BaseException] = []

    async def wait(client: Redis[bytes]) -> None:
        with pytest.raises(ConnectionError, match="the pool is closed") as caught:
            await client.get("k")
        errors.append(caught.value)

    with anyio.fail_after(10):
        client = Redis(connection_pool=pool)
        async with anyio.create_task_group() as tasks, client, client.session():
            for _ in range(3):
                tasks.start_soon(wait, client)
            await all_tasks_blocked()
            assert pool.limits()[0].waiting == 3
            assert pool.scope._tasks is not None
            pool.scope._tasks.fail(ZeroDivisionError("mine"))
            while len(errors) < 3:
                await anyio.lowlevel.checkpoint()
        assert all(isinstance(error.__cause__, ZeroDivisionError) for error in errors)
        async with Redis(connection_pool=pool) as client:
            assert (pool.free, pool.leased, pool.connecting, pool.capacity) == (1, 0, 0, 1)
            await client.set("k", "v")


@on_asyncio
async def test_a_pool_that_is_cancelled_before_its_first_step() -> None:
    """G8: entering does not wait for ever, but raises."""
    client = FakeServer().client()
    opening = await cancelled_before_its_first_step(client)
    await asyncio.wait([opening])
    assert isinstance(opening.exception(), ConnectionError)
    assert not client.connection_pool.scope.entered
    async with client:
        assert await client.ping()


# The coroutine inside a task of anyio is never awaited if the task is cancelled this early.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@on_asyncio
async def test_a_child_that_is_cancelled_before_its_first_step() -> None:
    """G8: nor in a group of the user, which anyio cancels for it."""
    opened: list[asyncio.Task[Redis[bytes]]] = []
    async with anyio.create_task_group() as group:
        client = FakeServer().client(task_group=group)
        opened.append(await cancelled_before_its_first_step(client))
    [opening] = opened
    await asyncio.wait([opening])
    gc.collect()
    assert isinstance(opening.exception(), ConnectionError)


@on_asyncio
async def test_cancelling_the_pools_task_leaves_a_group_of_the_users_alone() -> None:
    """The end of the pool's tasks never ends the group, unless the group is cancelled."""
    server = FakeServer()
    async with anyio.create_task_group() as group:
        before = asyncio.all_tasks()
        async with server.client(task_group=group) as client:
            await client.ping()
            for task in asyncio.all_tasks() - before:
                task.cancel()
            await all_tasks_blocked()
            with pytest.raises(ConnectionError, match="was cancelled"):
                await client.ping()
        assert not group.cancel_scope.cancel_called


async def test_a_group_of_the_users_that_is_cancelled_closes_the_pool() -> None:
    """G8: its requests get the reason; sockets and tasks of the pool end before the group."""
    server = FakeServer()
    server.on("GET", silent)
    told: list[BaseException] = []
    before = running_tasks()

    async def get(client: Redis[bytes]) -> None:
        with pytest.raises(ConnectionError, match="cancelled") as caught:
            await client.get("k")
        told.append(caught.value)

    group = anyio.create_task_group()
    client = server.client(task_group=group, retry=None)
    async with anyio.create_task_group() as outer:
        async with group:
            await client.open()
            await client.ping()
            outer.start_soon(get, client)
            await all_tasks_blocked()
            group.cancel_scope.cancel()
        assert server.peers == []
        await get(client)
    assert running_tasks() == before
    for error in told:
        assert isinstance(error.__cause__, anyio.get_cancelled_exc_class())
    assert len(told) == 2
    await client.aclose()


@each_client
async def test_the_pools_tasks_are_children_of_a_group_of_the_user(cluster: bool) -> None:
    """The pool's tasks are children of it, and it ends when the last block has been left."""
    async with anyio.create_task_group() as group:
        source = FakeCluster() if cluster else FakeServer()
        before = running_tasks()
        async with source.client(task_group=group) as client:
            await client.set("k", 1)
            main = [task for task in anyio.get_running_tasks() if task.id not in before]
            me = anyio.get_current_task().id
            assert any(task.parent_id == me for task in main), "the group's host is this task"
        assert running_tasks() == before
