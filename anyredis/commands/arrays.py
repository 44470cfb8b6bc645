"""Arrays of Redis 8.8: values at indexes from 0 on, of which most may be empty.

Law: an index is a whole number, 0 or more; a range has both its ends, and if its start is behind its
end it is read backwards.  An empty place is None.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.checks import whole
from anyredis.commands.group import Group, choice, flags
from anyredis.commands.several import SomeValues, all_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import (
    S,
    array,
    boolean,
    integer,
    integer_or_none,
    integers,
    number,
    pair,
    record,
    word,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

SomeIndexes: TypeAlias = int | Collection[int]
"""One index, or a collection of indexes."""

ArrayOperation: TypeAlias = Literal["SUM", "MIN", "MAX", "AND", "OR", "XOR", "USED", "MATCH"]
"""An aggregate of the values in a range."""

ArrayPredicate: TypeAlias = tuple[Literal["EXACT", "MATCH", "GLOB", "RE"], Value]
"""A test of values: equal, containing a text, matching a glob, or matching a regular expression."""

_OPERATIONS: Final = ("SUM", "MIN", "MAX", "AND", "OR", "XOR", "USED", "MATCH")
_PREDICATES: Final = ("EXACT", "MATCH", "GLOB", "RE")


class Arrays(Group[S]):
    """The commands on arrays."""

    @command
    def arcount(self, key: Key) -> Command[int]:
        """The number of values.

        ARCOUNT key. Redis 8.8. O(1).
        """
        return Command((b"ARCOUNT", key), integer)

    @command
    def ardel(self, key: Key, *indices: SomeIndexes) -> Command[int]:
        """The number of values at *indices* that were deleted.

        ARDEL key index [index …]. Redis 8.8. O(N).
        """
        return Command((b"ARDEL", key, *_indices("ARDEL", indices)), integer)

    @command
    def ardelrange(self, key: Key, *ranges: tuple[int, int]) -> Command[int]:
        """The number of values in *ranges*, pairs of the first and the last index, that were deleted.

        ARDELRANGE key start end [start end …].
        Redis 8.8. Proportional to the number of existing elements / slices touched.
        """
        return Command((b"ARDELRANGE", key, *_ranges("ARDELRANGE", ranges)), integer)

    @command
    def arget(self, key: Key, index: int) -> Command[S | None]:
        """The value at *index*.

        ARGET key index. Redis 8.8. O(1).
        """
        return Command((b"ARGET", key, _index("ARGET", "index", index)), self.read.text_or_none)

    @command
    def argetrange(self, key: Key, start: int, end: int) -> Command[list[S | None]]:
        """The values from *start* to *end*, None for each empty place.

        ARGETRANGE key start end. Redis 8.8. O(N).
        """
        words = (b"ARGETRANGE", key, *_bounds("ARGETRANGE", start, end))
        return Command(words, self.read.texts_or_nones)

    @command
    def argrep(
        self,
        key: Key,
        start: int,
        end: int,
        predicates: Sequence[ArrayPredicate],
        *,
        combinator: Literal["AND", "OR"] | None = None,
        limit: int | None = None,
        nocase: bool = False,
    ) -> Command[list[int]]:
        """The indexes from *start* to *end* of values that meet one of *predicates*, or with AND all.

        A predicate is a pair such as `("GLOB", "a*")`.  At most *limit*; with *nocase* upper and
        lower case are the same.
        ARGREP key start end EXACT|MATCH|GLOB|RE … [AND | OR] [LIMIT n] [NOCASE].
        Redis 8.8. O(P * C).
        """
        options = _search(combinator, limit, predicates)
        words = (b"ARGREP", key, *_bounds("ARGREP", start, end), *options, *flags(nocase=nocase))
        return Command(words, integers)

    @command
    def argrep_with_values(
        self,
        key: Key,
        start: int,
        end: int,
        predicates: Sequence[ArrayPredicate],
        *,
        combinator: Literal["AND", "OR"] | None = None,
        limit: int | None = None,
        nocase: bool = False,
    ) -> Command[list[tuple[int, S]]]:
        """Like `argrep`, each index with its value.

        ARGREP key start end EXACT|MATCH|GLOB|RE … WITHVALUES. Redis 8.8. O(P * C).
        """
        options = _search(combinator, limit, predicates)
        words = (b"ARGREP", key, *_bounds("ARGREP", start, end), *options, b"WITHVALUES")
        return Command((*words, *flags(nocase=nocase)), self._items)

    @command
    def arinfo(self, key: Key) -> Command[dict[str, int]]:
        """The state of the array by the server's names: `count`, `len`, `slices` and so on.

        Raises `ResponseError` if there is no array.
        ARINFO key. Redis 8.8. O(1), or O(N) with FULL option.
        """
        return Command((b"ARINFO", key), _counts)

    @command
    def arinfo_full(self, key: Key) -> Command[dict[str, float]]:
        """Like `arinfo`, with the averages for which the server examines all of it.

        ARINFO key FULL. Redis 8.8. O(1), or O(N) with FULL option.
        """
        return Command((b"ARINFO", key, b"FULL"), _numbers)

    @command
    def arinsert(self, key: Key, *values: SomeValues) -> Command[int]:
        """The index of the last of *values*, stored one after the other at `arnext`.

        ARINSERT key value [value …]. Redis 8.8. O(N).
        """
        return Command((b"ARINSERT", key, *all_values("ARINSERT", "values", values)), integer)

    @command
    def arlastitems(self, key: Key, count: int, *, rev: bool = False) -> Command[list[S | None]]:
        """The last *count* values that `arinsert` stored, in order, or with *rev* the last first.

        ARLASTITEMS key count [REV]. Redis 8.8. O(N).
        """
        if count < 1:
            raise DataValueError(f"ARLASTITEMS: count is {count}: give 1 or more")
        words = (b"ARLASTITEMS", key, count, *flags(rev=rev))
        return Command(words, self.read.texts_or_nones)

    @command
    def arlen(self, key: Key) -> Command[int]:
        """The index behind the last value, 0 if there is no array.

        ARLEN key. Redis 8.8. O(1).
        """
        return Command((b"ARLEN", key), integer)

    @command
    def armget(self, key: Key, *indices: SomeIndexes) -> Command[list[S | None]]:
        """The values at *indices*, None for each empty place.

        ARMGET key index [index …]. Redis 8.8. O(N).
        """
        words = (b"ARMGET", key, *_indices("ARMGET", indices))
        return Command(words, self.read.texts_or_nones)

    @command
    def armset(self, key: Key, mapping: Mapping[int, Value]) -> Command[int]:
        """The number of places of *mapping* that were empty; each value is stored at its index.

        ARMSET key index value [index value …]. Redis 8.8. O(N).
        """
        if not isinstance(mapping, Mapping):
            raise DataTypeError(
                f"ARMSET: mapping has to be a mapping, not {type(mapping).__name__}"
            )
        if not mapping:
            raise DataValueError("ARMSET: mapping is empty: give at least one")
        pairs = [(_index("ARMSET", "an index", index), value) for index, value in mapping.items()]
        return Command((b"ARMSET", key, *(word for each in pairs for word in each)), integer)

    @command
    def arnext(self, key: Key) -> Command[int | None]:
        """The index at which `arinsert` stores next; None if there is no index left.

        ARNEXT key. Redis 8.8. O(1).
        """
        return Command((b"ARNEXT", key), integer_or_none)

    @command
    def arop(
        self,
        key: Key,
        start: int,
        end: int,
        operation: ArrayOperation,
        value: Value | None = None,
    ) -> Command[int | float | None]:
        """The aggregate of the values from *start* to *end*; None without any for most operations.

        SUM, MIN, MAX of numbers; AND, OR, XOR of whole numbers; USED, the number of values; MATCH,
        the number of those that are *value*.
        AROP key start end SUM|MIN|MAX|AND|OR|XOR|USED|MATCH …. Redis 8.8. O(P).
        """
        name = choice("AROP", "operation", operation, *_OPERATIONS)
        if (name == b"MATCH") != (value is not None):
            raise DataValueError("AROP: value is for MATCH, which needs it")
        wanted: tuple[Value, ...] = () if value is None else (value,)
        return Command((b"AROP", key, *_bounds("AROP", start, end), name, *wanted), _aggregate)

    @command
    def arring(self, key: Key, size: int, *values: SomeValues) -> Command[int]:
        """The index of the last of *values*, stored as by `arinsert` in a ring of *size* places.

        ARRING key size value [value …]. Redis 8.8. O(M) normally, O(N+M) on ring resize.
        """
        if size < 1:
            raise DataValueError(f"ARRING: size is {size}: give 1 or more")
        return Command((b"ARRING", key, size, *all_values("ARRING", "values", values)), integer)

    @command
    def arscan(
        self, key: Key, start: int, end: int, *, limit: int | None = None
    ) -> Command[list[tuple[int, S]]]:
        """The values from *start* to *end*, each with its index, without empty places.

        At most *limit*.
        ARSCAN key start end [LIMIT n]. Redis 8.8. O(P).
        """
        bounds = _bounds("ARSCAN", start, end)
        return Command((b"ARSCAN", key, *bounds, *_limit("ARSCAN", limit)), self._items)

    @command
    def arseek(self, key: Key, index: int) -> Command[bool]:
        """True if `arinsert` stores at *index* next, False if there is no array.

        ARSEEK key index. Redis 8.8. O(1).
        """
        return Command((b"ARSEEK", key, _index("ARSEEK", "index", index)), boolean)

    @command
    def arset(self, key: Key, index: int, *values: SomeValues) -> Command[int]:
        """The number of places that were empty; *values* are stored from *index* on.

        ARSET key index value [value …]. Redis 8.8. O(N).
        """
        words = (b"ARSET", key, _index("ARSET", "index", index))
        return Command((*words, *all_values("ARSET", "values", values)), integer)

    def _items(self, reply: Reply) -> list[tuple[int, S]]:
        found = map(pair, array(reply))
        return [(integer(index), self.read.text(value)) for index, value in found]


# -- words --------------------------------------------------------------------------------------


def _index(command: str, name: str, index: object) -> int:
    whole(f"{command}: {name}", index)
    number_ = cast("int", index)
    if number_ < 0:
        raise DataValueError(f"{command}: {name} is {excerpt(index, 40)}: give 0 or more")
    return number_


def _indices(command: str, indices: tuple[SomeIndexes, ...]) -> tuple[Value, ...]:
    found = all_values(command, "indices", indices)
    return tuple(_index(command, f"indices[{at}]", index) for at, index in enumerate(found))


def _bounds(command: str, start: int, end: int) -> tuple[int, int]:
    return _index(command, "start", start), _index(command, "end", end)


def _ranges(command: str, ranges: tuple[object, ...]) -> tuple[Value, ...]:
    words: list[Value] = []
    for index, each in enumerate(ranges):
        shown = excerpt(each, 80)
        items = cast("Sequence[object]", each) if isinstance(each, (tuple, list)) else ()
        if len(items) != 2:
            raise DataTypeError(
                f"{command}: ranges[{index}] is {shown}, which is no range: give (start, end)"
            )
        words += [_index(command, f"a bound of {shown}", bound) for bound in items]
    if not words:
        raise DataValueError(f"{command}: ranges is empty: give at least one")
    return tuple(words)


def _limit(command: str, limit: int | None) -> tuple[Value, ...]:
    if limit is None:
        return ()
    if limit < 1:
        raise DataValueError(f"{command}: limit is {limit}: give 1 or more")
    return (b"LIMIT", limit)


def _search(
    combinator: str | None, limit: int | None, predicates: Sequence[ArrayPredicate]
) -> tuple[Value, ...]:
    how: tuple[Value, ...] = ()
    if combinator is not None:
        how = (choice("ARGREP", "combinator", combinator, "AND", "OR"),)
    if isinstance(predicates, (str, bytes)) or not isinstance(predicates, Sequence):
        raise DataTypeError('ARGREP: predicates has to be a list, such as [("GLOB", "a*")]')
    words: list[Value] = []
    for index, each in enumerate(predicates):
        if not isinstance(each, (tuple, list)) or len(each) != 2:
            raise DataTypeError(f"ARGREP: predicates[{index}] has to be a pair (test, value)")
        words += (choice("ARGREP", f"predicates[{index}]", each[0], *_PREDICATES), each[1])
    if not words:
        raise DataValueError("ARGREP: predicates is empty: give at least one")
    return (*words, *how, *_limit("ARGREP", limit))


# -- replies ------------------------------------------------------------------------------------


def _counts(reply: Reply) -> dict[str, int]:
    return {name: integer(value) for name, value in record(reply).items()}


def _numbers(reply: Reply) -> dict[str, float]:
    fields = record(reply).items()
    return {name: value if type(value) is int else number(value) for name, value in fields}


def _aggregate(reply: Reply) -> int | float | None:
    """A number; one without a fraction is an int, whose digits a float might not keep."""
    if reply is None or type(reply) is int:
        return reply
    text = word(reply) if isinstance(reply, (str, bytes)) else ""
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 40 else number(reply)
