"""The views that servers have of their cluster: parsed and checked for problems, without I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from anyredis.server.readiness import parse_info
from anyredis.server.server_spec import BUS_OFFSET
from anyredis.wire.slots import SLOTS

BAD_FLAGS = frozenset({"handshake", "fail", "fail?", "noaddr"})


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeEntry:
    """A line of CLUSTER NODES: a server as another one sees it."""

    id: str
    port: int
    flags: frozenset[str]
    primary_id: str | None
    epoch: int
    slots: tuple[range, ...]

    @property
    def size(self) -> int:
        """The number of slots that it serves."""
        return sum(map(len, self.slots))


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterView:
    """A cluster as one of its servers sees it."""

    state: str
    nodes: tuple[NodeEntry, ...]
    link: str  # of a replica to its primary: "up" or "down"; "" for a primary

    def node_at(self, port: int) -> NodeEntry | None:
        """The server with that port, or None if it is unknown."""
        return next((node for node in self.nodes if node.port == port), None)

    def slot_assignment(
        self, ports: AbstractSet[int]
    ) -> frozenset[tuple[int, str | None, tuple[range, ...]]]:
        """The slots and the primary of each server, limited to the servers on *ports*."""
        return frozenset(
            (node.port, node.primary_id, node.slots) for node in self.nodes if node.port in ports
        )


ClusterViews: TypeAlias = Mapping[int, ClusterView | str]
"""The view of each server that runs, by its port; an error text for one that did not answer."""

Lists: TypeAlias = defaultdict[int, list[str]]


def parse_view(cluster_info: str, cluster_nodes: str, replication: str) -> ClusterView:
    """The view in the replies to CLUSTER INFO, CLUSTER NODES and INFO replication."""
    return ClusterView(
        state=parse_info(cluster_info).get("cluster_state", "unknown"),
        nodes=tuple(_node(line) for line in cluster_nodes.splitlines() if line),
        link=parse_info(replication).get("master_link_status", ""),
    )


def _node(line: str) -> NodeEntry:
    # id ip:port@bus[,hostname] flags primary ping pong epoch link slot slot-slot [slot->-id] ...
    identity, address, flags, primary, _, _, epoch, _, *slots = line.split()
    # By the bus port: the port itself is 0 if the server speaks TLS and this client does not.
    bus = address.partition("@")[2].partition(",")[0]
    return NodeEntry(
        id=identity,
        port=int(bus) - BUS_OFFSET,
        flags=frozenset(flags.split(",")),
        primary_id=None if primary == "-" else primary,
        epoch=int(epoch),
        slots=tuple(_range(part) for part in slots if not part.startswith("[")),
    )


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def membership_problems(views: ClusterViews) -> Lists:
    """Problems of servers that do not know each other yet, or no longer."""
    found: Lists = defaultdict(list)
    for port, view in views.items():
        if isinstance(view, str):
            found[port].append(view)
            continue
        for other in views:
            node = view.node_at(other)
            if node is None:
                found[port].append(f"does not know :{other}")
            elif bad := node.flags & BAD_FLAGS:
                found[port].append(f"sees :{other} as {','.join(sorted(bad))}")
    return found


def find_problems(views: ClusterViews, stopped: AbstractSet[int]) -> Lists:
    """Problems that keep a cluster from serving; *stopped* has the ports of the stopped servers."""
    found = membership_problems(views)
    slot_maps: dict[object, int] = {}
    for port, view in views.items():
        if isinstance(view, str):
            continue
        if view.state != "ok":
            found[port].append(f"says cluster_state:{view.state}")
        if (size := sum(node.size for node in view.nodes)) != SLOTS:
            found[port].append(f"knows the owners of {size} of the {SLOTS} slots")
        found[port] += [
            f"takes :{node.port} for the owner of {node.size} slots, and it does not run"
            for node in view.nodes
            if node.size and node.port in stopped
        ]
        if view.link not in {"", "up"}:
            found[port].append("has no link to its primary")
        slot_maps.setdefault(view.slot_assignment(views.keys()), port)
    if len(slot_maps) > 1:
        for port in slot_maps.values():
            found[port].append("does not agree with the others on the slots and roles of all")
    return defaultdict(list, {port: lines for port, lines in found.items() if lines})


def problems_of_new_node(views: ClusterViews, port: int) -> Lists:
    """Problems of a server that joins: `membership_problems`, and a state unlike that of others."""
    found = membership_problems(views)
    states = {
        other: "unknown" if isinstance(view, str) else view.state for other, view in views.items()
    }
    own = states.pop(port)
    if states and own not in states.values():
        found[port].append(f"says cluster_state:{own}")
    return found


def owner_of(slot: int, views: ClusterViews) -> int | None:
    """The port of the server that has the *slot*; among several claims the newest one counts."""
    claims = [
        (node.epoch, node.port)
        for view in views.values()
        if not isinstance(view, str)
        for node in view.nodes
        if any(slot in part for part in node.slots)
    ]
    return max(claims)[1] if claims else None
