"""The nodes of a cluster at which channels are subscribed, and their moves.

Law: a sharded channel is at the primary of its slot, and follows it; all other channels are at one
node, any, and move if that cannot be reached or leaves.  A move is a gap for the channels that move
and for no others.  Decisions are synchronous; one task waits, while channels have no place.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from typing import Final

import anyio

from anyredis.backoff import Backoff, Retry
from anyredis.client.placement import Placement
from anyredis.client.subscribed_connection import SubscribedConnection
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.routing.redirect_policy import (
    PATIENCE,
    marks_unhealthy,
    refusal_deadline,
    suggests_refresh,
)
from anyredis.cluster.routing.redirects import Target, destination
from anyredis.exceptions import ClusterDownError, MovedError, RedisError
from anyredis.pool.endpoint import ClusterEndpoint, Endpoint
from anyredis.wire.slots import SLOTS, slot_of
from anyredis.wire.subscriptions import (
    CHANNEL,
    PATTERN,
    SHARD,
    Subscriber,
    SubscriptionCall,
    SubscriptionKind,
    SubscriptionRequest,
)

AGAIN: Final = Backoff(base=0.05, cap=1.0)
"""Pauses between attempts to find places for channels that have none."""


class ClusterPlacement(Placement):
    """The places of channels in the cluster of *pool*.

    *retry* decides how long a subscription waits for its node.
    """

    def __init__(self, pool: ClusterConnectionPool, retry: Retry | None) -> None:
        super().__init__(None)  # each failure to connect is told at once: there are other nodes
        self._pool = pool
        self._calls_retry = retry
        self._home: ClusterEndpoint | None = None
        """The node of the channels that are not sharded."""
        self._unplaced: set[bytes] = set()
        """Sharded channels that their node has refused."""
        self._redirected: dict[int, float] = {}
        """The time at which each slot was redirected last."""
        self._search_scope: anyio.CancelScope | None = None

    def check(self) -> None:
        """Raise `RuntimeError` or `ConnectionError` unless the pool is open."""
        self._pool.scope.check()

    async def prepare(self) -> None:
        """Wait until the slot map is known; if slots are missing in it, for one refresh."""
        slot_map = self._pool.slot_map
        if slot_map.covered < SLOTS:
            error = await self._pool.topology.wait_refreshed()
            if error is not None and not slot_map.shards:
                raise error

    # -- places ---------------------------------------------------------------------------------

    def endpoint_for(self, kind: SubscriptionKind, name: bytes) -> Endpoint:
        """The primary of a sharded channel's slot; for other channels, the one node.

        Raises `ClusterDownError` if there is none.
        """
        target = Target(slot_of(name)) if kind is SHARD else Target()
        endpoint = self._place(name) if kind is SHARD else self._find_home()
        if endpoint is None:
            raise target.missing()
        return endpoint

    def _place(self, name: bytes) -> ClusterEndpoint | None:
        return self._pool.endpoint_by_slot[slot_of(name)]

    def _find_home(self) -> ClusterEndpoint | None:
        """The node for channels that are not sharded: the same as before while that is well."""
        home = self._home
        if home is None or not _is_well(home):
            connected = [
                endpoint
                for endpoint, connection in self.connections.items()
                if connection.connection is not None and isinstance(endpoint, ClusterEndpoint)
            ]
            home = next(filter(_is_well, connected), None) or self._pool.any_endpoint()
        self._home = home
        return home

    def connection_to(self, endpoint: Endpoint) -> SubscribedConnection:
        """The subscribed connection to *endpoint*; while there is any, slots are followed."""
        self._pool.slot_map_watchers.add(self._slot_map_changed)
        return super().connection_to(endpoint)

    def subscribe(
        self, subscriber: Subscriber, kind: SubscriptionKind, names: Iterable[bytes]
    ) -> list[tuple[SubscribedConnection, SubscriptionCall]]:
        """Subscribe at each node concerned: at all of them, or at none if it raises."""
        try:
            return super().subscribe(subscriber, kind, names)
        except RedisError:
            for connection in [*self.connections.values()]:
                if not connection.running:
                    self._connection_ended(connection)
            raise

    def _connection_ended(self, connection: SubscribedConnection) -> None:
        super()._connection_ended(connection)
        if not self.connections:
            self._pool.slot_map_watchers.discard(self._slot_map_changed)
            self._stop_searching()

    # -- moves ----------------------------------------------------------------------------------

    def _slot_map_changed(self) -> None:
        """Move the channels whose place is another node now."""
        if not self._pool.is_open:
            return
        for connection in [*self.connections.values()]:
            self._follow(connection, [*connection.table.channels[SHARD]])
            if not connection.endpoint.server.open:
                self._leave(connection, f"{connection.endpoint.server.address} left the cluster")

    def _follow(self, connection: SubscribedConnection, names: Collection[bytes]) -> None:
        """Move those of the sharded channels *names* that belong to another node."""
        moves: dict[ClusterEndpoint, list[bytes]] = {}
        for name in names:
            endpoint = self._place(name)
            if endpoint is not None and endpoint is not connection.endpoint:
                moves.setdefault(endpoint, []).append(name)
        for endpoint, moved in moves.items():
            reason = f"the slot has moved to {endpoint.server.address}"
            self.move(connection, self.connection_to(endpoint), SHARD, moved, reason)

    def _leave(self, connection: SubscribedConnection, reason: str) -> None:
        """Move the channels that are not sharded to another node, if one is well."""
        channels = connection.table.channels
        if not channels[CHANNEL] and not channels[PATTERN]:
            return
        others = [
            endpoint
            for endpoint in self._pool.primaries()
            if endpoint is not connection.endpoint and _is_well(endpoint)
        ]
        if not others:
            return
        # At random, so that the subscribers of a lost node are spread over the others.
        self._home = home = random.choice(others)  # noqa: S311 - no secret
        target = self.connection_to(home)
        for kind in (CHANNEL, PATTERN):
            self.move(connection, target, kind, [*channels[kind]], reason)

    # -- what a node says -----------------------------------------------------------------------

    def refused(
        self, connection: SubscribedConnection, request: SubscriptionRequest, error: RedisError
    ) -> bool:
        """True if the channels of *request* move, or are asked for again later."""
        if request.kind is not SHARD or not isinstance(error, (MovedError, ClusterDownError)):
            return False
        self._pool.topology.refresh_soon()
        if isinstance(error, MovedError) and self._redirects(connection, request, error):
            self._follow(connection, request.names)
            return True
        patience = refusal_deadline(self._calls_retry)
        connection.table.fail_calls(error, until=anyio.current_time() - patience)
        self._search(request.names)
        return True

    def _redirects(
        self, connection: SubscribedConnection, request: SubscriptionRequest, error: MovedError
    ) -> bool:
        """Note a redirect; False if it is not to be followed at once.

        Two nodes may redirect to each other for a short time.
        """
        endpoint, now = connection.endpoint, anyio.current_time()
        if not isinstance(endpoint, ClusterEndpoint):
            return False
        try:
            slot, address = destination(error, endpoint.address, self._pool.address_remap)
        except RedisError:  # it names no node that can be reached
            return False
        asked = slot_of(request.names[0])
        before, self._redirected[asked] = self._redirected.get(asked), now
        if slot != asked or address == endpoint.address or (before and now - before < AGAIN.base):
            return False
        self._pool.record_move(slot, address)
        return True

    def revoked(
        self, connection: SubscribedConnection, kind: SubscriptionKind, name: bytes
    ) -> None:
        """The slot of *name* has moved: subscribe at its new node, which this one tells if asked."""
        self._pool.topology.refresh_soon()
        place = self._place(name)
        if kind is SHARD and place is not None and place is not connection.endpoint:
            self._follow(connection, [name])
        else:
            connection.table.ask_again(kind, [name])

    def unreachable(self, connection: SubscribedConnection, error: RedisError) -> float:
        """Move what can be at another node; the seconds that calls wait for the rest."""
        if not self._pool.is_open:
            return 0.0
        if suggests_refresh(error):
            self._pool.topology.refresh_soon()
        if marks_unhealthy(error):
            self._leave(connection, f"{connection.endpoint.server.address} cannot be reached")
            if self._waits_for_node(connection):
                self._search(())
        return self._patience(error)

    def _patience(self, error: RedisError) -> float:
        retry = self._calls_retry
        if retry is None or not retry.allows(error, only_reads=True):
            return 0.0
        return PATIENCE if retry.deadline is None else retry.deadline

    # -- channels without a place ---------------------------------------------------------------

    def _search(self, names: Collection[bytes]) -> None:
        """Look for the node of *names*, and of all sharded channels whose node is lost."""
        self._unplaced.update(names)
        if self._search_scope is None:
            scope = anyio.CancelScope()
            self._pool.scope.start_soon(self._search_on, scope)
            self._search_scope = scope

    async def _search_on(self, scope: anyio.CancelScope) -> None:
        """Look again and again, until each channel has a place; the slot map is kept fresh for it."""
        attempts = 0
        try:
            with scope:
                while self._unplaced or any(map(self._waits_for_node, self.connections.values())):
                    attempts += 1
                    self._pool.topology.refresh_soon()
                    await anyio.sleep(AGAIN.delay(attempts))
                    self._place_again()
        finally:
            if self._search_scope is scope:
                self._search_scope = None

    def _stop_searching(self) -> None:
        scope, self._search_scope = self._search_scope, None
        self._unplaced.clear()
        if scope is not None:
            scope.cancel()

    def _waits_for_node(self, connection: SubscribedConnection) -> bool:
        """Whether *connection* is lost, and has channels for which no other node will do."""
        return connection.connection is None and bool(connection.table.channels[SHARD])

    def _place_again(self) -> None:
        """Ask the node of each channel that has no place; those without a node stay."""
        names, self._unplaced = self._unplaced, set()
        for connection in [*self.connections.values()]:
            channels = connection.table.channels[SHARD]
            mine = [
                name
                for name in names
                if name in channels
                and not channels[name].confirmed
                and channels[name].asked is None
            ]
            self._follow(connection, mine)
            connection.table.ask_again(SHARD, mine)


def _is_well(endpoint: ClusterEndpoint) -> bool:
    return endpoint.server.open and not endpoint.server.is_unhealthy
