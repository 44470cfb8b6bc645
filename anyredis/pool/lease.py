"""A lease: the right to be at work on one server, and the connection that it is used on.

Law: a lease is taken from a limit before it asks for a connection, and the connection goes back
before the lease does, so the limit bounds both.  Every state change is synchronous; a cancellation
while a lease waits leaves it as it was.  The ordinary command has no such object: `Endpoint.run` does
the same without it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol, Self

from anyredis.connection.base import BaseConnection
from anyredis.pool.limit import Limit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value


class LeaseSource(Protocol):
    """One server of a pool, for which leases can be had."""

    server: ServerConnections
    limit: Limit
    scope: PoolScope
    """Tells whether the pool is open, and in which event loop."""


class Lease:
    """One lease for *endpoint*, to be taken with `acquire` or `async with`, by one task at a time.

    While it is held, `attach` gets a connection and `detach` gives it back, any number of times.
    `release` ends it, whatever state it is in.
    """

    __slots__ = ("_exclusive", "_limit", "_waits", "connection", "endpoint")

    def __init__(self, endpoint: LeaseSource) -> None:
        self.endpoint = endpoint
        """The server that it is for, and that `connection` belongs to."""
        self.connection: BaseConnection | None = None
        """The connection that it is attached to."""
        self._exclusive = False
        self._limit: Limit | None = None
        """The limit that it was taken from, while it is held."""
        self._waits = False

    @classmethod
    def taken_over(
        cls, endpoint: LeaseSource, limit: Limit, connection: BaseConnection | None
    ) -> Self:
        """The lease of an ordinary command, taken from *limit* and attached to *connection*."""
        lease = cls(endpoint)
        lease.connection = connection
        lease._limit = limit
        limit.leases.add(lease)
        return lease

    def __repr__(self) -> str:
        state = "not held" if self._limit is None else "waits" if self._waits else "held"
        if self.connection is not None:
            state = "exclusive" if self._exclusive else "multiplexed"
        return f"<Lease {self.endpoint.server.address} {state}>"

    @property
    def waiting_for_connection(self) -> bool:
        """Whether it is held, but neither has a connection nor waits for one."""
        return self._limit is not None and self.connection is None and not self._waits

    # -- the right ------------------------------------------------------------------------------

    async def acquire(self) -> None:
        """Take the lease, unless it is held already; a cancellation takes nothing.

        Raises `MaxConnectionsError` or `PoolTimeoutError`, and `RuntimeError` outside the pool.
        """
        if self._limit is not None:
            return
        self.endpoint.scope.check()
        limit = self.endpoint.limit
        await limit.acquire()
        self._limit = limit
        limit.leases.add(self)
        if limit.lifted:
            self._check_again()

    def _check_again(self) -> None:
        """Release the lease and raise if the pool was closed while it was waited for."""
        try:
            self.endpoint.scope.check()
        except BaseException:
            self.release()
            raise

    async def move(self, endpoint: LeaseSource) -> None:
        """Make it a lease for *endpoint*; afterwards it is held, and not attached.

        Where both servers have one limit, it stays the same lease.  Otherwise it is given back
        before the next one is asked for, so that nobody waits for a lease while holding another.
        Raises what `acquire` raises, and is not held then.
        """
        self.detach()
        if self._limit is not endpoint.limit:
            self.release()
        self.endpoint = endpoint
        await self.acquire()

    def release(self) -> None:
        """End the lease and give back its connection; nothing if it has ended already."""
        self.detach()
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.leases.remove(self)
            limit.release()

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    # -- the connection -------------------------------------------------------------------------

    async def attach(self, *, exclusive: bool = False) -> BaseConnection:
        """A connection: multiplexed, for one ordinary command, or *exclusive*.

        A connection that it had before is given back.  Raises what connecting raised; the lease
        stays held then, and after a cancellation.
        """
        if self._limit is None:
            raise RuntimeError("this lease is not held: acquire it before it is attached")
        self.detach()
        server = self.endpoint.server
        self._waits = True
        try:
            connection = await (
                server.acquire_exclusive() if exclusive else server.acquire_multiplexed()
            )
        finally:
            self._waits = False
        self.connection, self._exclusive = connection, exclusive
        return connection

    def detach(self) -> None:
        """Give back the connection, if it has one; the lease stays.

        An exclusive connection is closed instead if its state was changed (SELECT, WATCH …).
        """
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if self._exclusive:
            self.endpoint.server.release_exclusive(connection)
        else:
            self.endpoint.server.release_multiplexed(connection)

    async def attempt(self, args: tuple[Value, ...], binary: bool) -> Reply:
        """The raw reply to one ordinary command, an error as a value.

        Raises what connecting raised.
        """
        connection = await self.attach()
        try:
            request = connection.enqueue(args, binary)
            if request is None:
                request = await connection.enqueue_later(args, binary)
            return await connection.answer(request)
        finally:
            self.detach()


@asynccontextmanager
async def exclusive_connection(endpoint: LeaseSource) -> AsyncGenerator[BaseConnection]:
    """A lease and an exclusive connection of *endpoint*, for an `async with` block.

    Afterwards the connection goes back to the pool, or is closed if its state was changed (SELECT,
    WATCH …).  Raises `MaxConnectionsError` or `PoolTimeoutError`, or what connecting raised.
    """
    async with Lease(endpoint) as lease:
        yield await lease.attach(exclusive=True)
