"""Whether the words of a call mean what was given, by the servers' grammar.

Law: every value that was given stands where the grammar has an argument of that meaning, in the
order given; every other value is one that the method adds and a table names.  `PLACES` tells the
grammar's names for ours, where they differ.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import hiredis

from anyredis.command import Command
from anyredis.commands.bitmaps import BitField
from anyredis.commands.group import MILLISECOND, SECOND, moment
from anyredis.commands.vectors import float32
from anyredis.facts.table import full_name
from anyredis.wire.encode import encode, encoder
from tests.fuzz.arguments import Call, signature_of
from tests.fuzz.grammar import Read, is_count, parse

PACK = encoder()

Words = list[frozenset[bytes]]
"""Words, each with the ways in which it may be written: seconds or milliseconds."""

PLACES: Final[dict[str, str]] = {}

UNTOLD: Final[dict[str, str]] = {}

ADDED: Final[dict[str, str]] = {}


def words_of(command: Command[Any]) -> list[bytes]:
    """The words as a server reads them."""
    reader = hiredis.Reader()
    reader.feed(encode(PACK, command.args))
    return cast("list[bytes]", reader.gets())


def given(value: Any) -> Words:
    """The words for a value that was given; none for a flag."""
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, datetime.timedelta):
        return [frozenset(b"%d" % (value // unit) for unit in (SECOND, MILLISECOND))]
    if isinstance(value, datetime.datetime):
        return [frozenset(b"%d" % moment(value, unit) for unit in (SECOND, MILLISECOND))]
    if isinstance(value, BitField):
        return []
    if isinstance(value, str):
        return [frozenset({value.encode()})]
    if isinstance(value, (int, float)):
        return [frozenset({repr(value).encode()})]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return [frozenset({bytes(value)})]
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value)
        return [word for pair in pairs.items() for each in pair for word in given(each)]
    return [word for each in cast("Sequence[Any]", value) for word in given(each)]


def places(method: str, name: str) -> set[str]:
    """The grammar's names for a parameter."""
    told = PLACES.get(f"{method}.{name}", PLACES.get(name, ""))
    return {name.replace("_", ""), *(each.replace("-", "") for each in told.split())}


def stands(read: Read, names: set[str]) -> bool:
    """Whether a word stands in one of the places *names*."""
    return any(each.replace("-", "").replace("_", "") in names for each in read.path)


def is_placed(method: str, name: str, value: Any, reads: list[Read]) -> bool:
    """Whether *value* is read in the place of the parameter *name*."""
    there = [read for read in reads if stands(read, places(method, name))]
    if value is None or value is False:
        return True
    if value is True:
        return any(read.is_token for read in there)
    expected = given(value)
    values = [read.word for read in there if not read.is_token]
    if contains(values, expected):
        return True
    tokens = [read.word.upper() for read in there]
    return contains(tokens, [frozenset(map(bytes.upper, each)) for each in expected])


def contains(words: list[bytes], expected: Words) -> bool:
    """Whether the *expected* words stand in *words*, one behind the other."""
    size = len(expected)
    return any(
        all(word in each for word, each in zip(words[at:], expected, strict=False))
        for at in range(len(words) - size + 1)
    )


def fault(call: Call, command: Command[Any]) -> str | None:
    """What is wrong with the words of *command*, which *call* has made; None if nothing is."""
    words = words_of(command)
    name = full_name(command.args).decode()
    readings = list(parse(name, words[len(name.split()) :]))
    if not readings:
        return f"{words} is no {name}"
    faults = [_misplaced(call, reads) or _invented(call, reads) for reads in readings]
    return None if None in faults else f"{words}: {faults[0]}"


def _each(call: Call) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    parameters = signature_of(call.method).parameters
    for name, value in call.arguments().items():
        if parameters[name].kind is parameters[name].VAR_KEYWORD:
            found += value.items()
        else:
            found.append((name, value))
    return found


def _misplaced(call: Call, reads: list[Read]) -> str | None:
    for name, value in _each(call):
        if f"{call.method}.{name}" in UNTOLD or name in UNTOLD:
            continue
        if not is_placed(call.method, name, value, reads):
            return f"{name}={value!r} is not there: {reads}"
    return None


def _invented(call: Call, reads: list[Read]) -> str | None:
    if call.method in ADDED:
        return None
    rest = Counter(read.word for read in reads if not read.is_token and not is_count(read))
    for _, value in _each(call):
        for alternatives in given(value):
            for word in alternatives:
                if rest[word] > 0:
                    rest[word] -= 1
                    break
    left = [word for word, count in rest.items() if count > 0]
    return f"{left} was not given: {reads}" if left else None
