"""Cache invalidation: values are kept in memory, and forgotten as soon as anybody changes them."""

from __future__ import annotations

import sys

import anyio

import anyredis


class LocalCache:
    """The values of keys below *prefix*, read from the server once until they change."""

    def __init__(self, client: anyredis.Redis[str], prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._values: dict[str, str | None] = {}
        self._changes = self.reads = 0

    async def watch(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Forget what changes; after a gap, everything: a change may have been missed."""
        async with self._client.keyspace_events(f"{self._prefix}*") as events:
            task_status.started()
            async for event in events:
                self._changes += 1
                gone = [event.key] if isinstance(event, anyredis.KeyEvent) else [*self._values]
                for key in gone:
                    self._values.pop(key, None)

    async def get(self, key: str) -> str | None:
        """The value of *key*, from memory if possible."""
        if key not in self._values:
            self.reads, changes = self.reads + 1, self._changes
            value = await self._client.get(key)
            if changes != self._changes:  # it may be out of date already
                return value
            self._values[key] = value
        return self._values[key]


async def main(url: str) -> None:
    """Read a value a thousand times, change it, and read it again."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await client.config_set("notify-keyspace-events", "KA")
        await client.set("price:tea", "3")
        cache = LocalCache(client, "price:")
        async with anyio.create_task_group() as tasks:
            await tasks.start(cache.watch)
            print({await cache.get("price:tea") for _ in range(1000)}, "reads:", cache.reads)
            await client.set("price:tea", "4", ex=60)
            while await cache.get("price:tea") == "3":
                await client.ping()  # the event is on its way
            print({await cache.get("price:tea")})
            tasks.cancel_scope.cancel()


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
