"""The servers at which channels are subscribed, and the subscribed connections to them.

Law: a placement has at most one subscribed connection for each server.  One that several `PubSub`
share subscribes each channel once; one that belongs to a single `PubSub` stops reading while the
buffer of that is full.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from anyredis.backoff import Retry
from anyredis.client.inbox import ROOM
from anyredis.client.subscribed_connection import SubscribedConnection
from anyredis.exceptions import RedisError
from anyredis.pool.endpoint import Endpoint
from anyredis.wire.subscriptions import (
    Subscriber,
    SubscriptionCall,
    SubscriptionKind,
    SubscriptionRequest,
)


class Placement(ABC):
    """Where channels are subscribed: the base for one server, and for clusters.

    *retry* is that of the client.
    """

    def __init__(self, retry: Retry | None) -> None:
        self.connections: dict[Endpoint, SubscribedConnection] = {}
        """The subscribed connections that are in use."""
        self._retry = retry
        self._level = ROOM

    # -- for subclasses -------------------------------------------------------------------------

    @abstractmethod
    def check(self) -> None:
        """Raise `RuntimeError` or `ConnectionError` unless the pool is open."""

    @abstractmethod
    def endpoint_for(self, kind: SubscriptionKind, name: bytes) -> Endpoint:
        """The server at which to subscribe to *name*, which no connection has yet.

        Raises `RedisError` if there is none.
        """

    async def prepare(self) -> None:  # noqa: B027 - most placements have nothing to wait for
        """Wait until `endpoint_for` can tell; called before each subscribe."""

    def refused(
        self, connection: SubscribedConnection, request: SubscriptionRequest, error: RedisError
    ) -> bool:
        """Whether the server's *error* to *request* is handled, by a move of its channels."""
        del connection, request, error
        return False

    def revoked(
        self, connection: SubscribedConnection, kind: SubscriptionKind, name: bytes
    ) -> None:
        """Handle that the server has unsubscribed *name* by itself; it is lost, and wanted."""
        connection.table.ask_again(kind, [name])

    def unreachable(self, connection: SubscribedConnection, error: RedisError) -> float:
        """Handle that *connection* was lost, or cannot be made, perhaps by a move of its channels.

        The result is the number of seconds, from their beginning on, that calls wait in spite of it.
        """
        del connection, error
        return 0.0

    # -- for PubSub -----------------------------------------------------------------------------

    def subscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> list[tuple[SubscribedConnection, SubscriptionCall]]:
        """Subscribe at each server concerned; `withdraw` undoes it.

        The waiter of each call gets None, or the error, as its result.
        """
        self.check()
        groups: dict[SubscribedConnection, list[bytes]] = {}
        for name in names:
            groups.setdefault(self._connection_for(kind, name), []).append(name)
        return [
            (connection, connection.subscribe(subscriber, kind, some))
            for connection, some in groups.items()
        ]

    def withdraw(self, calls: Iterable[tuple[SubscribedConnection, SubscriptionCall]]) -> None:
        """Undo `subscribe`: its caller gives up, or one of the calls has failed."""
        for _, call in calls:
            for connection in [*self.connections.values()]:  # its channels may have moved
                connection.table.withdraw(call)
                connection.update()

    def unsubscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> list[SubscriptionCall]:
        """Unsubscribe; the waiter of each call gets None once its server has acknowledged that."""
        wanted = [*names]
        calls: list[SubscriptionCall] = []
        for connection in [*self.connections.values()]:
            channels = connection.table.channels[kind]
            if some := [name for name in wanted if name in channels]:
                calls.append(connection.unsubscribe(subscriber, kind, some))
        return calls

    def remove(self, subscriber: Subscriber) -> None:
        """Remove *subscriber* from all channels."""
        for connection in [*self.connections.values()]:
            connection.remove(subscriber)

    @property
    def leaving(self) -> bool:
        """Whether a connection that nobody uses any more has not given its lease back."""
        return any(connection.leaving for connection in self.connections.values())

    async def left(self) -> None:
        """Wait until the connections that nobody uses any more have given their leases back."""
        for connection in [*self.connections.values()]:
            await connection.left()

    def set_level(self, level: int) -> None:
        """The buffer of the only subscriber has room, or is full: see `Inbox`."""
        self._level = level
        for connection in [*self.connections.values()]:
            connection.set_level(level)

    # -- connections ----------------------------------------------------------------------------

    def _connection_for(self, kind: SubscriptionKind, name: bytes) -> SubscribedConnection:
        """The connection that has *name*, or the one that is to have it."""
        for connection in self.connections.values():
            if name in connection.table.channels[kind]:
                return connection
        return self.connection_to(self.endpoint_for(kind, name))

    def connection_to(self, endpoint: Endpoint) -> SubscribedConnection:
        """The subscribed connection to *endpoint*, which connects once it has a channel."""
        connection = self.connections.get(endpoint)
        if connection is None or connection.tasks is not endpoint.scope.tasks:
            connection = SubscribedConnection(
                endpoint,
                self._retry,
                ended=self._connection_ended,
                refused=self.refused,
                revoked=self.revoked,
                unreachable=self.unreachable,
            )
            connection.set_level(self._level)
            self.connections[endpoint] = connection
        return connection

    def _connection_ended(self, connection: SubscribedConnection) -> None:
        if self.connections.get(connection.endpoint) is connection:
            del self.connections[connection.endpoint]

    def move(
        self,
        source: SubscribedConnection,
        target: SubscribedConnection,
        kind: SubscriptionKind,
        names: Iterable[bytes],
        reason: str,
    ) -> None:
        """Move the channels *names* from *source* to *target*, which their subscribers are told."""
        taken = source.table.take(kind, [*names], source.loss(reason))
        target.table.adopt(kind, taken)
        target.update()
        source.update()


class OneServer(Placement):
    """All channels at the server of *endpoint*."""

    def __init__(self, endpoint: Endpoint, retry: Retry | None) -> None:
        super().__init__(retry)
        self._endpoint = endpoint

    def check(self) -> None:
        """Raise `RuntimeError` or `ConnectionError` unless the pool is open."""
        self._endpoint.scope.check()

    def endpoint_for(self, kind: SubscriptionKind, name: bytes) -> Endpoint:
        """The one endpoint."""
        del kind, name
        return self._endpoint
