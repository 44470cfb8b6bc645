"""The way to one server: its connections, the limit of its leases, and the ordinary command.

Law: the ordinary command is one straight pass through `Endpoint.run`, which takes a lease, attaches it
to the multiplexed connection and releases it in place.  A command that needs more than that (no
connection yet, a server that does not read, an error) goes on with a `Lease`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from threading import get_ident
from typing import Any, TypeAlias, TypeVar

from anyredis.address import TCPAddress
from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import RedisError
from anyredis.pool.lease import Lease
from anyredis.pool.limit import Limit, StrictLimit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.wire.decode import Reply

T = TypeVar("T")

SlowPath: TypeAlias = Callable[[Command[Any], Lease, RedisError | None], Awaitable[Reply]]
"""Gives the raw reply to a command that cannot be run in one straight pass.

It gets the lease of the command, held and not attached, and the error of the first try if there
was one.  The lease is released after it.
"""


class Endpoint:
    """Leases of *limit*, for connections to *server*.

    *scope* tells whether the pool is open, and in which event loop.
    """

    def __init__(self, server: ServerConnections, limit: Limit, scope: PoolScope) -> None:
        self.server = server
        self.limit = limit
        self.scope = scope
        self._allocator = server.allocator
        self._multiplexes_one = server.allocator.multiplexed_wanted == 1

    def __repr__(self) -> str:
        return f"<Endpoint {self.server.address}>"

    async def run(  # noqa: C901, PLR0912 - each branch that moves out of it costs a frame
        self, command: Command[T], slow_path: SlowPath
    ) -> T:
        """Run *command* and give its parsed reply; *slow_path* goes on if one pass is too few.

        What is marked as saved stands in `Lease` as well: `tests/pool/test_fast_path.py` runs both
        side by side, so that the conditions here are those of the plain way.
        """
        if get_ident() != self.scope.thread:  # of another event loop, or not open
            self.scope.check()
        limit, allocator, server = self.limit, self._allocator, self.server
        multiplexed = allocator.multiplexed
        connection: BaseConnection | None = None
        if self._multiplexes_one and multiplexed:  # saved frames: Lease.acquire, Lease.attach
            if type(limit) is StrictLimit:  # saved frame: StrictLimit.acquire_nowait
                if limit.acquired < limit.capacity:
                    limit.acquired += 1
                    connection = multiplexed[0]
            elif limit.acquire_nowait():
                connection = multiplexed[0]
        if connection is not None:
            connection.in_use += 1
        elif (connection := await self._acquire(limit)) is None:
            return await _go_on(command, Lease.taken_over(self, limit, None), None, slow_path)
        request = None
        reply: Reply = None
        try:
            request = connection.enqueue(command.args, command.binary)
            if request is not None:
                reply = await request.waiter
        except BaseException as error:
            if request is not None:
                connection.abandon(request)
            Lease.taken_over(self, limit, connection).release()
            self.scope.explain(error)  # another event loop may be in the same thread
            raise
        if request is None or isinstance(reply, RedisError):
            failed = reply if isinstance(reply, RedisError) else None
            lease = Lease.taken_over(self, limit, connection)
            return await _go_on(command, lease, failed, slow_path)
        if (
            self._multiplexes_one
            and not (  # saved frames: Lease.release, ServerConnections.release_multiplexed
                allocator.exclusive_waiters
                or allocator.multiplexed_waiters
                or allocator.draining
                or server.starved
            )
        ):
            connection.in_use -= 1
        else:
            server.release_multiplexed(connection)
        if type(limit) is StrictLimit:  # saved frame: StrictLimit.release
            limit.acquired -= 1
        else:
            limit.release()
        return command.parse(reply)

    async def _acquire(self, limit: Limit) -> BaseConnection | None:
        """Take a lease of *limit*; gives the connection, or None where none is there yet."""
        self.scope.check()
        await limit.acquire()
        if limit.lifted:  # the pool may have been closed meanwhile
            try:
                self.scope.check()
            except BaseException:
                limit.release()
                raise
        return self.server.acquire_multiplexed_nowait()


async def _go_on(
    command: Command[T], lease: Lease, failed: RedisError | None, slow_path: SlowPath
) -> T:
    """The parsed reply that *slow_path* gets for *command*, whose *lease* ends with it."""
    lease.detach()
    try:
        reply = await slow_path(command, lease, failed)
    finally:
        lease.release()
    return command.parse(reply)


class ClusterEndpoint(Endpoint):
    """The endpoint to the node of a cluster that is at *address*."""

    def __init__(
        self, server: ServerConnections, limit: Limit, scope: PoolScope, address: TCPAddress
    ) -> None:
        super().__init__(server, limit, scope)
        self.address = address
