"""Reports of servers on streams, their groups and consumers: XINFO, to values.

Law: nothing that the server wrote is lost.  A field that an older server does not have is None; one
that is not known here is in `fields`, under the server's name.
"""

from typing import Generic, NamedTuple

from anyredis.replies import (
    S,
    TextReaders,
    array,
    integer,
    integer_or_none,
    record,
    triple,
    unexpected,
    word,
    word_or_none,
)
from anyredis.stream_entries import EntryReader, StreamEntry
from anyredis.wire.decode import Reply


class StreamIdempotence(NamedTuple):
    """What a stream remembers of producers' messages, and for how long."""

    idmp_duration: int
    """The seconds for which a message is remembered."""

    idmp_maxsize: int
    """The greatest number of messages for each producer."""

    pids_tracked: int
    """The number of producers."""

    iids_tracked: int
    """The number of messages that are remembered now."""

    iids_added: int
    """The number of messages ever remembered."""

    iids_duplicates: int
    """The number of messages that were not added again."""


class StreamInfo(NamedTuple, Generic[S]):
    """The facts about a stream."""

    length: int
    """The number of entries."""

    radix_tree_keys: int
    """The number of keys in the radix tree that holds the entries."""

    radix_tree_nodes: int
    """The number of nodes in it."""

    last_generated_id: str
    """The ID given last; the next is greater."""

    max_deleted_entry_id: str | None
    """The greatest ID deleted, `0-0` if none (server 7.0)."""

    entries_added: int | None
    """The number of entries ever added (server 7.0)."""

    recorded_first_entry_id: str | None
    """The ID of the oldest entry, `0-0` if there is none (server 7.0)."""

    groups: int
    """The number of consumer groups."""

    first_entry: StreamEntry[S] | None
    """The oldest entry."""

    last_entry: StreamEntry[S] | None
    """The newest entry."""

    idempotence: StreamIdempotence | None
    """What the stream remembers of producers' messages (Redis 8.6)."""

    fields: dict[str, object]
    """All fields as the server sent them, by the server's names."""


class StreamGroupInfo(NamedTuple, Generic[S]):
    """The facts about a group of a stream."""

    name: S
    """Its name."""

    consumers: int
    """The number of its consumers."""

    pending: int
    """The number of entries delivered and not acknowledged."""

    last_delivered_id: str
    """The ID delivered last."""

    entries_read: int | None
    """The number of entries up to that ID; None if the server cannot tell (server 7.0)."""

    lag: int | None
    """The number of entries not delivered yet; None if the server cannot tell (server 7.0)."""

    fields: dict[str, object]
    """All fields as the server sent them, by the server's names."""


class StreamConsumerInfo(NamedTuple, Generic[S]):
    """The facts about a consumer of a group."""

    name: S
    """Its name."""

    pending: int
    """The number of entries that it has not acknowledged."""

    idle: int
    """Milliseconds since it asked for entries or claimed some last, or tried to."""

    inactive: int | None
    """Milliseconds since it got any, -1 if it never did (server 7.2)."""

    fields: dict[str, object]
    """All fields as the server sent them, by the server's names."""


class DeliveredEntry(NamedTuple, Generic[S]):
    """An entry that was delivered and not acknowledged, in a full report."""

    id: str
    """Its ID."""

    consumer: S
    """The consumer that has it; empty if XNACK has taken it from its consumer."""

    delivery_time: int
    """When it was delivered last, in Unix milliseconds."""

    times_delivered: int
    """The number of its deliveries."""


class FullStreamConsumer(NamedTuple, Generic[S]):
    """A consumer in a full report."""

    name: S
    """Its name."""

    seen_time: int
    """When it asked for entries or claimed some last, or tried to, in Unix milliseconds."""

    active_time: int | None
    """When it got any last, in Unix milliseconds, -1 if it never did (server 7.2)."""

    pel_count: int
    """The number of entries that it has not acknowledged."""

    pending: list[DeliveredEntry[S]]
    """These entries, as many as the report is long."""

    fields: dict[str, object]
    """All fields but *pending* as the server sent them, by the server's names."""


