"""Hot keys on a real server: `nox -s redis810` has one that knows them, the others refuse them."""

from __future__ import annotations

import pytest

from anyredis import Redis
from anyredis.exceptions import UnknownCommandError
from anyredis.server import Server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_hot_keys(protocol: int, redis8: Server) -> None:
    """The keys that cost most are counted while they are tracked, and known until they are reset."""
    async with Redis(host=redis8.host, port=redis8.port, protocol=protocol) as client:
        version = str((await client.info("server"))["redis_version"])
        if tuple(map(int, version.split("."))) < (8, 6):
            with pytest.raises(UnknownCommandError):
                await client.hotkeys_get()
            return
        assert await client.hotkeys_get() is None
        assert await client.hotkeys_start(["CPU", "NET"], count=5, duration=60) is True
        await client.set("a", 1)
        hot = await client.hotkeys_get()
        assert hot is not None
        assert (hot.tracking, hot.slots) == (True, [(0, 16383)])
        assert set(hot.by_net_bytes) == {"a"}
        assert hot.sums["total-net-bytes"] > 0
        assert await client.hotkeys_stop() is True
        assert await client.hotkeys_stop() is True
        stopped = await client.hotkeys_get()
        assert stopped is not None
        assert stopped.tracking is False
        assert await client.hotkeys_reset() is True
        assert await client.hotkeys_get() is None
