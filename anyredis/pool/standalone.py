"""Pools for one server.

Law: if all leases are held, `ConnectionPool` raises and `BlockingConnectionPool` waits.  Both make
their first connection object at once, so an invalid argument raises in the constructor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Self, Unpack, overload

from anyio.abc import TaskGroup

from anyredis.address import Reader, UnixAddress, parse_url
from anyredis.connection.base import BaseConnection, ConnectionListener
from anyredis.connection.options import parameters_of
from anyredis.connection.tcp import Connection
from anyredis.connection.unix import UnixDomainSocketConnection
from anyredis.credentials import hidden, hide
from anyredis.observer import Observer
from anyredis.pool.base import BasePool, check_sharing, construct, for_connections
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.lease import exclusive_connection
from anyredis.pool.limit import BLOCKING, Limit, StrictLimit, WaitingCapacity, check_capacity
from anyredis.pool.pool_options import BlockingConnectionPoolOptions, ConnectionPoolOptions
from anyredis.pool.server_connections import ServerConnections
from anyredis.pool.services import service_arguments, service_parameters
from anyredis.pool.tasks import PoolTasks

KNOWN = frozenset(ConnectionPoolOptions.__annotations__)


def url_parameters() -> Mapping[str, Reader]:
    """The query parameters of a URL for one server, with the function that reads each."""
    return parameters_of(BlockingConnectionPoolOptions)


class ConnectionPool(BasePool):
    """A pool of connections to one server; one lease too many raises `MaxConnectionsError`.

    The keyword arguments are those of `Connection`, and the pool's own.  With *connection_class*
    the connections are instances of that class, whose constructor gets every keyword argument that
    is not the pool's own; type checkers cannot check these.

    *max_connections*: the number of leases, which bounds the sockets too.  *shared_connections*:
    the number of multiplexed connections, which carry ordinary commands; with 0 each command has an
    exclusive connection while it runs.  *max_idle_time*: seconds after which an unused connection
    is closed.  *max_connection_age*: seconds after its handshake, ± 10 %, from which a connection
    is replaced, by one to the address that the name has then.  *listeners* are told of all its connections, see `ConnectionListener`.
    *task_group*: an anyio task group whose children all tasks of the pool become.
    *observer* is told of commands, connections and waits, see `Observer`.

    Raises `DataError` at once for an argument that no connection can use.
    """

    @overload
    def __init__(self, **options: Unpack[ConnectionPoolOptions]) -> None: ...
    @overload
    def __init__(
        self,
        *,
        connection_class: type[BaseConnection],
        max_connections: int | None = ...,
        shared_connections: int = ...,
        max_idle_time: float | None = ...,
        max_connection_age: float | None = ...,
        listeners: Iterable[ConnectionListener] = ...,
        task_group: TaskGroup | None = ...,
        observer: Observer | None = ...,
        **connection_arguments: object,
    ) -> None: ...
    def __init__(
        self,
        *,
        connection_class: type[BaseConnection] = Connection,
        max_connections: int | None = None,
        shared_connections: int = 1,
        max_idle_time: float | None = None,
        max_connection_age: float | None = None,
        listeners: Iterable[ConnectionListener] = (),
        task_group: TaskGroup | None = None,
        observer: Observer | None = None,
        **connection_arguments: Any,
    ) -> None:
        self._connection_class, self._connection_arguments = for_connections(
            connection_class, connection_arguments, KNOWN, base=BaseConnection, own=Connection
        )
        self._capacity = check_capacity(max_connections)
        # The first connection is made now, not yet connected, so that a bad argument raises here.
        self._first: BaseConnection | None = self._construct()
        self.address = self._first.address
        super().__init__(
            self._first,
            max_idle_time=max_idle_time,
            max_connection_age=max_connection_age,
            listeners=listeners,
            task_group=task_group,
            observer=observer,
        )
        server = ServerConnections(
            self._make,
            address=self.address,
            capacity=self._capacity,
            multiplexed_wanted=check_sharing(shared_connections),
            max_idle_time=max_idle_time,
            max_connection_age=max_connection_age,
            listeners=self.listeners,
            observer=self.observer,
        )
        self.endpoint = Endpoint(server, StrictLimit(self._capacity), self.scope)

    @overload
    @classmethod
    def from_url(cls, url: str, **options: Unpack[ConnectionPoolOptions]) -> Self: ...
    @overload
    @classmethod
    def from_url(
        cls, url: str, *, connection_class: type[BaseConnection], **arguments: object
    ) -> Self: ...
    @classmethod
    def from_url(cls, url: str, **arguments: Any) -> Self:
        """A pool for the server that *url* names; *arguments* override those of the URL.

        If the URL names sentinels, the pool is for the primary that they know.
        """
        url = hidden(url)
        hide(arguments)
        parsed = parse_url(url, url_parameters(), service_parameters())
        options: dict[str, Any] = dict(parsed.options)
        if parsed.service is not None:
            options |= {"ssl": True} if parsed.tls else {}
            options |= arguments
            return cls(**service_arguments(parsed, options), **options)
        address = parsed.one_server
        if isinstance(address, UnixAddress):
            options |= {"connection_class": UnixDomainSocketConnection, "path": address.path}
        else:
            options |= {"host": address.host, "port": address.port}
            if parsed.tls:
                options["ssl"] = True
        return cls(**{**options, **arguments})

    def _construct(self) -> BaseConnection:
        return construct(self._connection_class, self._connection_arguments, KNOWN)

    def _make(self) -> BaseConnection:
        first, self._first = self._first, None
        return first or self._construct()

    def make_limit(self) -> Limit:
        """A counter."""
        return StrictLimit(self._capacity)

    def opened(self, tasks: PoolTasks) -> None:
        """Start the pool, which has just been entered; *tasks* starts all its tasks."""
        self.endpoint.limit = self.limit_for_next_scope(self.endpoint.limit)
        self.endpoint.server.start(tasks.connections)
        self.start_watchers(tasks)

    def endpoints(self) -> tuple[Endpoint]:
        """The one endpoint."""
        return (self.endpoint,)

    def limits(self) -> tuple[Limit]:
        """The one limit."""
        return (self.endpoint.limit,)

    def acquire(self) -> AbstractAsyncContextManager[BaseConnection]:
        """An exclusive connection, for an `async with` block.

        Afterwards it goes back to the pool, or is closed if it is dirty (SELECT, WATCH …).  Raises
        `MaxConnectionsError`, `PoolTimeoutError` or the error of connecting.
        """
        return exclusive_connection(self.endpoint)


class BlockingConnectionPool(ConnectionPool):
    """A pool of connections to one server; one lease too many waits, up to *timeout* seconds.

    After *timeout* seconds it raises `PoolTimeoutError`; None waits for ever.  The other arguments
    are those of `ConnectionPool`, with *max_connections* 50 by default.
    """

    @overload
    def __init__(self, **options: Unpack[BlockingConnectionPoolOptions]) -> None: ...
    @overload
    def __init__(
        self,
        *,
        connection_class: type[BaseConnection],
        max_connections: int | None = ...,
        timeout: float | None = ...,
        **arguments: object,
    ) -> None: ...
    def __init__(
        self,
        *,
        max_connections: int | None = BLOCKING,
        timeout: float | None = 20.0,
        **arguments: Any,
    ) -> None:
        hide(arguments)
        self._waiting = WaitingCapacity(max_connections, timeout)
        super().__init__(max_connections=self._waiting.capacity, **arguments)

    @overload
    @classmethod
    def from_url(cls, url: str, **options: Unpack[BlockingConnectionPoolOptions]) -> Self: ...
    @overload
    @classmethod
    def from_url(
        cls, url: str, *, connection_class: type[BaseConnection], **arguments: object
    ) -> Self: ...
    # It accepts all arguments of the overridden method; pyright does not see that for `Unpack`.
    @classmethod
    def from_url(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, url: str, **arguments: Any
    ) -> Self:
        """A pool for the server that *url* names, see `ConnectionPool.from_url`."""
        url = hidden(url)
        hide(arguments)
        return super().from_url(url, **arguments)

    def make_limit(self) -> Limit:
        """An `anyio.CapacityLimiter`."""
        return self._waiting.new_limit(self.observer)
