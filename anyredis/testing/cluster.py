"""A cluster of fake servers, in memory: slots, redirects, migrations and failovers on request.

    cluster = FakeCluster(primaries=3, replicas=1)
    connection = FakeClusterConnection(cluster=cluster, host="fake", port=7000)
    cluster.move(cluster.slot_of("k"), cluster.nodes[2])    # the next GET k gets MOVED
    cluster.fail(cluster.nodes[0])                          # connections break, dials are refused

Law: nothing here runs by itself; a test changes the cluster, and every node sees the change at
once.
"""

from __future__ import annotations

import errno
import os
from typing import Any, Literal, Unpack, overload

import anyio.lowlevel
from anyio.abc import ByteStream

from anyredis.address import DEFAULT_PORT
from anyredis.backoff import Retry
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.nodes.node_connection import ClusterConnection
from anyredis.cluster.redis_cluster import RedisCluster
from anyredis.connection.options import TCPOptions
from anyredis.testing.clock import VirtualClock
from anyredis.testing.fake_scripts import PythonFunction
from anyredis.testing.nodes import FakeNode, FakeTopology
from anyredis.testing.resp import Answer
from anyredis.wire.slots import SLOTS, slot_of

RETRY = Retry()


class FakeCluster:
    """A cluster in memory: *primaries* that share the slots evenly, with *replicas* each.

    Their addresses are (*host*, *first_port*) and the ports that follow.  Replicas have the data of
    their primaries at once.  Keys expire by *clock*; None: by the real time.  It works on every
    event loop, and needs no closing.
    """

    def __init__(
        self,
        primaries: int = 3,
        replicas: int = 0,
        *,
        host: str = "fake",
        first_port: int = 7000,
        clock: VirtualClock | None = None,
    ) -> None:
        if primaries < 1 or replicas < 0:
            raise ValueError("a cluster has at least one primary, and no negative replicas")
        self._topology = FakeTopology(clock)
        self._host = host
        self._next_port = first_port
        first = [self.add_node() for _ in range(primaries)]
        for _ in range(replicas):
            for primary in first:
                self.add_node(replica_of=primary)
        for number, primary in enumerate(first):
            begin, end = (round(n * SLOTS / primaries) for n in (number, number + 1))
            self.move(range(begin, end), primary)

    def __repr__(self) -> str:
        primaries = sum(node.primary is None for node in self.nodes)
        replicas = len(self.nodes) - primaries
        return f"<{type(self).__name__} {primaries} primaries, {replicas} replicas>"

    # -- nodes and slots, as they are ------------------------------------------------------------

    @property
    def nodes(self) -> list[FakeNode]:
        """All nodes, primaries first; those that are added later come last."""
        return self._topology.nodes

    def node_of(self, key_or_slot: str | bytes | int) -> FakeNode:
        """The primary that serves a key or, for an int, a slot; raises `LookupError` for none."""
        slot = key_or_slot if isinstance(key_or_slot, int) else self.slot_of(key_or_slot)
        owner = self._topology.owners[slot]
        if owner is None:
            raise LookupError(f"no node of the fake cluster serves slot {slot}")
        return owner

    def slot_of(self, key: str | bytes) -> int:
        """The hash slot of *key*."""
        return slot_of(key.encode() if isinstance(key, str) else key)

    def slots_of(self, node: FakeNode) -> list[int]:
        """The slots that *node* serves; a replica serves none of its own."""
        return self._topology.slots_of(node)

    def slots(self) -> list[Answer]:
        """What the nodes answer to CLUSTER SLOTS now: keep it, and a node `sees` the past."""
        return self._topology.describe()

    # -- slots ----------------------------------------------------------------------------------

    def move(self, slots: int | range, to: FakeNode, *, keys: bool = True) -> None:
        """Give *slots* to *to* at once, with their keys; otherwise the keys stay behind unseen.

        Clients that are subscribed to sharded channels in *slots* are unsubscribed, and told.

        Raises `ValueError` if *to* is a replica.
        """
        self._require_primary(to)
        leaving: dict[FakeNode, set[int]] = {}
        for slot in _each(slots):
            for source in (self._topology.owners[slot], self._topology.moving.pop(slot, None)):
                if source is not None and source is not to:
                    leaving.setdefault(source, set()).add(slot)
            self._topology.owners[slot] = to
        for source, moved in leaving.items():
            self._topology.drop_channels(source, moved)
        for source, moved in leaving.items() if keys else ():
            for key in [key for key in source.database if slot_of(key) in moved]:
                source.database.move(key, to.database)

    def unassign(self, slots: int | range) -> None:
        """Take *slots* from their owners: no node serves them then, and their keys stay unseen."""
        for slot in _each(slots):
            owner, self._topology.owners[slot] = self._topology.owners[slot], None
            self._topology.moving.pop(slot, None)
            if owner is not None:
                self._topology.drop_channels(owner, (slot,))

    def start_migration(self, slot: int, to: FakeNode) -> None:
        """Begin to move *slot*: its owner is MIGRATING it, *to* IMPORTING; its keys stay for now.

        Raises `ValueError` if *to* is a replica or serves it, `LookupError` if no node serves it.
        """
        self._require_primary(to)
        if self.node_of(slot) is to:
            raise ValueError(f"{to!r} serves slot {slot} already")
        self._topology.moving[slot] = to

    def migrate_key(self, key: str | bytes) -> None:
        """Move *key* to the node that imports its slot.

        Raises `LookupError` if its slot does not move, or its owner does not have it.
        """
        name = key.encode() if isinstance(key, str) else key
        slot = slot_of(name)
        importer, owner = self._importer(slot), self.node_of(slot)
        if name not in owner.database:
            raise LookupError(f"{owner!r} has no key {key!r}")
        owner.database.move(name, importer.database)

    def finish_migration(self, slot: int) -> None:
        """Move the keys of *slot* that are left, and let the node that imports it serve it.

        Raises `LookupError` if it does not move.
        """
        self.move(slot, self._importer(slot))

    def _importer(self, slot: int) -> FakeNode:
        if slot not in self._topology.moving:
            raise LookupError(f"slot {slot} is not migrating: start_migration() comes first")
        return self._topology.moving[slot]

    def _require_primary(self, node: FakeNode) -> None:
        if node.primary is not None or node not in self.nodes:
            raise ValueError(f"{node!r} is no primary of this cluster, and cannot serve slots")

    # -- nodes ----------------------------------------------------------------------------------

    def add_node(self, *, replica_of: FakeNode | None = None) -> FakeNode:
        """A new node: a replica, or a primary without slots, which CLUSTER SLOTS leaves out."""
        if replica_of is not None:
            self._require_primary(replica_of)
        node = FakeNode(self._host, self._next_port, self._topology, replica_of)
        self._next_port += 1
        self.nodes.append(node)
        return node

    def remove_node(self, node: FakeNode) -> None:
        """Take *node* away: its connections break, and new ones are refused.

        Raises `ValueError` if it has slots, imports one, or has replicas.
        """
        topology = self._topology
        if node in topology.owners or node in topology.moving.values():
            raise ValueError(f"{node!r} has slots: move them first")
        if topology.replicas_of(node):
            raise ValueError(f"{node!r} has replicas: remove or promote them first")
        self.nodes.remove(node)
        self.fail(node)

    def promote(self, replica: FakeNode) -> None:
        """A failover: *replica* gets the slots of its primary, which then replicates it.

        From now on a primary that is down counts as failed: CLUSTER SLOTS leaves it out until
        `revive`.  Raises `ValueError` if *replica* is a primary.
        """
        topology, old = self._topology, replica.primary
        if old is None:
            raise ValueError(f"{replica!r} is a primary already")
        old.failed = old.server.down
        topology.drop_channels(old, frozenset(topology.slots_of(old)))
        for node in (old, *topology.replicas_of(old)):
            node.primary = replica
        replica.primary = None
        topology.owners[:] = [replica if owner is old else owner for owner in topology.owners]
        topology.moving = {s: replica if to is old else to for s, to in topology.moving.items()}

    def fail(self, node: FakeNode) -> None:
        """Let *node* crash: its connections break, and new ones are refused; it keeps its data."""
        node.server.down = True
        node.server.reset()

    def revive(self, node: FakeNode) -> None:
        """Let *node* take connections again, in its present role."""
        node.server.down = node.failed = False

    def announce(self, node: FakeNode, host: str | None) -> None:
        """Have *node*'s host written as *host* in CLUSTER SLOTS and in redirects to it.

        A name or an IP address; "" for an unknown host, None for null: both mean the host that the
        client is connected to.  Connections find the node by each host that it ever announced.
        """
        node.announced = host
        if host:
            node.names.add(host)

    # -- clients of it --------------------------------------------------------------------------

    def pool(
        self, *, pool_class: type[ClusterConnectionPool] = ClusterConnectionPool, **arguments: Any
    ) -> ClusterConnectionPool:
        """A pool for it, with its first node as seed; *arguments* are those of the pool."""
        arguments.setdefault("startup_nodes", [self.nodes[0].address])
        return pool_class(connection_class=FakeClusterConnection, cluster=self, **arguments)

    @overload
    def client(
        self, *, decode_responses: Literal[True], retry: Retry | None = ..., **arguments: Any
    ) -> RedisCluster[str]: ...
    @overload
    def client(
        self, *, decode_responses: Literal[False] = ..., retry: Retry | None = ..., **arguments: Any
    ) -> RedisCluster[bytes]: ...
    def client(
        self, *, decode_responses: bool = False, retry: Retry | None = RETRY, **arguments: Any
    ) -> RedisCluster[Any]:
        """A client of it; *arguments* are those of `pool`."""
        pool = self.pool(decode_responses=decode_responses, **arguments)
        client: RedisCluster[Any] = RedisCluster(
            connection_pool=pool, decode_responses=decode_responses, retry=retry
        )
        return client

    # -- scripts --------------------------------------------------------------------------------

    def script(self, lua: str | bytes, function: PythonFunction) -> None:
        """Run *function* for the Lua script with the text *lua*, on each node that has it."""
        self._topology.python.script(lua, function)

    def function(self, name: str, function: PythonFunction) -> None:
        """Run *function* for FCALL of *name*, on each node that has a library with it."""
        self._topology.python.function(name, function)

    # -- for connections ------------------------------------------------------------------------

    def find(self, host: str, port: int) -> FakeNode | None:
        """The node at that address; None if there is none.

        If a node announces no host, the host
        of any other node finds it too.
        """
        for node in self.nodes:
            nameless = not node.announced and any(host in other.names for other in self.nodes)
            if node.port == port and (host in node.names or nameless):
                return node
        return None

    async def connect(self, host: str, port: int) -> ByteStream:
        """A new stream to a node; raises `ConnectionRefusedError` where none is there or up."""
        node = self.find(host, port)
        if node is not None:
            return await node.server.connect()
        await anyio.lowlevel.checkpoint()
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


class FakeClusterConnection(ClusterConnection):
    """A connection to the node of *cluster* at *host* and *port*.

    The other arguments are those of `ClusterConnection`; those for TLS are checked, but not used.
    """

    def __init__(
        self,
        *,
        cluster: FakeCluster,
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        readonly: bool = False,
        **options: Unpack[TCPOptions],
    ) -> None:
        super().__init__(host=host, port=port, readonly=readonly, **options)
        self._cluster = cluster

    async def open_stream(self) -> ByteStream:
        """An in-memory stream to the node."""
        return await self._cluster.connect(self._tcp_address.host, self._tcp_address.port)


def _each(slots: int | range) -> range:
    return range(slots, slots + 1) if isinstance(slots, int) else slots
