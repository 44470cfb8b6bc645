"""A monitor: all commands that a server runs, as they come.

Law: MONITOR turns its connection into a stream of lines, so a monitor has an exclusive connection,
which is closed when its block is left.  Lines are read from the socket only while the consumer
takes them: beyond a bound the reading pauses, and the server buffers what it has to say.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, Literal, Self, TypeAlias

import anyio
import anyio.lowlevel

from anyredis.backoff import Retry
from anyredis.client.retrying import repeat
from anyredis.command import raw_command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ConnectionError, ProtocolError, RedisError
from anyredis.excerpt import excerpt
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import Lease
from anyredis.replies import S, TextReaders, ok
from anyredis.wire.decode import MONITOR_LINE, Reply

MAX_LINES: Final = 1024
"""The lines above which the reading pauses; those of one `receive` still come."""

MAX_BYTES: Final = 1024 * 1024
"""The bytes of lines above which it pauses too."""

AT_ONCE: Final = 32
"""Lines that readers take before they let other tasks run."""

MAX_LINE_BYTES: Final = 32 * 1024 * 1024
"""The most bytes of one line, which has all words of a command; a longer one ends the monitor."""

ClientType: TypeAlias = Literal["tcp", "unix", "lua"]

# Compiled at the first use, by `re` itself: few programs have monitors.
FORM: Final = rb'(?s)(\d+\.\d+) \[(\d+) (.*?)\] (".*")'
ARGUMENT: Final = rb'(?s)"((?:[^"\\]|\\.)*)"'
ESCAPED: Final = rb"(?s)\\(?:x([0-9a-fA-F]{2})|(.))"
CONTROLS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


class MonitoredCommand(Generic[S]):
    """A command that the server has run; also `command["time"]` and so on, as in redis-py."""

    __slots__ = ("args", "client_address", "client_port", "client_type", "command", "db", "time")

    def __init__(
        self, time: float, db: int, client: tuple[ClientType, str, str], args: tuple[S, ...]
    ) -> None:
        self.time = time
        """The Unix time, in seconds, on the server's clock."""
        self.db = db
        """The number of the database."""
        self.client_type, self.client_address, self.client_port = client
        """`tcp` with host and port, `unix` with "unix" and the path, or `lua` for a script."""
        self.args = args
        """The words.  In text, bytes that are none are escaped: `\\xff`."""
        self.command = " ".join(map(_shown, args))
        """The words as one text, to read."""

    def __getitem__(self, name: str) -> Any:
        if name not in self.__slots__:
            raise KeyError(name)
        return getattr(self, name)

    def __repr__(self) -> str:
        """Without the words after the name, which may be secrets."""
        name = excerpt(self.args[0]) if self.args else "?"
        return f"<{type(self).__name__} {name} db={self.db} {self.client_address}>"


