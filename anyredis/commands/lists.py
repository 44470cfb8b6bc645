"""Lists: elements in order, pushed and popped at either end."""

from __future__ import annotations

from typing import Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group, choice
from anyredis.commands.several import SomeKeys, SomeValues, all_values, keys_of
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, integer, integer_or_none, integers, ok
from anyredis.wire.encode import Key, Value

Side: TypeAlias = Literal["LEFT", "RIGHT", "left", "right"]
"""An end of a list: LEFT is its head, RIGHT its tail."""

Place: TypeAlias = Literal["BEFORE", "AFTER", "before", "after"]
"""The side of the reference on which `linsert` puts an element."""

Mode: TypeAlias = Literal["COUNT", "EXACTLY", "count", "exactly"]
"""The meaning of the *count* of `lmovem`: up to that many, or exactly that many or none."""

Ordering: TypeAlias = Literal["OBO", "BULK", "obo", "bulk"]
"""The order of elements that move together: one by one as popped, or as before."""


class Lists(Group[S]):
    """The commands on lists that do not wait; those that do are in `BlockingLists`."""

    @command
    def lindex(self, key: Key, index: int) -> Command[S | None]:
        """The element at *index* (negative from the end), or None if there is none.

        LINDEX key index. Server 1.0. O(N).
        """
        return Command((b"LINDEX", key, index), self.read.text_or_none)

    @command
    def linsert(self, key: Key, where: Place, refvalue: Value, value: Value) -> Command[int]:
        """The length after *value* was inserted BEFORE or AFTER the first *refvalue*.

        -1 if there is no *refvalue*, 0 if there is no list.
        LINSERT key BEFORE|AFTER refvalue value. Server 2.2. O(N).
        """
        place = choice("LINSERT", "where", where, "BEFORE", "AFTER")
        return Command((b"LINSERT", key, place, refvalue, value), integer)

    @command
    def llen(self, key: Key) -> Command[int]:
        """The number of elements in the list, 0 if there is none.

        LLEN key. Server 1.0. O(1).
        """
        return Command((b"LLEN", key), integer)

    @command
    def lmove(
        self, first_list: Key, second_list: Key, src: Side = "LEFT", dest: Side = "RIGHT"
    ) -> Command[S | None]:
        """The element moved from end *src* of *first_list* to end *dest* of *second_list*.

        None if *first_list* is empty.  Both lists may be the same one.
        LMOVE first_list second_list LEFT|RIGHT LEFT|RIGHT. Server 6.2. O(1).
        """
        words = (b"LMOVE", first_list, second_list, side("LMOVE", "src", src))
        return Command((*words, side("LMOVE", "dest", dest)), self.read.text_or_none)

    @command
    def lmovem(
        self,
        first_list: Key,
        second_list: Key,
        src: Side = "LEFT",
        dest: Side = "RIGHT",
        *,
        count: int | None = None,
        mode: Mode | None = None,
        ordering: Ordering | None = None,
    ) -> Command[list[S] | None]:
        """The elements moved from *first_list* to *second_list*, in their new order.

        One element, or up to *count*, or with *mode* EXACTLY either *count* of them or none; None
        if nothing moved.  A *count* needs an *ordering*: OBO pushes the elements one by one as they
        are popped, BULK keeps the order that they had.
        LMOVEM first_list second_list LEFT|RIGHT LEFT|RIGHT [COUNT|EXACTLY n OBO|BULK].
        Redis 8.10. O(N).
        """
        words = (b"LMOVEM", first_list, second_list, side("LMOVEM", "src", src))
        amount = how_many("LMOVEM", count, mode, ordering)
        return Command((*words, side("LMOVEM", "dest", dest), *amount), self.read.texts_or_none)

    @command
    def lmpop(
        self, keys: SomeKeys, direction: Side, *, count: Count | None = None
    ) -> Command[tuple[S, list[S]] | None]:
        """The first of *keys* that has elements, and up to *count* (1) popped from its end.

        None if all are empty.
        LMPOP numkeys key [key …] LEFT|RIGHT [COUNT n]. Server 7.0. O(N+M).
        """
        words = (b"LMPOP", *side_of_first("LMPOP", keys, direction, count))
        return Command(words, self.read.keyed(self.read.texts))

    @command
    def lpop(self, key: Key) -> Command[S | None]:
        """The first element, which is removed, or None if there is no list.

        LPOP key. Server 1.0. O(N).
        """
        return Command((b"LPOP", key), self.read.text_or_none)

    @command
    def lpop_many(self, key: Key, count: Count) -> Command[list[S] | None]:
        """Up to *count* elements from the head, removed; None if there is no list.

        LPOP key count. Server 6.2. O(N).
        """
        return Command((b"LPOP", key, count), self.read.texts_or_none)

    @command
    def lpos(
        self, key: Key, value: Value, *, rank: int | None = None, maxlen: Count | None = None
    ) -> Command[int | None]:
        """The index of the first *value*, or None if there is none.

        *rank* 2 finds the second one, -1 the last; *maxlen* bounds the number of comparisons.
        LPOS key value [RANK n] [MAXLEN n]. Server 6.0.6. O(N).
        """
        return Command((b"LPOS", key, value, *_search(rank, maxlen)), integer_or_none)

    @command
    def lpos_many(
        self,
        key: Key,
        value: Value,
        count: Count = 0,
        *,
        rank: int | None = None,
        maxlen: Count | None = None,
    ) -> Command[list[int]]:
        """The indexes of up to *count* (0: all) elements that equal *value*; options as `lpos`.

        LPOS key value COUNT n [RANK n] [MAXLEN n]. Server 6.0.6. O(N).
        """
        words = (b"LPOS", key, value, b"COUNT", count, *_search(rank, maxlen))
        return Command(words, integers)

    @command
    def lpush(self, key: Key, *values: SomeValues) -> Command[int]:
        """The length after *values* were pushed at the head one by one: the last one is first.

        LPUSH key value [value …]. Server 1.0. O(1) for each element added.
        """
        return Command((b"LPUSH", key, *all_values("LPUSH", "values", values)), integer)

    @command
    def lpushx(self, key: Key, *values: SomeValues) -> Command[int]:
        """The length after `lpush`, or 0 if there is no list and nothing was pushed.

        LPUSHX key value [value …]. Server 2.2. O(1) for each element added.
        """
        return Command((b"LPUSHX", key, *all_values("LPUSHX", "values", values)), integer)

    @command
    def lrange(self, key: Key, start: int, end: int) -> Command[list[S]]:
        """The elements *start* to *end* (inclusive; negative from the end), or none.

        LRANGE key start end. Server 1.0. O(S+N).
        """
        return Command((b"LRANGE", key, start, end), self.read.texts)

    @command
    def lrem(self, key: Key, count: int, value: Value) -> Command[int]:
        """The number of elements equal to *value* that were removed.

        The first *count* of them, the last ones with a negative *count*, all with 0.
        LREM key count value. Server 1.0. O(N+M).
        """
        return Command((b"LREM", key, count, value), integer)

    @command
    def lset(self, key: Key, index: int, value: Value) -> Command[bool]:
        """True once *value* is at *index*.

        Raises `ResponseError` if there is no such key or index.
        LSET key index value. Server 1.0. O(N).
        """
        return Command((b"LSET", key, index, value), ok)

    @command
    def ltrim(self, key: Key, start: int, end: int) -> Command[bool]:
        """True once only the elements *start* to *end* (inclusive) are left.

        LTRIM key start end. Server 1.0. O(N).
        """
        return Command((b"LTRIM", key, start, end), ok)

    @command
    def rpop(self, key: Key) -> Command[S | None]:
        """The last element, which is removed, or None if there is no list.

        RPOP key. Server 1.0. O(N).
        """
        return Command((b"RPOP", key), self.read.text_or_none)

    @command
    def rpop_many(self, key: Key, count: Count) -> Command[list[S] | None]:
        """Up to *count* elements from the tail, the last first, removed; None without a list.

        RPOP key count. Server 6.2. O(N).
        """
        return Command((b"RPOP", key, count), self.read.texts_or_none)

    @command
    def rpoplpush(self, src: Key, dst: Key) -> Command[S | None]:
        """The reply of `lmove` from the tail of *src* to the head of *dst*, by its old name.

        RPOPLPUSH src dst. Server 1.2. O(1).
        """
        return Command((b"RPOPLPUSH", src, dst), self.read.text_or_none)

    @command
    def rpush(self, key: Key, *values: SomeValues) -> Command[int]:
        """The length after *values* were pushed at the tail one by one.

        RPUSH key value [value …]. Server 1.0. O(1) for each element added.
        """
        return Command((b"RPUSH", key, *all_values("RPUSH", "values", values)), integer)

    @command
    def rpushx(self, key: Key, *values: SomeValues) -> Command[int]:
        """The length after `rpush`, or 0 if there is no list and nothing was pushed.

        RPUSHX key value [value …]. Server 2.2. O(1) for each element added.
        """
        return Command((b"RPUSHX", key, *all_values("RPUSHX", "values", values)), integer)


