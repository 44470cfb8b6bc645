"""What the nodes of a cluster report about it, as values, and their readers.

Law: nothing that a node wrote is lost, and nothing is guessed: a report of another shape raises
`ProtocolError`.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from anyredis.replies import (
    NO_OTHERS,
    array,
    integer,
    others,
    pair,
    pairs,
    record,
    unexpected,
    word,
    word_or_integer,
    word_or_none,
)
from anyredis.wire.decode import Reply


class ClusterNodeInfo(NamedTuple):
    """One line of CLUSTER NODES."""

    id: str
    """40 hexadecimal digits."""

    host: str
    """Its IP address, or nothing if the node that was asked does not know its own."""

    port: int
    """The port for clients."""

    bus_port: int
    """The port for the other nodes."""

    hostname: str | None
    """The name that it announces."""

    flags: list[str]
    """Such as `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`, `noaddr`."""

    primary_id: str | None
    """The id of its primary, if it is a replica."""

    ping_sent: int
    """The Unix time in milliseconds of the ping that is unanswered, 0 if there is none."""

    pong_received: int
    """The Unix time in milliseconds of its last answer."""

    config_epoch: int

    link_state: str
    """`connected` or `disconnected`."""

    slots: list[tuple[int, int]]
    """The slots that it serves, as ranges: the first and the last of each."""

    migrating: dict[int, str]
    """Slots that it is about to give away, each with the id of the node that gets it."""

    importing: dict[int, str]
    """Slots that it is about to get, each with the id of the node that has it."""


class SlotServer(NamedTuple):
    """One node in an entry of CLUSTER SLOTS."""

    host: str | None
    """The host that it announces; None if that is not known: then the host that was asked."""

    port: int
    id: str
    metadata: dict[str, str]
    """Other names of it: `ip`, `hostname`, `availability-zone`."""


class SlotRange(NamedTuple):
    """Slots that the same nodes serve."""

    start: int
    end: int
    """The last slot."""

    nodes: list[SlotServer]
    """The primary, then its replicas."""


class ShardNode(NamedTuple):
    """One node of a shard."""

    id: str
    port: int | None
    """The port without TLS, if it has one."""

    tls_port: int | None
    ip: str
    endpoint: str | None
    """The host that clients are to use; None if that is not known."""

    role: str
    """`master` or `replica`."""

    replication_offset: int
    health: str
    """`online`, `fail` or `loading`."""

    other: dict[str, str | int]
    """Other fields, such as `hostname`, `availability-zone`."""


class ClusterShard(NamedTuple):
    """A primary with its replicas, and their slots."""

    slots: list[tuple[int, int]]
    """The first and the last slot of each range."""

    nodes: list[ShardNode]
    id: str | None
    """The id of the shard, if the server tells it (Valkey 9)."""

    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class ClusterLink(NamedTuple):
    """One of the two links of the node with another node."""

    direction: str
    """`to` or `from` the other node."""

    node: str
    """The id of the other node."""

    create_time: int
    """The Unix time in milliseconds."""

    events: str
    """The events that are waited for: `r`, `w` or both."""

    send_buffer_allocated: int
    """Bytes."""

    send_buffer_used: int
    """Bytes."""

    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


def cluster_nodes(reply: Reply) -> list[ClusterNodeInfo]:
    """The lines of CLUSTER NODES."""
    return [_node(line) for line in word(reply).splitlines() if line.strip()]


def replicas(reply: Reply) -> list[ClusterNodeInfo]:
    """The lines of CLUSTER REPLICAS."""
    return [_node(word(line)) for line in array(reply)]


def _node(line: str) -> ClusterNodeInfo:
    """A line: `id host:port@bus,name,aux=… flags primary ping pong epoch link slot …`."""
    try:
        id_, place, flags, primary, ping, pong, epoch, link, *slots = line.split()
        address, *names = place.split(",")
        host_port, _, bus = address.partition("@")
        host, _, port = host_port.rpartition(":")
        served, migrating, importing = _served(slots)
        return ClusterNodeInfo(
            id_,
            host,
            int(port),
            int(bus or 0),
            names[0] if names and names[0] else None,
            [each for each in flags.split(",") if each != "noflags"],
            None if primary == "-" else primary,
            int(ping),
            int(pong),
            int(epoch),
            link,
            served,
            migrating,
            importing,
        )
    except ValueError:
        unexpected(line, "a line about a node")


def _served(words: list[str]) -> tuple[list[tuple[int, int]], dict[int, str], dict[int, str]]:
    """`5`, `7-9`, `[6->-id]` and `[8-<-id]`."""
    served: list[tuple[int, int]] = []
    migrating: dict[int, str] = {}
    importing: dict[int, str] = {}
    for each in words:
        if each.startswith("["):
            slot, way, node = each[1:-1].split("-", 2)
            (migrating if way == ">" else importing)[int(slot)] = node
        else:
            first, _, last = each.partition("-")
            served.append((int(first), int(last or first)))
    return served, migrating, importing


def slot_ranges(reply: Reply) -> list[SlotRange]:
    """The entries of CLUSTER SLOTS."""
    return [_slot_range(each) for each in array(reply)]


def _slot_range(reply: Reply) -> SlotRange:
    items = array(reply)
    if len(items) < 3:
        unexpected(reply, "a range of slots with its nodes")
    return SlotRange(integer(items[0]), integer(items[1]), [_server(each) for each in items[2:]])


def _server(reply: Reply) -> SlotServer:
    items = array(reply)
    if len(items) < 3:
        unexpected(reply, "a node with host, port and id")
    metadata = pairs(items[3]) if len(items) > 3 else ()
    return SlotServer(
        word_or_none(items[0]) or None,
        integer(items[1]),
        word(items[2]),
        {word(name): word(value) for name, value in metadata},
    )


_SHARD_NODE: Final = frozenset(
    ("id", "port", "tls-port", "ip", "endpoint", "role", "replication-offset", "health")
)


_SHARD: Final = frozenset(("slots", "nodes", "id"))
_LINK: Final = frozenset(
    ("direction", "node", "create-time", "events", "send-buffer-allocated", "send-buffer-used")
)


def shards(reply: Reply) -> list[ClusterShard]:
    """The entries of CLUSTER SHARDS."""
    return [_shard(each) for each in array(reply)]


def _shard(reply: Reply) -> ClusterShard:
    fields = record(reply)
    slots = [integer(each) for each in array(fields.get("slots"))]
    if len(slots) % 2:
        unexpected(reply, "an even number of bounds of slots")
    ranges = list(zip(slots[::2], slots[1::2], strict=True))
    nodes = [_shard_node(each) for each in array(fields.get("nodes"))]
    return ClusterShard(ranges, nodes, word_or_none(fields.get("id")), others(fields, _SHARD))


def _shard_node(reply: Reply) -> ShardNode:
    fields = record(reply)
    port, tls_port = fields.get("port"), fields.get("tls-port")
    return ShardNode(
        word(fields.get("id")),
        None if port is None else integer(port),
        None if tls_port is None else integer(tls_port),
        word(fields.get("ip")),
        word_or_none(fields.get("endpoint")) or None,
        word(fields.get("role")),
        integer(fields.get("replication-offset")),
        word(fields.get("health")),
        {name: word_or_integer(value) for name, value in fields.items() if name not in _SHARD_NODE},
    )


def links(reply: Reply) -> list[ClusterLink]:
    """The entries of CLUSTER LINKS."""
    return [_link(each) for each in array(reply)]


def _link(reply: Reply) -> ClusterLink:
    fields = record(reply)
    return ClusterLink(
        word(fields.get("direction")),
        word(fields.get("node")),
        integer(fields.get("create-time")),
        word(fields.get("events")),
        integer(fields.get("send-buffer-allocated")),
        integer(fields.get("send-buffer-used")),
        others(fields, _LINK),
    )


def slot_stats(reply: Reply) -> dict[int, dict[str, int]]:
    """The counts of each slot, from CLUSTER SLOT-STATS."""
    found = map(pair, array(reply))
    return {
        integer(slot): {name: integer(count) for name, count in record(counts).items()}
        for slot, counts in found
    }
