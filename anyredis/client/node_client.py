"""All commands on one server, through its endpoint: a single server or a node of a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from anyredis.backoff import Backoff, Retry
from anyredis.client.batch import CommandBatch, EncodedBatch
from anyredis.client.commands import Commands
from anyredis.client.guarantees import WriteGuarantee
from anyredis.client.keyspace_events import SETTING, KeyspaceSubscribing, flags_in
from anyredis.client.monitor import Monitor, open_monitor
from anyredis.client.observed import OnRetry, observe, on_retry
from anyredis.client.optimistic import (
    ATTEMPTS,
    BACKOFF,
    NAME,
    NodeTries,
    TryLimit,
    open_transaction,
    transact,
    watched,
)
from anyredis.client.pipeline import Pipeline
from anyredis.client.placement import OneServer
from anyredis.client.retrying import repeat
from anyredis.client.scripts import Scripts
from anyredis.client.server_cursor import ServerCursor, Submit
from anyredis.client.session import Session, open_session
from anyredis.client.transaction import Transaction
from anyredis.command import Command, raw_command
from anyredis.commands.cursors import CursorPage, CursorPlan
from anyredis.commands.group import Milliseconds
from anyredis.commands.several import SomeKeys
from anyredis.exceptions import DataValueError, RedisError
from anyredis.facts.lookup import ORDINARY, Facts, facts_of
from anyredis.inlining import inlined
from anyredis.json_codec import JsonCodec
from anyredis.pool.base import BasePool
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, TextReaders, array
from anyredis.unfit_calls import coroutine_method, explained
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

T = TypeVar("T")

TEXT = TextReaders(str)
BYTES = TextReaders(bytes)


def readers(
    *,
    decode_responses: bool,
    encoding: str = "utf-8",
    errors: str = "strict",
    json_codec: JsonCodec | None = None,
) -> TextReaders[Any]:
    """The readers of replies as text or as bytes, and of JSON as *json_codec* reads it.

    *errors* is the error handler of Python's codecs for text in *encoding*.
    """
    plain = TEXT if decode_responses else BYTES
    if json_codec is None and (not decode_responses or (encoding, errors) == TEXT.codec):
        return plain
    return TextReaders(plain.kind, encoding, errors, json_codec)


class NodeClient(KeyspaceSubscribing[S], Commands[S], Scripts, Generic[S]):
    """All commands on one server of a pool.

    `RedisCluster.node` and `RedisCluster.nodes` give it; `Redis` derives from it and has its pool.
    *retry* decides which commands are sent again after a failure (None: no command).
    """

    def __init__(
        self, pool: BasePool, endpoint: Endpoint, read: TextReaders[S], retry: Retry | None
    ) -> None:
        self.retry = retry
        self.read = read
        self._pool = pool
        self._endpoint = endpoint
        self._slow_path = self._again  # a bound method, made once
        self._unobserved = ORDINARY if pool.observer is None else set[Value]()
        """The names of the commands for which a generated function need not call `submit`."""
        observe(self, pool.observer, lambda: self.address)

    @property
    def address(self) -> str:
        """The server's address: `host:port`, or a path."""
        return self._endpoint.server.address

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address} {self._pool!r}>"

    # -- commands -------------------------------------------------------------------------------

    @inlined(
        "_args_[0] in {self}._unobserved",
        "_result_ = {self}._endpoint.run(_command_, {self}._slow_path)",  # saved frame: submit
    )
    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """The parsed reply to *command*, after an `await`.

        Raises the server's error, `MaxConnectionsError` or `PoolTimeoutError` without a lease,
        `ConnectionError` or `TimeoutError` without a reply; their `outcome` says whether the
        server can have run it.
        """
        args = command.args
        if args[0] not in ORDINARY:
            facts = facts_of(args)
            if needs_exclusive_connection(facts, args):
                return self._submit_exclusive(command, facts)
        return self._endpoint.run(command, self._again)

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command with these arguments.

        For commands that have no method here.  Raises `DataError` for a command that would change
        a multiplexed connection: use `session()` for those.
        """
        return await self.submit(raw_command(*args))

    def open_cursor(self, plan: CursorPlan[T]) -> ServerCursor[T]:
        """The rows of a cursor, for an `async with` block."""

        async def first(command: Command[CursorPage[T]]) -> tuple[CursorPage[T], Submit]:
            return await self.submit_explained(command), self.submit

        return ServerCursor(plan, first, self._pool.scope)

    async def _again(self, command: Command[Any], lease: Lease, failed: RedisError | None) -> Reply:
        """The reply to *command*, sent until it arrives or `retry` gives up; raises its error."""
        args = command.args
        facts = facts_of(args)
        return await repeat(
            self.retry,
            lambda: facts.read_only,
            lambda: lease.attempt(args, command.binary),
            failed,
            self._on_retry(lambda: facts.shown),
            lease=lease,
            runs_commands=facts.runs_commands,
        )

    async def _submit_exclusive(self, command: Command[T], facts: Facts) -> T:
        """The parsed reply to *command*, run on an exclusive connection."""
        async with Lease(self._endpoint) as lease:
            reply = await repeat(
                None if facts.shuts_down else self.retry,
                lambda: facts.read_only,
                lambda: run_exclusively(lease, command, facts),
                on_retry=self._on_retry(lambda: facts.shown),
                lease=lease,
            )
        return command.parsed(reply)

    def _on_retry(self, name: Callable[[], str]) -> OnRetry | None:
        return on_retry(self._pool.observer, name, self.address)

    # -- several commands -----------------------------------------------------------------------

    @explained
    def pipeline(self, transaction: bool = True, *, raise_on_error: bool = True) -> Pipeline[S]:
        """A `Pipeline` of commands to send together, for an `async with` block.

        With *transaction* they are sent between MULTI and EXEC.  With *raise_on_error* the error of
        the first failed command is raised at the end of the block, after all have run.
        """
        return Pipeline(
            self._run_batch, self.read, transaction=transaction, raise_on_error=raise_on_error
        )

    def session(
        self,
        *,
        ensure_replication: int | None = None,
        ensure_persistence: tuple[int, int] | None = None,
        timeout: Milliseconds | None = None,
    ) -> AbstractAsyncContextManager[Session[S]]:
        """A `Session` on an exclusive connection, for an `async with` block.

        With *ensure_replication* each write, or pipeline with a write, is followed by WAIT: it
        returns once so many replicas have it, and raises `ReplicationError` after *timeout*
        milliseconds (0: no limit), although the write is executed.  With *ensure_persistence*,
        (local, replicas), it is followed by WAITAOF, server 7.2: it returns once the append-only
        files of the server itself (1 or 0) and of so many replicas have it, and raises
        `DurabilityError`.  Entering the block raises the server's error if it cannot do that.
        """
        guarantee = WriteGuarantee.of(ensure_replication, ensure_persistence, timeout)
        return open_session(
            self._open_endpoint(), self.read, self._pool.observer, self.retry, guarantee
        )

    @explained
    def watch(self, *keys: SomeKeys) -> AbstractAsyncContextManager[Transaction[S]]:
        """A `Transaction` that watches *keys*, for one try, as an `async with` block.

        Its pipeline raises `WatchError`, and was not executed, if one of the keys has changed.
        """
        return open_transaction(self._tries(watched("watch", keys)))

    @coroutine_method
    async def transaction(
        self,
        func: Callable[[Transaction[S]], Awaitable[T]],
        *keys: SomeKeys,
        attempts: int = ATTEMPTS,
        backoff: Backoff = BACKOFF,
    ) -> T:
        """What the async function *func* returns, after a try in which none of *keys* changed.

        *func* gets a `Transaction` that watches the keys: it reads at once, and queues what depends
        on it with `tx.pipeline()`.  If a key has changed meanwhile, the pipeline is not executed
        and *func* is called again after a pause of *backoff*; after *attempts* tries `WatchError`
        is raised.  A *func* that queues nothing is called again too if a key has changed.

        A try whose connection was lost before EXEC was sent is repeated, as `retry` allows; if the
        reply to EXEC is lost, it is not: the outcome of that `ConnectionError` is unknown.
        """
        limit = TryLimit.of(attempts, backoff)
        return await transact(self._tries(watched("transaction", keys)), func, limit)

    def _tries(self, keys: tuple[Key, ...]) -> NodeTries[S]:
        on_retry = self._on_retry(lambda: NAME)
        return NodeTries(
            self._open_endpoint(), keys, self.read, self._pool.observer, self.retry, on_retry
        )

    def monitor(self) -> AbstractAsyncContextManager[Monitor[S]]:
        """A `Monitor` of all commands that the server runs, for an `async with` block.

        It has an exclusive connection.  A server that is monitored is slower.
        MONITOR. Server 1.0.
        """
        return open_monitor(self._open_endpoint(), self.read, self.retry)

    def _open_endpoint(self) -> Endpoint:
        """The endpoint for an exclusive connection."""
        return self._endpoint

    def new_placement(self) -> OneServer:
        """All subscriptions at this server."""
        return OneServer(self._endpoint, self.retry)

    async def notification_flags(self) -> list[tuple[str, str]]:
        """The address of this server, with its flags for keyspace events, if it tells them."""
        return await flags_in(self.config_get(SETTING), self.address)

    @property
    def _subscribing_pool(self) -> BasePool:
        return self._pool

    async def _run_batch(self, batch: CommandBatch) -> list[Reply]:
        packed = EncodedBatch(batch, self._pool.encoder)
        refused: list[tuple[RedisError, Reply]] = []
        replies: Reply

        async def attempt() -> Reply:
            answer = await packed.send(lease)
            refusal = batch.refusal(answer)
            refused[:] = [] if refusal is None else [(refusal, answer)]
            return refusal or answer

        async with Lease(self._endpoint) as lease:
            try:
                replies = await repeat(
                    self.retry,
                    lambda: batch.only_reads,
                    attempt,
                    on_retry=self._on_retry(lambda: batch.name),
                    lease=lease,
                )
            except RedisError as error:
                if not refused or refused[0][0] is not error:
                    raise
                replies = refused[0][1]  # each command has its own error
        return batch.replies_by_command(array(replies), self._pool.decodes)


async def run_exclusively(
    lease: Lease, command: Command[Any], facts: Facts, *, first: tuple[Value, ...] = ()
) -> Reply:
    """The raw reply to *command*, an error as a value, on an exclusive connection of *lease*.

    The command *first* (ASKING) is sent before it, if given.
    """
    connection = await lease.attach(exclusive=True)
    try:
        if first:
            await connection.execute_command(*first)
        return await connection.run(command, facts)
    finally:
        lease.detach()


def needs_exclusive_connection(
    facts: Facts, args: tuple[Value, ...], session: str = "session()"
) -> bool:
    """Whether the command in *args*, with these *facts*, blocks.

    Raises `DataError` if it cannot run on a client; *session* is the client's method for commands
    that change their connection, for the message.
    """
    if facts.forbidden is not None:
        raise DataValueError(f"{facts.shown} cannot be sent: {facts.forbidden}")
    if facts.changes_connection:
        raise DataValueError(
            f"{facts.shown} changes its connection, which others share here: "
            f"use `async with client.{session}`"
        )
    return facts.blocks(args)
