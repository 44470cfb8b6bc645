"""One connection: a reader and a writer task over a byte stream, and requests in flight.

Law: a request is handed over synchronously and answered in order.  All requests that tasks hand
over in one turn of the event loop leave in one `send`; all replies of one `receive` are given out
in one pass.  A connection is either good or closed; in doubt it is closed, and everything that it
carried gets an error that says whether it had been sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import anyio
from anyio.abc import ByteStream

from anyredis.command import Command, Executor, raw_command
from anyredis.connection.backpressure import Backpressure
from anyredis.connection.errors import cannot_connect, explain, lost
from anyredis.connection.handshake import HandshakeOptions, HandshakeStep, ServerInfo, negotiate
from anyredis.connection.handshake_io import CHUNK, perform_handshake
from anyredis.connection.options import (
    check_flags,
    check_numbers,
    check_words,
    credential_source,
    current_credentials,
)
from anyredis.credentials import CredentialProvider
from anyredis.exceptions import (
    DataValueError,
    Outcome,
    RedisError,
    from_server,
)
from anyredis.facts.lookup import Facts, facts_of
from anyredis.facts.table import SPECIAL
from anyredis.waiter import Waiter, clock, waiter_factory
from anyredis.wire.decode import Decoder, Reply, text_decoder
from anyredis.wire.encode import Value, encode, encoder, name_of
from anyredis.wire.request import Request
from anyredis.wire.request_queue import RequestQueue

T = TypeVar("T")

HIGH_WATER = 4 * 1024 * 1024
"""Unsent bytes above which callers wait."""

MAX_IN_FLIGHT = 65536
"""Requests in flight above which callers wait."""

READ_AFTER_SEND_FAILURE = 1.0
"""Seconds to go on reading once sending has failed: the server may have said why."""


class ConnectionListener(Protocol):
    """Who is told at once when a connection must not be used any more."""

    def connection_failing(self, connection: BaseConnection) -> None:
        """*connection* is closed, or takes no new requests."""
        ...


class PoolView(Protocol):
    """The connections of a pool, as a connection class may look after them."""

    def connections(self) -> list[BaseConnection]:
        """All that are open."""
        ...

    def replace_connections(
        self, reason: str, those: Collection[BaseConnection] | None = None
    ) -> None:
        """Let nobody new use *those* connections, or any that there are."""
        ...


class BaseConnection(Executor):
    """A connection to one server.

    Subclasses implement `open_stream`; any `anyio.abc.ByteStream` will do.  They are given to a
    pool as `connection_class=`, and the pool's other keyword arguments reach their constructor.

    *username*, *password*: whom to log in as; or *credential_provider*, a callable, sync or async,
    asked at each connect.  *db*: the database number.  *protocol*: 3 falls back to 2 where the
    server does not know it.  *decode_responses*: text comes as str in *encoding*, not as bytes.
    *stream_timeout*: seconds that a reply may take before the connection is given up (None: for
    ever).  *connect_timeout*: seconds until it has to be ready, handshake included.  *noevict*,
    *notouch*: `CLIENT NO-EVICT` and `NO-TOUCH`.
    """

    server_info = ServerInfo(protocol=0)
    """What the server said of itself when it connected."""
    closed = False
    lost = False
    """Whether it was not closed by us: it broke, or the server did not answer in time."""
    dirty = False
    """Whether a command changed its state, so that nobody else may get it."""
    listener: ConnectionListener | None = None
    """Who uses it, and is told when it fails."""
    background: Callable[[PoolView], Awaitable[None]] | None = None
    """What a pool of such connections runs as a task of its own while it is open."""
    read_error: Callable[[str], RedisError] = staticmethod(from_server)
    """What makes the value for an error reply out of its text."""
    in_use = 0
    """Leases that share it now; this and the next are kept by its pool."""
    idle_at_count = 0
    idle_since = last_ping = 0.0
    """Since when, and at which count of answers, nobody used it; when it was last asked."""
    _stream: ByteStream | None = None
    _scope: anyio.CancelScope | None = None
    _parked: Waiter | None = None
    _send_failed = False
    _paused = False
    """Whether callers wait: others do already, too much is in flight, or it is closed."""

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        credential_provider: CredentialProvider | None = None,
        db: int = 0,
        client_name: str | None = None,
        protocol: int = 3,
        decode_responses: bool = False,
        encoding: str = "utf-8",
        stream_timeout: float | None = 10.0,
        connect_timeout: float = 5.0,
        noevict: bool = False,
        notouch: bool = False,
    ) -> None:
        check_numbers(
            protocol=protocol,
            db=db,
            stream_timeout=stream_timeout,
            connect_timeout=connect_timeout,
        )
        check_flags(decode_responses=decode_responses, noevict=noevict, notouch=notouch)
        check_words(client_name=client_name, encoding=encoding)
        self.connect_timeout = connect_timeout
        self.stream_timeout = stream_timeout
        self.decode_responses = decode_responses
        self.encoding = encoding
        self._handshake_options = HandshakeOptions(protocol, db, client_name, noevict, notouch)
        self._credentials = credential_source(username, password, credential_provider)
        self.encoder = encoder(encoding)
        """What packs its commands."""
        self.decodes = text_decoder(encoding) if decode_responses else None
        """What turns bytes into text, where it decodes."""
        self._reset_decoder()

    def _reset_decoder(self) -> None:
        """Forget what was read so far: the next byte is the first one of a new stream."""
        self._decoder = Decoder(self.encoding if self.decode_responses else None, self.read_error)
        self.wire = RequestQueue(self._decoder, reply_timeout=self.stream_timeout)

    # -- for subclasses -------------------------------------------------------------------------

    async def open_stream(self) -> ByteStream:
        """A connected byte stream to the server; cancelled after `connect_timeout`."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Where it goes, for messages."""
        return type(self).__name__

    def extra_steps(self) -> tuple[HandshakeStep, ...]:
        """Commands to add to the handshake."""
        return ()

    def check_server(self, server_info: ServerInfo) -> None:
        """Judge what the server said in the handshake; raise an error to refuse the server."""

    @property
    def misplaced(self) -> bool:
        """Whether the server said that it is not the one to talk to any more."""
        return False

    # -- life -----------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the stream and shake hands.

        Raises `ConnectTimeoutError`, `AuthenticationError`, `ConnectionError`, `ProtocolError` or
        what the server answered; nothing stays open then, nor after a cancellation.
        """
        try:
            with anyio.fail_after(self.connect_timeout):
                await self._open_and_handshake()
        except Exception as error:
            raise cannot_connect(self.address, error, self.connect_timeout) from error
        self._new_waiter = waiter_factory()
        self._clock = clock()
        self._backpressure = Backpressure(self._new_waiter)

    async def _open_and_handshake(self) -> None:
        credentials = await current_credentials(self._credentials)
        stream = await self.open_stream()
        try:
            options = replace(self._handshake_options, extra=self.extra_steps())
            conversation = negotiate(options, credentials)
            self.server_info = await perform_handshake(
                conversation, stream, self._decoder, self.encoder
            )
            self.check_server(self.server_info)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        self._stream = stream

    async def serve(self) -> None:
        """Carry requests until closed; always leaves the stream closed."""
        assert self._stream is not None  # noqa: S101 - connect() comes first
        try:
            async with anyio.create_task_group() as tasks:
                self._scope = tasks.cancel_scope
                if self.closed:
                    return
                tasks.start_soon(self._write, self._stream)
                await self._read(self._stream)
        finally:
            self.close("it was closed by the client")
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)

    def close(self, reason: str, cause: Exception | None = None, *, late: bool = False) -> None:
        """Take no more requests and fail all that it carries; its tasks end and close the stream.

        *late* says that the server did not answer in time: the errors are `TimeoutError`.
        """
        if self.closed:
            return
        self.closed = self._paused = True
        self.lost = late or cause is not None
        address = self.address

        def error(outcome: Outcome) -> RedisError:
            return lost(address, reason, cause, outcome, late=late)

        self.wire.fail(error)
        if self._stream is not None:
            self._backpressure.close(error)
        if self._scope is not None:
            self._scope.cancel()
        self._tell_listener()

    def _tell_listener(self) -> None:
        if self.listener is not None:
            self.listener.connection_failing(self)

    @property
    def usable(self) -> bool:
        """Whether it takes new requests."""
        failing = self.closed or self._send_failed or self.wire.exhausted
        return not failing and not self.misplaced

    def overdue(self) -> bool:
        """Whether the oldest request in flight has waited longer than it may."""
        return self.wire.overdue(self._clock())

    # -- the two tasks --------------------------------------------------------------------------

    async def _read(self, stream: ByteStream) -> None:
        receive, wire, feed = stream.receive, self.wire, self.wire.feed
        try:
            while True:
                feed(await receive(CHUNK))
                if self._paused:
                    self._resume_waiting()
                if (wire.tombstones and wire.exhausted) or self.misplaced:
                    self._tell_listener()
        except Exception as error:  # noqa: BLE001 - any failure ends this connection, told to all
            self.close(explain(error), error)

    async def _write(self, stream: ByteStream) -> None:
        wire, send, now = self.wire, stream.send, self._clock
        try:
            while True:
                if wire.unsent:
                    if data := wire.take(now()):  # else all of it was cancelled
                        if len(wire.inflight) > MAX_IN_FLIGHT:
                            self._paused = True
                        await send(data)
                    if self._paused:
                        self._resume_waiting()
                else:
                    self._parked = parked = self._new_waiter()
                    await parked
        except Exception as error:  # noqa: BLE001 - any failure ends this connection, told to all
            self._send_failed = True
            self._tell_listener()
            await anyio.sleep(READ_AFTER_SEND_FAILURE)
            self.close(explain(error), error)

    def _resume_waiting(self) -> None:
        """Let in those who wait in `wait_for_capacity`, as far as there is room."""
        wire = self.wire
        crowded = len(wire.inflight) > MAX_IN_FLIGHT
        if not crowded:
            self._backpressure.grant(HIGH_WATER - wire.unsent_bytes)
        self._paused = crowded or bool(self._backpressure.line) or self.closed

    # -- requests -------------------------------------------------------------------------------

    def enqueue(self, args: tuple[Value, ...], binary: bool = False) -> Request | None:
        """Put one command in line; None where its caller has to use `enqueue_later`.

        Raises `DataError` where an argument cannot be sent.
        """
        wire = self.wire
        if wire.unsent_bytes > HIGH_WATER or self._paused:
            return None
        try:
            payload = self.encoder(args)  # encode(), without its frame where all is well
        except (TypeError, UnicodeEncodeError):
            payload = encode(self.encoder, args)  # raises the error that users know
        request = Request(payload, self._new_waiter())
        if binary:
            request.binary = True
        wire.unsent.append(request)  # RequestQueue.submit, without its frame
        wire.unsent_bytes += len(payload)
        if self._parked is not None:
            self._wake_writer()
        return request

    async def enqueue_later(self, args: tuple[Value, ...], binary: bool = False) -> Request:
        """Put one command in line once the server has read enough of what is unsent."""
        await self.wait_for_capacity(sum(len(arg) for arg in args if isinstance(arg, (bytes, str))))
        return self._enqueue_anyway(args, binary)

    async def wait_for_capacity(self, size: int) -> None:
        """Wait, where it is needed, until there is room for *size* more bytes."""
        if not self.closed and (self.wire.unsent_bytes > HIGH_WATER or self._paused):
            self._paused = True
            await self._backpressure.wait(size)

    def enqueue_many(
        self, payload: bytes, reply_count: int, expected: int, binary: bool
    ) -> Request:
        """Put packed commands in line, whose *expected* replies are one answer.

        *reply_count* of them are for *payload*; the rest comes with `continue_many`.
        """
        request = Request.of_many(payload, self._new_waiter(), reply_count, expected)
        request.binary = binary
        return self._submit(request)

    def continue_many(self, request: Request, payload: bytes, reply_count: int) -> None:
        """Put the next packed commands of *request* in line; not sent once it is abandoned."""
        if not request.waiter.done():
            self._submit(request.continued(payload, reply_count))

    def _submit(self, request: Request) -> Request:
        if self.closed:
            error = lost(self.address, "it was closed", None, Outcome.NOT_SENT, late=False)
            request.waiter.set_result(error)
            return request
        self.wire.submit(request)
        if self._parked is not None:
            self._wake_writer()
        return request

    def _enqueue_anyway(self, args: tuple[Value, ...], binary: bool) -> Request:
        request = Request(self.pack(args), self._new_waiter())
        request.binary = binary
        return self._submit(request)

    def _wake_writer(self) -> None:
        parked, self._parked = self._parked, None
        if parked is not None and not parked.done():
            parked.set_result(None)

    def pack(self, args: tuple[Value, ...]) -> bytes:
        """The bytes of one command; raises `DataError` where an argument cannot be sent."""
        return encode(self.encoder, args)

    def abandon(self, request: Request) -> None:
        """Nobody waits for *request* any more."""
        wire = self.wire
        wire.abandon(request)
        if wire.tombstones and wire.exhausted:
            self._tell_listener()

    async def answer(self, request: Request) -> Reply:
        """The raw reply to *request*, an error as a value; a cancellation abandons it."""
        try:
            reply: Reply = await request.waiter
        except BaseException:
            self.abandon(request)
            raise
        return reply

    async def submit(self, command: Command[T], facts: Facts | None = None) -> T:
        """Run *command* on this connection, which is one's own, and give its parsed reply.

        A blocking command that is cancelled closes the connection at once.  Raises `DataError` for
        a command that no connection can carry.  *facts* are the command's, if they are known.
        """
        reply = await self.run(command, facts)
        if isinstance(reply, RedisError):
            raise reply
        return command.parse(reply)

    async def run(self, command: Command[Any], facts: Facts | None = None) -> Reply:
        """Like `submit`, but gives the raw reply, an error as a value."""
        args = command.args
        if args[0] not in SPECIAL:
            return await self.answer(self._enqueue_anyway(args, command.binary))
        facts = facts or facts_of(args)
        if facts.forbidden is not None:
            raise DataValueError(f"{name_of(args)} cannot be sent: {facts.forbidden}")
        self.dirty = self.dirty or facts.changes_connection
        if not facts.blocks(args):
            return await self.answer(self._enqueue_anyway(args, command.binary))
        return await self._run_blocking(args, command.binary, facts.blocking_seconds(args))

    async def _run_blocking(
        self, args: tuple[Value, ...], binary: bool, seconds: float | None
    ) -> Reply:
        """The reply to what may block for so many *seconds* (None: for ever)."""
        wire = self.wire
        grace = self.stream_timeout
        wire.reply_timeout = None if seconds is None or grace is None else seconds + grace
        try:
            return await self.answer(self._enqueue_anyway(args, binary))
        except BaseException:
            self.close("a blocking command was cancelled")
            raise
        finally:
            wire.reply_timeout = grace

    async def execute_command(self, *args: Value) -> Any:
        """Run the command of these words on this connection and give its raw reply."""
        return await self.submit(raw_command(*args))
