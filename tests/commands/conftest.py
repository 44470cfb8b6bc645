"""A server of the test's own, of each kind that the commands' live tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis.server import Server, run
from tests.conftest import DEBUG
from tests.servers import redis8_binary, valkey_binary

BINARIES = {"valkey": valkey_binary, "redis8": redis8_binary}


@pytest.fixture(params=[*BINARIES])
async def own_server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """A Valkey 9.1, then a Redis 8.2, to reconfigure and to keep busy."""
    async with run(binary=BINARIES[request.param](), arguments=DEBUG) as server:
        yield server
