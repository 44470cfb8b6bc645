"""A bound on the sockets of several servers together.

Law: open sockets and dials of all nodes are at most `capacity`.  The limit lets at most `capacity`
leases in, and a lease uses one socket at most.  So if all sockets are open and a lease has none,
another socket is used or dialled for no lease, and is closed for it.  Starved servers get sockets
in the order in which they came.  Control connections do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyredis.pool.server_connections import ServerConnections


class SocketLimit:
    """At most *capacity* sockets for all that *servers* gives."""

    def __init__(self, capacity: int, servers: Callable[[], Iterable[ServerConnections]]) -> None:
        self.capacity = capacity
        self.starved: dict[ServerConnections, None] = {}
        """The servers that wait for a socket, the first first."""
        self._servers = servers
        self._at_work = False
        self._turn: ServerConnections | None = None

    def available(self, server: ServerConnections) -> int:
        """How many more sockets *server* may open now: none while it is not its turn."""
        return 0 if self.starved and self._turn is not server else self._free()

    def _free(self) -> int:
        return self.capacity - sum(server.allocator.sockets for server in self._servers())

    def assigned(self, server: ServerConnections) -> None:
        """Note whether *server* is still starved after its assignment, and free sockets if it is."""
        allocator = server.allocator
        if server.open and allocator.wanted > 0 and allocator.connecting:
            self.starved[server] = None
        else:
            self.starved.pop(server, None)
        if self._at_work or not self.starved:
            return
        self._at_work = True  # the calls below call this method again
        try:
            while self.starved and self._free() > 0:
                self._serve(next(iter(self.starved)))
            if self.starved:
                self._free_sockets()
        finally:
            self._at_work = False

    def _serve(self, server: ServerConnections) -> None:
        del self.starved[server]
        self._turn = server
        try:
            server.assign()
        finally:
            self._turn = None

    def _free_sockets(self) -> None:
        """Close as many connections as are needed, or can be; their room is free a moment later."""
        needed = sum(server.allocator.wanted for server in self.starved)
        coming = sum(server.closing_soon for server in self._servers())
        for _ in range(coming, needed):
            if not self._close_one():
                return

    def _close_one(self) -> bool:
        """Close a connection or dial that no lease uses or waits for; False if there is none."""
        for server in self._servers():
            spare = None if server in self.starved else server.allocator.spare()
            if spare is not None:
                spare.close("its socket was needed for another node")
                return True
        return any(server.cancel_dial() for server in self._servers())
