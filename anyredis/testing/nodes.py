"""One node of a fake cluster: it runs commands on its own slots, and redirects all others.

Law: all nodes share one `FakeTopology`, so each change is known to all at once; `FakeNode.sees`
gives a node another view.  If servers differ, nodes answer as Redis 8.2 does.  Valkey 9 queues a
command on a missing key of a moving slot in a transaction, and answers ASK or TRYAGAIN to its EXEC;
its replicas answer ASK, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from anyredis.address import TCPAddress
from anyredis.exceptions import DataError, RedisError, from_server
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import full_name
from anyredis.testing.client_state import ClientState
from anyredis.testing.clock import VirtualClock
from anyredis.testing.data import Database, Words
from anyredis.testing.fake_pubsub import FakePubSub
from anyredis.testing.fake_scripts import PythonFunctions
from anyredis.testing.known_command import unknown_subcommand
from anyredis.testing.memory import Memory
from anyredis.testing.resp import Answer
from anyredis.testing.server import FakeServer
from anyredis.wire.slots import SLOTS, slot_of

CHANNELS = frozenset({b"SPUBLISH", b"SSUBSCRIBE", b"SUNSUBSCRIBE"})
"""Commands whose keys are sharded channels."""
WRITES_WITHOUT_KEYS = frozenset(
    {b"FLUSHALL", b"FLUSHDB", b"FUNCTION DELETE", b"FUNCTION FLUSH", b"FUNCTION LOAD"}
)


class FakeTopology:
    """The nodes of the cluster, the owner of each slot, the slots that migrate, and the clock."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock
        self.nodes: list[FakeNode] = []
        self.owners: list[FakeNode | None] = [None] * SLOTS
        """The primary that serves each slot; None if no node does."""
        self.moving: dict[int, FakeNode] = {}
        """The primary that imports a slot, which its owner migrates."""
        self.python = PythonFunctions()
        """The Python functions that stand for scripts and functions, on all nodes."""

    def slots_of(self, node: FakeNode) -> list[int]:
        """The slots that *node* serves."""
        return [slot for slot, owner in enumerate(self.owners) if owner is node]

    def replicas_of(self, node: FakeNode) -> list[FakeNode]:
        """The nodes that replicate *node*."""
        return [other for other in self.nodes if other.primary is node]

    def shard_of(self, node: FakeNode) -> list[FakeNode]:
        """The primary of *node*, or itself, and the replicas of that."""
        primary = node.primary or node
        return [primary, *self.replicas_of(primary)]

    def drop_channels(self, source: FakeNode, slots: Collection[int]) -> None:
        """The nodes in the shard of *source* unsubscribe the sharded channels in *slots*."""
        for node in self.shard_of(source):
            node.server.memory.pubsub.drop_slots(slots)

    def describe(self) -> list[Answer]:
        """The answer to CLUSTER SLOTS."""
        ranges: list[Answer] = []
        for owner, group in groupby(range(SLOTS), self.owners.__getitem__):
            slots = list(group)
            if owner is not None:
                replicas = [node for node in self.replicas_of(owner) if not node.failed]
                entries = [node.entry() for node in (owner, *replicas)]
                ranges.append([slots[0], slots[-1], *entries])
        return ranges


