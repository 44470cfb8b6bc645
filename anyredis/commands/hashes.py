"""Hashes: fields and values under one key."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group, SupportsItems, at_least_one, flat, narrowed
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import S, boolean, integer, number, ok
from anyredis.wire.encode import Key, Value


class Hashes(Group[S]):
    """The commands on hashes; those on the time to live of fields are in `HashExpiry`."""

    @command
    def hdel(self, key: Key, *fields: Key) -> Command[int]:
        """How many of *fields* were there and so were deleted; without fields the hash goes."""
        at_least_one("HDEL", "fields", fields)
        return Command((b"HDEL", key, *fields), integer)

    @command
    def hexists(self, key: Key, field: Key) -> Command[bool]:
        """Whether the hash at *key* has *field*."""
        return Command((b"HEXISTS", key, field), boolean)

    @command
    def hget(self, key: Key, field: Key) -> Command[S | None]:
        """The value of *field*, or None where there is none."""
        return Command((b"HGET", key, field), self.read.text_or_none)

    @command
    def hgetall(self, key: Key) -> Command[dict[S, S]]:
        """All fields and values of the hash at *key*, empty where there is none."""
        return Command((b"HGETALL", key), self.read.text_map)

    @command
    def hincrby(self, key: Key, field: Key, amount: int = 1) -> Command[int]:
        """The counter in *field* after *amount* was added; a missing one counts from 0."""
        return Command((b"HINCRBY", key, field, amount), integer)

    @command
    def hincrbyfloat(self, key: Key, field: Key, amount: float = 1.0) -> Command[float]:
        """The number in *field* after *amount* was added; a missing one counts from 0."""
        return Command((b"HINCRBYFLOAT", key, field, amount), number)

    @command
    def hkeys(self, key: Key) -> Command[list[S]]:
        """The names of all fields of the hash at *key*."""
        return Command((b"HKEYS", key), self.read.texts)

    @command
    def hlen(self, key: Key) -> Command[int]:
        """How many fields the hash at *key* has, 0 where there is none."""
        return Command((b"HLEN", key), integer)

    @command
    def hmget(self, key: Key, *fields: Key) -> Command[list[S | None]]:
        """The values of *fields* in their order, None where there is none."""
        at_least_one("HMGET", "fields", fields)
        return Command((b"HMGET", key, *fields), self.read.texts_or_nones)

    @command
    def hmset(self, key: Key, mapping: SupportsItems) -> Command[bool]:
        """True once all of *mapping* is stored; `hset` also tells how many fields are new."""
        return Command((b"HMSET", key, *flat("HMSET", "mapping", mapping)), ok)

    @command
    def hrandfield(self, key: Key) -> Command[S | None]:
        """The name of a random field, or None where there is no hash.  Server 6.2."""
        return Command((b"HRANDFIELD", key), self.read.text_or_none)

    @command
    def hrandfield_many(self, key: Key, count: int) -> Command[list[S]]:
        """The names of up to *count* random fields, each once.

        A negative *count* gives exactly that many, some perhaps more than once.  Server 6.2.
        """
        return Command((b"HRANDFIELD", key, count), self.read.texts)

    @command
    def hrandfield_with_values(self, key: Key, count: int) -> Command[list[tuple[S, S]]]:
        """Like `hrandfield_many`, each field with its value.  Server 6.2."""
        return Command((b"HRANDFIELD", key, count, b"WITHVALUES"), self.read.text_pairs)

    @command
    def hscan(
        self, key: Key, cursor: int = 0, match: Key | None = None, count: int | None = None
    ) -> Command[tuple[int, dict[S, S]]]:
        """The next cursor (0: that was all) and one page of fields with their values.

        *match* is a pattern for field names; *count* says how much to look at, not how many to
        give: a page may be empty.  A field may come more than once if the hash changes meanwhile.
        """
        words = (b"HSCAN", key, cursor, *narrowed(match, count))
        return Command(words, self.read.page(self.read.text_map))

    @command
    def hscan_no_values(
        self, key: Key, cursor: int = 0, match: Key | None = None, count: int | None = None
    ) -> Command[tuple[int, list[S]]]:
        """Like `hscan`, names of fields only.  Valkey 8.0, Redis 7.4."""
        words = (b"HSCAN", key, cursor, *narrowed(match, count), b"NOVALUES")
        return Command(words, self.read.page(self.read.texts))

    @command
    def hset(
        self,
        key: Key,
        field: Key | None = None,
        value: Value | None = None,
        *,
        mapping: SupportsItems | None = None,
    ) -> Command[int]:
        """How many fields are new, after *value* was stored in *field*, and all of *mapping*.

        The time to live of a field that is stored again is gone; `hsetex` can keep it.
        """
        return Command((b"HSET", key, *fields_and_values("HSET", field, value, mapping)), integer)

    @command
    def hsetnx(self, key: Key, field: Key, value: Value) -> Command[bool]:
        """Whether *field* was missing and so *value* was stored."""
        return Command((b"HSETNX", key, field, value), boolean)

    @command
    def hstrlen(self, key: Key, field: Key) -> Command[int]:
        """The length in bytes of the value of *field*, 0 where there is none."""
        return Command((b"HSTRLEN", key, field), integer)

    @command
    def hvals(self, key: Key) -> Command[list[S]]:
        """All values of the hash at *key*."""
        return Command((b"HVALS", key), self.read.texts)


def fields_and_values(
    command: str, field: Key | None, value: Value | None, mapping: SupportsItems | None
) -> tuple[Value, ...]:
    """Fields and values in turn: *field* and *value* if given, then all of *mapping*."""
    more = () if mapping is None else flat(command, "mapping", mapping)
    if field is not None and value is not None:
        return (field, value, *more)
    if field is not None or value is not None:
        missing = "field" if field is None else "value"
        msg = f"{command}: {missing} is None: give field and value both"
        raise DataTypeError(msg)
    if mapping is None:
        msg = f"{command}: nothing to store: give field and value, or mapping"
        raise DataValueError(msg)
    return more
