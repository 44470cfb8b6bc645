"""The connections to one server: dialled, shared, leased, checked and closed.

Law: the allocator decides, and this file executes its decisions.  Each connection is one task of
the pool, which dials, serves and cleans up.  So a caller that is cancelled while it waits for a
connection stops nothing: once the connection is ready, another lease can use it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol

from anyredis.connection.base import BaseConnection, ConnectionListener
from anyredis.exceptions import ConnectionError, RedisError, fresh
from anyredis.observer import Observer, notify
from anyredis.pool.allocator import ConnectionAllocator, Patience
from anyredis.pool.dials import Dials
from anyredis.pool.health_checks import AGE_REASON, HealthChecks
from anyredis.pool.tasks import TaskStarter
from anyredis.waiter import Waiter, clock, waiter_factory
from anyredis.wire.decode import Reply

LOGGER = logging.getLogger("anyredis")


class SharedSocketLimit(Protocol):
    """A bound on the sockets of several servers together."""

    @property
    def starved(self) -> Collection[ServerConnections]:
        """The servers that need a socket and may not open one yet."""
        ...

    def available(self, server: ServerConnections) -> int:
        """The number of sockets that *server* may still open now."""
        ...

    def assigned(self, server: ServerConnections) -> None:
        """*server* has assigned its connections; starved servers may now open sockets."""
        ...


class ServerConnections:
    """All connections to one server.

    *make* gives a new connection, not yet connected.  *max_idle_time*: seconds after which an
    unused connection is closed; *max_connection_age*: seconds after its handshake from which one is
    replaced (None: never).  *socket_limit* bounds the sockets of several servers together.
    *listeners* are told of each connection, besides those of its class.
    """

    ignores_pushes = True
    starved: Collection[ServerConnections] = ()
    """Servers that need a socket; an unused connection of this server is closed for them."""

    def __init__(
        self,
        make: Callable[[], BaseConnection],
        *,
        address: str,
        capacity: int,
        multiplexed_wanted: int,
        max_idle_time: float | None,
        socket_limit: SharedSocketLimit | None = None,
        max_connection_age: float | None = None,
        listeners: tuple[ConnectionListener, ...] = (),
        observer: Observer | None = None,
    ) -> None:
        available = None if socket_limit is None else partial(socket_limit.available, self)
        self.allocator: ConnectionAllocator[BaseConnection] = ConnectionAllocator(
            capacity, multiplexed_wanted, available
        )
        self.address = address
        """The address of the server, for messages."""
        self.losses = 0
        """The number of lost connections; a server that restarts loses all."""
        self.dials = Dials(make, address, (*listeners, self), observer)
        self._observer = observer
        self._checks = HealthChecks(self, max_idle_time, max_connection_age, self._start_renewal)
        self._generation = 0
        self._tasks: TaskStarter | None = None
        self._socket_limit = socket_limit
        if socket_limit is not None:
            self.starved = socket_limit.starved

    _close_reason = "the pool was left"
    _closed_by: BaseException | None = None

    def start(self, tasks: TaskStarter) -> None:
        """Take leases from now on; *tasks* starts the task of each connection."""
        self._tasks = tasks
        self.dials.start()
        self.allocator.most_dials = None
        self._new_waiter = waiter_factory()
        self._now = clock()

    def close(self, reason: str, cause: BaseException | None = None) -> None:
        """Close all connections and fail all leases that wait for one."""
        self._stop_serving(reason, cause)
        for connection in self.connections():
            connection.close(reason, cause)

    def drain(self, reason: str) -> None:
        """Fail all leases that wait for a connection; close each connection after its last use."""
        self._stop_serving(reason)
        self.replace_connections(reason)

    def replace_connections(
        self, reason: str, those: Collection[BaseConnection] | None = None
    ) -> None:
        """Drain *those* connections, or if it is None all, those that are being dialled included.

        Leases that use one now may finish; the next leases get new connections.
        """
        self._generation += those is None
        for connection in self.connections() if those is None else those:
            # If it is exclusive, it is closed when it is released.
            connection.dirty = connection.replaced = True
            if (leftover := self.allocator.drain(connection)) is not None:
                leftover.close(reason)
        self.assign()

    def _stop_serving(self, reason: str, cause: BaseException | None = None) -> None:
        self._tasks = None
        self._close_reason, self._closed_by = reason, cause
        self.allocator.fail_all(self._closed_error)
        self.dials.cancel_all()

    def _closed_error(self) -> ConnectionError:
        error = ConnectionError(f"no connection to {self.address}: {self._close_reason}")
        error.__cause__ = self._closed_by
        return error

    @property
    def open(self) -> bool:
        """Whether it takes new leases: the pool is open, and still has this server."""
        return self._tasks is not None

    def mark_unhealthy(self) -> None:
        """Make other servers the better choice for a while, see `Dials.mark_unhealthy`."""
        self.dials.mark_unhealthy()

    @property
    def is_unhealthy(self) -> bool:
        """Whether other servers are the better choice for now, see `Dials.is_unhealthy`."""
        return self.dials.is_unhealthy

    def connections(self) -> list[BaseConnection]:
        """All connections that are open."""
        allocator = self.allocator
        in_pool = (allocator.multiplexed, allocator.idle, allocator.exclusive, allocator.draining)
        return [each for group in (*in_pool, self._checks.probed) for each in group]

    # -- leases ---------------------------------------------------------------------------------

    async def acquire_multiplexed(self, patience: Patience | None = None) -> BaseConnection:
        """A connection for an ordinary command; `release_multiplexed` it afterwards.

        Raises the error of the dial if that fails, unless *patience* waits for the next one.
        """
        connection = self.acquire_multiplexed_nowait()
        if connection is not None:
            return connection
        return await self._wait_in_line(
            self.allocator.multiplexed_waiters, self.release_multiplexed, patience
        )

    def acquire_multiplexed_nowait(self) -> BaseConnection | None:
        """A connection for an ordinary command; None if the lease has to wait for one."""
        connection = self.allocator.acquire_multiplexed()
        if self.allocator.multiplexed_wanted > 1:
            self.assign()  # another multiplexed connection may be wanted
        return connection

    def release_multiplexed(self, connection: BaseConnection) -> None:
        """Release *connection* after an ordinary command."""
        allocator = self.allocator
        leftover = allocator.release_multiplexed(connection)
        if leftover is not None:
            leftover.close("it was replaced")
        if allocator.exclusive_waiters or allocator.multiplexed_waiters or self.starved:
            self.assign()

    async def acquire_exclusive(self, patience: Patience | None = None) -> BaseConnection:
        """An exclusive connection; `release_exclusive` it afterwards.

        Raises the error of the dial if that fails, unless *patience* waits for the next one.
        """
        while True:
            connection = self.allocator.acquire_exclusive()
            if connection is None:
                waiters = self.allocator.exclusive_waiters
                connection = await self._wait_in_line(waiters, self.release_exclusive, patience)
            try:
                usable = await connection.hear()
            except BaseException:
                self.release_exclusive(connection)
                raise
            if usable:
                return connection
            self.release_exclusive(connection)

    def release_exclusive(self, connection: BaseConnection) -> None:
        """Release *connection*: it becomes idle, or is closed if it is dirty or not usable."""
        aged = connection.renew_at <= self._now()
        connection.dirty = connection.dirty or aged
        leftover = self.allocator.release_exclusive(connection)
        if leftover is not None:
            leftover.close(AGE_REASON if aged else "its state was changed")
        self.assign()

    async def _wait_in_line(
        self,
        line: dict[Waiter, Patience | None],
        undo: Callable[[BaseConnection], None],
        patience: Patience | None,
    ) -> BaseConnection:
        if self._tasks is None:
            raise self._closed_error()
        waiter = self._new_waiter()
        line[waiter] = patience
        self.assign()
        try:
            answer: BaseConnection | RedisError = await waiter
        except BaseException:
            line.pop(waiter, None)
            if not waiter.cancelled() and isinstance(got := waiter.result(), BaseConnection):
                undo(got)  # it was assigned in the turn in which this task was cancelled
            if self.starved:  # by the dial for this lease, which may be surplus now
                self.assign()
            raise
        if isinstance(answer, RedisError):
            raise answer
        return answer

    # -- connections ----------------------------------------------------------------------------

    def assign(self) -> None:
        """Assign connections to waiting leases, and start the dials that are missing."""
        if self._tasks is not None:
            for _ in range(self.allocator.assign()):
                self._tasks.start_soon(self._run_connection)
        if self._socket_limit is not None:
            self._socket_limit.assigned(self)

    async def _run_connection(self, old: BaseConnection | None = None) -> None:
        """Dial one connection and serve it until it is closed; it replaces *old*, if given."""
        allocator, edition = self.allocator, self._generation
        try:
            connection = await self.dials.dial(self._dial_begun)
        except RedisError as error:
            self._dial_failed(error)
            return
        except BaseException:
            allocator.dialling -= 1
            self.assign()  # the pool may be open again by now
            raise
        finally:
            if old is not None:
                self._checks.renewing = False
        if connection is None:
            allocator.dialling -= 1
            self.assign()
            return
        self.dials.succeeded()
        allocator.most_dials = None
        connection.idle_since = connection.last_ping = self._now()
        self._checks.added(connection)
        allocator.add(connection)
        if self._tasks is None:  # the pool was closed, or removed this server, meanwhile
            connection.close(self._close_reason, self._closed_by)
        elif edition != self._generation:
            connection.close("it was replaced before it was ready")
        elif not connection.usable:  # a listener drained or closed it in `ready`
            self.lost(connection, "it was replaced before it was ready")
        elif old is not None and not old.closed:
            self.replace_connections(AGE_REASON, [old])
        self.assign()
        await self._serve(connection)

    def _dial_failed(self, failed: RedisError) -> None:
        """Fail the leases that waited for this dial; from now on there is one dial at a time."""
        next_dial = self.dials.failed()
        self.allocator.dial_failed(lambda: fresh(failed), next_dial)
        self.allocator.most_dials = 1
        self.assign()

    def _dial_begun(self) -> None:
        if self.starved:  # the lease that wanted this dial may have been cancelled since
            self.assign()

    async def _serve(self, connection: BaseConnection) -> None:
        allocator = self.allocator
        try:
            await connection.serve()
        except Exception:
            # A stream of a user's class may fail to close, which concerns no request.
            LOGGER.exception("closing the connection to %s failed", connection.address)
        finally:
            allocator.remove(connection)
            allocator.closing.discard(connection)
            self.assign()

    def cancel_dial(self) -> bool:
        """Cancel one dial that no lease waits for; gives whether there was one.

        Its socket is available a moment later.
        """
        return self.dials.cancel_one(self.allocator.surplus_dials)

    @property
    def closing_soon(self) -> int:
        """Sockets that are about to be closed, those of cancelled dials included."""
        return self.allocator.closing_soon + self.dials.cancelled

    # -- as a listener of its connections -------------------------------------------------------

    def ready(self, connection: BaseConnection, /) -> None:
        """Do nothing: `_run_connection` adds the connection."""

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Do nothing: other listeners take the pushes."""

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Remove or drain *connection*, which is closed or takes no new requests."""
        if connection.closed:
            if self._observer is not None:
                notify(self._observer.disconnected, connection.address, reason)
            self.losses += connection.lost
            self._checks.forget(connection)
            self.allocator.closing.add(connection)
            self.allocator.remove(connection)
            if connection.lost:
                self._probe_unused()
        elif (leftover := self.allocator.drain(connection)) is not None:
            leftover.close("it was replaced")
        if connection.outdated:
            connection.outdated = False  # once is enough
            self.replace_connections(reason, self.connections())
        self.assign()

    # -- maintenance ----------------------------------------------------------------------------

    def check_health(self, overslept: float = 0.0) -> None:
        """Close, ping or replace connections that need it, see `HealthChecks.check`."""
        if self._tasks is not None:
            self._checks.check(self._now(), overslept)

    def _probe_unused(self) -> None:
        """Have each connection that no lease uses answer a PING before a lease gets it."""
        if self._tasks is not None:
            for connection in self._checks.take_unused():
                self._tasks.start_soon(self._checks.probe, connection)

    def _start_renewal(self, old: BaseConnection) -> None:
        if self._tasks is not None:
            self._tasks.start_soon(self._run_connection, old)
