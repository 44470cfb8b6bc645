"""Streams over asyncio's transports: ordinary ones, until a connection attaches to them.

Law: before `attach` received bytes are kept, within a bound, until they are read; afterwards each
piece goes from the transport straight to the connection.  What had been received before sending
failed is delivered before the failure is told.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from socket import AF_INET, AF_INET6, socket
from typing import Any, Final

import anyio

from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.lane import Lane, LaneEvents, LaneStream
from anyredis.connection.receive_buffer import SMALL, receive_buffer
from anyredis.connection.sockets import broken, read_now, socket_attributes

WRITE_BUFFER: Final = {"high": 1, "low": 0}
"""A transport that has not sent all is full.  A high mark of 0 would hang the TLS of asyncio."""


class _Kept(asyncio.Protocol):
    """Keeps received bytes until they are read."""

    def __init__(self, sock: socket) -> None:
        self.transport: Any = None
        self.pieces: deque[bytes] = deque()
        self.size = 0
        self.end: Exception | None = None
        """Raised to those who read past the bytes."""
        self.failure: Exception | None = None
        """Raised to those who send."""
        self.full = False
        self._sock = sock
        self._changed: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(**WRITE_BUFFER)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._keep(bytes(data))
        if self.size >= CHUNK and not self.transport.is_closing():
            self.transport.pause_reading()

    def _keep(self, data: bytes) -> None:
        if data:
            self.pieces.append(data)
            self.size += len(data)
            self.wake()

    def eof_received(self) -> bool:
        self.end = self.end or anyio.EndOfStream()
        self.wake()
        return True  # the transport stays open until the stream is closed

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._keep(read_now(self._sock))
        self.failure = broken(exc)
        self.end = self.end or self.failure
        self.wake()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.wake()

    def wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)

    async def change(self) -> None:
        """Wait until something has changed."""
        if self._changed is None:
            self._changed = self._loop.create_future()
        # The reader and the writer may wait for the same future, so neither may cancel it.
        await asyncio.shield(self._changed)

    def take(self, most: int) -> bytes:
        """The first bytes, at most *most*."""
        first = self.pieces.popleft()
        if len(first) > most:
            self.pieces.appendleft(first[most:])
            first = first[:most]
        self.size -= len(first)
        if self.size < CHUNK and not self.transport.is_closing():
            self.transport.resume_reading()
        return first


class AsyncioStream(LaneStream):
    """A stream over a connected socket, under asyncio or uvloop."""

    def __init__(self, sock: socket, kept: _Kept) -> None:
        self._sock = sock
        self._kept = kept
        self._transport = kept.transport
        self._closed = False
        self._receiving = anyio.ResourceGuard("reading from")
        self._sending = anyio.ResourceGuard("writing to")

    @classmethod
    async def over(cls, sock: socket) -> AsyncioStream:
        """A stream over *sock*, which is closed if this raises or is cancelled."""
        loop = asyncio.get_running_loop()
        kept = _Kept(sock)
        made: Any = loop.create_connection
        if sock.family not in (AF_INET, AF_INET6):  # uvloop tells them apart
            made = loop.create_unix_connection
        # Once it has begun, the transport owns the socket: it is awaited before a cancellation.
        making = loop.create_task(made(lambda: kept, sock=sock))
        cancelled: BaseException | None = None
        while not making.done():
            try:
                await asyncio.wait([making])
            except asyncio.CancelledError as error:
                cancelled = error
        failure = cancelled if making.cancelled() else making.exception()
        if cancelled is None and failure is None:
            return cls(sock, kept)
        if kept.transport is not None:
            kept.transport.abort()
        else:
            sock.close()
        raise cancelled or failure or asyncio.CancelledError

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of `anyio.abc.SocketAttribute`."""
        return socket_attributes(self._sock)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Bytes that have arrived; raises as all byte streams do."""
        with self._receiving:
            await asyncio.sleep(0)
            kept = self._kept
            while not kept.pieces or self._closed:
                if self._closed:
                    raise anyio.ClosedResourceError
                if kept.end is not None:
                    raise kept.end
                await kept.change()
            return kept.take(max_bytes)

    async def send(self, item: bytes) -> None:
        """Send *item*, and wait until the transport has sent all of it."""
        with self._sending:
            await asyncio.sleep(0)
            kept = self._kept
            self._require_working()
            self._transport.write(item)
            while kept.full:
                await kept.change()
                self._require_working()

    def _require_working(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        if self._kept.failure is not None:
            raise self._kept.failure

    async def send_eof(self) -> None:
        """Half-close."""
        if not self._transport.is_closing():
            self._transport.write_eof()
        await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Close it at once, without sending what the transport has left."""
        self._closed = True
        self._transport.abort()
        self._kept.wake()
        await asyncio.sleep(0)

    def attach(self, events: LaneEvents) -> Lane:
        """The lane that takes over; afterwards nobody else may receive."""
        is_ready_based = isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
        made = BufferedLane if is_ready_based else AsyncioLane
        return made(self._sock, self._kept, events)


