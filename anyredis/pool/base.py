"""The base of all pools: a limit of leases, and the connections that the leases share.

Law: a lease is the permission to use the server.  Every command in progress holds one, and so does
every exclusive connection.  The limit bounds the leases, and the leases bound the sockets.
`Lease` is the object; `Endpoint.run` acquires and releases the lease of an ordinary command in place.
"""

from __future__ import annotations

import logging
import re
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

from anyredis.connection.base import BaseConnection, ConnectionListener
from anyredis.connection.options import (
    check_count,
    check_iterable,
    check_seconds_or_none,
    refuse_unknown,
)
from anyredis.connection.tcp import Connection
from anyredis.connection.tls import share_context
from anyredis.credentials import hide
from anyredis.exceptions import DataTypeError
from anyredis.excerpt import excerpt, unmade
from anyredis.observer import Observer, check_observer
from anyredis.option_names import advice
from anyredis.pool.endpoint import Endpoint
from anyredis.pool.limit import Limit
from anyredis.pool.scope import Holder, PoolScope
from anyredis.pool.tasks import PoolTasks
from anyredis.pool.watchers import PoolWatcher
from anyredis.waiter import clock
from anyredis.wire.decode import Decode
from anyredis.wire.encode import Encoder

C = TypeVar("C", bound=BaseConnection)

LOGGER = logging.getLogger("anyredis")


def check_sharing(shared_connections: int) -> int:
    """*shared_connections*; raises `DataError` unless it is an int from 0 up."""
    return check_count("shared_connections", shared_connections, least=0)


def construct(kind: type[C], arguments: Mapping[str, Any], known: Collection[str]) -> C:
    """A connection of the class *kind*; raises `DataError` for an argument that it does not take.

    *known* are the names for the advice about it.
    """
    try:
        return kind(**arguments)
    except TypeError as error:
        if isinstance(error, DataTypeError):
            raise
        name = re.search(UNEXPECTED, str(error))
        remedy = advice(name[1], known) if name else ""
        message = f"{kind.__name__}: {error}{remedy and f': {remedy}'}"
        raise DataTypeError(message) from error


def for_connections(
    kind: type[C],
    arguments: dict[str, Any],
    known: Collection[str],
    *,
    base: type[BaseConnection],
    own: type[BaseConnection] | None = None,
) -> tuple[type[C], dict[str, Any]]:
    """The class of the connections, and their *arguments* with one TLS context for all of them.

    Raises `DataError` unless *kind* is a subclass of *base* that takes them.  Only the arguments of
    our *own* class, by default *base*, are *known*; others may take any.
    """
    hide(arguments)
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise DataTypeError(
            f"connection_class has to be a subclass of {base.__name__}, not {kind!r}"
        )
    if kind is (own or base):
        refuse_unknown(arguments, known, by=kind.__name__)
    if issubclass(kind, Connection):
        share_context(arguments)
    return kind, arguments


UNEXPECTED = r"unexpected keyword argument '(\w+)'"


