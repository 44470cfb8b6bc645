"""The way to one server: a lease of the limit, and a connection to use it on.

Law: a lease is taken before a connection is asked for and ends after it was let go, so the limit
bounds both.  The ordinary command is one pass through `run`; whatever is not ordinary (no
connection yet, a server that does not read, an error) is handed on together with the lease.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from threading import get_ident
from typing import Any, TypeAlias, TypeVar

from anyredis.address import TCPAddress
from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import RedisError
from anyredis.pool.limit import Limit, StrictLimit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")


class Endpoint:
    """Leases of *limit*, for connections to *server*.

    *scope* tells whether the pool is open, and in which event loop.
    """

    def __init__(self, server: ServerConnections, limit: Limit, scope: PoolScope) -> None:
        self.server = server
        self.limit = limit
        self._scope = scope
        self._allocator = server.allocator
        self._one_multiplexed = server.allocator.multiplexed_wanted == 1

    def __repr__(self) -> str:
        return f"<Endpoint {self.server.address}>"

    # -- the ordinary command -------------------------------------------------------------------

    async def run(self, command: Command[T], slow_path: SlowPath) -> T:
        """Run *command* and give its parsed reply.

        Where that takes more than one straight pass, *slow_path* gives the raw reply: it gets the
        command, this endpoint, whose lease it has to end with `leave(None)`, and the error if there
        was one.
        """
        if get_ident() != self._scope.thread:  # of another event loop, or not open
            self._scope.check()
        connection = self._acquire_multiplexed_nowait() or await self._acquire_multiplexed()
        request = None
        try:
            if connection is not None:
                request = connection.enqueue(command.args, command.binary)
            reply = None if request is None else await request.waiter
        except BaseException as error:
            if connection is not None and request is not None:
                connection.abandon(request)
            self.leave(connection)
            self._scope.explain(error)  # another event loop may be in the same thread
            raise
        if request is None or isinstance(reply, RedisError):
            self.release_multiplexed(connection)
            failed = reply if isinstance(reply, RedisError) else None
            return command.parse(await slow_path(command, self, failed))
        self.leave(connection)
        return command.parse(reply)

    def _acquire_multiplexed_nowait(self) -> BaseConnection | None:
        """A lease that rides on a shared connection, where that takes no waiting."""
        multiplexed, limit = self._allocator.multiplexed, self.limit
        if not self._one_multiplexed or not multiplexed:
            return None
        if type(limit) is StrictLimit:  # its take_nowait(), without its frame
            if limit.acquired >= limit.capacity:
                return None
            limit.acquired += 1
        elif not limit.acquire_nowait():
            return None
        connection = multiplexed[0]
        connection.in_use += 1
        return connection

    async def _acquire_multiplexed(self) -> BaseConnection | None:
        """A lease, waited for where the limit waits; None where no connection is there yet."""
        self._scope.check()  # as `enter` does, without its frame
        limit = self.limit
        await limit.acquire()
        connection = self.server.acquire_multiplexed_nowait()
        if connection is None:
            limit.waiting_for_connection += 1
        return connection

    def leave(self, connection: BaseConnection | None) -> None:
        """A lease ends, which rode on *connection*, or on none."""
        limit, allocator = self.limit, self._allocator
        if connection is None:
            limit.waiting_for_connection -= 1
        elif self._one_multiplexed and not (
            allocator.exclusive_waiters
            or allocator.multiplexed_waiters
            or allocator.draining
            or self.server.starved
        ):
            connection.in_use -= 1  # nobody cares: Node.alight, without its frames
        else:
            self.server.release_multiplexed(connection)
        if type(limit) is StrictLimit:
            limit.acquired -= 1
        else:
            limit.release()

    # -- with time ------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Take a lease, without a connection so far; `leave(None)` ends it.

        Raises `MaxConnectionsError` or `PoolTimeoutError`.
        """
        self._scope.check()
        limit = self.limit
        await limit.acquire()
        limit.waiting_for_connection += 1

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[None]:
        """The right to be at work, for an `async with` block.

        Raises `MaxConnectionsError` or `PoolTimeoutError`.
        """
        await self.enter()
        try:
            yield
        finally:
            self.leave(None)

    async def acquire_multiplexed(self) -> BaseConnection:
        """A connection for one ordinary command of a lease; `release_multiplexed` from it afterwards.

        Raises what connecting raised.
        """
        limit = self.limit
        limit.waiting_for_connection -= 1
        try:
            return await self.server.acquire_multiplexed()
        except BaseException:
            limit.waiting_for_connection += 1
            raise

    def release_multiplexed(self, connection: BaseConnection | None) -> None:
        """The command is done with *connection*, if it had one; its lease stays."""
        if connection is not None:
            self.limit.waiting_for_connection += 1
            self.server.release_multiplexed(connection)

    async def attempt(self, args: tuple[Value, ...], binary: bool) -> Reply:
        """The raw reply to one command of a lease that there is, an error as a value.

        Raises what connecting raised.
        """
        connection = await self.acquire_multiplexed()
        try:
            request = connection.enqueue(args, binary)
            if request is None:
                request = await connection.enqueue_later(args, binary)
            return await connection.answer(request)
        finally:
            self.release_multiplexed(connection)

    @asynccontextmanager
    async def exclusive_connection(self) -> AsyncGenerator[BaseConnection]:
        """A connection of one's own for a lease that there is, for an `async with` block.

        Raises what connecting raised.
        """
        limit = self.limit
        limit.waiting_for_connection -= 1
        try:
            connection = await self.server.acquire_exclusive()
            try:
                yield connection
            finally:
                self.server.release_exclusive(connection)
        finally:
            limit.waiting_for_connection += 1

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[BaseConnection]:
        """A lease, and a connection of one's own, for an `async with` block.

        Afterwards it goes back to the pool, or is closed if its state was changed (SELECT, WATCH
        …).  Raises `MaxConnectionsError` or `PoolTimeoutError`, or what connecting raised.
        """
        async with self.lease(), self.exclusive_connection() as connection:
            yield connection


class ClusterEndpoint(Endpoint):
    """The endpoint to the node of a cluster that is at *address*."""

    def __init__(
        self, server: ServerConnections, limit: Limit, scope: PoolScope, address: TCPAddress
    ) -> None:
        super().__init__(server, limit, scope)
        self.address = address


SlowPath: TypeAlias = Callable[[Command[Any], Endpoint, RedisError | None], Awaitable[Reply]]
"""What a command goes through that cannot be run in one straight pass."""
