"""Tests of `anyredis.cluster.nodes.socket_limit`: sockets shared by several nodes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from anyredis.cluster.nodes.socket_limit import SocketLimit
from anyredis.connection.base import BaseConnection
from anyredis.pool.server_connections import ServerConnections
from anyredis.testing import FakeConnection, FakeServer
from tests.blocked_tasks import all_tasks_blocked


class Servers:
    """Some servers, and a node to each of them, all with one bound on their sockets."""

    def __init__(self, count: int, capacity: int, multiplexed_wanted: int = 1) -> None:
        self.servers = [FakeServer() for _ in range(count)]
        self.nodes: list[ServerConnections] = []
        self.socket_limit = SocketLimit(capacity, lambda: self.nodes)
        for server in self.servers:
            self.nodes.append(self._node(server, capacity, multiplexed_wanted))

    def _node(
        self, server: FakeServer, capacity: int, multiplexed_wanted: int
    ) -> ServerConnections:
        def make() -> BaseConnection:
            return FakeConnection(server=server)

        return ServerConnections(
            make,
            address="the fake server",
            capacity=capacity,
            multiplexed_wanted=multiplexed_wanted,
            max_idle_time=None,
            socket_limit=self.socket_limit,
        )

    @property
    def open(self) -> list[int]:
        """How many connections each server has."""
        return [len(server.peers) for server in self.servers]

    @asynccontextmanager
    async def started(self) -> AsyncGenerator[list[ServerConnections]]:
        """The nodes, at work."""
        async with anyio.create_task_group() as tasks:
            for server in self.nodes:
                server.start(tasks)
            with anyio.fail_after(5):
                yield self.nodes
            for server in self.nodes:
                server.close("the test is over")
            tasks.cancel_scope.cancel()


async def test_an_unused_connection_is_closed_for_another_node() -> None:
    """A connection is closed for another node, and the bound holds."""
    servers = Servers(3, 2)
    async with servers.started() as nodes:
        for server in nodes * 2:
            server.release_multiplexed(await server.acquire_multiplexed())
            assert sum(servers.open) <= 2
        assert servers.socket_limit.starved == {}


async def test_no_more_is_closed_than_is_needed() -> None:
    """One for one, though a closed socket is there for a moment yet."""
    servers = Servers(4, 3)
    async with servers.started() as nodes:
        for server in nodes[:3]:
            server.release_multiplexed(await server.acquire_multiplexed())
        await nodes[3].acquire_multiplexed()
        assert sum(servers.open) == 3


async def test_starved_nodes_are_served_in_turn() -> None:
    """G7: the first node that waited gets the first socket that is free."""
    servers = Servers(4, 1)
    served: list[int] = []
    async with servers.started() as nodes, anyio.create_task_group() as tasks:
        mine = await nodes[0].acquire_multiplexed()

        async def acquire_multiplexed(number: int) -> None:
            connection = await nodes[number].acquire_multiplexed()
            served.append(number)
            nodes[number].release_multiplexed(connection)

        for number in (2, 1, 3):
            tasks.start_soon(acquire_multiplexed, number)
            await all_tasks_blocked()
        nodes[0].release_multiplexed(mine)
        with anyio.fail_after(10):
            while len(served) < 3:
                await anyio.lowlevel.checkpoint()
    assert served == [2, 1, 3]


async def test_a_dial_that_a_lease_waits_for_is_not_called_off() -> None:
    """The next starved node waits for its turn."""
    servers = Servers(2, 1)
    servers.servers[0].hold()
    async with servers.started() as nodes, anyio.create_task_group() as tasks:
        tasks.start_soon(nodes[0].acquire_multiplexed)
        await servers.servers[0].wait_for("HELLO")
        tasks.start_soon(nodes[1].acquire_multiplexed)
        await all_tasks_blocked()
        assert servers.open == [1, 0]
        servers.servers[0].release()
        await all_tasks_blocked()
        [connection] = nodes[0].allocator.multiplexed
        nodes[0].release_multiplexed(connection)
        with anyio.fail_after(10):
            while servers.open != [0, 1]:
                await anyio.lowlevel.checkpoint()


async def test_a_node_that_left_takes_no_room() -> None:
    """Its dials are called off at once."""
    servers = Servers(2, 1)
    servers.servers[0].hold()
    async with servers.started() as nodes, anyio.create_task_group() as tasks:
        tasks.start_soon(nodes[0].acquire_multiplexed)
        await servers.servers[0].wait_for("HELLO")
        tasks.cancel_scope.cancel()
        nodes[0].drain("it left")
        with anyio.CancelScope(shield=True):
            await all_tasks_blocked()
        assert servers.open == [0, 0]
        assert nodes[0].allocator.sockets == 0


async def test_a_dial_whose_lease_gives_up_while_others_wait() -> None:
    """Its room is theirs at once, not when the server that hangs has answered."""
    servers = Servers(2, 1)
    servers.servers[0].hold()
    visited: list[BaseConnection] = []
    async with servers.started() as nodes, anyio.create_task_group() as tasks:
        scope = anyio.CancelScope()

        async def acquire_multiplexed() -> None:
            with scope:
                await nodes[0].acquire_multiplexed()

        async def visit() -> None:
            visited.append(await nodes[1].acquire_multiplexed())

        tasks.start_soon(acquire_multiplexed)
        await servers.servers[0].wait_for("HELLO")
        tasks.start_soon(visit)
        await all_tasks_blocked()
        assert servers.open == [1, 0]
        scope.cancel()
        with anyio.fail_after(10):
            while not visited:
                await anyio.lowlevel.checkpoint()
        assert servers.open == [0, 1]
