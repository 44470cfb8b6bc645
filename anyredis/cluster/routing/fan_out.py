"""Sends several commands to several nodes at once: grouped by node, each group in one piece.

Law: the parts for one node are sent in their order, as one piece.  Parts that are redirected or
refused are sent again in a next round, again in their order.  A part that fails has its error as
its reply; only a strict pool without enough leases refuses all parts, before anything is sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from anyredis.address import TCPAddress
from anyredis.backoff import Retry
from anyredis.client.batch import CommandBatch
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.node_batch import NodeBatch, run_batches
from anyredis.cluster.routing.redirect_policy import NextAttempt
from anyredis.cluster.routing.redirects import RedirectFollower, Target, wait
from anyredis.command import Command, raw_command
from anyredis.exceptions import RedisError, fresh
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import shown
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.wire.decode import Reply, types_in

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
    await _send_again(pool, retry, parts)


async def run_ordinary(
    pool: ClusterConnectionPool,
    retry: Retry | None,
    batch: CommandBatch,
    endpoints: Sequence[ClusterEndpoint],
    part_of: Callable[[int], CommandPart],
) -> list[Reply]:
    """The replies to *batch*, errors as values, if each command is for the one node in *endpoints*.

    There is no `CommandPart` for a command that succeeds: *part_of* makes that of the command at a
    position.  Raises the errors of `run_parts`, and otherwise gives what that gives.
    """
    batches = _batches_by_node(pool, batch, endpoints)
    await run_batches(pool, [node_batch for node_batch, _ in batches])
    replies: list[Reply] = [None] * len(endpoints)
    failed: dict[int, CommandPart] = {}
    for node_batch, places in batches:
        answers = node_batch.replies
        if isinstance(answers, RedisError) or _has_errors(answers):
            parts = [part_of(place) for place in places]
            _take_replies(node_batch, parts)
            pairs = zip(places, parts, strict=True)
            failed.update((at, part) for at, part in pairs if isinstance(part.reply, RedisError))
            answers = [part.reply for part in parts]
        if len(batches) == 1:
            replies = answers
        else:
            for place, reply in zip(places, answers, strict=True):
                replies[place] = reply
    if failed:
        positions = sorted(failed)  # in the order of the commands, whichever nodes they went to
        await _send_again(pool, retry, [failed[place] for place in positions])
        for place in positions:
            replies[place] = failed[place].reply
    return replies


def _has_errors(replies: list[Reply]) -> bool:
    """Whether one of *replies* is an error; by the few types among thousands of replies."""
    return any(issubclass(kind, RedisError) for kind in types_in(replies))


def _batches_by_node(
    pool: ClusterConnectionPool, batch: CommandBatch, endpoints: Sequence[ClusterEndpoint]
) -> list[tuple[NodeBatch, Sequence[int]]]:
    """The part of *batch* for each node, and the positions of its commands."""
    if len(set(endpoints)) == 1:
        return [(NodeBatch(pool, endpoints[0], batch), range(len(endpoints)))]
    places_of: defaultdict[ClusterEndpoint, list[int]] = defaultdict(list)
    for place, endpoint in enumerate(endpoints):
        places_of[endpoint].append(place)
    commands = batch.commands
    return [
        (
            NodeBatch(
                pool,
                endpoint,
                CommandBatch([commands[place] for place in places], transaction=False),
            ),
            places,
        )
        for endpoint, places in places_of.items()
    ]


async def _send_again(
    pool: ClusterConnectionPool, retry: Retry | None, parts: Sequence[CommandPart]
) -> None:
    """Repeat those of *parts* that failed, until each has its last `reply`."""
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
        (NodeBatch(pool, endpoint, _batch_of(group)), group)
        for endpoint, group in groups.items()
        if endpoint is not None
    ]
    await run_batches(pool, [batch for batch, _ in batches])
    for batch, group in batches:
        _take_replies(batch, group)


def _batch_of(parts: Sequence[CommandPart]) -> CommandBatch:
    """The commands of *parts*, behind ASKING where it is needed."""
    commands = [part.command for part in parts]
    if any([part.asking for part in parts]):  # noqa: C419 - a list is faster
        commands = [command for part in parts for command in _with_asking(part)]
    return CommandBatch(commands, transaction=False)


def _with_asking(part: CommandPart) -> tuple[Command[Any], ...]:
    return (ASKING, part.command) if part.asking else (part.command,)


def _take_replies(batch: NodeBatch, parts: Sequence[CommandPart]) -> None:
    """Give each of *parts* its reply to *batch*."""
    replies = batch.replies
    if isinstance(replies, RedisError):
        reads = batch.batch.only_reads
        for part in parts:
            part.reply, part.together = fresh(replies), reads
        return
    commands = batch.batch.commands
    if len(commands) > len(parts):
        pairs = zip(commands, replies, strict=True)
        replies = [reply for command, reply in pairs if command is not ASKING]
    for part, reply in zip(parts, replies, strict=True):
        part.reply = reply
