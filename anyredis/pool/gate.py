"""The way to one server: a lease of the limit, and a connection to use it on.

Law: a lease is taken before a connection is asked for and ends after it was let go, so the limit
bounds both.  The ordinary command is one pass through `run`; whatever is not ordinary (no
connection yet, a server that does not read, an error) is handed on together with the lease.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

from anyredis.address import TCPAddress
from anyredis.command import Command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import RedisError
from anyredis.pool.limit import Limit, StrictLimit
from anyredis.pool.node import Node
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

T = TypeVar("T")


class Gate:
    """Leases of *limit*, for connections to *node*.

    *check_open* raises where the pool is not open.
    """

    def __init__(self, node: Node, limit: Limit, check_open: Callable[[], None]) -> None:
        self.node = node
        self.limit = limit
        self._check_open = check_open
        self._roster = node.roster
        self._sharing_one = node.roster.shared_wanted == 1

    def __repr__(self) -> str:
        return f"<Gate {self.node.address}>"

    # -- the ordinary command -------------------------------------------------------------------

    async def run(self, command: Command[T], otherwise: Otherwise) -> T:
        """Run *command* and give its parsed reply.

        Where that takes more than one straight pass, *otherwise* gives the raw reply: it gets the
        command, this gate, whose lease it has to end with `leave(None)`, and the error if there
        was one.
        """
        connection = self._board_nowait() or await self._board()
        request = None
        try:
            if connection is not None:
                request = connection.enqueue(command.args, command.binary)
            reply = None if request is None else await request.waiter
        except BaseException:
            if connection is not None and request is not None:
                connection.abandon(request)
            self.leave(connection)
            raise
        if request is None or isinstance(reply, RedisError):
            self.alight(connection)
            failed = reply if isinstance(reply, RedisError) else None
            return command.parse(await otherwise(command, self, failed))
        self.leave(connection)
        return command.parse(reply)

    def _board_nowait(self) -> BaseConnection | None:
        """A lease that rides on a shared connection, where that takes no waiting."""
        shared, limit = self._roster.shared, self.limit
        if not self._sharing_one or not shared:
            return None
        if type(limit) is StrictLimit:  # its take_nowait(), without its frame
            if limit.taken >= limit.capacity:
                return None
            limit.taken += 1
        elif not limit.take_nowait():
            return None
        connection = shared[0]
        connection.riders += 1
        return connection

    async def _board(self) -> BaseConnection | None:
        """A lease, waited for where the limit waits; None where no connection is there yet."""
        self._check_open()  # as `enter` does, without its frame
        limit = self.limit
        await limit.take()
        connection = self.node.ride_nowait()
        if connection is None:
            limit.unattached += 1
        return connection

    def leave(self, connection: BaseConnection | None) -> None:
        """A lease ends, which rode on *connection*, or on none."""
        limit, roster = self.limit, self._roster
        if connection is None:
            limit.unattached -= 1
        elif self._sharing_one and not (
            roster.owners_waiting or roster.riders_waiting or roster.retiring or self.node.short
        ):
            connection.riders -= 1  # nobody cares: Node.alight, without its frames
        else:
            self.node.alight(connection)
        if type(limit) is StrictLimit:
            limit.taken -= 1
        else:
            limit.give_back()

    # -- with time ------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Take a lease, without a connection so far; `leave(None)` ends it.

        Raises `MaxConnectionsError` or `PoolTimeoutError`.
        """
        self._check_open()
        limit = self.limit
        await limit.take()
        limit.unattached += 1

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

    async def ride(self) -> BaseConnection:
        """A connection for one ordinary command of a lease; `alight` from it afterwards.

        Raises what connecting raised.
        """
        limit = self.limit
        limit.unattached -= 1
        try:
            return await self.node.ride()
        except BaseException:
            limit.unattached += 1
            raise

    def alight(self, connection: BaseConnection | None) -> None:
        """The command is done with *connection*, if it had one; its lease stays."""
        if connection is not None:
            self.limit.unattached += 1
            self.node.alight(connection)

    async def attempt(self, args: tuple[Value, ...], binary: bool) -> Reply:
        """The raw reply to one command of a lease that there is, an error as a value.

        Raises what connecting raised.
        """
        connection = await self.ride()
        try:
            request = connection.enqueue(args, binary)
            if request is None:
                request = await connection.enqueue_later(args, binary)
            return await connection.answer(request)
        finally:
            self.alight(connection)

    @asynccontextmanager
    async def own(self) -> AsyncGenerator[BaseConnection]:
        """A connection of one's own for a lease that there is, for an `async with` block.

        Raises what connecting raised.
        """
        limit = self.limit
        limit.unattached -= 1
        try:
            connection = await self.node.own()
            try:
                yield connection
            finally:
                self.node.give_back(connection)
        finally:
            limit.unattached += 1

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[BaseConnection]:
        """A lease, and a connection of one's own, for an `async with` block.

        Afterwards it goes back to the pool, or is closed if its state was changed (SELECT, WATCH
        …).  Raises `MaxConnectionsError` or `PoolTimeoutError`, or what connecting raised.
        """
        async with self.lease(), self.own() as connection:
            yield connection


class ClusterGate(Gate):
    """The gate to the node of a cluster that is at *where*."""

    def __init__(
        self, node: Node, limit: Limit, check_open: Callable[[], None], where: TCPAddress
    ) -> None:
        super().__init__(node, limit, check_open)
        self.where = where


Otherwise: TypeAlias = Callable[[Command[Any], Gate, RedisError | None], Awaitable[Reply]]
"""What a command goes through that cannot be run in one straight pass."""
