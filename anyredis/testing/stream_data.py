"""Streams of the Redis in memory: entries in order of their ids, and consumer groups.

Law: a stream in a database is never changed in place.  A command changes a `copy`, which then
replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from anyredis.exceptions import from_server

LARGEST: Final = (1 << 64) - 1

INVALID_ID: Final = "ERR Invalid stream ID specified as stream command argument"

NODE_SIZE: Final = 100
"""Entries that approximate trimming removes together, as servers do by default."""

_ID = re.compile(rb"(\d{1,20})(?:-(\d{1,20}))?")


class StreamID(NamedTuple):
    """The id of an entry: milliseconds since 1970, and a number within them."""

    milliseconds: int
    sequence: int

    def encoded(self) -> bytes:
        """The id as servers write it."""
        return b"%d-%d" % self

    def following(self) -> StreamID:
        """The smallest id above it; raises the server's error if there is none."""
        if self.sequence < LARGEST:
            return StreamID(self.milliseconds, self.sequence + 1)
        if self.milliseconds < LARGEST:
            return StreamID(self.milliseconds + 1, 0)
        raise from_server("ERR invalid start ID for the interval")

    def preceding(self) -> StreamID:
        """The largest id below it; raises the server's error if there is none."""
        if self.sequence:
            return StreamID(self.milliseconds, self.sequence - 1)
        if self.milliseconds:
            return StreamID(self.milliseconds - 1, LARGEST)
        raise from_server("ERR invalid end ID for the interval")


ZERO: Final = StreamID(0, 0)
MAXIMUM: Final = StreamID(LARGEST, LARGEST)

Fields = tuple[bytes, ...]
"""Field, value, field, value …"""


def read_id(word: bytes, sequence: int = 0) -> StreamID:
    """The id in *word*; *sequence* is for an id that has only milliseconds."""
    found = _ID.fullmatch(word)
    if found is None:
        raise from_server(INVALID_ID)
    milliseconds, given = found.groups()
    result = StreamID(int(milliseconds), sequence if given is None else int(given))
    if max(result) > LARGEST:
        raise from_server(INVALID_ID)
    return result


def read_bound(word: bytes, *, end: bool) -> StreamID:
    """One end of a range, included in it: `-`, `+`, an id, or `(` and an id that is excluded."""
    if word == b"-":
        return ZERO
    if word == b"+":
        return MAXIMUM
    excluded = word.startswith(b"(")
    found = read_id(word[excluded:], LARGEST if end else 0)
    if not excluded:
        return found
    return found.preceding() if end else found.following()


@dataclass(frozen=True)
class Delivery:
    """A delivery that its consumer has not acknowledged."""

    consumer: bytes
    delivered: int
    """Its time, in milliseconds since 1970."""
    deliveries: int = 1


@dataclass(frozen=True)
class GroupMember:
    """The times at which a consumer was last seen, and last got or claimed an entry."""

    seen: int
    active: int | None = None


@dataclass
class ConsumerGroup:
    """A group: how far it has read, and what is pending, by id."""

    last_delivered: StreamID
    entries_read: int | None = None
    """None: unknown, because entries were deleted or the group began in the middle."""
    pending: dict[StreamID, Delivery] = field(default_factory=dict[StreamID, Delivery])
    consumers: dict[bytes, GroupMember] = field(default_factory=dict[bytes, GroupMember])

    def copy(self) -> ConsumerGroup:
        """The same, to be changed."""
        return replace(self, pending=dict(self.pending), consumers=dict(self.consumers))

    def saw(self, consumer: bytes, now: int, *, active: bool = False) -> None:
        """Note that *consumer* sent a command; *active*: and got or claimed an entry."""
        before = self.consumers.get(consumer)
        since = before.active if before else None
        self.consumers[consumer] = GroupMember(now, now if active else since)

    def pending_in_order(
        self, first: StreamID = ZERO, last: StreamID = MAXIMUM
    ) -> list[tuple[StreamID, Delivery]]:
        """What is pending from *first* to *last*."""
        return sorted((key, entry) for key, entry in self.pending.items() if first <= key <= last)