class AsyncioLane(asyncio.Protocol):
    """The direct lane: a protocol whose transport calls the connection."""

    def __init__(self, sock: socket, kept: _Kept, events: LaneEvents) -> None:
        self._sock = sock
        self._kept = kept
        self._transport = kept.transport
        self._events = events
        self._loop = asyncio.get_running_loop()
        # One context for all calls: that of a caller concerns no other request.
        self._context = contextvars.copy_context()
        # In the next turn, so that a cancellation in this one is seen before.
        self.soon = self.now_or_soon = partial(self._loop.call_soon, context=self._context)
        self.write = self._transport.write
        self.full = False
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self._paused = False
        self._pieces = kept.pieces
        """Bytes that were received and not delivered yet."""
        self._end: Exception | None = None
        self._told_end = False
        self._last_call: asyncio.TimerHandle | None = None

    # -- for the connection ---------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._paused = False
        self.soon(self._go_on)

    async def run(self) -> None:
        """Take over from the stream, and wait until the end was told or `stop` is called."""
        kept = self._kept
        self._transport.set_protocol(self)
        self.full = kept.full
        if kept.failure is not None:
            self._end = kept.failure if kept.end is None else kept.end
        else:
            self._end = kept.end
        self._go_on()
        try:
            await self._stopped
        finally:
            self.stop()

    def stop(self) -> None:
        """End `run`."""
        self._told_end = True
        self.pause_reading()
        if self._last_call is not None:
            self._last_call.cancel()
        if not self._stopped.done():
            self._stopped.set_result(None)

    # -- for the transport ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Deliver *data*, unless the transport of this event loop ignores a pause."""
        if self._paused or self._pieces:
            self._pieces.append(bytes(data))
        else:
            self._events.received(bytes(data))  # Windows gives a bytearray at times

    def eof_received(self) -> bool:
        """Tell the end; True, because the connection closes the transport itself."""
        self._finish(anyio.EndOfStream())
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Deliver what was received before sending failed with *exc*, and tell the end."""
        self.full = True
        if self._told_end:
            return
        if exc is not None and (data := read_now(self._sock)):
            self.data_received(data)
        error = broken(exc)
        if self._paused and self._end is None:
            seconds = self._events.sending_failed(error)
            self._last_call = self._loop.call_later(seconds, self._tell_end)
        self._finish(error)

    def pause_writing(self) -> None:
        """Take note that the transport is full."""
        self.full = True

    def resume_writing(self) -> None:
        """Let the connection write again."""
        self.full = False
        self._events.writable()

    def _finish(self, error: Exception) -> None:
        self._end = self._end or error
        if not self._paused and not self._pieces:
            self._tell_end()

    def _go_on(self) -> None:
        """Deliver what was kept, and everything that follows."""
        while self._pieces and not self._paused and not self._told_end:
            self._events.received(self._pieces.popleft())
        if self._paused or self._told_end:
            return
        if self._end is not None:
            self._tell_end()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def _tell_end(self) -> None:
        if not self._told_end and self._end is not None:
            self._told_end = True
            self._events.ended(self._end)
        self.stop()


class BufferedLane(AsyncioLane, asyncio.BufferedProtocol):
    """The direct lane of asyncio's own loop, whose transport receives into the thread's buffer.

    Only for a loop that receives when the socket is readable: one that has the system fill buffers
    meanwhile would need one for each connection.
    """

    get_buffer = staticmethod(receive_buffer)

    def buffer_updated(self, nbytes: int) -> None:
        """Deliver the first *nbytes* of the buffer."""
        data = receive_buffer()[:nbytes]
        if self._paused or self._pieces:
            self._pieces.append(bytes(data))
        else:
            self._events.received(bytes(data) if nbytes <= SMALL else data)
