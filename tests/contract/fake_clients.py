"""Clients of a fake server or cluster, and marks for tests of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from anyredis import Redis, RedisCluster
from anyredis.testing import FakeCluster, FakeServer
from tests.conftest import BACKENDS

Client: TypeAlias = Redis[bytes] | RedisCluster[bytes]

on_asyncio = pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
each_client = pytest.mark.parametrize("cluster", [False, True], ids=["server", "cluster"])


def make(cluster: bool) -> tuple[Client, Callable[[], int]]:
    """A client of a fake server or cluster, and a counter of its open connections."""
    if not cluster:
        server = FakeServer()
        return server.client(), lambda: len(server.peers)
    nodes = FakeCluster()
    return nodes.client(), lambda: sum(len(node.server.peers) for node in nodes.nodes)
