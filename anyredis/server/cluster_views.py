"""What the servers of a cluster say of it, read and judged: values, nothing is asked here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from anyredis.server.plan import BUS_OFFSET
from anyredis.server.talk import parse_info
from anyredis.wire.slots import SLOTS

BAD_FLAGS = frozenset({"handshake", "fail", "fail?", "noaddr"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A line of CLUSTER NODES: a server as another one sees it."""

    id: str
    port: int
    flags: frozenset[str]
    primary_id: str | None
    epoch: int
    slots: tuple[range, ...]

    @property
    def size(self) -> int:
        """How many slots it serves."""
        return sum(map(len, self.slots))


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A cluster as one of its servers sees it."""

    state: str
    nodes: tuple[Node, ...]
    link: str  # of a replica to its primary: "up" or "down"; "" for a primary

    def node_at(self, port: int) -> Node | None:
        """The server with that port, or None where it is not known."""
        return next((node for node in self.nodes if node.port == port), None)

    def slot_map(
        self, ports: AbstractSet[int]
    ) -> frozenset[tuple[int, str | None, tuple[range, ...]]]:
        """Who has which slots, and who replicates whom, as far as the servers on *ports* go."""
        return frozenset(
            (node.port, node.primary_id, node.slots) for node in self.nodes if node.port in ports
        )


Views: TypeAlias = Mapping[int, View | str]
"""The view of each server that runs, by its port; what went wrong where one could not be asked."""

Lists: TypeAlias = defaultdict[int, list[str]]


def parse_view(cluster_info: str, cluster_nodes: str, replication: str) -> View:
    """The view that CLUSTER INFO, CLUSTER NODES and INFO replication tell."""
    return View(
        state=parse_info(cluster_info).get("cluster_state", "unknown"),
        nodes=tuple(_node(line) for line in cluster_nodes.splitlines() if line),
        link=parse_info(replication).get("master_link_status", ""),
    )


def _node(line: str) -> Node:
    # id ip:port@bus[,hostname] flags primary ping pong epoch link slot slot-slot [slot->-id] ...
    identity, address, flags, primary, _, _, epoch, _, *slots = line.split()
    # The bus, as the port itself is 0 where it speaks TLS and the asker does not.
    bus = address.partition("@")[2].partition(",")[0]
    return Node(
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


def strangers(views: Views) -> Lists:
    """Complaints about servers that do not know each other yet, or no longer."""
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


def troubles(views: Views, stopped: AbstractSet[int]) -> Lists:
    """Complaints about all that keeps a cluster from serving; *stopped* are who does not run."""
    found = strangers(views)
    slot_maps: dict[object, int] = {}
    for port, view in views.items():
        if isinstance(view, str):
            continue
        if view.state != "ok":
            found[port].append(f"says cluster_state:{view.state}")
        if (size := sum(node.size for node in view.nodes)) != SLOTS:
            found[port].append(f"knows who serves {size} of the {SLOTS} slots")
        found[port] += [
            f"takes :{node.port} for the owner of {node.size} slots, and it does not run"
            for node in view.nodes
            if node.size and node.port in stopped
        ]
        if view.link not in {"", "up"}:
            found[port].append("has no link to its primary")
        slot_maps.setdefault(view.slot_map(views.keys()), port)
    if len(slot_maps) > 1:
        for port in slot_maps.values():
            found[port].append("does not agree with the others on who has which slots and role")
    return defaultdict(list, {port: lines for port, lines in found.items() if lines})


def newcomers_troubles(views: Views, port: int) -> Lists:
    """Complaints about a server that joins: `strangers`, and it sees the state as others do."""
    found = strangers(views)
    states = {
        other: "unknown" if isinstance(view, str) else view.state for other, view in views.items()
    }
    own = states.pop(port)
    if states and own not in states.values():
        found[port].append(f"says cluster_state:{own}")
    return found


def owner_of(slot: int, views: Views) -> int | None:
    """The port of the server that has the *slot*: of several claims the newest counts."""
    claims = [
        (node.epoch, node.port)
        for view in views.values()
        if not isinstance(view, str)
        for node in view.nodes
        if any(slot in part for part in node.slots)
    ]
    return max(claims)[1] if claims else None
