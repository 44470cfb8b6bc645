"""Tests of `anyredis.recipes.keeping`: entries in hand, and those that are handed back."""

from __future__ import annotations

from anyredis.recipes import Consumer
from anyredis.testing import FakePeer, Words
from anyredis.testing.resp import Answer
from tests.recipes.stream_bench import StreamBench, add, consumer, take, until


async def test_what_was_not_begun_is_handed_back(bench: StreamBench) -> None:
    """Another consumer may claim it at once, and the delivery does not count."""
    async with bench.client() as client:
        await add(client, 4)
        async with consumer(client, "c1") as entries:
            await take(entries, 2)
            await until(lambda: len(bench.pending()) == 3)
        assert bench.pending() == {"2-0": ("c1", 1), "3-0": ("c1", 0), "4-0": ("c1", 0)}
        async with consumer(client, "c2") as entries:
            found = await take(entries, 2)
            assert [(each.id, each.deliveries) for each in found] == [("3-0", 1), ("4-0", 1)]


async def test_a_delivery_that_was_lost_in_leaving(bench: StreamBench) -> None:
    """Entries whose reply the end of the block cut off are handed back too."""

    def keep_reply(peer: FakePeer, words: Words) -> Answer:
        peer.hold()
        return peer.run(words)

    bench.server.on("XREADGROUP", keep_reply, times=1)
    async with bench.client() as client:
        await add(client, 2)
        async with consumer(client):
            await until(lambda: len(bench.pending()) == 2)
        assert bench.pending() == {"1-0": ("c1", 0), "2-0": ("c1", 0)}
        assert bench.idle("1-0") == 60


async def test_entries_in_hand_are_kept(bench: StreamBench) -> None:
    """However long an entry takes, no other consumer can claim it; after the loop it can."""
    async with bench.client() as client:
        await add(client, 3)
        mine = Consumer(client, "orders", group="billing", name="c1", claim_idle=0.3, prefetch=2)
        async with mine as entries:
            iterator = aiter(entries)
            entry = await anext(iterator)
            await until(lambda: len(bench.pending()) == 3)
            for _ in range(4):
                bench.clock.advance(0.25)
                await until(lambda: bench.idle(entry.id) == 0)
            assert {name for name, _ in bench.pending().values()} == {"c1"}
            del iterator
            bench.clock.advance(0.25)
            await until(lambda: bench.idle("2-0") == 0)
            assert bench.idle(entry.id) == 0.25


async def test_an_entry_whose_block_is_open_is_kept(bench: StreamBench) -> None:
    """`async with entry` keeps it in hand after its loop has ended."""
    async with bench.client() as client:
        await add(client, 1)
        mine = Consumer(client, "orders", group="billing", name="c1", claim_idle=0.3)
        async with mine as entries:
            [entry] = await take(entries, 1)
            async with entry:
                for _ in range(3):
                    bench.clock.advance(0.25)
                    await until(lambda: bench.idle(entry.id) == 0)
        assert bench.pending() == {}


async def test_a_prefetched_entry_that_another_has_claimed(bench: StreamBench) -> None:
    """It is not handed out any more."""
    async with bench.client() as client:
        await add(client, 3)
        mine = Consumer(client, "orders", group="billing", name="c1", claim_idle=0.3)
        async with mine as entries:
            iterator = aiter(entries)
            await anext(iterator)
            await client.xclaim("orders", "billing", "thief", 0, ["2-0"])
            renewed = bench.server.count("XCLAIM")
            await bench.server.wait_for("XCLAIM", renewed + 1)
            await until(lambda: bench.pending()["2-0"] == ("thief", 2))
            assert (await anext(iterator)).id == "3-0"