def side(command: str, argument: str, value: Side) -> bytes:
    """The word for an end of a list."""
    return choice(command, argument, value, "LEFT", "RIGHT")


def side_of_first(
    command: str, keys: SomeKeys, direction: Side, count: int | None
) -> tuple[Value, ...]:
    """The words of LMPOP after its name and timeout."""
    names = keys_of(command, keys)
    end = side_after_keys(command, direction)
    amount: tuple[Value, ...] = () if count is None else (b"COUNT", count)
    return (len(names), *names, end, *amount)


def side_after_keys(command: str, direction: Side) -> bytes:
    """The word for an end of the lists; raises `DataValueError` for a key in its place."""
    if isinstance(direction, str) and direction.upper() in {"LEFT", "RIGHT"}:
        return direction.upper().encode()
    msg = (
        f"{command}: direction is {excerpt(direction, 40)}: give LEFT or RIGHT; several keys are one "
        f"list: write {command.lower()}([key, …], 'LEFT')"
    )
    raise DataValueError(msg)


def how_many(
    command: str, count: int | None, mode: Mode | None, ordering: Ordering | None
) -> tuple[Value, ...]:
    """The words of LMOVEM for several elements: all options are given, or none."""
    if count is None:
        if mode is not None or ordering is not None:
            msg = f"{command}: mode and ordering say how to move several elements: give count too"
            raise DataValueError(msg)
        return ()
    if ordering is None:
        msg = f"{command}: count needs an ordering: give OBO or BULK"
        raise DataValueError(msg)
    selector = choice(command, "mode", mode or "COUNT", "COUNT", "EXACTLY")
    return (selector, count, choice(command, "ordering", ordering, "OBO", "BULK"))


def _search(rank: int | None, maxlen: int | None) -> tuple[Value, ...]:
    nth: tuple[Value, ...] = () if rank is None else (b"RANK", rank)
    limit: tuple[Value, ...] = () if maxlen is None else (b"MAXLEN", maxlen)
    return (*nth, *limit)
