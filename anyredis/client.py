"""The client for one server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, Unpack, overload

from anyredis.address import DEFAULT_PORT
from anyredis.backoff import Retry
from anyredis.batch import BatchOfCommands, check_packable, send_large, send_small
from anyredis.command import Command, raw_command
from anyredis.commands.core import CoreCommands
from anyredis.exceptions import DataValueError, RedisError
from anyredis.options import RedisOptions, URLOptions, checked_retry, options_of_url, pool_for
from anyredis.pipeline import Pipeline
from anyredis.replies import Readers, S, array
from anyredis.retrying import repeat
from anyredis.scans import Scans
from anyredis.session import Session, open_session
from anyredis.table import SPECIAL, blocks, changes_connection, forbidden, full_name, only_reads
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")

TEXT = Readers(str)
BYTES = Readers(bytes)


class Redis(Scans[S], CoreCommands[S], Generic[S]):
    """A client for one Redis or Valkey server, for use as an `async with` block.

    *host*, *port*, or *unix_socket_path*; *db*; *username* and *password*, or
    *credential_provider*, a callable asked at each connect.  *decode_responses* makes it a
    `Redis[str]` whose text is in *encoding*; without it, it is a `Redis[bytes]`.

    *ssl* turns on TLS, verified with the host name unless `ssl_cert_reqs` or `ssl_check_hostname`
    say otherwise; or give an *ssl_context*.  *protocol* 3 falls back to 2 where it has to.
    *stream_timeout*: seconds that a reply may take before its connection is given up (None: for
    ever; blocking commands have their own timeout besides).  *connect_timeout*: seconds until a
    connection has to be ready.

    *max_connections* commands at most are at work at once: one too many raises
    `MaxConnectionsError`, or waits with `connection_pool_cls=BlockingConnectionPool`.  Ordinary
    commands share *shared_connections* connections (0: each has its own).  *connection_pool* is a
    pool to use instead of an own one.  *retry* says what is sent again after a failure (None:
    nothing).  Raises `DataError` at once for arguments that make no sense.
    """

    @overload
    def __init__(
        self: Redis[bytes],
        host: str = ...,
        port: int = ...,
        db: int = ...,
        *,
        decode_responses: Literal[False] = ...,
        **options: Unpack[RedisOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Redis[str],
        host: str = ...,
        port: int = ...,
        db: int = ...,
        *,
        decode_responses: Literal[True],
        **options: Unpack[RedisOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Redis[Any],
        host: str = ...,
        port: int = ...,
        db: int = ...,
        *,
        decode_responses: bool,
        **options: Unpack[RedisOptions],
    ) -> None: ...
    def __init__(
        self: Redis[Any],
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        db: int = 0,
        *,
        decode_responses: bool = False,
        **options: Unpack[RedisOptions],
    ) -> None:
        self.retry = checked_retry(options.pop("retry", Retry()))
        self.connection_pool = pool_for(
            host, port, db, decode_responses=decode_responses, options=options
        )
        self.read = TEXT if decode_responses else BYTES
        self._holds = 0

    @overload
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: Literal[True], **options: Unpack[URLOptions]
    ) -> Redis[str]: ...
    @overload
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: Literal[False] = ..., **options: Unpack[URLOptions]
    ) -> Redis[bytes]: ...
    @classmethod
    def from_url(
        cls, url: str, *, decode_responses: bool = False, **options: Unpack[URLOptions]
    ) -> Redis[Any]:
        """A client for the server that *url* names; *options* go before those of the URL.

        `redis://`, `valkey://`, with TLS `rediss://`, `valkeys://`, or `unix://`; the client's
        keyword arguments are its query parameters.  *decode_responses* has to be said here, where
        type checkers see it.  Raises `DataValueError` that names what is wrong with the URL.
        """
        arguments = options_of_url(url, decode_responses=decode_responses)
        arguments.update(options)
        client: Redis[Any] = cls(decode_responses=decode_responses, **arguments)
        return client

    # -- scope ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.connection_pool.__aenter__()
        self._holds += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if not self._holds:
            return None
        self._holds -= 1
        return await self.connection_pool.__aexit__(kind, error, traceback)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.connection_pool.address} {self.connection_pool!r}>"

    # -- commands -------------------------------------------------------------------------------

    async def submit(self, command: Command[T]) -> T:
        """Run *command* and give its parsed reply.

        Raises the server's error, `MaxConnectionsError` or `PoolTimeoutError` without a lease,
        `ConnectionError` or `TimeoutError` without a reply; their `outcome` says whether the
        server can have run it.
        """
        args = command.args
        if args[0] in SPECIAL and self._needs_own_connection(args):
            return command.parse(await self._repeat(command.args, lambda: self._run_own(command)))
        pool = self.connection_pool
        connection = pool.board_nowait() or await pool.board()
        try:
            request = None if connection is None else connection.enqueue(args, command.binary)
            if connection is None or request is None:
                # There is no connection yet, or the server does not read: the slow way waits.
                pool.alight(connection)
                connection = None
                return command.parse(await self._repeat(args, lambda: self._ride(command)))
            try:
                reply = await request.waiter
            except BaseException:
                connection.abandon(request)
                raise
            if isinstance(reply, RedisError):
                pool.alight(connection)
                connection = None
                reply = await self._repeat(args, lambda: self._ride(command), reply)
        finally:
            pool.leave(connection)
        return command.parse(reply)

    async def execute_command(self, *args: Value) -> Any:
        """Run the command of these words and give its raw reply.

        The way out for commands that have no method here.  Raises `DataError` for a command that
        would change the connection which others share: use `session()` for those.
        """
        return await self.submit(raw_command(*args))

    def _needs_own_connection(self, args: tuple[Value, ...]) -> bool:
        if reason := forbidden(args):
            raise DataValueError(f"{_shown(args)} cannot be sent: {reason}")
        if changes_connection(args):
            raise DataValueError(
                f"{_shown(args)} changes its connection, which others share here: "
                "use `async with client.session()`"
            )
        return blocks(args)

    async def _ride(self, command: Command[Any]) -> Reply:
        """Run *command* once for a lease that there is."""
        pool = self.connection_pool
        connection = await pool.ride()
        try:
            request = connection.enqueue(command.args, command.binary)
            if request is None:
                request = await connection.enqueue_later(command.args, command.binary)
            return await connection.answer(request)
        finally:
            pool.alight(connection)

    async def _run_own(self, command: Command[Any]) -> Reply:
        """Run *command* once on a connection of its own."""
        async with self.connection_pool.acquire() as connection:
            return await connection.run(command)

    async def _repeat(
        self,
        args: tuple[Value, ...],
        attempt: Callable[[], Awaitable[Reply]],
        failed: RedisError | None = None,
    ) -> Reply:
        """The reply to *args*, tried until it is there or `retry` gives up; raises its error."""
        return await repeat(self.retry, lambda: only_reads(args), attempt, failed)

    # -- several commands -----------------------------------------------------------------------

    def pipeline(self, transaction: bool = True, raise_on_error: bool = True) -> Pipeline[S]:
        """Commands to send together, as an `async with` block; see `Pipeline`.

        With *transaction* they are MULTI/EXEC.  With *raise_on_error* the first that failed raises
        at the end of the block, after all have run.
        """
        return Pipeline(
            self._run_batch, self.read, transaction=transaction, raise_on_error=raise_on_error
        )

    def session(self) -> AbstractAsyncContextManager[Session[S]]:
        """One connection for yourself, as an `async with` block; see `Session`."""
        return open_session(self.connection_pool, self.read)

    async def _run_batch(self, batch: BatchOfCommands) -> list[Reply]:
        pool = self.connection_pool
        pack = pool.encoder
        pieces = batch.pieces(pack)
        first = next(pieces)
        second = next(pieces, None)
        if second is None:

            async def attempt() -> Reply:
                connection = await pool.ride()
                try:
                    return await send_small(connection, first, binary=batch.binary)
                finally:
                    pool.alight(connection)

            async with pool.lease():
                replies = await repeat(self.retry, lambda: batch.only_reads, attempt)
        else:
            check_packable(batch.words, pack)

            async def attempt() -> Reply:
                async with pool.acquire() as connection:
                    pieces = batch.pieces(pack)
                    return await send_large(connection, pieces, batch.expected, binary=batch.binary)

            replies = await repeat(self.retry, lambda: batch.only_reads, attempt)
        return batch.sorted_out(array(replies), pool.decodes)


def _shown(args: tuple[Value, ...]) -> str:
    return full_name(args).decode("ascii", "replace")
