"""Strings: values of up to 512 MB, counters, and conditions on what is stored."""

from __future__ import annotations

from typing import NamedTuple

from anyredis.command import Command, command
from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    Group,
    Milliseconds,
    Seconds,
    SupportsItems,
    UnixTime,
    at_least_one,
    duration,
    expiry,
    flags,
    flat,
    only_one,
)
from anyredis.exceptions import DataValueError
from anyredis.replies import (
    S,
    array,
    boolean,
    integer,
    number,
    ok,
    ok_or_none,
    pair,
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


class Strings(Group[S]):
    """The commands on strings."""

    @command
    def append(self, key: Key, value: Value) -> Command[int]:
        """The length in bytes after *value* was added to the end of *key*."""
        return Command((b"APPEND", key, value), integer)

    @command
    def decr(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was taken from it."""
        return Command((b"DECRBY", key, amount), integer)

    @command
    def decrby(self, key: Key, amount: int) -> Command[int]:
        """The counter at *key* after *amount* was taken from it."""
        return Command((b"DECRBY", key, amount), integer)

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
        """Whether *key* was there, met the condition, and so was deleted.

        *ifeq* and *ifne* compare the value, *ifdeq* and *ifdne* its `digest`.
        Redis 8.4.  Raises `WrongTypeError` where a condition meets what is no string.
        """
        condition = _condition("DELEX", ifeq=ifeq, ifne=ifne, ifdeq=ifdeq, ifdne=ifdne)
        return Command((b"DELEX", key, *condition), boolean)

    @command
    def delifeq(self, key: Key, value: Value) -> Command[bool]:
        """Whether *key* held *value* and so was deleted.  Valkey 9.0."""
        return Command((b"DELIFEQ", key, value), boolean)

    @command
    def digest(self, key: Key) -> Command[str | None]:
        """The XXH3 hash of the string at *key* as 16 hex digits, or None.  Redis 8.4."""
        return Command((b"DIGEST", key), word_or_none)

    @command
    def get(self, key: Key) -> Command[S | None]:
        """The value at *key*, or None where there is none."""
        return Command((b"GET", key), self.read.text_or_none)

    @command
    def getdel(self, key: Key) -> Command[S | None]:
        """The value at *key*, which is deleted, or None where there is none.  Server 6.2."""
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
        """The value at *key*, whose time to live is set or, with *persist*, removed.

        *ex* and *exat* are in seconds, *px* and *pxat* in milliseconds.  Server 6.2.
        """
        life = expiry("GETEX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        return Command((b"GETEX", key, *life), self.read.text_or_none)

    @command
    def getrange(self, key: Key, start: int, end: int) -> Command[S]:
        """The bytes *start* to *end* (inclusive; negative from the end) of the value at *key*."""
        return Command((b"GETRANGE", key, start, end), self.read.text)

    @command
    def getset(self, key: Key, value: Value) -> Command[S | None]:
        """The value that *value* replaced at *key*, or None; its time to live is gone."""
        return Command((b"SET", key, value, b"GET"), self.read.text_or_none)

    @command
    def incr(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was added; a missing one counts from 0."""
        return Command((b"INCRBY", key, amount), integer)

    @command
    def incrby(self, key: Key, amount: int) -> Command[int]:
        """The counter at *key* after *amount* was added; a missing one counts from 0."""
        return Command((b"INCRBY", key, amount), integer)

    @command
    def incrbyfloat(self, key: Key, amount: float) -> Command[float]:
        """The number at *key* after *amount* was added; a missing one counts from 0."""
        return Command((b"INCRBYFLOAT", key, amount), number)

    @command
    def increx(
        self,
        key: Key,
        amount: int = 1,
        *,
        saturate: bool = False,
        lbound: int | None = None,
        ubound: int | None = None,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        persist: bool = False,
        enx: bool = False,
    ) -> Command[tuple[int, int]]:
        """The counter at *key* after *amount* was added, and by how much it changed.

        Past *lbound* or *ubound* it stays as it is or, with *saturate*, stops at the bound.  With
        *enx* the time to live is set only where there is none.  Redis 8.8.
        """
        life = expiry("INCREX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        limits = _bounds(saturate=saturate, lbound=lbound, ubound=ubound)
        words = (b"INCREX", key, b"BYINT", amount, *limits, *life, *_only_first(life, enx=enx))
        return Command(words, _two_integers)

    @command
    def increx_float(
        self,
        key: Key,
        amount: float,
        *,
        saturate: bool = False,
        lbound: float | None = None,
        ubound: float | None = None,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        persist: bool = False,
        enx: bool = False,
    ) -> Command[tuple[float, float]]:
        """Like `increx`, for a number that need not be whole.  Redis 8.8."""
        life = expiry("INCREX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        limits = _bounds(saturate=saturate, lbound=lbound, ubound=ubound)
        words = (b"INCREX", key, b"BYFLOAT", amount, *limits, *life, *_only_first(life, enx=enx))
        return Command(words, _two_numbers)

    @command
    def lcs(self, key1: Key, key2: Key) -> Command[S]:
        """The longest common subsequence of the values at *key1* and *key2*.  Server 7.0."""
        return Command((b"LCS", key1, key2), self.read.text)

    @command
    def lcs_len(self, key1: Key, key2: Key) -> Command[int]:
        """The length in bytes of the longest common subsequence.  Server 7.0."""
        return Command((b"LCS", key1, key2, b"LEN"), integer)

    @command
    def lcs_idx(
        self, key1: Key, key2: Key, *, minmatchlen: int = 0, withmatchlen: bool = False
    ) -> Command[Matches]:
        """Where the longest common subsequence lies in both values.  Server 7.0.

        Runs shorter than *minmatchlen* bytes are left out; *withmatchlen* gives each its length.
        """
        words = (b"LCS", key1, key2, b"IDX", b"MINMATCHLEN", minmatchlen)
        return Command((*words, *flags(withmatchlen=withmatchlen)), _matches)

    @command
    def mget(self, *keys: Key) -> Command[list[S | None]]:
        """The values at *keys* in their order, None where there is no string."""
        at_least_one("MGET", "keys", keys)
        return Command((b"MGET", *keys), self.read.texts_or_nones)

    @command
    def mset(self, mapping: SupportsItems) -> Command[bool]:
        """True once all of *mapping* is stored, at one moment."""
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
        """Whether all of *mapping* was stored with one time to live.

        With *nx* nothing is where any key exists, with *xx* where any is missing.
        Valkey 9.1, Redis 8.4.
        """
        only_one("MSETEX", nx=nx, xx=xx)
        data = flat("MSETEX", "mapping", mapping)
        life = expiry("MSETEX", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        return Command((b"MSETEX", len(mapping), *data, *flags(nx=nx, xx=xx), *life), boolean)

    @command
    def msetnx(self, mapping: SupportsItems) -> Command[bool]:
        """Whether all of *mapping* was stored: none of it is where any key exists."""
        return Command((b"MSETNX", *flat("MSETNX", "mapping", mapping)), boolean)

    @command
    def psetex(self, key: Key, time_ms: Milliseconds, value: Value) -> Command[bool]:
        """True once *value* is stored at *key* for *time_ms* milliseconds."""
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
        """Whether *value* was stored at *key*: always, unless a condition was not met.

        The time to live is *ex* seconds or *px* milliseconds from now, ends at the Unix time
        *exat* or *pxat*, or stays with *keepttl*; otherwise there is none.  Conditions: *nx* the
        key is missing, *xx* it exists, *ifeq* / *ifne* its value is or is not this (Valkey 8.1
        *ifeq*; Redis 8.4), *ifdeq* / *ifdne* its `digest` is or is not this (Redis 8.4).
        """
        life = expiry("SET", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        condition = _condition("SET", nx=nx, xx=xx, ifeq=ifeq, ifne=ifne, ifdeq=ifdeq, ifdne=ifdne)
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

        It does not tell whether *value* was stored.  Server 6.2; with *nx* 7.0.
        """
        life = expiry("SET", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        condition = _condition("SET", nx=nx, xx=xx, ifeq=ifeq, ifne=ifne, ifdeq=ifdeq, ifdne=ifdne)
        return Command((b"SET", key, value, *condition, b"GET", *life), self.read.text_or_none)

    @command
    def setex(self, key: Key, time: Seconds, value: Value) -> Command[bool]:
        """True once *value* is stored at *key* for *time* seconds."""
        return Command((b"SETEX", key, duration(time, SECOND), value), ok)

    @command
    def setnx(self, key: Key, value: Value) -> Command[bool]:
        """Whether *key* was missing and so *value* was stored."""
        return Command((b"SETNX", key, value), boolean)

    @command
    def setrange(self, key: Key, offset: int, value: Value) -> Command[int]:
        """The length in bytes after *value* was written over *key* from *offset* on."""
        return Command((b"SETRANGE", key, offset, value), integer)

    @command
    def strlen(self, key: Key) -> Command[int]:
        """The length in bytes of the value at *key*, 0 where there is none."""
        return Command((b"STRLEN", key), integer)

    @command
    def substr(self, key: Key, start: int, end: int) -> Command[S]:
        """What `getrange` gives, under its oldest name."""
        return Command((b"SUBSTR", key, start, end), self.read.text)


def _condition(
    command: str, *, nx: bool = False, xx: bool = False, **comparisons: Value | None
) -> tuple[Value, ...]:
    """The words for the one condition that is given, if any."""
    if not nx and not xx and NOTHING.issuperset(map(type, comparisons.values())):
        return ()  # most of the time
    only_one(command, nx=nx, xx=xx, **comparisons)
    for name, value in comparisons.items():
        if value is not None:
            return (name.upper().encode(), value)
    return flags(nx=nx, xx=xx)


def _bounds(*, saturate: bool, lbound: float | None, ubound: float | None) -> tuple[Value, ...]:
    if lbound is not None and ubound is not None and lbound > ubound:
        msg = f"INCREX: lbound={lbound} is above ubound={ubound}"
        raise DataValueError(msg)
    lower: tuple[Value, ...] = () if lbound is None else (b"LBOUND", lbound)
    upper: tuple[Value, ...] = () if ubound is None else (b"UBOUND", ubound)
    return (*flags(saturate=saturate), *lower, *upper)


def _only_first(life: tuple[Value, ...], *, enx: bool) -> tuple[Value, ...]:
    if enx and (not life or life[0] == b"PERSIST"):
        msg = "INCREX: enx is without a time to live to set: give ex, px, exat or pxat"
        raise DataValueError(msg)
    return flags(enx=enx)


def _two_integers(reply: Reply) -> tuple[int, int]:
    value, change = pair(reply)
    return integer(value), integer(change)


def _two_numbers(reply: Reply) -> tuple[float, float]:
    value, change = pair(reply)
    return number(value), number(change)


def _matches(reply: Reply) -> Matches:
    found = record(reply)
    matches = [_match(item) for item in array(found.get("matches"))]
    return Matches(matches, integer(found.get("len")))


def _match(reply: Reply) -> Match:
    items = array(reply)
    if len(items) not in {2, 3}:
        unexpected(reply, "a match of two strings")
    first, second, *more = items
    length = integer(more[0]) if more else None
    return Match(_two_integers(first), _two_integers(second), length)
