"""Pools for a cluster: an endpoint to each node, and one limit for all of them or one for each.

Law: a synchronous function replaces or patches the slot map, and with it the endpoints: a new node
gets an endpoint, a node that left takes no more leases, and its leases come back.  Only connecting,
and the task that refreshes the slot map, wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Self, Unpack, overload

from anyio.abc import TaskGroup

from anyredis.address import DEFAULT_PORT, TCPAddress
from anyredis.address_remap import AddressRemap
from anyredis.cluster.nodes.cluster_options import (
    ClusterConnectionPoolOptions,
    check_nodes,
    options_of_url,
)
from anyredis.cluster.nodes.node_connection import ClusterConnection
from anyredis.cluster.nodes.read_balancer import ReadBalancers, ReadFrom
from anyredis.cluster.nodes.seeds import NodeName, seeds_of
from anyredis.cluster.nodes.slot_map import Shard, SlotMap
from anyredis.cluster.nodes.socket_limit import SocketLimit
from anyredis.cluster.nodes.topology import TopologyRefresher
from anyredis.connection.base import ConnectionListener
from anyredis.credentials import hidden, hidden_addresses, hide
from anyredis.excerpt import unmade
from anyredis.observer import Observer
from anyredis.pool.base import BasePool, check_sharing, construct, for_connections
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.limit import UNLIMITED, Limit, StrictLimit, check_capacity
from anyredis.pool.server_connections import ServerConnections
from anyredis.pool.tasks import PoolTasks, TaskStarter
from anyredis.waiter import Waiter, waiter_factory
from anyredis.wire.slots import SLOTS

LEFT = "it left the cluster"

KNOWN = frozenset(ClusterConnectionPoolOptions.__annotations__)


class ClusterConnectionPool(BasePool):
    """Connections to the nodes of a cluster; a lease too many raises `MaxConnectionsError`.

    *host*, *port* and *startup_nodes* are nodes to ask for the others; one that answers is enough.
    A *connection_class* makes the connections instead of `ClusterConnection`, and gets every
    keyword argument that is not the pool's own: type checkers cannot check these.
    *max_connections* bounds the leases, and with them the sockets, of the cluster as a whole or,
    with *max_connections_per_node*, of each node.  The nodes are asked for the slot map on a small
    control connection, which is no lease: it counts neither for that nor for *listeners*.
    With *readonly* commands that only read go to replicas, as *read_from* says;
    *availability_zone* is the client's own, for `ReadFrom.ZONE` (Valkey 9.1).
    The other arguments are those of `ConnectionPool`, *shared_connections* for each node.

    *address_remap* is for nodes behind NAT: a function that gets the `(host, port)` that a node told
    for itself or another one, and returns the `(host, port)` to connect to.  The nodes that are
    given here are not passed to it.

    Raises `DataError` at once for an argument that nothing can work with.
    """

    known: dict[TCPAddress, ClusterEndpoint]
    """An endpoint to each node of the slot map, and to others that were asked."""
    endpoint_by_slot: list[ClusterEndpoint | None]
    """The endpoint to the primary of each slot, for the router's fast path."""
    new_waiter: Callable[[], Waiter]
    """Makes a waiter for the event loop that the pool is open in."""
    _tasks: TaskStarter | None = None
    _turn = 0
    _replicas: frozenset[TCPAddress] = frozenset()
    _primaries: list[ClusterEndpoint] | None = None
    """The primaries of the slot map, kept from the first use on."""

    @overload
    def __init__(self, **options: Unpack[ClusterConnectionPoolOptions]) -> None: ...
    @overload
    def __init__(
        self,
        *,
        host: str | None = ...,
        port: int = ...,
        startup_nodes: Iterable[NodeName] = ...,
        connection_class: type[ClusterConnection],
        max_connections: int | None = ...,
        max_connections_per_node: bool = ...,
        shared_connections: int = ...,
        max_idle_time: float | None = ...,
        max_connection_age: float | None = ...,
        listeners: Iterable[ConnectionListener] = ...,
        task_group: TaskGroup | None = ...,
        observer: Observer | None = ...,
        readonly: bool = ...,
        read_from: ReadFrom = ...,
        availability_zone: str | None = ...,
        address_remap: AddressRemap | None = ...,
        **connection_arguments: object,
    ) -> None: ...
    def __init__(
        self,
        *,
        host: str | None = None,
        port: int = DEFAULT_PORT,
        startup_nodes: Iterable[NodeName] = (),
        connection_class: type[ClusterConnection] = ClusterConnection,
        max_connections: int | None = None,
        max_connections_per_node: bool = False,
        shared_connections: int = 1,
        max_idle_time: float | None = None,
        max_connection_age: float | None = None,
        listeners: Iterable[ConnectionListener] = (),
        task_group: TaskGroup | None = None,
        observer: Observer | None = None,
        readonly: bool = False,
        read_from: ReadFrom = ReadFrom.REPLICAS,
        availability_zone: str | None = None,
        address_remap: AddressRemap | None = None,
        **connection_arguments: Any,
    ) -> None:
        host, startup_nodes = hidden_addresses(host), hidden_addresses(startup_nodes)
        self._connection_class, self._connection_arguments = for_connections(
            connection_class, connection_arguments, KNOWN, base=ClusterConnection
        )
        self.seeds = seeds_of(host, port, startup_nodes)
        self._capacity = check_capacity(max_connections)
        self._per_node = max_connections_per_node
        self._multiplexed_wanted = check_sharing(shared_connections)
        check_nodes(max_connections_per_node, readonly, read_from, availability_zone, address_remap)
        self.readonly, self.read_from, self._zone = readonly, read_from, availability_zone
        self.address_remap = address_remap
        super().__init__(
            self.construct(self.seeds[0]),  # so that a bad argument shows here
            max_idle_time=max_idle_time,
            max_connection_age=max_connection_age,
            listeners=listeners,
            task_group=task_group,
            observer=observer,
        )
        self._limit: Limit = StrictLimit(self._capacity)
        self._socket_limit = self._limit_of_sockets()
        self._forget_nodes()
        self.topology = TopologyRefresher(self)

    def _limit_of_sockets(self) -> SocketLimit | None:
        if self._per_node or self._capacity >= UNLIMITED:
            return None
        return SocketLimit(self._capacity, self._nodes)

    @overload
    @classmethod
    def from_url(cls, url: str, **options: Unpack[ClusterConnectionPoolOptions]) -> Self: ...
    @overload
    @classmethod
    def from_url(
        cls, url: str, *, connection_class: type[ClusterConnection], **arguments: object
    ) -> Self: ...
    @classmethod
    def from_url(cls, url: str, **arguments: Any) -> Self:
        """A pool for the cluster that *url* names; *arguments* go before those of the URL.

        `redis://host:port,host:port` names several nodes to begin with; other schemes and
        parameters are as for `ConnectionPool.from_url`.
        """
        url = hidden(url)
        hide(arguments)
        return cls(**{**options_of_url(url), **arguments})

    def _forget_nodes(self) -> None:
        self.slot_map_watchers: set[Callable[[], None]] = set()
        """Functions that are called after each replacement of the slot map."""
        self.slot_map = SlotMap()
        self.known = {}
        self.endpoint_by_slot = [None] * SLOTS
        self._reads = ReadBalancers(self.read_from, self._zone, self.endpoint_at)
        self._temporary: set[TCPAddress] = set()
        self._leaving: list[ClusterEndpoint] = []

    def construct(self, address: TCPAddress, *, readonly: bool = False) -> ClusterConnection:
        """A new connection to the node at *address*, not yet connected; *readonly* for reads."""
        arguments: dict[str, Any] = {
            **self._connection_arguments,
            "host": address.host,
            "port": address.port,
            "readonly": readonly,
        }
        return construct(self._connection_class, arguments, KNOWN)

    # -- as every pool --------------------------------------------------------------------

    def make_limit(self) -> Limit:
        """A counter."""
        return StrictLimit(self._capacity)

    def opened(self, tasks: PoolTasks) -> None:
        """The pool was entered: all that it runs is started by *tasks*."""
        self._tasks = tasks.connections
        self.new_waiter = waiter_factory()
        self._leaving.clear()
        self._limit = self.limit_for_next_scope(self._limit)
        for endpoint in self.known.values():
            endpoint.limit = (
                self.limit_for_next_scope(endpoint.limit) if self._per_node else self._limit
            )
            endpoint.server.start(tasks.connections)
        self.topology.start(tasks)
        self.start_watchers(tasks)

    def _closing(self, tasks: PoolTasks) -> None:
        self._tasks = None
        self.topology.stop(tasks.reason, tasks.cause)
        super()._closing(tasks)

    def endpoints(self) -> Sequence[ClusterEndpoint]:
        """All nodes, and those that left while something of theirs is still in use."""
        return (*self.known.values(), *self._leaving)

    def __repr__(self) -> str:
        told = super().__repr__()
        if "topology" not in vars(self):
            return unmade(self)
        control = self.topology.control.sockets
        return f"{told[:-1]} control={control}>" if control else told

    def _nodes(self) -> Iterator[ServerConnections]:
        return (endpoint.server for endpoint in self.endpoints())

    def limits(self) -> Collection[Limit]:
        """One for all nodes, or one for each."""
        return (
            [endpoint.limit for endpoint in self.endpoints()] if self._per_node else (self._limit,)
        )

    async def ready(self) -> None:
        """Wait until the slot map is known.

        Raises `ConnectionError`, which names the failure of each node, if no node gives it.
        """
        if self.slot_map.shards:  # of the last time
            self.topology.refresh_soon()
        elif (error := await self.topology.wait_refreshed()) is not None:
            raise error

    # -- endpoints ------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the pool is open."""
        return self._tasks is not None

    @property
    def strict(self) -> bool:
        """Whether one lease too many raises."""
        return isinstance(self._limit, StrictLimit)

    @property
    def unlimited(self) -> bool:
        """Whether it never refuses a lease, and no caller waits for one."""
        return self._capacity >= UNLIMITED and self.strict

    def endpoint_for_slot(self, slot: int, *, reads: bool) -> ClusterEndpoint | None:
        """The endpoint for a command on *slot*, which *reads* only or not; None if none is known."""
        if not (reads and self.readonly):
            return self.endpoint_by_slot[slot]
        balancers = self._reads
        balancer = balancers.by_slot[slot] or balancers.balancer_for(slot, self.slot_map)
        return None if balancer is None else balancer.next()

    def endpoints_for_slots(
        self, slots: Sequence[int], *, reads: bool
    ) -> list[ClusterEndpoint] | None:
        """The same for each of *slots*; None if one of them has no known endpoint."""
        by_slot = self.endpoint_by_slot
        found = [
            endpoint
            for endpoint in (
                [self.endpoint_for_slot(slot, reads=True) for slot in slots]
                if reads
                else [by_slot[slot] for slot in slots]
            )
            if endpoint is not None
        ]
        return found if len(found) == len(slots) else None

    def any_endpoint(self) -> ClusterEndpoint | None:
        """A primary, in turn; an unhealthy one only if there is no other."""
        endpoints = self._primaries or self.primaries()
        for _ in endpoints:
            self._turn += 1
            endpoint = endpoints[self._turn % len(endpoints)]
            if not endpoint.server.is_unhealthy:
                return endpoint
        return endpoints[0] if endpoints else None

    def primaries(self) -> list[ClusterEndpoint]:
        """The nodes that serve slots, in the order of their first slots."""
        self._primaries = [self.endpoint_at(address) for address in self.slot_map.primaries]
        return list(self._primaries)

    def members(self) -> list[ClusterEndpoint]:
        """All nodes of the cluster, each primary followed by its replicas."""
        return [self.endpoint_at(address) for address in self.slot_map.nodes]

    def endpoint_at(self, address: TCPAddress) -> ClusterEndpoint:
        """The endpoint to the node at *address*, known or not."""
        endpoint = self.known.get(address)
        return self._new_endpoint(address) if endpoint is None else endpoint

    def temporary_endpoint(self, address: TCPAddress) -> ClusterEndpoint:
        """The same, for a node that need not be in the slot map: it stays until the next refresh."""
        self._temporary.add(address)
        return self.endpoint_at(address)

    def _new_endpoint(self, address: TCPAddress) -> ClusterEndpoint:
        server = ServerConnections(
            lambda: self.construct(address, readonly=self.readonly and address in self._replicas),
            address=str(address),
            capacity=self._capacity,
            multiplexed_wanted=self._multiplexed_wanted,
            max_idle_time=self._max_idle_time,
            max_connection_age=self._max_connection_age,
            socket_limit=self._socket_limit,
            listeners=self.listeners,
            observer=self.observer,
        )
        limit = self.make_limit() if self._per_node else self._limit
        endpoint = self.known[address] = ClusterEndpoint(server, limit, self.scope, address)
        if self._tasks is not None:
            server.start(self._tasks)
        return endpoint

    # -- latencies ------------------------------------------------------------------------------

    def endpoints_to_measure(self) -> list[ClusterEndpoint]:
        """The nodes whose latency decides about reads and is out of date."""
        return self._reads.to_measure(self.members())

    def record_latencies(self, latencies: dict[TCPAddress, float]) -> None:
        """From now on the nearest node is the one with the least of *latencies*, in seconds."""
        self._reads.record_latencies(latencies)

    def forget_latencies(self) -> None:
        """All nodes are to be measured again; the latencies hold until then."""
        self._reads.expire_latencies()

    # -- the slot map changes ---------------------------------------------------------------------

    def record_move(self, slot: int, to: TCPAddress) -> ClusterEndpoint:
        """Note that the node at *to* serves *slot*, as a node said; gives its endpoint."""
        endpoint = self.temporary_endpoint(to)
        if self.endpoint_by_slot[slot] is not endpoint:
            self.slot_map = self.slot_map.moved(slot, to)
            self.endpoint_by_slot[slot] = endpoint
            self._reads.by_slot[slot] = None
            self._primaries = None
        return endpoint

    def replace_slot_map(self, slot_map: SlotMap) -> None:
        """Use *slot_map* from now on."""
        for address in self.known.keys() - set(slot_map.nodes) - self._temporary:
            self._let_go(address)
        self._temporary.clear()
        became_replicas = slot_map.replicas - self._replicas
        self._replicas = slot_map.replicas
        if self.readonly:  # their connections never said READONLY
            for address in became_replicas & self.known.keys():
                self.known[address].server.replace_connections("it became a replica")
        self.slot_map = slot_map
        self._primaries = None
        endpoints = {shard: self.endpoint_at(shard.primary) for shard in slot_map.shards}
        self._fill(endpoints)
        self._reads.reset()
        for address in slot_map.nodes:
            self.endpoint_at(address)
        self._leaving = [endpoint for endpoint in self._leaving if self._lingers(endpoint)]
        for watcher in tuple(self.slot_map_watchers):
            watcher()

    def _fill(self, endpoints: dict[Shard, ClusterEndpoint]) -> None:
        """Update the list of endpoints by slot in place: the router holds a reference to it."""
        for begin, end, shard in self.slot_map.spans():
            endpoint = None if shard is None else endpoints[shard]
            self.endpoint_by_slot[begin:end] = [endpoint] * (end - begin)

    def _let_go(self, address: TCPAddress) -> None:
        endpoint = self.known.pop(address)
        self._leaving.append(endpoint)  # first: its sockets count as long as they are there
        endpoint.server.drain(LEFT)
        if self._per_node:
            endpoint.limit.lift()

    def _lingers(self, endpoint: ClusterEndpoint) -> bool:
        allocator = endpoint.server.allocator
        return bool(
            allocator.sockets or allocator.leased or (self._per_node and endpoint.limit.acquired)
        )
