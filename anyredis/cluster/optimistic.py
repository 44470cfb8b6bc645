"""Transactions that watch keys, in a cluster: on the node of their slot, found again for each try.

Law: all keys of a transaction are in one slot, which is checked before anything is sent.  A redirect
ends a try, and the next one begins at the node that serves the slot by then; while the slot moves,
the transaction waits, because its keys may be on two nodes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from anyredis.backoff import Retry
from anyredis.client.batch import CommandBatch
from anyredis.client.optimistic import NAME, Attempt, NodeTries
from anyredis.client.transaction import TransactionRules
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.redirects import RedirectFollower, Target
from anyredis.cluster.routing.transactions import (
    check_slot,
    refusal,
    refusal_of_reads,
    slot_of_keys,
)
from anyredis.command import Command
from anyredis.exceptions import AskError, RedisError, TryAgainError
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, TextReaders, array
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key

T = TypeVar("T")


class SlotRules(TransactionRules):
    """The rules of a transaction whose keys are in *slot*."""

    def __init__(self, slot: int, encoding: str) -> None:
        self._slot = slot
        self._encoding = encoding

    def check(self, commands: Sequence[Command[Any]]) -> None:
        """Raise `CrossSlotError` for commands on other slots."""
        check_slot(commands, self._slot, self._encoding)

    def refusal(self, batch: CommandBatch, answer: Reply) -> RedisError | None:
        """The redirect or refusal that proves that nothing of *batch* was executed."""
        replies = array(answer)
        if batch.transaction:
            return refusal(replies)
        return refusal_of_reads(batch.commands, replies)


class SlotTries(NodeTries[S], Generic[S]):
    """The tries of one transaction in the cluster of *pool*; its *keys* are in one slot."""

    def __init__(
        self,
        pool: ClusterConnectionPool,
        method: str,
        keys: tuple[Key, ...],
        read: TextReaders[S],
        retry: Retry | None,
    ) -> None:
        self.keys = keys
        self._read = read
        self._observer = pool.observer
        self._retry = retry
        self._pool = pool
        slot = slot_of_keys(method, keys, pool.encoding)
        self.rules = SlotRules(slot, pool.encoding)
        self._target = Target(slot)
        self._last = None

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        """Hold a lease for the node of the slot, for a block of tries."""
        self._pool.require_open()
        endpoint = await self._follower().first_endpoint(only_reads=True)
        async with Lease(endpoint) as self._lease:
            yield

    async def repeated(self, attempt: Attempt[T]) -> T:
        """What *attempt* gives, on the node that serves the slot; repeated as `Retry` allows."""

        async def once(endpoint: ClusterEndpoint, _asking: bool) -> T | RedisError:
            if self._lease.endpoint is not endpoint:
                await self._lease.move(endpoint)
            end = await attempt(await self.attached())
            if isinstance(end, AskError):
                return TryAgainError(f"TRYAGAIN the slot of the transaction is moving: {end}")
            return end

        return await self._follower().follow(
            once,
            lease=self._lease,
            endpoint=self._endpoint(),
            only_reads=self.only_reads,
        )

    def note(self, error: RedisError) -> None:
        """Refresh the slot map, or mark the node unhealthy, if *error* suggests it."""
        self._follower().note(self._endpoint(), error)

    def _endpoint(self) -> ClusterEndpoint:
        endpoint = self._lease.endpoint
        assert isinstance(endpoint, ClusterEndpoint)  # noqa: S101 - all leases here are for nodes
        return endpoint

    def _follower(self) -> RedirectFollower:
        """Follows the redirects of one try, so that each has the full bounds."""
        return RedirectFollower(self._pool, self._retry, self._target, NAME)
