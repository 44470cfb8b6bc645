"""Tests of `anyredis.cluster.nodes.blocking_pool`: a lease too many waits."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    ClusterConnectionPool,
    DataError,
    PoolTimeoutError,
    RedisCluster,
)
from anyredis.cluster.nodes.cluster_options import (
    BlockingClusterConnectionPoolOptions,
    ClusterConnectionPoolOptions,
)
from anyredis.testing import FakeCluster, FakeClusterConnection


def test_the_options() -> None:
    """They are those of the strict pool, and the time to wait; 50 leases by default."""
    own = BlockingClusterConnectionPoolOptions.__annotations__.keys()
    assert own - ClusterConnectionPoolOptions.__annotations__.keys() == {"timeout"}
    names = set(inspect.signature(BlockingClusterConnectionPool).parameters)
    assert names == {"max_connections", "timeout", "arguments"}
    for pool in (
        BlockingClusterConnectionPool(),
        BlockingClusterConnectionPool(max_connections=None),
    ):
        assert (pool.capacity, pool.strict) == (50, False)
    assert ClusterConnectionPool(max_connections=None).capacity == 2**31


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "1", True])
def test_a_bad_timeout(wrong: Any) -> None:
    """It is refused at once."""
    with pytest.raises(DataError, match="timeout has to be"):
        BlockingClusterConnectionPool(timeout=wrong)


async def test_a_lease_too_many_waits() -> None:
    """The timeout of a client is that of its pool (G7), also from a URL."""
    cluster = FakeCluster()
    pool = BlockingClusterConnectionPool.from_url(
        f"redis://{cluster.nodes[0].address}?timeout=0.01&max_connections=1",
        connection_class=FakeClusterConnection,
        cluster=cluster,
    )
    async with RedisCluster(connection_pool=pool) as client, client.session("foo"):
        with pytest.raises(PoolTimeoutError, match=r"stayed in use for 0\.01 s"):
            await client.get("foo")
