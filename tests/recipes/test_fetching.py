"""Tests of `anyredis.recipes.fetching`: history, claims, failures."""

from __future__ import annotations

import pytest

from anyredis import BusyLoadingError, ConnectionError, NoPermissionError, Outcome, Retry
from anyredis.exceptions import from_server
from anyredis.recipes import Consumer
from anyredis.testing import run_then_reset
from tests.recipes.stream_bench import StreamBench, add, consumer, left_by, take, until


async def test_a_group_whose_creation_was_told_to_nobody(bench: StreamBench) -> None:
    """The lost reply is no error: the next try finds the group, and all entries come."""
    bench.server.on("XGROUP", run_then_reset, times=1)
    async with bench.client() as client:
        ids = await add(client, 2)
        async with consumer(client) as entries:
            assert bench.server.count("XGROUP") == 2
            assert [each.id for each in await take(entries, 2)] == ids


@pytest.mark.parametrize(("retry", "tries"), [(None, 1), (Retry(attempts=2), 3)])
async def test_creating_a_group_again_has_a_bound(
    bench: StreamBench, retry: Retry | None, tries: int
) -> None:
    """After the tries of the client's `retry` the error is raised, and says what is not known."""
    bench.server.on("XGROUP", run_then_reset)
    async with bench.client(retry=retry) as client:
        with pytest.raises(ConnectionError) as caught:
            async with consumer(client):
                raise AssertionError("not reached")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert bench.server.count("XGROUP") == tries
        assert client.connection_pool.leased == 0


async def test_a_group_that_the_server_does_not_create_now(bench: StreamBench) -> None:
    """What was not run is repeated by the client alone: the tries do not multiply."""
    bench.server.on("XGROUP", from_server("LOADING Redis is loading the dataset in memory"))
    async with bench.client(retry=Retry(attempts=2)) as client:
        with pytest.raises(BusyLoadingError):
            async with consumer(client):
                raise AssertionError("not reached")
    assert bench.server.count("XGROUP") == 3


async def test_a_stream_that_is_deleted(
    bench: StreamBench, caplog: pytest.LogCaptureFixture
) -> None:
    """The group is created again, which is logged, and the consumer goes on."""
    async with bench.client() as client, consumer(client) as entries:
        iterator = aiter(entries)
        await bench.server.wait_for("XREADGROUP", 1)
        await client.delete("orders")
        await bench.server.wait_for("XGROUP", 2)
        await add(client, 1)
        assert (await anext(iterator)).id == "1-0"
    assert "the group 'billing' of the stream 'orders' was gone" in caplog.text


async def test_a_lost_reply_of_reading(bench: StreamBench) -> None:
    """Entries whose delivery was lost with the connection are found again, in order."""
    bench.server.on("XREADGROUP", run_then_reset, times=1)
    async with bench.client() as client:
        ids = await add(client, 5)
        async with consumer(client) as entries:
            found = await take(entries, 5)
            assert [each.id for each in found] == ids
            assert {each.deliveries for each in found} == {2}
            await found[-1].ack()
        assert bench.pending() == {}


async def test_a_server_that_is_gone_for_a_while(bench: StreamBench) -> None:
    """The consumer goes on when it is back."""
    async with bench.client(retry=None) as client, consumer(client) as entries:
        await bench.server.wait_for("XREADGROUP")
        bench.server.down = True
        bench.server.reset()
        await until(lambda: client.connection_pool.connecting)
        bench.server.down = False
        async with bench.client() as other:
            await add(other, 1)
        assert [each.id for each in await take(entries, 1)] == ["1-0"]


async def test_an_error_that_does_not_pass(bench: StreamBench) -> None:
    """Each iterator raises it, with its own traceback."""
    bench.server.on("XREADGROUP", from_server("NOPERM User a has no permissions"))
    async with bench.client() as client, consumer(client) as entries:
        for _ in range(2):
            with pytest.raises(NoPermissionError):
                await anext(aiter(entries))


async def test_its_own_history_comes_first(bench: StreamBench) -> None:
    """What an earlier consumer of the same name left is delivered again, before new entries."""
    async with bench.client() as client:
        await left_by(client, "c1")
        await add(client, 1, first=4)
        async with consumer(client) as entries:
            found = await take(entries, 4)
        assert [(each.id, each.deliveries) for each in found] == [
            *(("1-0", 2), ("2-0", 2), ("3-0", 2)),
            ("4-0", 1),
        ]


async def test_entries_of_a_dead_consumer(bench: StreamBench) -> None:
    """After the claim time they are this consumer's, with their deliveries."""
    async with bench.client() as client:
        await left_by(client, "dead")
        bench.clock.advance(60)
        async with consumer(client) as entries:
            found = await take(entries, 3)
            assert [(each.id, each.deliveries) for each in found] == [
                *(("1-0", 2), ("2-0", 2), ("3-0", 2))
            ]
        # The last one was begun: its delivery counts, and it is not handed back.
        assert bench.pending() == {"3-0": ("c1", 2)}


async def test_a_claimed_entry_that_was_given_up(bench: StreamBench) -> None:
    """It comes again after the claim time, not after a lost connection."""
    async with bench.client() as client:
        await left_by(client, "dead")
        bench.clock.advance(60)
        async with consumer(client) as entries:
            await take(entries, 3)
            reads = bench.server.count("XREADGROUP")
            bench.server.reset()
            await bench.server.wait_for("XREADGROUP", reads + 1)
            await add(client, 1, first=4)
            assert [each.id for each in await take(entries, 1)] == ["4-0"]


async def test_an_entry_in_hand_that_was_idle_for_too_long(bench: StreamBench) -> None:
    """If its claim could not be renewed, the consumer that works on it does not get it again."""
    async with bench.client(retry=None) as client:
        await add(client, 1)
        mine = Consumer(client, "orders", group="billing", name="c1", claim_idle=0.2)
        async with mine as entries:
            iterator = aiter(entries)
            assert (await anext(iterator)).id == "1-0"
            bench.server.on("XPENDING", from_server("LOADING the dataset"))
            claims = bench.server.count("XAUTOCLAIM")

            def claimed_twice() -> bool:
                bench.clock.advance(0.2)  # reads that wait end, too
                return bench.server.count("XAUTOCLAIM") >= claims + 2

            await until(claimed_twice)
            bench.server.off("XPENDING")
            await add(client, 1, first=2)
            assert (await anext(iterator)).id == "2-0"


async def test_entries_that_are_not_idle(bench: StreamBench) -> None:
    """What another consumer got shortly before is left to it."""
    async with bench.client() as client:
        await left_by(client, "busy")
        bench.clock.advance(59)
        async with consumer(client) as entries:
            await add(client, 1, first=4)
            assert [each.id for each in await take(entries, 1)] == ["4-0"]
        assert {name for name, _ in list(bench.pending().values())[:3]} == {"busy"}


async def test_a_pending_entry_that_was_deleted(bench: StreamBench) -> None:
    """It is skipped, and pending no more."""
    async with bench.client() as client:
        await left_by(client, "c1")
        await client.xdel("orders", "2-0")
        async with consumer(client) as entries:
            assert [each.id for each in await take(entries, 2)] == ["1-0", "3-0"]
            assert list(bench.pending()) in (["1-0", "3-0"], ["3-0"])
