"""A bound on the sockets of several servers together.

Law: open sockets and dials of all nodes are at most `capacity`.  The limit lets at most `capacity`
leases in, and a lease uses one socket at most; so where all sockets are open and some lease has
none, some other socket is used by no lease, or dialled for none, and is closed to make room.
Whoever is short of room stands in line for it, leases before errands; nobody passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyredis.pool.server_connections import ServerConnections


class SocketLimit:
    """At most *capacity* sockets for all that *servers* gives."""

    def __init__(self, capacity: int, servers: Callable[[], Iterable[ServerConnections]]) -> None:
        self.capacity = capacity
        self.starved: dict[ServerConnections, None] = {}
        """Who waits for room, the first first."""
        self._servers = servers
        self._at_work = False
        self._turn: ServerConnections | None = None

    def available(self, server: ServerConnections) -> int:
        """How many more sockets *server* may open now: none while it is not its turn."""
        return 0 if self.starved and self._turn is not server else self._free()

    def _free(self) -> int:
        return self.capacity - sum(server.allocator.sockets for server in self._servers())

    def assigned(self, server: ServerConnections) -> None:
        """*server* has served whom it could: note whether it is short of room, and find some."""
        allocator = server.allocator
        if server.open and allocator.wanted > 0 and (allocator.connecting or allocator.errands):
            self.starved[server] = None
        else:
            self.starved.pop(server, None)
        if self._at_work or not self.starved:
            return
        self._at_work = True  # what follows comes back here
        try:
            while self.starved and self._free() > 0:
                self._serve(self._first())
            if self.starved:
                self._free_sockets()
        finally:
            self._at_work = False

    def _first(self) -> ServerConnections:
        leases = (server for server in self.starved if server.allocator.connecting)
        return next(leases, None) or next(iter(self.starved))

    def _serve(self, server: ServerConnections) -> None:
        del self.starved[server]
        self._turn = server
        try:
            server.assign()
        finally:
            self._turn = None

    def _free_sockets(self) -> None:
        """Close as many connections as are needed, or can be; their room is free a moment later."""
        leases = sum(
            server.allocator.wanted for server in self.starved if server.allocator.connecting
        )
        errands = sum(not server.allocator.connecting for server in self.starved)
        coming = sum(server.closing_soon for server in self._servers())
        for number in range(coming, leases + errands):
            if not self._close_one(for_lease=number < leases):
                return

    def _close_one(self, *, for_lease: bool) -> bool:
        """Close what nobody uses or, *for_lease*, only errands; False where there is none."""
        servers = [server for server in self._servers() if server not in self.starved]
        return (
            self._close_spare(servers, visited=False)
            or any(server.cancel_dial(for_errands=True) for server in self._servers())
            or (for_lease and self._close_spare(servers, visited=True))
            or (
                for_lease
                and any(server.cancel_dial(for_errands=False) for server in self._servers())
            )
        )

    def _close_spare(self, servers: Iterable[ServerConnections], *, visited: bool) -> bool:
        for server in servers:
            spare = server.allocator.spare(visited=visited)
            if spare is not None:
                spare.close("its socket was needed for another node")
                return True
        return False