class FullStreamGroup(NamedTuple, Generic[S]):
    """A group in a full report."""

    name: S
    """Its name."""

    last_delivered_id: str
    """The ID delivered last."""

    entries_read: int | None
    """The number of entries up to that ID; None if the server cannot tell (server 7.0)."""

    lag: int | None
    """The number of entries not delivered yet; None if the server cannot tell (server 7.0)."""

    pel_count: int
    """The number of entries delivered and not acknowledged."""

    nacked_count: int | None
    """The number of these that are no consumer's, after XNACK (Redis 8.8)."""

    pending: list[DeliveredEntry[S]]
    """The entries delivered and not acknowledged, as many as the report is long."""

    consumers: list[FullStreamConsumer[S]]
    """Its consumers."""

    fields: dict[str, object]
    """All fields but *pending* and *consumers* as the server sent them, by the server's names."""


class FullStreamInfo(NamedTuple, Generic[S]):
    """All about a stream, its entries, groups and consumers."""

    length: int
    """The number of entries."""

    radix_tree_keys: int
    """The number of keys in the radix tree that holds the entries."""

    radix_tree_nodes: int
    """The number of nodes in it."""

    last_generated_id: str
    """The ID given last; the next is greater."""

    max_deleted_entry_id: str | None
    """The greatest ID deleted, `0-0` if none (server 7.0)."""

    entries_added: int | None
    """The number of entries ever added (server 7.0)."""

    recorded_first_entry_id: str | None
    """The ID of the oldest entry, `0-0` if there is none (server 7.0)."""

    entries: list[StreamEntry[S]]
    """The oldest entries, as many as the report is long."""

    groups: list[FullStreamGroup[S]]
    """The consumer groups."""

    idempotence: StreamIdempotence | None
    """What the stream remembers of producers' messages (Redis 8.6)."""

    fields: dict[str, object]
    """All fields but *entries* and *groups* as the server sent them, by the server's names."""


