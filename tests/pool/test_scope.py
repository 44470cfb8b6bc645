"""Tests of `anyredis.pool.scope`: who owns a pool, who borrows it, and what leaves its block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from anyredis import Redis
from anyredis.pool.scope import Lifetime, TaskScope
from anyredis.testing import FakeServer, silent


class Resource:
    """Something with a background task, which can be held."""

    def __init__(self, background: type[Exception] | None = None) -> None:
        self.lifetime = Lifetime(self.opened, self.closing)
        self.log: list[str] = []
        self.background = background

    def opened(self, tasks: TaskGroup) -> None:
        """Start the task."""
        self.log.append("opened")
        tasks.start_soon(self.live)

    def closing(self) -> None:
        """The end begins."""
        self.log.append("closing")

    async def live(self) -> None:
        """The task."""
        try:
            await anyio.sleep_forever()
        finally:
            self.log.append("ended")
            if self.background is not None:
                raise self.background

    async def __aenter__(self) -> None:
        await self.lifetime.enter()

    async def __aexit__(self, *error: object) -> bool | None:
        return await self.lifetime.leave(*error)  # type: ignore[arg-type]


async def fail_in(
    block: AbstractAsyncContextManager[object],
    tasks: TaskGroup | None = None,
    work: Callable[..., Coroutine[Any, Any, None]] | None = None,
    *arguments: object,
) -> None:
    """Enter *block*, start *work* in *tasks*, and raise KeyError once all are at it."""
    async with block:
        if tasks is not None and work is not None:
            tasks.start_soon(work, *arguments)
        await anyio.wait_all_tasks_blocked()
        raise KeyError


async def test_background_tasks_end_with_the_block() -> None:
    """G8: opened on entering, closing and ended on leaving."""
    resource = Resource()
    async with resource:
        await anyio.wait_all_tasks_blocked()
        assert resource.lifetime.entered
        assert resource.log == ["opened"]
    assert not resource.lifetime.entered
    assert resource.log == ["opened", "closing", "ended"]


async def test_what_the_block_raises_leaves_as_itself() -> None:
    """G14: not wrapped in an ExceptionGroup, with its own cause and context."""
    cause = OSError("why")
    with pytest.raises(KeyError) as caught:
        async with Resource():
            raise KeyError("mine") from cause
    assert caught.value.__cause__ is cause


async def test_a_group_of_the_users_own_stays_what_it_is() -> None:
    """G14: who raises an ExceptionGroup gets that one."""
    mine = ExceptionGroup("mine", [KeyError(1), ValueError(2)])
    with pytest.raises(ExceptionGroup) as caught:
        async with Resource():
            raise mine
    assert caught.value is mine


async def test_an_error_in_a_cancelled_block_leaves_as_itself() -> None:
    """G14: what a `finally` raises under a cancellation, too."""

    async def fail_at_the_end(scope: anyio.CancelScope) -> None:
        async with Resource():
            try:
                scope.cancel()
                await anyio.sleep_forever()
            finally:
                raise KeyError("from the finally")

    with pytest.raises(KeyError), anyio.CancelScope() as scope:
        await fail_at_the_end(scope)


async def test_a_cancelled_block_is_cancelled() -> None:
    """G8: the cancellation goes on to who it is meant for, and the task has ended by then."""
    resource = Resource()
    with anyio.CancelScope() as scope:
        async with resource:
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert sorted(resource.log) == ["closing", "ended", "opened"]


async def test_leaving_under_a_cancellation() -> None:
    """G8: a scope that is left while it is cancelled is closed all the same."""
    resource = Resource()
    with anyio.CancelScope() as scope:
        async with resource:
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert resource.log == ["opened", "closing", "ended"]
    assert not resource.lifetime.entered


async def test_an_error_of_a_background_task_is_not_lost() -> None:
    """What is neither the block's own nor a cancellation is a bug, and is shown beside it."""
    with pytest.raises(ExceptionGroup) as caught:
        await fail_in(Resource(background=ZeroDivisionError))
    assert caught.group_contains(KeyError)
    assert caught.group_contains(ZeroDivisionError)


async def test_leaving_twice_is_harmless() -> None:
    """G8: the second time nothing happens."""
    resource = Resource()
    await resource.lifetime.enter()
    assert not await resource.lifetime.leave(None, None, None)
    assert not await resource.lifetime.leave(None, None, None)
    assert resource.log.count("closing") == 1


