"""A subscribed connection to one server: one lease, one exclusive connection, one task of the pool.

Law: the table says what is wanted; the task has a connection for as long as anything is, and gives
the lease back otherwise.  A connection that is lost is replaced, and what was subscribed is
subscribed again, which its subscribers are told as a gap.  Losing it is one synchronous step.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import anyio

from anyredis.backoff import REFUSALS, Backoff, Retry
from anyredis.client.inbox import OVERFULL, ROOM
from anyredis.client.reading_pause import OVERFLOW, ReadingPause
from anyredis.client.retrying import repeat
from anyredis.command import raw_command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import (
    AuthenticationError,
    BusyScriptError,
    ConnectionError,
    Outcome,
    PubSubError,
    RedisError,
    fresh,
)
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import Lease
from anyredis.waiter import Waiter, waiter_factory
from anyredis.wire.decode import Reply
from anyredis.wire.message_reader import MessageReader
from anyredis.wire.request import ReplyWaiter
from anyredis.wire.subscription_table import SubscriptionTable
from anyredis.wire.subscriptions import (
    Loss,
    Subscriber,
    SubscriptionCall,
    SubscriptionKind,
    SubscriptionRequest,
)

LOGGER = logging.getLogger("anyredis")

RECONNECT: Final = Backoff(base=0.05, cap=1.0)
"""Pauses between failing attempts to connect again."""

PING: Final = raw_command(b"PING")

PASSING: Final = (*REFUSALS, BusyScriptError)
"""The refusals after which what was subscribed is asked for again."""

QUIET: Final = 10.0
"""Seconds without a byte after which the server gets a PING, or `stream_timeout` if that is less."""

UNREADABLE: Final = (
    "the buffer of this subscription is full of messages that were not read, so the server's "
    "acknowledgement cannot be read: read messages in another task, or subscribe before they come"
)


class SubscribedConnection:
    """The subscriptions of some subscribers at the server of *endpoint*.

    *retry* decides how long an attempt to connect is repeated before the calls that wait for it
    fail.  *ended* is called once its task has given the lease back.  *refused*, *revoked*
    and *unreachable* are those of `Placement`.
    """

    ignores_pushes = True

    def __init__(
        self,
        endpoint: Endpoint,
        retry: Retry | None,
        *,
        ended: Callable[[SubscribedConnection], None],
        refused: Callable[[SubscribedConnection, SubscriptionRequest, RedisError], bool],
        revoked: Callable[[SubscribedConnection, SubscriptionKind, bytes], None],
        unreachable: Callable[[SubscribedConnection, RedisError], float],
    ) -> None:
        self.endpoint = endpoint
        self.tasks = endpoint.scope.tasks
        """The opening of the pool that it belongs to."""
        self.table = SubscriptionTable(
            refused=self._refuses,
            revoked=partial(revoked, self),
            answered=self._answered,
        )
        self.running = False
        """Whether its task runs, which holds the lease."""
        self.connection: BaseConnection | None = None
        """Its connection, while that is subscribed."""
        self._retry = retry
        self._ended = ended
        self._refused = refused
        self._unreachable = unreachable
        self._reader: MessageReader | None = None
        self._new_waiter = waiter_factory()
        self._changed: Waiter | None = None
        """The waiter of its task, while that has nothing to do."""
        self._connecting: anyio.CancelScope | None = None
        self._leaving: list[Waiter] = []
        self._failures = 0
        """Losses and failing attempts to connect since the last answer."""
        self._warned = False
        """Whether it was logged that it cannot connect again."""
        self._unsubscribing: list[ReplyWaiter] = []
        """The waiters of calls that wait for the end of subscriptions."""
        self._level = ROOM
        self._pause = ReadingPause()
        self._received = 0

    def __repr__(self) -> str:
        state = "connected" if self.connection else "connecting" if self.running else "idle"
        channels = sum(len(each) for each in self.table.channels.values())
        return f"<{type(self).__name__} {self.endpoint.server.address} {state} channels={channels}>"

    # -- for placements -------------------------------------------------------------------------

    def subscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> SubscriptionCall:
        """Subscribe; the waiter of the result gets None, or the error, as its result.

        `table.withdraw` undoes it.  Raises `RuntimeError` if the pool is not open.
        """
        self.endpoint.scope.check()
        call = SubscriptionCall(subscriber, self._new_waiter(), anyio.current_time())
        self.table.subscribe(call, kind, names)
        self.update()
        return call

    def unsubscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> SubscriptionCall:
        """Unsubscribe; the waiter of the result gets None once the server has acknowledged it."""
        call = SubscriptionCall(subscriber, self._new_waiter())
        waiting = [each for each in self._unsubscribing if not each.done()]
        self._unsubscribing = [*waiting, call.waiter]
        self.table.unsubscribe(subscriber, kind, names, call)
        self.update()
        return call

    def remove(self, subscriber: Subscriber) -> None:
        """Remove *subscriber* from all its channels."""
        self.table.remove(subscriber)
        self.update()

    def loss(self, reason: str) -> Loss:
        """The loss of a channel at this moment, or since its connection was lost."""
        return Loss(time.time() if self._reader is None else self._reader.heard_at, reason)

    def update(self) -> None:
        """Have its task do what the table says from now on; starts it if necessary."""
        wanted = self.table.wanted
        if wanted and not self.running:
            self.endpoint.scope.start_soon(self._run)
            self.running = True
        elif not wanted and self._connecting is not None:
            self._connecting.cancel()
        if wanted or not self.running:
            self._wake_leaving()
        self._update_reading()
        self._wake()
        self._update_reading()

    @property
    def leaving(self) -> bool:
        """Whether nobody uses it, and its task has not given the lease back."""
        return self.running and not self.table.wanted

    async def left(self) -> None:
        """Wait until its task has given the lease back, or others use it."""
        while self.leaving:
            waiter = self._new_waiter()
            self._leaving.append(waiter)
            await waiter

    def _wake_leaving(self) -> None:
        leaving, self._leaving = self._leaving, []
        for waiter in leaving:
            if not waiter.done():
                waiter.set_result(None)

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)

    # -- its task -------------------------------------------------------------------------------

    async def _run(self) -> None:
        lease = Lease(self.endpoint)
        try:
            while self.table.wanted:
                connection = await self._attach(lease)
                self._connecting = None
                if connection is not None:
                    await self._serve(connection)
                    lease.detach()  # it is dirty, so it is closed
        except BaseException as error:
            self.table.fail(partial(self._failed, error))
            if not isinstance(error, Exception):
                raise
            LOGGER.exception("the subscriptions at %s failed", self.endpoint.server.address)
        finally:
            lease.release()
            self.running = False
            self._ended(self)
            self._wake_leaving()

    def _failed(self, error: BaseException) -> RedisError:
        """The error for the subscribers, if its task ends early because of *error*."""
        try:
            self.endpoint.scope.check()
        except RedisError as closed:
            return closed
        except RuntimeError:
            cause = "the pool was left"
        else:
            cause = f"its task failed with {type(error).__name__}"
        failed = ConnectionError(f"the subscription has ended: {cause}", outcome=Outcome.UNKNOWN)
        failed.__cause__ = error
        return failed

    async def _attach(self, lease: Lease) -> BaseConnection | None:
        """A new connection, ready to subscribe; None if there is none, or nothing is wanted."""
        connection: BaseConnection | None = None
        self._connecting = anyio.CancelScope()
        with self._connecting:
            try:
                if self._failures:
                    await anyio.sleep(RECONNECT.delay(self._failures))
                await lease.acquire()
                connection = await repeat(
                    self._retry,
                    lambda: False,
                    lambda: lease.attach(exclusive=True),
                    lease=lease,
                )
                if not connection.wire.idle:  # replies to commands that were given up are to come
                    await connection.run(PING)
            except RedisError as error:
                connection = None
                self._connect_failed(error)
            return connection
        return None

    def _connect_failed(self, error: RedisError) -> None:
        self._failures += 1
        patience = self._unreachable(self, error)
        self.table.fail_calls(error, until=anyio.current_time() - patience)
        if isinstance(error, AuthenticationError):
            self.table.fail(lambda: fresh(error))  # it would be refused for ever
        elif self.table.wanted and not self._warned:
            self._warned = True
            address = self.endpoint.server.address
            LOGGER.warning("cannot subscribe again at %s, trying further: %s", address, error)

    async def _serve(self, connection: BaseConnection) -> None:
        """Stay subscribed on *connection*, until that is lost or nothing is wanted."""
        self._begin(connection)
        timeout = connection.stream_timeout
        interval = (QUIET if timeout is None else min(timeout, QUIET)) / 2
        try:
            while self.connection is connection and self._is_needed():
                self._changed = changed = self._new_waiter()
                with anyio.move_on_after(interval) as silence:
                    await changed
                if silence.cancelled_caught:
                    self._check_silence(connection)
        finally:
            if self.connection is connection:
                self.connection = self._reader = None
                self.table.disconnect()

    def _is_needed(self) -> bool:
        """Whether the connection has subscriptions, or the end of some is not acknowledged."""
        return self.table.wanted or not all(each.done() for each in self._unsubscribing)

    def _begin(self, connection: BaseConnection) -> None:
        """Subscribe to all that is wanted on *connection*, which carries nothing."""
        connection.dirty = True
        connection.listeners = (*connection.listeners, self)
        wire, protocol = connection.wire, connection.server_info.protocol
        wire.max_unasked = connection.max_push_bytes
        self._reader = MessageReader(wire, self.table, protocol, time.time)
        self.connection = connection
        self._pause = ReadingPause()
        self._received = -1
        self.table.connected(self._send)
        self._update_reading()
        if not connection.usable:
            self.lost(connection, "it was lost before it was subscribed")

    def _refuses(self, request: SubscriptionRequest, error: RedisError) -> bool:
        """Whether the server's *error* to *request* is handled: by a move, or by another try."""
        if self._refused(self, request, error):
            return True
        connection = self.connection
        if request.call is not None or connection is None or not isinstance(error, PASSING):
            return False
        self.lost(connection, f"it does not subscribe now: {error}")
        return True

    def _send(self, request: SubscriptionRequest) -> None:
        if self.connection is not None:
            self.connection.enqueue_for(request.args, request)

    def _check_silence(self, connection: BaseConnection) -> None:
        """Send a PING if nothing was received for a while; its deadline is that of all requests.

        A connection that the pool has replaced is left for another one.
        """
        if connection.replaced:
            self.lost(connection, "the pool replaces its connections")
            return
        wire = connection.wire
        if wire.received == self._received and wire.idle and not self._pause.is_paused:
            connection.enqueue((b"PING",))
        self._received = wire.received

    # -- backpressure ---------------------------------------------------------------------------

    def set_level(self, level: int) -> None:
        """The buffer of its subscriber has `ROOM`, or is `FULL` or `OVERFULL`."""
        self._level = level
        self._update_reading()

    def _answered(self, settled: bool) -> None:
        """A request is over; if *settled*, the server has said yes or no."""
        if settled:
            self._failures = 0
            self._warned = False
        self._update_reading()
        if not self.table.wanted:
            self._wake()

    def _update_reading(self) -> None:
        """Read, unless the buffer is full; if a call waits, unless it is overfull."""
        connection, table = self.connection, self.table
        if connection is None or connection.closed:
            return
        if self._level == OVERFULL and table.unanswered:
            self._give_up_calls()
        paused = self._level == OVERFULL or (self._level != ROOM and not table.unanswered)
        self._pause.set(connection, paused)

    def _give_up_calls(self) -> None:
        """Fail calls that wait for what cannot be read; the ends of subscriptions are sent already."""
        self.table.fail_calls(PubSubError(UNREADABLE))
        for waiter in self._unsubscribing:
            if not waiter.done():
                waiter.set_result(None)

    # -- as a listener of its connection --------------------------------------------------------

    def ready(self, connection: BaseConnection, /) -> None:
        """Do nothing: it is given connections that are ready."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Do nothing: the reader of messages takes them."""

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """The channels are not subscribed any more; the task gets another connection."""
        if self.connection is not connection:
            return
        if self._pause.unheard_of_since and connection.lost:
            reason = f"{reason}; {OVERFLOW}"
        reason = f"the connection to {connection.address} was lost: {reason}"
        loss = self.loss(reason)
        self.connection = self._reader = None
        self.table.lost(loss)
        error = ConnectionError(reason, outcome=Outcome.UNKNOWN)
        patience = self._unreachable(self, error)
        if self._failures:
            self.table.fail_calls(error, until=anyio.current_time() - patience)
        self._failures += 1
        self._wake()
