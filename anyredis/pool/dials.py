"""The dials to one server: each opens a connection; while the server fails, they have pauses.

Law: a dial ends with a connection that is ready, with an error, or with None if it was cancelled.
How many there are is the allocator's decision; a dial that no lease waits for any more may be
cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import anyio

from anyredis.backoff import Backoff
from anyredis.connection.base import BaseConnection, ConnectionListener
from anyredis.connection.errors import cannot_connect
from anyredis.exceptions import RedisError
from anyredis.observer import Observer, notify
from anyredis.waiter import clock

REDIAL = Backoff(base=0.01, cap=0.25)
"""Pauses between failing dials, short enough to find a returning server within a second."""

UNHEALTHY_FOR = 2.0
"""Seconds for which a server that failed counts as unhealthy."""


class Dials:
    """The dials to the server at *address*, and what they tell of its health.

    *make* gives a new connection, not yet connected; *listeners* are told of it, besides those of
    its class.
    """

    def __init__(
        self,
        make: Callable[[], BaseConnection],
        address: str,
        listeners: tuple[ConnectionListener, ...],
        observer: Observer | None,
    ) -> None:
        self.address = address
        self.failures = 0
        """The number of dials that failed since the last one that succeeded."""
        self._make = make
        self._listeners = listeners
        self._observer = observer
        self._last_failure = self._next_dial = self._unhealthy_until = 0.0
        self._going_on: list[anyio.CancelScope] = []

    def start(self) -> None:
        """Forget earlier failures: their times may be those of another event loop's clock."""
        self.failures = 0
        self._last_failure = self._unhealthy_until = 0.0
        self._now = clock()

    async def dial(self, begun: Callable[[], None]) -> BaseConnection | None:
        """A new connection that is ready; None if the dial was cancelled, except with its task.

        *begun* is called once the dial can be cancelled.  Raises what `connect` raises.
        """
        with anyio.CancelScope() as scope:
            self._going_on.append(scope)
            begun()
            try:
                if self.failures and (wait := self._next_dial - self._now()) > 0:
                    await anyio.sleep(wait)
                return await self._connected()
            finally:
                self._going_on.remove(scope)
        return None

    async def _connected(self) -> BaseConnection:
        """A new connection that is ready; the observer is told, if there is one."""
        begin = perf_counter()
        try:
            connection = await self._connect()
        except BaseException as error:
            if self._observer is not None:
                duration = perf_counter() - begin
                notify(self._observer.connect_failed, self.address, duration, error)
            raise
        if self._observer is not None:
            notify(self._observer.connected, connection.address, perf_counter() - begin)
        return connection

    async def _connect(self) -> BaseConnection:
        try:
            connection = self._make()
        except Exception as error:  # the constructor of a user's class may raise anything
            raise cannot_connect(self.address, error, 0) from error
        connection.listeners = (*connection.listeners, *self._listeners)
        try:
            await connection.connect()
        except RedisError:
            raise
        except Exception as error:
            raise cannot_connect(self.address, error, 0) from error
        return connection

    def failed(self) -> float:
        """Count a failure; gives the time at which the next dial begins."""
        self.failures += 1
        self._last_failure = self._now()
        self._next_dial = self._last_failure + REDIAL.delay(self.failures)
        return self._next_dial

    def succeeded(self) -> None:
        """Count failures anew."""
        self.failures = 0

    # -- health ---------------------------------------------------------------------------------

    def mark_unhealthy(self) -> None:
        """Have the server count as unhealthy for `UNHEALTHY_FOR` seconds."""
        self._unhealthy_until = self._now() + UNHEALTHY_FOR

    @property
    def is_unhealthy(self) -> bool:
        """Whether a dial failed within the last `UNHEALTHY_FOR` seconds, or it was marked so."""
        if not self.failures and not self._unhealthy_until:
            return False
        failed_until = self._last_failure + UNHEALTHY_FOR if self.failures else 0.0
        return self._now() < max(failed_until, self._unhealthy_until)

    # -- cancelling -----------------------------------------------------------------------------

    @property
    def cancelled(self) -> int:
        """The number of cancelled dials that have not ended."""
        return sum(dial.cancel_called for dial in self._going_on)

    def cancel_all(self) -> None:
        """Cancel all dials."""
        for dial in self._going_on:
            dial.cancel()

    def cancel_one(self, surplus: int) -> bool:
        """Cancel one of *surplus* dials that no lease waits for; gives whether there was one."""
        going_on = [dial for dial in self._going_on if not dial.cancel_called]
        if not going_on or surplus <= self.cancelled:
            return False
        going_on[-1].cancel()
        return True
