"""The buffer of one `PubSub`: messages and events, in the order in which they came.

Law: it is bounded in messages and bytes.  At the bound it makes its connections stop reading, drops
the oldest message, or ends, as its user chose; what is missing is told at the place where it is
missing.  Taking an item is synchronous, so a cancelled reader has either all of it or nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Any, Final, Generic, Literal, TypeAlias

import anyio.lowlevel

from anyredis.client.pubsub_events import Dropped, Gap, Message, PubSubEvent
from anyredis.exceptions import ProtocolError, RedisError, SubscriptionOverflowError, fresh
from anyredis.replies import S
from anyredis.waiter import Waiter

OnFull: TypeAlias = Literal["wait", "drop_oldest", "fail"]

ROOM: Final = 0
FULL: Final = 1
"""The bound is reached: reading stops, except for the acknowledgement that a call waits for."""
OVERFULL: Final = 2
"""Twice the bound is reached: reading stops."""

AT_ONCE: Final = 64
"""Items that readers take before they let other tasks run."""

OVERHEAD: Final = 100
"""Bytes that are counted for each message besides its channel and data."""


class EventItem(list[Any]):
    """An event among messages, which are lists; it has no bytes."""

    def __init__(self, event: PubSubEvent[Any]) -> None:
        super().__init__((b"", b""))
        self.event = event


Item: TypeAlias = list[Any] | Message[Any]
"""A message as it came or as its reader gets it, or an `EventItem`."""

_CHANNEL: Final = itemgetter(-2)
_DATA: Final = itemgetter(-1)


class Inbox(Generic[S]):
    """A buffer of about *max_messages* and *max_bytes*; *on_full* is what happens at the bound.

    It may be exceeded by the messages of one `receive`.  *on_level* is told `ROOM`, `FULL` or
    `OVERFULL` when that changes, if *on_full* is "wait"; *on_failed* that it has ended with an error.
    """

    def __init__(
        self,
        max_messages: int,
        max_bytes: int,
        on_full: OnFull,
        *,
        on_level: Callable[[int], None],
        on_failed: Callable[[], None],
        new_waiter: Callable[[], Waiter],
    ) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.on_full: OnFull = on_full
        self.items: deque[Item] = deque()
        """Messages and events; readers of connections append messages, and call `settle`."""
        self.error: RedisError | None = None
        """The reason for which nothing comes any more."""
        self.waiting: deque[Waiter] = deque()
        """The readers that wait for an item."""
        self.level = ROOM
        self.low_water = 0
        """Taking an item changes no level while at least as many are left behind it."""
        self._on_level = on_level
        self._on_failed = on_failed
        self._new_waiter = new_waiter
        self._confirmations = 0
        """The items that confirm subscriptions, which take no room of messages."""
        self.taken = 0
        """The number of items that were ever taken."""
        self._counted = 0
        """The number of items that were ever counted."""
        self._bytes = 0
        self._batches: deque[tuple[int, int]] = deque()
        """For each `settle`: the number of items counted by then, and the bytes of its own."""
        self.front: deque[PubSubEvent[Any]] = deque()
        """Events that come before `items`: what was dropped, and the gaps in between."""

    def __len__(self) -> int:
        return len(self.items) + len(self.front)

    @property
    def bytes(self) -> int:
        """The bytes of the messages in it, and of some that were taken just before."""
        self._count()
        return self._bytes

    @property
    def _unread(self) -> int:
        """The number of items that count towards the bound."""
        return len(self.items) - self._confirmations

    # -- put ------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take note of the messages that were appended to `items`: keep the bound, wake a reader."""
        self._count()
        if self._unread >= self.max_messages or self._bytes >= self.max_bytes:
            self._full()
        if self.waiting and len(self):
            self._wake()

    def _count(self) -> None:
        """Count the bytes of the items that are new, and forget those of items that were taken."""
        items, batches = self.items, self._batches
        new = len(items) + self.taken - self._counted
        if new > 0:
            self._add(new, self._size_of([*islice(reversed(items), new)]))
        while batches and batches[0][0] <= self.taken:
            self._bytes -= batches.popleft()[1]

    def _add(self, count: int, size: int) -> None:
        """That many more items are counted, of *size* bytes."""
        self._counted += count
        self._batches.append((self._counted, size))
        self._bytes += size

    def put_made(self, messages: Iterable[Message[S]], data: list[Any], name_size: int) -> None:
        """Take *messages* of one channel, and of that *data*, as their reader gets them."""
        self._count()
        try:
            size = sum(map(len, data))
        except TypeError as error:
            raise ProtocolError(f"the server sent a message that is none: {error}") from error
        self.items.extend(messages)
        self._add(len(data), size + len(data) * (name_size + OVERHEAD))

    def _size_of(self, added: list[Item]) -> int:
        """The bytes of the items that were *added*; removes them if they are no messages."""
        try:
            size = sum(map(len, map(_DATA, added))) + sum(map(len, map(_CHANNEL, added)))
        except (TypeError, IndexError) as error:
            for _ in added:
                self.items.pop()
            raise ProtocolError(f"the server sent a message that is none: {error}") from error
        return size + OVERHEAD * len(added)

    def put_event(self, event: PubSubEvent[Any]) -> None:
        """Take an event; a gap after a gap is one, and confirmations have a bound of their own."""
        if self.error is not None:
            return
        self._count()
        items = self.items
        last = items[-1] if items else None
        if isinstance(event, Gap) and isinstance(last, EventItem) and isinstance(last.event, Gap):
            last.event = last.event.joined(event)
        elif isinstance(event, Gap) or self._confirmations < 2 * self.max_messages:
            items.append(EventItem(event))
            self._counted += 1  # it has no bytes
            self._confirmations += not isinstance(event, Gap)
            self._update_low_water()
        self.settle()

    def _full(self) -> None:
        """The bound is reached or exceeded."""
        if self.on_full == "wait":
            over = self._unread >= 2 * self.max_messages or self._bytes >= 2 * self.max_bytes
            self._set_level(OVERFULL if over else FULL)
        elif self.on_full == "drop_oldest":
            while self._unread > self.max_messages or self._bytes > self.max_bytes:
                self._drop()
        elif self._unread > self.max_messages or self._bytes > self.max_bytes:
            self._overflow()

    def _set_level(self, level: int) -> None:
        if level != self.level:
            self.level = level
            self._on_level(level)
        self._update_low_water()

    def _update_low_water(self) -> None:
        """Adapt `low_water` to the level, and to confirmations, which take no room."""
        if self.level == ROOM:
            self.low_water = 0
        elif self.level == FULL:
            self.low_water = (self.max_messages + 1) // 2 + self._confirmations
        else:
            self.low_water = 2 * self.max_messages + self._confirmations

    def _drop(self) -> None:
        """Drop the oldest message; a gap before it moves to the front."""
        item = self.items.popleft()
        self.taken += 1
        self._gone(item)
        front = self.front
        if not isinstance(item, EventItem):
            if front and isinstance(front[-1], Dropped):
                front[-1] = Dropped(front[-1].count + 1)
            else:
                front.append(Dropped(1))
        elif isinstance(item.event, Gap):
            if front and isinstance(front[0], Gap):
                front[0] = front[0].joined(item.event)
            else:
                front.appendleft(item.event)
        self._count()

    def _overflow(self) -> None:
        """End, with the messages up to the bound."""
        while self._unread > self.max_messages:
            self._gone(self.items.pop())
        self.fail(
            SubscriptionOverflowError(
                f"the subscription has ended: more than {self.max_messages} messages or "
                f"{self.max_bytes} bytes were not read in time (on_full='fail')"
            )
        )

    # -- take -----------------------------------------------------------------------------------

    def take(self) -> Item | PubSubEvent[Any] | None:
        """The next message or event; None if there is none now.

        Raises the error with which it has ended, after all that came before.
        """
        if self.front:
            return self.front.popleft()
        try:
            item = self.items.popleft()
        except IndexError:
            if self.error is not None:
                raise fresh(self.error) from None
            return None
        self.taken += 1
        if type(item) is EventItem:
            self._gone(item)
        if len(self.items) < self.low_water:
            self._lower_level()
        return item.event if type(item) is EventItem else item

    def _gone(self, item: Item) -> None:
        """*item* is not in `items` any more."""
        if isinstance(item, EventItem) and not isinstance(item.event, Gap):
            self._confirmations -= 1

    def _lower_level(self) -> None:
        items, size = self._unread, self.bytes
        if 2 * items < self.max_messages and 2 * size < self.max_bytes:
            self._set_level(ROOM)
        elif items < 2 * self.max_messages and size < 2 * self.max_bytes:
            self._set_level(FULL)

    # -- waiting readers ------------------------------------------------------------------------

    async def let_others_run(self) -> None:
        """Let other tasks run, before an item is taken, if many were taken since the last time.

        A cancellation is seen here too, and loses nothing.
        """
        if not self.taken % AT_ONCE and len(self):
            await anyio.lowlevel.checkpoint()

    async def wait(self) -> None:
        """Wait until there may be an item."""
        waiter = self._new_waiter()
        self.waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # the next reader takes what this one was woken for
            elif waiter in self.waiting:
                self.waiting.remove(waiter)
            raise
        if self.waiting and len(self) > 1:
            self._wake()  # several items have come at once: the next reader gets the next one

    def _wake(self) -> None:
        """Wake the reader that has waited longest."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def wake_all(self) -> None:
        """Wake all readers, so that they look at its state."""
        while self.waiting:
            self._wake()

    def fail(self, error: RedisError) -> None:
        """Take nothing more; *error* is raised once everything in it is read."""
        if self.error is None:
            self.error = error
            self.wake_all()
            self._on_failed()
