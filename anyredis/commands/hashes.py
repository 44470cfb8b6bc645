"""Hashes: fields and values under one key."""

from __future__ import annotations

from collections.abc import Mapping

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group, SupportsItems, flat, narrowed
from anyredis.commands.several import SomeKeys, all_fields
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.replies import S, boolean, integer, number, ok
from anyredis.wire.encode import READY, Key, Value


class Hashes(Group[S]):
    """The commands on hashes; those on the time to live of fields are in `HashExpiry`."""

    @command
    def hdel(self, key: Key, *fields: SomeKeys) -> Command[int]:
        """The number of *fields* that existed and were deleted; an empty hash is deleted too.

        HDEL key field [field …]. Server 2.0. O(N).
        """
        return Command((b"HDEL", key, *all_fields("HDEL", "fields", fields)), integer)

    @command
    def hexists(self, key: Key, field: Key) -> Command[bool]:
        """Whether the hash at *key* has *field*.

        HEXISTS key field. Server 2.0. O(1).
        """
        return Command((b"HEXISTS", key, field), boolean)

    @command
    def hget(self, key: Key, field: Key) -> Command[S | None]:
        """The value of *field*, or None if there is none.

        HGET key field. Server 2.0. O(1).
        """
        return Command((b"HGET", key, field), self.read.text_or_none)

    @command
    def hgetall(self, key: Key) -> Command[dict[S, S]]:
        """All fields and values of the hash at *key*, empty if there is none.

        HGETALL key. Server 2.0. O(N).
        """
        return Command((b"HGETALL", key), self.read.text_map)

    @command
    def hincrby(self, key: Key, field: Key, amount: int = 1) -> Command[int]:
        """The counter in *field* after *amount* was added; a missing one counts from 0.

        Raises `ResponseError` if the value is no whole number, or the result is beyond 64 bits.
        HINCRBY key field amount. Server 2.0. O(1).
        """
        return Command((b"HINCRBY", key, field, amount), integer)

    @command
    def hincrbyfloat(self, key: Key, field: Key, amount: float = 1.0) -> Command[float]:
        """The number in *field* after *amount* was added; a missing one counts from 0.

        Raises `ResponseError` if the value is no number, or the result is not finite.
        HINCRBYFLOAT key field amount. Server 2.6. O(1).
        """
        return Command((b"HINCRBYFLOAT", key, field, amount), number)

    @command
    def hkeys(self, key: Key) -> Command[list[S]]:
        """The names of all fields of the hash at *key*.

        HKEYS key. Server 2.0. O(N).
        """
        return Command((b"HKEYS", key), self.read.texts)

    @command
    def hlen(self, key: Key) -> Command[int]:
        """How many fields the hash at *key* has, 0 if there is none.

        HLEN key. Server 2.0. O(1).
        """
        return Command((b"HLEN", key), integer)

    @command
    def hmget(self, key: Key, *fields: SomeKeys) -> Command[list[S | None]]:
        """The values of *fields* in their order, None if there is none.

        HMGET key field [field …]. Server 2.0. O(N).
        """
        return Command(
            (b"HMGET", key, *all_fields("HMGET", "fields", fields)), self.read.texts_or_nones
        )

    @command
    def hmset(self, key: Key, mapping: SupportsItems) -> Command[bool]:
        """True once all of *mapping* is stored; `hset` also gives the number of new fields.

        HMSET key field value [field value …]. Server 2.0. O(N).
        """
        return Command((b"HMSET", key, *flat("HMSET", "mapping", mapping)), ok)

    @command
    def hrandfield(self, key: Key) -> Command[S | None]:
        """The name of a random field, or None if there is no hash.

        HRANDFIELD key. Server 6.2. O(N).
        """
        return Command((b"HRANDFIELD", key), self.read.text_or_none)

    @command
    def hrandfield_many(self, key: Key, count: int) -> Command[list[S]]:
        """The names of up to *count* random fields, each once.

        A negative *count* gives exactly that many, and some may come more than once.
        HRANDFIELD key count. Server 6.2. O(N).
        """
        return Command((b"HRANDFIELD", key, count), self.read.texts)

    @command
    def hrandfield_with_values(self, key: Key, count: int) -> Command[list[tuple[S, S]]]:
        """Like `hrandfield_many`, each field with its value.

        HRANDFIELD key count WITHVALUES. Server 6.2. O(N).
        """
        return Command((b"HRANDFIELD", key, count, b"WITHVALUES"), self.read.text_pairs)

    @command
    def hscan(
        self, key: Key, cursor: Count = 0, match: Key | None = None, count: Count | None = None
    ) -> Command[tuple[int, dict[S, S]]]:
        """The next cursor (0: the last page) and one page of fields with their values.

        *match* is a pattern for field names.  *count* is the number of fields that the server looks
        at, not the number that it gives: a page may be empty.  A field may come more than once if
        the hash changes meanwhile.
        HSCAN key cursor [MATCH pattern] [COUNT n]. Server 2.8. O(1) for every call.
        """
        words = (b"HSCAN", key, cursor, *narrowed(match, count))
        return Command(words, self.read.page(self.read.text_map))

    @command
    def hscan_no_values(
        self, key: Key, cursor: Count = 0, match: Key | None = None, count: Count | None = None
    ) -> Command[tuple[int, list[S]]]:
        """Like `hscan`, but the names of the fields only.

        HSCAN key cursor [MATCH pattern] [COUNT n] NOVALUES.
        Redis 7.4, Valkey 8.0. O(1) for every call.
        """
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
        """The number of new fields, once *value* is stored in *field*, and all of *mapping*.

        A field that is stored again loses its time to live; `hsetex` can keep it.
        HSET key field value [field value …]. Server 2.0. O(1) for each field/value pair added.
        """
        return Command((b"HSET", key, *fields_and_values("HSET", field, value, mapping)), integer)

    @command
    def hsetnx(self, key: Key, field: Key, value: Value) -> Command[bool]:
        """True if *field* was missing and *value* was stored.

        HSETNX key field value. Server 2.0. O(1).
        """
        return Command((b"HSETNX", key, field, value), boolean)

    @command
    def hstrlen(self, key: Key, field: Key) -> Command[int]:
        """The length in bytes of the value of *field*, 0 if there is none.

        HSTRLEN key field. Server 3.2. O(1).
        """
        return Command((b"HSTRLEN", key, field), integer)

    @command
    def hvals(self, key: Key) -> Command[list[S]]:
        """All values of the hash at *key*.

        HVALS key. Server 2.0. O(N).
        """
        return Command((b"HVALS", key), self.read.texts)


def fields_and_values(
    command: str, field: Key | None, value: Value | None, mapping: SupportsItems | None
) -> tuple[Value, ...]:
    """Fields and values in turn: *field* and *value* if given, then all of *mapping*."""
    if mapping is None and field is not None and value is not None and type(field) in READY:
        return (field, value)  # most of the time: to ask whether a field is a mapping takes longer
    if isinstance(field, Mapping):
        raise DataTypeError(f"{command}: field is a mapping: use mapping= for several fields")
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
