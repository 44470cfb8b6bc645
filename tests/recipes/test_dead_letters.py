"""Tests of `anyredis.recipes.dead_letters`: entries that always fail."""

from __future__ import annotations

from anyredis import Redis
from anyredis.recipes import Consumer
from anyredis.testing import run_then_reset
from tests.recipes.stream_bench import StreamBench, add, left_by, take, until


async def test_an_entry_that_always_fails(bench: StreamBench) -> None:
    """After its last delivery it goes to the dead-letter stream, with its origin."""
    async with bench.client() as client:
        await add(client, 1)
        for attempt in (1, 2):
            async with with_dead_letters(client, "c1") as entries:
                [entry] = await take(entries, 1)
                assert entry.deliveries == attempt
        bench.clock.advance(60)
        async with with_dead_letters(client, "c2"):
            await until(lambda: not bench.pending())
        [dead] = await client.xrange("dead")
        assert dead.fields == {
            "n": "1",
            "dead-letter-stream": "orders",
            "dead-letter-group": "billing",
            "dead-letter-id": "1-0",
            "dead-letter-deliveries": "2",
        }


async def test_a_dead_letter_whose_reply_was_lost(bench: StreamBench) -> None:
    """One transaction moves it: it is in the dead-letter stream once, and pending no more."""
    bench.server.on("EXEC", run_then_reset, times=1)
    async with bench.client() as client:
        await left_by(client, "c1")
        await client.xclaim("orders", "billing", "c1", 0, ["1-0"], retrycount=2)
        async with with_dead_letters(client, "c1") as entries:
            assert [each.id for each in await take(entries, 2)] == ["2-0", "3-0"]
            await until(lambda: "1-0" not in bench.pending())
        assert await client.xlen("dead") == 1


def with_dead_letters(client: Redis[str], name: str) -> Consumer[str]:
    """A consumer that gives an entry up after two deliveries."""
    return Consumer(
        client, "orders", group="billing", name=name, dead_letter="dead", max_deliveries=2
    )
