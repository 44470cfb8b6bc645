"""Cuckoo filters: whether an item was added, in little memory; items can be deleted and counted."""

from __future__ import annotations

from typing import Final

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group
from anyredis.commands.modules.bf import Chunk, dump_chunk
from anyredis.commands.modules.filter_sizes import positive
from anyredis.commands.modules.report_fields import fields_of
from anyredis.commands.several import SomeValues, all_values
from anyredis.frozen import Frozen
from anyredis.replies import S, array, boolean, booleans, integer, ok, unexpected
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class CuckooFilterInfo(Frozen):
    """The size of a cuckoo filter, and what was added and deleted."""

    __slots__ = (
        *("bucket_size", "buckets", "deleted", "expansion"),
        *("filters", "items", "max_iterations", "size"),
    )

    def __init__(self, *counts: int) -> None:
        """The counts are those of CF.INFO, in its order."""
        size, buckets, filters, items, deleted, bucket_size, expansion, max_iterations = counts
        self.size: Final = size
        """Bytes in memory."""
        self.buckets: Final = buckets
        """The number of buckets of the first filter."""
        self.filters: Final = filters
        """The number of filters that it is made of: it grows by adding one."""
        self.items: Final = items
        """The number of items that are in it."""
        self.deleted: Final = deleted
        """The number of items that were deleted."""
        self.bucket_size: Final = bucket_size
        """The number of items that a bucket holds."""
        self.expansion: Final = expansion
        """How much larger each new filter is than the one before; 0: it does not grow."""
        self.max_iterations: Final = max_iterations
        """The number of attempts to make room before it grows."""


