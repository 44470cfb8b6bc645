"""The servers that the fake server is compared with, in the versions that it is modelled on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal

from anyredis.server import Cluster, Server, run, run_cluster
from tests.servers import ask, redis82_binary


@pytest.fixture(scope="session")
def shared_redis82(portal: BlockingPortal) -> Iterator[Server]:
    """The one Redis 8.2 of these tests; they want `redis82`."""
    scope = run(binary=redis82_binary(), unix_socket=True)
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture
def redis82(shared_redis82: Server) -> Server:
    """A Redis 8.2, empty."""
    ask(shared_redis82, "FLUSHALL")
    return shared_redis82


@pytest.fixture(scope="session")
def redis82_cluster(portal: BlockingPortal) -> Iterator[Cluster]:
    """A cluster of three Redis 8.2 without replicas."""
    scope = run_cluster(binary=redis82_binary(), replicas=0)
    with portal.wrap_async_context_manager(scope) as cluster:
        yield cluster
