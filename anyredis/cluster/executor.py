"""Runs commands on a cluster.

Law: a command whose first key has a known endpoint is sent in one pass.  All others, and all that
fail in that pass, take the slow path: route, endpoint, redirects, fan-out.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from anyredis.backoff import Retry
from anyredis.client.batch import ASKING, CommandBatch, EncodedBatch, send_small
from anyredis.client.commands import Commands
from anyredis.client.node_client import needs_exclusive_connection, run_exclusively
from anyredis.client.observed import observe
from anyredis.client.scripts import Scripts
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.aggregate import NodeReply, aggregate, refuse_own_reports
from anyredis.cluster.routing.fan_out import CommandPart, run_ordinary, run_parts
from anyredis.cluster.routing.redirects import RedirectFollower, Target
from anyredis.cluster.routing.routes import (
    AllNodes,
    AnyNode,
    Route,
    Split,
    ToSlot,
    route,
    slot_of_key,
    slot_of_ordinary,
    slots_of_ordinary,
)
from anyredis.cluster.routing.transactions import refusal, slot_of_all
from anyredis.command import Command
from anyredis.exceptions import DataValueError, RedisError, ResponseError
from anyredis.facts.lookup import KEY_POSITION, ORDINARY, Facts, facts_of
from anyredis.facts.table import READ_ONLY
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, TextReaders, array
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")


class ClusterExecutor(Commands[S], Scripts, Generic[S]):
    """All commands on the cluster of *pool*.

    *retry* decides which commands are sent again after a failure (None: no command).
    """

    def __init__(
        self, pool: ClusterConnectionPool, read: TextReaders[S], retry: Retry | None
    ) -> None:
        self.retry = retry
        self.read = read
        self._pool = pool
        self._endpoint_by_slot = pool.endpoint_by_slot
        self._encoding = pool.encoding
        self._balances_reads = pool.readonly
        observe(self, pool.observer, lambda: "")

    # -- one command ----------------------------------------------------------------------------

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*, from the node of its keys or as the servers' policies say.

        Raises the server's error, `MaxConnectionsError` or `PoolTimeoutError` without a lease,
        `ConnectionError` or `TimeoutError` without a reply (their `outcome` says whether a server
        can have run it), `CrossSlotError` for keys in several slots if the command cannot be split,
        `PartialFailureError` if it went to several nodes and failed on some.
        """
        args = command.args
        name = args[0]
        position = KEY_POSITION.get(name)
        if position is None or position >= len(args):
            return self._submit_by_facts(command)
        slot = slot_of_key(args[position], self._encoding)
        if self._balances_reads and name in READ_ONLY:
            endpoint = self._pool.endpoint_for_slot(slot, reads=True)
        else:
            endpoint = self._endpoint_by_slot[slot]
        return (
            self._submit_routed(command) if endpoint is None else endpoint.run(command, self._again)
        )

    def _submit_by_facts(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The same for a command that `KEY_POSITION` does not route."""
        args = command.args
        try:
            facts = facts_of(args)
            slot = slot_of_ordinary(facts, args, self._encoding)
        except DataValueError:  # raised again once the call is awaited
            return self._submit_routed(command)
        if slot is not None:
            endpoint = self._pool.endpoint_for_slot(slot, reads=facts.read_only)
            if endpoint is not None:
                return endpoint.run(command, self._again)
        return self._submit_routed(command, facts)

    async def _submit_routed(
        self, command: Command[T], facts: Facts | None = None, *, own_reports: bool = False
    ) -> T:
        """The slow path, for all commands that `submit` cannot send in one pass.

        *facts* are the command's, if they were looked up before.  *own_reports*: a command by which
        each node reports on itself gives a dict by address; otherwise it is refused.
        """
        args = command.args
        self._pool.require_open()
        facts = facts or facts_of(args)
        blocks = args[0] not in ORDINARY and needs_exclusive_connection(facts, args, "session(key)")
        way = route(args, self._encoding, facts)
        if isinstance(way, (AllNodes, Split)):
            if not own_reports:
                refuse_own_reports(facts)
            return command.parsed(await self._run_everywhere(command, facts, way))
        follower = RedirectFollower(self._pool, self.retry, _target(way), facts.shown)
        endpoint = await follower.first_endpoint(only_reads=facts.read_only)
        if not blocks:
            return await endpoint.run(command, partial(self._again, facts=facts))

        async with Lease(endpoint) as lease:
            reply = await follower.follow(
                partial(_run_exclusively, lease, command, facts),
                lease=lease,
                endpoint=endpoint,
                only_reads=lambda: facts.read_only,
            )
        return command.parsed(reply)

    async def _again(
        self,
        command: Command[Any],
        lease: Lease,
        failed: RedisError | None,
        facts: Facts | None = None,
    ) -> Reply:
        """The raw reply to *command*; its *lease* moves to one node after another until one answers."""
        endpoint = lease.endpoint
        assert isinstance(endpoint, ClusterEndpoint)  # noqa: S101 - `submit` took it from this pool
        args, binary = command.args, command.binary
        known = facts or facts_of(args)

        async def attempt(endpoint: ClusterEndpoint, asking: bool) -> Reply:
            await lease.move(endpoint)
            if not asking:
                return await lease.attempt(args, binary)
            return await ask(lease, args, binary)

        follower = RedirectFollower(
            self._pool, self.retry, _target(route(args, self._encoding, known)), known.shown
        )
        return await follower.follow(
            attempt,
            lease=lease,
            endpoint=endpoint,
            only_reads=lambda: known.read_only,
            runs_commands=known.runs_commands,
            failed=failed,
        )

    async def submit_found(self, command: Command[T], slot: int) -> tuple[T, ClusterEndpoint]:
        """The parsed reply to *command* of the primary that serves *slot*, and its endpoint.

        For commands that leave something at their node.  Redirects are followed.
        """
        self._pool.require_open()
        args, binary = command.args, command.binary
        follower = RedirectFollower(self._pool, self.retry, Target(slot), facts_of(args).shown)
        found = await follower.first_endpoint(only_reads=False)

        async def attempt(endpoint: ClusterEndpoint, asking: bool) -> Reply:
            nonlocal found
            found = endpoint
            await lease.move(endpoint)
            return await (ask(lease, args, binary) if asking else lease.attempt(args, binary))

        try:
            async with Lease(found) as lease:
                reply = await follower.follow(
                    attempt,
                    lease=lease,
                    endpoint=found,
                    only_reads=lambda: facts_of(args).read_only,
                )
        except ResponseError as error:
            told = command.error_of(error)
            if told is error:
                raise
            raise told from error
        return command.parsed(reply), found

    # -- several parts --------------------------------------------------------------------------

    async def _run_everywhere(
        self, command: Command[Any], facts: Facts, way: AllNodes | Split
    ) -> Reply:
        """The aggregate of the replies to *command* from several nodes."""
        await self._wait_for_slot_map()
        parts = self._parts(command, way)
        await run_parts(self._pool, self.retry, parts)
        return _one_reply(facts, way, parts)

    async def _wait_for_slot_map(self) -> None:
        """Wait until a slot map is known."""
        self._pool.require_open()
        if not self._pool.slot_map.shards:
            await RedirectFollower(self._pool, self.retry, Target()).first_endpoint(only_reads=True)

    def _parts(self, command: Command[Any], way: Route, *, reads: bool = True) -> list[CommandPart]:
        """One part of *command* for each node of its route; *reads*: replicas may answer it."""
        pool = self._pool
        if isinstance(way, AllNodes):
            endpoints = pool.members() if way.replicas else pool.primaries()
            return [
                CommandPart(command, endpoint, fixed_node=endpoint.address)
                for endpoint in endpoints
            ]
        if isinstance(way, Split):
            reads = reads and way.reads
            parse, binary = command.parse, command.binary
            return [
                CommandPart(
                    Command(piece.args, parse, binary),
                    pool.endpoint_for_slot(piece.slot, reads=reads),
                    piece.slot,
                    reads,
                )
                for piece in way.pieces
            ]
        target = _target(way)
        target = target._replace(reads=reads and target.reads)
        return [CommandPart(command, target.find(pool), target.slot, target.reads)]

    async def _run_batch(self, batch: CommandBatch) -> list[Reply]:
        """The replies to the commands of a pipeline, errors as values."""
        await self._wait_for_slot_map()
        if batch.transaction:
            return await self._run_transaction(batch)
        # A read may depend on a write before it: unless all only read, all go to primaries.
        commands, reads = batch.commands, self._balances_reads and batch.only_reads
        slots = slots_of_ordinary(commands, self._encoding)
        if slots is not None:
            endpoints = self._pool.endpoints_for_slots(slots, reads=reads)
            if endpoints is not None:

                def part_of(place: int) -> CommandPart:
                    return CommandPart(commands[place], endpoints[place], slots[place], reads)

                return await run_ordinary(self._pool, self.retry, batch, endpoints, part_of)
        parts, several = self._plan(commands, reads)
        await run_parts(self._pool, self.retry, parts)
        replies = [part.reply for part in parts]
        for facts, way, own in reversed(several):  # from the end: earlier slices stay valid
            replies[own] = [_reply_or_error(facts, way, parts[own])]
        return replies

    def _plan(
        self, commands: Sequence[Command[Any]], reads: bool
    ) -> tuple[list[CommandPart], list[tuple[Facts, AllNodes | Split, slice]]]:
        """All parts of a pipeline, and the slice of each command that has several."""
        pool, endpoint_by_slot, encoding = self._pool, self._endpoint_by_slot, self._encoding
        parts: list[CommandPart] = []
        several: list[tuple[Facts, AllNodes | Split, slice]] = []
        for command in commands:
            args = command.args
            position = KEY_POSITION.get(args[0])
            if position is not None and position < len(args):
                slot = slot_of_key(args[position], encoding)
                endpoint = (
                    pool.endpoint_for_slot(slot, reads=True) if reads else endpoint_by_slot[slot]
                )
                parts.append(CommandPart(command, endpoint, slot, reads))
                continue
            facts = facts_of(args)
            way = route(args, encoding, facts)
            begin = len(parts)
            parts += self._parts(command, way, reads=reads)
            if isinstance(way, (AllNodes, Split)):
                refuse_own_reports(facts)
                several.append((facts, way, slice(begin, len(parts))))
        return parts, several

    async def _run_transaction(self, batch: CommandBatch) -> list[Reply]:
        pool = self._pool
        follower = RedirectFollower(
            pool, self.retry, Target(slot_of_all(batch.commands, self._encoding)), batch.name
        )
        endpoint = await follower.first_endpoint(only_reads=batch.only_reads)
        plain = EncodedBatch(batch, pool.encoder)
        asking_batch = CommandBatch(batch.commands, transaction=True, asking=True)

        async def attempt(endpoint: ClusterEndpoint, asking: bool) -> Reply:
            await lease.move(endpoint)
            encoded = EncodedBatch(asking_batch, pool.encoder) if asking else plain
            replies = await encoded.send(lease)
            if isinstance(replies, RedisError):
                return replies
            replies = array(replies)[asking:]  # without the reply to ASKING
            return refusal(replies) or replies

        async with Lease(endpoint) as lease:
            replies = await follower.follow(
                attempt, lease=lease, endpoint=endpoint, only_reads=lambda: batch.only_reads
            )
        return batch.replies_by_command(array(replies), pool.decodes)


async def ask(lease: Lease, args: tuple[Value, ...], binary: bool) -> Reply:
    """The raw reply to a command that is sent right behind ASKING, on a *lease* that is held."""
    connection = await lease.attach()
    try:
        payload = connection.pack(ASKING) + connection.pack(args)
        replies = await send_small(connection, (payload, 2), binary=binary)
    finally:
        lease.detach()
    return replies if isinstance(replies, RedisError) else array(replies)[1]


async def _run_exclusively(
    lease: Lease, command: Command[Any], facts: Facts, endpoint: ClusterEndpoint, asking: bool
) -> Reply:
    """The raw reply to a command that blocks, an error as a value, from *endpoint*."""
    await lease.move(endpoint)
    return await run_exclusively(lease, command, facts, first=ASKING if asking else ())


def _target(way: Route) -> Target:
    if isinstance(way, ToSlot):
        return Target(way.slot, reads=way.reads)
    return Target(way.slot) if isinstance(way, AnyNode) else Target()


def _one_reply(facts: Facts, way: AllNodes | Split, parts: Sequence[CommandPart]) -> Reply:
    answers = [NodeReply(part.address, part.command.args, part.reply) for part in parts]
    return aggregate(facts, answers, way if isinstance(way, Split) else None)


def _reply_or_error(facts: Facts, way: AllNodes | Split, parts: Sequence[CommandPart]) -> Reply:
    try:
        return _one_reply(facts, way, parts)
    except RedisError as error:
        return error