class CuckooFilters(Group[S]):
    """The commands on cuckoo filters."""

    @command
    def add(self, key: Key, item: Value) -> Command[bool]:
        """True once *item* was added to the filter at *key*, which is made if it is missing.

        It may be added several times. `ResponseError` if the filter is full.
        CF.ADD key item. Bloom 1.0. O(K + I).
        """
        return Command((b"CF.ADD", key, item), boolean)

    @command
    def addnx(self, key: Key, item: Value) -> Command[bool]:
        """True if *item* was added; False if it is there already, or looks like it.

        CF.ADDNX key item. Bloom 1.0. O(K + I).
        """
        return Command((b"CF.ADDNX", key, item), boolean)

    @command
    def compact(self, key: Key) -> Command[bool]:
        """True once the items of the filter's parts were moved together, to use less memory.

        CF.COMPACT key. Bloom 1.0. O(N).
        """
        return Command((b"CF.COMPACT", key), ok)

    @command
    def count(self, key: Key, item: Value) -> Command[int]:
        """How often *item* was added, or a little more; 0 if there is no filter.

        CF.COUNT key item. Bloom 1.0. O(K).
        """
        return Command((b"CF.COUNT", key, item), integer)

    @command
    def delete(self, key: Key, item: Value) -> Command[bool]:
        """True if *item* was deleted once; False if it is not there.

        Deleting an item that was not added may delete another one. `ResponseError` if there is no
        filter.
        CF.DEL key item. Bloom 1.0. O(K).
        """
        return Command((b"CF.DEL", key, item), boolean)

    @command
    def exists(self, key: Key, item: Value) -> Command[bool]:
        """False if *item* is not in the filter; True if it is, or looks like it.

        CF.EXISTS key item. Bloom 1.0. O(K).
        """
        return Command((b"CF.EXISTS", key, item), boolean)

    @command
    def info(self, key: Key) -> Command[CuckooFilterInfo]:
        """Size and content of the filter; `ResponseError` if there is none.

        CF.INFO key. Bloom 1.0. O(1).
        """
        return Command((b"CF.INFO", key), _info)

    @command
    def insert(
        self, key: Key, items: SomeValues, *, capacity: Count | None = None, nocreate: bool = False
    ) -> Command[list[bool]]:
        """For each of *items* whether it was added; False if the filter was full.

        A filter that is missing is made for *capacity* items; with *nocreate* it is not:
        `ResponseError`.
        CF.INSERT key [CAPACITY n] [NOCREATE] ITEMS item [item …]. Bloom 1.0. O(N * (K + I)).
        """
        return Command(_insertion("CF.INSERT", key, items, capacity, nocreate), _inserted)

    @command
    def insertnx(
        self, key: Key, items: SomeValues, *, capacity: Count | None = None, nocreate: bool = False
    ) -> Command[list[int]]:
        """For each of *items* 1 if it was added, 0 if it is there already, -1 if the filter was full.

        Options as for `insert`.
        CF.INSERTNX key [CAPACITY n] [NOCREATE] ITEMS item [item …]. Bloom 1.0. O(N * (K + I)).
        """
        return Command(_insertion("CF.INSERTNX", key, items, capacity, nocreate), _inserted_new)

    @command
    def loadchunk(self, key: Key, iterator: Count, data: Value) -> Command[bool]:
        """True once a chunk of a filter, which `scandump` gave, was written to *key*.

        All chunks have to come, in their order, to a key that does not exist before.
        `loadchunks` does that.
        CF.LOADCHUNK key iterator data. Bloom 1.0. O(N).
        """
        return Command((b"CF.LOADCHUNK", key, iterator, data), ok)

    @command
    def mexists(self, key: Key, *items: SomeValues) -> Command[list[bool]]:
        """For each of *items* whether it is in the filter: False is certain, True is likely.

        CF.MEXISTS key item [item …]. Bloom 1.0. O(K * N).
        """
        return Command((b"CF.MEXISTS", key, *all_values("CF.MEXISTS", "items", items)), booleans)

    @command
    def reserve(
        self,
        key: Key,
        capacity: Count,
        *,
        expansion: Count | None = None,
        bucket_size: Count | None = None,
        max_iterations: Count | None = None,
    ) -> Command[bool]:
        """True once an empty filter for *capacity* items was made at *key*.

        A bucket holds *bucket_size* items (the server's default: 2): more fill the filter better,
        and more items look alike. *max_iterations* (20) is the number of attempts to make room. A
        full filter grows by another one, *expansion* times as large (1); with 0 it refuses more.
        `ResponseError` if *key* exists.
        CF.RESERVE key capacity [EXPANSION n] [BUCKETSIZE n] [MAXITERATIONS n]. Bloom 1.0. O(1).
        """
        words: list[Value] = [b"CF.RESERVE", key, positive("CF.RESERVE: capacity", capacity)]
        for name, value in (
            (b"EXPANSION", expansion),
            (b"BUCKETSIZE", bucket_size),
            (b"MAXITERATIONS", max_iterations),
        ):
            if value is not None:
                words += (name, value)
        return Command(tuple(words), ok)

    @command
    def scandump(self, key: Key, iterator: Count) -> Command[Chunk]:
        """The next *iterator*, and a chunk of the filter; 0 and nothing after the last one.

        The first *iterator* is 0. The filter must not change in between. `scandump_iter` gives all.
        CF.SCANDUMP key iterator. Bloom 1.0. O(N).
        """
        return Command((b"CF.SCANDUMP", key, iterator), dump_chunk, True)


def _insertion(
    name: str, key: Key, items: SomeValues, capacity: int | None, nocreate: bool
) -> tuple[Value, ...]:
    """The words of CF.INSERT and CF.INSERTNX."""
    words: tuple[Value, ...] = () if capacity is None else (b"CAPACITY", capacity)
    if nocreate:
        words += (b"NOCREATE",)
    return (name.encode(), key, *words, b"ITEMS", *all_values(name, "items", (items,)))


def _inserted(reply: Reply) -> list[bool]:
    """RESP3 has booleans, RESP2 1 and -1."""
    return [_outcome(item, reply) == 1 for item in array(reply)]


def _inserted_new(reply: Reply) -> list[int]:
    return [_outcome(item, reply) for item in array(reply)]


def _outcome(item: Reply, reply: Reply) -> int:
    if not isinstance(item, int) or not -1 <= item <= 1:
        unexpected(reply, "1, 0 or -1 for each item")
    return int(item)


def _info(reply: Reply) -> CuckooFilterInfo:
    names = (
        *("Size", "Number of buckets", "Number of filters", "Number of items inserted"),
        *("Number of items deleted", "Bucket size", "Expansion rate", "Max iterations"),
    )
    return CuckooFilterInfo(*map(integer, fields_of(reply, *names)))
