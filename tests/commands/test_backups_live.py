"""Backups of a real server: `nox -s redis810` has one that makes them, the others refuse them."""

from __future__ import annotations

import anyio
import pytest

from anyredis import Redis
from anyredis.exceptions import ResponseError, UnknownCommandError
from anyredis.server import run
from tests.servers import redis8_binary

pytestmark = pytest.mark.server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_backup(protocol: int) -> None:
    """A backup begins, gets its files, is sealed and removed; another one is cancelled."""
    async with (
        run(binary=redis8_binary(), arguments=["--appendonly", "yes"]) as server,
        Redis(host=server.host, port=server.port, protocol=protocol) as client,
    ):
        version = str((await client.info("server"))["redis_version"])
        if tuple(map(int, version.split("."))) < (8, 10):
            with pytest.raises(UnknownCommandError):
                await client.backup_status()
            return
        assert (await client.backup_status()).state == "idle"
        assert await client.backup_start() is True
        while not await client.backup_list():
            await anyio.sleep(0.02)
        assert await client.backup_seal() is True
        while (await client.backup_status()).state != "sealed":
            await anyio.sleep(0.02)
        sealed = await client.backup_status()
        assert sealed.end_time >= sealed.start_time > 0
        assert len(await client.backup_list()) == 3
        assert await client.backup_cleanup() is True
        assert await client.backup_list() == []
        with pytest.raises(ResponseError, match="No backup"):
            await client.backup_abort()
        assert await client.backup_start() is True
        assert await client.backup_abort() is True
