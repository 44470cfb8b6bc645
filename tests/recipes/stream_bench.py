"""A fake server with streams, and what its memory tells about them without a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

from anyredis import Redis
from anyredis.recipes import Consumer, ConsumerEntry
from anyredis.testing import FakeServer, StreamData, VirtualClock


class StreamBench:
    """The stream `orders` of a fake server, whose time only the test moves, and its group `billing`."""

    def __init__(self) -> None:
        self.clock = VirtualClock(1000.0)
        self.server = FakeServer(clock=self.clock)

    def client(self, **options: Any) -> Redis[str]:
        """A client of it."""
        return self.server.client(decode_responses=True, **options)

    def stream(self, name: str = "orders") -> StreamData:
        """The stream as it is."""
        found = self.server.memory.databases[0][name.encode()]
        assert isinstance(found, StreamData)
        return found

    def pending(self, name: str = "orders") -> dict[str, tuple[str, int]]:
        """The consumer and the deliveries of each pending entry, by its ID."""
        group = self.stream(name).groups[b"billing"]
        return {
            key.encoded().decode(): (each.consumer.decode(), each.deliveries)
            for key, each in sorted(group.pending.items())
        }

    def idle(self, entry_id: str) -> float:
        """The seconds since a pending entry was delivered."""
        pending = self.stream().groups[b"billing"].pending
        [found] = [each for key, each in pending.items() if key.encoded().decode() == entry_id]
        return self.clock.now() - found.delivered / 1000


async def add(client: Redis[str], count: int, name: str = "orders", first: int = 1) -> list[str]:
    """The IDs of *count* entries, numbered from *first*, which are added: `1-0` and so on."""
    return [
        await client.xadd(name, {"n": number}, f"{number}-0")
        for number in range(first, first + count)
    ]


def consumer(client: Redis[str], name: str = "c1") -> Consumer[str]:
    """A consumer of `orders`."""
    return Consumer(client, "orders", group="billing", name=name)


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until *condition* is true."""
    with anyio.fail_after(20):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def take(entries: Consumer[str], count: int) -> list[ConsumerEntry[str]]:
    """The next *count* entries; the last of them is not acknowledged."""
    found: list[ConsumerEntry[str]] = []
    async for entry in entries:
        found.append(entry)
        if len(found) == count:
            break
    return found


async def left_by(client: Redis[str], name: str) -> None:
    """Entries that a consumer of that name got, and never acknowledged."""
    await client.xgroup_create("orders", "billing", "0", mkstream=True)
    await add(client, 3)
    await client.xreadgroup("billing", name, {"orders": ">"})
