"""The task of a consumer that reads the streams of one server or slot.

Law: it first takes what is pending for its own name, then what others left for too long, then new
entries.  After a failure it looks again for entries that were delivered to its name by replies that
were lost: their IDs are larger than the last one it has seen.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import Final, Generic

import anyio

from anyredis.backoff import Retry, not_run
from anyredis.exceptions import BusyGroupError, NoGroupError, RedisError
from anyredis.excerpt import excerpt
from anyredis.recipes.consumer_entry import ConsumerEntry, InHand
from anyredis.recipes.consumer_settings import ConsumerSettings
from anyredis.recipes.dead_letters import bury, is_dead
from anyredis.recipes.entry_queue import Share
from anyredis.recipes.stream_errors import BACKOFF, passes
from anyredis.recipes.stream_names import shown_name
from anyredis.replies import S
from anyredis.stream_entries import StreamEntry
from anyredis.wire.encode import Key

LOGGER = logging.getLogger("anyredis")

LONGEST_BLOCK: Final = 5.0
"""Seconds of one blocking read: a dead connection is noticed after them, and a margin."""

FIRST: Final = "0-0"


def id_order(entry_id: str) -> tuple[int, int]:
    """A key that sorts IDs as the server does."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


class StreamPosition(Generic[S]):
    """One stream, and how far it was read."""

    __slots__ = ("claimed", "key", "last", "name")

    def __init__(self, key: Key, name: S) -> None:
        self.key = key
        self.name = name
        """The key as replies have it."""
        self.last = FIRST
        """The largest ID that was delivered."""
        self.claimed = FIRST
        """The ID from which the next page of idle entries is claimed."""


