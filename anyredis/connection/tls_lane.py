"""TLS over a stream that has a direct lane: an ordinary stream, and a direct lane of its own.

Law: everything that the lane below delivers is decrypted and delivered in the same step, so a pause
of the lane below is one here, and no decrypted bytes wait.  What the connection writes is encrypted
piece by piece, as far as the lane below takes it.  An end without close_notify is an ordinary end:
RESP has its own framing, so that cannot hide a truncated reply.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import anyio
from anyio import to_thread
from anyio.streams.tls import TLSAttribute

from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.lane import Lane, LaneEvents, LaneStream

T = TypeVar("T")

RECORD: Final = 16384
"""The most bytes that a record of TLS carries."""

NOTHING: Final = memoryview(b"")


class TLSState(NamedTuple):
    """One side of a TLS connection, without a socket."""

    ssl_object: ssl.SSLObject
    incoming: ssl.MemoryBIO
    """Received bytes that are not decrypted yet."""
    outgoing: ssl.MemoryBIO
    """Bytes to send: encrypted ones, and those of the protocol itself."""


class EncryptedStream(LaneStream):
    """TLS over *stream*; `over` makes one that has done its handshake."""

    def __init__(self, stream: LaneStream, state: TLSState) -> None:
        self._stream = stream
        self._state = state
        self._receiving = anyio.ResourceGuard("reading from")
        self._sending = anyio.ResourceGuard("writing to")
        self._flush_lock = anyio.Lock()
        self._closed = False
        self._broken = False
        """Whether encrypted bytes were lost, so that the peer can decrypt no more."""

    @classmethod
    async def over(cls, stream: LaneStream, context: ssl.SSLContext, host: str) -> EncryptedStream:
        """TLS over *stream* with a server that *context* verifies, by its name *host* in ASCII.

        Raises `ssl.SSLError`, and what *stream* raises; then *stream* stays open.
        """
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = host.encode("ascii")
        wrap = partial(context.wrap_bio, incoming, outgoing, server_hostname=name)
        # Contexts of other libraries may read files.
        ours = type(context) is ssl.SSLContext
        ssl_object = wrap() if ours else await to_thread.run_sync(wrap)
        encrypted = cls(stream, TLSState(ssl_object, incoming, outgoing))
        await encrypted._sent(ssl_object.do_handshake)
        return encrypted

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of the stream below, and of `anyio.streams.tls.TLSAttribute`."""
        ssl_object = self._state.ssl_object
        keys: Any = TLSAttribute  # checkers take the attributes for values of their types
        return {
            **self._stream.extra_attributes,
            keys.alpn_protocol: ssl_object.selected_alpn_protocol,
            keys.channel_binding_tls_unique: ssl_object.get_channel_binding,
            keys.cipher: ssl_object.cipher,
            keys.peer_certificate: ssl_object.getpeercert,
            keys.peer_certificate_binary: partial(ssl_object.getpeercert, binary_form=True),
            keys.server_side: lambda: False,
            keys.shared_ciphers: lambda: None,
            keys.ssl_object: lambda: ssl_object,
            keys.standard_compatible: lambda: False,
            keys.tls_version: ssl_object.version,
        }

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Bytes that have arrived; raises as all byte streams do, and `ssl.SSLError`."""
        read, size = self._state.ssl_object.read, min(max_bytes, RECORD)
        with self._receiving:
            data = b""
            while not data:
                self._require_open()
                try:
                    if not (data := read(size)):
                        raise anyio.EndOfStream
                except ssl.SSLWantReadError:
                    await self._answer()
                    await self._receive_more()
        return data

    async def send(self, item: bytes) -> None:
        """Send *item*."""
        with self._sending:
            rest = memoryview(item)
            while rest:
                sent = await self._sent(partial(self._state.ssl_object.write, rest[:CHUNK]))
                rest = rest[sent:]

    async def _sent(self, operation: Callable[[], T]) -> T:
        """The result of *operation*, once all is sent that it has encrypted."""
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive_more()
            else:
                await self._flush()
                return result

    async def _answer(self) -> None:
        """Send what TLS itself has to say, unless somebody is sending, who does it then.

        A failure is told to those who send: the peer may have said more before.
        """
        if self._state.outgoing.pending and not self._flush_lock.locked():
            with suppress(anyio.BrokenResourceError):
                await self._flush()

    async def _flush(self) -> None:
        async with self._flush_lock:
            self._require_open()
            if self._broken:
                raise anyio.BrokenResourceError
            while data := self._state.outgoing.read():
                self._broken = True
                await self._stream.send(data)
                self._broken = False

    def _require_open(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError

    async def _receive_more(self) -> None:
        self._state.incoming.write(await self._stream.receive(CHUNK))

    async def send_eof(self) -> None:
        """Raises `NotImplementedError`: Python's TLS closes both directions or none."""
        raise NotImplementedError("TLS cannot be half-closed")

    async def aclose(self) -> None:
        """Close the stream below at once, without close_notify."""
        self._closed = True
        await self._stream.aclose()

    def attach(self, events: LaneEvents) -> Lane:
        """The lane that takes over; afterwards nobody else may receive."""
        return TLSLane(self._stream, self._state, events)


