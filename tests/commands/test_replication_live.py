"""The roles of servers, on servers of the test's own: each method once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.reports.server_reports import PrimaryRole, ReplicaRole
from anyredis.server import run
from tests.servers import redis8_binary, valkey_binary

pytestmark = pytest.mark.server

QUICK = ("--repl-diskless-sync-delay", "0")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until *condition* holds."""
    while not await condition():
        await anyio.sleep(0.02)


@pytest.mark.parametrize("binary", [valkey_binary, redis8_binary], ids=["valkey", "redis8"])
async def test_roles(binary: Callable[[], Path]) -> None:
    """A server becomes a replica, exchanges roles with its primary, and is alone again."""
    async with (
        run(binary=binary(), arguments=QUICK) as one,
        run(binary=binary(), arguments=QUICK) as two,
        Redis(host=one.host, port=one.port, decode_responses=True) as first,
        Redis(host=two.host, port=two.port, decode_responses=True) as second,
    ):
        with pytest.raises(ResponseError, match="No failover"):
            await first.failover_abort()
        await first.set("k", "v")
        assert await second.replicaof(one.host, one.port) is True

        async def is_replicated() -> bool:
            role = await first.role()
            known = isinstance(role, PrimaryRole) and len(role.replicas) == 1
            return known and await second.get("k") == "v"

        await until(is_replicated)
        assert isinstance(await second.role(), ReplicaRole)
        two.pause()  # it gets no writes, so the failover waits for it
        try:
            await first.set("k", "w")
            assert await first.failover() is True
            assert await first.failover_abort() is True
        finally:
            two.resume()
        assert await first.failover(to=(two.host, two.port), timeout=5000, force=True) is True

        async def has_changed() -> bool:
            return isinstance(await second.role(), PrimaryRole)

        await until(has_changed)

        async def follows() -> bool:
            return isinstance(await first.role(), ReplicaRole)

        await until(follows)
        assert await first.replicaof_no_one() is True
        assert isinstance(await first.role(), PrimaryRole)
        assert await first.replicaof("NO", "ONE") is True
