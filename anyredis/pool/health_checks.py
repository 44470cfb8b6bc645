"""The health checks of the connections to one server, and their renewal by age.

Law: a check is a synchronous function; what it finds out later is a task.  A connection that is
being checked counts as one that is being dialled, so no lease gets it before it has answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Protocol

import anyio

from anyredis.command import raw_command
from anyredis.connection.base import BaseConnection
from anyredis.exceptions import ConnectionError
from anyredis.pool.allocator import ConnectionAllocator

PING_INTERVAL = 30.0
"""Seconds after which an unused connection gets a PING."""

PROBE_TIMEOUT = 0.5
"""Seconds that an idle connection has to answer, after another of its server was lost."""

JITTER = 0.1
"""The part of `max_connection_age` by which the age of a connection may differ from it."""

PING = raw_command(b"PING")

AGE_REASON = "it has reached max_connection_age"


class CheckedServer(Protocol):
    """The connections to one server, as far as their health checks know them."""

    allocator: ConnectionAllocator[BaseConnection]

    def connections(self) -> list[BaseConnection]:
        """All connections that are open."""
        ...

    def replace_connections(
        self, reason: str, those: Collection[BaseConnection] | None = None
    ) -> None:
        """Drain *those* connections."""
        ...

    def assign(self) -> None:
        """Assign connections to waiting leases, and start the dials that are missing."""
        ...


class HealthChecks:
    """The checks of the connections of *server*.

    *max_idle_time*: seconds after which an unused connection is closed; *max_age*: seconds after
    its handshake from which one is replaced (None: never).  *renew* dials the replacement of a
    connection.
    """

    def __init__(
        self,
        server: CheckedServer,
        max_idle_time: float | None,
        max_age: float | None,
        renew: Callable[[BaseConnection], None],
    ) -> None:
        self._server = server
        self._max_idle_time = max_idle_time
        self._max_age = max_age
        self._renew = renew
        self.probed: set[BaseConnection] = set()
        """The connections that have to answer before a lease gets them."""
        self.renewing = False
        """Whether the replacement of a connection is being dialled."""

    def added(self, connection: BaseConnection) -> None:
        """Choose the time from which *connection*, which is ready, is replaced."""
        if self._max_age is not None:
            age = self._max_age * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
            connection.renew_at = connection.ready_at + age

    def check(self, now: float, overslept: float) -> None:
        """Close connections that are overdue, idle for too long or too old, and ping quiet ones.

        *overslept*: seconds by which this check is late, because the event loop stood still.
        """
        for connection in self._server.connections():
            if connection.overdue(overslept):
                seconds = connection.wire.reply_timeout
                connection.close(f"no reply within {seconds:g} s", late=True)
        allocator = self._server.allocator
        for connection in [*allocator.multiplexed, *allocator.idle]:
            self._check_idle(connection, now)
        self._renew_one(now)

    def _check_idle(self, connection: BaseConnection, now: float) -> None:
        wire = connection.wire
        if connection.in_use or not wire.idle or wire.answered != connection.idle_at_count:
            connection.idle_at_count = wire.answered
            connection.idle_since = connection.last_ping = now
            return
        if self._max_idle_time is not None and now - connection.idle_since >= self._max_idle_time:
            connection.close(f"it was idle for {self._max_idle_time:g} s")
        elif now - connection.last_ping >= PING_INTERVAL:
            connection.last_ping = now
            connection.idle_at_count += 1  # the reply to this PING does not count as use
            connection.enqueue((b"PING",))

    def _renew_one(self, now: float) -> None:
        """Replace the oldest connection that has reached its age; another check does the next.

        A multiplexed one is drained once its replacement is ready, or at once if no socket may be
        opened for that.  An exclusive one ends when it is released.
        """
        allocator = self._server.allocator
        candidates = [*allocator.multiplexed, *allocator.idle]
        oldest = min(candidates, key=lambda each: each.renew_at, default=None)
        if oldest is None or oldest.renew_at > now or self.renewing:
            return
        if oldest in allocator.multiplexed and allocator.available() > 0:
            self.renewing = True
            allocator.dialling += 1
            self._renew(oldest)
        else:
            self._server.replace_connections(AGE_REASON, [oldest])

    # -- after a loss ---------------------------------------------------------------------------

    def take_unused(self) -> list[BaseConnection]:
        """The connections that no lease uses; each has to be given to `probe` now."""
        allocator = self._server.allocator
        taken = [*allocator.idle, *(each for each in allocator.multiplexed if not each.in_use)]
        for connection in taken:
            allocator.remove(connection)
            allocator.dialling += 1
            self.probed.add(connection)
        return taken

    async def probe(self, connection: BaseConnection) -> None:
        """Have *connection* answer a PING; it is closed if it does not, idle again otherwise."""
        try:
            with anyio.move_on_after(PROBE_TIMEOUT):
                reply = await connection.run(PING)
                if isinstance(reply, ConnectionError):
                    connection.close("it did not answer a PING")
                return
            connection.close(f"no reply to a PING within {PROBE_TIMEOUT:g} s", late=True)
        finally:
            if connection in self.probed:
                self._probed(connection)
            self._server.assign()

    def _probed(self, connection: BaseConnection) -> None:
        if connection.usable and not connection.dirty:  # not replaced meanwhile
            self.probed.discard(connection)
            self._server.allocator.add(connection)
        else:
            self.forget(connection)
            connection.close("it was replaced")

    def forget(self, connection: BaseConnection) -> None:
        """Count *connection*, which is closed, no longer as one that is being dialled."""
        if connection in self.probed:
            self.probed.discard(connection)
            self._server.allocator.dialling -= 1
