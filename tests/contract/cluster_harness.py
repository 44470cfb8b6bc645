"""The benches for clients of a cluster: of a fake one, which a case may change, and of a real one."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import anyio
import anyio.lowlevel

from anyredis import (
    Backoff,
    BaseConnection,
    BlockingClusterConnectionPool,
    ClusterConnectionPool,
    ConnectionError,
    PartialFailureError,
    RedisCluster,
    Retry,
)
from anyredis.cluster.nodes import topology
from anyredis.pool.endpoint import ClusterEndpoint
from anyredis.pool.lease import Lease, exclusive_connection
from anyredis.server import Cluster
from anyredis.wire.slots import SLOTS, slot_of
from tests.contract.clients_and_taps import control_sockets
from tests.contract.control import PATIENCE, Control
from tests.contract.harness import Bench, all_leases, assert_all_free, fresh
from tests.contract.resettable_cluster import PRIMARIES, ResettableCluster, key_on
from tests.contract.steps import Steps

AT_ONCE: Final = Retry(backoff=Backoff(0, 0))
"""The default, except for the delays."""


NUMBER: Final = key_on(0, b"number")
"""The key that most operations increment, on the first primary."""

LIST: Final = key_on(0, b"list")

EVERYWHERE: Final = [key_on(number, b"n") for number in range(PRIMARIES)]
"""A key on each primary."""

BESIDE: Final = (1, 2)
"""The number of bystanders of an operation, with a strict and with a blocking pool."""


@dataclass(frozen=True)
class ClusterTarget:
    """A pool to make: its class, its limit and its way of sharing."""

    pool_class: type[ClusterConnectionPool]
    capacity: int
    per_node: bool
    shared: int
    readonly: bool = False

    def __str__(self) -> str:
        limit = f"{self.capacity}_per_node" if self.per_node else str(self.capacity)
        sharing = "sharing" if self.shared else "not_sharing"
        return f"{'blocking' if self.blocking else 'strict'}_{limit}_{sharing}"

    @property
    def blocking(self) -> bool:
        """Whether one lease too many waits."""
        return issubclass(self.pool_class, BlockingClusterConnectionPool)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the pool."""
        # Short, so that a lost lease shows as an error and not as a test that hangs.
        more: dict[str, Any] = {"timeout": 5.0} if self.blocking else {}
        return more | {
            "max_connections": self.capacity,
            "max_connections_per_node": self.per_node,
            "shared_connections": self.shared,
            "readonly": self.readonly,
        }


