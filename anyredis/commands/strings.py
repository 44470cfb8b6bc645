"""Strings: values of up to 512 MB, stored whole or in part, with a time to live or on a condition.

Strings that hold a number are counted up and down by the commands in `counters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from anyredis.command import Command, command, command_or_empty
from anyredis.commands.checks import Count
from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    Group,
    Milliseconds,
    Seconds,
    SupportsItems,
    UnixTime,
    duration,
    expiry,
    flags,
    flat,
    only_one,
)
from anyredis.commands.several import SomeKeys, all_keys, is_empty_list
from anyredis.replies import (
    NO_OTHERS,
    S,
    array,
    boolean,
    integer,
    integer_pair,
    ok,
    ok_or_none,
    others,
    record,
    unexpected,
    word_or_none,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

NOTHING = frozenset((type(None),))


class Match(NamedTuple):
    """One common run of `lcs_idx`: its first and last index in each string, and its length."""

    first: tuple[int, int]
    second: tuple[int, int]
    length: int | None


class Matches(NamedTuple):
    """What `lcs_idx` found: the runs, from the end of the strings to the start, and the total."""

    matches: list[Match]
    length: int
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class Strings(Group[S]):
    """The commands on strings; those that count are in `Counters`."""

    @command
    def append(self, key: Key, value: Value) -> Command[int]:
        """The length in bytes after *value* was added to the end of *key*.

        APPEND key value. Server 2.0. O(1).
        """
        return Command((b"APPEND", key, value), integer)

    @command
    def delex(
        self,
        key: Key,
        *,
        ifeq: Value | None = None,
        ifne: Value | None = None,
        ifdeq: Value | None = None,
        ifdne: Value | None = None,
    ) -> Command[bool]:
        """True if *key* existed, met the condition and was deleted.

        *ifeq* and *ifne* compare the value, *ifdeq* and *ifdne* its `digest`.  A condition on a
        value that is no string raises `WrongTypeError`.
        DELEX key [IFEQ | IFNE value] [IFDEQ | IFDNE digest].
        Redis 8.4. O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE.
        """
        condition = _condition("DELEX", ifeq=ifeq, ifne=ifne, ifdeq=ifdeq, ifdne=ifdne)
        return Command((b"DELEX", key, *condition), boolean)

    @command
    def delifeq(self, key: Key, value: Value) -> Command[bool]:
        """True if *key* held *value* and was deleted.

        DELIFEQ key value. Valkey 9.0. O(1).
        """
        return Command((b"DELIFEQ", key, value), boolean)

    @command
    def digest(self, key: Key) -> Command[str | None]:
        """The XXH3 hash of the string at *key* as 16 hex digits, or None.

        DIGEST key. Redis 8.4. O(N).
        """
        return Command((b"DIGEST", key), word_or_none)

    @command
    def get(self, key: Key) -> Command[S | None]:
        """The value at *key*, or None if there is none.

        GET key. Server 1.0. O(1).
        """
        return Command((b"GET", key), self.read.text_or_none)

    @command
    def getdel(self, key: Key) -> Command[S | None]:
        """The value at *key*, or None if there is none; *key* is deleted.

        GETDEL key. Server 6.2. O(1).
        """
        return Command((b"GETDEL", key), self.read.text_or_none)

    @command
    def getex(
        self,
        key: Key,
        *,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        persist: bool = False,
    ) -> Command[S | None]:
        """The value at *key*, or None if there is none; its time to live changes.

        It is set or, with *persist*, removed; without options it stays.  *ex* and *exat* are in
        seconds, *px* and *pxat* in milliseconds.
        GETEX key [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST].
        Server 6.2. O(1).
        """
        life = expiry("GETEX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        return Command((b"GETEX", key, *life), self.read.text_or_none)

    @command
    def getrange(self, key: Key, start: int, end: int) -> Command[S]:
        """The bytes *start* to *end* (inclusive; negative from the end) of the value at *key*.

        GETRANGE key start end. Server 2.4. O(N).
        """
        return Command((b"GETRANGE", key, start, end), self.read.text)

    @command
    def getset(self, key: Key, value: Value) -> Command[S | None]:
        """The value that *value* replaced at *key*, or None; its time to live is removed.

        SET key value GET. Server 6.2. O(1).
        """
        return Command((b"SET", key, value, b"GET"), self.read.text_or_none)

    @command
    def lcs(self, key1: Key, key2: Key) -> Command[S]:
        """The longest common subsequence of the values at *key1* and *key2*.

        LCS key1 key2. Server 7.0. O(N*M).
        """
        return Command((b"LCS", key1, key2), self.read.text)

    @command
    def lcs_len(self, key1: Key, key2: Key) -> Command[int]:
        """The length in bytes of the longest common subsequence.

        LCS key1 key2 LEN. Server 7.0. O(N*M).
        """
        return Command((b"LCS", key1, key2, b"LEN"), integer)

    @command
    def lcs_idx(
        self, key1: Key, key2: Key, *, minmatchlen: Count = 0, withmatchlen: bool = False
    ) -> Command[Matches]:
        """The position of the longest common subsequence in both values.

        Runs shorter than *minmatchlen* bytes are left out; *withmatchlen* gives each run its
        length.
        LCS key1 key2 IDX MINMATCHLEN length [WITHMATCHLEN]. Server 7.0. O(N*M).
        """
        words = (b"LCS", key1, key2, b"IDX", b"MINMATCHLEN", minmatchlen)
        return Command((*words, *flags(withmatchlen=withmatchlen)), _matches)

    @command_or_empty
    def mget(self, *keys: SomeKeys) -> Command[list[S | None]]:
        """The values at *keys* in their order, None for each key that holds no string.

        One empty list of keys gives an empty list, and no request; a pipeline refuses it.
        MGET key [key …]. Server 1.0. O(N).
        """
        if len(keys) == 1 and is_empty_list(keys):
            return Command((), self.read.texts_or_nones)
        return Command((b"MGET", *all_keys("MGET", "keys", keys)), self.read.texts_or_nones)

    @command
    def mset(self, mapping: SupportsItems) -> Command[bool]:
        """True once all of *mapping* is stored, in one step.

        MSET key value [key value …]. Server 1.0.1. O(N).
        """
        return Command((b"MSET", *flat("MSET", "mapping", mapping)), ok)

    @command
    def msetex(
        self,
        mapping: SupportsItems,
        *,
        nx: bool = False,
        xx: bool = False,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        keepttl: bool = False,
    ) -> Command[bool]:
        """True if all of *mapping* was stored with one time to live.

        With *nx* nothing is stored if any key exists, with *xx* nothing if any key is missing.  The
        time to live is as for `set`.
        MSETEX count key value [key value …] [NX | XX] [EX seconds | …].
        Redis 8.4, Valkey 9.1. O(N).
        """
        only_one("MSETEX", nx=nx, xx=xx)
        data = flat("MSETEX", "mapping", mapping)
        life = expiry("MSETEX", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        return Command((b"MSETEX", len(mapping), *data, *flags(nx=nx, xx=xx), *life), boolean)

    @command
    def msetnx(self, mapping: SupportsItems) -> Command[bool]:
        """True if all of *mapping* was stored; nothing is stored if any key exists.

        MSETNX key value [key value …]. Server 1.0.1. O(N).
        """
        return Command((b"MSETNX", *flat("MSETNX", "mapping", mapping)), boolean)

    @command
    def psetex(self, key: Key, time_ms: Milliseconds, value: Value) -> Command[bool]:
        """True once *value* is stored at *key* for *time_ms* milliseconds.

        PSETEX key milliseconds value. Server 2.6. O(1).
        """
        return Command((b"PSETEX", key, duration(time_ms, MILLISECOND), value), ok)

    @command
    def set(
        self,
        key: Key,
        value: Value,
        *,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        ifeq: Value | None = None,
        ifne: Value | None = None,
        ifdeq: Value | None = None,
        ifdne: Value | None = None,
    ) -> Command[bool]:
        """True if *value* was stored at *key*: always, unless a condition was not met.

        The time to live is *ex* seconds or *px* milliseconds from now, ends at the Unix time *exat*
        (in seconds) or *pxat* (in milliseconds), or stays as it is with *keepttl*; otherwise the
        key has none.  Conditions: *nx* the key is missing, *xx* it exists, *ifeq* / *ifne* its
        value is or is not this one (*ifeq* Redis 8.4, Valkey 8.1; *ifne* Redis 8.4), *ifdeq* /
        *ifdne* its `digest` is or is not this one (Redis 8.4).
        SET key value [NX | XX | IFEQ value | …] [EX seconds | PX milliseconds | …].
        Server 1.0. O(1).
        """
        condition: tuple[Value, ...] = ()  # saved frames, most of the time: expiry, _condition
        if nx or xx or not ifeq is ifne is ifdeq is ifdne is None:
            condition = _condition(
                "SET", nx=nx, xx=xx, ifeq=ifeq, ifne=ifne, ifdeq=ifdeq, ifdne=ifdne
            )
        elif ex is px is exat is pxat is None and not keepttl:
            return Command((b"SET", key, value), ok_or_none)
        life = expiry("SET", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        return Command((b"SET", key, value, *condition, *life), ok_or_none)

    @command
    def set_get(
        self,
        key: Key,
        value: Value,
        *,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        ifeq: Value | None = None,
        ifne: Value | None = None,
        ifdeq: Value | None = None,
        ifdne: Value | None = None,
    ) -> Command[S | None]:
        """The value that was at *key* before, or None; options as for `set`.

        The reply does not tell whether *value* was stored.  With *nx* server 7.0.
        SET key value [NX | XX | IFEQ value | …] GET [EX seconds | PX milliseconds | …].
        Server 6.2. O(1).
        """
        life = expiry("SET", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        condition = _condition("SET", nx=nx, xx=xx, ifeq=ifeq, ifne=ifne, ifdeq=ifdeq, ifdne=ifdne)
        return Command((b"SET", key, value, *condition, b"GET", *life), self.read.text_or_none)

    @command
    def setex(self, key: Key, time: Seconds, value: Value) -> Command[bool]:
        """True once *value* is stored at *key* for *time* seconds.

        SETEX key seconds value. Server 2.0. O(1).
        """
        return Command((b"SETEX", key, duration(time, SECOND), value), ok)

    @command
    def setnx(self, key: Key, value: Value) -> Command[bool]:
        """True if *key* was missing and *value* was stored.

        SETNX key value. Server 1.0. O(1).
        """
        return Command((b"SETNX", key, value), boolean)

    @command
    def setrange(self, key: Key, offset: Count, value: Value) -> Command[int]:
        """The length in bytes after *value* was written over *key* from *offset* on.

        Raises `ResponseError` if the value becomes longer than the server allows (512 MB).
        SETRANGE key offset value. Server 2.2. O(1).
        """
        return Command((b"SETRANGE", key, offset, value), integer)

    @command
    def strlen(self, key: Key) -> Command[int]:
        """The length in bytes of the value at *key*, 0 if there is none.

        STRLEN key. Server 2.2. O(1).
        """
        return Command((b"STRLEN", key), integer)

    @command
    def substr(self, key: Key, start: int, end: int = -1) -> Command[S]:
        """The reply of `getrange`, by the oldest name of that command.

        SUBSTR key start end. Server 1.0. O(N).
        """
        return Command((b"SUBSTR", key, start, end), self.read.text)


def _condition(
    command: str, *, nx: bool = False, xx: bool = False, **comparisons: Value | None
) -> tuple[Value, ...]:
    """The words for the given condition, if any."""
    if not (nx and xx) and NOTHING.issuperset(map(type, comparisons.values())):
        if not nx and not xx:
            return ()
        return (b"NX",) if nx else (b"XX",)
    only_one(command, nx=nx, xx=xx, **comparisons)
    return next(
        (name.upper().encode(), value) for name, value in comparisons.items() if value is not None
    )


def _matches(reply: Reply) -> Matches:
    found = record(reply)
    matches = [_match(item) for item in array(found.get("matches"))]
    return Matches(matches, integer(found.get("len")), others(found, ("matches", "len")))


def _match(reply: Reply) -> Match:
    items = array(reply)
    if len(items) not in {2, 3}:
        unexpected(reply, "a match of two strings")
    first, second, *more = items
    length = integer(more[0]) if more else None
    return Match(integer_pair(first), integer_pair(second), length)
