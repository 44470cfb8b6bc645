"""Listeners that also run a task while a pool is open.

Law: a watcher sees the connections of its pool and may have them replaced; it changes nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from anyredis.connection.base import BaseConnection, ConnectionListener


class PoolView(Protocol):
    """The connections of a pool, for a `PoolWatcher`."""

    def connections(self) -> list[BaseConnection]:
        """All open connections."""
        ...

    def replace_connections(
        self, reason: str, those: Collection[BaseConnection] | None = None
    ) -> None:
        """Drain *those* connections, or all if it is None; the next leases get new ones."""
        ...


@runtime_checkable
class PoolWatcher(ConnectionListener, Protocol):
    """A listener that also runs a task while the pool is open."""

    async def watch(self, pool: PoolView, /) -> None:
        """Run as a task of *pool* while that is open; cancelled when it closes.

        An exception is logged, and the pool continues without this task.
        """
        ...
