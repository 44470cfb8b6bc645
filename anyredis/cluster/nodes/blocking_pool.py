"""The pool for a cluster whose callers wait for a lease.

Law: it differs from `ClusterConnectionPool` in its limit only.
"""

from __future__ import annotations

from typing import Any, Self, Unpack, overload

from anyredis.cluster.nodes.cluster_options import BlockingClusterConnectionPoolOptions
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.nodes.node_connection import ClusterConnection
from anyredis.credentials import hidden, hide
from anyredis.pool.limit import BLOCKING, Limit, WaitingCapacity


class BlockingClusterConnectionPool(ClusterConnectionPool):
    """Connections to the nodes of a cluster; a lease too many waits, up to *timeout* seconds.

    The other arguments are those of `ClusterConnectionPool`, with *max_connections* 50 by default.
    After *timeout* seconds `PoolTimeoutError` is raised; None waits for ever.
    """

    @overload
    def __init__(self, **options: Unpack[BlockingClusterConnectionPoolOptions]) -> None: ...
    @overload
    def __init__(
        self,
        *,
        connection_class: type[ClusterConnection],
        max_connections: int | None = ...,
        timeout: float | None = ...,
        **arguments: object,
    ) -> None: ...
    def __init__(
        self,
        *,
        max_connections: int | None = BLOCKING,
        timeout: float | None = 20.0,
        **arguments: Any,
    ) -> None:
        hide(arguments)
        self._waiting = WaitingCapacity(max_connections, timeout)
        super().__init__(max_connections=self._waiting.capacity, **arguments)

    @overload
    @classmethod
    def from_url(
        cls, url: str, **options: Unpack[BlockingClusterConnectionPoolOptions]
    ) -> Self: ...
    @overload
    @classmethod
    def from_url(
        cls, url: str, *, connection_class: type[ClusterConnection], **arguments: object
    ) -> Self: ...
    # The arguments are those of the overridden method, but pyright cannot compare unpacked options.
    @classmethod
    def from_url(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, url: str, **arguments: Any
    ) -> Self:
        """A pool for the cluster that *url* names, as of `ClusterConnectionPool.from_url`."""
        url = hidden(url)
        hide(arguments)
        return super().from_url(url, **arguments)

    @property
    def strict(self) -> bool:
        """False: one lease too many waits."""
        return False

    def make_limit(self) -> Limit:
        """An `anyio.CapacityLimiter`."""
        return self._waiting.new_limit(self.observer)
