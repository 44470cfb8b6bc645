"""A pool: a limit on how many may be at work, and the connections that they share.

A lease is the right to be at work; a command in progress holds one, and so does whoever has a
connection of their own.  Leases are bounded by the limit, sockets by the leases.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from anyredis.connection.base import BaseConnection
from anyredis.connection.options import check_seconds
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.pool.limit import StrictLimit, WaitingLimit
from anyredis.pool.node import Node
from anyredis.pool.scope import Lifetime

NOT_ENTERED = (
    "this client or pool is not open: write `async with client:` (or `async with pool:`) around "
    "its use"
)


def check_sharing(shared_connections: int) -> int:
    """*shared_connections*; raises `DataError` unless it is an int from 0 up."""
    if not isinstance(shared_connections, int) or isinstance(shared_connections, bool):
        raise DataTypeError(f"shared_connections has to be an int, not {shared_connections!r}")
    if shared_connections < 0:
        raise DataValueError(f"shared_connections has to be 0 or more, not {shared_connections}")
    return shared_connections


class BasePool(ABC):
    """What all pools are: a scope, a limit, housekeeping.

    Enter it with `async with`, or give it to clients, which enter it.  The first to enter owns its
    tasks; others may use it from any task meanwhile, and its owner waits for them on leaving.
    """

    decode_responses: bool

    def __init__(
        self, *, capacity: int, stream_timeout: float | None, max_idle_time: float | None
    ) -> None:
        if max_idle_time is not None:
            check_seconds("max_idle_time", max_idle_time)
        patience = min(stream_timeout or 4.0, max_idle_time or 4.0, 4.0)
        self._tick = patience / 4
        self.limit: StrictLimit | WaitingLimit = StrictLimit(capacity)
        self.unattached = 0
        """Leases that neither hold a connection nor stand in line for one, as between two tries."""
        self._lifetime = Lifetime(self._opened, self._closing)

    # -- scope ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._lifetime.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._lifetime.leave(kind, error, traceback)

    def _opened(self, tasks: TaskGroup) -> None:
        if not self.limit.taken:  # else leases of the last time are still to come back
            self.limit = self.make_limit()
        for node in self.nodes():
            node.open(tasks)
        tasks.start_soon(self._keep_house)

    def _closing(self) -> None:
        for node in self.nodes():
            node.close("the pool was left")

    async def _keep_house(self) -> None:
        while True:
            await anyio.sleep(self._tick)
            for node in self.nodes():
                node.tend()

    def require_open(self) -> None:
        """Raise `RuntimeError` where nobody has entered the pool."""
        if not self._lifetime.entered:
            raise RuntimeError(NOT_ENTERED)

    # -- for the shapes -------------------------------------------------------------------------

    @abstractmethod
    def make_limit(self) -> StrictLimit | WaitingLimit:
        """A new limit, for a pool that is being entered."""

    @abstractmethod
    def nodes(self) -> list[Node]:
        """The servers that it has connections to."""

    # -- what it holds --------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Leases that can still be had."""
        return self.limit.capacity - self.limit.taken

    @property
    def leased(self) -> int:
        """Leases that hold a connection, or are about to be given one again after a failure."""
        return self.unattached + sum(node.roster.leased for node in self.nodes())

    @property
    def connecting(self) -> int:
        """Leases that wait for a connection to be ready."""
        return sum(node.roster.connecting for node in self.nodes())

    @property
    def capacity(self) -> int:
        """Leases there are: `free + leased + connecting` whenever no command is in between."""
        return self.limit.capacity

    def __repr__(self) -> str:
        if not self._lifetime.entered:
            return f"<{type(self).__name__} not open>"
        connections = [each for node in self.nodes() for each in node.connections()]
        unanswered = sum(len(each.wire.inflight) + len(each.wire.unsent) for each in connections)
        tombstones = sum(each.wire.tombstones for each in connections)
        rosters = [node.roster for node in self.nodes()]
        return (
            f"<{type(self).__name__} capacity={self.capacity} free={self.free} "
            f"leased={self.leased} connecting={self.connecting} waiting={self.limit.waiting} "
            f"shared={sum(len(each.shared) for each in rosters)} "
            f"own={sum(len(each.own) for each in rosters)} "
            f"idle={sum(len(each.idle) for each in rosters)} "
            f"retiring={sum(len(each.retiring) for each in rosters)} "
            f"dialling={sum(each.dialling for each in rosters)} "
            f"unanswered={unanswered} tombstones={tombstones}>"
        )

    # -- leases ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[None]:
        """The right to be at work, for an `async with` block.

        Raises `MaxConnectionsError` or `PoolTimeoutError`.
        """
        self.require_open()
        limit = self.limit
        await limit.take()
        self.unattached += 1
        try:
            yield
        finally:
            self.unattached -= 1
            limit.give_back()

    async def ride_node(self, node: Node) -> BaseConnection:
        """A connection to *node* for one ordinary command of a lease."""
        self.unattached -= 1
        try:
            return await node.ride()
        except BaseException:
            self.unattached += 1
            raise

    @asynccontextmanager
    async def acquire_node(self, node: Node) -> AsyncGenerator[BaseConnection]:
        """A lease, and a connection to *node* of one's own."""
        async with self.lease():
            self.unattached -= 1
            try:
                connection = await node.own()
                try:
                    yield connection
                finally:
                    node.give_back(connection)
            finally:
                self.unattached += 1
