"""One connection, from opening to closing: a lane moves its bytes.

Law: all replies and pushes in the bytes that arrive together are delivered in one pass.  A connection
is usable, draining or closed.  In doubt it is closed, and every request that it carries gets an
error that says whether the command was sent.
"""

from __future__ import annotations

import logging
import math
import weakref
from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio
from anyio.abc import ByteStream

from anyredis.connection import requests
from anyredis.connection.backpressure import Backpressure
from anyredis.connection.errors import cannot_connect, explain, lost
from anyredis.connection.handshake import (
    LIBRARY_NAME,
    HandshakeOptions,
    HandshakeStep,
    ServerInfo,
    negotiate,
)
from anyredis.connection.handshake_io import HungUpOnHelloError, perform_handshake
from anyredis.connection.health import PAUSE, UNKNOWN_ROLE_AGE, Hearing, SilenceRule, read_error
from anyredis.connection.lane import Lane, lane_of
from anyredis.connection.options import (
    check_codec,
    check_count,
    check_flags,
    check_names,
    check_numbers,
    credential_source,
    current_credentials,
)
from anyredis.connection.requests import RequestSender
from anyredis.credentials import CredentialProvider, Credentials, hidden
from anyredis.exceptions import Outcome, RedisError, from_lone_server, from_server
from anyredis.waiter import EventLoop, clock
from anyredis.wire.decode import Decoder, Reply, text_decoder
from anyredis.wire.encode import encoder
from anyredis.wire.lengths import MAX_ELEMENTS
from anyredis.wire.request_queue import RequestQueue

LOGGER = logging.getLogger("anyredis")

MAX_PUSH_BYTES = 512 * 1024 * 1024
"""The default of `max_push_bytes`: the servers' own limit for a string."""

READ_AFTER_SEND_FAILURE = 1.0
"""Seconds to continue reading after sending has failed: the server may have sent the reason."""


class ConnectionListener(Protocol):
    """A listener to the connections of a pool, given to it in `listeners=`.

    The methods are called synchronously and must not block; they may enqueue commands, and pause
    the reading.  Exceptions in them are logged, and affect neither the connection nor its requests.
    """

    def ready(self, connection: BaseConnection, /) -> None:
        """*connection* has done its handshake; commands enqueued now are sent before all others."""
        ...

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """The server sent the push *message*; its strings are bytes."""
        ...

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """*connection* takes no new requests.

        If it is not `closed`, it is draining, and this is called once more when it is closed.
        """
        ...


