"""What tests of lanes need: real servers, with TLS for the lanes that want it, and a TLS lane."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from anyio.from_thread import BlockingPortal

from anyredis.server import Server, run
from tests.conftest import DEBUG
from tests.connection.lanes import LaneKind
from tests.connection.tls_bench import Bench
from tests.servers import Certificates, redis_tls_binary, valkey_binary


@pytest.fixture
def lane_server(kind: LaneKind, portal: BlockingPortal, request: pytest.FixtureRequest) -> Server:
    """A shared server, empty, whose TCP port is for lanes of *kind*."""
    name = "redis_tls" if kind.startswith("tls") else "valkey"
    server: Server = request.getfixturevalue(name)
    return server


@pytest.fixture
async def private_lane_server(
    kind: LaneKind, portal: BlockingPortal, certificates: Certificates
) -> AsyncIterator[Server]:
    """A server of this test alone, whose TCP port is for lanes of *kind*."""
    encrypted = kind.startswith("tls")
    binary = redis_tls_binary() if encrypted else valkey_binary()
    files = certificates.server_files() if encrypted else None
    async with run(binary=binary, unix_socket=True, arguments=DEBUG, tls=files) as server:
        yield server


@pytest.fixture
async def bench() -> Bench:
    """A lane that runs."""
    bench = Bench()
    await bench.lane.run()
    assert bench.below.said == ["run"]
    return bench