class TLSLane:
    """The direct lane of TLS: both the connection's lane and the events of the lane below."""

    def __init__(self, stream: LaneStream, state: TLSState, events: LaneEvents) -> None:
        self._lane = stream.attach(self)
        # saved frames: it is the lane below that calls
        self.soon, self.now_or_soon = self._lane.soon, self._lane.now_or_soon
        self._ssl_object, self._incoming, self._outgoing = state
        self._events = events
        self._rest = NOTHING
        """What the connection has written and is not encrypted yet."""
        self.full = False
        self._paused = False
        self._resumed = anyio.Event()
        self._end: BaseException | None = None
        self._told_end = False

    # -- for the connection ---------------------------------------------------------------------

    def write(self, data: bytes, /) -> None:
        """Encrypt *data* and pass it on; what cannot be sent now is left, here or below."""
        self._rest = memoryview(data)
        self.full = not self._sent_all()

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        self._paused = True
        self._lane.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._paused = False
        self._resumed.set()
        self._lane.resume_reading()
        if self._end is not None:
            self._lane.soon(self._tell_end)

    async def run(self) -> None:
        """Deliver what the stream has decrypted or kept, then run the lane below."""
        if data := self._decrypted(b""):
            while self._paused and not self._told_end:
                self._resumed = anyio.Event()
                await self._resumed.wait()
        self._deliver(data)
        await self._lane.run()

    def stop(self) -> None:
        """End `run`."""
        self._told_end = True
        self._resumed.set()
        self._lane.stop()

    # -- for the lane below ---------------------------------------------------------------------

    def received(self, data: bytes | memoryview, /) -> None:
        """Decrypt *data*, and deliver what that gives; it may be nothing, a session ticket say."""
        self._deliver(self._decrypted(data))

    def writable(self) -> None:
        """Go on with what is left, or let the connection write."""
        self._continue()

    def sending_failed(self, error: Exception, /) -> float:
        """Pass it on."""
        return self._events.sending_failed(error)

    def ended(self, error: BaseException, /) -> None:
        """Tell the end, which the lane below held back in a pause as long as it had to be."""
        self._end, self._paused = self._end or error, False
        self._tell_end()

    # -- both -----------------------------------------------------------------------------------

    def _decrypted(self, data: bytes | memoryview) -> bytes:
        """All that can be decrypted once *data* has arrived; an end behind it is noted."""
        incoming, read = self._incoming, self._ssl_object.read
        pieces: list[bytes] = []
        try:
            incoming.write(data)
            while piece := read(RECORD):
                pieces.append(piece)
                if not incoming.pending:  # reading in vain costs an exception
                    break
            else:
                self._end = anyio.EndOfStream()
        except ssl.SSLWantReadError:
            pass
        except Exception as error:  # noqa: BLE001 - any failure ends it, and is told
            self._end = error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _deliver(self, data: bytes) -> None:
        """Deliver *data*, tell the end that was noted, and send what TLS itself has to say."""
        if data and not self._told_end:
            self._events.received(data)
        if self._end is not None:
            self._tell_end()
        elif (self._rest or self._outgoing.pending) and not self._told_end:
            self._continue()

    def _continue(self) -> None:
        if self._sent_all() and self.full:
            self.full = False
            self._events.writable()

    def _sent_all(self) -> bool:
        """Encrypt and pass on what is left, as far as possible; False if more has to wait."""
        try:
            while self._rest and not self._lane.full:
                sent = self._ssl_object.write(self._rest[:CHUNK])
                self._rest = self._rest[sent:] or NOTHING  # so that the bytes are not kept
                self._pass_on()
        except ssl.SSLWantReadError:
            pass  # a renegotiation: the peer has to be heard first
        except Exception as error:  # noqa: BLE001 - any failure ends it, and is told
            self._rest, self._end = NOTHING, self._end or error
            self._lane.soon(self._tell_end)
            return False
        if self._outgoing.pending and not self._lane.full:
            self._pass_on()
        return not (self._lane.full or self._rest)

    def _pass_on(self) -> None:
        self._lane.write(self._outgoing.read())

    def _tell_end(self) -> None:
        if self._end is not None and not self._told_end and not self._paused:
            self._told_end = True
            self._events.ended(self._end)
            self._lane.stop()
