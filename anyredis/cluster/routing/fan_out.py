"""Several commands for several nodes at once: grouped by node, each group sent as one.

Law: the parts for one node are sent in their order, as one batch.  Parts that are redirected or
refused go on in the next round, again in their order.  The error of a part is its reply; only a
strict pool with too few leases refuses the whole, before anything is sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import anyio

from anyredis.address import TCPAddress
from anyredis.backoff import Retry
from anyredis.client.batch import CommandBatch, EncodedBatch
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.redirect_policy import NextAttempt
from anyredis.cluster.routing.redirects import RedirectFollower, Target, wait
from anyredis.command import Command, raw_command
from anyredis.exceptions import RedisError, fresh
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import shown
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.replies import array
from anyredis.wire.decode import Reply

ASKING = raw_command(b"ASKING")


class CommandPart:
    """One command for one node, and its reply.

    The node is the one that serves *slot* (a replica will do if it only *reads*), or the one at
    *fixed_node*; otherwise any primary.

    No `__slots__`: the defaults below are read off the class, so that the ordinary part, of which
    a pipeline has thousands, stores little.
    """

    asking = False
    reply: Reply = None
    together: bool | None = None
    """Whether all parts of its batch only read, if the batch was lost; None otherwise."""
    follower: RedirectFollower | None = None
    fixed_node: TCPAddress | None = None

    def __init__(
        self,
        command: Command[Any],
        endpoint: ClusterEndpoint | None,
        slot: int | None = None,
        reads: bool = False,
        fixed_node: TCPAddress | None = None,
    ) -> None:
        self.command = command
        self.endpoint = endpoint
        """The endpoint of the next or the last attempt."""
        self.slot = slot
        self.reads = reads
        if fixed_node is not None:
            self.fixed_node = fixed_node

    @property
    def target(self) -> Target:
        """The target of the command."""
        return Target(self.slot, self.fixed_node, self.reads)

    @property
    def address(self) -> str:
        """The node that it was asked at last."""
        return "no node" if self.endpoint is None else self.endpoint.server.address


async def run_parts(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Sequence[CommandPart]
) -> None:
    """Run all *parts*, of which each has its `reply` afterwards, an error as a value.

    Raises `DataError` for arguments that cannot be encoded, and `MaxConnectionsError` if a strict pool has
    no lease for each node; nothing was sent then.
    """
    lost = [part for part in parts if part.endpoint is None]
    for part in lost:
        part.reply = part.target.missing()
    await _send(pool, [part for part in parts if part.endpoint is not None] if lost else parts)
    while todo := _go_on(pool, retry, parts):
        longest = max((step for _, step in todo), key=lambda step: (step.refresh, step.delay))
        await wait(pool, longest)
        # Moved slots are noted first, so that all parts of one slot go on to the same node.
        for part, step in sorted(todo, key=lambda each: each[1].to is None):
            _find_endpoint(part, step)
        parts = [part for part, _ in todo]
        again = [part for part in parts if part.reply is None]
        try:
            await _send(pool, again)
        except RedisError as error:  # too late to refuse the whole
            for part in again:
                part.reply = fresh(error)


def _go_on(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Iterable[CommandPart]
) -> list[tuple[CommandPart, NextAttempt]]:
    """The parts that go on, with their next attempts."""
    todo: list[tuple[CommandPart, NextAttempt]] = []
    failures = [(part, part.reply) for part in parts if isinstance(part.reply, RedisError)]
    for part, failed in failures:
        if part.follower is None:
            part.follower = RedirectFollower(pool, retry, part.target, shown(part.command.args))
        reads = part.together
        if reads is None:
            reads = facts_of(part.command.args).read_only
        step = part.follower.decide(part.endpoint, failed, only_reads=reads)
        if step is not None:
            todo.append((part, step))
    return todo


def _find_endpoint(part: CommandPart, step: NextAttempt) -> None:
    """Choose the endpoint for the next attempt of *part*; its reply is an error if there is none."""
    assert part.follower is not None  # noqa: S101 - it decided on the step
    try:
        part.endpoint = part.follower.next_endpoint(step, part.endpoint)
    except RedisError as error:  # a redirection that cannot be read
        part.reply = error
        return
    part.asking, part.together = step.asking, None
    part.reply = part.target.missing() if part.endpoint is None else None


async def _send(pool: ClusterConnectionPool, parts: Sequence[CommandPart]) -> None:
    """Send all *parts* to their endpoints; each has its `reply` afterwards."""
    if not parts:
        return
    groups: defaultdict[ClusterEndpoint | None, list[CommandPart]] = defaultdict(list)
    for part in parts:
        groups[part.endpoint].append(part)
    # All have an endpoint: that of each was found before.
    orders = [
        _NodeBatch(pool, endpoint, group)
        for endpoint, group in groups.items()
        if endpoint is not None
    ]
    try:
        if (
            pool.strict
        ):  # all leases or none: acquiring does not wait, so no other task runs in between
            for order in orders:
                await order.lease.acquire()
        if len(orders) == 1:
            await orders[0].run()
            return
        async with anyio.create_task_group() as tasks:
            for order in orders:
                tasks.start_soon(order.run)
    finally:
        for order in orders:
            order.lease.release()


class _NodeBatch:
    """All parts for one node, packed as one piece."""

    def __init__(
        self, pool: ClusterConnectionPool, endpoint: ClusterEndpoint, parts: Sequence[CommandPart]
    ) -> None:
        self.lease = Lease(endpoint)
        self._parts = parts
        self._decodes = pool.decodes
        commands = [part.command for part in parts]
        self._asks = any([part.asking for part in parts])  # noqa: C419 - a list is faster
        if self._asks:
            commands = [command for part in parts for command in _spelled_out(part)]
        self._batch = CommandBatch(commands, transaction=False)
        self._packed = EncodedBatch(self._batch, pool.encoder)

    async def run(self) -> None:
        """Send it, and give each part its reply."""
        try:
            async with self.lease:
                replies = await self._packed.send(self.lease)
        except RedisError as error:
            replies = error
        if isinstance(replies, RedisError):
            reads = self._batch.only_reads
            for part in self._parts:
                part.reply, part.together = fresh(replies), reads
            return
        replies_by_command = self._batch.replies_by_command(array(replies), self._decodes)
        if self._asks:
            pairs = zip(self._batch.commands, replies_by_command, strict=True)
            replies_by_command = [reply for command, reply in pairs if command is not ASKING]
        for part, reply in zip(self._parts, replies_by_command, strict=True):
            part.reply = reply


def _spelled_out(part: CommandPart) -> tuple[Command[Any], ...]:
    return (ASKING, part.command) if part.asking else (part.command,)
