"""An endpoint: the connections to one server, their limit of leases, and the fast path.

Law: an ordinary command is one straight pass through `Endpoint.run`, which acquires a lease,
attaches it to the multiplexed connection and releases it, all inline.  If that is not enough (no
connection yet, backpressure, an error), the command continues on the slow path with a `Lease`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from threading import get_ident
from typing import Any, TypeAlias, TypeVar

from anyredis.address import TCPAddress
from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ProtocolError, RedisError
from anyredis.pool.lease import Lease
from anyredis.pool.limit import Limit, StrictLimit
from anyredis.pool.scope import PoolScope
from anyredis.pool.server_connections import ServerConnections
from anyredis.wire.decode import Reply

T = TypeVar("T")

SlowPath: TypeAlias = Callable[[Command[Any], Lease, RedisError | None], Awaitable[Reply]]
"""Gives the raw reply to a command for which one straight pass is not enough.

Its arguments are the command, the command's lease, held and not attached, and the error of the
first attempt, if there was one.  `Endpoint.run` releases the lease afterwards.
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
        """The parsed reply to *command*; *slow_path* continues if one pass is not enough.

        Each saved frame is marked and repeats code of `Lease`.  `tests/pool/test_fast_path.py` runs
        both side by side, so the conditions here are always the same as in `Lease`.
        """
        if get_ident() != self.scope.thread:  # another event loop, or not open
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
            self.scope.explain(error)  # another event loop may run in the same thread
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
        try:  # saved frame: Command.parsed
            return command.parse(reply)
        except ProtocolError as error:
            raise command.named(error) from error.__cause__

    async def _acquire(self, limit: Limit) -> BaseConnection | None:
        """Acquire a lease of *limit*; gives its connection, or None if it has to wait for one."""
        self.scope.check()
        await limit.acquire()
        if limit.lifted:  # the pool may have been closed meanwhile
            self.scope.check_or_undo(limit.release)
        return self.server.acquire_multiplexed_nowait()


async def _go_on(
    command: Command[T], lease: Lease, failed: RedisError | None, slow_path: SlowPath
) -> T:
    """The parsed reply that *slow_path* gets for *command*; *lease* is released afterwards."""
    lease.detach()
    try:
        reply = await slow_path(command, lease, failed)
    finally:
        lease.release()
    return command.parsed(reply)


class ClusterEndpoint(Endpoint):
    """The endpoint to the node of a cluster that is at *address*."""

    def __init__(
        self, server: ServerConnections, limit: Limit, scope: PoolScope, address: TCPAddress
    ) -> None:
        super().__init__(server, limit, scope)
        self.address = address
