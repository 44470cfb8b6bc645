"""One wait for several requests: woken by the last reply, cancelled for all."""

from __future__ import annotations

import anyio
import pytest

from anyredis.cluster.routing.joint_waiter import wait_for_all
from anyredis.waiter import waiter_factory
from anyredis.wire.request import ReplyWaiter, Request
from tests.blocked_tasks import all_tasks_blocked


def waiting(waiter: ReplyWaiter) -> Request:
    """A request that waits for its reply."""
    request = Request()
    request.payload, request.waiter = b"", waiter
    return request


async def test_the_last_reply_wakes_the_task() -> None:
    """In whatever order the replies come; each is there afterwards."""
    new_waiter = waiter_factory()
    requests = [waiting(new_waiter()) for _ in range(3)]
    requests[1].waiter.set_result(b"before")
    ended = anyio.Event()

    async def wait() -> None:
        await wait_for_all(new_waiter(), requests)
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await all_tasks_blocked()
        with pytest.raises(RuntimeError, match="first"):
            await requests[0].waiter
        for number in (2, 0):
            assert not ended.is_set()
            requests[number].waiter.set_result(number)
            await all_tasks_blocked()
        assert ended.is_set()
    assert [await request.waiter for request in requests] == [0, b"before", 2]


async def test_a_cancellation_is_that_of_all() -> None:
    """All but those that have an answer; a later answer goes to nobody."""
    new_waiter = waiter_factory()
    requests = [waiting(new_waiter()) for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait_for_all, new_waiter(), requests)
        await all_tasks_blocked()
        requests[0].waiter.set_result(b"early")
        tasks.cancel_scope.cancel()
    states = [(each.waiter.done(), each.waiter.cancelled()) for each in requests]
    assert states == [(True, False), (True, True), (True, True)]