class FakeNode:
    """A node of a `FakeCluster`; `server` is its `FakeServer`, for scripts and failures."""

    def __init__(
        self, host: str, port: int, topology: FakeTopology, primary: FakeNode | None
    ) -> None:
        self.host = host
        self.port = port
        self.primary = primary
        """The node that it replicates; None for a primary."""
        self.failed = False
        """True if the others know that it is down: then a replica is not in CLUSTER SLOTS."""
        self.announced: str | None = host
        """Its host as written in CLUSTER SLOTS and in redirects; see `announce`."""
        self.view: Answer = None
        """Its answer to CLUSTER SLOTS; None for the present state."""
        self.names = {host}
        """All hosts by which it can be found."""
        self.topology = topology
        memory = NodeMemory(self, topology.clock)
        memory.scripts.python = topology.python
        if primary is not None:
            memory.databases = [primary.database]
            memory.scripts.libraries = primary.server.memory.scripts.libraries
        self.server: FakeServer = FakeServer(memory=memory)

    def __repr__(self) -> str:
        role = "primary" if self.primary is None else f"replica of {self.primary.address}"
        return f"<{type(self).__name__} {self.address} {role}>"

    @property
    def address(self) -> TCPAddress:
        """The address at which connections find it, independent of `announce`."""
        return TCPAddress(self.host, self.port)

    @property
    def id(self) -> str:
        """Its name in the cluster: 40 hexadecimal digits."""
        return f"{self.port:040x}"

    @property
    def database(self) -> Database:
        """Its keys; a replica has those of its primary, always up to date."""
        return self.server.memory.databases[0]

    def sees(self, view: Answer) -> None:
        """Answer CLUSTER SLOTS with *view*, such as an earlier `FakeCluster.slots()`; None ends that.

        Redirects of this node still follow the present state.
        """
        self.view = view

    def entry(self) -> list[Answer]:
        """This node as one of those that serve a range in CLUSTER SLOTS."""
        metadata: dict[Answer, Answer] = {}
        if self.announced != self.host:
            metadata[b"ip"] = self.host.encode()
        host = None if self.announced is None else self.announced.encode()
        return [host, self.port, self.id.encode(), metadata]

    def redirection(self, kind: str, slot: int) -> RedisError:
        """The error that sends a client to this node; *kind* is MOVED or ASK."""
        # An unknown host is empty here, and an IPv6 address has no brackets.
        return from_server(f"{kind} {slot} {self.announced or ''}:{self.port}")


