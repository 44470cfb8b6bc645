"""A server in memory and its client, for tests that name no others."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis
from anyredis.testing import FakeServer


@pytest.fixture
async def server() -> FakeServer:
    """A server in memory."""
    return FakeServer()


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[Redis[str]]:
    """A client of `server`, which may have two connections."""
    async with server.client(decode_responses=True, max_connections=2) as client:
        yield client
