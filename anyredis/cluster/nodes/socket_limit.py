"""The socket limit: a bound on the sockets of several servers together.

Law: open sockets and dials of all nodes are at most `capacity`.  The pool gives at most `capacity`
leases, and a lease uses at most one socket; so if all sockets are taken and some lease has none,
another socket or dial serves no lease, and is closed.  Starved servers get free sockets in the
order in which they became starved.  Control connections do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyredis.pool.server_connections import ServerConnections


class SocketLimit:
    """At most *capacity* sockets for all that *servers* gives."""

    def __init__(self, capacity: int, servers: Callable[[], Iterable[ServerConnections]]) -> None:
        self.capacity = capacity
        self.starved: dict[ServerConnections, None] = {}
        """The servers that wait for a socket, in their order."""
        self._servers = servers
        self._running = False
        self._turn: ServerConnections | None = None

    def available(self, server: ServerConnections) -> int:
        """The number of sockets that *server* may open now; 0 while a starved server is before it."""
        return 0 if self.starved and self._turn is not server else self._free()

    def _free(self) -> int:
        return self.capacity - sum(server.allocator.sockets for server in self._servers())

    def assigned(self, server: ServerConnections) -> None:
        """Note whether *server* is starved after it assigned connections, and free sockets if so."""
        allocator = server.allocator
        if server.open and allocator.wanted > 0 and allocator.connecting:
            self.starved[server] = None
        else:
            self.starved.pop(server, None)
        if self._running or not self.starved:
            return
        self._running = True  # `assign` below calls this method again
        try:
            while self.starved and self._free() > 0:
                self._serve(next(iter(self.starved)))
            if self.starved:
                self._free_sockets()
        finally:
            self._running = False

    def _serve(self, server: ServerConnections) -> None:
        del self.starved[server]
        self._turn = server
        try:
            server.assign()
        finally:
            self._turn = None

    def _free_sockets(self) -> None:
        """Close as many connections as are needed, if possible; their sockets are free soon after."""
        needed = sum(server.allocator.wanted for server in self.starved)
        closing = sum(server.closing_soon for server in self._servers())
        for _ in range(closing, needed):
            if not self._close_one():
                return

    def _close_one(self) -> bool:
        """Close a connection or dial that no lease needs; False if there is none."""
        for server in self._servers():
            spare = None if server in self.starved else server.allocator.spare()
            if spare is not None:
                spare.close("its socket was needed for another node")
                return True
        return any(server.cancel_dial() for server in self._servers())
