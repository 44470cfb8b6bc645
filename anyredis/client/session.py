"""An exclusive connection: WATCH, SELECT, CLIENT settings, WAIT for writes of the same connection.

Law: state that a session changes on its connection never reaches another user: a connection that
was changed is closed when the session ends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from anyredis.backoff import Retry
from anyredis.client.batch import CommandBatch, EncodedBatch
from anyredis.client.commands import Commands
from anyredis.client.guarantees import WriteGuarantee
from anyredis.client.observed import observe
from anyredis.client.pipeline import Pipeline
from anyredis.client.retrying import repeat
from anyredis.client.scripts import Scripts
from anyredis.command import Command, raw_command
from anyredis.commands.hash_import import HashImport
from anyredis.commands.session import SessionCommands
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import DataValueError, RedisError
from anyredis.facts.lookup import ORDINARY, Facts, facts_of
from anyredis.observer import Observer
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, TextReaders, array
from anyredis.unfit_calls import explained
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value, name_of

T = TypeVar("T")

IN_PIPELINES = frozenset((b"MULTI", b"EXEC", b"DISCARD"))

WAITS = frozenset((b"WAIT", b"WAITAOF"))


class Session(Commands[S], Scripts, SessionCommands[S], HashImport[S], Generic[S]):
    """All commands on one connection, one after another; made by `client.session()`.

    Several tasks may use it.  A blocking command, or a pipeline of more than 256 KiB or 4096
    commands, has the connection for itself, and the other tasks wait; if it is cancelled, the
    connection is closed.  `watch`, `select` and the like are about the connection, so they concern
    all these tasks.  No command is sent again after the connection is lost, because its state is
    lost too.
    """

    def __init__(
        self,
        connection: BaseConnection,
        read: TextReaders[S],
        observer: Observer | None = None,
        guarantee: WriteGuarantee | None = None,
    ) -> None:
        self.read = read
        self._connection: BaseConnection | None = connection
        self._guarantee = guarantee
        observe(self, observer, lambda: connection.address)

    @property
    def connection(self) -> BaseConnection:
        """The exclusive connection; raises `RuntimeError` once the session has ended."""
        if self._connection is None:
            raise RuntimeError(
                "this session has ended: use it inside `async with client.session()`"
            )
        return self._connection

    def end(self) -> None:
        """Detach the session from its connection: later calls raise `RuntimeError`."""
        self._connection = None

    async def submit(self, command: Command[T]) -> T:
        """The parsed reply to *command*.

        Raises `ReplicationError` or `DurabilityError` for a write that was executed, but that is
        not where the session has to have it.
        """
        args = command.args
        facts = None
        if args[0] not in ORDINARY:
            facts = facts_of(args)
        elif self._guarantee is None:
            # saved frames: BaseConnection.submit, run and answer
            connection = self._connection or self.connection
            connection.check_event_loop()
            request = connection.enqueue(args, command.binary)
            if request is None:
                request = connection.enqueue_later(args, command.binary)
            try:
                reply = await request.waiter
            except BaseException:
                connection.abandon(request)
                raise
            if isinstance(reply, RedisError):
                raise reply
            return command.parsed(reply)
        if facts is not None and facts.name in IN_PIPELINES:
            raise DataValueError(
                f"{facts.shown} cannot be sent by itself: use the session's pipeline()"
            )
        value = await self.connection.submit(command, facts)
        if self._guarantee is not None and _writes(facts or facts_of(args)):
            await self._guarantee.confirm(self.connection, name_of(args), value)
        return value

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command with these arguments."""
        return await self.submit(raw_command(*args))

    @explained
    def pipeline(self, transaction: bool = True, *, raise_on_error: bool = True) -> Pipeline[S]:
        """A `Pipeline` on this connection.

        A *transaction* after `watch`, an empty one too, raises `WatchError` if a watched key
        changed, and ends the watch.
        """
        return Pipeline(
            self._run_batch,
            self.read,
            transaction=transaction,
            raise_on_error=raise_on_error,
            runs_empty=transaction,
            confirm=None if self._guarantee is None else self._confirm,
        )

    async def _confirm(self, commands: Sequence[Command[Any]], values: Sequence[object]) -> None:
        """Wait for the guarantee of a pipeline in which at least one write was executed."""
        done = (
            name_of(each.args)
            for each, value in zip(commands, values, strict=True)
            if not isinstance(value, RedisError) and _writes(facts_of(each.args))
        )
        if self._guarantee is not None and (name := next(done, None)) is not None:
            await self._guarantee.confirm(self.connection, f"the pipeline with {name}")

    async def _run_batch(self, batch: CommandBatch) -> list[Reply]:
        connection = self.connection
        connection.check_event_loop()
        if not batch.commands and not connection.dirty:
            return []  # no key is watched
        replies = await EncodedBatch(batch, connection.encoder).exchange(connection)
        if isinstance(replies, RedisError):
            raise replies
        return batch.replies_by_command(array(replies), connection.decodes)


def _writes(facts: Facts) -> bool:
    """Whether a command with these *facts* may have written data."""
    reports = facts.read_only or facts.changes_connection or facts.name in WAITS
    return not (reports or facts.shuts_down)


@asynccontextmanager
async def open_session(
    endpoint: Endpoint,
    read: TextReaders[S],
    observer: Observer | None,
    retry: Retry | None,
    guarantee: WriteGuarantee | None = None,
) -> AsyncGenerator[Session[S]]:
    """A session on a connection of *endpoint*, for an `async with` block.

    A failure to connect is repeated as *retry* allows; no command of the session is.
    """
    async with Lease(endpoint) as lease:
        connection = await repeat(
            retry, lambda: False, lambda: lease.attach(exclusive=True), lease=lease
        )
        async with session_on(connection, read, observer, guarantee) as session:
            yield session


@asynccontextmanager
async def session_on(
    connection: BaseConnection,
    read: TextReaders[S],
    observer: Observer | None,
    guarantee: WriteGuarantee | None,
) -> AsyncGenerator[Session[S]]:
    """A session on *connection*, for a block; afterwards its calls raise `RuntimeError`.

    Raises the server's error if it cannot give the *guarantee*.
    """
    if guarantee is not None:
        await guarantee.check(connection)
    session = Session(connection, read, observer, guarantee)
    try:
        yield session
    finally:
        session.end()
