"""Consumers on real servers: behind a bad network, with dead consumers, in clusters."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import anyio
import pytest

from anyredis import Redis, RedisCluster
from anyredis.recipes import Consumer, StreamReader
from anyredis.server import Cluster, Server
from tests.servers import ask
from tests.soak.bad_network import WEIGHTS, Fate, bad_network

COUNT = 3000

SERVERS = pytest.mark.parametrize("name", ["valkey", "redis8"])


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* is true; look now and then."""
    with anyio.fail_after(45):
        while not condition():
            await anyio.sleep(0.01)


async def add(client: Redis[str], count: int, first: int = 1) -> None:
    """Add *count* entries to `orders`, numbered from *first*."""
    async with client.pipeline(transaction=False) as pipe:
        for number in range(first, first + count):
            pipe.xadd("orders", {"n": number, "padding": "x" * 1000}, f"{number}-0")


@pytest.fixture
def quick_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections break often; a read waits 0.3 s at most, so a black hole is noticed soon."""
    monkeypatch.setitem(WEIGHTS, Fate.RESET, 40)
    monkeypatch.setitem(WEIGHTS, Fate.BLACKHOLE, 5)
    monkeypatch.setattr("anyredis.recipes.fetching.LONGEST_BLOCK", 0.3)
    monkeypatch.setattr("anyredis.recipes.stream_reader.BLOCK", 300)


@SERVERS
@pytest.mark.usefixtures("quick_failures")
async def test_a_bad_network_and_dead_consumers(request: pytest.FixtureRequest, name: str) -> None:
    """Every entry is processed at least once and none stays pending, whoever dies meanwhile."""
    server: Server = request.getfixturevalue(name)
    seen: Counter[int] = Counter()

    async def work(port: int, name: str, until_seen: int) -> None:
        async with (
            Redis(port=port, decode_responses=True, stream_timeout=1) as client,
            Consumer(client, "orders", group="billing", name=name, claim_idle=0.5) as entries,
        ):
            async for entry in entries:
                seen[int(entry.fields["n"])] += 1
                if len(seen) == until_seen:
                    raise ZeroDivisionError(name)

    async def dying(port: int, name: str, until_seen: int) -> None:
        with pytest.raises(ZeroDivisionError, match=name):
            await work(port, name, until_seen)

    async with Redis(server.host, server.port, decode_responses=True) as client:
        await client.xgroup_create("orders", "billing", "0", mkstream=True)
        await add(client, COUNT)
        await client.xreadgroup("billing", "dead", {"orders": ">"}, 150)
        async with (
            bad_network(server.port, random.Random(7)) as (network, port),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(dying, port, "first", COUNT // 3)
            tasks.start_soon(work, port, "second", -1)
            tasks.start_soon(dying, port, "third", COUNT // 2)
            await until(lambda: len(seen) == COUNT)
            network.calm = True
            assert network.fates["a reset"]
            await until(lambda: ask(server, "XPENDING", "orders", "billing") == [0, *[None] * 3])
            tasks.cancel_scope.cancel()
    assert set(seen) == set(range(1, COUNT + 1))


@pytest.mark.usefixtures("quick_failures")
async def test_a_reader_behind_a_bad_network(valkey: Server) -> None:
    """It gets every entry once, in order, however often its connection breaks (G1, G10)."""
    found: list[int] = []
    async with (
        bad_network(valkey.port, random.Random(11)) as (network, port),
        Redis(valkey.host, valkey.port, decode_responses=True) as producer,
        Redis(port=port, decode_responses=True, stream_timeout=1) as client,
        StreamReader(client, "orders", start="0", prefetch=50) as reader,
    ):
        for first in range(1, COUNT, COUNT // 10):
            await add(producer, COUNT // 10, first)
        async for entry in reader:
            found.append(int(entry.fields["n"]))
            if len(found) == COUNT:
                break
        assert network.fates["a reset"]
    assert found == list(range(1, COUNT + 1))
    assert reader.position == {"orders": f"{COUNT}-0"}


@pytest.mark.parametrize("name", ["valkey_cluster", "redis8_cluster"])
async def test_streams_of_several_slots(request: pytest.FixtureRequest, name: str) -> None:
    """One consumer reads all of them at once; dead letters go to a fourth slot."""
    cluster: Cluster = request.getfixturevalue(name)
    streams = ["a", "b", "c"]
    async with RedisCluster(cluster.host, cluster.port, decode_responses=True) as client:
        assert len({client.slot_of(each) for each in (*streams, "dead")}) == 4
        for stream in streams:
            for number in range(20):
                await client.xadd(stream, {"n": number})
        await client.xgroup_create("a", "g", "0")
        await client.xreadgroup("g", "gone", {"a": ">"}, 1)
        [poison] = await client.xpending_range("a", "g", "-", "+", 10)
        await client.xclaim("a", "g", "c1", 0, [poison.id], retrycount=5)
        seen: Counter[str] = Counter()
        async with Consumer(
            *(client, streams),
            group="g",
            name="c1",
            dead_letter="dead",
            max_deliveries=5,
        ) as entries:
            async for entry in entries:
                seen[entry.stream] += 1
                if seen.total() == 59:
                    await entry.ack()
                    break
        assert seen == {"a": 19, "b": 20, "c": 20}
        [dead] = await client.xrange("dead")
        assert dead.fields["dead-letter-id"] == poison.id
        for stream in streams:
            assert (await client.xpending(stream, "g")).pending == 0


async def test_a_reader_of_several_slots(valkey_cluster: Cluster) -> None:
    """It reads streams of all nodes at once, and knows the position of each."""
    async with (
        RedisCluster(valkey_cluster.host, valkey_cluster.port, decode_responses=True) as client,
        StreamReader(client, ["a", "b", "c"]) as reader,
    ):
        added = {each: await client.xadd(each, {"f": "v"}) for each in ("a", "b", "c")}
        for _ in range(3):
            await anext(reader)
        assert reader.position == added
