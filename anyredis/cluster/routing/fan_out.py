"""Sends several commands to several nodes at once: grouped by node, each group in one piece.

Law: the parts for one node are sent in their order, as one piece.  Parts that are redirected or
refused are sent again in a next round, again in their order.  A part that fails has its error as
its reply; only a strict pool without enough leases refuses all parts, before anything is sent.
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

    Its node is one that serves *slot* (the primary, or a replica too if *reads*); without a slot
    the node at *fixed_node*; otherwise any node.

    No `__slots__`: the defaults below are read off the class, so that the ordinary part, of which
    a pipeline has thousands, stores little.
    """

    asking = False
    reply: Reply = None
    together: bool | None = None
    """If the part was lost together with others: whether all of them only read."""
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
        """The endpoint of the next attempt, or of the last one."""
        self.slot = slot
        self.reads = reads
        if fixed_node is not None:
            self.fixed_node = fixed_node

    @property
    def target(self) -> Target:
        """The slot or node that the command is for."""
        return Target(self.slot, self.fixed_node, self.reads)

    @property
    def address(self) -> str:
        """The node of the last attempt."""
        return "no node" if self.endpoint is None else self.endpoint.server.address


async def run_parts(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Sequence[CommandPart]
) -> None:
    """Run all *parts*; afterwards each has its `reply`, an error as a value.

    Raises `DataError` for a command that cannot be encoded, and `MaxConnectionsError` if a strict
    pool does not have a lease for each node; in both cases nothing was sent.
    """
    unroutable = [part for part in parts if part.endpoint is None]
    for part in unroutable:
        part.reply = part.target.missing()
    routable = [part for part in parts if part.endpoint is not None] if unroutable else parts
    await _send(pool, routable)
    while todo := _go_on(pool, retry, parts):
        longest = max((step for _, step in todo), key=lambda step: (step.refresh, step.delay))
        await wait(pool, longest)
        # Redirects are noted in the slot map first: so all parts of one slot go to the same node.
        for part, step in sorted(todo, key=lambda each: each[1].to is None):
            _find_endpoint(part, step)
        parts = [part for part, _ in todo]
        again = [part for part in parts if part.reply is None]
        try:
            await _send(pool, again)
        except RedisError as error:  # earlier rounds were sent: the other parts keep their replies
            for part in again:
                part.reply = fresh(error)


def _go_on(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Iterable[CommandPart]
) -> list[tuple[CommandPart, NextAttempt]]:
    """The parts that are sent again, each with its next attempt."""
    todo: list[tuple[CommandPart, NextAttempt]] = []
    failures = [(part, part.reply) for part in parts if isinstance(part.reply, RedisError)]
    for part, failed in failures:
        if part.follower is None:
            part.follower = RedirectFollower(pool, retry, part.target, shown(part.command.args))
        facts = facts_of(part.command.args)
        step = part.follower.decide(
            part.endpoint,
            failed,
            only_reads=facts.read_only if part.together is None else part.together,
            runs_commands=facts.runs_commands,
        )
        if step is not None:
            todo.append((part, step))
    return todo


def _find_endpoint(part: CommandPart, step: NextAttempt) -> None:
    """Set the endpoint of the next attempt of *part*, by *step*; without one its reply is an error."""
    assert part.follower is not None  # noqa: S101 - it decided on the step
    try:
        part.endpoint = part.follower.next_endpoint(step, part.endpoint)
    except RedisError as error:  # a redirect that cannot be parsed
        part.reply = error
        return
    part.asking, part.together = step.asking, None
    part.reply = part.target.missing() if part.endpoint is None else None


async def _send(pool: ClusterConnectionPool, parts: Sequence[CommandPart]) -> None:
    """Send all *parts* to their endpoints; afterwards each has its `reply`."""
    if not parts:
        return
    groups: defaultdict[ClusterEndpoint | None, list[CommandPart]] = defaultdict(list)
    for part in parts:
        groups[part.endpoint].append(part)
    # Each part has an endpoint here; the condition below is for the type checker.
    batches = [
        _NodeBatch(pool, endpoint, group)
        for endpoint, group in groups.items()
        if endpoint is not None
    ]
    try:
        if pool.strict:  # a lease for each, or none: this does not wait, so no other task runs
            for batch in batches:
                await batch.lease.acquire()
        if len(batches) == 1:
            await batches[0].run()
            return
        async with anyio.create_task_group() as tasks:
            for batch in batches:
                tasks.start_soon(batch.run)
    finally:
        for batch in batches:
            batch.lease.release()


class _NodeBatch:
    """All parts for one node, encoded as one piece."""

    def __init__(
        self, pool: ClusterConnectionPool, endpoint: ClusterEndpoint, parts: Sequence[CommandPart]
    ) -> None:
        self.lease = Lease(endpoint)
        self._parts = parts
        self._decodes = pool.decodes
        commands = [part.command for part in parts]
        self._asks = any([part.asking for part in parts])  # noqa: C419 - a list is faster
        if self._asks:
            commands = [command for part in parts for command in _with_asking(part)]
        self._batch = CommandBatch(commands, transaction=False)
        self._encoded = EncodedBatch(self._batch, pool.encoder)

    async def run(self) -> None:
        """Send the batch, and give each part its reply."""
        try:
            async with self.lease:
                replies = await self._encoded.send(self.lease)
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


def _with_asking(part: CommandPart) -> tuple[Command[Any], ...]:
    return (ASKING, part.command) if part.asking else (part.command,)
