"""Tests of `anyredis.recipes.block_tasks`: where the tasks of a block live, and how they end."""

from __future__ import annotations

import anyio
import pytest

from anyredis import ConnectionError
from anyredis.recipes.block_tasks import BlockTasks
from tests.recipes.stream_bench import StreamBench, add, consumer, until


async def test_a_step_that_fails(bench: StreamBench) -> None:
    """Its exception is told to the block's users; the pool and the other steps go on (G12, G14)."""
    told: list[Exception] = []
    going_on = anyio.Event()

    async def fail() -> None:
        raise KeyError("a fault")

    async def other() -> None:
        await until(lambda: told)
        going_on.set()

    async def close() -> None:
        raise KeyError("another")

    async with bench.client() as client:
        tasks = BlockTasks(client.scope, [fail, other], close, told.append)
        await tasks.hold()
        tasks.start()
        with anyio.fail_after(5):
            await going_on.wait()
        await tasks.stop()
        assert await client.ping()
    assert [str(each) for each in told] == ["'a fault'", "'another'"]


async def test_closing_is_bounded(bench: StreamBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that does not end holds the end of the block up for a while only (G8)."""
    monkeypatch.setattr("anyredis.recipes.block_tasks.CLOSING_TIMEOUT", 0.05)
    async with bench.client() as client:
        tasks = BlockTasks(client.scope, [], anyio.sleep_forever, lambda _error: None)
        await tasks.hold()
        tasks.start()
        with anyio.fail_after(5):
            await tasks.stop()


async def test_a_block_holds_its_pool(bench: StreamBench) -> None:
    """A client that is left first stays open until the consumer's block ends (G8)."""
    client = bench.client()
    await client.open()
    async with consumer(client) as entries:
        await client.aclose()
        async with bench.client() as other:
            await add(other, 1)
        assert (await anext(aiter(entries))).id == "1-0"
    assert bench.server.peers == []


async def test_the_end_of_the_pool(bench: StreamBench) -> None:
    """If the pool ends early, whoever waits for an entry is told, and leaving raises nothing (G14)."""
    outcome: list[BaseException] = []

    async def wait_for_an_entry() -> None:
        try:
            await anext(aiter(entries))
        except ConnectionError as error:
            outcome.append(error)

    async with (
        anyio.create_task_group() as users,
        anyio.create_task_group() as tasks,
        bench.client(task_group=tasks) as client,
        consumer(client) as entries,
    ):
        users.start_soon(wait_for_an_entry)
        await bench.server.wait_for("XREADGROUP")
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await until(lambda: outcome)
    assert "the pool is closed" in str(outcome[0])


async def test_leaving_while_cancelled(bench: StreamBench) -> None:
    """The last acknowledgements and the handing back are done all the same (G8)."""
    async with bench.client() as client:
        await add(client, 5)
        with anyio.CancelScope() as scope:
            async with consumer(client) as entries:
                async for entry in entries:
                    if entry.id == "3-0":
                        scope.cancel()
                        await anyio.lowlevel.checkpoint()
        assert bench.pending() == {"3-0": ("c1", 1), "4-0": ("c1", 0), "5-0": ("c1", 0)}
