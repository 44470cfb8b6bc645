"""A bound on the sockets of several servers together.

Law: open sockets and dials of all nodes are at most `capacity`.  The limit lets at most `capacity`
leases in, and a lease uses one socket at most; so where all sockets are open and some lease has
none, some other socket is used by nobody, and is closed to make room.
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

    def room(self) -> int:
        """How many more sockets may be opened."""
        return self.capacity - sum(node.roster.sockets for node in self._nodes())

    def settled(self, node: Node) -> None:
        """*node* has served whom it could: note whether it is short of room, and find some."""
        roster = node.roster
        if roster.wanted > 0 and (roster.connecting or roster.errands):
            self.short[node] = None
        else:
            self.short.pop(node, None)
        if self._at_work or not self.short:
            return
        self._at_work = True  # what follows comes back here
        try:
            while self.short and (self.room() > 0 or self._close_spare()):
                first = next(iter(self.short))
                del self.short[first]
                first.settle()
        finally:
            self._at_work = False

    def _close_spare(self) -> bool:
        """Close a connection that nobody uses, if there is one."""
        for node in self._nodes():
            spare = None if node in self.short else node.roster.spare()
            if spare is not None:
                spare.close("its socket was needed for another node")
                return True
        return False
