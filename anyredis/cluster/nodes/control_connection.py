"""The control connection of a cluster's pool: for commands of the pool itself, not of users.

Law: it uses no lease and does not count in the socket limit.  Several nodes can be asked at once,
each on its own connection; once none is in use, one that answered stays open, and the others are
closed.  The one that stays is closed if it is not used for `KEEP` seconds, or with the pool.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from anyredis.address import TCPAddress
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ConnectionError, RedisError
from anyredis.pool.server_connections import ServerConnections
from anyredis.pool.tasks import TaskStarter
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value

KEEP = 10.0
"""Seconds that the control connection stays open after it was used."""


class ControlConnection:
    """Asks the nodes of a cluster; *make* gives a new connection to one, not yet connected."""

    def __init__(self, make: Callable[[TCPAddress], BaseConnection]) -> None:
        self._make = make
        self._tasks: TaskStarter | None = None
        self._nodes: dict[TCPAddress, ServerConnections] = {}
        """The nodes in use now, and the one whose connection stays open."""
        self._users: dict[ServerConnections, int] = {}
        """The number of blocks that use each node now."""
        self._closing: list[ServerConnections] = []
        """Nodes whose connections are closing; some sockets may still be open."""

    def start(self, tasks: TaskStarter) -> None:
        """Start to work, with connections in tasks that *tasks* starts."""
        self._tasks = tasks

    def close(self, reason: str) -> None:
        """Close all connections; requests in flight fail with *reason*."""
        self._tasks = None
        for address in list(self._nodes):
            self._discard(address, reason)

    def close_unused(self) -> None:
        """Close the connection that stayed open, unless it is in use."""
        for address, node in list(self._nodes.items()):
            if node not in self._users:
                self._discard(address, "it was not used any more")

    @property
    def sockets(self) -> int:
        """The number of connections that are open, connecting or closing."""
        self._closing = [node for node in self._closing if node.allocator.sockets]
        return sum(node.allocator.sockets for node in (*self._nodes.values(), *self._closing))

    @property
    def connected(self) -> list[TCPAddress]:
        """The nodes that it has a connection to."""
        return [address for address, node in self._nodes.items() if node.connections()]

    @asynccontextmanager
    async def to(self, address: TCPAddress) -> AsyncGenerator[BaseConnection]:
        """A connection to the node at *address*, for the length of an `async with` block.

        Other blocks may use the same connection at the same time.  It is closed if the block
        fails.  Raises the errors of connecting.
        """
        node = self._enter(address)
        good = False
        try:
            connection = await node.acquire_multiplexed()
            try:
                yield connection
            finally:
                node.release_multiplexed(connection)
            good = connection.usable
        finally:
            self._leave(address, node, good=good)

    async def ask(self, address: TCPAddress, args: tuple[Value, ...]) -> Reply:
        """The reply of the node at *address*; raises the error if it is one."""
        async with self.to(address) as connection:
            return await ask(connection, args)

    def _enter(self, address: TCPAddress) -> ServerConnections:
        if self._tasks is None:
            raise ConnectionError(f"{address} was not asked: the pool was left")
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = ServerConnections(
                lambda: self._make(address),
                address=str(address),
                capacity=1,
                multiplexed_wanted=1,
                max_idle_time=None,
            )
            node.start(self._tasks)
        self._users[node] = self._users.get(node, 0) + 1
        return node

    def _leave(self, address: TCPAddress, node: ServerConnections, *, good: bool) -> None:
        self._users[node] -= 1
        if self._users[node]:
            return
        del self._users[node]
        if self._nodes.get(address) is not node:
            return  # it was closed meanwhile
        unused = [each for each in self._nodes.values() if each not in self._users]
        if not good or unused != [node]:
            self._discard(address, "it was used for one question")

    def _discard(self, address: TCPAddress, reason: str) -> None:
        node = self._nodes.pop(address)
        self._closing.append(node)
        node.close(reason)


async def ask(connection: BaseConnection, args: tuple[Value, ...]) -> Reply:
    """The reply to one small command on *connection*; raises the error if it is one."""
    request = connection.enqueue(args, binary=True)
    if request is None:
        raise ConnectionError(f"{connection.address} does not read")
    reply = await connection.answer(request)
    if isinstance(reply, RedisError):
        raise reply
    return reply
