"""A server without a socket: it answers at the moment at which a command is sent to it.

Law: nothing here runs by itself.  A command is run and recorded inside the client's `send`; a
blocking one is answered by the command of another client, or when its time is over.  For anything
else that the server does, a test calls a method.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, Unpack, overload

import anyio
import anyio.lowlevel
import hiredis
from anyio.abc import ByteStream

from anyredis.backoff import Retry
from anyredis.client.redis import Redis
from anyredis.connection.base import BaseConnection
from anyredis.connection.options import ConnectionOptions
from anyredis.pool.standalone import ConnectionPool
from anyredis.testing.clock import VirtualClock
from anyredis.testing.data import Words
from anyredis.testing.fake_scripts import PythonFunction
from anyredis.testing.memory import Memory
from anyredis.testing.resp import NOTHING, Answer, encode, encode_push
from anyredis.testing.stream import FakeStream

RETRY = Retry()


class FakePeer:
    """The server's end of one connection; `state` is the server's state for the client."""

    def __init__(self, server: FakeServer) -> None:
        self.stream = FakeStream(self._received, self._closed)
        clock = server.clock
        self.state = server.memory.new_client()
        self.state.deliver = self._deliver
        self.state.subscriptions.push = self._push
        self.state.call_later = self.stream.call_later if clock is None else clock.call_later
        self.received: list[Words] = []
        """Every command that came through this connection."""
        self._server = server
        self._reader = hiredis.Reader()
        self._unread: deque[Words] = deque()
        self._runs = False
        self._after_reply = b""
        """What the command that runs makes the server send to its own client."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} id={self.state.id} received={len(self.received)}>"

    def _received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (command := self._reader.gets()) is not False:
            self._unread.append(tuple(command))
        self._take_all()

    def _take_all(self) -> None:
        """Take the commands that came; those behind a blocked one wait, as in a real server."""
        while self._unread and not self.state.blocked:
            words = self._unread.popleft()
            self.received.append(words)
            self._runs = True
            try:
                answer = self._server.take(self, words)
            finally:
                self._runs = False
            self._encode(answer)
            after_reply, self._after_reply = self._after_reply, b""
            self.stream.deliver(after_reply)

    def _deliver(self, answer: Answer) -> None:
        self._encode(answer)
        self._take_all()

    def _encode(self, answer: Answer) -> None:
        self.stream.deliver(encode(answer, self.state.protocol))

    def _push(self, items: Sequence[Answer]) -> None:
        """Send a message of a subscription: a push in RESP3, an array in RESP2."""
        data = encode_push(items) if self.state.protocol == 3 else encode(items, 2)
        if self._runs:
            self._after_reply += data
        else:
            self.stream.deliver(data)

    def _closed(self) -> None:
        self._server.forget(self)

    def run(self, words: Words) -> Answer:
        """Run a command, and give the answer of the Redis in memory; `NOTHING` if it has to wait."""
        return self._server.memory.run(self.state, words)

    # -- actions of the server -------------------------------------------------------------------

    def send(self, answer: Answer) -> None:
        """Send one reply, asked for or not; `Raw` is for bytes that are no reply.

        If the client is in a blocking command, this is its answer.
        """
        if answer is not NOTHING:
            self._server.memory.unblock(self.state)
        self._deliver(answer)

    def push(self, *items: Answer) -> None:
        """Send a RESP3 push."""
        self.stream.deliver(encode_push(items))

    def hold(self, after: int = 0) -> None:
        """Stop sending after that many more bytes, at any point; the rest waits for `release`."""
        self.stream.hold(after)

    def release(self, count: int | None = None) -> None:
        """Send *count* of the bytes held back; without *count* all of them, and later bytes too."""
        self.stream.release(count)

    def stop_reading(self) -> None:
        """Make the client's sends wait."""
        self.stream.stop_reading()

    def start_reading(self) -> None:
        """Read the client's bytes again."""
        self.stream.start_reading()

    def half_close(self) -> None:
        """Send no more: the client reads the end of the stream."""
        self.stream.half_close()

    def reset(self) -> None:
        """Break the connection for both directions; bytes held back are lost."""
        self.stream.reset()
        self._server.forget(self)


Handler: TypeAlias = Callable[[FakePeer, Words], Answer]
"""Gives the answer to one command, and may change the connection in any way."""


def silent(peer: FakePeer, words: Words) -> Answer:  # noqa: ARG001 - a `Handler`
    """Ignore the command: it is not run, and there is no answer."""
    return NOTHING


def run_then_reset(peer: FakePeer, words: Words) -> Answer:
    """Run the command, then break the connection instead of answering."""
    peer.run(words)
    peer.reset()
    return NOTHING


def run_then_half_close(peer: FakePeer, words: Words) -> Answer:
    """Run the command, then end the stream instead of answering."""
    peer.run(words)
    peer.half_close()
    return NOTHING


