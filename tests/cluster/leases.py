"""The leases of a cluster's pool."""

from __future__ import annotations

from anyredis import RedisCluster


def whole(client: RedisCluster[bytes]) -> bool:
    """Whether the pool has all its leases back."""
    pool = client.connection_pool
    return (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)