class _Facts:
    """The fields of one report, by the server's names; each method reads one."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._fields = record(reply)

    def raw(self, name: str) -> Reply:
        """The field as it is; raises `ProtocolError` if it is missing."""
        if name not in self._fields:
            unexpected(self._reply, f"a report with {name}")
        return self._fields[name]

    def number(self, name: str) -> int:
        """A number."""
        return integer(self.raw(name))

    def number_or_none(self, name: str) -> int | None:
        """A number; None if the server cannot tell, or is too old to."""
        return integer_or_none(self._fields.get(name))

    def id(self, name: str) -> str:
        """An ID."""
        return word(self.raw(name))

    def id_or_none(self, name: str) -> str | None:
        """An ID; None if the server is too old for it."""
        return word_or_none(self._fields.get(name))

    def all(self, *, but: tuple[str, ...] = ()) -> dict[str, object]:
        """The fields as they are, *but* those whose raw value differs by protocol."""
        return {name: value for name, value in self._fields.items() if name not in but}

    def idempotence(self) -> StreamIdempotence | None:
        """What the stream remembers of messages; None if the server is too old for it."""
        if "idmp-duration" not in self._fields:
            return None
        return StreamIdempotence(
            idmp_duration=self.number("idmp-duration"),
            idmp_maxsize=self.number("idmp-maxsize"),
            pids_tracked=self.number("pids-tracked"),
            iids_tracked=self.number("iids-tracked"),
            iids_added=self.number("iids-added"),
            iids_duplicates=self.number("iids-duplicates"),
        )


class StreamReportReader(Generic[S]):
    """Readers of the reports, whose names and fields are text as *read* gives it."""

    def __init__(self, read: TextReaders[S]) -> None:
        self._text = read.text
        self._entries = EntryReader(read).entries

    def stream(self, reply: Reply) -> StreamInfo[S]:
        """The reply to XINFO STREAM."""
        facts = _Facts(reply)
        return StreamInfo(
            length=facts.number("length"),
            radix_tree_keys=facts.number("radix-tree-keys"),
            radix_tree_nodes=facts.number("radix-tree-nodes"),
            last_generated_id=facts.id("last-generated-id"),
            max_deleted_entry_id=facts.id_or_none("max-deleted-entry-id"),
            entries_added=facts.number_or_none("entries-added"),
            recorded_first_entry_id=facts.id_or_none("recorded-first-entry-id"),
            groups=facts.number("groups"),
            first_entry=self._entry_or_none(facts.raw("first-entry")),
            last_entry=self._entry_or_none(facts.raw("last-entry")),
            idempotence=facts.idempotence(),
            fields=facts.all(),
        )

    def full_stream(self, reply: Reply) -> FullStreamInfo[S]:
        """The reply to XINFO STREAM with FULL."""
        facts = _Facts(reply)
        return FullStreamInfo(
            length=facts.number("length"),
            radix_tree_keys=facts.number("radix-tree-keys"),
            radix_tree_nodes=facts.number("radix-tree-nodes"),
            last_generated_id=facts.id("last-generated-id"),
            max_deleted_entry_id=facts.id_or_none("max-deleted-entry-id"),
            entries_added=facts.number_or_none("entries-added"),
            recorded_first_entry_id=facts.id_or_none("recorded-first-entry-id"),
            entries=self._entries(facts.raw("entries")),
            groups=[self._full_group(each) for each in array(facts.raw("groups"))],
            idempotence=facts.idempotence(),
            fields=facts.all(but=("entries", "groups")),
        )

    def groups(self, reply: Reply) -> list[StreamGroupInfo[S]]:
        """The reply to XINFO GROUPS."""
        return [self._group(each) for each in array(reply)]

    def consumers(self, reply: Reply) -> list[StreamConsumerInfo[S]]:
        """The reply to XINFO CONSUMERS."""
        return [self._consumer(each) for each in array(reply)]

    def _entry_or_none(self, reply: Reply) -> StreamEntry[S] | None:
        return None if reply is None else self._entries([reply])[0]

    def _group(self, reply: Reply) -> StreamGroupInfo[S]:
        facts = _Facts(reply)
        return StreamGroupInfo(
            name=self._text(facts.raw("name")),
            consumers=facts.number("consumers"),
            pending=facts.number("pending"),
            last_delivered_id=facts.id("last-delivered-id"),
            entries_read=facts.number_or_none("entries-read"),
            lag=facts.number_or_none("lag"),
            fields=facts.all(),
        )

    def _consumer(self, reply: Reply) -> StreamConsumerInfo[S]:
        facts = _Facts(reply)
        return StreamConsumerInfo(
            name=self._text(facts.raw("name")),
            pending=facts.number("pending"),
            idle=facts.number("idle"),
            inactive=facts.number_or_none("inactive"),
            fields=facts.all(),
        )

    def _full_group(self, reply: Reply) -> FullStreamGroup[S]:
        facts = _Facts(reply)
        return FullStreamGroup(
            name=self._text(facts.raw("name")),
            last_delivered_id=facts.id("last-delivered-id"),
            entries_read=facts.number_or_none("entries-read"),
            lag=facts.number_or_none("lag"),
            pel_count=facts.number("pel-count"),
            nacked_count=facts.number_or_none("nacked-count"),
            pending=[self._delivered(each) for each in array(facts.raw("pending"))],
            consumers=[self._full_consumer(each) for each in array(facts.raw("consumers"))],
            fields=facts.all(but=("pending", "consumers")),
        )

    def _full_consumer(self, reply: Reply) -> FullStreamConsumer[S]:
        facts = _Facts(reply)
        name = self._text(facts.raw("name"))
        return FullStreamConsumer(
            name=name,
            seen_time=facts.number("seen-time"),
            active_time=facts.number_or_none("active-time"),
            pel_count=facts.number("pel-count"),
            pending=[_own(each, name) for each in array(facts.raw("pending"))],
            fields=facts.all(but=("pending",)),
        )

    def _delivered(self, reply: Reply) -> DeliveredEntry[S]:
        """A pending entry of a group, which is reported with its consumer."""
        items = array(reply)
        if len(items) != 4:
            unexpected(reply, "an ID, a consumer and two numbers")
        name, consumer, time, times = items
        return DeliveredEntry(word(name), self._text(consumer), integer(time), integer(times))


def _own(reply: Reply, consumer: S) -> DeliveredEntry[S]:
    """A pending entry of *consumer*, which is reported without its name."""
    name, time, times = triple(reply)
    return DeliveredEntry(word(name), consumer, integer(time), integer(times))
