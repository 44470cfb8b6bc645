"""Entries of streams: the values, and their readers for RESP2 and RESP3.

Law: an entry's ID is text for every client.  The fields of an entry are a dict; if a field comes
more than once, the dict has its last value, and `pairs` has all.  An entry that has been deleted
has no fields, which no other entry can be without.
"""

from collections.abc import Callable
from itertools import chain, repeat
from typing import Any, Generic, NamedTuple, TypeVar, cast

from anyredis.replies import S, TextReaders, array, integer, pair, pairs, unexpected, word
from anyredis.wire.decode import Reply

T = TypeVar("T")


class RepeatedFields(dict[S, S]):
    """The fields of an entry that has one of them more than once; the last value of each."""

    def __init__(self, pairs: list[tuple[S, S]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs
        """All fields and values, in the order of the entry."""


def _pairs_of(fields: dict[S, S]) -> list[tuple[S, S]]:
    return fields.pairs if isinstance(fields, RepeatedFields) else list(fields.items())


class StreamEntry(NamedTuple, Generic[S]):
    """An entry of a stream; `entry_id, fields = entry` takes it apart."""

    id: str
    """`milliseconds-number`, always text."""

    fields: dict[S, S]
    """The last value of each field; empty if the entry has been deleted."""

    @property
    def pairs(self) -> list[tuple[S, S]]:
        """All fields with their values, in order; a field that repeats comes each time."""
        return _pairs_of(self.fields)

    @property
    def deleted(self) -> bool:
        """Whether the entry is pending for a consumer, but no longer in the stream."""
        return not self.fields


class ClaimedEntry(NamedTuple, Generic[S]):
    """An entry for a consumer, with the deliveries that went before."""

    id: str
    """`milliseconds-number`, always text."""

    fields: dict[S, S]
    """The last value of each field."""

    time_since_delivered: int
    """Milliseconds since the entry was delivered last; 0 for a new one."""

    times_delivered: int
    """The number of deliveries before this one; 0 for a new one."""

    @property
    def pairs(self) -> list[tuple[S, S]]:
        """All fields with their values, in order; a field that repeats comes each time."""
        return _pairs_of(self.fields)


class AutoClaim(NamedTuple, Generic[S]):
    """One page of entries that changed their consumer."""

    next_start: str
    """The ID to give as the start of the next call; `0-0` after the last page."""

    entries: list[StreamEntry[S]]
    """The entries claimed."""

    deleted_ids: list[str]
    """IDs that were pending, but are no longer in the stream; they are pending no more."""


class AutoClaimIds(NamedTuple):
    """One page of the IDs of entries that changed their consumer."""

    next_start: str
    """The ID to give as the start of the next call; `0-0` after the last page."""

    ids: list[str]
    """The IDs of the entries claimed."""

    deleted_ids: list[str]
    """IDs that were pending, but are no longer in the stream; they are pending no more."""


class PendingSummary(NamedTuple, Generic[S]):
    """The entries of a group that were delivered and not acknowledged."""

    pending: int
    """Their number."""

    min: str | None
    """The least of their IDs; None if there are none."""

    max: str | None
    """The greatest of their IDs; None if there are none."""

    consumers: dict[S, int]
    """The number of each consumer that has any."""


class PendingEntry(NamedTuple, Generic[S]):
    """An entry that was delivered and not acknowledged."""

    id: str
    """`milliseconds-number`, always text."""

    consumer: S
    """The consumer that has it; empty if XNACK has taken it from its consumer."""

    time_since_delivered: int
    """Milliseconds since it was delivered last."""

    times_delivered: int
    """The number of its deliveries."""


# -- readers ------------------------------------------------------------------------------------

# A reply of many entries is checked and taken apart by functions in C: no Python function is called
# for each entry.
_are_lists = frozenset((list,)).issuperset
_new: Callable[..., Any] = cast("Any", tuple).__new__


def _dicts(contents: list[list[Any]]) -> list[dict[Any, Any]]:
    """A dict of each content, a list of fields and values in turn.

    A dict that is written out takes half the time of `dict(zip(...))`, and most entries have few
    fields.
    """
    found: list[dict[Any, Any]] = []
    for content in contents:
        size = len(content)
        if size == 2:
            a, b = content
            found.append({a: b})
        elif size == 4:
            a, b, c, d = content
            found.append({a: b, c: d})
        elif size == 6:
            a, b, c, d, e, f = content
            found.append({a: b, c: d, e: f})
        elif size == 8:
            a, b, c, d, e, f, g, h = content
            found.append({a: b, c: d, e: f, g: h})
        else:
            each = iter(content)
            found.append(dict(zip(each, each)))  # noqa: B905 - the caller counts
    return found


def ids(reply: Reply) -> list[str]:
    """IDs."""
    return [word(each) for each in array(reply)]


def ids_or_nones(reply: Reply) -> list[str]:
    """IDs; a null, which old servers put in the place of a deleted entry, is left out."""
    return [word(each) for each in array(reply) if each is not None]


class EntryReader(Generic[S]):
    """Readers of entries, whose fields are text as *read* gives it."""

    __slots__ = ("_kind", "_read")

    def __init__(self, read: TextReaders[S]) -> None:
        self._read = read
        self._kind = read.kind

    def entries(self, reply: Reply) -> list[StreamEntry[S]]:
        """Entries in the server's order.

        A null, which old servers put in the place of a deleted entry, is left out.
        """
        items: list[Any] = array(reply)
        try:
            names = [name for name, _ in items]
            contents = [content for _, content in items]
        except (TypeError, ValueError):
            pass  # a null, or no pair: one by one
        else:
            if _are_lists(map(type, contents)) and self._are_texts(names, contents):
                fields = _dicts(contents)
                if sum(map(len, contents)) == 2 * sum(map(len, fields)):
                    if self._kind is bytes:
                        names = [each.decode("ascii", "replace") for each in names]
                    return list(map(_new, repeat(StreamEntry), zip(names, fields, strict=True)))
        return [self._entry(each) for each in items if each is not None]

    def _are_texts(self, names: list[Any], contents: list[list[Any]]) -> bool:
        """Whether all of *names*, and all elements of *contents*, are text."""
        types = list(map(type, chain(names, chain.from_iterable(contents))))
        return types.count(self._kind) == len(types)

    def entries_or_null(self, reply: Reply) -> list[StreamEntry[S]]:
        """Entries; none for a null, which is the answer to a count of 0."""
        return [] if reply is None else self.entries(reply)

    def by_stream(self, reply: Reply) -> dict[S, list[StreamEntry[S]]]:
        """The entries of each stream that has any, by its key; empty for a null."""
        return self._by_stream(reply, self.entries)

    def claimed_by_stream(self, reply: Reply) -> dict[S, list[ClaimedEntry[S]]]:
        """The entries of each stream that has any, with the deliveries before."""
        return self._by_stream(reply, self._claimed_entries)

    def _by_stream(self, reply: Reply, read: Callable[[Reply], list[T]]) -> dict[S, list[T]]:
        if reply is None:
            return {}
        text = self._read.text
        return {text(key): read(entries) for key, entries in pairs(reply)}

    def _entry(self, reply: Reply) -> StreamEntry[S]:
        name, content = pair(reply)
        return StreamEntry(word(name), self._fields(content))

    def _fields(self, reply: Reply) -> dict[S, S]:
        """The fields of one entry, none for a null: it has been deleted."""
        if reply is None:
            return {}
        found = self._read.text_pairs(reply)
        fields = dict(found)
        return fields if len(fields) == len(found) else RepeatedFields(found)

    def _claimed_entries(self, reply: Reply) -> list[ClaimedEntry[S]]:
        return [self._claimed_entry(each) for each in array(reply)]

    def _claimed_entry(self, reply: Reply) -> ClaimedEntry[S]:
        items = array(reply)
        if len(items) != 4:
            unexpected(reply, "an entry with the deliveries before")
        name, content, idle, deliveries = items
        return ClaimedEntry(word(name), self._fields(content), integer(idle), integer(deliveries))

    def auto_claim(self, reply: Reply) -> AutoClaim[S]:
        """One page of XAUTOCLAIM."""
        start, claimed, deleted = _page(reply)
        return AutoClaim(start, self.entries(claimed), deleted)

    def pending_summary(self, reply: Reply) -> PendingSummary[S]:
        """The four facts of XPENDING about a group."""
        items = array(reply)
        if len(items) != 4:
            unexpected(reply, "a number, two IDs and the consumers")
        count, least, greatest, consumers = items
        counts: dict[S, int] = {}
        if consumers is not None:
            for name, number in pairs(consumers):
                counts[self._read.text(name)] = _count(number)
        return PendingSummary(
            integer(count),
            None if least is None else word(least),
            None if greatest is None else word(greatest),
            counts,
        )

    def pending_entries(self, reply: Reply) -> list[PendingEntry[S]]:
        """The entries of XPENDING with a range."""
        return [self._pending_entry(each) for each in array(reply)]

    def _pending_entry(self, reply: Reply) -> PendingEntry[S]:
        items = array(reply)
        if len(items) != 4:
            unexpected(reply, "an ID, a consumer and two numbers")
        name, consumer, idle, deliveries = items
        return PendingEntry(
            word(name), self._read.text(consumer), integer(idle), integer(deliveries)
        )


def auto_claim_ids(reply: Reply) -> AutoClaimIds:
    """One page of XAUTOCLAIM with JUSTID."""
    start, claimed, deleted = _page(reply)
    return AutoClaimIds(start, ids_or_nones(claimed), deleted)


def _page(reply: Reply) -> tuple[str, Reply, list[str]]:
    """The three parts of XAUTOCLAIM's reply; before Redis 7.0 there were two."""
    items = array(reply)
    if len(items) not in (2, 3):
        unexpected(reply, "an ID, entries and IDs")
    return word(items[0]), items[1], ids(items[2]) if len(items) == 3 else []


def _count(reply: Reply) -> int:
    """A number, which XPENDING writes as text."""
    digits = word(reply)
    if not (digits.isdecimal() and len(digits) <= 20):
        unexpected(reply, "a number")
    return int(digits)
