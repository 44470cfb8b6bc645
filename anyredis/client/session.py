"""An exclusive connection: WATCH, SELECT, CLIENT settings, WAIT for writes of the same connection.

Law: state that a session changes on its connection never reaches another user: a connection that
was changed is closed when the session ends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from anyredis.client.batch import CommandBatch, check_encodable, send_large
from anyredis.client.observed import observe
from anyredis.client.pipeline import Pipeline
from anyredis.client.scans import Scans
from anyredis.command import Command, raw_command
from anyredis.commands.core import CoreCommands
from anyredis.commands.hash_import import HashImport
from anyredis.commands.session import SessionCommands
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import DataValueError, RedisError
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import SPECIAL
from anyredis.observer import Observer
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import exclusive_connection
from anyredis.replies import S, TextReaders, array
from anyredis.unfit_calls import explained
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")

IN_PIPELINES = frozenset((b"MULTI", b"EXEC", b"DISCARD"))


class Session(Scans[S], CoreCommands[S], SessionCommands[S], HashImport[S], Generic[S]):
    """All commands on one connection, one after another; made by `client.session()`.

    No command is sent again after the connection is lost, because its state is lost too.
    """

    def __init__(
        self,
        connection: BaseConnection,
        read: TextReaders[S],
        observer: Observer | None = None,
    ) -> None:
        self.read = read
        self._connection: BaseConnection | None = connection
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
        """The parsed reply to *command*."""
        args = command.args
        facts = facts_of(args) if args[0] in SPECIAL else None
        if facts is not None and facts.name in IN_PIPELINES:
            raise DataValueError(
                f"{facts.shown} cannot be sent by itself: use the session's pipeline()"
            )
        return await self.connection.submit(command, facts)

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command with these arguments."""
        return await self.submit(raw_command(*args))

    @explained
    def pipeline(self, transaction: bool = True, *, raise_on_error: bool = True) -> Pipeline[S]:
        """A `Pipeline` on this connection; after `watch` it raises `WatchError` on a change."""
        return Pipeline(
            self._run_batch, self.read, transaction=transaction, raise_on_error=raise_on_error
        )

    async def _run_batch(self, batch: CommandBatch) -> list[Reply]:
        connection = self.connection
        connection.check_event_loop()
        check_encodable(batch.words, connection.encoder)
        chunks = batch.chunks(connection.encoder)
        replies = await send_large(connection, chunks, batch.expected, binary=batch.binary)
        if isinstance(replies, RedisError):
            raise replies
        return batch.replies_by_command(array(replies), connection.decodes)


@asynccontextmanager
async def open_session(
    endpoint: Endpoint, read: TextReaders[S], observer: Observer | None
) -> AsyncGenerator[Session[S]]:
    """A session on a connection of *endpoint*, for an `async with` block."""
    async with exclusive_connection(endpoint) as connection:
        session = Session(connection, read, observer)
        try:
            yield session
        finally:
            session.end()