@dataclass
class StreamData:
    """A stream: entries by id, in order."""

    entries: dict[StreamID, Fields] = field(default_factory=dict[StreamID, Fields])
    groups: dict[bytes, ConsumerGroup] = field(default_factory=dict[bytes, ConsumerGroup])
    last_id: StreamID = ZERO
    """The largest id that it ever had."""
    max_deleted: StreamID = ZERO
    added: int = 0
    """Entries ever added."""

    def copy(self) -> StreamData:
        """The same, to be changed."""
        groups = {name: group.copy() for name, group in self.groups.items()}
        return replace(self, entries=dict(self.entries), groups=groups)

    def between(
        self, first: StreamID, last: StreamID, *, reverse: bool = False
    ) -> Iterator[tuple[StreamID, Fields]]:
        """The entries from *first* to *last*, both included."""
        items = reversed(self.entries.items()) if reverse else iter(self.entries.items())
        return ((key, fields) for key, fields in items if first <= key <= last)

    def after(self, key: StreamID, count: int | None = None) -> list[tuple[StreamID, Fields]]:
        """The entries with a larger id than *key*, the first *count* of them."""
        if not self.entries or key >= self.last_id:
            return []
        found = [item for item in self.entries.items() if item[0] > key]
        return found[: count or None]

    def add(self, key: StreamID, fields: Fields) -> None:
        """Add an entry; *key* is larger than all others."""
        self.entries[key] = fields
        self.last_id = key
        self.added += 1

    def delete(self, key: StreamID) -> bool:
        """Delete an entry; True if there was one."""
        if self.entries.pop(key, None) is None:
            return False
        self.max_deleted = max(self.max_deleted, key)
        return True

    def trim(self, unwanted: list[StreamID], *, approximate: bool, limit: int | None) -> int:
        """The number of entries deleted, of those *unwanted*, which are its oldest."""
        if approximate:
            unwanted = self._whole_nodes(len(unwanted), 100 * NODE_SIZE if limit is None else limit)
        for key in unwanted:
            del self.entries[key]
        return len(unwanted)

    def _whole_nodes(self, unwanted: int, limit: int) -> list[StreamID]:
        """The oldest entries that go with whole nodes, at most *limit* of them (0: no bound)."""
        ids, taken = list(self.entries), 0
        while taken < unwanted:
            end = min(taken + NODE_SIZE, len(ids))
            if end > unwanted or (limit and end > limit):
                break
            taken = end
        return ids[:taken]

    @property
    def first_id(self) -> StreamID:
        """The id of its oldest entry; zero if it is empty."""
        return next(iter(self.entries), ZERO)

    def has_gaps_after(self, key: StreamID) -> bool:
        """Whether an entry behind *key* may have been deleted, but not its oldest ones."""
        return self.first_id <= self.max_deleted != ZERO and key <= self.max_deleted

    def read_up_to(self, key: StreamID) -> int | None:
        """The number of entries ever added up to *key*, if it can be known."""
        if not self.added:
            return 0
        if key == self.last_id or (not self.entries and key < self.last_id):
            return self.added
        if key > self.last_id or self.has_gaps_after(ZERO) or key > self.first_id:
            return None
        return self.added - len(self.entries) + (key == self.first_id)

    def lag_of(self, group: ConsumerGroup) -> int | None:
        """The number of entries that *group* has not read, if it can be known."""
        read = group.entries_read
        if read is None or self.has_gaps_after(group.last_delivered):
            read = self.read_up_to(group.last_delivered)
        return None if read is None else self.added - read

    def deliver(self, group: ConsumerGroup, key: StreamID) -> None:
        """Note that *group* has read up to the entry *key*."""
        known = group.entries_read is not None and group.last_delivered >= self.first_id
        if (
            group.entries_read is not None
            and known
            and not self.has_gaps_after(group.last_delivered)
        ):
            group.entries_read += 1
        else:
            group.entries_read = self.read_up_to(key)
        group.last_delivered = key
