"""The limits of leases: beyond the capacity `StrictLimit` raises, and `WaitingLimit` waits.

Law: `free + acquired == capacity`, always.  Waiting callers get leases in the order in which they
came, and a cancelled one gets none.  The leases of ordinary commands on the fast path have a
connection and are only counted; the others are `Lease` objects, which `leases` holds.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import Protocol, TypeAlias

import anyio

from anyredis.connection.options import check_count, check_seconds_or_none
from anyredis.exceptions import MaxConnectionsError, PoolTimeoutError
from anyredis.observer import Observer, notify

UNBOUNDED = 2**62

UNLIMITED = 2**31
"""The capacity of a strict pool by default."""

BLOCKING = 50
"""The capacity of a blocking pool by default."""


def check_capacity(capacity: int | None, default: int = UNLIMITED) -> int:
    """*capacity*, or *default* if it is None; raises `DataError` unless it is an int from 1 up."""
    return default if capacity is None else check_count("max_connections", capacity, least=1)


class HeldLease(Protocol):
    """A `Lease`, as far as a limit knows it."""

    @property
    def waiting_for_connection(self) -> bool:
        """Whether it neither has a connection nor waits for one."""
        ...


class StrictLimit:
    """A counter of leases; beyond *capacity* it raises `MaxConnectionsError`."""

    waiting = 0
    lifted = False

    def __init__(self, capacity: int) -> None:
        self.capacity = check_capacity(capacity)
        self.acquired = 0
        self.leases: set[HeldLease] = set()

    @property
    def size(self) -> int:
        """The number of leases, held or free; of a lifted limit only those that are held."""
        return self.acquired if self.lifted else self.capacity

    @property
    def waiting_for_connection(self) -> int:
        """Leases that neither have nor await a connection, as between two attempts."""
        return sum(lease.waiting_for_connection for lease in self.leases)

    def acquire_nowait(self) -> bool:
        """Acquire a lease; False if none is free."""
        if self.acquired >= self.capacity:
            return False
        self.acquired += 1
        return True

    async def acquire(self) -> None:
        """Acquire a lease, or raise `MaxConnectionsError`."""
        if not self.acquire_nowait():
            raise MaxConnectionsError(
                f"all {self.capacity} connections are in use: raise max_connections, or use a "
                "blocking pool, which waits"
            )

    def release(self) -> None:
        """Release a lease."""
        self.acquired -= 1

    def lift(self) -> None:
        """Admit every lease from now on: its server was removed, and attaching will fail."""
        self.lifted = True
        self.capacity = UNBOUNDED


class WaitingLimit:
    """An `anyio.CapacityLimiter`; beyond *capacity*, `acquire` waits up to *timeout* seconds.

    None waits for ever.
    """

    lifted = False

    def __init__(
        self, capacity: int, timeout: float | None = 20.0, observer: Observer | None = None
    ) -> None:
        self.capacity = check_capacity(capacity)
        self.leases: set[HeldLease] = set()
        self.timeout = timeout
        self._observer = observer
        self._limiter = anyio.CapacityLimiter(capacity)
        # The limiter identifies each borrower by an object; any of them may be released.
        self._borrowers: list[object] = []

    @property
    def size(self) -> int:
        """The number of leases, held or free; of a lifted limit only those that are held."""
        return self.acquired if self.lifted else self.capacity

    @property
    def acquired(self) -> int:
        """The number of leases that are held."""
        return self._limiter.borrowed_tokens

    @property
    def waiting_for_connection(self) -> int:
        """Leases that neither have nor await a connection, as between two attempts."""
        return sum(lease.waiting_for_connection for lease in self.leases)

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a lease."""
        return self._limiter.statistics().tasks_waiting

    def acquire_nowait(self) -> bool:
        """Acquire a lease; False if none is free, or if other callers wait for it."""
        borrower = object()
        try:
            self._limiter.acquire_on_behalf_of_nowait(borrower)
        except anyio.WouldBlock:
            return False
        self._borrowers.append(borrower)
        return True

    async def acquire(self) -> None:
        """Acquire a lease, in turn; raises `PoolTimeoutError` after *timeout* seconds."""
        if self.acquire_nowait():
            return
        if self._observer is None:
            await self._wait()
            return
        begin = perf_counter()
        try:
            await self._wait()
        except BaseException as error:
            notify(self._observer.lease_waited, perf_counter() - begin, error)
            raise
        notify(self._observer.lease_waited, perf_counter() - begin, None)

    async def _wait(self) -> None:
        borrower = object()
        with anyio.move_on_after(self.timeout):
            await self._limiter.acquire_on_behalf_of(borrower)
            self._borrowers.append(borrower)
            return
        raise PoolTimeoutError(
            f"all {self.capacity} connections stayed in use for {self.timeout:g} s: "
            "raise max_connections or timeout"
        )

    def release(self) -> None:
        """Release a lease, which wakes the first waiting caller."""
        self._limiter.release_on_behalf_of(self._borrowers.pop())

    def lift(self) -> None:
        """Admit every lease from now on, waiting callers included.

        The server was removed, and attaching will fail.
        """
        self.lifted = True
        self.capacity = UNBOUNDED
        self._limiter.total_tokens = math.inf


class WaitingCapacity:
    """The capacity of a blocking pool, and the most seconds that a caller waits for a lease.

    Raises `DataError` for values that make no sense.
    """

    __slots__ = ("capacity", "timeout")

    def __init__(self, max_connections: int | None, timeout: float | None) -> None:
        check_seconds_or_none("timeout", timeout)
        self.capacity = check_capacity(max_connections, BLOCKING)
        self.timeout = timeout

    def new_limit(self, observer: Observer | None) -> WaitingLimit:
        """A limit of that capacity, for the event loop that is running."""
        return WaitingLimit(self.capacity, self.timeout, observer)


Limit: TypeAlias = StrictLimit | WaitingLimit
