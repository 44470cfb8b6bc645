"""A pool: a limit on how many may be at work, and the connections that they share.

A lease is the right to be at work: a command in progress holds one, and so does an exclusive
connection.  Leases are bounded by the limit, sockets by the leases.  `Lease` is the object;
`Endpoint.run` takes and releases the lease of an ordinary command in place.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence

import anyio
from anyio.abc import TaskGroup

from anyredis.connection.base import BaseConnection, ConnectionListener, PoolWatcher
from anyredis.connection.options import check_count, check_seconds_or_none
from anyredis.exceptions import DataTypeError
from anyredis.observer import Observer, check_observer
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.limit import Limit
from anyredis.pool.scope import Holder, PoolScope
from anyredis.pool.tasks import PoolTasks
from anyredis.wire.decode import Decode
from anyredis.wire.encode import Encoder

LOGGER = logging.getLogger("anyredis")


def check_sharing(shared_connections: int) -> int:
    """*shared_connections*; raises `DataError` unless it is an int from 0 up."""
    return check_count("shared_connections", shared_connections, least=0)


class BasePool(Holder):
    """What all pools are: a scope, a limit, housekeeping.

    *example* is a connection as the pool makes them, *listeners* are told of all of them.  Enter it
    with `async with`, or give it to clients, which enter it.  All that have entered hold it
    together: it is open until the last of them has left, from whichever task.
    """

    decode_responses: bool
    encoding: str
    encoder: Encoder
    """What packs commands."""
    decodes: Decode | None
    """What turns bytes into text, where the connections do."""

    def __init__(
        self,
        example: BaseConnection,
        *,
        max_idle_time: float | None,
        listeners: Iterable[ConnectionListener],
        task_group: TaskGroup | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.decode_responses = example.decode_responses
        self.encoding = example.encoding
        self.encoder = example.encoder
        self.decodes = example.decodes
        self.listeners = tuple(listeners)
        """What is told of all connections, beside what their class has told of them."""
        everybody = dict.fromkeys((*example.listeners, *self.listeners))
        self._watchers = [each for each in everybody if isinstance(each, PoolWatcher)]
        check_seconds_or_none("max_idle_time", max_idle_time)
        check_observer(observer)
        self.observer = observer
        """What is told of commands, connections and waits; chosen here, and never changed."""
        if task_group is not None and not isinstance(task_group, TaskGroup):
            raise DataTypeError(
                f"task_group has to be a task group of anyio or None, not {task_group!r:.80}"
            )
        patience = min(example.stream_timeout or 4.0, max_idle_time or 4.0, 4.0)
        self._tick = patience / 4
        self._scope = PoolScope(self._opened, self._closing, task_group)

    # -- scope ----------------------------------------------------------------------------------

    @property
    def scope(self) -> PoolScope:
        """Who holds it."""
        return self._scope

    def _opened(self, tasks: PoolTasks) -> None:
        self.opened(tasks)
        tasks.start_soon(self._maintain)

    def _closing(self, tasks: PoolTasks) -> None:
        for endpoint in self.endpoints():
            endpoint.server.close(tasks.reason, tasks.cause)
        for limit in self.limits():
            if limit.waiting:
                limit.lift()  # the callers that wait for a lease find out that it is closed

    async def _maintain(self) -> None:
        while True:
            await anyio.sleep(self._tick)
            for endpoint in self.endpoints():
                endpoint.server.check_health()

    # -- for those who listen -------------------------------------------------------------------

    def start_watchers(self, tasks: PoolTasks) -> None:
        """Run what listeners have to do while the pool is open."""
        for listener in self._watchers:
            tasks.start_soon(self._run_watcher, listener)

    async def _run_watcher(self, listener: PoolWatcher) -> None:
        try:
            await listener.watch(self)
        except Exception:
            # Commands do without it, and so does the block that the pool is open for.
            LOGGER.exception("what listens to the connections of %r failed", self)

    def connections(self) -> list[BaseConnection]:
        """All connections that are open."""
        return [each for endpoint in self.endpoints() for each in endpoint.server.connections()]

    def replace_connections(
        self, reason: str, those: Collection[BaseConnection] | None = None
    ) -> None:
        """Let nobody new use *those* connections, or any that there are.

        Who uses one now may finish; who comes next gets a new one.
        """
        for endpoint in self.endpoints():
            server = endpoint.server
            mine = (
                None if those is None else [each for each in server.connections() if each in those]
            )
            if mine is None or mine:
                server.replace_connections(reason, mine)

    def require_open(self) -> None:
        """Raise `RuntimeError` where nobody has entered the pool in this event loop."""
        self._scope.check()

    # -- for the shapes -------------------------------------------------------------------------

    @abstractmethod
    def make_limit(self) -> Limit:
        """A new limit, for a pool that is being entered."""

    @abstractmethod
    def opened(self, tasks: PoolTasks) -> None:
        """The pool was entered: all that it runs is started by *tasks*."""

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """The servers that it has connections to."""

    @abstractmethod
    def limits(self) -> Collection[Limit]:
        """The limits that it has, each once."""

    def limit_for_next_scope(self, limit: Limit) -> Limit:
        """What to use of now on instead of *limit*: leases of the last time may still come back."""
        return limit if limit.acquired and not limit.lifted else self.make_limit()

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
        if not self._scope.entered:
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
            f"multiplexed={sum(len(each.multiplexed) for each in allocators)} "
            f"exclusive={sum(len(each.exclusive) for each in allocators)} "
            f"idle={sum(len(each.idle) for each in allocators)} "
            f"draining={sum(len(each.draining) for each in allocators)} "
            f"dialling={sum(each.dialling for each in allocators)} "
            f"unanswered={unanswered} tombstones={tombstones}>"
        )
