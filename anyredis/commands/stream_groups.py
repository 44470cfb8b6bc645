"""Consumer groups of streams: each entry goes to one consumer, and is pending until acknowledged."""

from __future__ import annotations

from typing import Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import (
    MILLISECOND,
    Group,
    Milliseconds,
    SupportsItems,
    UnixTime,
    choice,
    duration,
    flags,
    moment,
    only_one,
)
from anyredis.commands.several import all_values
from anyredis.commands.streams import (
    RefPolicy,
    SomeIds,
    StreamId,
    at_most,
    counted_ids,
    policy,
    reading,
    streams_and_ids,
)
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, boolean, integer, integers, ok
from anyredis.stream_entries import (
    AutoClaim,
    AutoClaimIds,
    ClaimedEntry,
    EntryReader,
    PendingEntry,
    PendingSummary,
    StreamEntry,
    auto_claim_ids,
    ids_or_nones,
)
from anyredis.wire.encode import Key, Value

NackMode: TypeAlias = Literal["SILENT", "FAIL", "FATAL"]
"""The effect of handing an entry back on the number of its deliveries."""


class StreamGroups(Group[S]):
    """The commands of consumer groups.

    A time that entries are pending is in milliseconds or a `timedelta`.
    """

    @command
    def xack(self, key: Key, group: Key, *ids: SomeIds) -> Command[int]:
        """The number of entries *ids* that were pending for *group* and no longer are.

        XACK key group id [id …]. Server 5.0. O(1) for each message ID processed.
        """
        return Command((b"XACK", key, group, *all_values("XACK", "ids", ids)), integer)

    @command
    def xackdel(
        self, key: Key, group: Key, *ids: SomeIds, ref_policy: RefPolicy = "KEEPREF"
    ) -> Command[list[int]]:
        """A code for each of *ids*: 1 acknowledged and deleted, -1 not pending for *group*.

        2 is acknowledged and not deleted, because other groups use it.  *ref_policy* is as for
        `xdelex`.
        XACKDEL key group KEEPREF|DELREF|ACKED IDS n id [id …].
        Redis 8.2. O(1) for each message ID processed.
        """
        words = (b"XACKDEL", key, group, policy("XACKDEL", ref_policy))
        return Command((*words, *counted_ids("XACKDEL", ids)), integers)

    @command
    def xautoclaim(
        self,
        key: Key,
        group: Key,
        consumer: Key,
        min_idle_time: Milliseconds,
        start: StreamId = "0-0",
        count: Count | None = None,
    ) -> Command[AutoClaim[S]]:
        """The entries that are *consumer*'s from now on, one page, as if it had read them.

        These are entries from *start* on that were delivered *min_idle_time* milliseconds ago or
        earlier; the server looks at ten times *count* (100) pending entries at most.  Go on with
        `next_start` until it is `0-0`.  Raises `NoGroupError` if the stream or the group is
        missing.
        XAUTOCLAIM key group consumer min_idle_time start [COUNT n].
        Server 6.2. O(1) if COUNT is small.
        """
        words = (b"XAUTOCLAIM", key, group, consumer, duration(min_idle_time, MILLISECOND), start)
        return Command((*words, *at_most(count)), EntryReader(self.read).auto_claim)

    @command
    def xautoclaim_ids(
        self,
        key: Key,
        group: Key,
        consumer: Key,
        min_idle_time: Milliseconds,
        start: StreamId = "0-0",
        count: Count | None = None,
    ) -> Command[AutoClaimIds]:
        """The reply of `xautoclaim` with IDs only; the number of deliveries stays as it is.

        XAUTOCLAIM key group consumer min_idle_time start [COUNT n] JUSTID.
        Server 6.2. O(1) if COUNT is small.
        """
        words = (b"XAUTOCLAIM", key, group, consumer, duration(min_idle_time, MILLISECOND), start)
        return Command((*words, *at_most(count), b"JUSTID"), auto_claim_ids)

    @command
    def xclaim(
        self,
        key: Key,
        group: Key,
        consumer: Key,
        min_idle_time: Milliseconds,
        ids: SomeIds,
        *,
        idle: Milliseconds | None = None,
        time: UnixTime | None = None,
        retrycount: Count | None = None,
        force: bool = False,
        last_id: StreamId | None = None,
    ) -> Command[list[StreamEntry[S]]]:
        """The entries among *ids* that are *consumer*'s from now on, as if it had read them.

        These are the pending ones that were delivered *min_idle_time* milliseconds ago or earlier.
        They count as delivered now, *idle* milliseconds ago, or at *time* in Unix milliseconds.
        *retrycount* is the number of deliveries from now on; otherwise it grows by one.  With
        *force* entries that are not pending become so, and *last_id* is the last ID delivered, if
        it is greater.  An entry that has been deleted is not in the reply.  Raises `NoGroupError`
        if the stream or the group is missing.
        XCLAIM key group consumer min_idle_time id [id …] [IDLE …] […]. Server 5.0. O(log N).
        """
        claim = _claim(key, group, consumer, min_idle_time, ids)
        options = _claim_options(idle, time, retrycount, last_id, force=force)
        return Command((*claim, *options), EntryReader(self.read).entries)

    @command
    def xclaim_ids(
        self,
        key: Key,
        group: Key,
        consumer: Key,
        min_idle_time: Milliseconds,
        ids: SomeIds,
        *,
        idle: Milliseconds | None = None,
        time: UnixTime | None = None,
        retrycount: Count | None = None,
        force: bool = False,
        last_id: StreamId | None = None,
    ) -> Command[list[str]]:
        """The reply of `xclaim` with IDs only; the number of deliveries stays as it is.

        XCLAIM key group consumer min_idle_time id [id …] [IDLE …] […] JUSTID. Server 5.0. O(log N).
        """
        claim = _claim(key, group, consumer, min_idle_time, ids)
        options = _claim_options(idle, time, retrycount, last_id, force=force)
        return Command((*claim, *options, b"JUSTID"), ids_or_nones)

    @command
    def xgroup_create(
        self,
        key: Key,
        group: Key,
        id: StreamId = "$",
        *,
        mkstream: bool = False,
        entries_read: int | None = None,
    ) -> Command[bool]:
        """True once there is a new *group*, which is given entries after *id*.

        `$` is the last entry that there is, `0` gives all.  Raises `BusyGroupError` if there is
        such a group already, `ResponseError` without a stream unless *mkstream* creates it.
        *entries_read*, the number of entries up to *id*, lets the server tell how far the group
        lags behind (server 7.0).
        XGROUP CREATE key group id [MKSTREAM] [ENTRIESREAD n]. Server 5.0. O(1).
        """
        words = (b"XGROUP", b"CREATE", key, group, id, *flags(mkstream=mkstream))
        return Command((*words, *_read_before(entries_read)), ok)

    @command
    def xgroup_createconsumer(self, key: Key, group: Key, consumer: Key) -> Command[bool]:
        """True if *consumer* was created in *group*, False if it was there.

        Reading creates a consumer too.  Raises `NoGroupError` if the group is missing,
        `ResponseError` if the stream is.
        XGROUP CREATECONSUMER key group consumer. Server 6.2. O(1).
        """
        return Command((b"XGROUP", b"CREATECONSUMER", key, group, consumer), boolean)

    @command
    def xgroup_delconsumer(self, key: Key, group: Key, consumer: Key) -> Command[int]:
        """The number of entries that were pending for *consumer*, which is deleted: they are lost.

        No consumer can claim them any more: claim them before.  Raises `NoGroupError` if the group
        is missing, `ResponseError` if the stream is.
        XGROUP DELCONSUMER key group consumer. Server 5.0. O(1).
        """
        return Command((b"XGROUP", b"DELCONSUMER", key, group, consumer), integer)

    @command
    def xgroup_destroy(self, key: Key, group: Key) -> Command[bool]:
        """Whether there was a *group*, which is deleted with all its consumers.

        Raises `ResponseError` if there is no stream.
        XGROUP DESTROY key group. Server 5.0. O(N).
        """
        return Command((b"XGROUP", b"DESTROY", key, group), boolean)

    @command
    def xgroup_setid(
        self, key: Key, group: Key, id: StreamId, *, entries_read: int | None = None
    ) -> Command[bool]:
        """True once *group* is given entries after *id*, whatever it read before.

        *id* and *entries_read* are as for `xgroup_create`.  Raises `NoGroupError` if the group is
        missing, `ResponseError` if the stream is.
        XGROUP SETID key group id [ENTRIESREAD n]. Server 5.0. O(1).
        """
        words = (b"XGROUP", b"SETID", key, group, id, *_read_before(entries_read))
        return Command(words, ok)

    @command
    def xnack(
        self,
        key: Key,
        group: Key,
        mode: NackMode,
        *ids: SomeIds,
        retrycount: Count | None = None,
        force: bool = False,
    ) -> Command[int]:
        """The number of entries *ids* handed back: they are pending, and no consumer's.

        The next claim gives them to a consumer at once.  *mode* SILENT takes the last delivery
        back, FAIL lets it count, FATAL sets the number of deliveries to the greatest there is;
        *retrycount* sets it.  With *force* entries that are not pending become so.
        XNACK key group SILENT|FAIL|FATAL IDS n id [id …] [RETRYCOUNT n] [FORCE].
        Redis 8.8. O(1) for each message ID processed.
        """
        manner = choice("XNACK", "mode", mode, "SILENT", "FAIL", "FATAL")
        words = (b"XNACK", key, group, manner, *counted_ids("XNACK", ids))
        count: tuple[Value, ...] = () if retrycount is None else (b"RETRYCOUNT", retrycount)
        return Command((*words, *count, *flags(force=force)), integer)

    @command
    def xpending(self, key: Key, group: Key) -> Command[PendingSummary[S]]:
        """The number of entries pending for *group*, their first and last ID, and whose they are.

        Raises `NoGroupError` if the stream or the group is missing.
        XPENDING key group. Server 5.0. O(N).
        """
        return Command((b"XPENDING", key, group), EntryReader(self.read).pending_summary)

    @command
    def xpending_range(
        self,
        key: Key,
        group: Key,
        start: StreamId,
        end: StreamId,
        count: Count,
        consumer: Key | None = None,
        *,
        idle: Milliseconds | None = None,
    ) -> Command[list[PendingEntry[S]]]:
        """The entries pending for *group* from *start* to *end*, at most *count*.

        Of *consumer* only, if it is given, and of those only that were delivered *idle*
        milliseconds ago or earlier (server 6.2).  Raises `NoGroupError` if the stream or the group
        is missing.
        XPENDING key group [IDLE milliseconds] start end count [consumer]. Server 5.0. O(N).
        """
        since: tuple[Value, ...] = () if idle is None else (b"IDLE", duration(idle, MILLISECOND))
        words = (b"XPENDING", key, group, *since, start, end, count)
        of: tuple[Value, ...] = () if consumer is None else (consumer,)
        return Command((*words, *of), EntryReader(self.read).pending_entries)

    @command
    def xreadgroup(
        self,
        group: Key,
        consumer: Key,
        streams: SupportsItems,
        count: Count | None = None,
        block: Milliseconds | None = None,
        *,
        noack: bool = False,
        max_count: Count | None = None,
        max_size: Count | None = None,
    ) -> Command[dict[S, list[StreamEntry[S]]]]:
        """Entries of *streams*, by key, that are pending for *consumer* from now on.

        *streams* has an ID for each key: `>` gives entries that no consumer of the group has had;
        any other gives those after it that are pending for *consumer* already, and never waits.
        Of an entry that has been deleted meanwhile, the fields are empty.  With *noack* nothing is
        pending: what is lost on the way is lost.  *count*, *block*, *max_count* and *max_size* are
        as for `xread`; entries that were given to a call that is cancelled stay pending.

        Raises `NoGroupError` if a stream or its group is missing.
        XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] STREAMS key […] id […].
        Server 5.0. For each stream mentioned: O(M).
        """
        options = reading("XREADGROUP", count, block, max_count, max_size)
        words = (b"XREADGROUP", b"GROUP", group, consumer, *options, *flags(noack=noack))
        words = (*words, *streams_and_ids("XREADGROUP", streams))
        return Command(words, EntryReader(self.read).by_stream)

    @command
    def xreadgroup_claim(
        self,
        group: Key,
        consumer: Key,
        min_idle_time: Milliseconds,
        streams: SupportsItems,
        count: Count | None = None,
        block: Milliseconds | None = None,
        *,
        noack: bool = False,
        max_count: Count | None = None,
        max_size: Count | None = None,
    ) -> Command[dict[S, list[ClaimedEntry[S]]]]:
        """The reply of `xreadgroup`, first with entries that have been pending too long.

        These were delivered *min_idle_time* milliseconds ago or earlier, to any consumer.  Each
        entry has the time since it was delivered before, and how often.  The ID of each stream is
        `>`.
        XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] CLAIM ms STREAMS key […] id […].
        Redis 8.4. For each stream mentioned: O(M).
        """
        options = reading("XREADGROUP", count, block, max_count, max_size)
        claim = (b"CLAIM", duration(min_idle_time, MILLISECOND), *flags(noack=noack))
        names = streams_and_ids("XREADGROUP", streams)
        for given in names[1 + len(names) // 2 :]:
            if given not in (">", b">"):
                msg = f"XREADGROUP: the ID of a stream is {excerpt(given)}: CLAIM takes '>' only"
                raise DataValueError(msg)
        words = (b"XREADGROUP", b"GROUP", group, consumer, *options, *claim, *names)
        return Command(words, EntryReader(self.read).claimed_by_stream)


def _claim(
    key: Key, group: Key, consumer: Key, min_idle_time: Milliseconds, ids: SomeIds
) -> tuple[Value, ...]:
    """The words of XCLAIM before its options."""
    words = (b"XCLAIM", key, group, consumer, duration(min_idle_time, MILLISECOND))
    return (*words, *all_values("XCLAIM", "ids", (ids,)))


def _claim_options(
    idle: Milliseconds | None,
    time: UnixTime | None,
    retrycount: int | None,
    last_id: StreamId | None,
    *,
    force: bool,
) -> tuple[Value, ...]:
    """The words for the options of XCLAIM that are given."""
    only_one("XCLAIM", idle=idle, time=time)
    words: tuple[Value, ...] = ()
    if idle is not None:
        words = (b"IDLE", duration(idle, MILLISECOND))
    if time is not None:
        words = (b"TIME", moment(time, MILLISECOND))
    if retrycount is not None:
        words = (*words, b"RETRYCOUNT", retrycount)
    if last_id is not None:
        words = (*words, b"LASTID", last_id)
    return (*words, *flags(force=force))


def _read_before(entries: int | None) -> tuple[Value, ...]:
    return () if entries is None else (b"ENTRIESREAD", entries)
