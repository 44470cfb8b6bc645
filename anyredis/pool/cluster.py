"""Pools for a cluster: a gate to each node, and one limit for all of them or one for each.

Law: the layout is replaced whole or patched in a synchronous function, and with it the gates: a
node that is new gets one, a node that left takes no more leases, and those that it has come back.
Nothing here waits but for connections, and for the task that asks the nodes for the layout.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Self

from anyio.abc import TaskGroup

from anyredis.address import DEFAULT_PORT, TCPAddress
from anyredis.connection.cluster import ClusterConnection
from anyredis.connection.options import check_flags, check_seconds
from anyredis.connection.tls import take_context
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.pool.base import BasePool, check_sharing
from anyredis.pool.gate import ClusterGate
from anyredis.pool.layout import Layout, Shard
from anyredis.pool.limit import Limit, StrictLimit, WaitingLimit, check_capacity
from anyredis.pool.node import Node
from anyredis.pool.reading import Reader, ReadFrom, Spread
from anyredis.pool.seeds import NodeName, options_of_url, seeds_of
from anyredis.pool.single import UNLIMITED
from anyredis.pool.sockets import Sockets
from anyredis.pool.topology import Topology
from anyredis.wire.slots import SLOTS

LEFT = "it left the cluster"


class ClusterConnectionPool(BasePool):
    """Connections to the nodes of a cluster; a lease too many raises `MaxConnectionsError`.

    *host*, *port* and *startup_nodes* are nodes to ask for the others; one that answers is enough.
    *connection_class* makes the connections, and gets every keyword argument that is not the
    pool's own.  *max_connections* bounds the leases, and with them the sockets, of the cluster as
    a whole or, with *max_connections_per_node*, of each node.  *shared_connections* for each node
    carry ordinary commands for all; 0 gives each command a connection of its own while it runs.
    *max_idle_time*: seconds after which an unused connection is closed.

    With *readonly* what only reads goes to replicas, as *read_from* says; *availability_zone* is
    the client's own, for `ReadFrom.ZONE` (Valkey 9.1 tells those of its nodes).

    Raises `DataError` at once for an argument that nothing can work with.
    """

    known: dict[TCPAddress, ClusterGate]
    """A gate to each node of the layout, and to others that were asked."""
    serving: list[ClusterGate | None]
    """The gate to the primary of each slot, for the router's fast path."""
    _tasks: TaskGroup | None = None
    _turn = 0
    _replicas: frozenset[TCPAddress] = frozenset()
    _primaries: list[ClusterGate] | None = None
    """Those of the layout, once somebody asked for them."""

    def __init__(
        self,
        *,
        host: str | None = None,
        port: int = DEFAULT_PORT,
        startup_nodes: Iterable[NodeName] = (),
        connection_class: type[ClusterConnection] = ClusterConnection,
        max_connections: int = UNLIMITED,
        max_connections_per_node: bool = False,
        shared_connections: int = 1,
        max_idle_time: float | None = None,
        readonly: bool = False,
        read_from: ReadFrom = ReadFrom.REPLICAS,
        availability_zone: str | None = None,
        **connection_arguments: Any,
    ) -> None:
        self.seeds = seeds_of(host, port, startup_nodes)
        self._connection_class = _checked_class(connection_class)
        self._connection_arguments = _with_one_context(connection_arguments)
        self._capacity = check_capacity(max_connections)
        self._per_node = max_connections_per_node
        self._shared_wanted = check_sharing(shared_connections)
        self._max_idle_time = max_idle_time
        check_flags(max_connections_per_node=max_connections_per_node, readonly=readonly)
        _check_reading(readonly, read_from, availability_zone)
        self.readonly = readonly
        self.read_from = read_from
        self._zone = availability_zone
        example = self._construct(self.seeds[0])  # so that a bad argument shows here
        self._read_like(example)
        super().__init__(stream_timeout=example.stream_timeout, max_idle_time=max_idle_time)
        self._limit: Limit = StrictLimit(self._capacity)
        bounded = not self._per_node and self._capacity < UNLIMITED
        self._sockets = Sockets(self._capacity, self._nodes) if bounded else None
        self.layout = Layout()
        self.known = {}
        self.serving = [None] * SLOTS
        self._spreads: dict[Shard, Spread] = {}
        self._reading: list[Spread | None] = [None] * SLOTS  # a shard is slow to hash
        self._visited: set[TCPAddress] = set()
        self._leaving: list[ClusterGate] = []
        self._latencies: dict[TCPAddress, float] = {}
        self._measured: set[TCPAddress] = set()  # whose latency is not out of date
        self.topology = Topology(self)

    @classmethod
    def from_url(cls, url: str, **arguments: Any) -> Self:
        """A pool for the cluster that *url* names; *arguments* go before those of the URL.

        `redis://host:port,host:port` names several nodes to begin with; other schemes and
        parameters are as for `ConnectionPool.from_url`.
        """
        return cls(**{**options_of_url(url), **arguments})

    def _read_like(self, example: ClusterConnection) -> None:
        self.decode_responses = example.decode_responses
        self.encoding = example.encoding
        self.encoder = example.encoder
        self.decodes = example.decodes

    def _construct(self, address: TCPAddress) -> ClusterConnection:
        try:
            return self._connection_class(
                host=address.host,
                port=address.port,
                readonly=self.readonly and address in self._replicas,
                **self._connection_arguments,
            )
        except TypeError as error:
            if isinstance(error, DataTypeError):
                raise
            raise DataTypeError(f"{self._connection_class.__name__}: {error}") from error

    # -- what every pool has --------------------------------------------------------------------

    def make_limit(self) -> Limit:
        """A counter."""
        return StrictLimit(self._capacity)

    def opened(self, tasks: TaskGroup) -> None:
        """The pool was entered: its connections are children of *tasks*."""
        self._tasks = tasks
        self._leaving.clear()
        self._limit = self.renewed(self._limit)
        for gate in self.known.values():
            gate.limit = self.renewed(gate.limit) if self._per_node else self._limit
            gate.node.start(tasks)
        self.topology.start(tasks)

    def _closing(self) -> None:
        self._tasks = None
        self.topology.stop()
        super()._closing()

    def gates(self) -> Sequence[ClusterGate]:
        """All nodes, and those that left while something of theirs is still in use."""
        return (*self.known.values(), *self._leaving)

    def _nodes(self) -> Iterator[Node]:
        return (gate.node for gate in self.gates())

    def limits(self) -> Collection[Limit]:
        """One for all nodes, or one for each."""
        return [gate.limit for gate in self.gates()] if self._per_node else (self._limit,)

    async def ready(self) -> None:
        """Know the layout; raises `ConnectionError` that tells of each node, where none told it."""
        if self.layout.shards:  # of the last time
            self.topology.refresh_soon()
        elif (error := await self.topology.refreshed()) is not None:
            raise error

    # -- who serves what ------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether somebody has entered it, and it is not being left."""
        return self._tasks is not None

    @property
    def strict(self) -> bool:
        """Whether one lease too many raises."""
        return isinstance(self._limit, StrictLimit)

    def gate_of(self, slot: int, *, reads: bool) -> ClusterGate | None:
        """Where to send a command for *slot* that only *reads*, or not; None: nobody is known."""
        if not (reads and self.readonly):
            return self.serving[slot]
        spread = self._reading[slot]
        if spread is None:
            shard = self.layout.by_slot[slot]
            if shard is None:
                return None
            spread = self._reading[slot] = self._spread(shard)
        return spread.next()

    def any_gate(self) -> ClusterGate | None:
        """Some primary, in turn, but none that failed just now if another is there."""
        gates = self._primaries or self.primaries()
        for _ in gates:
            self._turn += 1
            gate = gates[self._turn % len(gates)]
            if not gate.node.resting:
                return gate
        return gates[0] if gates else None

    def primaries(self) -> list[ClusterGate]:
        """The nodes that serve slots, in the order of their first slots."""
        # In the middle of a failover a node can be in two shards.
        found = dict.fromkeys(shard.primary for shard in self.layout.shards)
        self._primaries = [self.gate_to(address) for address in found]
        return list(self._primaries)

    def members(self) -> list[ClusterGate]:
        """All nodes of the cluster, each primary followed by its replicas."""
        found = dict.fromkeys(each for shard in self.layout.shards for each in shard.nodes)
        return [self.gate_to(address) for address in found]

    def gate_to(self, address: TCPAddress) -> ClusterGate:
        """The gate to the node at *address*, known or not."""
        gate = self.known.get(address)
        return self._new_gate(address) if gate is None else gate

    def visit(self, address: TCPAddress) -> ClusterGate:
        """The same, for a node that the layout need not know: it stays while it is visited."""
        self._visited.add(address)
        return self.gate_to(address)

    def _new_gate(self, address: TCPAddress) -> ClusterGate:
        node = Node(
            lambda: self._construct(address),
            address=str(address),
            capacity=self._capacity,
            shared_wanted=self._shared_wanted,
            max_idle_time=self._max_idle_time,
            sockets=self._sockets,
        )
        limit = self.make_limit() if self._per_node else self._limit
        gate = self.known[address] = ClusterGate(node, limit, self.require_open, address)
        if self._tasks is not None:
            node.start(self._tasks)
        return gate

    def _spread(self, shard: Shard) -> Spread:
        spread = self._spreads.get(shard)
        if spread is None:
            readers = [
                Reader(
                    self.gate_to(address),
                    is_replica=at > 0,
                    zone=self.layout.zones.get(address, ""),
                    latency=self._latencies.get(address),
                )
                for at, address in enumerate(shard.nodes)
            ]
            spread = self._spreads[shard] = Spread(self.read_from, self._zone, readers)
        return spread

    def _forget_spreads(self) -> None:
        self._spreads.clear()
        self._reading[:] = [None] * SLOTS

    # -- how far it is --------------------------------------------------------------------------

    def unmeasured(self) -> list[ClusterGate]:
        """The nodes whose latency matters and is not known."""
        if self.read_from is not ReadFrom.NEAREST:
            return []
        return [gate for gate in self.members() if gate.where not in self._measured]

    def measured(self, latencies: dict[TCPAddress, float]) -> None:
        """From now on nearest is who has the least of *latencies*, in seconds."""
        self._latencies.update(latencies)
        self._measured.update(latencies)
        self._forget_spreads()

    def forget_latencies(self) -> None:
        """Have all measured again; what is known holds until then."""
        self._measured.clear()

    # -- the layout changes ---------------------------------------------------------------------

    def moved(self, slot: int, to: TCPAddress) -> ClusterGate:
        """Some node said that the node at *to* serves *slot*; gives its gate."""
        gate = self.visit(to)
        if self.serving[slot] is not gate:
            self.layout = self.layout.moved(slot, to)
            self.serving[slot] = gate
            self._reading[slot] = None
            self._primaries = None
        return gate

    def adopt(self, layout: Layout) -> None:
        """From now on *layout* holds."""
        members = {address for shard in layout.shards for address in shard.nodes}
        for address in self.known.keys() - members - self._visited:
            self._let_go(address)
        self._visited.clear()
        replicas = frozenset(address for shard in layout.shards for address in shard.replicas)
        became_replicas, self._replicas = replicas - self._replicas, replicas
        if self.readonly:  # their connections never said READONLY
            for address in became_replicas & self.known.keys():
                self.known[address].node.renew("it became a replica")
        self.layout = layout
        self._primaries = None
        gates = {shard: self.gate_to(shard.primary) for shard in layout.shards}
        self._fill(gates)
        self._forget_spreads()
        for shard in layout.shards:
            for address in shard.replicas:
                self.gate_to(address)
        self._leaving = [gate for gate in self._leaving if self._lingers(gate)]

    def _fill(self, gates: dict[Shard, ClusterGate]) -> None:
        """Tell the router who serves what: in place, for it keeps the list."""
        ranges = [*self.layout.ranges, (SLOTS, None)]
        for (begin, shard), (end, _) in itertools.pairwise(ranges):
            gate = None if shard is None else gates[shard]
            self.serving[begin:end] = [gate] * (end - begin)

    def _let_go(self, address: TCPAddress) -> None:
        gate = self.known.pop(address)
        self._leaving.append(gate)  # first: its sockets count as long as they are there
        gate.node.retire(LEFT)
        if self._per_node:
            gate.limit.dissolve()

    def _lingers(self, gate: ClusterGate) -> bool:
        roster = gate.node.roster
        return bool(roster.sockets or roster.leased or (self._per_node and gate.limit.taken))


