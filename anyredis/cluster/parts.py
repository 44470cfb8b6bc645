"""Several commands for several nodes at once: grouped by node, each group sent as one.

Law: the parts that one node gets leave in their order, as one piece.  Those that are redirected or
refused go on in a next round, again in their order.  What a part failed with stands in its place;
only a strict pool that is short of leases refuses the whole, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import anyio

from anyredis.backoff import Retry
from anyredis.batch import BatchOfCommands, PackedBatch
from anyredis.cluster.following import Follower, Target, wait
from anyredis.cluster.pursuit import Step
from anyredis.command import Command, raw_command
from anyredis.exceptions import RedisError, fresh
from anyredis.pool.cluster import ClusterConnectionPool
from anyredis.pool.gate import ClusterGate
from anyredis.replies import array
from anyredis.table import only_reads
from anyredis.wire.decode import Reply

ASKING = raw_command(b"ASKING")


class Part:
    """One command for one target, and what came of it."""

    __slots__ = ("asking", "command", "follower", "gate", "reply", "target", "together")

    def __init__(self, command: Command[Any], target: Target, gate: ClusterGate | None) -> None:
        self.command = command
        self.target = target
        self.gate = gate
        """Where it is to be asked, or was."""
        self.asking = False
        self.reply: Reply = None
        self.together: bool | None = None
        """Where it was lost with others: whether all of these only read."""
        self.follower: Follower | None = None

    @property
    def address(self) -> str:
        """The node that it was asked at last."""
        return "nobody" if self.gate is None else self.gate.node.address


async def run_parts(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Sequence[Part]
) -> None:
    """Run all *parts*, of which each has its `reply` afterwards, an error as a value.

    Raises `DataError` for what cannot be packed, and `MaxConnectionsError` where a strict pool has
    not a lease for each node; nothing was sent then.
    """
    for part in parts:
        if part.gate is None:
            part.reply = part.target.missing()
    await _send(pool, [part for part in parts if part.gate is not None])
    while todo := _go_on(pool, retry, parts):
        longest = max((step for _, step in todo), key=lambda step: (step.refresh, step.delay))
        await wait(pool, longest)
        # What has moved is noted first: so all parts of one slot go on to the same node.
        for part, step in sorted(todo, key=lambda each: each[1].to is None):
            _find_gate(part, step)
        parts = [part for part, _ in todo]
        again = [part for part in parts if part.reply is None]
        try:
            await _send(pool, again)
        except RedisError as error:  # too late to refuse the whole
            for part in again:
                part.reply = fresh(error)


def _go_on(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Iterable[Part]
) -> list[tuple[Part, Step]]:
    """The parts that are not at their end, and what each is to do."""
    todo: list[tuple[Part, Step]] = []
    for part in parts:
        failed = part.reply
        if not isinstance(failed, RedisError):
            continue
        if part.follower is None:
            part.follower = Follower(pool, retry, part.target)
        reads = only_reads(part.command.args) if part.together is None else part.together
        step = part.follower.decide(part.gate, failed, only_reads=reads)
        if step is not None:
            todo.append((part, step))
    return todo


def _find_gate(part: Part, step: Step) -> None:
    """Have *part* go on, now that *step* was taken; what has nowhere to go keeps an error."""
    assert part.follower is not None  # noqa: S101 - it decided on the step
    try:
        part.gate = part.follower.next_gate(step, part.gate)
    except RedisError as error:  # a redirection that nobody can read
        part.reply = error
        return
    part.asking, part.together = step.asking, None
    part.reply = part.target.missing() if part.gate is None else None


async def _send(pool: ClusterConnectionPool, parts: Sequence[Part]) -> None:
    """Ask all *parts* where they are to be asked; each has its `reply` afterwards."""
    if not parts:
        return
    groups: dict[ClusterGate, list[Part]] = {}
    for part in parts:
        assert part.gate is not None  # noqa: S101 - it was found before
        groups.setdefault(part.gate, []).append(part)
    orders = [_Order(pool, gate, group) for gate, group in groups.items()]
    try:
        if pool.strict:  # a lease for each, or none: it does not wait, so nobody comes in between
            for order in orders:
                await order.enter()
        if len(orders) == 1:
            await orders[0].run()
            return
        async with anyio.create_task_group() as tasks:
            for order in orders:
                tasks.start_soon(order.run)
    finally:
        for order in orders:
            order.leave()


class _Order:
    """All parts for one node, packed as one piece."""

    def __init__(
        self, pool: ClusterConnectionPool, gate: ClusterGate, parts: Sequence[Part]
    ) -> None:
        self._gate = gate
        self._has_lease = False
        self._parts = parts
        self._decodes = pool.decodes
        commands: list[Command[Any]] = []
        for part in parts:
            if part.asking:
                commands.append(ASKING)
            commands.append(part.command)
        self._batch = BatchOfCommands(commands, transaction=False)
        self._packed = PackedBatch(self._batch, pool.encoder)

    async def enter(self) -> None:
        """Take a lease, if it has none."""
        if not self._has_lease:
            await self._gate.enter()
            self._has_lease = True

    def leave(self) -> None:
        """The lease ends, if it has one."""
        if self._has_lease:
            self._has_lease = False
            self._gate.leave(None)

    async def run(self) -> None:
        """Send it, and give each part its reply."""
        try:
            await self.enter()
            try:
                replies = await self._packed.send(self._gate)
            finally:
                self.leave()
        except RedisError as error:
            replies = error
        if isinstance(replies, RedisError):
            reads = self._batch.only_reads
            for part in self._parts:
                part.reply, part.together = fresh(replies), reads
            return
        sorted_out = iter(self._batch.sorted_out(array(replies), self._decodes))
        for part in self._parts:
            if part.asking:
                next(sorted_out)
            part.reply, part.together = next(sorted_out), None
