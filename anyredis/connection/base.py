"""One connection, from opening to closing: a lane moves its bytes.

Law: all replies and pushes in the bytes that arrive together are delivered in one pass.  A
connection is usable, draining or closed.  In doubt it is closed, and every request that it carries
gets an error that says whether the command was sent.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Protocol

import anyio

from anyredis.connection import requests
from anyredis.connection.backpressure import Backpressure
from anyredis.connection.errors import cannot_connect, explain, lost
from anyredis.connection.health import PAUSE, UNKNOWN_ROLE_AGE, Hearing, SilenceRule
from anyredis.connection.lane import Lane, lane_of
from anyredis.connection.opening import OpenedConnection
from anyredis.exceptions import Outcome, RedisError
from anyredis.waiter import EventLoop, clock
from anyredis.wire.decode import Reply

LOGGER = logging.getLogger("anyredis")

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


class BaseConnection(OpenedConnection):
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

    lost = False
    """Whether the client did not close it: it broke, or the server did not answer in time."""
    listeners: tuple[ConnectionListener, ...] = ()
    """Its listeners.  A subclass may start with some; the pool adds others."""
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
    _serves = False
    """Whether it has a lane."""
    _hearing: Hearing | None = None
    _written_at = 0.0
    _silence_rule: SilenceRule
    _pauses = 0
    """Calls of `pause_reading` without their `resume_reading`."""
    _paused_since = 0.0

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
        self._silence_rule = SilenceRule()
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

    def received(self, data: bytes | memoryview, /) -> None:
        """Take *data*, the next bytes from the server; nothing keeps a view of them."""
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
                        self._lane.soon(self._flush)
                        return
                    now = self._clock()
                self._written_at = now
                if data := wire.take(now):  # otherwise all of it was cancelled
                    if len(wire.inflight) > requests.MAX_IN_FLIGHT:
                        self._paused = True
                    self._lane.write(data)
                    self._full = self._lane.full
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
