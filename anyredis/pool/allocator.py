"""Which connection serves which lease, what to open and what to close: decided here, without I/O.

Law: at most `capacity` sockets, dials included.  Every lease either holds a connection or stands
in line for one; the limit lets at most `capacity` leases in, so a lease in line always has a
connection coming: an idle one, one being dialled, or room to dial.  All state changes happen in
the synchronous functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from anyredis.exceptions import RedisError
from anyredis.waiter import Waiter


class AllocatedConnection(Protocol):
    """What is asked of a connection."""

    in_use: int
    dirty: bool

    @property
    def usable(self) -> bool:
        """Whether it takes new requests."""
        ...


C = TypeVar("C", bound=AllocatedConnection)


class ConnectionAllocator(Generic[C]):
    """The connections of one pool to one server, and the leases that stand in line.

    *multiplexed_wanted* connections are shared by ordinary commands; 0 gives each lease its own.  *available*
    tells how many more sockets may be opened, where it is not only this server's that count.
    """

    def __init__(
        self, capacity: int, multiplexed_wanted: int, available: Callable[[], int] | None = None
    ) -> None:
        self.capacity = capacity
        self.multiplexed_wanted = multiplexed_wanted
        self.available = available or self._own_available
        self.multiplexed: list[C] = []
        self.idle: list[C] = []
        self.exclusive: set[C] = set()
        """Leased exclusively."""
        self.draining: set[C] = set()
        """Not usable any more, but leases still ride on it."""
        self.closing: set[C] = set()
        """Closed by now, but their streams may still be open."""
        self.dialling = 0
        # Dicts, because a cancelled lease leaves the middle of the line.
        self.multiplexed_waiters: dict[Waiter, None] = {}
        self.exclusive_waiters: dict[Waiter, None] = {}

    def _own_available(self) -> int:
        return self.capacity - self.sockets

    @property
    def sockets(self) -> int:
        """Connections that are open or being dialled."""
        open_ = len(self.multiplexed) + len(self.idle) + len(self.exclusive) + len(self.draining)
        return open_ + self.dialling + self.closing_soon

    @property
    def closing_soon(self) -> int:
        """Sockets that nobody has any more, and that are about to be gone."""
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
        """Leases that stand in line for a connection."""
        return len(self.multiplexed_waiters) + len(self.exclusive_waiters)

    # -- a lease asks ---------------------------------------------------------------------------

    def acquire_multiplexed(self) -> C | None:
        """A connection for an ordinary command, which now rides on it; None: stand in line."""
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
        """A connection of one's own; None: stand in line."""
        connection: C | None = None
        if self.idle:
            connection = self.idle.pop()
        elif self.available() <= 0:
            # A shared connection that nobody rides may be had, rather than one socket too many.
            connection = next((each for each in self.multiplexed if not each.in_use), None)
            if connection is not None:
                self.multiplexed.remove(connection)
        if connection is not None:
            connection.in_use = 0
            self.exclusive.add(connection)
        return connection

    # -- a lease ends ---------------------------------------------------------------------------

    def release_multiplexed(self, connection: C) -> C | None:
        """A rider is done; gives *connection* back where it is to be closed now."""
        if connection in self.exclusive:  # shared_wanted is 0: each has its own
            return self.release_exclusive(connection)
        connection.in_use -= 1
        if connection in self.draining and not connection.in_use:
            self.draining.remove(connection)
            return connection
        return None

    def release_exclusive(self, connection: C) -> C | None:
        """An owner is done; gives *connection* back where it is to be closed now."""
        if connection not in self.exclusive:  # it was lost meanwhile
            return None
        self.exclusive.remove(connection)
        if connection.dirty or not connection.usable:
            return connection
        self.idle.append(connection)
        return None

    # -- connections come and go ----------------------------------------------------------------

    def add(self, connection: C) -> None:
        """A dial succeeded."""
        self.dialling -= 1
        self.idle.append(connection)

    def drain(self, connection: C) -> C | None:
        """*connection* takes no new requests; gives it back where it is to be closed now."""
        if connection in self.exclusive:
            return None  # whoever has it finds out, and gives it back
        if not self._forget(connection):
            return None
        if connection.in_use:
            self.draining.add(connection)
            return None
        return connection

    def remove(self, connection: C) -> None:
        """*connection* is closed; whoever still has it gives it back in time."""
        if connection not in self.exclusive and self._forget(connection) and connection.in_use:
            self.draining.add(connection)

    def _forget(self, connection: C) -> bool:
        for place in (self.multiplexed, self.idle):
            if connection in place:
                place.remove(connection)
                return True
        return False

    # -- the line -------------------------------------------------------------------------------

    def assign(self) -> int:
        """Serve all in line who can be served; gives how many connections to dial now."""
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
        unridden = (each for each in self.multiplexed if not each.in_use)
        return next(iter((*self.idle, *unridden)), None)

    @property
    def surplus_dials(self) -> int:
        """Dials that no lease waits for."""
        return self.dialling - self._needed

    @property
    def wanted(self) -> int:
        """How many more connections could be put to use than there are and are being dialled."""
        return self._missing() - self.dialling

    def _missing(self) -> int:
        missing = self._needed
        sharing = 0 < len(self.multiplexed) < self.multiplexed_wanted
        if sharing and not self.idle and all(map(_in_use, self.multiplexed)):
            missing += 1  # nobody waits for it, but all that are shared are busy
        return missing

    @property
    def _needed(self) -> int:
        """How many connections those in line take."""
        if not self.multiplexed_wanted:
            return self.connecting
        return len(self.exclusive_waiters) + bool(self.multiplexed_waiters)

    @staticmethod
    def _first(line: dict[Waiter, None]) -> Waiter | None:
        """The first in *line* who still waits."""
        while line:
            waiter = next(iter(line))
            if not waiter.done():
                return waiter
            del line[waiter]  # an asyncio future is cancelled before its task has left the line
        return None

    def dial_failed(self, error: Callable[[], RedisError]) -> None:
        """A dial failed: all would-be riders shared it, and the first would-be owner."""
        self.dialling -= 1
        if self.multiplexed_wanted:
            self._fail(self.multiplexed_waiters, error)
            self._fail(self.exclusive_waiters, error, 1)
        else:
            self._fail(self.exclusive_waiters or self.multiplexed_waiters, error, 1)

    def fail_all(self, error: Callable[[], RedisError]) -> None:
        """Nobody in line will be served."""
        self._fail(self.exclusive_waiters, error)
        self._fail(self.multiplexed_waiters, error)

    def _fail(
        self, line: dict[Waiter, None], error: Callable[[], RedisError], most: int | None = None
    ) -> None:
        while most != 0 and (waiter := self._first(line)) is not None:
            del line[waiter]
            waiter.set_result(error())
            most = None if most is None else most - 1


def _in_use(connection: AllocatedConnection) -> int:
    return connection.in_use
