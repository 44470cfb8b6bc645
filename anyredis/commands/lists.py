"""Lists: elements in order, pushed and popped at either end."""

from __future__ import annotations

from typing import Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.group import Group, at_least_one, choice
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer, integer_or_none, integers, ok
from anyredis.wire.encode import Key, Value

Side: TypeAlias = Literal["LEFT", "RIGHT", "left", "right"]
"""An end of a list: LEFT is its head, RIGHT its tail."""

Place: TypeAlias = Literal["BEFORE", "AFTER", "before", "after"]
"""Where `linsert` puts an element."""

Mode: TypeAlias = Literal["COUNT", "EXACTLY", "count", "exactly"]
"""How `lmovem` takes its *count*: up to so many, or so many or none."""

Ordering: TypeAlias = Literal["OBO", "BULK", "obo", "bulk"]
"""How elements that move together arrive: one by one as popped, or in the order they had."""


class Lists(Group[S]):
    """The commands on lists that do not wait; those that do are in `BlockingLists`."""

    @command
    def lindex(self, key: Key, index: int) -> Command[S | None]:
        """The element at *index* (negative from the end), or None where there is none."""
        return Command((b"LINDEX", key, index), self.read.text_or_none)

    @command
    def linsert(self, key: Key, where: Place, refvalue: Value, value: Value) -> Command[int]:
        """The length after *value* was put BEFORE or AFTER the first *refvalue*.

        -1 where there is no *refvalue*, 0 where there is no list.
        """
        place = choice("LINSERT", "where", where, "BEFORE", "AFTER")
        return Command((b"LINSERT", key, place, refvalue, value), integer)

    @command
    def llen(self, key: Key) -> Command[int]:
        """How many elements are in the list, 0 where there is none."""
        return Command((b"LLEN", key), integer)

    @command
    def lmove(
        self, first_list: Key, second_list: Key, src: Side = "LEFT", dest: Side = "RIGHT"
    ) -> Command[S | None]:
        """The element moved from end *src* of *first_list* to end *dest* of *second_list*.

        None where *first_list* is empty.  Both lists may be the same one.
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
        """The elements moved from *first_list* to *second_list*, as they now stand there.

        One, or up to *count*, or with *mode* EXACTLY *count* of them or none; None where nothing
        moved.  A *count* needs an *ordering*: OBO pushes them one by one as they are popped, BULK
        keeps the order they had.  Redis 8.10.
        """
        words = (b"LMOVEM", first_list, second_list, side("LMOVEM", "src", src))
        amount = how_many("LMOVEM", count, mode, ordering)
        return Command((*words, side("LMOVEM", "dest", dest), *amount), self.read.texts_or_none)

    @command
    def lmpop(
        self, *keys: Key, direction: Side, count: int | None = None
    ) -> Command[tuple[S, list[S]] | None]:
        """The first of *keys* that has elements, and up to *count* (1) popped from its end.

        None where all are empty.  Server 7.0.
        """
        words = (b"LMPOP", *side_of_first("LMPOP", keys, direction, count))
        return Command(words, self.read.keyed(self.read.texts))

    @command
    def lpop(self, key: Key) -> Command[S | None]:
        """The first element, which is removed, or None where there is no list."""
        return Command((b"LPOP", key), self.read.text_or_none)

    @command
    def lpop_many(self, key: Key, count: int) -> Command[list[S] | None]:
        """Up to *count* elements from the head, removed; None where there is no list."""
        return Command((b"LPOP", key, count), self.read.texts_or_none)

    @command
    def lpos(
        self, key: Key, value: Value, *, rank: int | None = None, maxlen: int | None = None
    ) -> Command[int | None]:
        """The index of the first *value*, or None where there is none.

        *rank* 2 finds the second one, -1 the last; *maxlen* bounds how many are compared.
        """
        return Command((b"LPOS", key, value, *_search(rank, maxlen)), integer_or_none)

    @command
    def lpos_many(
        self,
        key: Key,
        value: Value,
        count: int = 0,
        *,
        rank: int | None = None,
        maxlen: int | None = None,
    ) -> Command[list[int]]:
        """The indexes of up to *count* (0: all) elements that equal *value*; options as `lpos`."""
        words = (b"LPOS", key, value, b"COUNT", count, *_search(rank, maxlen))
        return Command(words, integers)

    @command
    def lpush(self, key: Key, *values: Value) -> Command[int]:
        """The length after *values* were put at the head one by one: the last is first."""
        at_least_one("LPUSH", "values", values)
        return Command((b"LPUSH", key, *values), integer)

    @command
    def lpushx(self, key: Key, *values: Value) -> Command[int]:
        """The length after `lpush`, or 0 where there is no list and so nothing was pushed."""
        at_least_one("LPUSHX", "values", values)
        return Command((b"LPUSHX", key, *values), integer)

    @command
    def lrange(self, key: Key, start: int, end: int) -> Command[list[S]]:
        """The elements *start* to *end* (inclusive; negative from the end), or none."""
        return Command((b"LRANGE", key, start, end), self.read.texts)

    @command
    def lrem(self, key: Key, count: int, value: Value) -> Command[int]:
        """How many elements equal to *value* were removed.

        The first *count* of them, the last with a negative *count*, all with 0.
        """
        return Command((b"LREM", key, count, value), integer)

    @command
    def lset(self, key: Key, index: int, value: Value) -> Command[bool]:
        """True once *value* is at *index*.

        Raises `ResponseError` where there is no such key or index.
        """
        return Command((b"LSET", key, index, value), ok)

    @command
    def ltrim(self, key: Key, start: int, end: int) -> Command[bool]:
        """True once only the elements *start* to *end* (inclusive) are left."""
        return Command((b"LTRIM", key, start, end), ok)

    @command
    def rpop(self, key: Key) -> Command[S | None]:
        """The last element, which is removed, or None where there is no list."""
        return Command((b"RPOP", key), self.read.text_or_none)

    @command
    def rpop_many(self, key: Key, count: int) -> Command[list[S] | None]:
        """Up to *count* elements from the tail, the last first, removed; None without a list."""
        return Command((b"RPOP", key, count), self.read.texts_or_none)

    @command
    def rpoplpush(self, src: Key, dst: Key) -> Command[S | None]:
        """What `lmove` gives from the tail of *src* to the head of *dst*, under its old name."""
        return Command((b"RPOPLPUSH", src, dst), self.read.text_or_none)

    @command
    def rpush(self, key: Key, *values: Value) -> Command[int]:
        """The length after *values* were put at the tail one by one."""
        at_least_one("RPUSH", "values", values)
        return Command((b"RPUSH", key, *values), integer)

    @command
    def rpushx(self, key: Key, *values: Value) -> Command[int]:
        """The length after `rpush`, or 0 where there is no list and so nothing was pushed."""
        at_least_one("RPUSHX", "values", values)
        return Command((b"RPUSHX", key, *values), integer)


def side(command: str, argument: str, value: Side) -> bytes:
    """The word for an end of a list."""
    return choice(command, argument, value, "LEFT", "RIGHT")


def side_of_first(
    command: str, keys: tuple[Key, ...], direction: Side, count: int | None
) -> tuple[Value, ...]:
    """The words of LMPOP after its name and timeout."""
    at_least_one(command, "keys", keys)
    amount: tuple[Value, ...] = () if count is None else (b"COUNT", count)
    return (len(keys), *keys, side(command, "direction", direction), *amount)


def how_many(
    command: str, count: int | None, mode: Mode | None, ordering: Ordering | None
) -> tuple[Value, ...]:
    """The words of LMOVEM for several elements, which come together or not at all."""
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
