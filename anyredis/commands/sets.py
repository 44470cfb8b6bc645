"""Sets: members without order, each once."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group, flags, narrowed
from anyredis.commands.several import SomeKeys, SomeValues, all_keys, all_values, keys_of
from anyredis.replies import S, boolean, booleans, integer
from anyredis.wire.encode import Key, Value


class Sets(Group[S]):
    """The commands on sets."""

    @command
    def sadd(self, key: Key, *values: SomeValues) -> Command[int]:
        """The number of *values* that are new in the set at *key*; afterwards it has all of them.

        SADD key value [value …]. Server 1.0. O(1) for each element added.
        """
        return Command((b"SADD", key, *all_values("SADD", "values", values)), integer)

    @command
    def scard(self, key: Key) -> Command[int]:
        """The number of members of the set at *key*, 0 if there is none.

        SCARD key. Server 1.0. O(1).
        """
        return Command((b"SCARD", key), integer)

    @command
    def sdiff(self, *keys: SomeKeys) -> Command[set[S]]:
        """The members of the first of *keys* that none of the other keys has.

        SDIFF key [key …]. Server 1.0. O(N).
        """
        return Command((b"SDIFF", *all_keys("SDIFF", "keys", keys)), self.read.text_set)

    @command
    def sdiffcard(self, keys: SomeKeys, *, limit: Count = 0) -> Command[int]:
        """The number of members in the reply of `sdiff`, counted up to *limit* (0: to the end).

        SDIFFCARD numkeys key [key …] [LIMIT n]. Redis 8.10. O(N).
        """
        return Command((b"SDIFFCARD", *_counted("SDIFFCARD", keys), *_limit(limit)), integer)

    @command
    def sdiffstore(self, dest: Key, *keys: SomeKeys) -> Command[int]:
        """The number of members of `sdiff`, stored at *dest*; without any, *dest* is deleted.

        SDIFFSTORE dest key [key …]. Server 1.0. O(N).
        """
        return Command((b"SDIFFSTORE", dest, *all_keys("SDIFFSTORE", "keys", keys)), integer)

    @command
    def sinter(self, *keys: SomeKeys) -> Command[set[S]]:
        """The members that all of *keys* have.

        SINTER key [key …]. Server 1.0. O(N*M) worst case.
        """
        return Command((b"SINTER", *all_keys("SINTER", "keys", keys)), self.read.text_set)

    @command
    def sintercard(self, keys: SomeKeys, *, limit: Count = 0) -> Command[int]:
        """The number of members in the reply of `sinter`, counted up to *limit* (0: to the end).

        SINTERCARD numkeys key [key …] [LIMIT n]. Server 7.0. O(N*M) worst case.
        """
        return Command((b"SINTERCARD", *_counted("SINTERCARD", keys), *_limit(limit)), integer)

    @command
    def sinterstore(self, dest: Key, *keys: SomeKeys) -> Command[int]:
        """The number of members of `sinter`, stored at *dest*; without any, *dest* is deleted.

        SINTERSTORE dest key [key …]. Server 1.0. O(N*M) worst case.
        """
        return Command((b"SINTERSTORE", dest, *all_keys("SINTERSTORE", "keys", keys)), integer)

    @command
    def sismember(self, key: Key, value: Value) -> Command[bool]:
        """Whether the set at *key* has *value*.

        SISMEMBER key value. Server 1.0. O(1).
        """
        return Command((b"SISMEMBER", key, value), boolean)

    @command
    def smembers(self, key: Key) -> Command[set[S]]:
        """All members of the set at *key*, empty if there is none.

        SMEMBERS key. Server 1.0. O(N).
        """
        return Command((b"SMEMBERS", key), self.read.text_set)

    @command
    def smismember(self, key: Key, *values: SomeValues) -> Command[list[bool]]:
        """Whether the set at *key* has each of *values*, in their order.

        SMISMEMBER key value [value …]. Server 6.2. O(N).
        """
        return Command((b"SMISMEMBER", key, *all_values("SMISMEMBER", "values", values)), booleans)

    @command
    def smove(self, src: Key, dst: Key, value: Value) -> Command[bool]:
        """True if *value* was in the set at *src* and is now in the set at *dst*.

        SMOVE src dst value. Server 1.0. O(1).
        """
        return Command((b"SMOVE", src, dst, value), boolean)

    @command
    def spop(self, key: Key) -> Command[S | None]:
        """A random member, which is removed, or None if there is no set.

        SPOP key. Server 1.0. Without the count argument O(1), otherwise O(N).
        """
        return Command((b"SPOP", key), self.read.text_or_none)

    @command
    def spop_many(self, key: Key, count: Count) -> Command[set[S]]:
        """Up to *count* random members, which are removed.

        SPOP key count. Server 3.2. Without the count argument O(1), otherwise O(N).
        """
        return Command((b"SPOP", key, count), self.read.text_set)

    @command
    def srandmember(self, key: Key) -> Command[S | None]:
        """A random member, which stays, or None if there is no set.

        SRANDMEMBER key. Server 1.0. Without the count argument O(1), otherwise O(N).
        """
        return Command((b"SRANDMEMBER", key), self.read.text_or_none)

    @command
    def srandmember_many(self, key: Key, number: int) -> Command[list[S]]:
        """Up to *number* random members, each once, which stay.

        A negative *number* gives exactly that many, and some may come more than once.
        SRANDMEMBER key number. Server 2.6. Without the count argument O(1), otherwise O(N).
        """
        return Command((b"SRANDMEMBER", key, number), self.read.texts)

    @command
    def srem(self, key: Key, *values: SomeValues) -> Command[int]:
        """The number of *values* that were in the set and were removed; an empty set is deleted.

        SREM key value [value …]. Server 1.0. O(N).
        """
        return Command((b"SREM", key, *all_values("SREM", "values", values)), integer)

    @command
    def sscan(
        self, key: Key, cursor: Count = 0, match: Key | None = None, count: Count | None = None
    ) -> Command[tuple[int, list[S]]]:
        """The next cursor (0: the last page) and one page of members.

        *match* is a pattern.  *count* is the number of members that the server looks at, not the
        number that it gives: a page may be empty.  A member may come more than once if the set
        changes meanwhile.
        SSCAN key cursor [MATCH pattern] [COUNT n]. Server 2.8. O(1) for every call.
        """
        words = (b"SSCAN", key, cursor, *narrowed(match, count))
        return Command(words, self.read.page(self.read.texts))

    @command
    def sunion(self, *keys: SomeKeys) -> Command[set[S]]:
        """The members that any of *keys* has.

        SUNION key [key …]. Server 1.0. O(N).
        """
        return Command((b"SUNION", *all_keys("SUNION", "keys", keys)), self.read.text_set)

    @command
    def sunioncard(self, keys: SomeKeys, *, limit: Count = 0, approx: bool = False) -> Command[int]:
        """The number of members in the reply of `sunion`, counted up to *limit* (0: to the end).

        With *approx* the number is an estimate, quicker for large sets.
        SUNIONCARD numkeys key [key …] [APPROX] [LIMIT n]. Redis 8.10. O(N).
        """
        words = (b"SUNIONCARD", *_counted("SUNIONCARD", keys), *flags(approx=approx))
        return Command((*words, *_limit(limit)), integer)

    @command
    def sunionstore(self, dest: Key, *keys: SomeKeys) -> Command[int]:
        """The number of members of `sunion`, stored at *dest*; without any, *dest* is deleted.

        SUNIONSTORE dest key [key …]. Server 1.0. O(N).
        """
        return Command((b"SUNIONSTORE", dest, *all_keys("SUNIONSTORE", "keys", keys)), integer)


def _counted(command: str, keys: SomeKeys) -> tuple[Value, ...]:
    names = keys_of(command, keys)
    return (len(names), *names)


def _limit(limit: int) -> tuple[Value, ...]:
    return (b"LIMIT", limit) if limit else ()
