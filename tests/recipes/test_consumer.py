"""Tests of `anyredis.recipes.consumer`: settings, entering, leaving, several tasks."""

from __future__ import annotations

import anyio
import pytest

from anyredis import DataError, WrongTypeError
from anyredis.recipes import Consumer, StreamReader
from tests.recipes.stream_bench import StreamBench, add, consumer, take, until


async def test_several_tasks_share_a_consumer(bench: StreamBench) -> None:
    """Each entry goes to one of the tasks that iterate, and all are acknowledged."""
    seen: list[str] = []

    async def work(entries: Consumer[str]) -> None:
        async for entry in entries:
            await anyio.lowlevel.checkpoint()
            seen.append(entry.id)

    async with bench.client() as client:
        ids = await add(client, 50)
        async with (
            anyio.create_task_group() as tasks,
            Consumer(client, "orders", group="billing", name="c1", prefetch=7) as entries,
        ):
            for _ in range(3):
                tasks.start_soon(work, entries)
            await until(lambda: len(seen) == 50 and not bench.pending())
        assert sorted(seen) == sorted(ids)


async def test_the_streams_of_a_server_need_one_lease(bench: StreamBench) -> None:
    """While it waits, a consumer of several streams holds one lease, and so does a reader."""
    streams = ["orders", "returns", "mails"]
    async with bench.client() as client:
        pool = client.connection_pool
        async with Consumer(client, streams, group="billing", name="c1"):
            await bench.server.wait_for("XREADGROUP")
            await until(lambda: pool.leased == 1)
            async with StreamReader(client, streams):
                await bench.server.wait_for("XREAD")
                await until(lambda: pool.leased == 2)
        assert pool.leased == 0


async def test_iterators_end_with_the_block(bench: StreamBench) -> None:
    """A task that waits for an entry leaves its loop when the consumer's block ends."""
    ended = anyio.Event()

    async def work(entries: Consumer[str]) -> None:
        async for _ in entries:
            raise AssertionError("there are no entries")
        ended.set()

    async with bench.client() as client, anyio.create_task_group() as tasks:
        async with consumer(client) as entries:
            tasks.start_soon(work, entries)
            await bench.server.wait_for("XREADGROUP")
        with anyio.fail_after(5):
            await ended.wait()


async def test_missing_streams_and_groups_are_created(bench: StreamBench) -> None:
    """A consumer of several streams creates what is missing, and gets entries of all of them."""
    async with (
        bench.client() as client,
        Consumer(client, ["orders", b"returns"], group="billing", name="c1") as entries,
    ):
        await add(client, 1, "orders")
        await add(client, 1, "returns")
        found = await take(entries, 2)
        assert sorted(each.stream for each in found) == ["orders", "returns"]


async def test_a_group_that_starts_at_the_end(bench: StreamBench) -> None:
    """With `$` the entries that were there before are left alone."""
    async with bench.client() as client:
        await add(client, 1)
        async with Consumer(client, "orders", group="billing", name="c1", start="$") as entries:
            await add(client, 1, first=2)
            assert [each.id for each in await take(entries, 1)] == ["2-0"]


async def test_entering_where_it_is_impossible(bench: StreamBench) -> None:
    """The server's error leaves `async with`, and so does the use of a client that is not open."""
    client = bench.client()
    with pytest.raises(RuntimeError, match="not open"):
        async with consumer(client):
            raise AssertionError("not reached")
    async with client:
        await client.set("orders", "text")
        with pytest.raises(WrongTypeError):
            async with consumer(client):
                raise AssertionError("not reached")
    assert bench.server.peers == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"streams": []}, "each key once, and one at least"),
        ({"streams": ["a", b"a"]}, "each key once"),
        ({"streams": 5}, "one key, or a list of keys"),
        ({"streams": [5]}, "text or bytes"),
        ({"group": ""}, "group is empty"),
        ({"name": None}, "name is None"),
        ({"prefetch": 0}, "prefetch has to be 1 or more"),
        ({"claim_idle": -1}, "claim_idle"),
        ({"dead_letter": "dead"}, "belong together"),
        ({"dead_letter": "dead", "max_deliveries": 0}, "max_deliveries has to be 1 or more"),
    ],
)
async def test_settings_that_make_no_sense(
    bench: StreamBench, arguments: dict[str, object], message: str
) -> None:
    """They are refused when the consumer is made."""
    given: dict[str, object] = {"streams": "orders", "group": "billing", "name": "c1", **arguments}
    make: type = Consumer
    with pytest.raises(DataError, match=message):
        make(bench.client(), **given)


async def test_a_consumer_is_open_once(bench: StreamBench) -> None:
    """A second block at the same time is refused; iterating outside too."""
    async with bench.client() as client:
        entries = consumer(client)
        with pytest.raises(RuntimeError, match="not open"):
            aiter(entries)
        async with entries:
            with pytest.raises(RuntimeError, match="in use"):
                await entries.__aenter__()


async def test_the_lease_of_a_consumer(bench: StreamBench) -> None:
    """It holds one lease while it waits, and none after its block (G5, G8)."""
    async with bench.client(max_connections=3) as client:
        async with consumer(client):
            await until(lambda: client.connection_pool.leased == 1)
        pool = client.connection_pool
        assert (pool.leased, pool.free, pool.connecting) == (0, 3, 0)
    assert bench.server.peers == []