class FakeServer:
    """A server in memory, with a small Redis inside; a test can make it fail in any way.

        server = FakeServer()
        async with server.client(decode_responses=True, max_connections=2) as client:
            server.on("INCR", run_then_reset, times=1)
            ...

    *users* maps names to passwords; without it no client has to log in.  *greeting* is sent as each
    connection is made.  *clock* is the time by which keys expire and blocking commands wait; None:
    the real time, for blocking commands that of the event loop.  *memory* runs the commands, in
    place of a new one for *users* and *clock*.  It works on every event loop, and needs no closing.
    """

    def __init__(
        self,
        *,
        users: dict[str, str] | None = None,
        greeting: bytes = b"",
        clock: VirtualClock | None = None,
        memory: Memory | None = None,
    ) -> None:
        if memory is not None and (users is not None or clock is not None):
            raise ValueError("users= and clock= are for a new memory: give them to Memory instead")
        self.memory = Memory(users, clock=clock) if memory is None else memory
        self.greeting = greeting
        self.received: list[Words] = []
        """Every command of every connection, in order, run or not."""
        self.accepted = 0
        """The number of connections ever made."""
        self.peers: list[FakePeer] = []
        """The connections that are open now."""
        self.down = False
        """True if connections are refused, as by a port without a listener."""
        self._handlers: dict[bytes, list[tuple[Handler, int | None]]] = {}
        self._hold_new: int | None = None
        self._changed = anyio.Event()

    def __repr__(self) -> str:
        state = "down" if self.down else f"{len(self.peers)} connections"
        return f"<{type(self).__name__} {state}, {len(self.received)} commands received>"

    @property
    def clock(self) -> VirtualClock | None:
        """The clock that a test moves; None for the real time."""
        return self.memory.clock

    # -- clients of it --------------------------------------------------------------------------

    def pool(
        self, *, pool_class: type[ConnectionPool] = ConnectionPool, **arguments: Any
    ) -> ConnectionPool:
        """A pool of connections to it; *arguments* are those of the pool and of connections."""
        return pool_class(connection_class=FakeConnection, server=self, **arguments)

    @overload
    def client(
        self, *, decode_responses: Literal[True], retry: Retry | None = ..., **arguments: Any
    ) -> Redis[str]: ...
    @overload
    def client(
        self,
        *,
        decode_responses: Literal[False] = ...,
        retry: Retry | None = ...,
        **arguments: Any,
    ) -> Redis[bytes]: ...
    def client(
        self, *, decode_responses: bool = False, retry: Retry | None = RETRY, **arguments: Any
    ) -> Redis[Any]:
        """A client of it; *arguments* are those of `pool`."""
        pool = self.pool(decode_responses=decode_responses, **arguments)
        client: Redis[Any] = Redis(
            connection_pool=pool, decode_responses=decode_responses, retry=retry
        )
        return client

    # -- scripts --------------------------------------------------------------------------------

    def script(self, lua: str | bytes, function: PythonFunction) -> None:
        """Run *function* for the Lua script with the text *lua*.

        *function* gets a `ScriptCall` and gives the answer, or raises a `RedisError`.  The server
        has the script once it was loaded or run by EVAL; before that EVALSHA gets NOSCRIPT.
        """
        self.memory.scripts.python.script(lua, function)

    def function(self, name: str, function: PythonFunction) -> None:
        """Run *function* for FCALL of *name*, once a library that registers it is loaded."""
        self.memory.scripts.python.function(name, function)

    def on(self, name: str, answer: Handler | Answer, *, times: int | None = None) -> None:
        """Give *answer*, or its result if it is a function, to the command *name*.

        *name* `*` is any command without a script of its own.  *times*: only that often, then the
        earlier script applies again.  The command is recorded, and run only by a function that
        calls `peer.run`.
        """
        handler: Handler = answer if callable(answer) else lambda _peer, _words: answer
        self._handlers.setdefault(name.upper().encode(), []).append((handler, times))

    def off(self, name: str) -> None:
        """Forget all scripts for the command *name*."""
        self._handlers.pop(name.upper().encode(), None)

    def _handler(self, name: bytes) -> Handler:
        for key in (name, b"*"):
            scripts = self._handlers.get(key)
            if scripts:
                handler, times = scripts.pop()
                if times is None or times > 1:
                    scripts.append((handler, None if times is None else times - 1))
                return handler
        return FakePeer.run

    # -- failures of all connections ------------------------------------------------------------

    def hold(self, after: int = 0) -> None:
        """Stop sending after *after* bytes for each connection, also for new ones."""
        self._hold_new = after
        for peer in self.peers:
            peer.hold(after)

    def release(self) -> None:
        """Send the bytes held back on each connection, and hold nothing any more."""
        self._hold_new = None
        for peer in self.peers:
            peer.release()

    def reset(self) -> None:
        """Break all connections."""
        for peer in list(self.peers):
            peer.reset()

    # -- records --------------------------------------------------------------------------------

    def count(self, name: str) -> int:
        """The number of times that the command *name* was received."""
        return sum(words[0].upper() == name.upper().encode() for words in self.received)

    async def wait_for(self, name: str, count: int = 1) -> None:
        """Wait until the command *name* was received *count* times in total."""
        while self.count(name) < count:
            await self._changed.wait()

    # -- for connections ------------------------------------------------------------------------

    async def connect(self) -> ByteStream:
        """A new stream to it; raises `ConnectionRefusedError` if it is `down`."""
        await anyio.lowlevel.checkpoint()
        if self.down:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        peer = FakePeer(self)
        self.accepted += 1
        self.peers.append(peer)
        if self._hold_new is not None:
            peer.hold(self._hold_new)
        peer.stream.deliver(self.greeting)
        return peer.stream

    def take(self, peer: FakePeer, words: Words) -> Answer:
        """The answer to a command of *peer*, which is recorded."""
        self.received.append(words)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        return self._handler(words[0].upper())(peer, words)

    def forget(self, peer: FakePeer) -> None:
        """*peer* is gone."""
        self.memory.forget(peer.state)
        if peer in self.peers:
            self.peers.remove(peer)


class FakeConnection(BaseConnection):
    """A connection to *server*; the other arguments are those of `BaseConnection`."""

    def __init__(self, *, server: FakeServer, **options: Unpack[ConnectionOptions]) -> None:
        super().__init__(**options)
        self._server = server

    @property
    def address(self) -> str:
        """`the fake server`."""
        return "the fake server"

    async def open_stream(self) -> ByteStream:
        """An in-memory stream."""
        return await self._server.connect()