class BaseConnection(RequestSender):
    """A connection to one server.

    Subclasses implement `open_stream`, which gives any `anyio.abc.ByteStream`.  A pool takes such a
    class as `connection_class=` and passes its other keyword arguments to the constructor.

    *username*, *password*: the login; or *credential_provider*, a callable, sync or async, which
    each connect calls.  A *username* without a password logs in a user that needs none; an empty
    *password* is no password.  *db*: the database number.  *protocol*: 3, which falls back to 2 if the
    server does not know it, or 2.  *decode_responses*: text comes as str in *encoding*, not as
    bytes; *encoding_errors* is the error handler of Python's codecs for text that does not decode,
    or that *encoding* cannot express.  *stream_timeout*: seconds that a reply may take before the
    connection is closed (None: for ever).  *connect_timeout*: seconds until it has to be ready,
    handshake included.  *lib_name*: the library's name in `CLIENT LIST` (None: no CLIENT SETINFO is
    sent).  *noevict*, *notouch*: `CLIENT NO-EVICT` and `NO-TOUCH`.  *max_push_bytes*: the most
    bytes of a push, if there is a listener; otherwise 1 MiB.  *max_elements*: the most elements of
    one array or set in a reply.  The connection is closed if the server sends more.
    """

    server_info = ServerInfo(protocol=0)
    """The facts that the server gave in the handshake."""
    lost = False
    """Whether the client did not close it: it broke, or the server did not answer in time."""
    listeners: tuple[ConnectionListener, ...] = ()
    """Its listeners.  A subclass may start with some; the pool adds others."""
    read_error: Callable[[str], RedisError] = staticmethod(from_lone_server)
    """Makes the value of an error reply from its text; it may `drain` the connection.

    If it holds only a weak reference to the connection, that is freed as soon as it is closed.
    """
    in_use = 0
    """Leases that share it now; the pool sets this and the next three."""
    idle_at_count = 0
    """The count of replies at its last use."""
    idle_since = last_ping = 0.0
    """The times of its last use and of its last health check."""
    ready_at = 0.0
    """The time at which its handshake was done."""
    renew_at = math.inf
    """The time from which its pool replaces it; the pool sets this."""
    outdated = False
    """Whether the server has shown that others behind its address are to be used from now on."""
    _stream: ByteStream | None = None
    _serves = False
    """Whether it has a lane."""
    _hearing: Hearing | None = None
    _written_at = 0.0
    _pauses = 0
    """Calls of `pause_reading` without their `resume_reading`."""
    _paused_since = 0.0

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        credential_provider: CredentialProvider | None = None,
        db: int = 0,
        client_name: str | None = None,
        lib_name: str | None = LIBRARY_NAME,
        protocol: int = 3,
        decode_responses: bool = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        stream_timeout: float | None = 10.0,
        connect_timeout: float = 5.0,
        noevict: bool = False,
        notouch: bool = False,
        max_push_bytes: int = MAX_PUSH_BYTES,
        max_elements: int = MAX_ELEMENTS,
    ) -> None:
        password = hidden(password)  # first: an error below shows it in no variable
        self.max_push_bytes = check_count("max_push_bytes", max_push_bytes, least=1)
        self._max_elements = check_count("max_elements", max_elements, least=1)
        check_numbers(
            protocol=protocol, db=db, stream_timeout=stream_timeout, connect_timeout=connect_timeout
        )
        check_flags(decode_responses=decode_responses, noevict=noevict, notouch=notouch)
        check_names(client_name=client_name, lib_name=lib_name)
        check_codec(encoding, encoding_errors)
        self.connect_timeout = connect_timeout
        self.stream_timeout = stream_timeout
        self.db, self.decode_responses = db, decode_responses
        self.encoding, self.encoding_errors = encoding, encoding_errors
        self._handshake_options = HandshakeOptions(
            protocol, db, client_name, noevict, notouch, lib_name
        )
        self._credentials = credential_source(username, password, credential_provider)
        self.encoder = encoder(encoding, encoding_errors)
        self.decodes = text_decoder(encoding, encoding_errors) if decode_responses else None
        """Decodes bytes to text, if it decodes replies."""
        if self.read_error in (from_server, from_lone_server):
            self.read_error = partial(read_error, weakref.ref(self), self.read_error)
        self._silence_rule = SilenceRule()
        self._reset_decoder()

    def _reset_decoder(self) -> None:
        """Start with a new decoder and an empty queue, for a new stream."""
        encoding = self.encoding if self.decode_responses else None
        self._decoder = Decoder(encoding, self.read_error, self.encoding_errors, self._max_elements)
        self.wire = RequestQueue(
            self._decoder, reply_timeout=self.stream_timeout, on_push=self._tell_of_push
        )

    # -- for subclasses -------------------------------------------------------------------------

    async def open_stream(self) -> ByteStream:
        """A connected byte stream to the server; cancelled after `connect_timeout`."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """The address of the server, for messages."""
        return type(self).__name__

    def extra_steps(self) -> tuple[HandshakeStep, ...]:
        """Commands to add to the handshake."""
        return ()

    def check_server(self, server_info: ServerInfo) -> None:
        """Check the facts that the server gave in the handshake; raise an error to refuse it."""

    def hint(self, error: Exception) -> str:  # noqa: ARG002 - for subclasses
        """What may be wrong if connecting failed with *error*, for the message; may be empty."""
        return ""

    async def establish(self) -> None:
        """Open the stream and do the handshake, for `connect`.

        A subclass that has several servers to try calls this for each, and `disconnect` between.
        """
        credentials = await current_credentials(self._credentials)
        options = self._handshake_options._replace(extra=self.extra_steps())
        try:
            await self._establish(options, credentials)
        except HungUpOnHelloError:
            # Some proxies refuse HELLO and close: RESP2 then, on another stream, without it.
            self._reset_decoder()
            await self._establish(options._replace(protocol=2), credentials)

    async def _establish(self, options: HandshakeOptions, credentials: Credentials) -> None:
        stream = await self.open_stream()
        try:
            conversation = negotiate(options, credentials)
            self.server_info = await perform_handshake(
                conversation, stream, self._decoder, self.encoder
            )
            self.check_server(self.server_info)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        self._stream = stream

    async def disconnect(self) -> None:
        """Undo `establish`: close the stream and forget all bytes that were read."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await anyio.aclose_forcefully(stream)
        self._reset_decoder()

    # -- connect, serve, close ------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the stream and do the handshake.

        Raises `ConnectTimeoutError`, `AuthenticationError`, `ConnectionError`, `ProtocolError` or
        the server's own error; then no stream stays open, nor after a cancellation.
        """
        try:
            with anyio.fail_after(self.connect_timeout):
                await self.establish()
        except Exception as error:
            raise cannot_connect(
                self.address, error, self.connect_timeout, self.hint(error)
            ) from error
        event_loop = EventLoop()
        self.check_event_loop = event_loop.check
        self._new_waiter = event_loop.waiter
        self._new_waiter_unchecked = event_loop.new_waiter
        self._clock = clock()
        self.ready_at = self._written_at = self._clock()
        if not all(getattr(each, "ignores_pushes", False) for each in self.listeners):
            self.wire.max_unasked = self.max_push_bytes
        self._backpressure = Backpressure(self._new_waiter, self._submit, self._resume_waiting)
        self._tell(lambda listener: listener.ready(self))

    async def serve(self) -> None:
        """Send requests and read replies until closed; afterwards the stream is always closed."""
        assert self._stream is not None  # noqa: S101 - connect() comes first
        try:
            if not self.closed:
                self._begin(lane_of(self._stream, self))
            if not self.closed:
                await self._lane.run()
        except BaseException as error:
            self.close(explain(error), error)  # does nothing if it is closed already
            raise
        finally:
            self.close("it was closed by the client")
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)

    def close(self, reason: str, cause: BaseException | None = None, *, late: bool = False) -> None:
        """Take no more requests and fail all that it carries; its tasks end and close the stream.

        With *late* the server did not answer in time, and the errors are `TimeoutError`.
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
        if self._serves:
            self._lane.stop()
        self._tell(lambda listener: listener.lost(self, reason))

    def drain(self, reason: str) -> None:
        """Take no new requests; those that it carries are answered, and its pool replaces it.

        May be called at any time, even while a reply is being read.
        """
        if not self.draining and not self.closed:
            self.draining = True
            self._tell(lambda listener: listener.lost(self, reason))

    @property
    def usable(self) -> bool:
        """Whether it takes new requests."""
        return not (self.closed or self.draining)

    def overdue(self, overslept: float = 0.0) -> bool:
        """Whether the oldest request in flight has waited longer than it may.

        *overslept*: seconds by which this check is late, because the event loop stood still.  False
        while the reading is paused, because the reply may have arrived.
        """
        return self._silence_rule.is_over(self.wire, self._clock(), overslept) and not self._pauses

    async def hear(self) -> bool:
        """Read what the peer has said already, if it is idle; False if it is of no use then."""
        if self._stream is None or self._clock() - self._written_at <= PAUSE:
            return True
        hearing = Hearing(self, self._stream)
        while hearing.goes_on():  # noqa: ASYNC110 - it makes the event loop pass
            await anyio.sleep(0)  # noqa: ASYNC115 - `anyio.lowlevel` takes long to import
        return self.usable

    def role_has_changed(self) -> bool:
        """Whether the server, which refuses writes, was a primary when it was connected to."""
        if not self.ready_at or self.server_info.role == "replica":
            return False
        age = self._clock() - self.ready_at
        return bool(self.server_info.role) or age > UNKNOWN_ROLE_AGE

    # -- listeners ------------------------------------------------------------------------------

    def _tell(self, tell: Callable[[ConnectionListener], None]) -> None:
        for listener in self.listeners:
            try:
                tell(listener)
            except Exception:
                LOGGER.exception("a listener of the connection to %s failed", self.address)

    def _tell_of_push(self, message: list[Reply]) -> None:
        self._tell(lambda listener: listener.push(self, message))

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading` has been called as often as this.

        If a listener calls this in `push`, it still gets the pushes in the bytes of that `receive`,
        at most `CHUNK` bytes; as many bytes again are received and kept.  Meanwhile requests on the
        connection wait for their replies, which does not count against `stream_timeout`, so a dead
        server may not be detected before reading resumes.
        """
        if not self._pauses:
            self._paused_since = self._clock()
            if self._serves and not self.closed:
                self._lane.pause_reading()
        self._pauses += 1

    def resume_reading(self) -> None:
        """Undo one `pause_reading`; reading resumes after the last.

        Raises `RuntimeError` if the reading is not paused.
        """
        if not self._pauses:
            raise RuntimeError("the reading of this connection is not paused")
        self._pauses -= 1
        if self._pauses:
            return
        self.wire.postpone(self._clock() - self._paused_since)
        if self._serves and not self.closed:
            self._lane.resume_reading()

    # -- for its lane ---------------------------------------------------------------------------

    def _begin(self, lane: Lane) -> None:
        """Use *lane* from now on."""
        self._lane, self._serves = lane, True
        if self._pauses:
            lane.pause_reading()
        self.received(b"")  # what came in one piece with the end of the handshake
        if self.wire.unsent and not self.closed:
            self._schedule_flush()
        else:
            self._flush_on_request = not self.closed

    def received(self, data: bytes, /) -> None:
        """Take *data*, the next bytes from the server."""
        if self.closed:
            return
        wire = self.wire
        try:
            wire.feed(data)
            if self._paused:
                self._resume_waiting()
            if wire.tombstones and wire.exhausted:
                self.drain("too many of its requests were given up")
        except Exception as error:  # noqa: BLE001 - any failure closes it, with an error for all
            self.close(explain(error), error)

    def writable(self) -> None:
        """Write again: the lane is not full any more."""
        self._full = False
        if self._paused:
            self._resume_waiting()
        self._flush()

    def sending_failed(self, error: Exception, /) -> float:  # noqa: ARG002 - `ended` gets it too
        """Take no new requests; the seconds to continue reading."""
        self._full = True
        self._flush_on_request = False
        self.drain("sending failed")
        return READ_AFTER_SEND_FAILURE

    def ended(self, error: BaseException, /) -> None:
        """Close: the stream has ended, or broke."""
        self.close(explain(error), error)

    def _flush(self) -> None:
        """Send what is enqueued, until the lane is full; then let others enqueue."""
        wire, crowd = self.wire, self._crowd
        self._crowd = max(len(wire.unsent), crowd >> 1)
        try:
            while wire.unsent and not self._full:
                now = self._clock()
                if now - self._written_at > PAUSE:
                    if not self._has_heard():
                        self._lane.soon(self._flush, alone=False)
                        return
                    now = self._clock()
                self._written_at = now
                if data := wire.take(now):  # otherwise all of it was cancelled
                    if len(wire.inflight) > requests.MAX_IN_FLIGHT:
                        self._paused = True
                    self._full = not self._lane.write(data)
            self._flush_on_request = not (self._full or self.closed)
            if self._paused:
                self._resume_waiting()
        except Exception as error:  # noqa: BLE001 - any failure closes it, with an error for all
            self.close(explain(error), error)

    def _has_heard(self) -> bool:
        """Whether all that the peer has said is read; otherwise after one more pass."""
        assert self._stream is not None  # noqa: S101 - it serves
        hearing = self._hearing or Hearing(self, self._stream)
        self._hearing = hearing if hearing.goes_on() else None
        return self._hearing is None
