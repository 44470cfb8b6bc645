"""A pytest plugin: the fixture `anyredis_server`, a real server for tests sync and async."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from anyredis.client.redis import Redis
from anyredis.server import Server, run


@pytest.fixture(scope="session")
def anyredis_portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread of its own, which holds the scope of the server."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def anyredis_shared_server(anyredis_portal: BlockingPortal) -> Iterator[Server]:
    """The server of this run, started by `anyredis.server.run()`; override it for another one."""
    with anyredis_portal.wrap_async_context_manager(run()) as server:
        yield server


@pytest.fixture
def anyredis_server(anyredis_portal: BlockingPortal, anyredis_shared_server: Server) -> Server:
    """An empty server, shared by the whole run: do not change its configuration."""
    anyredis_portal.call(_empty, anyredis_shared_server.url)
    return anyredis_shared_server


async def _empty(url: str) -> None:
    async with Redis.from_url(url) as client:
        await client.flushall()
