"""Entries in hand stay a consumer's own; what it never began goes back when it leaves.

Law: only entries that are still pending for this consumer are touched, so that nothing is taken
from a consumer that has claimed them meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

import anyio

from anyredis.exceptions import NoGroupError, RedisError
from anyredis.recipes.consumer_entry import ConsumerEntry, InHand
from anyredis.recipes.consumer_settings import ConsumerSettings
from anyredis.recipes.fetching import Fetcher, StreamPosition, id_order
from anyredis.recipes.stream_errors import passes
from anyredis.replies import S


class Keeper(Generic[S]):
    """Renews the claim of a consumer on its entries, and gives them up."""

    def __init__(
        self,
        settings: ConsumerSettings[S],
        in_hand: InHand[S],
        fetchers: Sequence[Fetcher[S]],
    ) -> None:
        self._settings = settings
        self._in_hand = in_hand
        self._streams = [stream for fetcher in fetchers for stream in fetcher.streams]

    async def run(self) -> None:
        """Renew three times within the claim time, until cancelled."""
        while True:
            await anyio.sleep((self._settings.claim_idle or 0) / 3)
            for stream in self._streams:
                try:
                    await self.renew(stream)
                except NoGroupError:
                    continue  # the reading task creates it again
                except RedisError as error:
                    if not (passes(error) and self._settings.client.scope.entered):
                        raise

    async def renew(self, stream: StreamPosition[S]) -> None:
        """Let the entries of *stream* count as delivered now, and drop those that are another's."""
        queued = self._queued(stream)
        held = [each for each in self._in_hand.entries() if each.stream == stream.name]
        ids = sorted({each.id for each in (*queued, *held)}, key=id_order)
        if not ids:
            return
        settings = self._settings
        own = await settings.own_pending(stream.key, ids[0], ids[-1])
        lost = {each for each in queued if each.id not in own}
        if lost:
            self._in_hand.queue.discard(lost.__contains__)
        kept = [each for each in ids if each in own]
        if kept:
            await settings.client.xclaim_ids(stream.key, settings.group, settings.name, 0, kept)

    def _queued(self, stream: StreamPosition[S]) -> list[ConsumerEntry[S]]:
        queue = self._in_hand.queue
        return [each for _, each in queue.ready if each.stream == stream.name]

    async def hand_back(self) -> None:
        """Let others claim at once what was read and not begun; the delivery does not count."""
        for stream in self._streams:
            queued = {each.id for each in self._queued(stream)}
            least = min((*queued, stream.last), key=id_order)
            own = await self._settings.own_pending(stream.key, least, "+")
            last = id_order(stream.last)
            by_count: dict[int, list[str]] = {}
            for each, count in own.items():
                # Larger IDs came in a reply that was lost, or not read any more.
                if each in queued or id_order(each) > last:
                    by_count.setdefault(count, []).append(each)
            for count, ids in by_count.items():
                await self._give_up(stream, ids, max(0, count - 1))

    async def _give_up(self, stream: StreamPosition[S], ids: list[str], count: int) -> None:
        settings = self._settings
        idle = settings.claim_milliseconds
        await settings.client.xclaim_ids(
            *(stream.key, settings.group, settings.name, 0, ids), idle=idle, retrycount=count
        )
