"""The connections to one server: dialled, shared, leased, tended and closed.

The roster decides; this file carries it out.  Each connection is one task of the pool: it dials,
serves and cleans up after itself, so a caller that is cancelled while it waits for a connection
breaks nothing: the connection, once there, is for whoever comes next.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from anyredis.backoff import Backoff
from anyredis.connection.base import BaseConnection
from anyredis.connection.trouble import cannot_connect
from anyredis.exceptions import ConnectionError, RedisError, fresh
from anyredis.pool.roster import Roster
from anyredis.waiter import Waiter, clock, waiter_factory

LOGGER = logging.getLogger("anyredis")

PING_INTERVAL = 30.0
"""Seconds after which a shared connection that nobody used is asked whether it is there."""

REDIAL = Backoff(base=0.01, cap=0.4)
"""Waits between dials that fail, so that a server that returns is found within a second."""

REST = 2.0
"""Seconds for which a server that failed is left alone where another will do."""


class SharedRoom(Protocol):
    """Bounds the sockets of several nodes together."""

    @property
    def short(self) -> Collection[Node]:
        """Who waits for room."""
        ...

    def room(self, node: Node) -> int:
        """How many more sockets *node* may open now."""
        ...

    def settled(self, node: Node) -> None:
        """*node* has looked after those who wait for it; others may have room now."""
        ...


class Node:
    """All connections to one server.

    *make* gives a new connection, not yet connected.  *max_idle_time*: seconds after which a
    connection that nobody used is closed (None: never).  *sockets* bounds the sockets of several
    nodes together.
    """

    short: Collection[Node] = ()
    """Nodes that could do with the room of a connection which nobody uses any more."""

    def __init__(
        self,
        make: Callable[[], BaseConnection],
        *,
        address: str,
        capacity: int,
        shared_wanted: int,
        max_idle_time: float | None,
        sockets: SharedRoom | None = None,
    ) -> None:
        room = None if sockets is None else partial(sockets.room, self)
        self.roster: Roster[BaseConnection] = Roster(capacity, shared_wanted, room)
        self.address = address
        """Where the server is, for messages."""
        self.losses = 0
        """How many connections were lost: as a restarted server loses all."""
        self._make = make
        self._max_idle_time = max_idle_time
        self._failures = 0
        self._last_failure = 0.0
        self._rests_until = 0.0
        self._edition = 0
        self._dials: list[anyio.CancelScope] = []
        self._tasks: TaskGroup | None = None
        self._sockets = sockets
        if sockets is not None:
            self.short = sockets.short

    _closed_because = "the pool was left"

    def start(self, tasks: TaskGroup) -> None:
        """Start to work, with connections as children of *tasks*."""
        self._tasks = tasks
        # What was remembered is by the clock of another event loop, perhaps.
        self._failures = 0
        self._last_failure = self._rests_until = 0.0
        self._new_waiter = waiter_factory()
        self._now = clock()

    def close(self, reason: str) -> None:
        """Close all connections and fail all who wait for one."""
        self._take_no_more(reason)
        for connection in self.connections():
            connection.close(reason)

    def retire(self, reason: str) -> None:
        """Fail all who wait for a connection; those that are in use are closed after that."""
        self._take_no_more(reason)
        self.renew(reason)

    def renew(self, reason: str, those: Collection[BaseConnection] | None = None) -> None:
        """Let nobody new use *those* connections, or any that there are.

        Who comes next gets a new one; who uses one now may finish.  Where all are meant, so are
        those that are being dialled.
        """
        self._edition += those is None
        for connection in self.connections() if those is None else those:
            connection.tainted = True  # for whoever has it to themselves
            if (leftover := self.roster.retire(connection)) is not None:
                leftover.close(reason)
        self.settle()

    def _take_no_more(self, reason: str) -> None:
        self._tasks = None
        self._closed_because = reason
        self.roster.fail_all(self._not_here)
        for dial in self._dials:
            dial.cancel()

    def _not_here(self) -> ConnectionError:
        return ConnectionError(f"no connection to {self.address}: {self._closed_because}")

    @property
    def open(self) -> bool:
        """Whether it takes new leases: the pool is open, and the server one of its."""
        return self._tasks is not None

    def rest(self) -> None:
        """Have those who may choose another server do so, for `REST` seconds."""
        self._rests_until = self._now() + REST

    @property
    def resting(self) -> bool:
        """Whether another server is the better choice, if there is one."""
        if not self._failures and not self._rests_until:
            return False
        failed_until = self._last_failure + REST if self._failures else 0.0
        return self._now() < max(failed_until, self._rests_until)

    def connections(self) -> list[BaseConnection]:
        """All connections that are open."""
        roster = self.roster
        return [*roster.shared, *roster.idle, *roster.own, *roster.retiring]

    # -- leases ---------------------------------------------------------------------------------

    async def ride(self) -> BaseConnection:
        """A connection for an ordinary command; `alight` from it afterwards.

        Raises what dialling raised, where it failed.
        """
        connection = self.ride_nowait()
        if connection is not None:
            return connection
        return await self._stand_in(self.roster.riders_waiting, self.alight)

    def ride_nowait(self) -> BaseConnection | None:
        """A connection for an ordinary command, if there is one."""
        connection = self.roster.ride()
        if self.roster.shared_wanted > 1:
            self.settle()  # another shared connection may be wanted
        return connection

    def alight(self, connection: BaseConnection) -> None:
        """An ordinary command is done with *connection*."""
        roster = self.roster
        leftover = roster.alight(connection)
        if leftover is not None:
            leftover.close("it was replaced")
        if roster.owners_waiting or roster.riders_waiting or roster.errands or self.short:
            self.settle()

    async def own(self) -> BaseConnection:
        """A connection for oneself; `give_back` it afterwards.

        Raises what dialling raised, where it failed.
        """
        connection = self.roster.claim()
        if connection is not None:
            return connection
        return await self._stand_in(self.roster.owners_waiting, self.give_back)

    def give_back(self, connection: BaseConnection) -> None:
        """The owner is done with *connection*: it is kept for others if it is as new."""
        leftover = self.roster.give_back(connection)
        if leftover is not None:
            leftover.close("its state was changed")
        self.settle()

    @asynccontextmanager
    async def errand(self) -> AsyncGenerator[BaseConnection]:
        """A connection for small requests that are no lease's, for an `async with` block.

        It may be closed meanwhile, where a lease needs its socket.  Raises what dialling raised,
        where it failed.
        """
        roster = self.roster
        connection = roster.visit() or await self._stand_in(roster.errands, roster.part)
        while connection in roster.own:  # leased since it was given to us: no place for others
            roster.part(connection)
            connection = roster.visit() or await self._stand_in(roster.errands, roster.part)
        try:
            yield connection
        finally:
            roster.part(connection)
            if self.short:
                self.settle()

    async def _stand_in(
        self, line: dict[Waiter, None], undo: Callable[[BaseConnection], None]
    ) -> BaseConnection:
        if self._tasks is None:
            raise self._not_here()
        waiter = self._new_waiter()
        line[waiter] = None
        self.settle()
        try:
            answer: BaseConnection | RedisError = await waiter
        except BaseException:
            line.pop(waiter, None)
            if not waiter.cancelled() and isinstance(got := waiter.result(), BaseConnection):
                undo(got)  # it came in the very turn in which we were cancelled
            if self.short:  # of the room that a dial for us takes
                self.settle()
            raise
        if isinstance(answer, RedisError):
            raise answer
        return answer

    # -- connections ----------------------------------------------------------------------------

    def settle(self) -> None:
        """Serve all in line who can be served, and dial what is missing."""
        if self._tasks is not None:
            for _ in range(self.roster.settle()):
                self._tasks.start_soon(self._live)
        if self._sockets is not None:
            self._sockets.settled(self)

    async def _live(self) -> None:
        """The life of one connection."""
        roster, edition = self.roster, self._edition
        try:
            connection = await self._dial()
        except RedisError as error:
            failed = error
            self._failures += 1
            self._last_failure = self._now()
            roster.dial_failed(lambda: fresh(failed))
            self.settle()
            return
        except BaseException:
            roster.dialling -= 1
            self.settle()  # the pool may have been entered again meanwhile
            raise
        if connection is None:
            roster.dialling -= 1
            self.settle()
            return
        self._failures = 0
        connection.watcher = self
        connection.quiet_since = self._now()
        roster.add(connection)
        if self._tasks is None:  # this server was left meanwhile
            connection.close(self._closed_because)
        elif edition != self._edition:
            connection.close("it was replaced before it was ready")
        self.settle()
        await self._serve(connection)

    async def _serve(self, connection: BaseConnection) -> None:
        roster = self.roster
        try:
            await connection.serve()
        except Exception:
            # A stream of the user's own can fail to close; that concerns no request any more.
            LOGGER.exception("closing the connection to %s failed", connection.address)
        finally:
            roster.remove(connection)
            roster.closing.discard(connection)
            self.settle()

    async def _dial(self) -> BaseConnection | None:
        """A new connection that is ready; None where the dial was called off."""
        with anyio.CancelScope() as scope:
            self._dials.append(scope)
            if self.short:  # whoever wanted it may have given up since
                self.settle()
            try:
                due = self._last_failure + REDIAL.delay(self._failures)
                if self._failures and (wait := due - self._now()) > 0:
                    await anyio.sleep(wait)
                return await self._connected()
            finally:
                self._dials.remove(scope)
        return None

    async def _connected(self) -> BaseConnection:
        try:
            connection = self._make()
        except Exception as error:  # a subclass of the user's can raise anything
            raise cannot_connect(self.address, error, 0) from error
        try:
            await connection.connect()
        except RedisError:
            raise
        except Exception as error:
            raise cannot_connect(self.address, error, 0) from error
        return connection

    def call_off(self, *, for_errands: bool) -> bool:
        """End a dial that no lease waits for, nor an errand, where they count *for_errands* too.

        Gives whether there was one; its room is free a moment later.
        """
        going_on = [dial for dial in self._dials if not dial.cancel_called]
        called_off = len(self._dials) - len(going_on)
        if not going_on or self.roster.pointless(for_errands=for_errands) <= called_off:
            return False
        going_on[-1].cancel()
        return True

    @property
    def vanishing(self) -> int:
        """Sockets that are about to be closed, dials that were called off among them."""
        return self.roster.vanishing + sum(dial.cancel_called for dial in self._dials)

    def connection_failing(self, connection: BaseConnection) -> None:
        """*connection* is closed, or takes no new requests: use another."""
        if connection.closed:
            self.losses += connection.lost
            self.roster.closing.add(connection)
            self.roster.remove(connection)
        elif (leftover := self.roster.retire(connection)) is not None:
            leftover.close("it was replaced")
        self.settle()

    # -- housekeeping ---------------------------------------------------------------------------

    def tend(self) -> None:
        """Close what is overdue or was idle for too long, and ping what is shared and quiet."""
        now = self._now()
        for connection in self.connections():
            if connection.overdue():
                seconds = connection.wire.patience
                connection.close(f"no reply within {seconds:g} s", late=True)
        roster = self.roster
        for connection in [*roster.shared, *roster.idle]:
            self._tend_quiet(connection, now)

    def _tend_quiet(self, connection: BaseConnection, now: float) -> None:
        wire = connection.wire
        if connection.riders or not wire.idle or wire.answered != connection.quiet_at:
            connection.quiet_at = wire.answered
            connection.quiet_since = connection.pinged = now
            return
        if self._max_idle_time is not None and now - connection.quiet_since >= self._max_idle_time:
            connection.close(f"it was idle for {self._max_idle_time:g} s")
        elif connection in self.roster.shared and now - connection.pinged >= PING_INTERVAL:
            connection.pinged = now
            connection.quiet_at += 1  # the answer to this is no use of it
            connection.enqueue((b"PING",))
