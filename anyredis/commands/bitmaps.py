"""Bitmaps: strings as rows of bits, and as rows of integers of any width (BITFIELD).

Law: an offset counts bits from the most significant bit of the first byte, as the servers do.  A
bit is the int 0 or 1, never a bool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.checks import whole
from anyredis.commands.group import Group, choice
from anyredis.commands.several import SomeKeys, all_keys
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, integer, integers, integers_or_nones, unexpected
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

BitUnit: TypeAlias = Literal["BYTE", "BIT", "byte", "bit"]
"""The unit of the bounds of a range."""

BitOperation: TypeAlias = Literal[
    "AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE",
    "and", "or", "xor", "not", "diff", "diff1", "andor", "one",
]  # fmt: skip
"""An operation on whole bitmaps."""

Overflow: TypeAlias = Literal["WRAP", "SAT", "FAIL"]
"""The result of a value that does not fit: it wraps around, stops at the limit, or is refused."""

BitOffset: TypeAlias = int | str
"""An offset in bits, or `"#n"`: the n-th integer of that width."""

OPERATIONS: Final = ("AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE")
_LEAST_KEYS: Final = {b"DIFF": 2, b"DIFF1": 2, b"ANDOR": 2}
_WIDEST: Final = {"i": 64, "I": 64, "u": 63, "U": 63}


class BitField:
    """Reads and changes of integers in one string, in order, for `bitfield`.

        BitField().set("u8", 0, 200).incrby("u8", 0, 100, overflow="SAT").get("i5", "#3")

    An object is never changed: each method gives a new one with one operation more, so a common
    start may be used many times.  An *encoding* is `"u"` (unsigned, 1 to 63 bits) or `"i"` (signed,
    1 to 64 bits) with a width, such as `"u8"`.  An *offset* is in bits, or `"#n"` for the n-th
    integer of that width.  Raises `DataError` for anything else.
    """

    __slots__ = ("_overflow", "words")

    def __init__(self) -> None:
        self.words: tuple[Value, ...] = ()
        """The words to send after the key."""
        self._overflow: bytes = b"WRAP"

    def __repr__(self) -> str:
        """The words to send."""
        words = (word.decode() if isinstance(word, bytes) else str(word) for word in self.words)
        return f"<{type(self).__name__} {excerpt(' '.join(words), 200)}>"

    def get(self, encoding: str, offset: BitOffset) -> BitField:
        """The same operations, and then one whose result is the integer at *offset*.

        GET encoding offset. Server 3.2.
        """
        return self._and(self._overflow, b"GET", *_place("get", encoding, offset))

    def set(
        self, encoding: str, offset: BitOffset, value: int, *, overflow: Overflow = "WRAP"
    ) -> BitField:
        """The same operations, and then one that stores *value*; its result is the integer before.

        With *overflow* `"FAIL"` a value that does not fit is not stored, and the result is None.
        [OVERFLOW …] SET encoding offset value. Server 3.2.
        """
        whole("BITFIELD: value", value)
        return self._changing(b"SET", _place("set", encoding, offset), value, overflow)

    def incrby(
        self, encoding: str, offset: BitOffset, increment: int, *, overflow: Overflow = "WRAP"
    ) -> BitField:
        """The same operations, and then one that adds *increment*; its result is the sum.

        With *overflow* `"FAIL"` a sum that does not fit is not stored, and the result is None.
        [OVERFLOW …] INCRBY encoding offset increment. Server 3.2.
        """
        whole("BITFIELD: increment", increment)
        return self._changing(b"INCRBY", _place("incrby", encoding, offset), increment, overflow)

    def _changing(
        self, operation: bytes, place: tuple[Value, ...], value: int, overflow: Overflow
    ) -> BitField:
        wanted = choice("BITFIELD", "overflow", overflow, "WRAP", "SAT", "FAIL")
        # The word counts for all operations behind it, so it is sent where that changes.
        switch = () if wanted == self._overflow else (b"OVERFLOW", wanted)
        return self._and(wanted, *switch, operation, *place, value)

    def _and(self, overflow: bytes, *words: Value) -> BitField:
        longer = BitField()
        longer.words = (*self.words, *words)
        longer._overflow = overflow
        return longer


class Bitmaps(Group[S]):
    """The commands on bits."""

    @command
    def bitcount(
        self,
        key: Key,
        start: int | None = None,
        end: int | None = None,
        *,
        mode: BitUnit | None = None,
    ) -> Command[int]:
        """The number of bits that are 1, from *start* to *end* if those are given.

        Both are inclusive, and negative from the end, in bytes or with *mode* `"BIT"` in bits
        (server 7.0).
        BITCOUNT key [start end [BYTE | BIT]]. Server 2.6. O(N).
        """
        bounds = _range("BITCOUNT", start, end, mode)
        if (start is None) != (end is None):
            raise DataValueError("BITCOUNT: start and end: give both or none")
        if start is None and mode is not None:
            raise DataValueError("BITCOUNT: mode is about start and end: give them too")
        return Command((b"BITCOUNT", key, *bounds), integer)

    @command
    def bitfield(self, key: Key, operations: BitField) -> Command[list[int | None]]:
        """The results of *operations*, in order; None for one that its overflow refused.

        A missing *key* counts as zeros.  Raises `DataError` without an operation.
        BITFIELD key [GET … | [OVERFLOW …] SET … | [OVERFLOW …] INCRBY …].
        Server 3.2. O(1) for each subcommand specified.
        """
        words = _operations("BITFIELD", operations)
        return Command((b"BITFIELD", key, *words), integers_or_nones)

    @command
    def bitfield_ro(
        self,
        key: Key,
        encoding: str,
        offset: BitOffset,
        items: Sequence[tuple[str, BitOffset]] = (),
    ) -> Command[list[int]]:
        """The integer of *encoding* at *offset*, then those of *items*, pairs of the same.

        Replicas may answer it.
        BITFIELD_RO key GET encoding offset [GET encoding offset …].
        Server 6.0. O(1) for each subcommand specified.
        """
        if isinstance(items, (str, bytes)) or not isinstance(items, Sequence):
            raise DataTypeError("BITFIELD_RO: items has to be a list of (encoding, offset)")
        places = [(encoding, offset), *items]
        words = tuple(word for each in places for word in (b"GET", *_pair("BITFIELD_RO", each)))
        return Command((b"BITFIELD_RO", key, *words), integers)

    @command
    def bitop(self, operation: BitOperation, destkey: Key, *keys: SomeKeys) -> Command[int]:
        """The length in bytes of the result of *operation* on *keys*, stored in *destkey*.

        AND, OR, XOR; NOT of one key.  DIFF: bits of the first key that no other has; DIFF1: bits of
        another that the first has not; ANDOR: bits of the first that another has too; ONE: bits
        that exactly one key has (these four Redis 8.2).  Shorter strings count as filled up with
        zeros.
        BITOP operation destkey key [key …]. Server 2.6. O(N).
        """
        word = choice("BITOP", "operation", operation, *OPERATIONS)
        sources = all_keys("BITOP", "keys", keys)
        if word == b"NOT" and len(sources) != 1:
            raise DataValueError(f"BITOP: NOT is about one key, not {len(sources)}")
        if len(sources) < _LEAST_KEYS.get(word, 1):
            raise DataValueError(f"BITOP: {word.decode()} needs at least two keys")
        return Command((b"BITOP", word, destkey, *sources), integer)

    @command
    def bitpos(
        self,
        key: Key,
        bit: int,
        start: int | None = None,
        end: int | None = None,
        *,
        mode: BitUnit | None = None,
    ) -> Command[int]:
        """The offset in bits of the first bit that is *bit*, -1 if there is none.

        Only from *start* to *end*, if given: inclusive, negative from the end, in bytes or with
        *mode* `"BIT"` in bits (server 7.0).  Without *end* a string counts as followed by zeros.
        BITPOS key bit [start [end [BYTE | BIT]]]. Server 2.8.7. O(N).
        """
        bounds = _range("BITPOS", start, end, mode)
        _check_bit("BITPOS", "bit", bit)
        if start is None and end is not None:
            raise DataValueError("BITPOS: end needs a start, such as 0")
        if end is None and mode is not None:
            raise DataValueError("BITPOS: mode is about start and end: give them too")
        return Command((b"BITPOS", key, bit, *bounds), integer)

    @command
    def getbit(self, key: Key, offset: int) -> Command[int]:
        """The bit at *offset*, 0 beyond the end.

        GETBIT key offset. Server 2.2. O(1).
        """
        _check_offset("GETBIT", offset)
        return Command((b"GETBIT", key, offset), _bit)

    @command
    def setbit(self, key: Key, offset: int, value: int) -> Command[int]:
        """The bit at *offset* before it was set to *value*; the string grows as needed.

        SETBIT key offset value. Server 2.2. O(1).
        """
        _check_offset("SETBIT", offset)
        _check_bit("SETBIT", "value", value)
        return Command((b"SETBIT", key, offset, value), _bit)


def _range(
    command: str, start: int | None, end: int | None, mode: BitUnit | None
) -> tuple[Value, ...]:
    """The words for those bounds that are given."""
    unit = () if mode is None else (choice(command, "mode", mode, "BYTE", "BIT"),)
    return (*(each for each in (start, end) if each is not None), *unit)


def _operations(command: str, operations: object) -> tuple[Value, ...]:
    if not isinstance(operations, BitField):
        raise DataTypeError(
            f"{command}: operations is {excerpt(operations, 80)} ({type(operations).__name__}): give "
            'a BitField, such as BitField().get("u8", 0)'
        )
    if not operations.words:
        raise DataValueError(
            f'{command}: operations is empty: add one, such as BitField().get("u8", 0)'
        )
    return operations.words


def _pair(command: str, pair: object) -> tuple[str, BitOffset]:
    kind = type(pair).__name__
    if isinstance(pair, (tuple, list)):
        items = cast("Sequence[object]", pair)
        if len(items) == 2:
            return _place(command, *items)
    raise DataTypeError(f"{command}: items has a {kind}: give pairs, (encoding, offset)")


def _place(method: str, encoding: object, offset: object) -> tuple[str, BitOffset]:
    """An encoding and an offset; raises `DataError` if the servers would refuse them."""
    if not isinstance(encoding, str) or not _is_encoding(encoding):
        raise DataValueError(
            f"{method}: encoding is {excerpt(encoding, 80)}: give u1 to u63 or i1 to i64"
        )
    if not isinstance(offset, str):
        return encoding, _check_offset(method, offset)
    if offset[:1] != "#" or not _is_number(offset[1:]):
        raise DataValueError(
            f'{method}: offset is {excerpt(offset, 80)}: give bits as an int, or "#n"'
        )
    return encoding, offset


def _is_encoding(text: str) -> bool:
    widest, width = _WIDEST.get(text[:1], 0), text[1:3]
    return text[3:] == "" and _is_number(width) and 1 <= int(width) <= widest


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _check_offset(command: str, offset: object) -> int:
    whole(f"{command}: offset", offset)
    if not isinstance(offset, int) or offset < 0:
        raise DataValueError(f"{command}: offset is {excerpt(offset, 80)}: give 0 or more")
    return offset


def _check_bit(command: str, argument: str, bit: int) -> None:
    if bit not in (0, 1):
        raise DataValueError(f"{command}: {argument} is {excerpt(bit, 80)}: give 0 or 1")


def _bit(reply: Reply) -> int:
    value = integer(reply)
    if value not in (0, 1):
        unexpected(reply, "0 or 1")
    return value
