"""Pools for one server: `ConnectionPool` raises when all is in use, `BlockingConnectionPool` waits."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Self

from anyredis.address import UnixAddress, parse_url
from anyredis.connection.base import BaseConnection
from anyredis.connection.options import check_seconds
from anyredis.connection.tcp import Connection
from anyredis.connection.unix import UnixDomainSocketConnection
from anyredis.exceptions import DataTypeError
from anyredis.pool.base import BasePool, check_sharing
from anyredis.pool.limit import StrictLimit, WaitingLimit, check_capacity
from anyredis.pool.node import Node

UNLIMITED = 2**31


class ConnectionPool(BasePool):
    """Connections to one server; a lease too many raises `MaxConnectionsError`.

    *connection_class* makes the connections, and gets every keyword argument that is not the
    pool's own.  *max_connections* bounds the leases, and with them the sockets.
    *shared_connections* of them carry ordinary commands for all; 0 gives each command a connection
    of its own while it runs.  *max_idle_time*: seconds after which an unused connection is closed.

    Raises `DataError` at once for an argument that no connection can work with.
    """

    def __init__(
        self,
        *,
        connection_class: type[BaseConnection] = Connection,
        max_connections: int = UNLIMITED,
        shared_connections: int = 1,
        max_idle_time: float | None = None,
        **connection_arguments: Any,
    ) -> None:
        if not (
            isinstance(connection_class, type) and issubclass(connection_class, BaseConnection)
        ):
            raise DataTypeError(
                f"connection_class has to be a subclass of BaseConnection, not {connection_class!r}"
            )
        self._connection_class = connection_class
        self._connection_arguments = connection_arguments
        self._capacity = check_capacity(max_connections)
        # The first connection is made now, not yet connected, so that a bad argument shows here.
        self._first: BaseConnection | None = self._construct()
        self.decode_responses = self._first.decode_responses
        self.address = self._first.address
        self.encoder = self._first.encoder
        self.decodes = self._first.decodes
        super().__init__(
            capacity=self._capacity,
            stream_timeout=self._first.stream_timeout,
            max_idle_time=max_idle_time,
        )
        self._node = Node(
            self._make,
            capacity=self._capacity,
            shared_wanted=check_sharing(shared_connections),
            max_idle_time=max_idle_time,
        )
        self._roster = self._node.roster
        self._sharing_one = shared_connections == 1

    @classmethod
    def from_url(cls, url: str, **arguments: Any) -> Self:
        """A pool for the server that *url* names; *arguments* go before those of the URL."""
        parsed = parse_url(url)
        options: dict[str, Any] = dict(parsed.options)
        if isinstance(parsed.address, UnixAddress):
            options |= {
                "connection_class": UnixDomainSocketConnection,
                "path": parsed.address.path,
            }
        else:
            options |= {"host": parsed.address.host, "port": parsed.address.port}
            if parsed.tls:
                options["ssl"] = True
        return cls(**{**options, **arguments})

    def _construct(self) -> BaseConnection:
        try:
            return self._connection_class(**self._connection_arguments)
        except TypeError as error:
            if isinstance(error, DataTypeError):
                raise
            raise DataTypeError(f"{self._connection_class.__name__}: {error}") from error

    def _make(self) -> BaseConnection:
        first, self._first = self._first, None
        return first or self._construct()

    def make_limit(self) -> StrictLimit | WaitingLimit:
        """A counter."""
        return StrictLimit(self._capacity)

    def nodes(self) -> list[Node]:
        """The one server."""
        return [self._node]

    def acquire(self) -> AbstractAsyncContextManager[BaseConnection]:
        """A connection of one's own for an `async with` block.

        Afterwards it goes back to the pool, or is closed if its state was changed (SELECT, WATCH
        …).  Raises `MaxConnectionsError` or `PoolTimeoutError`, or what connecting raised.
        """
        return self.acquire_node(self._node)

    # -- for clients ----------------------------------------------------------------------------

    def board_nowait(self) -> BaseConnection | None:
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

    async def board(self) -> BaseConnection | None:
        """A lease, waited for where the pool waits; None where no connection is there yet.

        `leave` it afterwards.  Raises `MaxConnectionsError` or `PoolTimeoutError`.
        """
        self.require_open()
        await self.limit.take()
        connection = self._node.ride_nowait()
        if connection is None:
            self.unattached += 1
        return connection

    async def ride(self) -> BaseConnection:
        """A connection for one ordinary command of a lease; `alight` from it afterwards.

        Raises what connecting raised.
        """
        return await self.ride_node(self._node)

    def alight(self, connection: BaseConnection | None) -> None:
        """The command is done with *connection*, if it had one; its lease stays."""
        if connection is not None:
            self.unattached += 1
            self._node.alight(connection)

    def leave(self, connection: BaseConnection | None) -> None:
        """The lease that `board` gave ends; *connection* is None where it had none in the end."""
        limit, roster = self.limit, self._roster
        if connection is None:
            self.unattached -= 1
        elif self._sharing_one and not (
            roster.owners_waiting or roster.riders_waiting or roster.retiring
        ):
            connection.riders -= 1  # nobody cares: Node.alight, without its frames
        else:
            self._node.alight(connection)
        if type(limit) is StrictLimit:
            limit.taken -= 1
        else:
            limit.give_back()


class BlockingConnectionPool(ConnectionPool):
    """Connections to one server; a lease too many waits its turn, up to *timeout* seconds.

    The other arguments are those of `ConnectionPool`, with *max_connections* 50 by default.  After
    *timeout* seconds `PoolTimeoutError` is raised; None waits for ever.
    """

    def __init__(
        self,
        *,
        connection_class: type[BaseConnection] = Connection,
        max_connections: int = 50,
        timeout: float | None = 20.0,
        shared_connections: int = 1,
        max_idle_time: float | None = None,
        **connection_arguments: Any,
    ) -> None:
        if timeout is not None:
            check_seconds("timeout", timeout)
        self._timeout = timeout
        super().__init__(
            connection_class=connection_class,
            max_connections=max_connections,
            shared_connections=shared_connections,
            max_idle_time=max_idle_time,
            **connection_arguments,
        )

    def make_limit(self) -> StrictLimit | WaitingLimit:
        """An `anyio.CapacityLimiter`."""
        return WaitingLimit(self._capacity, self._timeout)