async def test_one_task_may_enter_several_times() -> None:
    """The last leave of the owner closes."""
    resource = Resource()
    async with resource:
        async with resource:
            pass
        assert resource.lifetime.entered
    assert not resource.lifetime.entered


async def test_the_owner_waits_for_its_borrowers() -> None:
    """Leaving waits for those who still hold it, as a nursery waits for its children."""
    resource = Resource()
    let_go = anyio.Event()
    order: list[str] = []

    async def borrow() -> None:
        async with resource:
            await let_go.wait()
            order.append("borrower")

    async def own() -> None:
        async with resource:
            tasks.start_soon(borrow)
            await anyio.wait_all_tasks_blocked()
        order.append("owner")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(own)
        await anyio.wait_all_tasks_blocked()
        assert order == []
        assert "closing" not in resource.log
        let_go.set()
    assert order == ["borrower", "owner"]


async def test_an_owner_that_fails_does_not_wait() -> None:
    """Leaving by an exception closes at once; borrowers leave later without harm."""
    resource = Resource()
    let_go = anyio.Event()

    async def borrow() -> None:
        async with resource:
            await let_go.wait()

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await fail_in(resource, tasks, borrow)
        assert resource.log == ["opened", "closing", "ended"]
        let_go.set()
    assert not resource.lifetime.entered


async def test_a_borrower_of_the_past_does_not_end_the_present() -> None:
    """G8: who borrowed from an owner that is gone, and leaves late, is not counted again."""
    resource = Resource()
    old_may_go, new_may_go = anyio.Event(), anyio.Event()
    new_left = anyio.Event()

    async def borrow(may_go: anyio.Event, left: anyio.Event) -> None:
        async with resource:
            await may_go.wait()
        left.set()

    async def own_again() -> None:
        async with resource:
            tasks.start_soon(borrow, new_may_go, new_left)
            await anyio.wait_all_tasks_blocked()
            old_may_go.set()
        assert new_left.is_set() or new_may_go.is_set()

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await fail_in(resource, tasks, borrow, old_may_go, anyio.Event())
        tasks.start_soon(own_again)
        await anyio.wait_all_tasks_blocked()
        await anyio.wait_all_tasks_blocked()
        assert resource.lifetime.entered
        new_may_go.set()


async def test_waiting_for_borrowers_can_be_cancelled() -> None:
    """G8: then it closes at once."""
    resource = Resource()
    let_go = anyio.Event()

    async def borrow() -> None:
        async with resource:
            await let_go.wait()

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async with resource:
                tasks.start_soon(borrow)
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(_cancel_when_blocked, scope)
        assert scope.cancelled_caught
        assert sorted(resource.log) == ["closing", "ended", "opened"]
        let_go.set()


async def _cancel_when_blocked(scope: anyio.CancelScope) -> None:
    await anyio.wait_all_tasks_blocked()
    scope.cancel()


async def test_a_task_scope_alone() -> None:
    """It gives its tasks on entering, and says when it closes."""
    log: list[str] = []
    async with TaskScope(lambda _: log.append("opened"), lambda: log.append("closing")):
        log.append("inside")
    assert log == ["opened", "inside", "closing"]


async def test_no_socket_outlives_the_client() -> None:
    """G8: however its block ends, all streams are closed."""
    for ending in ("plainly", "by an error", "by a cancellation"):
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
        assert server.peers == [], ending


async def test_commands_in_progress_when_the_client_is_left() -> None:
    """G8, G12: a block that is left by an error ends its commands, and shows the error."""
    server = FakeServer()
    server.on("GET", silent)
    client = server.client()

    async def get(client: Redis[bytes]) -> None:
        with pytest.raises(ConnectionError, match="the pool was left"):
            await client.get("k")

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError):
            await fail_in(client, tasks, get, client)
    assert server.peers == []


async def test_a_failing_connection_does_not_cancel_the_block() -> None:
    """G14: background trouble fails the requests it concerns, not the user's block."""
    server = FakeServer()
    async with server.client() as client:
        await client.ping()
        server.reset()
        await anyio.wait_all_tasks_blocked()
        assert await client.ping()
