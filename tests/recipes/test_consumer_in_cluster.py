"""Consumers of streams in a fake cluster, whose slots move and whose nodes die."""

from __future__ import annotations

import pytest

from anyredis import RedisCluster
from anyredis.recipes import Consumer, StreamReader
from anyredis.testing import FakeCluster, VirtualClock
from tests.recipes.stream_bench import until

STREAMS = ["a", "b", "c"]


@pytest.fixture(autouse=True)
def quick_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot map may be refreshed again at once: a fake cluster has no load."""
    monkeypatch.setattr("anyredis.cluster.nodes.topology.PAUSE", 0.005)
    monkeypatch.setattr("anyredis.cluster.nodes.topology.GRACE", 0.005)


class Cluster:
    """A fake cluster of three primaries with replicas, and the entries that were added to it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.fake = FakeCluster(replicas=1, clock=self.clock)
        self.added: set[tuple[str, str]] = set()

    def client(self) -> RedisCluster[str]:
        """A client of it."""
        return self.fake.client(decode_responses=True)

    async def add(self, client: RedisCluster[str]) -> None:
        """An entry in each stream."""
        for stream in STREAMS:
            self.added.add((stream, await client.xadd(stream, {"f": "v"})))

    @property
    def reads(self) -> int:
        """The number of reads that any node received."""
        return sum(each.server.count("XREADGROUP") for each in self.fake.nodes)

    def time_passes(self) -> None:
        """Reads that wait on a server give up after a while."""
        self.clock.advance(0.05)


@pytest.fixture
def cluster() -> Cluster:
    """A fake cluster."""
    return Cluster()


async def test_slots_that_move(cluster: Cluster) -> None:
    """A consumer follows its streams to other nodes, and acknowledges there."""
    seen: set[tuple[str, str]] = set()
    async with cluster.client() as client:
        consumer = Consumer(client, STREAMS, group="g", name="c")
        async with consumer as entries:
            iterator = aiter(entries)
            for node in cluster.fake.nodes[:3]:
                await cluster.add(client)
                while seen != cluster.added:
                    entry = await anext(iterator)
                    seen.add((entry.stream, entry.id))
                    await entry.ack()
                for stream in STREAMS:
                    cluster.fake.move(cluster.fake.slot_of(stream), node)
                reads = cluster.reads

                def reads_again(before: int = reads) -> bool:
                    cluster.time_passes()
                    return cluster.reads > before + len(STREAMS)

                await until(reads_again)
        for stream in STREAMS:
            assert (await client.xpending(stream, "g")).pending == 0


@pytest.mark.parametrize("kind", ["consumer", "reader"])
async def test_a_primary_that_dies(cluster: Cluster, kind: str) -> None:
    """They go on with the replica that took its place."""
    seen: set[tuple[str, str]] = set()
    async with cluster.client() as client:
        entries: Consumer[str] | StreamReader[str] = (
            Consumer(client, STREAMS, group="g", name="c")
            if kind == "consumer"
            else StreamReader(client, STREAMS)
        )
        async with entries:
            await cluster.add(client)
            iterator = aiter(entries)
            while seen != cluster.added:
                entry = await anext(iterator)
                seen.add((entry.stream, entry.id))
            primary = cluster.fake.node_of("a")
            [replica] = [each for each in cluster.fake.nodes if each.primary is primary]
            cluster.fake.fail(primary)
            cluster.fake.promote(replica)
            async with cluster.client() as producer:
                await cluster.add(producer)
            while seen != cluster.added:
                entry = await anext(iterator)
                seen.add((entry.stream, entry.id))


async def test_dead_letters_in_another_slot(cluster: Cluster) -> None:
    """Without a transaction a dead letter is added before its entry is acknowledged."""
    async with cluster.client() as client:
        entry_id = await client.xadd("a", {"f": "v"})
        await client.xgroup_create("a", "g", "0")
        await client.xreadgroup("g", "c", {"a": ">"})
        async with Consumer(client, "a", group="g", name="c", dead_letter="b", max_deliveries=1):
            node = cluster.fake.node_of("a")
            await until(lambda: node.server.count("XACK"))
        [dead] = await client.xrange("b")
        assert dead.fields["dead-letter-id"] == entry_id
        assert (await client.xpending("a", "g")).pending == 0


@pytest.mark.parametrize(
    ("streams", "leases"), [(STREAMS, 3), (["{x}:a", "{x}:b", "{x}:c"], 1)], ids=["slots", "tag"]
)
async def test_the_streams_of_a_slot_need_one_lease(
    cluster: Cluster, streams: list[str], leases: int
) -> None:
    """While it waits, a consumer holds one lease for each slot of its streams."""
    async with cluster.client() as client:
        async with Consumer(client, streams, group="g", name="c"):
            await until(lambda: cluster.reads >= leases and client.connection_pool.leased == leases)
        assert client.connection_pool.leased == 0
