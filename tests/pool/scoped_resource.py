"""A resource with a scope, and what happens to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from anyredis.pool.scope import Holder, PoolScope
from anyredis.pool.tasks import PoolTasks


class Resource(Holder):
    """A holder with one background task."""

    def __init__(
        self,
        background: Callable[[], Awaitable[object]] = anyio.sleep_forever,
        task_group: TaskGroup | None = None,
    ) -> None:
        self._scope = PoolScope(self.opened, self.closing, task_group)
        self.log: list[str] = []
        self.background = background
        self.tasks: PoolTasks | None = None

    @property
    def scope(self) -> PoolScope:
        """The scope."""
        return self._scope

    def opened(self, tasks: PoolTasks) -> None:
        """Start the task."""
        self.log.append("opened")
        self.tasks = tasks
        tasks.start_soon(self.run)

    def closing(self, tasks: PoolTasks) -> None:
        """Note that it is closing."""
        self.log.append("closing")

    async def run(self) -> None:
        """Run *background*."""
        try:
            await self.background()
        finally:
            self.log.append("ended")


ALL_EVENTS = ["opened", "closing", "ended"]
