"""Bloom filters: whether an item was added, without false negatives, in little memory."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group
from anyredis.commands.modules.filter_sizes import positive, ratio
from anyredis.commands.modules.report_fields import fields_of, results
from anyredis.commands.several import SomeValues, all_values
from anyredis.exceptions import DataValueError
from anyredis.replies import S, binary, boolean, booleans, integer, integer_or_none, ok, pair
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

Chunk: TypeAlias = tuple[int, bytes]
"""What SCANDUMP gives and LOADCHUNK takes: the iterator, and a part of the filter."""


class BloomFilterInfo(NamedTuple):
    """The size of a Bloom filter, and what was added."""

    capacity: int
    """The number of items for which its error rate holds."""
    size: int
    """Bytes in memory."""
    filters: int
    """The number of filters that it is made of: it grows by adding one."""
    items: int
    """The number of different items that were added, as far as it can tell them apart."""
    expansion: int | None
    """How much larger each new filter is than the one before; None: it does not grow."""


class BloomFilters(Group[S]):
    """The commands on Bloom filters."""

    @command
    def add(self, key: Key, item: Value) -> Command[bool]:
        """True if *item* is new to the filter at *key*, which is made if it is missing.

        False if it was added before, or looks like it. `ResponseError` if the filter is full and
        does not grow.
        BF.ADD key item. Bloom 1.0. O(K).
        """
        return Command((b"BF.ADD", key, item), boolean)

    @command
    def card(self, key: Key) -> Command[int]:
        """The number of different items that were added, 0 if there is no filter.

        BF.CARD key. Bloom 2.4. O(1).
        """
        return Command((b"BF.CARD", key), integer)

    @command
    def exists(self, key: Key, item: Value) -> Command[bool]:
        """False if *item* was never added; True if it was, or looks like it.

        BF.EXISTS key item. Bloom 1.0. O(K).
        """
        return Command((b"BF.EXISTS", key, item), boolean)

    @command
    def info(self, key: Key) -> Command[BloomFilterInfo]:
        """Size and content of the filter; `ResponseError` if there is none.

        BF.INFO key. Bloom 1.0. O(1).
        """
        return Command((b"BF.INFO", key), _info)

    @command
    def insert(
        self,
        key: Key,
        items: SomeValues,
        *,
        capacity: Count | None = None,
        error: float | None = None,
        expansion: Count | None = None,
        nocreate: bool = False,
        nonscaling: bool = False,
    ) -> Command[list[bool]]:
        """Like `madd`; a filter that is missing is made with these options, as by `reserve`.

        With *nocreate* it is not made: `ResponseError`.
        BF.INSERT key [CAPACITY n] [ERROR rate] [EXPANSION n] [NOCREATE] [NONSCALING] ITEMS item
        [item …].
        Bloom 1.0. O(K * N).
        """
        if nocreate and (capacity is not None or error is not None):
            raise DataValueError("BF.INSERT: nocreate excludes capacity and error: leave them out")
        words: tuple[Value, ...] = () if capacity is None else (b"CAPACITY", capacity)
        if error is not None:
            words += (b"ERROR", ratio("BF.INSERT: error", error))
        words += _growth("BF.INSERT", expansion, nonscaling)
        if nocreate:
            words += (b"NOCREATE",)
        added = all_values("BF.INSERT", "items", (items,))
        return Command((b"BF.INSERT", key, *words, b"ITEMS", *added), _added)

    @command
    def loadchunk(self, key: Key, iterator: Count, data: Value) -> Command[bool]:
        """True once a chunk of a filter, which `scandump` gave, was written to *key*.

        All chunks have to come, in their order, to a key that does not exist before.
        `loadchunks` does that.
        BF.LOADCHUNK key iterator data. Bloom 1.0. O(N).
        """
        return Command((b"BF.LOADCHUNK", key, iterator, data), ok)

    @command
    def madd(self, key: Key, *items: SomeValues) -> Command[list[bool]]:
        """For each of *items* whether it is new to the filter at *key*, which is made if missing.

        `ResponseError` if the filter is full and does not grow: the items before were added.
        BF.MADD key item [item …]. Bloom 1.0. O(K * N).
        """
        return Command((b"BF.MADD", key, *all_values("BF.MADD", "items", items)), _added)

    @command
    def mexists(self, key: Key, *items: SomeValues) -> Command[list[bool]]:
        """For each of *items* whether it was added: False is certain, True is likely.

        BF.MEXISTS key item [item …]. Bloom 1.0. O(K * N).
        """
        return Command((b"BF.MEXISTS", key, *all_values("BF.MEXISTS", "items", items)), booleans)

    @command
    def reserve(
        self,
        key: Key,
        error_rate: float,
        capacity: Count,
        *,
        expansion: Count | None = None,
        nonscaling: bool = False,
    ) -> Command[bool]:
        """True once an empty filter for *capacity* items was made at *key*.

        *error_rate* (0 to 1) is how often an item that was not added looks like one that was. A
        full filter grows by another one, *expansion* times as large (the server's default: 2); with
        *nonscaling* it refuses more. `ResponseError` if *key* exists.
        BF.RESERVE key error_rate capacity [EXPANSION n] [NONSCALING]. Bloom 1.0. O(1).
        """
        rate = ratio("BF.RESERVE: error_rate", error_rate)
        positive("BF.RESERVE: capacity", capacity)
        words = _growth("BF.RESERVE", expansion, nonscaling)
        return Command((b"BF.RESERVE", key, rate, capacity, *words), ok)

    @command
    def scandump(self, key: Key, iterator: Count) -> Command[Chunk]:
        """The next *iterator*, and a chunk of the filter; 0 and nothing after the last one.

        The first *iterator* is 0. The filter must not change in between. `scandump_iter` gives all.
        BF.SCANDUMP key iterator. Bloom 1.0. O(N).
        """
        return Command((b"BF.SCANDUMP", key, iterator), dump_chunk, True)


def dump_chunk(reply: Reply) -> Chunk:
    """What SCANDUMP gives."""
    iterator, data = pair(reply)
    return integer(iterator), b"" if data is None else binary(data)


def _growth(name: str, expansion: int | None, nonscaling: bool) -> tuple[Value, ...]:
    """The words for the way in which a filter grows."""
    if nonscaling:
        if expansion is not None:
            raise DataValueError(f"{name}: expansion and nonscaling exclude each other: give one")
        return (b"NONSCALING",)
    return () if expansion is None else (b"EXPANSION", expansion)


def _added(reply: Reply) -> list[bool]:
    return booleans(results(reply))


def _info(reply: Reply) -> BloomFilterInfo:
    names = ("Capacity", "Size", "Number of filters", "Number of items inserted", "Expansion rate")
    *counts, expansion = fields_of(reply, *names)
    capacity, size, filters, items = map(integer, counts)
    return BloomFilterInfo(capacity, size, filters, items, integer_or_none(expansion))
