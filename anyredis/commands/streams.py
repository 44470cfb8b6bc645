"""Streams: entries that are added at the end, and read by their IDs.

The commands of consumer groups are in `StreamGroups`, the reports on streams in `StreamReports`.
An ID that a method gives is text for every client; one that it takes may be text, bytes or a number
of milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    Group,
    Milliseconds,
    Seconds,
    SupportsItems,
    at_least_one,
    choice,
    duration,
    flat,
    only_one,
)
from anyredis.commands.several import all_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, integer, integers, ok, word, word_or_none
from anyredis.stream_entries import EntryReader, StreamEntry
from anyredis.wire.encode import Key, Value

StreamId: TypeAlias = Key | int
"""The ID of an entry: `milliseconds-number`, or the milliseconds only; or `$`, `>`, `-`, `+`."""

SomeIds: TypeAlias = StreamId | Collection[StreamId]
"""One ID, or a collection of IDs."""

EntryFields: TypeAlias = SupportsItems | Sequence[tuple[Key, Value]]
"""The fields of an entry with their values: a mapping, or pairs if a field comes more than once."""

RefPolicy: TypeAlias = Literal["KEEPREF", "DELREF", "ACKED"]
"""The effect of a deletion on the groups for which the entry is pending."""


class Streams(Group[S]):
    """The commands on streams themselves."""

    @command
    def xadd(
        self,
        key: Key,
        fields: EntryFields,
        id: StreamId = "*",
        *,
        maxlen: Count | None = None,
        approximate: bool = True,
        minid: StreamId | None = None,
        limit: Count | None = None,
        ref_policy: RefPolicy | None = None,
        idmpauto: Key | None = None,
        idmp: tuple[Key, Key] | None = None,
    ) -> Command[str]:
        """The ID of the new entry with *fields*; the stream is created if it is missing.

        The server chooses the ID unless *id* is given.  *fields* is a mapping, or a list of pairs
        for an entry that has a field more than once.  *maxlen* and *minid* trim the stream as
        `xtrim` does, with *approximate*, *limit* and *ref_policy*.

        With *idmpauto*, the name of a producer, or *idmp*, a producer and the ID of a message, an
        entry that the producer has added before is not added again: the reply is its ID (Redis
        8.6).  *ref_policy* is of Redis 8.2.  Raises `ResponseError` if *id* is not greater than the
        last one.
        XADD key [KEEPREF | …] [IDMPAUTO … | IDMP …] [MAXLEN | MINID …] id field value […].
        Server 5.0. O(1) when adding a new entry, O(N) when trimming.
        """
        trim = trimmed(
            "XADD", maxlen, minid, approximate=approximate, limit=limit, ref_policy=ref_policy
        )
        words = (b"XADD", key, *_idempotence(idmpauto, idmp), *trim, id)
        return Command((*words, *_fields("XADD", fields)), word)

    @command
    def xadd_nomkstream(
        self,
        key: Key,
        fields: EntryFields,
        id: StreamId = "*",
        *,
        maxlen: Count | None = None,
        approximate: bool = True,
        minid: StreamId | None = None,
        limit: Count | None = None,
        ref_policy: RefPolicy | None = None,
        idmpauto: Key | None = None,
        idmp: tuple[Key, Key] | None = None,
    ) -> Command[str | None]:
        """The reply of `xadd` if there is a stream at *key*, otherwise None: nothing is created.

        XADD key NOMKSTREAM [KEEPREF | …] [IDMP …] [MAXLEN | …] id field value […].
        Server 6.2. O(1) when adding a new entry, O(N) when trimming.
        """
        trim = trimmed(
            "XADD", maxlen, minid, approximate=approximate, limit=limit, ref_policy=ref_policy
        )
        words = (b"XADD", key, b"NOMKSTREAM", *_idempotence(idmpauto, idmp), *trim, id)
        return Command((*words, *_fields("XADD", fields)), word_or_none)

    @command
    def xcfgset(
        self, key: Key, *, idmp_duration: Seconds | None = None, idmp_maxsize: Count | None = None
    ) -> Command[bool]:
        """True once the stream remembers its producers' messages in this way; see *idmp* of `xadd`.

        *idmp_duration* is in seconds, *idmp_maxsize* is the number of messages for each producer.
        A changed value makes the stream forget all messages.
        XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE n]. Redis 8.6. O(1).
        """
        words: tuple[Value, ...] = ()
        if idmp_duration is not None:
            words = (b"IDMP-DURATION", duration(idmp_duration, SECOND))
        if idmp_maxsize is not None:
            words = (*words, b"IDMP-MAXSIZE", idmp_maxsize)
        if not words:
            raise DataValueError("XCFGSET: nothing to set: give idmp_duration or idmp_maxsize")
        return Command((b"XCFGSET", key, *words), ok)

    @command
    def xdel(self, key: Key, *ids: SomeIds) -> Command[int]:
        """The number of entries *ids* that were there and were deleted.

        XDEL key id [id …]. Server 5.0. O(1) for each single item to delete in the stream.
        """
        return Command((b"XDEL", key, *all_values("XDEL", "ids", ids)), integer)

    @command
    def xdelex(
        self, key: Key, *ids: SomeIds, ref_policy: RefPolicy = "KEEPREF"
    ) -> Command[list[int]]:
        """A code for each of *ids*: 1 deleted, -1 not there, 2 not deleted because of a group.

        By *ref_policy*, a group for which the entry is pending keeps its ID (KEEPREF) or loses it
        too (DELREF); with ACKED, only entries are deleted that all groups have read and
        acknowledged.
        XDELEX key KEEPREF|DELREF|ACKED IDS n id [id …].
        Redis 8.2. O(1) for each single item to delete in the stream.
        """
        words = (b"XDELEX", key, policy("XDELEX", ref_policy), *counted_ids("XDELEX", ids))
        return Command(words, integers)

    @command
    def xlen(self, key: Key) -> Command[int]:
        """The number of entries, 0 if there is no stream.

        XLEN key. Server 5.0. O(1).
        """
        return Command((b"XLEN", key), integer)

    @command
    def xrange(
        self, key: Key, start: StreamId = "-", end: StreamId = "+", count: Count | None = None
    ) -> Command[list[StreamEntry[S]]]:
        """The entries from *start* to *end*, both included, the oldest first, at most *count*.

        `-` is the oldest of all, `+` the newest; `(` before an ID excludes it.
        XRANGE key start end [COUNT n]. Server 5.0. O(N).
        """
        words = (b"XRANGE", key, start, end, *at_most(count))
        return Command(words, EntryReader(self.read).entries_or_null)

    @command
    def xread(
        self,
        streams: SupportsItems,
        count: Count | None = None,
        block: Milliseconds | None = None,
        *,
        max_count: Count | None = None,
        max_size: Count | None = None,
    ) -> Command[dict[S, list[StreamEntry[S]]]]:
        """The entries after the ID of each of *streams*, by key; empty if there are none.

        *streams* has an ID for each key: `$` means entries that are added from now on, `+` the
        last entry (Redis 7.4).  *count* is the most entries of each stream, *max_count* of all
        together, *max_size* the most bytes (both Redis 8.10).

        With *block* the call waits until there is an entry, at most so many milliseconds, 0
        without limit; it then has a connection of its own, which is closed if the call is
        cancelled.
        XREAD [COUNT n] [BLOCK milliseconds] STREAMS key [key …] id [id …]. Server 5.0.
        """
        options = reading("XREAD", count, block, max_count, max_size)
        words = (b"XREAD", *options, *streams_and_ids("XREAD", streams))
        return Command(words, EntryReader(self.read).by_stream)

    @command
    def xrevrange(
        self, key: Key, end: StreamId = "+", start: StreamId = "-", count: Count | None = None
    ) -> Command[list[StreamEntry[S]]]:
        """The entries of `xrange`, the newest first: *end* comes before *start*.

        XREVRANGE key end start [COUNT n]. Server 5.0. O(N).
        """
        words = (b"XREVRANGE", key, end, start, *at_most(count))
        return Command(words, EntryReader(self.read).entries_or_null)

    @command
    def xsetid(
        self,
        key: Key,
        last_id: StreamId,
        *,
        entries_added: int | None = None,
        max_deleted_id: StreamId | None = None,
    ) -> Command[bool]:
        """True once *last_id* is the last ID that the stream has given: the next is greater.

        *entries_added*, the number of entries ever added, and *max_deleted_id*, the greatest ID
        deleted, go together (server 7.0).  Raises `ResponseError` if there is no stream, or
        *last_id* is less than an entry's.
        XSETID key last_id [ENTRIESADDED n MAXDELETEDID id]. Server 5.0. O(1).
        """
        words: tuple[Value, ...] = (b"XSETID", key, last_id)
        if (entries_added is None) != (max_deleted_id is None):
            msg = "XSETID: entries_added and max_deleted_id belong together: give both or neither"
            raise DataValueError(msg)
        if entries_added is not None and max_deleted_id is not None:
            words = (*words, b"ENTRIESADDED", entries_added, b"MAXDELETEDID", max_deleted_id)
        return Command(words, ok)

    @command
    def xtrim(
        self,
        key: Key,
        *,
        maxlen: Count | None = None,
        approximate: bool = True,
        minid: StreamId | None = None,
        limit: Count | None = None,
        ref_policy: RefPolicy | None = None,
    ) -> Command[int]:
        """The number of entries deleted, of the oldest: down to *maxlen* or from *minid* on.

        With *approximate* some more may stay, which is much cheaper for the server; it then looks
        at *limit* entries at most.  *ref_policy* is as for `xdelex` (Redis 8.2).
        XTRIM key MAXLEN|MINID [~] threshold [LIMIT n] [KEEPREF | DELREF | ACKED]. Server 5.0. O(N).
        """
        # Here the policy is documented behind the bound, for XADD before it.
        reference = () if ref_policy is None else (policy("XTRIM", ref_policy),)
        trim = trimmed(
            "XTRIM", maxlen, minid, approximate=approximate, limit=limit, ref_policy=None
        )
        if maxlen is None and minid is None:
            raise DataValueError("XTRIM: down to what? give maxlen or minid")
        return Command((b"XTRIM", key, *trim, *reference), integer)


# -- words --------------------------------------------------------------------------------------


def trimmed(
    command: str,
    maxlen: int | None,
    minid: StreamId | None,
    *,
    approximate: bool,
    limit: int | None,
    ref_policy: RefPolicy | None,
) -> tuple[Value, ...]:
    """The words that trim a stream; none without *maxlen* and *minid*."""
    reference = () if ref_policy is None else (policy(command, ref_policy),)
    bound = minid if maxlen is None else maxlen
    if bound is None or not approximate:
        if limit is not None:
            needs = "maxlen or minid" if bound is None else "approximate=True"
            raise DataValueError(f"{command}: limit needs {needs} beside it")
        if bound is None:
            return reference
    if minid is not None:
        only_one(command, maxlen=maxlen, minid=minid)
    strategy = b"MINID" if maxlen is None else b"MAXLEN"
    start = (*reference, strategy, b"~", bound) if approximate else (*reference, strategy, bound)
    return start if limit is None else (*start, b"LIMIT", limit)


def policy(command: str, given: RefPolicy) -> bytes:
    """The word for what a deletion does to groups; raises `DataValueError` for any other."""
    return choice(command, "ref_policy", given, "KEEPREF", "DELREF", "ACKED")


def counted_ids(command: str, ids: tuple[SomeIds, ...]) -> tuple[Value, ...]:
    """The words for *ids* with their number."""
    found = all_values(command, "ids", ids)
    return (b"IDS", len(found), *found)


def at_most(count: int | None) -> tuple[Value, ...]:
    """The words for the greatest number of entries."""
    return () if count is None else (b"COUNT", count)


def _largest(
    command: str, count: int | None, max_count: int | None, max_size: int | None
) -> tuple[Value, ...]:
    """The words for the most entries, and bytes, of all streams together."""
    words: tuple[Value, ...] = ()
    if max_count is not None:
        if count is not None and max_count < count:
            raise DataValueError(
                f"{command}: max_count is less than count, which one stream may give"
            )
        words = (b"MAXCOUNT", max_count)
    return words if max_size is None else (*words, b"MAXSIZE", max_size)


def reading(
    command: str,
    count: int | None,
    block: Milliseconds | None,
    max_count: int | None,
    max_size: int | None,
) -> tuple[Value, ...]:
    """The options that XREAD and XREADGROUP share."""
    options = (*at_most(count), *_largest(command, count, max_count, max_size))
    if block is None:
        return options
    milliseconds = duration(block, MILLISECOND)
    if milliseconds < 0:
        msg = f"{command}: block is {excerpt(block)}: give milliseconds, 0 (no limit) or more"
        raise DataValueError(msg)
    return (*options, b"BLOCK", milliseconds)


def streams_and_ids(command: str, streams: SupportsItems) -> tuple[Value, ...]:
    """The words for *streams*: all keys, then all IDs."""
    words = flat(command, "streams", streams)
    keys, ids = words[::2], words[1::2]
    if (
        len(keys) > 1
        and len(set(map(type, keys))) > 1
        and len(set(map(_as_bytes, keys))) < len(keys)
    ):
        msg = f"{command}: streams has one key as text and as bytes: give it once"
        raise DataValueError(msg)
    return (b"STREAMS", *keys, *ids)


def _as_bytes(key: Value) -> bytes:
    return str(key).encode() if isinstance(key, (str, int, float)) else bytes(key)


def _idempotence(idmpauto: Key | None, idmp: tuple[Key, Key] | None) -> tuple[Value, ...]:
    """The words by which the server knows an entry that a producer has added before."""
    if idmp is None:
        return () if idmpauto is None else (b"IDMPAUTO", idmpauto)
    only_one("XADD", idmpauto=idmpauto, idmp=idmp)
    if not _is_pair(idmp):
        msg = f"XADD: idmp is {excerpt(idmp)}: give a tuple, the producer and the message's own ID"
        raise DataTypeError(msg)
    return (b"IDMP", *idmp)


def _fields(command: str, fields: EntryFields) -> tuple[Value, ...]:
    """Fields and values in turn."""
    if not isinstance(fields, Sequence):
        return flat(command, "fields", fields)
    for index, each in enumerate(fields):
        if not _is_pair(each):
            msg = f"{command}: fields[{index}] is {excerpt(each)}: give a tuple, a field and its value"
            raise DataTypeError(msg)
    at_least_one(command, "fields", fields)
    return tuple(word for each in fields for word in each)


def _is_pair(given: object) -> bool:
    return isinstance(given, (tuple, list)) and len(cast("Sequence[object]", given)) == 2
