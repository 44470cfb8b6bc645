"""Tests of `anyredis.recipes.consumer_entry`: the fate of an entry that was handed out."""

from __future__ import annotations

import contextlib

import anyio
import pytest

from tests.recipes.stream_bench import StreamBench, add, consumer, take, until


async def test_the_next_entry_acknowledges_the_one_before(bench: StreamBench) -> None:
    """An entry is pending until its iterator is asked for the next one."""
    async with bench.client() as client, consumer(client) as entries:
        ids = await add(client, 2)
        iterator = aiter(entries)
        first = await anext(iterator)
        assert (first.id, first.stream, first.fields, first.deliveries) == (
            *("1-0", "orders", {"n": "1"}),
            1,
        )
        assert ids[0] in bench.pending()
        second = await anext(iterator)
        await until(lambda: list(bench.pending()) == ids[1:])
        await second.ack()
        assert bench.pending() == {}


async def test_after_break_an_entry_stays_pending(bench: StreamBench) -> None:
    """The entry at which a loop ended is pending still, those before are not."""
    async with bench.client() as client:
        async with consumer(client) as entries:
            await add(client, 3)
            await take(entries, 3)
        assert bench.pending() == {"3-0": ("c1", 1)}


async def test_an_exception_leaves_as_itself(bench: StreamBench) -> None:
    """What the block raises leaves it unchanged, and its entry stays pending (G14)."""
    error = ValueError("by the user")
    async with bench.client() as client:
        await add(client, 2)

        async def use() -> None:
            async with consumer(client) as entries:
                async for _ in entries:
                    raise error

        with pytest.raises(ValueError, match="by the user") as caught:
            await use()
        assert caught.value is error
        assert error.__context__ is None
        assert bench.pending()["1-0"] == ("c1", 1)


async def test_a_cancelled_block_leaves_its_entry_pending(bench: StreamBench) -> None:
    """A cancellation in the loop's body acknowledges nothing, and is not silenced (G14)."""
    async with bench.client() as client:
        await add(client, 1)
        with anyio.CancelScope() as scope:
            async with consumer(client) as entries:
                async for _ in entries:
                    scope.cancel()
                    await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert bench.pending() == {"1-0": ("c1", 1)}


async def test_ack_waits_for_the_server(bench: StreamBench) -> None:
    """After `ack` the entry is not pending, whatever happens to the loop."""
    async with bench.client() as client, consumer(client) as entries:
        await add(client, 1)
        [entry] = await take(entries, 1)
        await entry.ack()
        assert bench.pending() == {}
        await entry.ack()
        assert bench.server.count("XACK") == 1


async def test_the_block_of_an_entry(bench: StreamBench) -> None:
    """It acknowledges at its end; if it fails, the iterator does not acknowledge either."""
    async with bench.client() as client, consumer(client) as entries:
        await add(client, 3)
        async for entry in entries:
            with contextlib.suppress(ZeroDivisionError):
                async with entry:
                    assert 1 / (entry.id != "2-0")
            if entry.id == "2-0":
                continue
            assert entry.id not in bench.pending()
            if entry.id == "3-0":
                break
        assert bench.pending() == {"2-0": ("c1", 1)}


async def test_acknowledging_after_the_end(bench: StreamBench) -> None:
    """It is refused: the entry may be another consumer's by then."""
    async with bench.client() as client:
        async with consumer(client) as entries:
            await add(client, 1)
            [entry] = await take(entries, 1)
        with pytest.raises(RuntimeError, match="block has ended"):
            await entry.ack()
