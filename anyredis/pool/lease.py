"""A lease: the permission to use one server, and the connection that it is attached to.

Law: a lease is acquired from a limit before it is attached to a connection, and the connection is
released before the lease, so the limit bounds both.  Every state change is synchronous; a
cancellation while a lease waits leaves it unchanged.  An ordinary command has no `Lease` object:
`Endpoint.run` does the same without one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol, Self

from anyredis.connection.base import BaseConnection
from anyredis.pool.allocator import Patience
from anyredis.pool.limit import Limit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value


class LeaseSource(Protocol):
    """An endpoint, as far as a lease knows it."""

    server: ServerConnections
    limit: Limit
    scope: PoolScope
    """Tells whether the pool is open, and in which event loop."""


class Lease:
    """One lease for *endpoint*, acquired with `acquire` or `async with`, by one task at a time.

    While it is held, `attach` acquires a connection and `detach` releases it, any number of times.
    `release` ends the lease in any state.
    """

    __slots__ = ("_exclusive", "_limit", "_waits", "connection", "endpoint", "patience")

    def __init__(self, endpoint: LeaseSource) -> None:
        self.endpoint = endpoint
        """The server that it is for, and that `connection` belongs to."""
        self.connection: BaseConnection | None = None
        """The connection that it is attached to."""
        self.patience: Patience | None = None
        """Whether `attach` waits for another dial after one failed; without it, it raises."""
        self._exclusive = False
        self._limit: Limit | None = None
        """The limit that it was acquired from, while it is held."""
        self._waits = False

    @classmethod
    def taken_over(
        cls, endpoint: LeaseSource, limit: Limit, connection: BaseConnection | None
    ) -> Self:
        """A lease that an ordinary command has acquired from *limit*, attached to *connection*."""
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

    # -- acquire, release -----------------------------------------------------------------------

    async def acquire(self) -> None:
        """Acquire the lease, unless it is held already; after a cancellation it is not held.

        Raises `MaxConnectionsError` or `PoolTimeoutError`, and `RuntimeError` outside the pool.
        """
        if self._limit is not None:
            return
        self.endpoint.scope.check()
        limit = self.endpoint.limit
        await limit.acquire()
        self._limit = limit
        limit.leases.add(self)
        if limit.lifted:  # the pool may have been closed meanwhile
            self.endpoint.scope.check_or_undo(self.release)

    async def move(self, endpoint: LeaseSource) -> None:
        """Make it a lease for *endpoint*; afterwards it is held, and not attached.

        If both endpoints have the same limit, the lease stays acquired.  Otherwise it is released
        before the next one is acquired, so that no task waits for a lease while it holds another.
        Raises the errors of `acquire`; the lease is not held then.
        """
        self.detach()
        if self._limit is not endpoint.limit:
            self.release()
        self.endpoint = endpoint
        await self.acquire()

    def release(self) -> None:
        """End the lease and release its connection; does nothing if it is not held."""
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

    # -- attach, detach -------------------------------------------------------------------------

    async def attach(self, *, exclusive: bool = False) -> BaseConnection:
        """A connection: multiplexed, for one ordinary command, or *exclusive*.

        A connection that it is attached to already is released first.  Raises the error of
        connecting; the lease stays held then, and after a cancellation too.
        """
        if self._limit is None:
            raise RuntimeError("this lease is not held: acquire it before it is attached")
        self.detach()
        server = self.endpoint.server
        self._waits = True
        try:
            acquire = server.acquire_exclusive if exclusive else server.acquire_multiplexed
            connection = await acquire(self.patience)
        finally:
            self._waits = False
        self.connection, self._exclusive = connection, exclusive
        return connection

    def attach_nowait(self) -> BaseConnection | None:
        """A multiplexed connection, as `attach` gives it; None if the lease has to wait for one."""
        if self._limit is None:
            raise RuntimeError("this lease is not held: acquire it before it is attached")
        self.detach()
        self.connection, self._exclusive = self.endpoint.server.acquire_multiplexed_nowait(), False
        return self.connection

    def detach(self) -> None:
        """Release the connection, if it is attached to one; the lease stays held.

        An exclusive connection that is dirty (SELECT, WATCH …) is closed.
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

        Raises the error of connecting.
        """
        connection = await self.attach()
        try:
            request = connection.enqueue(args, binary)
            if request is None:
                request = connection.enqueue_later(args, binary)
            return await connection.answer(request)
        finally:
            self.detach()


@asynccontextmanager
async def exclusive_connection(endpoint: LeaseSource) -> AsyncGenerator[BaseConnection]:
    """An exclusive connection to *endpoint*, with its lease, for an `async with` block.

    Afterwards the connection goes back to the pool, or is closed if it is dirty (SELECT, WATCH …).
    Raises `MaxConnectionsError`, `PoolTimeoutError` or the error of connecting.
    """
    async with Lease(endpoint) as lease:
        yield await lease.attach(exclusive=True)
