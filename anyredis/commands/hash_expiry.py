"""Expiry of hash fields: each field of a hash may have its own time to live."""

from __future__ import annotations

from anyredis.command import Command, command
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
    moment,
    only_one,
)
from anyredis.commands.hashes import fields_and_values
from anyredis.commands.several import SomeKeys, all_fields
from anyredis.replies import S, boolean, integers
from anyredis.wire.encode import Key, Value


class HashExpiry(Group[S]):
    """The commands on the time to live of hash fields.

    The reply has a code for each field: -2 there is no such field (or no hash), -1 it has no time
    to live, 0 the condition was not met, 1 done, 2 the given time has passed and the field is gone.
    """

    @command
    def hexpire(
        self,
        key: Key,
        seconds: Seconds,
        *fields: SomeKeys,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[list[int]]:
        """1 for each of *fields* that lives for *seconds* from now, otherwise -2, 0 or 2.

        Conditions: *nx* the field has no time to live, *xx* it has one, *gt* / *lt* the new one is
        longer or shorter; a field without one counts as endless.
        HEXPIRE key seconds [NX | XX | …] FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        condition = _condition("HEXPIRE", nx=nx, xx=xx, gt=gt, lt=lt)
        words = (b"HEXPIRE", key, duration(seconds, SECOND), *condition)
        return Command((*words, *_fields("HEXPIRE", fields)), integers)

    @command
    def hexpireat(
        self,
        key: Key,
        unix_time_seconds: UnixTime,
        *fields: SomeKeys,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[list[int]]:
        """Like `hexpire`, until a Unix time in seconds.

        HEXPIREAT key time [NX | XX | …] FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        condition = _condition("HEXPIREAT", nx=nx, xx=xx, gt=gt, lt=lt)
        words = (b"HEXPIREAT", key, moment(unix_time_seconds, SECOND), *condition)
        return Command((*words, *_fields("HEXPIREAT", fields)), integers)

    @command
    def hexpiretime(self, key: Key, *fields: SomeKeys) -> Command[list[int]]:
        """The Unix time in seconds at which each of *fields* ends, otherwise -2 or -1.

        HEXPIRETIME key FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        return Command((b"HEXPIRETIME", key, *_fields("HEXPIRETIME", fields)), integers)

    @command
    def hgetdel(self, key: Key, *fields: SomeKeys) -> Command[list[S | None]]:
        """The values of *fields*, None for each that is missing; the fields are deleted.

        HGETDEL key FIELDS count field [field …]. Redis 8.0, Valkey 9.1. O(N).
        """
        words = (b"HGETDEL", key, *_fields("HGETDEL", fields))
        return Command(words, self.read.texts_or_nones)

    @command
    def hgetex(
        self,
        key: Key,
        *fields: SomeKeys,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        persist: bool = False,
    ) -> Command[list[S | None]]:
        """The values of *fields*; their time to live is set or, with *persist*, removed.

        A field that is missing gives None.  *ex* and *exat* are in seconds, *px* and *pxat* in
        milliseconds.
        HGETEX key [EX seconds | … | PERSIST] FIELDS count field [field …].
        Redis 8.0, Valkey 9.0. O(N).
        """
        life = expiry("HGETEX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        words = (b"HGETEX", key, *life, *_fields("HGETEX", fields))
        return Command(words, self.read.texts_or_nones)

    @command
    def hpersist(self, key: Key, *fields: SomeKeys) -> Command[list[int]]:
        """1 for each of *fields* whose time to live was removed, otherwise -2 or -1.

        HPERSIST key FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        return Command((b"HPERSIST", key, *_fields("HPERSIST", fields)), integers)

    @command
    def hpexpire(
        self,
        key: Key,
        milliseconds: Milliseconds,
        *fields: SomeKeys,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[list[int]]:
        """Like `hexpire`, in milliseconds.

        HPEXPIRE key milliseconds [NX | XX | …] FIELDS count field [field …].
        Redis 7.4, Valkey 9.0. O(N).
        """
        condition = _condition("HPEXPIRE", nx=nx, xx=xx, gt=gt, lt=lt)
        words = (b"HPEXPIRE", key, duration(milliseconds, MILLISECOND), *condition)
        return Command((*words, *_fields("HPEXPIRE", fields)), integers)

    @command
    def hpexpireat(
        self,
        key: Key,
        unix_time_milliseconds: UnixTime,
        *fields: SomeKeys,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[list[int]]:
        """Like `hexpire`, until a Unix time in milliseconds.

        HPEXPIREAT key time [NX | XX | …] FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        condition = _condition("HPEXPIREAT", nx=nx, xx=xx, gt=gt, lt=lt)
        words = (b"HPEXPIREAT", key, moment(unix_time_milliseconds, MILLISECOND), *condition)
        return Command((*words, *_fields("HPEXPIREAT", fields)), integers)

    @command
    def hpexpiretime(self, key: Key, *fields: SomeKeys) -> Command[list[int]]:
        """The Unix time in milliseconds at which each of *fields* ends, otherwise -2 or -1.

        HPEXPIRETIME key FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        return Command((b"HPEXPIRETIME", key, *_fields("HPEXPIRETIME", fields)), integers)

    @command
    def hpttl(self, key: Key, *fields: SomeKeys) -> Command[list[int]]:
        """The milliseconds that each of *fields* has left, otherwise -2 or -1.

        HPTTL key FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        return Command((b"HPTTL", key, *_fields("HPTTL", fields)), integers)

    @command
    def hsetex(
        self,
        key: Key,
        field: Key | None = None,
        value: Value | None = None,
        *,
        mapping: SupportsItems | None = None,
        nx: bool = False,
        xx: bool = False,
        fnx: bool = False,
        fxx: bool = False,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        keepttl: bool = False,
    ) -> Command[bool]:
        """True if *value* was stored in *field*, and all of *mapping*, with one time to live.

        Nothing is stored if a condition is not met: *fnx* none of the fields exists, *fxx* all of
        them do, *nx* the hash is missing, *xx* it exists (*nx* and *xx* Valkey 9.1).  The time to
        live is as for `set`, of the fields instead of the key.
        HSETEX key [NX | FNX | …] [EX …] FIELDS count field value […]. Redis 8.0, Valkey 9.0. O(N).
        """
        only_one("HSETEX", nx=nx, xx=xx)
        only_one("HSETEX", fnx=fnx, fxx=fxx)
        life = expiry("HSETEX", ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl)
        data = fields_and_values("HSETEX", field, value, mapping)
        words = (b"HSETEX", key, *flags(nx=nx, xx=xx, fnx=fnx, fxx=fxx), *life)
        return Command((*words, b"FIELDS", len(data) // 2, *data), boolean)

    @command
    def httl(self, key: Key, *fields: SomeKeys) -> Command[list[int]]:
        """The seconds that each of *fields* has left, otherwise -2 or -1.

        HTTL key FIELDS count field [field …]. Redis 7.4, Valkey 9.0. O(N).
        """
        return Command((b"HTTL", key, *_fields("HTTL", fields)), integers)


def _condition(command: str, *, nx: bool, xx: bool, gt: bool, lt: bool) -> tuple[Value, ...]:
    """The word for the given condition, if any."""
    if not (nx or xx or gt or lt):
        return ()  # most of the time
    only_one(command, nx=nx, xx=xx, gt=gt, lt=lt)
    return flags(nx=nx, xx=xx, gt=gt, lt=lt)


def _fields(command: str, fields: tuple[SomeKeys, ...]) -> tuple[Value, ...]:
    names = all_fields(command, "fields", fields)
    return (b"FIELDS", len(names), *names)
