"""The buffer of one `PubSub`: messages and events, in the order in which they came.

Law: it is bounded in messages and bytes.  At the bound it makes its connections stop reading, drops
the oldest message, or ends, as its user chose; what is missing is told at the place where it is
missing.  Taking an item is synchronous, so a cancelled reader has either all of it or nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, Literal, TypeAlias

from anyredis.client.pubsub_events import Dropped, Gap, PubSubEvent
from anyredis.exceptions import RedisError, SubscriptionOverflowError, fresh
from anyredis.replies import S
from anyredis.waiter import Waiter

OnFull: TypeAlias = Literal["wait", "drop_oldest", "fail"]

ROOM: Final = 0
FULL: Final = 1
"""The bound is reached: reading stops, except for the acknowledgement that a call waits for."""
OVERFULL: Final = 2
"""Twice the bound is reached: reading stops."""

OVERHEAD: Final = 100
"""Bytes that are counted for each message besides its channel and data."""

Item: TypeAlias = list[Any] | PubSubEvent
"""A message as it came, or an event."""


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
        self.bytes = 0
        """The bytes of the messages in it."""
        self.error: RedisError | None = None
        """The reason for which nothing comes any more."""
        self.waiting: deque[Waiter] = deque()
        """The readers that wait for an item."""
        self.level = ROOM
        self._on_level = on_level
        self._on_failed = on_failed
        self._new_waiter = new_waiter
        self._waits = on_full == "wait"
        self._front: deque[PubSubEvent] = deque()
        """Events that come before `items`: what was dropped, and the gaps in between."""

    def __len__(self) -> int:
        return len(self.items) + len(self._front)

    # -- put ------------------------------------------------------------------------------------

    def put(self, message: list[Any]) -> None:
        """Take a message as it came."""
        if self.error is not None:
            return
        items = self.items
        items.append(message)
        self.bytes += len(message[-1]) + len(message[-2]) + OVERHEAD
        if self.waiting:
            self._wake()
        if len(items) >= self.max_messages or self.bytes >= self.max_bytes:
            self._full()

    def put_event(self, event: PubSubEvent) -> None:
        """Take an event; a gap after a gap is one, and confirmations have a bound of their own."""
        if self.error is not None:
            return
        items = self.items
        last = items[-1] if items else None
        if isinstance(event, Gap) and isinstance(last, Gap):
            items[-1] = last.joined(event)
        elif isinstance(event, Gap) or len(items) < 2 * self.max_messages:
            items.append(event)
        self._wake()

    def _full(self) -> None:
        """The bound is reached or exceeded."""
        if self._waits:
            over = len(self.items) >= 2 * self.max_messages or self.bytes >= 2 * self.max_bytes
            self._set_level(OVERFULL if over else FULL)
        elif self.on_full == "drop_oldest":
            while len(self.items) > self.max_messages or self.bytes > self.max_bytes:
                self._drop()
        elif len(self.items) > self.max_messages or self.bytes > self.max_bytes:
            self._forget(self.items.pop())
            self.fail(
                SubscriptionOverflowError(
                    f"the subscription ended: {self.max_messages} messages or {self.max_bytes} "
                    "bytes were not read in time (on_full='fail')"
                )
            )

    def _set_level(self, level: int) -> None:
        if level != self.level:
            self.level = level
            self._on_level(level)

    def _drop(self) -> None:
        """Drop the oldest message; an event before it moves to the front."""
        item = self.items.popleft()
        front = self._front
        if not isinstance(item, PubSubEvent):
            self._forget(item)
            if front and isinstance(front[-1], Dropped):
                front[-1] = Dropped(front[-1].count + 1)
            else:
                front.append(Dropped(1))
        elif isinstance(item, Gap):
            gap: Gap[S] = item
            if front and isinstance(front[0], Gap):
                front[0] = front[0].joined(gap)
            else:
                front.appendleft(gap)

    def _forget(self, item: Item) -> None:
        if not isinstance(item, PubSubEvent):
            self.bytes -= len(item[-1]) + len(item[-2]) + OVERHEAD

    # -- take -----------------------------------------------------------------------------------

    def take(self) -> Item | None:
        """The next item; None if there is none now.  Raises the error with which it has ended."""
        if self._front:
            return self._front.popleft()
        items = self.items
        if not items:
            if self.error is not None:
                raise fresh(self.error)
            return None
        item = items.popleft()
        if not isinstance(item, PubSubEvent):
            self.bytes -= len(item[-1]) + len(item[-2]) + OVERHEAD
        if self.level:
            self._taken()
        return item

    def _taken(self) -> None:
        items, size = len(self.items), self.bytes
        if 2 * items < self.max_messages and 2 * size < self.max_bytes:
            self._set_level(ROOM)
        elif items < 2 * self.max_messages and size < 2 * self.max_bytes:
            self._set_level(FULL)

    # -- waiting readers ------------------------------------------------------------------------

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
