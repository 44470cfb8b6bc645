"""Scripts, transactions, subscriptions and consumers through real sentinels, across failovers.

Replication is asynchronous, so what the old primary acknowledged may be lost with it.  Each check is
about what the new primary has, or about what was written after the switch.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import ConnectionError, Dropped, Gap, Message, Redis, Sentinel, Transaction
from anyredis.recipes import Consumer, StreamReader
from anyredis.recipes.fetching import id_order
from anyredis.server import SentinelDeployment, run_sentinel
from tests.servers import valkey_binary

pytestmark = pytest.mark.server

ADD = "return redis.call('incrby', KEYS[1], ARGV[1])"

LIBRARY = """#!lua name=adding
redis.register_function('add', function(keys, args)
  return redis.call('incrby', keys[1], args[1])
end)"""


@pytest.fixture(scope="module")
def deployment(portal: BlockingPortal) -> Iterator[SentinelDeployment]:
    """A Valkey with a replica and three sentinels."""
    scope = run_sentinel(binary=valkey_binary())
    with portal.wrap_async_context_manager(scope) as deployment:
        yield deployment


@pytest.fixture
async def client(deployment: SentinelDeployment) -> AsyncGenerator[Redis[str]]:
    """A client of the primary, which has no data."""
    await deployment.wait_until_ok()
    sentinel = Sentinel.from_url(deployment.url)
    async with sentinel.primary_for(decode_responses=True, max_connections=20) as client:
        await client.flushall()
        yield client
        pool = client.connection_pool
        assert (pool.leased, pool.connecting) == (0, 0), repr(pool)


async def add_one(tx: Transaction[str]) -> int:
    """Read a number, and write the next one."""
    value = int(await tx.get("total") or 0) + 1
    async with tx.pipeline() as pipe:
        pipe.set("total", value)
    return value


async def test_the_primary_runs_them_all(client: Redis[str]) -> None:
    """A script, a function, a transaction, a subscription, a consumer and a monitor work."""
    script = client.register_script(ADD)
    assert await script(keys=["n"], args=[2]) == 2
    async with client.pipeline() as pipe:
        first, second = pipe.script(script, keys=["n"], args=[3]), pipe.get("n")
    assert (first.value, second.value) == (5, "5")
    assert await client.function_load(LIBRARY, replace=True) == "adding"
    assert await client.fcall("add", 1, "n", 4) == 9
    assert [await client.transaction(add_one, "total") for _ in range(3)] == [1, 2, 3]
    async with client.subscribe("a") as messages:
        assert await client.publish("a", "1") == 1
        assert await anext(messages) == Message("message", "a", "1")
    async with client.monitor() as commands:
        await client.echo("hello")
        while (await anext(commands)).args != ("ECHO", "hello"):
            pass
    await client.xadd("orders", {"n": 1})
    async with Consumer(client, "orders", group="billing", name="c1") as entries:
        async for entry in entries:
            await entry.ack()
            break
    assert (await client.xpending("orders", "billing")).pending == 0


class Load:
    """Everything at once on one client, during a failover."""

    def __init__(self, client: Redis[str]) -> None:
        self.client = client
        self.processed: set[str] = set()
        self.read: list[str] = []
        self.heard: list[int] = []
        self.gaps: list[Gap[str]] = []
        self.published = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """All at work during the block."""
        async with (
            anyio.create_task_group() as tasks,
            self.client.subscribe("news") as messages,
            Consumer(self.client, "orders", group="billing", name="c1", claim_idle=1) as entries,
            StreamReader(self.client, "orders", start="0") as reader,
        ):
            work: tuple[Any, ...] = (self._write, self._publish)
            for each in work:
                tasks.start_soon(each)
            tasks.start_soon(self._listen, messages)
            tasks.start_soon(self._consume, entries)
            tasks.start_soon(self._read, reader)
            yield
            tasks.cancel_scope.cancel()

    async def _write(self) -> None:
        """Transactions, scripts and entries; a write whose reply was lost is no error here."""
        script = self.client.register_script(ADD)
        while True:
            try:
                await self.client.transaction(add_one, "total")
                await script(keys=["n"], args=[1])
                await self.client.xadd("orders", {"item": "tea"})
            except ConnectionError:
                await anyio.sleep(0.01)
            await anyio.sleep(0.003)

    async def _publish(self) -> None:
        while True:
            self.published += 1
            try:
                await self.client.publish("news", self.published)
            except ConnectionError:
                await anyio.sleep(0.01)
            await anyio.sleep(0.003)

    async def _listen(self, messages: Any) -> None:
        message: Message[str] | Gap[str] | Dropped
        async for message in messages:
            if isinstance(message, Message):
                self.heard.append(int(message.data))
            elif isinstance(message, Gap):
                self.gaps.append(message)

    async def _consume(self, entries: Consumer[str]) -> None:
        async for entry in entries:
            self.processed.add(entry.id)

    async def _read(self, reader: StreamReader[str]) -> None:
        async for entry in reader:
            self.read.append(entry.id)

    async def progress(self) -> None:
        """Wait until everything has gone on from now."""
        number = self.published + 1
        total = int(await self.client.get("total") or 0)
        entry = await self.client.xadd("orders", {"item": "cake"})
        with anyio.fail_after(20):
            while not (
                self.heard
                and self.heard[-1] > number
                and entry in self.processed
                and entry in self.read
                and int(await self.client.get("total") or 0) > total + 3
            ):
                await anyio.sleep(0.01)

    async def finish(self, entries: list[str]) -> None:
        """Process what is left of *entries*, until none is pending."""
        async with Consumer(self.client, "orders", group="billing", name="c1") as consumer:
            left = aiter(consumer)
            while (
                not self.processed.issuperset(entries)
                or (await self.client.xpending("orders", "billing")).pending
            ):
                entry = await anext(left)
                self.processed.add(entry.id)
                await entry.ack()


@pytest.mark.parametrize("crash", [False, True], ids=["ordered", "crash"])
async def test_a_failover(deployment: SentinelDeployment, client: Redis[str], crash: bool) -> None:
    """All go on at the new primary: each entry there is processed, a gap is told, order is kept."""
    load = Load(client)
    old = await deployment.current_primary()
    async with load.running():
        await load.progress()
        assert load.gaps == []
        if crash:
            await old.kill()
            await deployment.wait_until_ok()
        else:
            await deployment.failover()
        new = await deployment.current_primary()
        assert new is not old
        await load.progress()
    assert await client.config_get("port") == {"port": str(new.port)}
    entries = [entry.id for entry in await client.xrange("orders")]
    with anyio.fail_after(20):
        await load.finish(entries)
    assert load.processed.issuperset(entries)
    assert load.read == sorted(load.read, key=id_order)
    last = id_order(load.read[-1])
    assert {each for each in entries if id_order(each) <= last} <= {*load.read}
    assert load.heard == sorted(load.heard)
    assert load.gaps
    assert all(gap.channels == {"news"} for gap in load.gaps)
    if crash:
        await old.start()
        await deployment.wait_until_ok()
