"""The client's end of an in-memory connection, which its other end can break in any way.

Law: bytes arrive whole, in order and once, up to the byte at which the other end holds them back.
Bytes that arrived before a reset or an end can still be read.  It has no task: an alarm goes off
inside the `receive` that waits for bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream


class FakeStream(ByteStream):
    """A byte stream in memory.

    *on_bytes* gets the bytes that the client sends, at once; *on_close* is called when the client
    closes it.  The methods that are not those of a `ByteStream` are for the server's end.
    """

    def __init__(self, on_bytes: Callable[[bytes], None], on_close: Callable[[], None]) -> None:
        self._on_bytes = on_bytes
        self._on_close = on_close
        self._arrived = bytearray()
        self._held = bytearray()
        self._allowance: int | None = None
        self._changed = anyio.Event()
        self._alarm: tuple[float, Callable[[], None]] | None = None
        self._reading = True
        self.closed = False
        """True once the client has closed it."""
        self.broken = False
        """True once it was reset."""
        self.ended = False
        """True once the server sends no more, though it still reads."""

    # -- the client's end -----------------------------------------------------------------------

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Bytes that have arrived, at most *max_bytes*.

        Raises `EndOfStream` after `half_close`, `BrokenResourceError` after `reset`, and
        `ClosedResourceError` on a closed stream.
        """
        await anyio.lowlevel.checkpoint()
        while not self._arrived or self.closed:
            self._require_working()
            if self.ended:
                raise anyio.EndOfStream
            await self._change_or_alarm()
        chunk = bytes(self._arrived[:max_bytes])
        del self._arrived[:max_bytes]
        return chunk

    async def send(self, item: bytes) -> None:
        """Give *item* to the server, once it reads.

        Raises `BrokenResourceError` after `reset`, `ClosedResourceError` on a closed stream.
        """
        await anyio.lowlevel.checkpoint()
        self._require_working()
        while not self._reading:
            await self._change()
            self._require_working()
        self._on_bytes(bytes(item))

    async def send_eof(self) -> None:
        """Nothing: no client here half-closes."""
        await anyio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close it; harmless if it is closed."""
        if not self.closed:
            self.closed = True
            self._wake()
            self._on_close()
        await anyio.lowlevel.checkpoint()

    def _require_working(self) -> None:
        if self.closed:
            raise anyio.ClosedResourceError
        if self.broken:
            raise anyio.BrokenResourceError

    async def _change(self) -> None:
        """Wait until the other end changes the state."""
        await self._changed.wait()

    async def _change_or_alarm(self) -> None:
        """The same, but not past the alarm, which is called then."""
        if self._alarm is None:
            await self._change()
            return
        when, callback = self._alarm
        with anyio.CancelScope(deadline=when) as scope:
            await self._change()
        if scope.cancelled_caught:
            self._alarm = None
            callback()

    def _wake(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    # -- the server's end -----------------------------------------------------------------------

    def deliver(self, data: bytes) -> None:
        """Send *data* to the client, except for the bytes that are held back."""
        if self.broken or self.ended:
            return
        self._held += data
        self._flow()

    def _flow(self) -> None:
        size = len(self._held) if self._allowance is None else self._allowance
        moved = self._held[:size]
        del self._held[:size]
        self._arrived += moved
        if self._allowance is not None:
            self._allowance -= len(moved)
        if moved:
            self._wake()

    def hold(self, after: int = 0) -> None:
        """Let only *after* more bytes through, and keep the rest for `release`."""
        self._allowance = after

    def release(self, count: int | None = None) -> None:
        """Let *count* more bytes through; without *count* all held and later bytes."""
        self._allowance = None if count is None else (self._allowance or 0) + count
        self._flow()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* once the client has waited for bytes for *seconds* from now on.

        There is one alarm at a time; the result cancels it.
        """
        self._alarm = (anyio.current_time() + seconds, callback)
        self._wake()
        return self._cancel_alarm

    def _cancel_alarm(self) -> None:
        self._alarm = None
        self._wake()

    @property
    def held(self) -> int:
        """Bytes that are held back now."""
        return len(self._held)

    def stop_reading(self) -> None:
        """Make senders wait until `start_reading`."""
        self._reading = False

    def start_reading(self) -> None:
        """Accept sent bytes again."""
        self._reading = True
        self._wake()

    def half_close(self) -> None:
        """Send no more: the client reads the bytes that had arrived, then gets `EndOfStream`."""
        self._held.clear()
        self.ended = True
        self._wake()

    def reset(self) -> None:
        """Break it: the client reads the arrived bytes, then gets `BrokenResourceError`."""
        self._held.clear()
        self.broken = True
        self._wake()
