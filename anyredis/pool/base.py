"""A pool: a limit on how many may be at work, and the connections that they share.

A lease is the right to be at work: a command in progress holds one, and so does an exclusive
connection.  Leases are bounded by the limit, sockets by the leases.  `Lease` is the object;
`Endpoint.run` takes and releases the lease of an ordinary command in place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from anyredis.connection.options import check_seconds
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.limit import Limit
from anyredis.pool.scope import Lifetime
from anyredis.wire.decode import Decode
from anyredis.wire.encode import Encoder

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
    encoding: str
    encoder: Encoder
    """What packs commands."""
    decodes: Decode | None
    """What turns bytes into text, where the connections do."""

    def __init__(self, *, stream_timeout: float | None, max_idle_time: float | None) -> None:
        if max_idle_time is not None:
            check_seconds("max_idle_time", max_idle_time)
        patience = min(stream_timeout or 4.0, max_idle_time or 4.0, 4.0)
        self._tick = patience / 4
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
        self.opened(tasks)
        tasks.start_soon(self._maintain)

    def _closing(self) -> None:
        for endpoint in self.endpoints():
            endpoint.server.close("the pool was left")

    async def _maintain(self) -> None:
        while True:
            await anyio.sleep(self._tick)
            for endpoint in self.endpoints():
                endpoint.server.check_health()

    def require_open(self) -> None:
        """Raise `RuntimeError` where nobody has entered the pool."""
        if not self._lifetime.entered:
            raise RuntimeError(NOT_ENTERED)

    # -- for the shapes -------------------------------------------------------------------------

    @abstractmethod
    def make_limit(self) -> Limit:
        """A new limit, for a pool that is being entered."""

    @abstractmethod
    def opened(self, tasks: TaskGroup) -> None:
        """The pool was entered: its connections are children of *tasks*."""

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """The servers that it has connections to."""

    @abstractmethod
    def limits(self) -> Collection[Limit]:
        """The limits that it has, each once."""

    def limit_for_next_scope(self, limit: Limit) -> Limit:
        """What to use of now on instead of *limit*: leases of the last time may still come back."""
        return limit if limit.acquired else self.make_limit()

    # -- what it holds --------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Leases that can still be had."""
        return sum(limit.size - limit.acquired for limit in self.limits())

    @property
    def leased(self) -> int:
        """Leases that hold a connection, or are about to be given one again after a failure."""
        waiting_for_connection = sum(limit.waiting_for_connection for limit in self.limits())
        return waiting_for_connection + sum(
            endpoint.server.allocator.leased for endpoint in self.endpoints()
        )

    @property
    def connecting(self) -> int:
        """Leases that wait for a connection to be ready."""
        return sum(endpoint.server.allocator.connecting for endpoint in self.endpoints())

    @property
    def capacity(self) -> int:
        """Leases there are: `free + leased + connecting` whenever no command is in between."""
        return sum(limit.size for limit in self.limits())

    def __repr__(self) -> str:
        if not self._lifetime.entered:
            return f"<{type(self).__name__} not open>"
        servers = [endpoint.server for endpoint in self.endpoints()]
        connections = [each for server in servers for each in server.connections()]
        unanswered = sum(len(each.wire.inflight) + len(each.wire.unsent) for each in connections)
        tombstones = sum(each.wire.tombstones for each in connections)
        waiting = sum(limit.waiting for limit in self.limits())
        allocators = [server.allocator for server in servers]
        return (
            f"<{type(self).__name__} capacity={self.capacity} free={self.free} "
            f"leased={self.leased} connecting={self.connecting} waiting={waiting} "
            f"shared={sum(len(each.multiplexed) for each in allocators)} "
            f"own={sum(len(each.exclusive) for each in allocators)} "
            f"idle={sum(len(each.idle) for each in allocators)} "
            f"retiring={sum(len(each.draining) for each in allocators)} "
            f"dialling={sum(each.dialling for each in allocators)} "
            f"unanswered={unanswered} tombstones={tombstones}>"
        )
