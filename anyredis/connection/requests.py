"""The requests of one connection: enqueued synchronously, answered in order, or abandoned.

Law: a request is enqueued without waiting, except under backpressure and while another request owns
the connection: one that blocks, or is sent in several pieces, owns it from its first byte to its
last reply.  All requests that are enqueued in one turn of the event loop leave in one write.  A
request that is enqueued on a closed connection is answered with an error whose outcome is
`NOT_SENT`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from anyredis.command import Command, Executor, raw_command
from anyredis.connection.backpressure import Backpressure
from anyredis.connection.errors import closed_by_server, lost
from anyredis.connection.lane import Lane
from anyredis.exceptions import DataError, DataValueError, Outcome, RedisError
from anyredis.facts.lookup import ORDINARY, Facts, facts_of
from anyredis.waiter import Waiter
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Encoder, Value, encode, name_of
from anyredis.wire.request import ReplyWaiter, Request
from anyredis.wire.request_queue import RequestQueue

T = TypeVar("T")

HIGH_WATER = 4 * 1024 * 1024
"""Unsent bytes above which callers wait."""

MAX_IN_FLIGHT = 65536
"""Requests in flight above which callers wait."""


CROWD = 8
"""Counts for `_crowd` if a request comes while others are in flight."""


class RequestSender(Executor):
    """The sending side of a connection."""

    closed = False
    draining = False
    """Whether it takes no new requests, and closes after the last reply."""
    dirty = False
    """Whether a command has changed its state, so that no other lease may get it."""
    replaced = False
    """Whether its pool wants other connections instead; an exclusive one ends with its lease."""
    stream_timeout: float | None
    encoder: Encoder
    """Encodes its commands."""
    wire: RequestQueue
    check_event_loop: Callable[[], None]
    """Raises `RuntimeError` unless the event loop that it was opened in is running."""
    _new_waiter: Callable[[], Waiter]
    _new_waiter_unchecked: Callable[[], Waiter]
    _backpressure: Backpressure
    _lane: Lane
    _full = False
    """Whether the lane takes no bytes now."""
    _flush_on_request = False
    """Whether the next request schedules a flush: it serves, none is due, and the lane is not full."""
    _crowd = 0
    """The number of requests that left in one flush, lately; each flush halves it at most.

    Requests that come in the same turn leave together only if none of them is written at once.
    """
    _paused = False
    """Whether callers wait: others do, too much is in flight, it has an owner, or it is closed."""

    @property
    def address(self) -> str:
        """The address of the server, for messages."""
        raise NotImplementedError

    def close(self, reason: str, cause: BaseException | None = None, *, late: bool = False) -> None:
        """Take no more requests and fail all that it carries."""
        raise NotImplementedError

    def drain(self, reason: str) -> None:
        """Take no new requests; those that it carries are answered."""
        raise NotImplementedError

    # -- one command ----------------------------------------------------------------------------

    def enqueue(self, args: tuple[Value, ...], binary: bool = False) -> Request | None:
        """Enqueue one command; None if its caller has to use `enqueue_later`.

        The caller has to run in the event loop that the connection was opened in, which its pool
        ensures.  Raises `DataError` if an argument cannot be sent.
        """
        wire = self.wire
        if wire.unsent_bytes > HIGH_WATER or self._paused:
            return None
        try:
            payload = self.encoder(args)  # saved frame: encode
        except (TypeError, ValueError):
            payload = self._refused(args)
        request = Request()  # saved frame: Request.of
        request.payload = payload
        request.waiter = self._new_waiter_unchecked()
        if binary:
            request.binary = True
        wire.unsent.append(request)  # saved frame: RequestQueue.submit
        wire.unsent_bytes += len(payload)
        if self._flush_on_request:
            if self._crowd > 1 or wire.inflight:
                self._schedule_flush()
            else:  # saved frame: _schedule_flush
                self._flush_on_request = False
                self._lane.now_or_soon(self._flush)
        return request

    def enqueue_later(self, args: tuple[Value, ...], binary: bool = False) -> Request:
        """Enqueue one command in its turn, which comes at once without backpressure.

        Raises `DataError` if an argument cannot be sent.
        """
        request = Request.of(self.pack(args), self._new_waiter())
        request.binary = binary
        return self._enqueue_in_turn(request, lambda: self.pack(args))

    def _enqueue_in_turn(self, request: Request, pack: Callable[[], bytes]) -> Request:
        """Enqueue *request* now or, under backpressure, later; *pack* gives its bytes again."""
        if self.closed or not (self.wire.unsent_bytes > HIGH_WATER or self._paused):
            return self._submit(request)
        self._paused = True
        self._backpressure.add(request, len(request.payload or b""), pack)
        return request

    async def own(self) -> None:
        """Wait in line until it carries no request; others wait from now on, until `disown`.

        Raises the error of a lost connection.
        """
        if self.closed:
            return
        if self._paused or not self.wire.idle:
            self._paused = True
            await self._backpressure.own()
        else:
            self._backpressure.owned = self._paused = True

    def disown(self) -> None:
        """Let others use it again, after `own`."""
        self._backpressure.owned = False
        self._resume_waiting()

    async def wait_for_capacity_as_owner(self) -> None:
        """Wait until the owner may enqueue more; raises the error of a lost connection."""
        if not self.closed and self.wire.unsent_bytes > HIGH_WATER:
            await self._backpressure.wait_as_owner()

    def enqueue_many(
        self, payload: bytes, expected: int, binary: bool, by_element: bool = False
    ) -> Request:
        """Enqueue encoded commands in their turn; their *expected* replies are one answer.

        *by_element*: EXEC is among them.
        """
        request = Request.of_many(payload, self._new_waiter(), expected, expected)
        request.binary = binary
        request.by_element = by_element
        return self._enqueue_in_turn(request, lambda: payload)

    def begin_many(
        self, payload: bytes, reply_count: int, expected: int, binary: bool, by_element: bool
    ) -> Request:
        """The same for the first piece of several, whose caller has to `own` the connection.

        *payload* brings *reply_count* of the replies; `continue_many` enqueues the other commands.
        """
        request = Request.of_many(payload, self._new_waiter(), reply_count, expected)
        request.binary = binary
        request.by_element = by_element
        return self._submit(request)

    def continue_many(self, request: Request, payload: bytes, reply_count: int) -> None:
        """Enqueue the next encoded commands of *request*, unless that is abandoned."""
        if not request.waiter.done():
            self._submit(request.continued(payload, reply_count))

    def enqueue_for(self, args: tuple[Value, ...], waiter: ReplyWaiter) -> None:
        """Enqueue one command at once, without backpressure; *waiter* gets its answer.

        For an exclusive connection.  Raises `DataError` if an argument cannot be sent.
        """
        self._submit(Request.of(self.pack(args), waiter))

    def _submit(self, request: Request) -> Request:
        if self.closed:
            error = lost(self.address, "it was closed", None, Outcome.NOT_SENT, late=False)
            request.waiter.set_result(error)
            return request
        self.wire.submit(request)
        if self._flush_on_request:
            self._schedule_flush()
        return request

    def _schedule_flush(self) -> None:
        """Have all that is enqueued in this turn sent."""
        self._flush_on_request = False
        if self.wire.inflight:
            self._crowd = max(self._crowd, CROWD)
        # While callers are let in one after another, nothing is written in between.
        if self._crowd > 1 or self._paused:
            self._lane.soon(self._flush)
        else:
            self._lane.now_or_soon(self._flush)

    def _flush(self) -> None:
        """Send what is enqueued."""
        raise NotImplementedError

    def pack(self, args: tuple[Value, ...]) -> bytes:
        """The bytes of one command; raises `DataError` if an argument cannot be sent."""
        return encode(self.encoder, args)

    def _refused(self, args: tuple[Value, ...]) -> bytes:
        """Raises the `DataError` for *args*, without a context: that has text, maybe a secret."""
        try:
            return encode(self.encoder, args)
        except DataError as error:
            error.__context__ = None
            raise

    def abandon(self, request: Request) -> None:
        """Give up *request*, for which no task waits any more."""
        wire = self.wire
        if not self._paused or not self._backpressure.remove(request):
            wire.abandon(request)
            if wire.tombstones and wire.exhausted:
                self.drain("too many of its requests were given up")
        if self._paused:
            self._resume_waiting()

    async def answer(self, request: Request) -> Reply:
        """The raw reply to *request*, an error as a value; a cancellation abandons it."""
        try:
            reply: Reply = await request.waiter
        except BaseException:
            self.abandon(request)
            raise
        return reply

    async def submit(self, command: Command[T], facts: Facts | None = None) -> T:
        """The parsed reply to *command*, run on this exclusive connection.

        A blocking command that is cancelled closes the connection at once.  Raises `DataError` for
        a command that no connection can carry.  *facts* are the command's, if they are known.
        """
        reply = await self.run(command, facts)
        if isinstance(reply, RedisError):
            raise reply
        return command.parsed(reply)

    async def run(self, command: Command[Any], facts: Facts | None = None) -> Reply:
        """The raw reply to *command*, an error as a value; otherwise like `submit`."""
        args = command.args
        if args[0] not in ORDINARY:
            facts = facts or facts_of(args)
            if facts.forbidden is not None:
                raise DataValueError(f"{name_of(args)} cannot be sent: {facts.forbidden}")
            self.dirty = self.dirty or facts.changes_connection
            if facts.blocks(args):
                seconds = facts.blocking_seconds(args)
                reply = await self._run_blocking(args, command.binary, seconds)
                return self._end(reply) if facts.ends_connection(args) else reply
        self.check_event_loop()
        request = self.enqueue(args, command.binary)
        if request is None:
            request = self.enqueue_later(args, command.binary)
        return await self.answer(request)

    async def _run_blocking(
        self, args: tuple[Value, ...], binary: bool, seconds: float | None
    ) -> Reply:
        """The reply to a command that may block for *seconds* (None: for ever)."""
        self.check_event_loop()
        payload = self.pack(args)
        wire = self.wire
        grace = self.stream_timeout
        await self.own()
        wire.reply_timeout = None if seconds is None or grace is None else seconds + grace
        try:
            request = Request.of(payload, self._new_waiter())
            request.binary = binary
            return await self.answer(self._submit(request))
        except BaseException:
            self.close("a blocking command was cancelled")
            raise
        finally:
            wire.reply_timeout = grace
            self.disown()

    def _end(self, reply: Reply) -> Reply:
        """None if the server has closed the connection as *reply* to SHUTDOWN, otherwise *reply*.

        After a shutdown that was aborted, Valkey 9.1 and Redis 8.2 answer nothing on the connection.
        """
        self.close("servers may not answer on a connection after a SHUTDOWN on it")
        return None if closed_by_server(reply) else reply

    async def execute_command(self, *args: Value) -> Any:
        """The raw reply to the command that consists of *args*."""
        return await self.submit(raw_command(*args))

    # -- backpressure ---------------------------------------------------------------------------

    def _resume_waiting(self) -> None:
        """Enqueue what waits in line, as far as the limits allow."""
        wire, line = self.wire, self._backpressure
        blocked = self._full or len(wire.inflight) > MAX_IN_FLIGHT
        if not blocked:
            line.grant(HIGH_WATER - wire.unsent_bytes, idle=wire.idle)
        self._paused = blocked or line.busy or self.closed