class Monitor(AsyncIterator[MonitoredCommand[S]], Generic[S]):
    """The commands that a server runs, for `async for`; made by `client.monitor()`.

    The server leaves out what is secret (AUTH) and what administers it.  Several tasks may take
    commands from it; cancelling one loses none.  If the connection is lost, `ConnectionError` is
    raised after the commands that had arrived, and nothing is repeated: begin another monitor.
    """

    def __init__(self, connection: BaseConnection, read: TextReaders[S]) -> None:
        self._connection = connection
        self._text = _text_of(connection, read)
        self._lines: deque[bytes] = deque()
        self._held = 0
        """The bytes of all lines."""
        self._taken_lines = 0
        """The number of lines that were ever taken."""
        self._arrived = anyio.Event()
        self._paused = False
        self._lost: str | None = None
        self._ended = False
        self._ping = b"anyredis monitor %d" % (connection.server_info.client_id or 0)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> MonitoredCommand[S]:
        """The next command; raises `ConnectionError` after the last one before a loss."""
        while True:
            if self._lines and not self._taken_lines % AT_ONCE:
                await anyio.lowlevel.checkpoint()
            while not self._lines:
                await self._wait()
            command = self._parsed(self._taken())
            if command is not None:
                return command

    async def next_command(self) -> MonitoredCommand[S]:
        """The next command, as `anext(monitor)` gives it; redis-py's name."""
        return await anext(self)

    def listen(self) -> Self:
        """The monitor itself, for `async for`; redis-py's name."""
        return self

    # -- waiting --------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait until a line has come; a server that is silent has to answer a PING in between."""
        if self._ended:
            raise RuntimeError("this monitor has ended: use it inside its `async with` block")
        if self._lost is not None:
            raise ConnectionError(self._lost)
        if self._arrived.is_set():
            self._arrived = anyio.Event()
        with anyio.move_on_after(self._connection.stream_timeout) as silence:
            await self._arrived.wait()
        if silence.cancelled_caught and not self._lines:
            # Without an answer the pool closes the connection, which `lost` tells.
            await self._connection.run(raw_command(b"PING", self._ping))

    def _taken(self) -> bytes:
        line = self._lines.popleft()
        self._taken_lines += 1
        self._held -= len(line)
        if self._paused and len(self._lines) < MAX_LINES // 2 and self._held < MAX_BYTES // 2:
            self._paused = False
            self._connection.resume_reading()
        return line

    def _parsed(self, line: bytes) -> MonitoredCommand[S] | None:
        """The command of *line*; None for a PING of this monitor's own."""
        form = re.fullmatch(FORM, line)
        if form is None:
            raise ProtocolError(f"the server sent {excerpt(line)} where a command was expected")
        words = tuple(_unescaped(word) for word in re.findall(ARGUMENT, form[4]))
        if words[1:] == (self._ping,):
            return None
        text = self._text
        return MonitoredCommand(
            float(form[1]), int(form[2]), _client_of(form[3].decode()), tuple(map(text, words))
        )

    # -- a listener to its connection -----------------------------------------------------------

    def ready(self, connection: BaseConnection, /) -> None:
        """Nothing: it begins later."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Keep a line, and pause the reading if there are many."""
        kind, *rest = message
        if kind != MONITOR_LINE or not rest or not isinstance(line := rest[0], bytes):
            return
        self._lines.append(line)
        self._held += len(line)
        full = len(self._lines) >= MAX_LINES or self._held >= MAX_BYTES
        if full and not self._paused:
            self._paused = True
            connection.pause_reading()
        self._arrived.set()

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Tell the consumer, once the connection is closed."""
        if connection.closed:
            self._lost = f"the connection of the monitor to {connection.address} was lost: {reason}"
            self._arrived.set()

    # -- begin and end --------------------------------------------------------------------------

    async def begin(self) -> None:
        """Send MONITOR; raises the server's error, or that of a lost connection."""
        connection = self._connection
        connection.dirty = True  # closed by its pool, whatever happens now
        connection.listeners = (*connection.listeners, self)
        connection.wire.expect_monitor_lines(MAX_LINE_BYTES)
        request = connection.enqueue_later((b"MONITOR",))
        reply = await connection.answer(request)
        if isinstance(reply, RedisError):
            raise reply
        ok(reply)

    def end(self) -> None:
        """Make later calls raise `RuntimeError`; the pool closes the connection, which is dirty."""
        self._ended = True
        self._lines.clear()
        self._held = 0


@asynccontextmanager
async def open_monitor(
    endpoint: Endpoint, read: TextReaders[S], retry: Retry | None
) -> AsyncGenerator[Monitor[S]]:
    """A monitor of the server of *endpoint*, for an `async with` block.

    A failure to begin is repeated as *retry* allows.
    """

    async def begun() -> Monitor[S]:
        monitor = Monitor(await lease.attach(exclusive=True), read)
        await monitor.begin()
        return monitor

    async with Lease(endpoint) as lease:
        monitor = await repeat(retry, lambda: True, begun, lease=lease)
        try:
            yield monitor
        finally:
            monitor.end()


def _client_of(text: str) -> tuple[ClientType, str, str]:
    """The type, address and port of a client, which a line has between its brackets."""
    if text == "lua":
        return "lua", "lua", ""
    if text.startswith("unix:"):
        return "unix", "unix", text.removeprefix("unix:")
    host, _, port = text.rpartition(":")
    return "tcp", host, port


def _unescaped(word: bytes) -> bytes:
    """*word* as it was sent: without the escapes of the server."""
    return re.sub(ESCAPED, _byte_of, word) if b"\\" in word else word


def _byte_of(escape: re.Match[bytes]) -> bytes:
    code, sign = escape.groups()
    return CONTROLS.get(sign, sign) if code is None else bytes((int(code, 16),))


def _text_of(connection: BaseConnection, read: TextReaders[S]) -> Callable[[bytes], S]:
    """Gives a word as the client has text; bytes that are no text are escaped in it."""
    if not connection.decode_responses:
        return read.text
    errors = connection.encoding_errors
    escaping = "backslashreplace" if errors == "strict" else errors
    return lambda word: read.text(word.decode(connection.encoding, escaping))


def _shown(word: bytes | str) -> str:
    return word if isinstance(word, str) else word.decode("utf-8", "backslashreplace")