class ClusterBench(Bench[ClusterConnectionPool, RedisCluster[bytes]]):
    """A pool for a cluster of three primaries, and the checks that hold for any cluster."""

    losses = (ConnectionError, PartialFailureError)

    def __init__(self, target: ClusterTarget, steps: Steps) -> None:
        self.target = target
        self.blocking = target.blocking
        self._turns, self._checks = itertools.count(), itertools.count()
        super().__init__(steps)

    def __str__(self) -> str:
        return str(self.target)

    @abstractmethod
    def total(self, key: bytes) -> int:
        """The number at *key*, on any node; 0 if no node has it."""

    @abstractmethod
    def items(self, key: bytes) -> list[bytes]:
        """The list at *key*."""

    @abstractmethod
    async def check_state(self) -> None:
        """The servers see all connections as they were after their handshakes (G6, G9)."""

    @abstractmethod
    async def check_reading(self) -> None:
        """Only connections to replicas sent READONLY, and only for a client that reads there."""

    def is_up(self, endpoint: ClusterEndpoint) -> bool:
        """Whether the node can be connected to."""
        return True

    # -- common to all benches -------------------------------------------------------------------

    def watch(self) -> None:
        """At any moment: no more sockets and leases than the limit."""
        pool, most = self.pool, self.target.capacity
        sockets = leases = 0
        for endpoint in pool.endpoints():
            allocator = endpoint.server.allocator
            sockets += allocator.sockets
            leases += allocator.leased + allocator.connecting
            assert allocator.dialling >= 0
            if self.target.per_node:
                assert allocator.sockets <= most, f"{allocator.sockets} sockets: {pool!r}"
                if not endpoint.limit.lifted:
                    assert 0 <= endpoint.limit.acquired <= most, repr(pool)
        if not self.target.per_node:
            assert sockets <= most, f"{sockets} sockets: {pool!r}"
            assert leases <= pool._limit.acquired <= most, repr(pool)

    async def warm_up(self) -> None:
        """Connect to all nodes, as far as the limit allows at the same time."""
        for number in range(PRIMARIES):
            await self.client.get(key_on(number, tag=1))

    async def own_answers(self, times: int) -> None:
        """Store fresh values on one node after another; each comes back (G1)."""
        for number in range(times):
            value = fresh()
            key = key_on(number % PRIMARIES, value, tag=1)
            assert await self.client.set(key, value) is True
            answer = await self.client.get(key)
            assert answer == value, f"asked for {value!r}, got {answer!r}"

    def endpoints(self) -> list[ClusterEndpoint]:
        """The endpoints to all primaries."""
        return self.pool.primaries()

    def acquire(self) -> AbstractAsyncContextManager[BaseConnection]:
        """A lease and an exclusive connection, to one primary after another."""
        endpoints = self.endpoints()
        return exclusive_connection(endpoints[next(self._turns) % len(endpoints)])

    async def quiet(self) -> None:
        """Wait until no request, dial or close is in progress, in the background either."""
        while True:
            nodes = [endpoint.server for endpoint in self.pool.endpoints()]
            sending = any(each.wire.inflight or each.wire.unsent for each in self.connections())
            changing = any(node.allocator.sockets != len(node.connections()) for node in nodes)
            if not (sending or changing or self.pool.topology.control._users):
                return
            await anyio.lowlevel.checkpoint()

    async def check_whole(self) -> None:
        """All leases are there and work, and no connection state is left (G1, G5, G6, G9)."""
        pool = self.pool
        assert_all_free(pool)
        assert pool.topology._waiting == [], (
            "somebody who waited for the slot map was not forgotten"
        )
        await self.quiet()
        self._check_rosters()
        await self.check_state()
        await self._check_layout()
        await self.own_answers(PRIMARIES)
        await self.quiet()
        await self.check_reading()
        assert_all_free(pool)
        endpoints = pool.members()
        every = self.target.capacity * (len(endpoints) if self.target.per_node else 1)
        assert pool.capacity == every, repr(pool)
        # Connections for all leases take longer than the other checks: every fourth time is enough.
        thoroughly = not next(self._checks) % 4
        leases = [
            self._lease(endpoint, thoroughly and self.is_up(endpoint))
            for endpoint in itertools.islice(itertools.cycle(endpoints), every)
        ]
        async with all_leases(pool, leases, *self._refused()):
            pass
        assert_all_free(pool)
        assert all(not each.dirty for each in self.connections())

    @asynccontextmanager
    async def _lease(
        self, endpoint: ClusterEndpoint, connected: bool
    ) -> AsyncGenerator[BaseConnection | None]:
        if not connected:
            async with Lease(endpoint):
                yield None
            return
        async with exclusive_connection(endpoint) as connection:
            yield connection

    def _refused(self) -> Sequence[Callable[[], Awaitable[object]]]:
        if self.blocking:
            return ()
        return [partial(self.client.get, key_on(number, tag=1)) for number in range(PRIMARIES)]

    def _check_rosters(self) -> None:
        """No connection is in use, and no caller waits (G5)."""
        for endpoint in self.pool.endpoints():
            allocator = endpoint.server.allocator
            assert not allocator.exclusive, allocator.exclusive
            assert not allocator.draining, allocator.draining
            assert allocator.leased == allocator.connecting == 0, (
                f"{endpoint.server.address} {self.pool!r}"
            )

    async def _check_layout(self) -> None:
        """The slot map can be refreshed again and again, and no part of an older one is left."""
        pool = self.pool
        # A refresh that the loss of its connections has hit may still run: its error is right.
        error = await pool.topology.wait_refreshed(anew=True)
        assert error is None, error
        if pool._temporary or len(pool.known) > len(pool.members()):
            # The first refresh kept nodes that were visited before it.
            assert await pool.topology.wait_refreshed() is None
        assert pool.known.keys() == {endpoint.address for endpoint in pool.members()}


