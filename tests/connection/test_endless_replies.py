"""Pushes and handshakes that never end: their bytes are bounded."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import ProtocolError, Redis
from anyredis.connection.handshake_io import CHUNK
from anyredis.testing import FakeServer, Raw
from anyredis.testing.resp import encode
from tests.blocked_tasks import all_tasks_blocked
from tests.connection.listeners import RecordingListener, send


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("limit", [None, 3_000_000])
async def test_a_push_that_never_ends(exclusive: bool, limit: int | None) -> None:
    """G13: it closes the connection, after 1 MiB without a listener, else after `max_push_bytes`."""
    server = FakeServer()
    options: dict[str, Any] = {}
    if limit is not None:
        options = {"listeners": [RecordingListener()], "max_push_bytes": limit}
    most = limit or 1024 * 1024
    sent = 0
    made: Redis[bytes] = Redis(connection_pool=server.pool(**options))
    async with made as client:
        if exclusive:
            async with client.connection_pool.acquire():
                pass
        else:
            await client.ping()
        [connection] = client.connection_pool.connections()
        [peer] = server.peers
        send(peer, b">2\r\n+message\r\n$4000000000\r\n")
        while not connection.closed:
            send(peer, b"x" * 500_000)
            sent += 500_000
            await all_tasks_blocked()
            assert sent <= most + 500_000 + CHUNK
        assert sent >= most
        assert await client.ping()
        assert server.accepted == 2


@pytest.mark.parametrize("where", ["handshake", "behind it"])
async def test_a_handshake_that_never_ends(where: str) -> None:
    """G13: its bytes are bounded too, and those behind it are read without another receive."""
    server = FakeServer()
    if where == "handshake":
        server.greeting = b"$4000000000\r\n" + b"x" * 4_000_000
        with pytest.raises(ProtocolError, match="answered with more than"):
            async with server.client(retry=None) as client:
                await client.ping()
        return
    server.greeting = b">1\r\n+early\r\n"
    listener = RecordingListener()
    async with server.client(listeners=[listener]) as client:
        await client.ping()
    async with server.client(retry=None) as client:
        server.on("HELLO", lambda peer, words: Raw(encode(peer.run(words)) + b"*1000000000\r\n"))
        with pytest.raises(ProtocolError, match="announced an aggregate of 1000000000 elements"):
            await client.ping()
