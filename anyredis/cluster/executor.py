"""Runs commands on a cluster: one straight pass where the router knows the way, else the long one."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar

from anyredis.backoff import Retry
from anyredis.batch import ASKING, BatchOfCommands, PackedBatch, send_small
from anyredis.cluster.following import Follower, Target
from anyredis.cluster.lease import Lease
from anyredis.cluster.merging import Answer, merged, refuse_own_reports
from anyredis.cluster.parts import Part, run_parts
from anyredis.cluster.routing import Everywhere, Route, Split, ToSlot, route, slot_of_key
from anyredis.cluster.transactions import refusal, slot_of_all
from anyredis.command import Command
from anyredis.commands.core import CoreCommands
from anyredis.exceptions import RedisError
from anyredis.key_positions import FIRST_KEY
from anyredis.node_client import needs_own_connection
from anyredis.pool.cluster import ClusterConnectionPool
from anyredis.pool.gate import ClusterGate, Gate
from anyredis.replies import Readers, S, array
from anyredis.scans import Scans
from anyredis.table import READ_ONLY, SPECIAL, only_reads
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")

# Looked up by whatever the first word is, all of which can be hashed once they are ready.
_FIRST_KEY: Mapping[Value, int] = dict(FIRST_KEY.items())


class ClusterExecutor(Scans[S], CoreCommands[S], Generic[S]):
    """All commands on the cluster of *pool*.

    *retry* says what is sent again after a failure (None: nothing).
    """

    def __init__(self, pool: ClusterConnectionPool, read: Readers[S], retry: Retry | None) -> None:
        self.retry = retry
        self.read = read
        self._pool = pool
        self._serving = pool.serving
        self._encoding = pool.encoding
        self._spreads_reads = pool.readonly

    # -- one command ----------------------------------------------------------------------------

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Run *command* where its keys are, or as the servers' policies say; gives its reply.

        Raises the server's error, `MaxConnectionsError` or `PoolTimeoutError` without a lease,
        `ConnectionError` or `TimeoutError` without a reply (their `outcome` says whether a server
        can have run it), `CrossSlotError` for keys in several slots where it cannot be split,
        `PartialFailureError` where it went to several nodes and failed on some.
        """
        args = command.args
        name = args[0]
        position = _FIRST_KEY.get(name)
        if position is None or position >= len(args):
            return self._submit_routed(command)
        slot = slot_of_key(args[position], self._encoding)
        if self._spreads_reads and name in READ_ONLY:
            gate = self._pool.gate_of(slot, reads=True)
        else:
            gate = self._serving[slot]
        return self._submit_routed(command) if gate is None else gate.run(command, self._again)

    async def _submit_routed(self, command: Command[T], *, own_reports: bool = False) -> T:
        """The long way, for all that `submit` cannot send at a glance.

        *own_reports*: what each node tells for itself may be given as a dict by address.
        """
        args = command.args
        self._pool.require_open()
        blocks = args[0] in SPECIAL and needs_own_connection(args, "session(key)")
        way = route(args, self._encoding)
        if isinstance(way, (Everywhere, Split)):
            if not own_reports:
                refuse_own_reports(args)
            return command.parse(await self._run_everywhere(command, way))
        follower = Follower(self._pool, self.retry, _target(way))
        gate = await follower.first_gate(only_reads=only_reads(args))
        if not blocks:
            return await gate.run(command, self._again)

        async def attempt(gate: ClusterGate, asking: bool) -> Reply:
            async with gate.acquire() as connection:
                if asking:
                    await connection.execute_command(*ASKING)
                return await connection.run(command)

        reply = await follower.follow(attempt, gate=gate, only_reads=lambda: only_reads(args))
        return command.parse(reply)

    async def _again(self, command: Command[Any], gate: Gate, failed: RedisError | None) -> Reply:
        """The reply to *command*, wherever it takes us; the lease of *gate* ends with it."""
        assert isinstance(gate, ClusterGate)  # noqa: S101 - `submit` took it from this pool
        lease = Lease(gate)
        args, binary = command.args, command.binary

        async def attempt(gate: ClusterGate, asking: bool) -> Reply:
            await lease.move(gate)
            if not asking:
                return await gate.attempt(args, binary)
            return await ask(gate, args, binary)

        try:
            follower = Follower(self._pool, self.retry, _target(route(args, self._encoding)))
            return await follower.follow(
                attempt, gate=gate, only_reads=lambda: only_reads(args), failed=failed
            )
        finally:
            lease.end()

    # -- several parts --------------------------------------------------------------------------

    async def _run_everywhere(self, command: Command[Any], way: Everywhere | Split) -> Reply:
        """The one reply of many to *command*."""
        await self._learn_layout()
        parts = self._parts(command, way)
        await run_parts(self._pool, self.retry, parts)
        return _one_reply(command, way, parts)

    async def _learn_layout(self) -> None:
        """Wait until the nodes are known, where they are not."""
        self._pool.require_open()
        if not self._pool.layout.shards:
            await Follower(self._pool, self.retry, Target()).first_gate(only_reads=True)

    def _parts(self, command: Command[Any], way: Route, *, reads: bool = True) -> list[Part]:
        """What *command* is to each node that it goes to; *reads*: replicas may answer it."""
        pool = self._pool
        if isinstance(way, Everywhere):
            gates = pool.members() if way.replicas else pool.primaries()
            return [Part(command, gate, where=gate.where) for gate in gates]
        if isinstance(way, Split):
            reads = reads and way.reads
            parse, binary = command.parse, command.binary
            return [
                Part(
                    Command(piece.args, parse, binary),
                    pool.gate_of(piece.slot, reads=reads),
                    piece.slot,
                    reads,
                )
                for piece in way.pieces
            ]
        target = _target(way)
        target = target._replace(reads=reads and target.reads)
        return [Part(command, target.find(pool), target.slot, target.reads)]

    async def _run_batch(self, batch: BatchOfCommands) -> list[Reply]:
        """What a pipeline runs."""
        await self._learn_layout()
        if batch.transaction:
            return await self._run_transaction(batch)
        # A write of the pipeline may be what a read after it is about: both ask the primary.
        parts, several = self._plan(batch.commands, self._spreads_reads and batch.only_reads)
        await run_parts(self._pool, self.retry, parts)
        replies = [part.reply for part in parts]
        for command, way, mine in reversed(several):  # those before keep their places
            replies[mine] = [_reply_or_error(command, way, parts[mine])]
        return replies

    def _plan(
        self, commands: Sequence[Command[Any]], reads: bool
    ) -> tuple[list[Part], list[tuple[Command[Any], Everywhere | Split, slice]]]:
        """All parts of a pipeline, and which of them are together one command's."""
        pool, serving, encoding = self._pool, self._serving, self._encoding
        parts: list[Part] = []
        several: list[tuple[Command[Any], Everywhere | Split, slice]] = []
        for command in commands:
            args = command.args
            position = _FIRST_KEY.get(args[0])
            if position is not None and position < len(args):
                slot = slot_of_key(args[position], encoding)
                gate = pool.gate_of(slot, reads=True) if reads else serving[slot]
                parts.append(Part(command, gate, slot, reads))
                continue
            way = route(args, encoding)
            begin = len(parts)
            parts += self._parts(command, way, reads=reads)
            if isinstance(way, (Everywhere, Split)):
                refuse_own_reports(args)
                several.append((command, way, slice(begin, len(parts))))
        return parts, several

    async def _run_transaction(self, batch: BatchOfCommands) -> list[Reply]:
        pool = self._pool
        follower = Follower(pool, self.retry, Target(slot_of_all(batch.commands, self._encoding)))
        gate = await follower.first_gate(only_reads=batch.only_reads)
        plain = PackedBatch(batch, pool.encoder)
        asking_batch = BatchOfCommands(batch.commands, transaction=True, asking=True)

        async def attempt(gate: ClusterGate, asking: bool) -> Reply:
            await lease.move(gate)
            packed = PackedBatch(asking_batch, pool.encoder) if asking else plain
            replies = await packed.send(gate)
            if isinstance(replies, RedisError):
                return replies
            replies = array(replies)[asking:]  # without the answer to ASKING
            return refusal(replies) or replies

        await gate.enter()
        lease = Lease(gate)
        try:
            replies = await follower.follow(attempt, gate=gate, only_reads=lambda: batch.only_reads)
        finally:
            lease.end()
        return batch.sorted_out(array(replies), pool.decodes)


async def ask(gate: ClusterGate, args: tuple[Value, ...], binary: bool) -> Reply:
    """The raw reply to ASKING and one command, back to back, for a lease that there is."""
    connection = await gate.ride()
    try:
        payload = connection.pack(ASKING) + connection.pack(args)
        replies = await send_small(connection, (payload, 2), binary=binary)
    finally:
        gate.alight(connection)
    return replies if isinstance(replies, RedisError) else array(replies)[1]


def _target(way: Route) -> Target:
    return Target(way.slot, reads=way.reads) if isinstance(way, ToSlot) else Target()


def _one_reply(command: Command[Any], way: Everywhere | Split, parts: Sequence[Part]) -> Reply:
    answers = [Answer(part.address, part.command.args, part.reply) for part in parts]
    return merged(command.args, answers, way if isinstance(way, Split) else None)


def _reply_or_error(command: Command[Any], way: Everywhere | Split, parts: Sequence[Part]) -> Reply:
    try:
        return _one_reply(command, way, parts)
    except RedisError as error:
        return error
