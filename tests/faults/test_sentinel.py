"""Failovers by real sentinels, under load.

Replication is asynchronous: a write that the old primary acknowledged and had not replicated to the
promoted replica is lost.  So a counter can fall back at a switch; it never exceeds the number of
increments, and the writes that the new primary acknowledged stay.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from anyredis import ConnectionError, Outcome, Redis, RedisError, Sentinel
from anyredis.sentinel.managed_connection import SentinelManagedConnection
from anyredis.server import run_sentinel
from tests.servers import Certificates, redis8_binary, redis_tls_binary, valkey_binary

pytestmark = pytest.mark.server

WITHIN = 5.0
"""Seconds after the switch within which everybody writes again, on a machine that is busy."""

PATIENCE = 20.0
"""Seconds after which what has to happen does not happen any more."""

AT_LEAST = 0.3
"""Seconds of load before a fault, and after the switch is over."""


@dataclass
class Writer:
    """Increments a counter of its own, *step* times at once."""

    key: str
    step: int
    acknowledged: list[float] = field(default_factory=list[float])
    """When."""
    last: int = 0
    doubtful: int = 0
    """Increments since then of which it is not known whether they ran."""
    trouble: list[str] = field(default_factory=list[str])

    async def write(self, client: Redis[str]) -> int:
        """The value of the counter."""
        if self.step == 1:
            return await client.incr(self.key)
        async with client.pipeline(transaction=self.step % 2 == 0) as pipe:
            results = [pipe.incr(self.key) for _ in range(self.step)]
        return results[-1].value

    async def run(self, client: Redis[str]) -> None:
        """Write until cancelled."""
        while True:
            try:
                value = await self.write(client)
            except ConnectionError as error:
                if error.outcome is Outcome.UNKNOWN:
                    self.doubtful += self.step
                else:
                    self.trouble.append(repr(error))
            except RedisError as error:
                self.trouble.append(repr(error))
            else:
                if value > self.last + self.doubtful + self.step:
                    self.trouble.append(f"{value} after {self.last}, {self.doubtful} in doubt")
                self.last, self.doubtful = value, 0
                self.acknowledged.append(anyio.current_time())
            await anyio.sleep(0.003)

    def pause_after(self, moment: float) -> float:
        """Seconds from *moment* until it wrote again."""
        return next((when for when in self.acknowledged if when > moment), math.inf) - moment


class Load:
    """Writers, pipelines and readers on one client, and an observer of the sentinels' answers."""

    def __init__(self, client: Redis[str], sentinel: Sentinel) -> None:
        self.client = client
        self.sentinel = sentinel
        steps = (1, 1, 1, 1, 1, 1, 2, 3, 4)
        self.writers = [Writer(f"n{at}", step) for at, step in enumerate(steps)]
        self.failed_reads: list[RedisError] = []

    async def _read(self) -> None:
        while True:
            try:
                await self.client.get("n0")
            except RedisError as error:
                self.failed_reads.append(error)
            await anyio.sleep(0.003)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """All at work, for some time before and after the block."""
        async with anyio.create_task_group() as tasks:
            for writer in self.writers:
                tasks.start_soon(writer.run, self.client)
            for _ in range(4):
                tasks.start_soon(self._read)
            await anyio.sleep(AT_LEAST)
            yield
            await anyio.sleep(AT_LEAST)
            tasks.cancel_scope.cancel()

    async def through(self, fault: Callable[[], Coroutine[Any, Any, object]]) -> float:
        """Cause *fault*; the longest pause of a writer after the sentinels' switch, in seconds."""
        old = await self.sentinel.primary_address()
        switched = math.inf
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fault)
            with anyio.fail_after(15):
                while (new := await self.sentinel.primary_address()) == old:
                    await anyio.sleep(0.01)
            switched = anyio.current_time()
            with anyio.fail_after(PATIENCE):
                while not self.has_moved_to(new, switched):
                    await anyio.sleep(0.01)
        return max(writer.pause_after(switched) for writer in self.writers)

    def has_moved_to(self, new: object, since: float) -> bool:
        """Whether all writers wrote again *since* then, and all connections are to *new*."""
        servers = {
            each.server
            for each in self.client.connection_pool.endpoint.server.connections()
            if isinstance(each, SentinelManagedConnection)
        }
        paused = any(writer.pause_after(since) == math.inf for writer in self.writers)
        return servers == {new} and not paused

    async def check(self) -> None:
        """No write ran twice, no read failed, none that the new primary took is lost."""
        assert self.failed_reads == []
        assert [writer.trouble for writer in self.writers] == [[] for _ in self.writers]
        for writer in self.writers:
            value = int(await self.client.get(writer.key) or 0)
            # Of the last write the reply may have been cut off by the end of the test.
            most = writer.last + writer.doubtful + writer.step
            assert writer.last <= value <= most, (writer.key, value)
        pool = self.client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0), repr(pool)


async def test_a_switch_that_was_ordered_and_a_crash() -> None:
    """Writes resume soon after each switch, and none runs twice (G1, G5, G11)."""
    async with run_sentinel(binary=valkey_binary()) as deployment:
        sentinel = Sentinel.from_url(deployment.url)
        async with sentinel.primary_for(decode_responses=True, max_connections=100) as client:
            load = Load(client, sentinel)
            async with load.running():
                assert await load.through(deployment.failover) < WITHIN
                await deployment.wait_until_ok()
                primary = await deployment.current_primary()
                assert await load.through(primary.kill) < WITHIN
            await load.check()


async def test_a_primary_that_stops() -> None:
    """A primary that says nothing any more is left when the sentinels leave it (G5, G11)."""
    async with run_sentinel(binary=redis8_binary()) as deployment:
        sentinel = Sentinel(deployment.addresses, name=deployment.name)
        async with sentinel.primary_for(decode_responses=True, shared_connections=2) as client:
            load = Load(client, sentinel)

            async def stop() -> None:
                deployment.primary.pause()

            try:
                async with load.running():
                    assert await load.through(stop) < WITHIN
                await load.check()
            finally:
                deployment.primary.resume()


async def test_passwords_and_tls(certificates: Certificates) -> None:
    """Servers and sentinels have each their password and certificate (G15)."""
    async with run_sentinel(
        binary=redis_tls_binary(),
        tls=certificates.server_files(),
        password="of the servers",
        sentinel_password="of the sentinels",
    ) as deployment:
        ca: dict[str, Any] = {
            "ssl_ca_certs": str(certificates.ca),
            "sentinel_ssl": True,
            "sentinel_ssl_ca_certs": str(certificates.ca),
        }
        passwords: dict[str, Any] = {
            "password": "of the servers",
            "sentinel_password": "of the sentinels",
        }
        sentinel = Sentinel.from_url(deployment.url, **ca, **passwords)
        async with sentinel.primary_for(decode_responses=True, shared_connections=0) as client:
            load = Load(client, sentinel)
            async with load.running():
                assert await load.through(deployment.primary.kill) < WITHIN
            await load.check()
        url = deployment.url
        plain = {"ssl_ca_certs": ca["ssl_ca_certs"]}
        await refused(Sentinel.from_url(url, **ca, password="of the servers"), "NOAUTH")
        await refused(Sentinel.from_url(url, **plain, **passwords), "no sentinel answers")


async def refused(sentinel: Sentinel, why: str) -> None:
    """No client of *sentinel* works, and no message shows a password."""
    async with sentinel.primary_for(connect_timeout=1, retry=None) as client:
        with pytest.raises(ConnectionError, match=why) as caught:
            await client.get("k")
    assert "of the se" not in str(caught.value)