class NodeMemory(Memory):
    """The commands of a node: it has one database, and refuses keys that other nodes serve."""

    def __init__(self, node: FakeNode, clock: VirtualClock | None = None) -> None:
        super().__init__(clock=clock)
        self.node = node
        del self.databases[1:]
        self.pubsub.reached = self._reached
        self._commands |= {
            b"CLUSTER": self._cluster,
            b"READONLY": self._readonly,
            b"READWRITE": self._readwrite,
            b"ASKING": self._asking,
        }

    def _reached(self, sharded: bool) -> list[FakePubSub]:
        """All nodes that are up or, for a *sharded* message, those of the same shard."""
        node, topology = self.node, self.node.topology
        nodes = topology.shard_of(node) if sharded else topology.nodes
        return [each.server.memory.pubsub for each in nodes if not each.server.down]

    def run(self, client: ClientState, words: Words) -> Answer:
        """The node's answer to *client* for the command *words*, an error as a value."""
        answer = super().run(client, words)
        if client.queue is None and words[0].upper() != b"ASKING":
            client.asking = False  # ASKING is for one command, or for one transaction
        return answer

    def refuse(self, client: ClientState, words: Words) -> RedisError | None:
        """The redirect or other error for keys that this node does not serve."""
        name = words[0].upper()
        if full_name(words) in WRITES_WITHOUT_KEYS and self.node.primary is not None:
            return from_server("READONLY You can't write against a read only replica.")
        if name != b"EXEC":
            return self._misplaced(
                client,
                _keys_of(words),
                reads=_only_reads(words),
                channels=words[0].upper() in CHANNELS,
            )
        if client.dirty:
            return None  # it answers EXECABORT, independent of the slots
        # The queued commands are checked once more: their slots may have moved in the meantime.
        queue = [queued for queued in client.queue or () if _keys_of(queued)]
        keys = [key for queued in queue for key in _keys_of(queued)]
        channels = any(queued[0].upper() in CHANNELS for queued in queue)
        reads = all(map(_only_reads, queue))
        error = self._misplaced(client, keys, reads=reads, channels=channels)
        if error is not None:
            client.leave_transaction()
        return error

    def _misplaced(
        self, client: ClientState, keys: Sequence[bytes], *, reads: bool, channels: bool
    ) -> RedisError | None:
        """The error for a command on *keys* that must not run here, as by `getNodeByQuery`.

        Sharded *channels* are never missing, and a replica has them too.
        """
        if not keys:
            return None
        slot, node = slot_of(keys[0]), self.node
        owner, importer = node.topology.owners[slot], node.topology.moving.get(slot)
        if owner is None:
            return from_server("CLUSTERDOWN Hash slot not served")
        if any(slot_of(key) != slot for key in keys):
            return from_server("CROSSSLOT Keys in request don't hash to the same slot")
        missing = 0 if channels else sum(key not in node.database for key in keys)
        divided = from_server("TRYAGAIN Multiple keys request during rehashing of slot")
        if owner is node:
            if importer is None or not missing:
                return None
            return divided if missing < len(keys) else importer.redirection("ASK", slot)
        if importer is node and client.asking:
            return divided if missing and len(set(keys)) > 1 else None
        if node.primary is owner and (channels or (client.readonly and reads)):
            return None
        return owner.redirection("MOVED", slot)

    # -- commands -------------------------------------------------------------------------------

    def _hello(self, client: ClientState, words: Words) -> Answer:
        answer = super()._hello(client, words)
        if not isinstance(answer, dict):
            return answer
        role = b"master" if self.node.primary is None else b"replica"
        return {**answer, b"mode": b"cluster", b"role": role}

    def _cluster(self, _client: ClientState, words: Words) -> Answer:
        match words[0].upper(), words[1:]:
            case b"SLOTS", ():
                view = self.node.view
                return self.node.topology.describe() if view is None else view
            case b"NODES", ():
                return "".join(map(self._line, self.node.topology.nodes)).encode()
            case b"MYID", ():
                return self.node.id.encode()
            case _:
                return unknown_subcommand("CLUSTER", words[0])

    def _line(self, other: FakeNode) -> str:
        """The line about *other* in CLUSTER NODES; a node reports only its own migrating slots."""
        topology, own = self.node.topology, other is self.node
        role = "slave" if other.primary else "master"
        name = other.announced if other.announced != other.host else None
        slots: list[str] = []
        for owner, group in groupby(range(SLOTS), topology.owners.__getitem__):
            first, *_, last = (*group,) * 2
            slots += [f"{first}-{last}" if first < last else f"{first}"] * (owner is other)
        for slot, importer in topology.moving.items() if own else ():
            owner = topology.owners[slot]
            if owner is other:
                slots.append(f"[{slot}->-{importer.id}]")
            elif importer is other and owner is not None:
                slots.append(f"[{slot}-<-{owner.id}]")
        place = f"{other.host}:{other.port}@{other.port + 10000},{name or ''}"
        flags = f"myself,{role}" if own else role
        primary = other.primary.id if other.primary else "-"
        return " ".join((other.id, place, flags, primary, "0 0 0 connected", *slots)) + "\n"

    def _readonly(self, client: ClientState, _words: Words) -> Answer:
        client.readonly = True
        return "OK"

    def _readwrite(self, client: ClientState, _words: Words) -> Answer:
        client.readonly = False
        return "OK"

    def _asking(self, client: ClientState, _words: Words) -> Answer:
        client.asking = True
        return "OK"


def _keys_of(words: Words) -> list[bytes]:
    """The keys of a command; none for a malformed command, which is refused when it is run."""
    try:
        return [words[position] for position in facts_of(words).key_positions(words) or ()]
    except DataError:
        return []


def _only_reads(words: Words) -> bool:
    """True if a replica may run the command: WATCH marks a connection, but writes nothing."""
    return facts_of(words).read_only or words[0].upper() == b"WATCH"
