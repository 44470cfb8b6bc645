"""The health of one connection: what its peer has said already, and how long it may be silent.

Law: before the first write after a pause, everything that the peer has said is read, so a
connection that was closed meanwhile carries no request.  A connection is dead if its oldest request
is overdue and less than `LEAST_RATE` was received; time for which the event loop stood still counts
for neither, within a bound.
"""

from __future__ import annotations

import socket
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute

from anyredis.connection.errors import explain
from anyredis.connection.lane import LaneStream
from anyredis.exceptions import RedisError
from anyredis.wire.request_queue import RequestQueue

PAUSE = 0.02
"""Seconds without a write, after which the peer is heard before the next write."""

PASSES = 8
"""Passes of the event loop that the lane gets to read what has arrived."""

QUIET_PASSES = 2
"""Passes for bytes of TLS that the event loop has received, and a reader task has not."""

LEAST_RATE = 1024
"""Bytes a second; a reply that arrives more slowly is overdue as if nothing arrived."""

UNKNOWN_ROLE_AGE = 1.0
"""Seconds that a connection to a server of unknown role has to live before READONLY retires it."""

FLAGS = getattr(socket, "MSG_PEEK", 0) | getattr(socket, "MSG_DONTWAIT", 0)


class Heard(Protocol):
    """A connection, as far as `Hearing` knows it."""

    closed: bool

    def close(self, reason: str, cause: BaseException | None = None, *, late: bool = False) -> None:
        """Take no more requests and fail all that it carries."""
        ...


class Hearing:
    """Reads what the peer has said already; *connection* is closed if that is its end.

    A plain socket on which nothing arrived costs one system call.  Otherwise the lane gets up to
    `PASSES` passes of the event loop, because only it can read the bytes, of TLS for example.
    """

    def __init__(self, connection: Heard, stream: ByteStream) -> None:
        self._connection = connection
        self._raw: Any = stream.extra(SocketAttribute.raw_socket, None)
        self._peeks = self._raw is not None and hasattr(socket, "MSG_DONTWAIT")
        is_direct = isinstance(stream, LaneStream)
        is_plain = is_direct or stream.extra(TLSAttribute.ssl_object, None) is None
        self._quiet_passes = 0 if self._peeks and is_plain else QUIET_PASSES
        self._passes = PASSES

    def goes_on(self) -> bool:
        """Whether the event loop has to make one more pass before this is called again."""
        if not self._passes:
            return False
        self._passes -= 1
        said = _peek(self._raw) if self._peeks else True
        if isinstance(said, Exception):
            self._connection.close(explain(said), said)
        if self._connection.closed or (not said and not self._quiet_passes):
            return False
        self._quiet_passes -= not said
        return True


def _peek(raw: Any) -> bool | Exception:
    """Whether bytes have arrived that nobody has read; an exception if the peer has ended it."""
    number = raw.fileno()
    if number < 0:
        return anyio.ClosedResourceError()
    # The sockets of asyncio and uvloop have no `recv`: this one shares their file descriptor.
    borrowed = socket.socket(raw.family, raw.type, raw.proto, fileno=number)
    try:
        return bool(borrowed.recv(1, FLAGS)) or anyio.EndOfStream()
    except (BlockingIOError, InterruptedError):
        return False
    except OSError as error:
        return error
    finally:
        borrowed.detach()


class SilenceRule:
    """Decides, from one health check to the next, whether the requests of a connection are overdue."""

    def __init__(self) -> None:
        self._received: deque[tuple[float, int]] = deque()
        """The bytes received up to the checks of the last `reply_timeout` seconds."""
        self._late_checks = 0
        """Late checks in a row between which nothing was received."""

    def is_over(self, wire: RequestQueue, now: float, overslept: float) -> bool:
        """Whether the oldest request in flight is overdue; *overslept*: how late this check is.

        The deadline is moved by *overslept*.  If the event loop always lags, that does not count:
        between two late checks it had a turn to read, so what has not come was not there.
        """
        timeout = wire.reply_timeout
        if timeout is None:
            return False
        before = self._received[-1][1] if self._received else -1
        if wire.received != before or not wire.inflight:
            self._late_checks = 0
        if overslept > 0:
            self._late_checks += 1
            wire.excuse(overslept)
        flows = self._flows(now, wire.received, timeout)
        return wire.overdue(now, always_late=self._late_checks > 1) and not flows

    def _flows(self, now: float, received: int, window: float) -> bool:
        """Whether at least `LEAST_RATE` was received during the last *window* seconds."""
        samples = self._received
        samples.append((now, received))
        while len(samples) > 1 and samples[1][0] <= now - window:
            samples.popleft()
        since, before = samples[0]
        return received - before >= LEAST_RATE * max(now - since, window) > 0


class Retired(Protocol):
    """A connection, as far as `read_error` knows it."""

    ready_at: float
    outdated: bool

    def role_has_changed(self) -> bool:
        """Whether the server, which refuses writes, was a primary when it was connected to."""
        ...

    def drain(self, reason: str) -> None:
        """Take no new requests; those that it carries are answered."""
        ...


READONLY = ("READONLY", "EXECABORT Transaction discarded because of: READONLY")
"""The beginnings of error replies to writes on a server that is not, or no longer, a primary."""


def read_error(
    connection: weakref.ref[Any], read: Callable[[str], RedisError], message: str
) -> RedisError:
    """The value for an error reply, by *read*; *connection* is drained if it is of no more use."""
    if message.startswith((*READONLY, "NOAUTH")):
        retired: Retired | None = connection()
        if retired is not None and retired.ready_at:  # otherwise the handshake decides
            _retire(retired, message)
    return read(message)


def _retire(connection: Retired, message: str) -> None:
    if message.startswith("NOAUTH"):
        connection.drain("the server asks for a login again")
    elif connection.role_has_changed():
        connection.outdated = True
        connection.drain("the server is no longer the primary")
