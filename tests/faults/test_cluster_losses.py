"""Connections that break just as replies come in: of commands that ran."""

from __future__ import annotations

from anyio.abc import ByteStream

from anyredis import ClusterConnection, ClusterConnectionPool, Outcome, RedisCluster
from anyredis.server import Cluster
from tests.faults.load import SHARDS, Load, load_on

LOSSES = 30
"""Few of the lost replies are those of an INCR, and the test needs one at least."""


class Lossy(ByteStream):
    """The connection *inner*; if *doomed* it breaks as soon as bytes come in."""

    def __init__(self, inner: ByteStream) -> None:
        self._inner = inner
        self.doomed = False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """The received bytes; raises `ConnectionResetError` instead if it is doomed."""
        data = await self._inner.receive(max_bytes)
        if self.doomed:
            raise ConnectionResetError("the network broke")
        return data

    async def send(self, item: bytes) -> None:
        """Send it."""
        await self._inner.send(item)

    async def send_eof(self) -> None:
        """Send no more."""
        await self._inner.send_eof()

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()


class LossyConnection(ClusterConnection):
    """A connection whose replies can be lost, all of them known to its class."""

    streams: list[Lossy]

    async def open_stream(self) -> ByteStream:
        """A stream that can be doomed."""
        self.streams.append(Lossy(await super().open_stream()))
        return self.streams[-1]


async def test_replies_are_lost_under_load(valkey_cluster: Cluster) -> None:
    """G11: a write that ran and whose reply was lost is unknown, and is not run again."""

    class Connection(LossyConnection):
        streams: list[Lossy] = []  # noqa: RUF012 - of this test

    pool = ClusterConnectionPool(
        host=valkey_cluster.host,
        port=valkey_cluster.port,
        connection_class=Connection,
        decode_responses=True,
    )
    async with RedisCluster(connection_pool=pool, decode_responses=True) as client:
        async with load_on(client, SHARDS) as load:
            for _ in range(LOSSES):
                await load.goes_on()
                for stream in Connection.streams:
                    stream.doomed = True
            await load.goes_on(2)
        assert load.kinds.keys() == {"ConnectionError"}
        assert {getattr(error, "outcome", None) for error in load.errors} == {Outcome.UNKNOWN}
        await load.check()
        assert await ran_though_unknown(client, load) > 0
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def ran_though_unknown(client: RedisCluster[str], load: Load) -> int:
    """How many increments there are that were not acknowledged."""
    total = 0
    for worker in load.workers:
        for books in worker.books:
            for book in books.counters:
                told = len(book.certain(lambda _slot, _write: True))
                total += int(await client.get(book.key) or 0) - told
    return total