class BasePool(Holder):
    """A pool: its scope, its limits, its maintenance.

    *example* is a connection like those of the pool; *listeners* are told of all its connections.
    Enter the pool with `async with`, or give it to clients, which enter it.  All blocks that have
    entered hold the pool together: it is open until the last of them has left, from any task.
    """

    decode_responses: bool
    encoding: str
    encoding_errors: str
    db: int
    """The database of its connections."""
    encoder: Encoder
    """Encodes commands."""
    decodes: Decode | None
    """Decodes bytes to text, if the connections decode replies."""

    def __init__(
        self,
        example: BaseConnection,
        *,
        max_idle_time: float | None,
        max_connection_age: float | None,
        listeners: Iterable[ConnectionListener],
        task_group: TaskGroup | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.decode_responses = example.decode_responses
        self.encoding = example.encoding
        self.encoding_errors = example.encoding_errors
        self.db = example.db
        self.encoder = example.encoder
        self.decodes = example.decodes
        check_iterable("listeners", listeners, "ConnectionListeners")
        self.listeners = tuple(listeners)
        """The listeners of all connections, besides those of the connection class."""
        all_listeners = dict.fromkeys((*example.listeners, *self.listeners))
        self._watchers = [each for each in all_listeners if isinstance(each, PoolWatcher)]
        check_seconds_or_none("max_idle_time", max_idle_time)
        check_seconds_or_none("max_connection_age", max_connection_age)
        self._max_idle_time, self._max_connection_age = max_idle_time, max_connection_age
        check_observer(observer)
        self.observer = observer
        """What is told of commands, connections and waits; chosen here, and never changed."""
        if task_group is not None and not isinstance(task_group, TaskGroup):
            raise DataTypeError(
                f"task_group has to be a task group of anyio or None, not {excerpt(task_group, 80)}"
            )
        times = (example.stream_timeout, max_idle_time, max_connection_age, 4.0)
        self._maintenance_interval = min(each for each in times if each is not None) / 4
        self._scope = PoolScope(self._opened, self._closing, task_group)

    # -- scope ----------------------------------------------------------------------------------

    @property
    def scope(self) -> PoolScope:
        """The scope of the pool, which its holders enter and leave."""
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
        now, interval = clock(), self._maintenance_interval
        while True:
            due = now() + interval
            await anyio.sleep(interval)
            late = now() - due
            overslept = late if late > interval / 2 else 0.0
            for endpoint in self.endpoints():
                endpoint.server.check_health(overslept)

    # -- for listeners --------------------------------------------------------------------------

    def start_watchers(self, tasks: PoolTasks) -> None:
        """Run the `watch` method of each `PoolWatcher` in a task."""
        for listener in self._watchers:
            tasks.start_soon(self._run_watcher, listener)

    async def _run_watcher(self, listener: PoolWatcher) -> None:
        try:
            await listener.watch(self)
        except Exception:
            # The failure of a watcher fails neither commands nor the blocks that hold the pool.
            LOGGER.exception("a watcher of the connections of %r failed", self)

    def connections(self) -> list[BaseConnection]:
        """All connections that are open."""
        return [each for endpoint in self.endpoints() for each in endpoint.server.connections()]

    def replace_connections(
        self, reason: str, those: Collection[BaseConnection] | None = None
    ) -> None:
        """Drain *those* connections, or all if it is None.

        Leases that use one now may finish; the next leases get new connections.
        """
        for endpoint in self.endpoints():
            server = endpoint.server
            selected = (
                None if those is None else [each for each in server.connections() if each in those]
            )
            if selected is None or selected:
                server.replace_connections(reason, selected)

    def require_open(self) -> None:
        """Raise `RuntimeError` unless the pool is open in this event loop."""
        self._scope.check()

    # -- for subclasses -------------------------------------------------------------------------

    @abstractmethod
    def make_limit(self) -> Limit:
        """A new limit, for a pool that is being entered."""

    @abstractmethod
    def opened(self, tasks: PoolTasks) -> None:
        """Start the pool, which has just been entered; *tasks* starts all its tasks."""

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """The endpoints of the servers that the pool has connections to."""

    @abstractmethod
    def limits(self) -> Collection[Limit]:
        """The limits of the pool, each once."""

    def limit_for_next_scope(self, limit: Limit) -> Limit:
        """The limit to use from now on: *limit* itself if leases of it are still held.

        Such leases were taken before the pool was last left, and are released to *limit* later.
        Otherwise it is a new limit, for the event loop that is running now.
        """
        return limit if limit.acquired and not limit.lifted else self.make_limit()

    # -- counts ---------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Leases that are not in use."""
        return sum(limit.size - limit.acquired for limit in self.limits())

    @property
    def leased(self) -> int:
        """Leases that hold a connection, or retry after a failure and are about to get one."""
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
        """All leases: `free + leased + connecting` whenever no command is between two states."""
        return sum(limit.size for limit in self.limits())

    def __repr__(self) -> str:
        if "_scope" not in vars(self):
            return unmade(self)
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
