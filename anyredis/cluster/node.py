"""The client for one node of a cluster, whatever becomes of the node meanwhile."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from anyredis.backoff import Retry
from anyredis.batch import BatchOfCommands
from anyredis.command import Command
from anyredis.node_client import NodeClient
from anyredis.pool.cluster import ClusterConnectionPool
from anyredis.pool.gate import ClusterGate
from anyredis.replies import Readers, S
from anyredis.session import Session
from anyredis.wire.decode import Reply

T = TypeVar("T")


class ClusterNodeClient(NodeClient[S], Generic[S]):
    """All commands on the node behind *gate*.

    The pool gives up its gate to a node that is not in the layout; whoever has named the node goes
    on all the same, through a new one.
    """

    def __init__(
        self,
        pool: ClusterConnectionPool,
        gate: ClusterGate,
        read: Readers[S],
        retry: Retry | None,
    ) -> None:
        super().__init__(pool, gate, read, retry)
        self._cluster = pool
        self._where = gate.where

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Run *command* and give its parsed reply; see `NodeClient`."""
        self._find_gate()
        return super().submit(command)

    def session(self) -> AbstractAsyncContextManager[Session[S]]:
        """One connection for yourself, as an `async with` block; see `Session`."""
        self._find_gate()
        return super().session()

    async def _run_batch(self, batch: BatchOfCommands) -> list[Reply]:
        self._find_gate()
        return await super()._run_batch(batch)

    def _find_gate(self) -> None:
        if not self._gate.node.open:
            self._gate = self._cluster.visit(self._where)
