"""Batches of commands, each for one node, that run at the same time.

Law: the commands for one node are sent in their order, as one piece.  A batch that fails has an
error in place of its replies; only a strict pool without enough leases refuses all batches, before
anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from anyredis.client.batch import CommandBatch, EncodedBatch
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.joint_waiter import wait_for_all
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import RedisError
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.replies import array
from anyredis.wire.decode import Reply
from anyredis.wire.request import Request


class NodeBatch:
    """*batch* for the node of *endpoint*, encoded; raises `DataError` if that is impossible."""

    replies: list[Reply] | RedisError
    """After `run`: one for each command, errors as values, or the error of all of them."""
    _connection: BaseConnection | None = None
    _request: Request | None = None
    """The request on that connection, from `start` until its reply is awaited."""

    def __init__(
        self, pool: ClusterConnectionPool, endpoint: ClusterEndpoint, batch: CommandBatch
    ) -> None:
        self.lease = Lease(endpoint)
        self.batch = batch
        self._decodes = pool.decodes
        self._encoded = EncodedBatch(batch, pool.encoder)

    def attach_nowait(self) -> bool:
        """Attach its lease, which is held; False if it needs a connection that is not there."""
        if not self._encoded.is_large:
            self._connection = self.lease.attach_nowait()
        return self._connection is not None

    def detach(self) -> None:
        """Undo `attach_nowait`."""
        self._connection = None
        self.lease.detach()

    def start(self) -> Request:
        """Enqueue it, after `attach_nowait`; gives the request, for whose reply `run` waits."""
        assert self._connection is not None  # noqa: S101 - as it says
        self._request = self._encoded.enqueue(self._connection)
        return self._request

    async def run(self) -> None:
        """Get the replies; a batch that was not started is sent before."""
        try:
            replies = await self._exchange()
        except RedisError as error:
            replies = error
        self.replies = (
            replies
            if isinstance(replies, RedisError)
            else self.batch.replies_by_command(array(replies), self._decodes)
        )

    async def _exchange(self) -> Reply:
        async with self.lease:
            if self._connection is None or self._request is None:
                return await self._encoded.send(self.lease)
            request, self._request = self._request, None
            return await self._encoded.answer(self._connection, request)

    def end(self) -> None:
        """Give up its request if that was not awaited, and release its lease."""
        if self._connection is not None and self._request is not None:
            self._connection.abandon(self._request)
        self.lease.release()


async def run_batches(pool: ClusterConnectionPool, batches: Sequence[NodeBatch]) -> None:
    """Run all *batches* at the same time; afterwards each has its `replies`.

    Raises `MaxConnectionsError` if a strict pool does not have a lease for each, before anything is
    sent.
    """
    try:
        if pool.strict:  # a lease for each, or none: this does not wait, so no other task runs
            for batch in batches:
                await batch.lease.acquire()
        if len(batches) == 1:
            await batches[0].run()
        elif _can_start(pool, batches):
            await wait_for_all(pool.new_waiter(), [batch.start() for batch in batches])
            for batch in batches:
                await batch.run()
        else:
            async with anyio.create_task_group() as tasks:
                for batch in batches:
                    tasks.start_soon(batch.run)
    finally:
        for batch in batches:
            batch.end()


def _can_start(pool: ClusterConnectionPool, batches: Sequence[NodeBatch]) -> bool:
    """Whether all *batches* are attached to a connection now, so that they need no tasks.

    Their leases are held until the last reply: in a pool with a limit others may wait for one.
    """
    if not pool.unlimited:
        return False
    if all(batch.attach_nowait() for batch in batches):
        return True
    for batch in batches:
        batch.detach()
    return False
