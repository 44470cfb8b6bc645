"""Tests of `anyredis.connection.unix`: connections over a Unix socket."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import ConnectionPool, DataTypeError, Redis, UnixDomainSocketConnection
from anyredis.server import Server
from tests.servers import ask


async def test_it_reaches_a_server(valkey: Server) -> None:
    """By path, by URL, and as the connection_class of a pool."""
    path = valkey.unix_socket_path
    assert path is not None
    async with Redis(unix_socket_path=path) as client:
        await client.set("k", "v")
    async with Redis.from_url(f"unix://{path}", decode_responses=True) as client_of_url:
        assert await client_of_url.get("k") == "v"
    pool = ConnectionPool(connection_class=UnixDomainSocketConnection, path=path)
    async with Redis(connection_pool=pool) as client:
        assert await client.get("k") == b"v"
        assert b"unixsocket" not in repr(client).encode()
        assert path in repr(client)


async def test_it_is_a_unix_socket(valkey: Server) -> None:
    """The server lists it with the path of the socket."""
    async with Redis(unix_socket_path=valkey.unix_socket_path, client_name="by-path") as client:
        await client.ping()
        listing = ask(valkey, "CLIENT", "LIST")
        assert isinstance(listing, bytes)
        [line] = [line for line in listing.splitlines() if b"name=by-path" in line]
        assert str(valkey.unix_socket_path).encode() in line


@pytest.mark.parametrize("path", ["", None, 7])
def test_an_invalid_path(path: Any) -> None:
    """It is refused at once."""
    with pytest.raises(DataTypeError, match="path has to be the path of a Unix socket"):
        UnixDomainSocketConnection(path=path)