class Fetcher(Generic[S]):
    """Reads *keys* into the queue of *in_hand*, at most *limit* entries that nobody has taken."""

    def __init__(
        self, settings: ConsumerSettings[S], keys: Iterable[Key], in_hand: InHand[S], limit: int
    ) -> None:
        self.streams = [StreamPosition(key, shown_name(settings.client, key)) for key in keys]
        self._by_name = {stream.name: stream for stream in self.streams}
        self._settings = settings
        self._in_hand = in_hand
        self._share = Share(limit)
        self._prepared = self._recovered = self._busy = False
        self._next_claim = -math.inf if settings.claim_idle else math.inf

    async def prepare(self) -> None:
        """Create the group in each stream that has none, and the streams that are missing."""
        settings = self._settings
        for stream in self.streams:
            if not await self._create_group(stream.key):
                continue
            stream.last = stream.claimed = FIRST
            if self._recovered:
                LOGGER.warning(
                    "the group %s of the stream %s was gone; it was created again, and reads from %s",
                    *(excerpt(settings.group), excerpt(stream.key), excerpt(settings.start)),
                )
        self._prepared = True

    async def _create_group(self, key: Key) -> bool:
        """Create the group in the stream *key*; False if it is there already.

        After a lost reply it is tried again, as the client's `retry` allows for what only reads:
        if the lost try has created the group, the next one finds it.
        """
        settings = self._settings
        retry = settings.client.retry or Retry(attempts=0)
        state = retry.state()
        while True:
            try:
                return await settings.client.xgroup_create(
                    key, settings.group, settings.start, mkstream=True
                )
            except BusyGroupError:
                return False
            except RedisError as error:
                # The client itself has repeated what was not run, as long as it may.
                if not_run(error) or not retry.allows(error, only_reads=True):
                    raise
                delay = state.delay(anyio.current_time())
                if delay is None:
                    raise
            await anyio.sleep(delay)

    async def run(self) -> None:
        """Read until cancelled; raises an error that does not pass."""
        failures = 0
        while True:
            try:
                await self._step()
            except NoGroupError:
                self._prepared = False
            except RedisError as error:
                if not (passes(error) and self._settings.client.scope.entered):
                    raise
                self._recovered = False
                if not failures:
                    LOGGER.warning(
                        "a consumer of %s tries again: %s", excerpt(self._settings.group), error
                    )
            else:
                failures = 0
                continue
            self._busy = False
            failures += 1
            await anyio.sleep(BACKOFF.delay(failures))

    async def _step(self) -> None:
        """One of: create the group, take what is pending, claim what is idle, read."""
        if not self._prepared:
            await self.prepare()
        elif not self._recovered:
            for stream in self.streams:
                await self._recover(stream)
            self._recovered = True
        elif anyio.current_time() >= self._next_claim:
            await self._claim_all()
        else:
            await self._read()

    def _add(self, stream: StreamPosition[S], found: Iterable[tuple[StreamEntry[S], int]]) -> None:
        in_hand, name = self._in_hand, stream.name
        in_hand.queue.add(
            self._share, [ConsumerEntry(in_hand, name, entry, count) for entry, count in found]
        )

    # -- new entries ----------------------------------------------------------------------------

    async def _read(self) -> None:
        await self._share.wait_for_room()
        settings = self._settings
        count = max(1, self._share.room // len(self.streams))
        found = await settings.client.xreadgroup(
            settings.group,
            settings.name,
            {stream.key: ">" for stream in self.streams},
            count,
            None if self._busy else self._block(),
        )
        # As long as there are more, no connection of its own is needed to wait for them.
        self._busy = any(len(entries) >= count for entries in found.values())
        for name, entries in found.items():
            if entries:
                stream = self._by_name[name]
                self._add(stream, [(entry, 1) for entry in entries])
                stream.last = entries[-1].id

    def _block(self) -> int:
        """Milliseconds to wait for an entry: until the next claim, or `LONGEST_BLOCK`."""
        until_claim = self._next_claim - anyio.current_time()
        return max(1, int(min(LONGEST_BLOCK, until_claim) * 1000))

    # -- pending entries ------------------------------------------------------------------------

    async def _recover(self, stream: StreamPosition[S]) -> None:
        """Take what is pending for this consumer's name behind the last ID seen."""
        settings, client = self._settings, self._settings.client
        while True:
            await self._share.wait_for_room()
            start = f"({stream.last}"
            page = await client.xpending_range(
                *(stream.key, settings.group, start, "+", max(1, self._share.room)), settings.name
            )
            if not page:
                return
            ids = [each.id for each in page]
            entries = await client.xclaim(stream.key, settings.group, settings.name, 0, ids)
            counts = {each.id: each.times_delivered + 1 for each in page}
            stream.last = ids[-1]
            await self._deliver(stream, entries, counts)

    async def _deliver(
        self, stream: StreamPosition[S], entries: list[StreamEntry[S]], counts: dict[str, int]
    ) -> None:
        """Hand out *entries*, delivered so often, except those that go to the dead-letter stream."""
        counted = [(entry, counts.get(entry.id, 1)) for entry in entries]
        self._add(stream, [each for each in counted if not is_dead(self._settings, each[1])])
        # If the last step fails, they stay pending here, and are claimed again after a while.
        for entry, count in counted:
            if is_dead(self._settings, count):
                await bury(self._settings, stream.key, entry, count - 1)

    async def _claim_all(self) -> None:
        """Claim what was pending for too long, page by page, as far as there is room."""
        for stream in self.streams:
            while self._share.room > 0:
                await self._claim(stream)
                if stream.claimed == FIRST:
                    break
            else:
                await self._share.wait_for_room()
                return  # the next step goes on here
        interval = min((self._settings.claim_idle or math.inf) / 2, LONGEST_BLOCK)
        self._next_claim = anyio.current_time() + interval

    async def _claim(self, stream: StreamPosition[S]) -> None:
        settings = self._settings
        known = {entry.id for entry in self._in_hand.entries() if entry.stream == stream.name}
        known |= {each.id for _, each in self._in_hand.queue.ready if each.stream == stream.name}
        page = await settings.client.xautoclaim(
            *(stream.key, settings.group, settings.name, settings.claim_milliseconds),
            *(stream.claimed, self._share.room),
        )
        entries = [entry for entry in page.entries if entry.id not in known]
        if entries:
            # New entries have larger IDs than all that were delivered before, to any consumer.
            stream.last = max(stream.last, entries[-1].id, key=id_order)
            counts = await settings.own_pending(stream.key, entries[0].id, entries[-1].id)
            await self._deliver(stream, entries, counts)
        stream.claimed = page.next_start
