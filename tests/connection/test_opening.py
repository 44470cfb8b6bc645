"""Tests of `anyredis.connection.opening`: the stream and the handshake of one connection."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import DataError
from anyredis.exceptions import from_server
from anyredis.testing import FakeConnection, FakeServer


async def test_establishing_twice() -> None:
    """After `disconnect` nothing is left of the stream before, nor of its bytes."""
    server = FakeServer()
    connection = FakeConnection(server=server)
    await connection.establish()
    before = connection.wire
    server.peers[0].stream.deliver(b"$100\r\nthe beginning")
    await connection.disconnect()
    assert server.peers == []
    assert connection.wire is not before
    await connection.disconnect()
    await connection.establish()
    assert server.accepted == 2
    await connection.disconnect()


async def test_hello_in_any_words() -> None:
    """A server that does not know HELLO gets RESP2, on the same stream."""
    server = FakeServer()
    server.on("HELLO", from_server("ERR unknown command 'HELLO'"))
    connection = FakeConnection(server=server)
    await connection.establish()
    assert connection.server_info.protocol == 2
    assert server.accepted == 1
    await connection.disconnect()


def test_options_are_checked_at_once() -> None:
    """Before there is a stream."""
    wrong: list[dict[str, Any]] = [
        {"db": -1},
        {"protocol": 4},
        {"max_elements": 0},
        {"encoding": "no such"},
    ]
    for options in wrong:
        with pytest.raises(DataError):
            FakeConnection(server=FakeServer(), **options)
