"""The client for one node of a cluster.

Law: it stays usable if the node leaves the slot map: it then gets a new endpoint for its address.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from anyredis.backoff import Retry
from anyredis.client.batch import CommandBatch
from anyredis.client.node_client import NodeClient
from anyredis.client.placement import OneServer
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.command import Command
from anyredis.pool.endpoint import ClusterEndpoint, Endpoint
from anyredis.replies import S, TextReaders
from anyredis.wire.decode import Reply

T = TypeVar("T")


class ClusterNodeClient(NodeClient[S], Generic[S]):
    """All commands on the node behind *endpoint*.

    The pool closes the endpoint of a node that leaves the slot map; this client then takes a new
    endpoint for the same address.
    """

    def __init__(
        self,
        pool: ClusterConnectionPool,
        endpoint: ClusterEndpoint,
        read: TextReaders[S],
        retry: Retry | None,
    ) -> None:
        super().__init__(pool, endpoint, read, retry)
        self._cluster = pool
        self._node_address = endpoint.address

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*; see `NodeClient`."""
        self._find_endpoint()
        return super().submit(command)

    def _open_endpoint(self) -> Endpoint:
        self._find_endpoint()
        return super()._open_endpoint()

    def new_placement(self) -> OneServer:
        """All subscriptions at this node; it does not follow the slots of sharded channels."""
        self._find_endpoint()
        return super().new_placement()

    async def _run_batch(self, batch: CommandBatch) -> list[Reply]:
        self._find_endpoint()
        return await super()._run_batch(batch)

    def _find_endpoint(self) -> None:
        if not self._endpoint.server.open:
            self._endpoint = self._cluster.temporary_endpoint(self._node_address)
