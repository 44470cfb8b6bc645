"""Saving on real servers: each method once, on every server that knows it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError
from anyredis.server import Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def finished(client: Redis[str]) -> None:
    """Return once nothing is being saved."""
    while True:
        info = await client.info("persistence")
        if not info["rdb_bgsave_in_progress"] and not info["aof_rewrite_in_progress"]:
            return


async def test_save(client: Redis[str]) -> None:
    """The data is saved at once or in the background, and the time of the save is known."""
    await finished(client)
    assert await client.save() is True
    saved = await client.lastsave()
    assert abs(datetime.datetime.now(datetime.UTC) - saved) < datetime.timedelta(seconds=60)
    assert await client.bgsave(schedule=False) is True
    await finished(client)
    assert await client.bgsave() is True
    await finished(client)
    assert await client.bgrewriteaof() is True
    await finished(client)


async def test_bgsave_cancel(private_server: Server) -> None:
    """A save that waits is cancelled; without one there is an error."""
    async with Redis(host=private_server.host, port=private_server.port) as client:
        with pytest.raises(ResponseError, match="not in progress"):
            await client.bgsave_cancel()
        async with client.pipeline() as pipe:
            pipe.bgsave()
            cancelled = pipe.bgsave_cancel()
        assert cancelled.value is True
