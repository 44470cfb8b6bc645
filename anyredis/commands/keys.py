"""Keys of any type: names, copies, and details of their values; expiry is in `key_expiry`."""

from __future__ import annotations

import datetime

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    Group,
    Milliseconds,
    Seconds,
    duration,
    flags,
    moment,
    narrowed,
    only_one,
)
from anyredis.commands.several import SomeKeys, all_keys, keys_of
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
    """The commands on keys of any type; those on their time to live are in `KeyExpiry`."""

    @command
    def copy(
        self,
        source: Key,
        destination: Key,
        *,
        destination_db: Count | None = None,
        replace: bool = False,
    ) -> Command[bool]:
        """True if the value at *source* was copied to *destination*, its time to live too.

        Nothing is copied if *source* is missing or, without *replace*, if *destination* exists.
        Raises `ResponseError` if both are the same key.
        COPY source destination [DB destination_db] [REPLACE].
        Server 6.2. O(N) worst case for collections.
        """
        database: tuple[Value, ...] = () if destination_db is None else (b"DB", destination_db)
        words = (b"COPY", source, destination, *database, *flags(replace=replace))
        return Command(words, boolean)

    @command
    def delete(self, *keys: SomeKeys) -> Command[int]:
        """The number of *keys* that existed and were deleted.

        DEL key [key …]. Server 1.0. O(N).
        """
        return Command((b"DEL", *all_keys("DEL", "keys", keys)), integer)

    @command
    def dump(self, key: Key) -> Command[bytes | None]:
        """The value at *key* in the form that `restore` takes, as bytes, or None if there is none.

        DUMP key. Server 2.6. O(1) to access the key and additional O(N*M) to serialize it.
        """
        return Command((b"DUMP", key), binary_or_none, binary=True)

    @command
    def exists(self, *keys: SomeKeys) -> Command[int]:
        """The number of *keys* that exist; a key that is named twice counts twice.

        EXISTS key [key …]. Server 1.0. O(N).
        """
        return Command((b"EXISTS", *all_keys("EXISTS", "keys", keys)), integer)

    @command
    def keys(self, pattern: Key = b"*") -> Command[list[S]]:
        """All keys that match the glob *pattern*, in one step.

        The server does nothing else meanwhile.  On a server with many keys use `scan_iter`.
        KEYS pattern. Server 1.0. O(N).
        """
        return Command((b"KEYS", pattern), self.read.texts)

    @command
    def migrate(
        self,
        host: str,
        port: Count,
        keys: SomeKeys,
        destination_db: Count,
        timeout: Milliseconds,
        *,
        copy: bool = False,
        replace: bool = False,
        username: Value | None = None,
        auth: Value | None = None,
    ) -> Command[bool]:
        """True if any of *keys* existed and is now at the server *host*:*port*.

        The keys are gone here, unless *copy*.  *timeout* is the longest pause, in milliseconds, in
        the exchange between the two servers, during which this server does nothing else; *auth* is
        the password there.  Raises `ResponseError` with the code IOERR if it is not known whether
        the keys arrived.
        MIGRATE host port "" db timeout [COPY] [REPLACE] [AUTH …] KEYS key [key …].
        Server 3.0.6. O(N).
        """
        names = keys_of("MIGRATE", keys)
        if username is not None and auth is None:
            raise DataValueError("MIGRATE: username is given without auth, its password")
        where = (b"", destination_db, duration(timeout, MILLISECOND))
        login: tuple[Value, ...] = ()
        if auth is not None:
            login = (b"AUTH", auth) if username is None else (b"AUTH2", username, auth)
        options = (*flags(copy=copy, replace=replace), *login)
        return Command((b"MIGRATE", host, port, *where, *options, b"KEYS", *names), _moved)

    @command
    def move(self, key: Key, db: Count) -> Command[bool]:
        """True if *key* was moved to the database *db*: not if it is missing here, or exists there.

        Raises `ResponseError` if *db* is the same database, or does not exist.
        MOVE key db. Server 1.0. O(1).
        """
        return Command((b"MOVE", key, db), boolean)

    @command
    def object_encoding(self, key: Key) -> Command[str | None]:
        """The server's internal encoding of the value at *key*, such as `listpack`, or None.

        OBJECT ENCODING key. Server 2.2.3. O(1).
        """
        return Command((b"OBJECT", b"ENCODING", key), word_or_none)

    @command
    def object_freq(self, key: Key) -> Command[int | None]:
        """The logarithmic access counter of *key*, or None if there is no such key.

        Raises `ResponseError` unless the server's `maxmemory-policy` is one of the LFU policies.
        OBJECT FREQ key. Server 4.0. O(1).
        """
        return Command((b"OBJECT", b"FREQ", key), integer_or_none)

    @command
    def object_idletime(self, key: Key) -> Command[int | None]:
        """The seconds since *key* was used, or None if there is no such key.

        Raises `ResponseError` if the server's `maxmemory-policy` is one of the LFU policies.
        OBJECT IDLETIME key. Server 2.2.3. O(1).
        """
        return Command((b"OBJECT", b"IDLETIME", key), integer_or_none)

    @command
    def object_refcount(self, key: Key) -> Command[int | None]:
        """The number of references to the value at *key* that the server holds, or None.

        OBJECT REFCOUNT key. Server 2.2.3. O(1).
        """
        return Command((b"OBJECT", b"REFCOUNT", key), integer_or_none)

    @command
    def randomkey(self) -> Command[S | None]:
        """A random key, or None if the database is empty.

        RANDOMKEY. Server 1.0. O(1).
        """
        return Command((b"RANDOMKEY",), self.read.text_or_none)

    @command
    def rename(self, src: Key, dst: Key) -> Command[bool]:
        """True once the value at *src* is at *dst*; a value that was there is replaced.

        Raises `ResponseError` if *src* is missing.
        RENAME src dst. Server 1.0. O(1).
        """
        return Command((b"RENAME", src, dst), ok)

    @command
    def renamenx(self, src: Key, dst: Key) -> Command[bool]:
        """True if *dst* was missing and now has the value that was at *src*.

        Raises `ResponseError` if *src* is missing.
        RENAMENX src dst. Server 1.0. O(1).
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
        frequency: Count | None = None,
    ) -> Command[bool]:
        """True once the *value* that `dump` gave is at *key*.

        *ttl* is the time to live in milliseconds, 0 for none; with *absttl* the Unix time in
        milliseconds (or a `datetime`) at which it ends.  `object_idletime` and `object_freq` then
        give *idletime* (seconds) and *frequency*.  Raises `BusyKeyError` if *key* exists, unless
        *replace*.  Raises `ResponseError` if *value* is damaged, or of a newer server.
        RESTORE key milliseconds value [REPLACE] [ABSTTL] [IDLETIME n | FREQ n].
        Server 2.6. O(1) to create the new key and additional O(N*M) to reconstruct the serialized
        value.
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
        cursor: Count = 0,
        match: Key | None = None,
        count: Count | None = None,
        type: Key | None = None,
    ) -> Command[tuple[int, list[S]]]:
        """The next cursor (0: the last page) and one page of keys, perhaps an empty one.

        The keys match the glob *match* and hold the *type* (as `type` names it; server 6.0);
        *count* is about the number of keys that the server looks at.  `scan_iter` goes through all
        pages.
        SCAN cursor [MATCH pattern] [COUNT n] [TYPE type]. Server 2.8. O(1) for every call.
        """
        kind: tuple[Value, ...] = () if type is None else (b"TYPE", type)
        words = (b"SCAN", cursor, *narrowed(match, count), *kind)
        return Command(words, self.read.page(self.read.texts))

    @command
    def touch(self, *keys: SomeKeys) -> Command[int]:
        """The number of *keys* that exist; they count as used just now.

        TOUCH key [key …]. Server 3.2.1. O(N).
        """
        return Command((b"TOUCH", *all_keys("TOUCH", "keys", keys)), integer)

    @command
    def type(self, key: Key) -> Command[str]:
        """The type of the value at *key*: `string`, `hash` …, or `none` if there is no such key.

        TYPE key. Server 1.0. O(1).
        """
        return Command((b"TYPE", key), word)

    @command
    def unlink(self, *keys: SomeKeys) -> Command[int]:
        """The number of *keys* that existed and were deleted; their memory is freed later.

        UNLINK key [key …]. Server 4.0. O(1) for each key removed.
        """
        return Command((b"UNLINK", *all_keys("UNLINK", "keys", keys)), integer)


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