class BlockingClusterConnectionPool(ClusterConnectionPool):
    """Connections to the nodes of a cluster; a lease too many waits, up to *timeout* seconds.

    The other arguments are those of `ClusterConnectionPool`, with *max_connections* 50 by default.
    After *timeout* seconds `PoolTimeoutError` is raised; None waits for ever.
    """

    def __init__(
        self,
        *,
        max_connections: int = 50,
        timeout: float | None = 20.0,
        **arguments: Any,
    ) -> None:
        if timeout is not None:
            check_seconds("timeout", timeout)
        self._timeout = timeout
        super().__init__(max_connections=max_connections, **arguments)

    @property
    def strict(self) -> bool:
        """False: one lease too many waits."""
        return False

    def make_limit(self) -> Limit:
        """An `anyio.CapacityLimiter`."""
        return WaitingLimit(self._capacity, self._timeout)


def _checked_class(given: object) -> type[ClusterConnection]:
    if isinstance(given, type) and issubclass(given, ClusterConnection):
        return given
    raise DataTypeError(
        f"connection_class has to be a subclass of ClusterConnection, not {given!r}"
    )


def _with_one_context(arguments: dict[str, Any]) -> dict[str, Any]:
    """*arguments* with the SSL context that they ask for: making one reads files."""
    context = take_context(arguments)
    return arguments if context is None else {**arguments, "ssl_context": context}


def _check_reading(readonly: bool, read_from: object, zone: object) -> None:
    if not isinstance(read_from, ReadFrom):
        raise DataTypeError(f"read_from has to be an anyredis.ReadFrom, not {read_from!r:.80}")
    if read_from is not ReadFrom.REPLICAS and not readonly:
        raise DataValueError("read_from is about reading from replicas: give readonly=True too")
    if (read_from is ReadFrom.ZONE) is not isinstance(zone, str):
        raise DataValueError(
            "ReadFrom.ZONE and availability_zone, the client's own, go together: give both"
        )
