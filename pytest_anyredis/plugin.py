"""A pytest plugin: real servers and clients of them, emptied for each test.

Law: pytest loads this file in every project that has anyredis installed, also in those tests that
use none of it.  It imports nothing but pytest; a fixture loads what it needs.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest


def _fixtures() -> Any:
    """The module with the content of the fixtures, loaded when the first of them is used."""
    return importlib.import_module("anyredis.testing.fixtures")


@pytest.fixture(scope="session")
def anyredis_portal() -> Iterator[Any]:
    """An event loop in a thread of its own, which holds the scopes of the servers."""
    with _fixtures().portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def anyredis_shared_server(anyredis_portal: Any) -> Iterator[Any]:
    """The server of this run, started by `anyredis.server.run()`; override it for another one."""
    with _fixtures().server(anyredis_portal) as server:
        yield server


@pytest.fixture(scope="session")
def anyredis_shared_cluster(anyredis_portal: Any) -> Iterator[Any]:
    """The cluster of this run: three primaries; override it for another one."""
    with _fixtures().cluster(anyredis_portal) as cluster:
        yield cluster


@pytest.fixture
def anyredis_server(anyredis_portal: Any, anyredis_shared_server: Any) -> Any:
    """An empty `Server`, shared by the whole run: do not change its configuration."""
    anyredis_portal.call(_fixtures().empty, anyredis_shared_server)
    return anyredis_shared_server


@pytest.fixture
def anyredis_options() -> dict[str, Any]:
    """The options of both clients, ``decode_responses=True``; override it for others."""
    return {"decode_responses": True}


@pytest.fixture
async def anyredis_client(
    anyredis_server: Any, anyredis_options: dict[str, Any]
) -> AsyncIterator[Any]:
    """A `Redis[str]` of `anyredis_server`, on the event loop of the test; closed after it."""
    async with _fixtures().client(anyredis_server, anyredis_options) as client:
        yield client


@pytest.fixture
async def anyredis_cluster(
    anyredis_portal: Any, anyredis_shared_cluster: Any, anyredis_options: dict[str, Any]
) -> AsyncIterator[Any]:
    """A `RedisCluster[str]` of an empty cluster, on the event loop of the test; closed after it."""
    anyredis_portal.call(_fixtures().empty_cluster, anyredis_shared_cluster)
    async with _fixtures().cluster_client(anyredis_shared_cluster, anyredis_options) as client:
        yield client
