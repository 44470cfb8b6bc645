"""The benches for clients of one server: of a real one, and of one in memory.

The server in memory answers at once, so its cases take no time on sockets.  Its checks see more:
the server's state of each connection.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Self

import anyio

from anyredis import BaseConnection, BlockingConnectionPool, ConnectionPool, Redis
from anyredis.testing import FakeServer, VirtualClock
from anyredis.testing.server import FakeConnection
from tests.contract.control import FakeControl, Outside, fields
from tests.contract.harness import Bench, all_leases, assert_all_free, own_answers
from tests.contract.steps import Steps


@dataclass(frozen=True)
class Target:
    """A client to make: the pool class, and the arguments of both."""

    pool_class: type[ConnectionPool]
    arguments: dict[str, Any]

    @classmethod
    def of_fake_server(
        cls, pool_class: type[ConnectionPool] = ConnectionPool, shared: int = 1
    ) -> Self:
        """Clients of a new server in memory."""
        connecting = {
            "connection_class": FakeConnection,
            "server": FakeServer(clock=VirtualClock()),
        }
        return cls(pool_class, {"shared_connections": shared, **connecting})

    @property
    def blocking(self) -> bool:
        """Whether one lease too many waits."""
        return issubclass(self.pool_class, BlockingConnectionPool)

    def __str__(self) -> str:
        told = {name: self.arguments.get(name) for name in ("shared_connections", "protocol")}
        return f"{self.pool_class.__name__} {told}"

    def pool(self) -> ConnectionPool:
        """A new pool of two."""
        # Short, so that a lost lease shows as an error and not as a test that hangs.
        more: dict[str, Any] = {"timeout": 5.0} if self.blocking else {}
        return self.pool_class(max_connections=2, **more, **self.arguments)


class ServerBench(Bench[ConnectionPool, Redis[bytes]]):
    """A pool of two connections to the server that *control* looks at."""

    def __init__(self, target: Target, control: Outside, steps: Steps) -> None:
        self.target = target
        self.blocking = target.blocking
        self.control = control
        super().__init__(steps)

    def __str__(self) -> str:
        return str(self.target)

    def make(self) -> tuple[ConnectionPool, Redis[bytes]]:
        """A new pool and client, and an empty server."""
        self.control.ask("FLUSHALL")
        pool = self.target.pool()
        return pool, Redis(connection_pool=pool)

    def watch(self) -> None:
        """At any moment: no more sockets and leases than the limit."""
        allocator = self.pool.endpoint.server.allocator
        assert 0 <= allocator.sockets <= 2, f"{allocator.sockets} sockets: {self.pool!r}"
        assert allocator.dialling >= 0
        if self.pool.scope.entered:
            assert self.pool.free >= 0
            assert self.pool.leased + self.pool.connecting <= 2, repr(self.pool)

    async def warm_up(self) -> None:
        """Connect."""
        await self.client.ping()

    async def own_answers(self, times: int) -> None:
        """Ask for fresh values one after another; each comes back (G1)."""
        await own_answers(self.client, times)

    def acquire(self) -> AbstractAsyncContextManager[BaseConnection]:
        """A lease and an exclusive connection."""
        return self.pool.acquire()

    async def all_gone(self) -> None:
        """Wait until the server has no client under test any more."""
        await self.control.all_gone()

    async def check_whole(self) -> None:
        """All leases are there and work, and no connection state is left (G1, G5, G6, G9)."""
        pool, client = self.pool, self.client
        assert_all_free(pool)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(own_answers, client, 2)
        assert_all_free(pool)
        refused = () if self.blocking else (client.ping,)
        async with all_leases(pool, [pool.acquire() for _ in range(2)], *refused) as leases:
            for connection in leases:
                await self.check_state(connection)
        assert_all_free(pool)
        assert all(not each.dirty for each in self.connections())

    async def check_state(self, connection: BaseConnection) -> None:
        """The server sees *connection* as it was after its handshake (G6, G9)."""
        info: bytes = await connection.execute_command("CLIENT INFO")
        facts = fields(info.decode())
        wanted = self.target.arguments
        assert facts["name"] == (wanted.get("client_name") or "")
        assert facts["db"] == str(wanted.get("db", 0))
        # x: in a transaction, P: subscribed, t: tracking keys …; U is the socket, e and T were
        # requested.
        assert set(facts["flags"]) - set("eTU") <= {"N"}, facts["flags"]
        assert (facts["sub"], facts.get("watch", "0")) == ("0", "0")
        assert facts["resp"] == str(wanted.get("protocol", 3))


class FakeServerBench(ServerBench):
    """A pool of two connections to a server in memory, that of *target*."""

    def __init__(self, target: Target, steps: Steps) -> None:
        self.server: FakeServer = target.arguments["server"]
        self._fake = FakeControl(self.server)
        super().__init__(target, self._fake, steps)

    def make(self) -> tuple[ConnectionPool, Redis[bytes]]:
        """A new pool and client, and an empty server."""
        self.server.received.clear()
        return super().make()

    def watch(self) -> None:
        """At any moment: no more sockets and leases than the limit, for the server too."""
        super().watch()
        assert len(self.server.peers) <= 2, f"{self.server!r}: {self.pool!r}"
        self._fake.let_time_pass()

    async def check_state(self, connection: BaseConnection) -> None:
        """The server sees all connections as they were after their handshakes (G6, G9)."""
        for state in (peer.state for peer in self.server.peers):
            assert state.queue is None, "a transaction was left open"
            assert not state.watched
            assert (state.protocol, state.db, state.name) == (3, 0, b"")
