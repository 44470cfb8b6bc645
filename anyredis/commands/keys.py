"""Keys, whatever they hold: names, time to live, copies, what is inside."""

from __future__ import annotations

import datetime

from anyredis.command import Command, command
from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    Group,
    Milliseconds,
    Seconds,
    UnixTime,
    at_least_one,
    duration,
    flags,
    moment,
    narrowed,
    only_one,
)
from anyredis.exceptions import DataValueError
from anyredis.replies import (
    S,
    binary_or_none,
    boolean,
    integer,
    integer_or_none,
    ok,
    word,
    word_or_none,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class Keys(Group[S]):
    """The commands on keys, whatever they hold."""

    @command
    def copy(
        self,
        source: Key,
        destination: Key,
        *,
        destination_db: int | None = None,
        replace: bool = False,
    ) -> Command[bool]:
        """Whether the value at *source* was copied to *destination*, its time to live too.

        It is not where *source* is missing or, without *replace*, *destination* exists.  Server 6.2.
        """
        database: tuple[Value, ...] = () if destination_db is None else (b"DB", destination_db)
        words = (b"COPY", source, destination, *database, *flags(replace=replace))
        return Command(words, boolean)

    @command
    def delete(self, *keys: Key) -> Command[int]:
        """How many of *keys* were there and so were deleted."""
        at_least_one("DEL", "keys", keys)
        return Command((b"DEL", *keys), integer)

    @command
    def dump(self, key: Key) -> Command[bytes | None]:
        """The value at *key* as `restore` takes it, always bytes, or None where there is none."""
        return Command((b"DUMP", key), binary_or_none, binary=True)

    @command
    def exists(self, *keys: Key) -> Command[int]:
        """How many of *keys* are there; one named twice counts twice."""
        at_least_one("EXISTS", "keys", keys)
        return Command((b"EXISTS", *keys), integer)

    @command
    def expire(
        self,
        key: Key,
        time: Seconds,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """Whether *key* is there, met the condition, and so has *time* seconds to live.

        Conditions: *nx* it had no time to live, *xx* it had one, *gt* the new one is longer, *lt*
        it is shorter (none counts as forever).  A *time* of 0 or less deletes the key.
        The conditions need server 7.0.
        """
        condition = _condition("EXPIRE", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"EXPIRE", key, duration(time, SECOND), *condition), boolean)

    @command
    def expireat(
        self,
        key: Key,
        when: UnixTime,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """Whether *key* lives until the Unix time *when*, in seconds; else as for `expire`."""
        condition = _condition("EXPIREAT", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"EXPIREAT", key, moment(when, SECOND), *condition), boolean)

    @command
    def expiretime(self, key: Key) -> Command[int]:
        """The Unix time in seconds at which *key* ends; -1: never, -2: no such key.  Server 7.0."""
        return Command((b"EXPIRETIME", key), integer)

    @command
    def keys(self, pattern: Key = b"*") -> Command[list[S]]:
        """All keys that match the glob *pattern*, at one moment: the server does nothing else.

        On a server with many keys use `scan_iter`.
        """
        return Command((b"KEYS", pattern), self.read.texts)

    @command
    def migrate(
        self,
        host: str,
        port: int,
        *keys: Key,
        destination_db: int,
        timeout: Milliseconds,
        copy: bool = False,
        replace: bool = False,
        username: Value | None = None,
        auth: Value | None = None,
    ) -> Command[bool]:
        """Whether any of *keys* was there and so is at the server *host*:*port* now.

        They are gone here, unless *copy*.  *timeout* is the longest pause, in milliseconds, of the
        two servers' talk, during which this one does nothing else; *auth* is the password there.
        Raises `ResponseError` with the code IOERR where it is not known what has arrived.
        """
        at_least_one("MIGRATE", "keys", keys)
        if username is not None and auth is None:
            raise DataValueError("MIGRATE: username is given without auth, its password")
        where = (b"", destination_db, duration(timeout, MILLISECOND))
        login: tuple[Value, ...] = ()
        if auth is not None:
            login = (b"AUTH", auth) if username is None else (b"AUTH2", username, auth)
        options = (*flags(copy=copy, replace=replace), *login)
        return Command((b"MIGRATE", host, port, *where, *options, b"KEYS", *keys), _moved)

    @command
    def move(self, key: Key, db: int) -> Command[bool]:
        """Whether *key* was moved to the database *db*: not where it is missing, or exists there."""
        return Command((b"MOVE", key, db), boolean)

    @command
    def object_encoding(self, key: Key) -> Command[str | None]:
        """How the server stores the value at *key*, such as `listpack`, or None."""
        return Command((b"OBJECT", b"ENCODING", key), word_or_none)

    @command
    def object_freq(self, key: Key) -> Command[int | None]:
        """The logarithmic access counter of *key*, or None where there is none.

        Raises `ResponseError` unless the server's `maxmemory-policy` is one of the LFU policies.
        """
        return Command((b"OBJECT", b"FREQ", key), integer_or_none)

    @command
    def object_idletime(self, key: Key) -> Command[int | None]:
        """The seconds since *key* was used, or None where there is none.

        Raises `ResponseError` where the server's `maxmemory-policy` is one of the LFU policies.
        """
        return Command((b"OBJECT", b"IDLETIME", key), integer_or_none)

    @command
    def object_refcount(self, key: Key) -> Command[int | None]:
        """How many references to the value at *key* the server holds, or None."""
        return Command((b"OBJECT", b"REFCOUNT", key), integer_or_none)

    @command
    def persist(self, key: Key) -> Command[bool]:
        """Whether *key* had a time to live, which was removed."""
        return Command((b"PERSIST", key), boolean)

    @command
    def pexpire(
        self,
        key: Key,
        time: Milliseconds,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """Whether *key* has *time* milliseconds to live; else as for `expire`."""
        condition = _condition("PEXPIRE", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"PEXPIRE", key, duration(time, MILLISECOND), *condition), boolean)

    @command
    def pexpireat(
        self,
        key: Key,
        when: UnixTime,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[bool]:
        """Whether *key* lives until the Unix time *when*, in milliseconds; else as for `expire`."""
        condition = _condition("PEXPIREAT", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"PEXPIREAT", key, moment(when, MILLISECOND), *condition), boolean)

    @command
    def pexpiretime(self, key: Key) -> Command[int]:
        """The Unix time in milliseconds at which *key* ends; -1: never, -2: no such key.

        Server 7.0.
        """
        return Command((b"PEXPIRETIME", key), integer)

    @command
    def pttl(self, key: Key) -> Command[int]:
        """The milliseconds that *key* has to live; -1: forever, -2: no such key."""
        return Command((b"PTTL", key), integer)

    @command
    def randomkey(self) -> Command[S | None]:
        """Some key, or None where the database is empty."""
        return Command((b"RANDOMKEY",), self.read.text_or_none)

    @command
    def rename(self, src: Key, dst: Key) -> Command[bool]:
        """True once the value at *src* is at *dst*, whatever was there.

        Raises `ResponseError` where *src* is missing.
        """
        return Command((b"RENAME", src, dst), ok)

    @command
    def renamenx(self, src: Key, dst: Key) -> Command[bool]:
        """Whether *dst* was missing and so has the value that was at *src*.

        Raises `ResponseError` where *src* is missing.
        """
        return Command((b"RENAMENX", src, dst), boolean)

    @command
    def restore(
        self,
        key: Key,
        ttl: Milliseconds | datetime.datetime,
        value: bytes | bytearray | memoryview,
        *,
        replace: bool = False,
        absttl: bool = False,
        idletime: Seconds | None = None,
        frequency: int | None = None,
    ) -> Command[bool]:
        """True once the *value* that `dump` gave is at *key*.

        *ttl* is the time to live in milliseconds, 0 for none; with *absttl* the Unix time in
        milliseconds (or a `datetime`) at which it ends.  *idletime* (seconds) and *frequency* are
        what `object_idletime` and `object_freq` shall give.
        Raises `BusyKeyError` where *key* exists, unless *replace*.
        """
        only_one("RESTORE", idletime=idletime, frequency=frequency)
        options = flags(replace=replace, absttl=absttl)
        if idletime is not None:
            options = (*options, b"IDLETIME", duration(idletime, SECOND))
        if frequency is not None:
            options = (*options, b"FREQ", frequency)
        return Command((b"RESTORE", key, _life(ttl, absttl=absttl), value, *options), ok)

    @command
    def scan(
        self,
        cursor: int = 0,
        match: Key | None = None,
        count: int | None = None,
        type: Key | None = None,
    ) -> Command[tuple[int, list[S]]]:
        """The next cursor, 0 where that was all, and some keys, perhaps none.

        The keys match the glob *match* and hold the *type* (as `type` names it); *count* is about
        how many the server looks at.  `scan_iter` goes through all pages.
        """
        kind: tuple[Value, ...] = () if type is None else (b"TYPE", type)
        words = (b"SCAN", cursor, *narrowed(match, count), *kind)
        return Command(words, self.read.page(self.read.texts))

    @command
    def touch(self, *keys: Key) -> Command[int]:
        """How many of *keys* are there; they count as used just now."""
        at_least_one("TOUCH", "keys", keys)
        return Command((b"TOUCH", *keys), integer)

    @command
    def ttl(self, key: Key) -> Command[int]:
        """The seconds that *key* has to live; -1: forever, -2: no such key."""
        return Command((b"TTL", key), integer)

    @command
    def type(self, key: Key) -> Command[str]:
        """The type of the value at *key*: `string`, `hash` …, or `none` where there is none."""
        return Command((b"TYPE", key), word)

    @command
    def unlink(self, *keys: Key) -> Command[int]:
        """How many of *keys* were there; they are deleted, and their memory is freed later."""
        at_least_one("UNLINK", "keys", keys)
        return Command((b"UNLINK", *keys), integer)


def _condition(command: str, *, nx: bool, xx: bool, gt: bool, lt: bool) -> tuple[Value, ...]:
    """The words for the conditions of EXPIRE; the server takes XX together with GT or LT."""
    only_one(command, nx=nx, xx=xx)
    only_one(command, nx=nx, gt=gt, lt=lt)
    return flags(nx=nx, xx=xx, gt=gt, lt=lt)


def _life(ttl: int | datetime.timedelta | datetime.datetime, *, absttl: bool) -> int:
    """The milliseconds for RESTORE: a duration or, with *absttl*, a moment."""
    if isinstance(ttl, datetime.datetime):
        if not absttl:
            raise DataValueError("RESTORE: ttl is a datetime: give absttl=True too")
        return moment(ttl, MILLISECOND)
    if absttl and isinstance(ttl, datetime.timedelta):
        raise DataValueError("RESTORE: ttl is a timedelta: leave absttl out")
    return duration(ttl, MILLISECOND)


def _moved(reply: Reply) -> bool:
    """True for OK, False for NOKEY."""
    return False if reply in (b"NOKEY", "NOKEY") else ok(reply)
