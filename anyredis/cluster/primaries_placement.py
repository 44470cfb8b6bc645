"""Channels that are subscribed at every primary of a cluster, for the events of their keys.

Law: each primary of the slot map has one subscription; a node that becomes one gets it, and one
that is none any more loses it.  A primary that comes later is a gap, and so is a connection that is
lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from anyredis.backoff import Retry
from anyredis.client.subscribed_connection import SubscribedConnection
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.redirects import Target
from anyredis.cluster.subscription_placement import ClusterPlacement
from anyredis.pool.endpoint import Endpoint
from anyredis.wire.subscriptions import (
    Channel,
    Loss,
    Subscriber,
    SubscriptionCall,
    SubscriptionKind,
)


class AtOneNode:
    """The `Subscriber` at one of several nodes: *subscriber* keeps its channels if this one ends."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.items = subscriber.items
        self.put_run = subscriber.put_run
        self.settle = subscriber.settle
        self.subscribed_to = subscriber.subscribed_to
        self.missed = subscriber.missed
        self.fail = subscriber.fail

    def unsubscribed_from(self, kind: SubscriptionKind, name: bytes, /) -> None:
        """Tell nobody: the other nodes have it still."""


class PrimariesPlacement(ClusterPlacement):
    """The places of the channels of one `PubSub`: all primaries in the cluster of *pool*."""

    def __init__(self, pool: ClusterConnectionPool, retry: Retry | None) -> None:
        super().__init__(pool, retry)
        self._subscriber: Subscriber | None = None
        self._names: dict[SubscriptionKind, list[bytes]] = {}
        self._looked_at = time.time()
        """The time at which the slot map was last known to have no other primary."""

    def subscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> list[tuple[SubscribedConnection, SubscriptionCall]]:
        """Subscribe at all primaries; raises `ClusterDownError` if there is none."""
        self.check()
        names = [*names]
        primaries = self._pool.primaries()
        if not primaries:
            raise Target().missing()
        self._subscriber = subscriber
        self._names.setdefault(kind, []).extend(names)
        self._looked_at = time.time()
        connections = [self.connection_to(endpoint) for endpoint in primaries]
        return [
            (each, each.subscribe(self._at_one_node(each), kind, names)) for each in connections
        ]

    def remove(self, subscriber: Subscriber) -> None:
        """Remove *subscriber*, the only one, from all nodes."""
        del subscriber
        self._subscriber = None
        self._names.clear()
        for connection in [*self.connections.values()]:
            self._drop(connection)

    def _at_one_node(self, connection: SubscribedConnection) -> Subscriber:
        """The subscriber as *connection* has it."""
        found = _subscribers(connection)
        if found:
            return found[0]
        assert self._subscriber is not None  # noqa: S101 - `subscribe` sets it first
        return AtOneNode(self._subscriber)

    # -- the slot map changes -------------------------------------------------------------------

    def _slot_map_changed(self) -> None:
        """Subscribe at new primaries, and leave the nodes that are none any more."""
        if not self._pool.is_open or self._subscriber is None:
            return
        primaries = self._pool.primaries()
        if not primaries:
            return
        for connection in [*self.connections.values()]:
            if connection.endpoint not in primaries:
                self._tell_of_loss(connection, self._subscriber)
                self._drop(connection)
        for endpoint in primaries:
            if endpoint not in self.connections:
                self._add(endpoint, self._subscriber)
        self._looked_at = time.time()

    def _add(self, endpoint: Endpoint, subscriber: Subscriber) -> None:
        """Subscribe at a new primary: its keys may have had events before it is subscribed."""
        connection = self.connection_to(endpoint)
        mine = AtOneNode(subscriber)
        loss = Loss(self._looked_at, f"{endpoint.server.address} has become a primary")
        for kind, names in self._names.items():
            channels = {name: _lost_channel(mine, loss) for name in names}
            connection.table.adopt(kind, channels)
        connection.update()

    def _tell_of_loss(self, connection: SubscribedConnection, subscriber: Subscriber) -> None:
        """A primary was lost, and is none any more: what it sent meanwhile is missed for good."""
        for kind, channels in connection.table.channels.items():
            losses = {name: each.loss for name, each in channels.items() if each.loss is not None}
            for loss in dict.fromkeys(losses.values()):
                subscriber.missed(loss, kind, [name for name in losses if losses[name] == loss])

    def _drop(self, connection: SubscribedConnection) -> None:
        for subscriber in _subscribers(connection):
            connection.remove(subscriber)

    # -- failures -------------------------------------------------------------------------------

    def _leave(self, connection: SubscribedConnection, reason: str) -> None:
        """Stay: each primary tells of its own keys only."""

    def _waits_for_node(self, connection: SubscribedConnection) -> bool:
        return connection.connection is None and connection.table.wanted


def _lost_channel(subscriber: Subscriber, loss: Loss) -> Channel:
    channel = Channel()
    channel.subscribers = channel.lost_by = (subscriber,)
    channel.loss = loss
    return channel


def _subscribers(connection: SubscribedConnection) -> list[Subscriber]:
    """The subscribers of *connection*: there is one, or none."""
    found = {
        id(subscriber): subscriber
        for channels in connection.table.channels.values()
        for channel in channels.values()
        for subscriber in channel.subscribers
    }
    return [*found.values()]
