"""Sets: members without order, each once."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group, at_least_one, flags, narrowed
from anyredis.replies import S, boolean, booleans, integer
from anyredis.wire.encode import Key, Value


class Sets(Group[S]):
    """The commands on sets."""

    @command
    def sadd(self, key: Key, *values: Value) -> Command[int]:
        """How many of *values* are new in the set at *key*, where all of them are now."""
        at_least_one("SADD", "values", values)
        return Command((b"SADD", key, *values), integer)

    @command
    def scard(self, key: Key) -> Command[int]:
        """How many members the set at *key* has, 0 where there is none."""
        return Command((b"SCARD", key), integer)

    @command
    def sdiff(self, *keys: Key) -> Command[set[S]]:
        """The members of the first of *keys* that none of the others has."""
        at_least_one("SDIFF", "keys", keys)
        return Command((b"SDIFF", *keys), self.read.text_set)

    @command
    def sdiffcard(self, *keys: Key, limit: int = 0) -> Command[int]:
        """How many members `sdiff` would give, counted up to *limit* (0: to the end).

        Redis 8.10.
        """
        return Command((b"SDIFFCARD", *_counted("SDIFFCARD", keys), *_limit(limit)), integer)

    @command
    def sdiffstore(self, dest: Key, *keys: Key) -> Command[int]:
        """How many members `sdiff` gives, now the set at *dest*; without any, *dest* is gone."""
        at_least_one("SDIFFSTORE", "keys", keys)
        return Command((b"SDIFFSTORE", dest, *keys), integer)

    @command
    def sinter(self, *keys: Key) -> Command[set[S]]:
        """The members that all of *keys* have."""
        at_least_one("SINTER", "keys", keys)
        return Command((b"SINTER", *keys), self.read.text_set)

    @command
    def sintercard(self, *keys: Key, limit: int = 0) -> Command[int]:
        """How many members `sinter` would give, counted up to *limit* (0: to the end).

        Server 7.0.
        """
        return Command((b"SINTERCARD", *_counted("SINTERCARD", keys), *_limit(limit)), integer)

    @command
    def sinterstore(self, dest: Key, *keys: Key) -> Command[int]:
        """How many members `sinter` gives, now the set at *dest*; without any, *dest* is gone."""
        at_least_one("SINTERSTORE", "keys", keys)
        return Command((b"SINTERSTORE", dest, *keys), integer)

    @command
    def sismember(self, key: Key, value: Value) -> Command[bool]:
        """Whether the set at *key* has *value*."""
        return Command((b"SISMEMBER", key, value), boolean)

    @command
    def smembers(self, key: Key) -> Command[set[S]]:
        """All members of the set at *key*, empty where there is none."""
        return Command((b"SMEMBERS", key), self.read.text_set)

    @command
    def smismember(self, key: Key, *values: Value) -> Command[list[bool]]:
        """Whether the set at *key* has each of *values*, in their order.  Server 6.2."""
        at_least_one("SMISMEMBER", "values", values)
        return Command((b"SMISMEMBER", key, *values), booleans)

    @command
    def smove(self, src: Key, dst: Key, value: Value) -> Command[bool]:
        """Whether *value* was in the set at *src* and so is now in the one at *dst*."""
        return Command((b"SMOVE", src, dst, value), boolean)

    @command
    def spop(self, key: Key) -> Command[S | None]:
        """A random member, which is removed, or None where there is no set."""
        return Command((b"SPOP", key), self.read.text_or_none)

    @command
    def spop_many(self, key: Key, count: int) -> Command[set[S]]:
        """Up to *count* random members, which are removed."""
        return Command((b"SPOP", key, count), self.read.text_set)

    @command
    def srandmember(self, key: Key) -> Command[S | None]:
        """A random member, which stays, or None where there is no set."""
        return Command((b"SRANDMEMBER", key), self.read.text_or_none)

    @command
    def srandmember_many(self, key: Key, number: int) -> Command[list[S]]:
        """Up to *number* random members, each once, which stay.

        A negative *number* gives exactly that many, some perhaps more than once.
        """
        return Command((b"SRANDMEMBER", key, number), self.read.texts)

    @command
    def srem(self, key: Key, *values: Value) -> Command[int]:
        """How many of *values* were in the set and so were removed; an empty set is gone."""
        at_least_one("SREM", "values", values)
        return Command((b"SREM", key, *values), integer)

    @command
    def sscan(
        self, key: Key, cursor: int = 0, match: Key | None = None, count: int | None = None
    ) -> Command[tuple[int, list[S]]]:
        """The next cursor (0: that was all) and one page of members.

        *match* is a pattern; *count* says how much to look at, not how many to give: a page may be
        empty.  A member may come more than once if the set changes meanwhile.
        """
        words = (b"SSCAN", key, cursor, *narrowed(match, count))
        return Command(words, self.read.page(self.read.texts))

    @command
    def sunion(self, *keys: Key) -> Command[set[S]]:
        """The members that any of *keys* has."""
        at_least_one("SUNION", "keys", keys)
        return Command((b"SUNION", *keys), self.read.text_set)

    @command
    def sunioncard(self, *keys: Key, limit: int = 0, approx: bool = False) -> Command[int]:
        """How many members `sunion` would give, counted up to *limit* (0: to the end).

        With *approx* it is an estimate, quicker for large sets.  Redis 8.10.
        """
        words = (b"SUNIONCARD", *_counted("SUNIONCARD", keys), *flags(approx=approx))
        return Command((*words, *_limit(limit)), integer)

    @command
    def sunionstore(self, dest: Key, *keys: Key) -> Command[int]:
        """How many members `sunion` gives, now the set at *dest*; without any, *dest* is gone."""
        at_least_one("SUNIONSTORE", "keys", keys)
        return Command((b"SUNIONSTORE", dest, *keys), integer)


def _counted(command: str, keys: tuple[Key, ...]) -> tuple[Value, ...]:
    at_least_one(command, "keys", keys)
    return (len(keys), *keys)


def _limit(limit: int) -> tuple[Value, ...]:
    return (b"LIMIT", limit) if limit else ()
