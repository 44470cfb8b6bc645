"""Tests of the wait until all other tasks are blocked: it misses no task, and takes no time."""

from __future__ import annotations

import asyncio

import anyio
import anyio.lowlevel
import pytest
import sniffio

from tests.blocked_tasks import all_tasks_blocked, cancelled_once_blocked


async def test_a_task_with_many_steps_is_waited_for() -> None:
    """A task that has just been started is not blocked, nor one that only gives up its turn."""
    steps: list[int] = []

    async def take_steps() -> None:
        for step in range(100):
            await anyio.lowlevel.checkpoint()
            steps.append(step)
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_steps)
        await all_tasks_blocked()
        assert len(steps) == 100
        tasks.cancel_scope.cancel()


async def test_tasks_that_wake_each_other_are_waited_for() -> None:
    """A task is not blocked once what it waits for has come."""
    events = [anyio.Event() for _ in range(50)]

    async def pass_on(number: int) -> None:
        await events[number].wait()
        events[number + 1].set()

    async with anyio.create_task_group() as tasks:
        for number in range(49):
            tasks.start_soon(pass_on, number)
        await all_tasks_blocked()
        assert not events[1].is_set()
        events[0].set()
        await all_tasks_blocked()
        assert events[49].is_set()


async def test_data_in_a_socket_arrives() -> None:
    """What one task sends to another through a socket of this process has been read."""
    received: list[bytes] = []

    async def read(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            received.append(await stream.receive())
            await stream.send(b"pong")

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, read)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await all_tasks_blocked()
            await stream.send(b"ping")
            await all_tasks_blocked()
            assert received == [b"ping"]
        tasks.cancel_scope.cancel()


async def test_callbacks_in_a_row_are_waited_for() -> None:
    """So are callbacks of asyncio, each of which calls the next."""
    if sniffio.current_async_library() != "asyncio":
        return
    called: list[int] = []

    def call_back(number: int) -> None:
        called.append(number)
        if number < 9:
            asyncio.get_running_loop().call_soon(call_back, number + 1)

    asyncio.get_running_loop().call_soon(call_back, 0)
    await all_tasks_blocked()
    assert called == [*range(10)]


async def test_no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing sleeps while another task takes its steps."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noted_sleep(delay: float) -> None:
        slept.append(delay)
        await sleep(delay)

    async def take_steps() -> None:
        for _ in range(100):
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_steps)
        monkeypatch.setattr(asyncio, "sleep", noted_sleep)
        await all_tasks_blocked()
    assert not any(slept)


async def test_a_block_is_cancelled_where_it_waits() -> None:
    """Not before, and not at all if it ends by itself."""
    steps: list[int] = []
    async with cancelled_once_blocked() as scope:
        for step in range(100):
            await anyio.lowlevel.checkpoint()
            steps.append(step)
        await anyio.sleep_forever()
    assert len(steps) == 100
    assert scope.cancelled_caught
    async with cancelled_once_blocked() as scope:
        await anyio.lowlevel.checkpoint()
    assert not scope.cancelled_caught
