"""The settings of a consumer, checked; and the requests that several parts of it make."""

from __future__ import annotations

from typing import Generic, NamedTuple

from anyredis.recipes.stream_names import StreamClient
from anyredis.replies import S
from anyredis.wire.encode import Key

PAGE = 1000
"""Entries in one page of XPENDING."""


class ConsumerSettings(NamedTuple, Generic[S]):
    """What a consumer was made with."""

    client: StreamClient[S]
    group: Key
    name: Key
    start: Key | int
    """The ID from which a new group reads."""
    claim_idle: float | None
    """Seconds after which a pending entry may be claimed."""
    dead_letter: Key | None
    max_deliveries: int | None

    @property
    def claim_milliseconds(self) -> int:
        """The same in milliseconds, at least one."""
        return max(1, int((self.claim_idle or 0) * 1000))

    async def own_pending(self, stream: Key, start: str, end: str) -> dict[str, int]:
        """The IDs from *start* to *end* that are pending for this consumer, and their deliveries."""
        found: dict[str, int] = {}
        while True:
            page = await self.client.xpending_range(stream, self.group, start, end, PAGE, self.name)
            found.update((each.id, each.times_delivered) for each in page)
            if len(page) < PAGE:
                return found
            start = f"({page[-1].id}"
