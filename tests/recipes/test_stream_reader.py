"""Tests of `anyredis.recipes.stream_reader`, on a fake server."""

from __future__ import annotations

import anyio
import pytest

from anyredis import DataError, WrongTypeError
from anyredis.recipes import ReaderEntry, StreamReader
from anyredis.testing import run_then_reset
from tests.recipes.stream_bench import StreamBench, add, until


async def test_from_the_beginning(bench: StreamBench) -> None:
    """It gets every entry in order, and its position is that of the last one."""
    async with bench.client() as client:
        await add(client, 7)
        async with StreamReader(client, "orders", start="0", prefetch=3) as reader:
            found = [await anext(reader) for _ in range(7)]
            assert found[0] == ReaderEntry("orders", "1-0", {"n": "1"})
            assert [each.id for each in found] == [f"{number}-0" for number in range(1, 8)]
            assert reader.position == {"orders": "7-0"}


async def test_from_the_end(bench: StreamBench) -> None:
    """`$` is the end at the time of entering, also of a stream that is missing."""
    async with bench.client() as client:
        await add(client, 3)
        async with StreamReader(client, ["orders", "returns"]) as reader:
            assert reader.position == {"orders": "3-0", "returns": "0-0"}
            await add(client, 1, first=4)
            await add(client, 1, "returns")
            found = {(await anext(reader))[:2] for _ in range(2)}
            assert found == {("orders", "4-0"), ("returns", "1-0")}


async def test_from_a_position(bench: StreamBench) -> None:
    """The position of one reader is the start of the next."""
    async with bench.client() as client:
        await add(client, 4)
        async with StreamReader(client, "orders", start="1-0") as first:
            await until(lambda: bench.server.count("XREAD") > 1)
            assert first.position == {"orders": "1-0"}
            assert (await anext(first)).id == "2-0"
        async with StreamReader(client, "orders", start=first.position) as second:
            assert (await anext(second)).id == "3-0"


async def test_a_lost_connection(bench: StreamBench) -> None:
    """It goes on where it was: nothing is lost, and nothing comes twice."""
    bench.server.on("XREAD", run_then_reset, times=2)
    async with (
        bench.client() as producer,
        bench.client(retry=None) as client,
        StreamReader(client, "orders") as reader,
    ):
        await add(producer, 2)
        assert [(await anext(reader)).id for _ in range(2)] == ["1-0", "2-0"]


async def test_cancelled_waits(bench: StreamBench) -> None:
    """A cancelled `anext` moves no position and loses no entry (G10)."""
    async with bench.client() as client, StreamReader(client, "orders", start="0") as reader:
        with anyio.move_on_after(0):
            await anext(reader)
        assert reader.position == {"orders": "0"}
        await add(client, 1)
        assert (await anext(reader)).id == "1-0"


async def test_reading_stops_while_nobody_takes(bench: StreamBench) -> None:
    """No more than `prefetch` entries are read ahead (G13)."""
    async with bench.client() as client:
        await add(client, 20)
        async with StreamReader(client, "orders", start="0", prefetch=4):
            await until(lambda: bench.server.count("XREAD"))
            reads = bench.server.count("XREAD")
            for _ in range(30):
                await client.ping()
            assert bench.server.count("XREAD") == reads


async def test_errors(bench: StreamBench) -> None:
    """One that does not pass is raised by the iteration; use outside the block is refused."""
    async with bench.client() as client:
        reader = StreamReader(client, "orders", start="0")
        with pytest.raises(RuntimeError, match="not open"):
            await anext(reader)
        await client.set("orders", "text")
        async with reader:
            with pytest.raises(WrongTypeError):
                await anext(reader)
            with pytest.raises(RuntimeError, match="in use"):
                await reader.__aenter__()
        with pytest.raises(WrongTypeError):
            await StreamReader(client, "orders").__aenter__()
        with pytest.raises(StopAsyncIteration):
            await anext(reader)


@pytest.mark.parametrize("start", [5, {"other": "0"}, {"orders": 7}])
async def test_starts_that_make_no_sense(bench: StreamBench, start: object) -> None:
    """They are refused when the reader is made."""
    make: type = StreamReader
    with pytest.raises(DataError, match="start"):
        make(bench.client(), "orders", start=start)
