"""The assignment of connections to leases, and the decisions to open and close them, without I/O.

Law: there are at most `capacity` sockets, dials included.  Every lease either holds a connection
or waits for one; the limit admits at most `capacity` leases, so a connection comes to every waiting
lease: an idle one, one being dialled, or one that may still be dialled.  All state changes happen
in the synchronous functions below.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Generic, Protocol, TypeAlias, TypeVar

from anyredis.exceptions import RedisError
from anyredis.waiter import Waiter


class AllocatedConnection(Protocol):
    """A connection, as far as the allocator knows it."""

    in_use: int
    dirty: bool

    @property
    def usable(self) -> bool:
        """Whether it takes new requests."""
        ...


C = TypeVar("C", bound=AllocatedConnection)

Patience: TypeAlias = Callable[[RedisError, float], bool]
"""Whether a lease goes on waiting after a dial failed with an error, until the next one begins.

It gets the error and the time of the next dial.  A lease without one does not go on.
"""


class ConnectionAllocator(Generic[C]):
    """The connections of one pool to one server, and the leases that wait for a connection.

    Ordinary commands share *multiplexed_wanted* connections; with 0 each lease has an exclusive
    one.  *available* gives the number of sockets that may still be opened, if the sockets of other
    servers count too.
    """

    def __init__(
        self, capacity: int, multiplexed_wanted: int, available: Callable[[], int] | None = None
    ) -> None:
        self.capacity = capacity
        self.multiplexed_wanted = multiplexed_wanted
        self.available = available or self._available_here
        self.multiplexed: list[C] = []
        self.idle: list[C] = []
        self.exclusive: set[C] = set()
        """Leased exclusively."""
        self.draining: set[C] = set()
        """No longer usable, but still in use by leases."""
        self.closing: set[C] = set()
        """Closed, but their streams may still be open."""
        self.dialling = 0
        # Ordered like a queue; dicts, because a cancelled waiter is removed from the middle.
        self.multiplexed_waiters: dict[Waiter, Patience | None] = {}
        self.exclusive_waiters: dict[Waiter, Patience | None] = {}
        self.most_dials: int | None = None
        """The most dials at the same time, if that is bounded: 1 while the server is down."""

    def _available_here(self) -> int:
        return self.capacity - self.sockets

    @property
    def sockets(self) -> int:
        """Connections that are open or being dialled."""
        open_ = len(self.multiplexed) + len(self.idle) + len(self.exclusive) + len(self.draining)
        return open_ + self.dialling + self.closing_soon

    @property
    def closing_soon(self) -> int:
        """Sockets that no lease uses and that are about to be closed."""
        if not self.closing:
            return 0
        return len(self.closing - self.exclusive - self.draining)

    @property
    def leased(self) -> int:
        """Leases that hold a connection."""
        in_use = sum(connection.in_use for connection in self.multiplexed)
        return in_use + len(self.exclusive) + sum(connection.in_use for connection in self.draining)

    @property
    def connecting(self) -> int:
        """Leases that wait for a connection."""
        return len(self.multiplexed_waiters) + len(self.exclusive_waiters)

    # -- acquire --------------------------------------------------------------------------------

    def acquire_multiplexed(self) -> C | None:
        """A connection for an ordinary command, now in use by it; None if it has to wait."""
        if not self.multiplexed_wanted:
            return self.acquire_exclusive()
        connection = min(self.multiplexed, key=_in_use, default=None)
        busy = connection is None or connection.in_use > 0
        if busy and self.idle and len(self.multiplexed) < self.multiplexed_wanted:
            connection = self.idle.pop()
            self.multiplexed.append(connection)
        if connection is not None:
            connection.in_use += 1
        return connection

    def acquire_exclusive(self) -> C | None:
        """An exclusive connection; None if the lease has to wait."""
        connection: C | None = None
        if self.idle:
            connection = self.idle.pop()
        elif self.available() <= 0:
            # No socket may be opened, but a multiplexed connection that is not in use will do.
            connection = next((each for each in self.multiplexed if not each.in_use), None)
            if connection is not None:
                self.multiplexed.remove(connection)
        if connection is not None:
            connection.in_use = 0
            self.exclusive.add(connection)
        return connection

    # -- release --------------------------------------------------------------------------------

    def release_multiplexed(self, connection: C) -> C | None:
        """End one use of *connection*; gives it back if it has to be closed now."""
        if connection in self.exclusive:  # multiplexed_wanted is 0
            return self.release_exclusive(connection)
        connection.in_use -= 1
        if connection in self.draining and not connection.in_use:
            self.draining.remove(connection)
            return connection
        return None

    def release_exclusive(self, connection: C) -> C | None:
        """End the exclusive use of *connection*; gives it back if it has to be closed now."""
        if connection not in self.exclusive:  # it was lost meanwhile
            return None
        self.exclusive.remove(connection)
        if connection.dirty or not connection.usable:
            return connection
        self.idle.append(connection)
        return None

    # -- dialled, draining, closed --------------------------------------------------------------

    def add(self, connection: C) -> None:
        """Add *connection*, whose dial succeeded."""
        self.dialling -= 1
        self.idle.append(connection)

    def drain(self, connection: C) -> C | None:
        """Assign *connection* to no other lease; gives it back if it has to be closed now."""
        if connection in self.exclusive:
            return None  # it is closed when its lease releases it
        if not self._forget(connection):
            return None
        if connection.in_use:
            self.draining.add(connection)
            return None
        return connection

    def remove(self, connection: C) -> None:
        """Remove *connection*, which is closed; leases that still use it release it later."""
        if connection not in self.exclusive and self._forget(connection) and connection.in_use:
            self.draining.add(connection)

    def _forget(self, connection: C) -> bool:
        for connections in (self.multiplexed, self.idle):
            if connection in connections:
                connections.remove(connection)
                return True
        return False

    # -- waiting leases -------------------------------------------------------------------------

    def assign(self) -> int:
        """Assign connections to waiting leases; gives the number of connections to dial now."""
        while (waiter := self._first(self.exclusive_waiters)) and (
            connection := self.acquire_exclusive()
        ):
            del self.exclusive_waiters[waiter]
            waiter.set_result(connection)
        while (waiter := self._first(self.multiplexed_waiters)) and (
            connection := self.acquire_multiplexed()
        ):
            del self.multiplexed_waiters[waiter]
            waiter.set_result(connection)
        wanted = self.wanted
        if wanted <= 0:
            return 0
        dials = max(0, min(wanted, self.available()))
        self.dialling += dials
        return dials

    def spare(self) -> C | None:
        """A connection that no lease uses."""
        unused = (each for each in self.multiplexed if not each.in_use)
        return next(iter((*self.idle, *unused)), None)

    @property
    def surplus_dials(self) -> int:
        """The number of dials that exceeds the number of connections that waiting leases need."""
        return self.dialling - self._needed

    @property
    def wanted(self) -> int:
        """The number of connections to dial, were there no limit on sockets."""
        missing = self._missing()
        if self.most_dials is not None:
            missing = min(missing, self.most_dials)
        return missing - self.dialling

    def _missing(self) -> int:
        missing = self._needed
        sharing = 0 < len(self.multiplexed) < self.multiplexed_wanted
        if sharing and not self.idle and all(map(_in_use, self.multiplexed)):
            missing += 1  # no lease waits for it, but all multiplexed connections are busy
        return missing

    @property
    def _needed(self) -> int:
        """The number of connections that the waiting leases need."""
        if not self.multiplexed_wanted:
            return self.connecting
        return len(self.exclusive_waiters) + bool(self.multiplexed_waiters)

    @staticmethod
    def _first(waiters: dict[Waiter, Patience | None]) -> Waiter | None:
        """The first of *waiters* that is not done."""
        while waiters:
            waiter = next(iter(waiters))
            if not waiter.done():
                return waiter
            del waiters[waiter]  # an asyncio future is cancelled before its task removes it
        return None

    def dial_failed(self, error: Callable[[], RedisError], next_dial: float = 0.0) -> None:
        """Fail the leases that share a failed dial; those with patience wait for *next_dial*.

        These are all that wait for a multiplexed connection, and of those that wait for an
        exclusive one each that no other dial is for.  If `multiplexed_wanted` is 0, all leases
        wait for an exclusive one.
        """
        self.dialling -= 1
        lines = [self.exclusive_waiters]
        if self.multiplexed_wanted:
            self._fail(self.multiplexed_waiters, error, next_dial)
        else:
            lines.append(self.multiplexed_waiters)
        waiting = sum(map(len, lines))
        without_dial = 1 if self.most_dials is None else max(1, waiting - self.dialling)
        for waiters in lines:
            before = len(waiters)
            self._fail(waiters, error, next_dial, without_dial)
            without_dial = max(0, without_dial - before)

    def fail_all(self, error: Callable[[], RedisError]) -> None:
        """Fail all waiting leases."""
        for waiters in (self.exclusive_waiters, self.multiplexed_waiters):
            while (waiter := self._first(waiters)) is not None:
                del waiters[waiter]
                waiter.set_result(error())

    def _fail(
        self,
        waiters: dict[Waiter, Patience | None],
        error: Callable[[], RedisError],
        next_dial: float,
        most: int | None = None,
    ) -> None:
        """Fail the first *most* of *waiters*, or all, except those whose patience lasts."""
        self._first(waiters)  # removes those that are done
        shared = error()
        for waiter in list(itertools.islice(waiters, most)):
            patience = waiters[waiter]
            if not waiter.done():
                if patience is not None and patience(shared, next_dial):
                    continue
                waiter.set_result(error())
            del waiters[waiter]


def _in_use(connection: AllocatedConnection) -> int:
    return connection.in_use
