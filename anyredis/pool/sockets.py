"""A bound on the sockets of several servers together.

Law: open sockets and dials of all nodes are at most `capacity`.  The limit lets at most `capacity`
leases in, and a lease uses one socket at most; so where all sockets are open and some lease has
none, some other socket is used by no lease, or dialled for none, and is closed to make room.
Whoever is short of room stands in line for it, leases before errands; nobody passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyredis.pool.node import Node


class Sockets:
    """At most *capacity* sockets for all that *nodes* gives."""

    def __init__(self, capacity: int, nodes: Callable[[], Iterable[Node]]) -> None:
        self.capacity = capacity
        self.short: dict[Node, None] = {}
        """Who waits for room, the first first."""
        self._nodes = nodes
        self._at_work = False
        self._turn: Node | None = None

    def room(self, node: Node) -> int:
        """How many more sockets *node* may open now: none while it is not its turn."""
        return 0 if self.short and self._turn is not node else self._free()

    def _free(self) -> int:
        return self.capacity - sum(node.roster.sockets for node in self._nodes())

    def settled(self, node: Node) -> None:
        """*node* has served whom it could: note whether it is short of room, and find some."""
        roster = node.roster
        if node.open and roster.wanted > 0 and (roster.connecting or roster.errands):
            self.short[node] = None
        else:
            self.short.pop(node, None)
        if self._at_work or not self.short:
            return
        self._at_work = True  # what follows comes back here
        try:
            while self.short and self._free() > 0:
                self._serve(self._first())
            if self.short:
                self._make_room()
        finally:
            self._at_work = False

    def _first(self) -> Node:
        leases = (node for node in self.short if node.roster.connecting)
        return next(leases, None) or next(iter(self.short))

    def _serve(self, node: Node) -> None:
        del self.short[node]
        self._turn = node
        try:
            node.settle()
        finally:
            self._turn = None

    def _make_room(self) -> None:
        """Close as many connections as are needed, or can be; their room is free a moment later."""
        leases = sum(node.roster.wanted for node in self.short if node.roster.connecting)
        errands = sum(not node.roster.connecting for node in self.short)
        coming = sum(node.vanishing for node in self._nodes())
        for number in range(coming, leases + errands):
            if not self._close_one(for_lease=number < leases):
                return

    def _close_one(self, *, for_lease: bool) -> bool:
        """Close what nobody uses or, *for_lease*, only errands; False where there is none."""
        nodes = [node for node in self._nodes() if node not in self.short]
        return (
            self._close_spare(nodes, visited=False)
            or any(node.call_off(for_errands=True) for node in self._nodes())
            or (for_lease and self._close_spare(nodes, visited=True))
            or (for_lease and any(node.call_off(for_errands=False) for node in self._nodes()))
        )

    def _close_spare(self, nodes: Iterable[Node], *, visited: bool) -> bool:
        for node in nodes:
            spare = node.roster.spare(visited=visited)
            if spare is not None:
                spare.close("its socket was needed for another node")
                return True
        return False
