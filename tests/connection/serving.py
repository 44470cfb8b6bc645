"""Helpers for tests of connections: a connection to a fake server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio

from anyredis import (
    BaseConnection,
)
from anyredis.command import Command, raw_command
from anyredis.testing import FakeConnection, FakePeer, FakeServer


@asynccontextmanager
async def connected(
    server: FakeServer, **options: Any
) -> AsyncGenerator[tuple[BaseConnection, FakePeer]]:
    """A connection that serves, and its peer in the fake server."""
    connection = FakeConnection(server=server, **options)
    await connection.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.serve)
        yield connection, server.peers[-1]
        connection.close("the test is over")


def echo(text: str) -> Command[Any]:
    """A command whose reply is *text*."""
    return raw_command("ECHO", text)