class FakeBench(ClusterBench):
    """A pool for the fake cluster *fake*."""

    def __init__(self, target: ClusterTarget, fake: ResettableCluster, steps: Steps) -> None:
        self.fake = fake
        super().__init__(target, steps)

    def make(self) -> tuple[ClusterConnectionPool, RedisCluster[bytes]]:
        """A new pool and client, and a cluster as it was in the beginning."""
        self.fake.reset()
        pool = self.fake.cluster.pool(pool_class=self.target.pool_class, **self.target.arguments)
        return pool, RedisCluster(connection_pool=pool, retry=AT_ONCE)

    def watch(self) -> None:
        """At any moment: no more sockets and leases than the limit, for the servers too."""
        super().watch()
        taken = [
            len(node.server.peers) - control_sockets(self.pool, node.address)
            for node in self.fake.nodes
        ]
        assert self.pool.topology.control.sockets <= 2 * topology.AT_ONCE, repr(self.pool)
        most = max(taken) if self.target.per_node else sum(taken)
        assert most <= self.target.capacity, f"{taken} connections on the servers: {self.pool!r}"

    def lose(self) -> None:
        """All connections break."""
        for node in self.fake.nodes:
            node.server.reset()

    def total(self, key: bytes) -> int:
        """The number at *key*, whichever nodes have it."""
        databases = [node.database for node in self.fake.nodes if node.primary is None]
        return sum(int(database.text(key) or 0) for database in databases)

    def items(self, key: bytes) -> list[bytes]:
        """The list at *key*."""
        databases = [node.database for node in self.fake.nodes if node.primary is None]
        return [item for database in databases for item in database.items_of(key)]

    async def check_state(self) -> None:
        """No connection has a request in progress."""
        self.fake.assert_asking_used()
        for peer in (peer for node in self.fake.nodes for peer in node.server.peers):
            state = peer.state
            assert state.queue is None, "a transaction was left open"
            assert not state.watched
            assert not state.asking
            assert (state.protocol, state.db, state.name) == (3, 0, b"")

    async def check_reading(self) -> None:
        """Only connections to replicas sent READONLY, and only for a client that reads there."""
        for node in self.fake.nodes:
            allowed = {self.target.readonly and node.primary is not None}
            if self.target.readonly and node in self.fake.replicas:
                allowed.add(True)  # it was one, and to a primary READONLY means nothing
            wrong = [peer for peer in node.server.peers if peer.state.readonly not in allowed]
            control = control_sockets(self.pool, node.address)
            assert len(wrong) <= control, f"READONLY is not in {allowed}: {node}"

    def is_up(self, endpoint: ClusterEndpoint) -> bool:
        """Whether the node can be connected to."""
        return not any(
            node.address == endpoint.address for node in self.fake.nodes if node.server.down
        )

    async def all_gone(self) -> None:
        """No server has a client under test any more."""
        left = [node for node in self.fake.nodes if node.server.peers]
        assert not left, f"clients are left on {left}"


class RealBench(ClusterBench):
    """A pool for a real cluster, whose servers *controls* observe, primaries first."""

    def __init__(
        self, target: ClusterTarget, cluster: Cluster, controls: list[Control], steps: Steps
    ) -> None:
        self.cluster = cluster
        self.controls = controls
        super().__init__(target, steps)

    def make(self) -> tuple[ClusterConnectionPool, RedisCluster[bytes]]:
        """A new pool and client, and a cluster without data."""
        for control in self.controls[:PRIMARIES]:
            control.ask("FLUSHALL")
        seeds = [(server.host, server.port) for server in self.cluster.primaries]
        pool = self.target.pool_class(startup_nodes=seeds, **self.target.arguments)
        return pool, RedisCluster(connection_pool=pool, retry=AT_ONCE)

    def _owner(self, key: bytes) -> Control:
        return self.controls[slot_of(key) * PRIMARIES // SLOTS]

    def total(self, key: bytes) -> int:
        """The number at *key*."""
        return int(self._owner(key).ask("GET", key) or 0)

    def items(self, key: bytes) -> list[bytes]:
        """The list at *key*."""
        return [item.encode() for item in self._owner(key).ask("LRANGE", key, 0, -1)]

    async def check_state(self) -> None:
        """No connection has a request in progress; a closed one takes a moment to disappear."""
        with anyio.move_on_after(PATIENCE):
            while self._dirty_clients():
                await anyio.sleep(0.001)
        assert self._dirty_clients() == []

    def _dirty_clients(self) -> list[dict[str, str]]:
        clients = [client for control in self.controls for client in control.client_list()]
        return [
            client
            for client in clients
            if not set(client["flags"]) <= {"N"}
            or (client["watch"], client["resp"], client["name"]) != ("0", "3", "")
        ]

    async def check_reading(self) -> None:
        """The flags show that no connection may read from a replica here."""

    async def all_gone(self) -> None:
        """Wait until no server has a client under test any more."""
        for control in self.controls:
            await control.all_gone()


def after(
    change: Callable[[FakeBench], None], run: Callable[[FakeBench], Awaitable[None]]
) -> Callable[[FakeBench], Awaitable[None]]:
    """An operation that runs *change* first."""

    async def operation(bench: FakeBench) -> None:
        change(bench)
        await run(bench)

    return operation
