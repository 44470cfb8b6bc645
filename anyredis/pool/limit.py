"""How many may be at work at once, and what happens to one too many: it raises, or it waits.

Law: `free + taken == capacity`, always; who waits is served first come, first served, and a
cancellation while waiting takes nothing.  What is taken is a lease.  Those of ordinary commands in
their straight pass have a connection; the others are objects, which `leases` holds.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import Protocol, TypeAlias

import anyio

from anyredis.connection.options import check_count
from anyredis.exceptions import MaxConnectionsError, PoolTimeoutError
from anyredis.observer import Observer, notify

UNBOUNDED = 2**62


def check_capacity(capacity: int) -> int:
    """*capacity*; raises `DataError` unless it is an int from 1 up."""
    return check_count("max_connections", capacity, least=1)


class HeldLease(Protocol):
    """A lease that is an object."""

    @property
    def waiting_for_connection(self) -> bool:
        """Whether it neither has a connection nor waits for one."""
        ...


class StrictLimit:
    """A counter: one too many raises `MaxConnectionsError`."""

    waiting = 0
    lifted = False

    def __init__(self, capacity: int) -> None:
        self.capacity = check_capacity(capacity)
        self.acquired = 0
        self.leases: set[HeldLease] = set()

    @property
    def size(self) -> int:
        """How many there are, taken or not; of a limit that is dissolved, those still taken."""
        return self.acquired if self.lifted else self.capacity

    @property
    def waiting_for_connection(self) -> int:
        """How many are taken without a connection and without waiting for one, as between tries."""
        return sum(lease.waiting_for_connection for lease in self.leases)

    def acquire_nowait(self) -> bool:
        """Take one; False where there is none to be had at once."""
        if self.acquired >= self.capacity:
            return False
        self.acquired += 1
        return True

    async def acquire(self) -> None:
        """Take one, or raise `MaxConnectionsError`."""
        if not self.acquire_nowait():
            raise MaxConnectionsError(
                f"all {self.capacity} connections are in use: raise max_connections, or use a "
                "blocking pool, which waits"
            )

    def release(self) -> None:
        """Give back one."""
        self.acquired -= 1

    def lift(self) -> None:
        """What it bounds is gone: let in all who come, as they will find out."""
        self.lifted = True
        self.capacity = UNBOUNDED


class WaitingLimit:
    """An `anyio.CapacityLimiter`: one too many waits, up to *timeout* seconds (None: for ever)."""

    lifted = False

    def __init__(
        self, capacity: int, timeout: float | None = 20.0, observer: Observer | None = None
    ) -> None:
        self.capacity = check_capacity(capacity)
        self.leases: set[HeldLease] = set()
        self.timeout = timeout
        self._observer = observer
        self._limiter = anyio.CapacityLimiter(capacity)
        # Tokens are all alike: the limiter wants to know who borrows, we only how many.
        self._held: list[object] = []

    @property
    def size(self) -> int:
        """How many there are, taken or not; of a limit that is dissolved, those still taken."""
        return self.acquired if self.lifted else self.capacity

    @property
    def acquired(self) -> int:
        """How many are taken."""
        return self._limiter.borrowed_tokens

    @property
    def waiting_for_connection(self) -> int:
        """How many are taken without a connection and without waiting for one, as between tries."""
        return sum(lease.waiting_for_connection for lease in self.leases)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return self._limiter.statistics().tasks_waiting

    def acquire_nowait(self) -> bool:
        """Take one; False where there is none to be had at once, or others wait for it."""
        token = object()
        try:
            self._limiter.acquire_on_behalf_of_nowait(token)
        except anyio.WouldBlock:
            return False
        self._held.append(token)
        return True

    async def acquire(self) -> None:
        """Take one, waiting in line for it; raises `PoolTimeoutError` after *timeout* seconds."""
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
        token = object()
        with anyio.move_on_after(self.timeout):
            await self._limiter.acquire_on_behalf_of(token)
            self._held.append(token)
            return
        raise PoolTimeoutError(
            f"all {self.capacity} connections stayed in use for {self.timeout:g} s: "
            "raise max_connections or timeout"
        )

    def release(self) -> None:
        """Give back one, which wakes the first in line."""
        self._limiter.release_on_behalf_of(self._held.pop())

    def lift(self) -> None:
        """What it bounds is gone: let in all who wait or come, as they will find out."""
        self.lifted = True
        self.capacity = UNBOUNDED
        self._limiter.total_tokens = math.inf


Limit: TypeAlias = StrictLimit | WaitingLimit
