"""The key specifications of four servers, their known gaps, and calls made from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NotRequired, TypedDict

from anyredis.facts.lookup import facts_of
from anyredis.wire.encode import Value


class Numbers(TypedDict):
    """The numbers of a key specification; each kind has some of them."""

    index: int
    keyword: str
    startfrom: int
    lastkey: int
    keystep: int
    limit: int
    keynumidx: int
    firstkey: int


class Half(TypedDict):
    """The first half of a specification, its beginning, or the second, the keys from there on."""

    type: str
    spec: Numbers


class KeySpec(TypedDict):
    """One of the key specifications of a command."""

    begin_search: Half
    find_keys: Half
    notes: NotRequired[str]


class Facts(TypedDict):
    """The entries of `commands.json` for each command that are used here."""

    key_specs: NotRequired[list[KeySpec]]
    tips: NotRequired[list[str]]


COMMANDS: dict[str, Facts] = json.loads((Path(__file__).parents[1] / "commands.json").read_text())
HALVES = ("begin_search", "find_keys", "spec")
"""The maps inside a key specification."""

KEYED = {name: facts["key_specs"] for name, facts in COMMANDS.items() if "key_specs" in facts}

INCOMPLETE_SPECS = {
    "CMS.MERGE": "the sketches that are merged are keys, too",
    "JSON.MGET": "all but the path are keys: those of another slot would come back as None",
    "SORT": "STORE has a key, which the servers call unknown",
    "TDIGEST.MERGE": "the sketches that are merged are keys, too",
    "TS.CREATERULE": "the series that the rule writes to is a key, too",
    "TS.DELETERULE": "the series that the rule wrote to is a key, too",
}
ALIASED = {"FT.ALIASADD", "FT.ALIASUPDATE"}
"""Where the search module has a coordinator, the alias may be in another slot than the index."""

SPECS_WITH_EXTRA_KEYS = {
    "JSON.DEBUG": "JSON.DEBUG HELP has no key",
    "MIGRATE": "the key before the database is empty where KEYS follow",
}

# Commands whose keys follow a keyword: each with a call of every form.
WITH_KEYWORDS = {
    "XREAD": [
        "XREAD STREAMS a 0",
        "XREAD COUNT 2 BLOCK 5 STREAMS a b c 0 0 0",
        "xread streams streams streams 0 0",
    ],
    "XREADGROUP": [
        "XREADGROUP GROUP g c STREAMS a >",
        "XREADGROUP GROUP streams streams COUNT 1 NOACK STREAMS a b > >",
    ],
    "GEORADIUS": [
        "GEORADIUS k 1 2 3 m",
        "GEORADIUS STORE 1 2 3 m WITHCOORD COUNT 5 ANY ASC",
        "GEORADIUS k 1 2 3 m COUNT 5 STORE d",
        "georadius k 1 2 3 m storedist d",
        "GEORADIUS k 1 2 3 m STORE d STOREDIST e",
    ],
    "GEORADIUSBYMEMBER": [
        "GEORADIUSBYMEMBER k m 3 km",
        "GEORADIUSBYMEMBER k STORE 3 km",
        "GEORADIUSBYMEMBER k STORE 3 km STOREDIST d DESC",
    ],
    "MIGRATE": ["MIGRATE h 1 k 0 9", "MIGRATE h 1 k 0 9 COPY REPLACE AUTH secret"],
}


def key_positions(args: tuple[Value, ...]) -> Sequence[int] | None:
    """The positions of the keys in *args*, as a lookup gives them."""
    return facts_of(args).key_positions(args)


def specified(name: str, args: tuple[str, ...]) -> list[int]:
    """The positions in the key specifications of *name*, read as valkey.io describes."""
    found: set[int] = set()
    for spec in KEYED[name]:
        begin = begin_of(spec["begin_search"], args)
        if begin is not None:
            found |= keys_from(begin, spec["find_keys"], args)
    return sorted(found)


def begin_of(half: Half, args: tuple[str, ...]) -> int | None:
    """The position at which the keys of one specification begin; None if there is none."""
    spec = half["spec"]
    if half["type"] == "index":
        return spec["index"]
    if half["type"] == "unknown":
        return None
    start, step = spec["startfrom"], 1
    if start < 0:
        start, step = len(args) + start, -1
    places = range(start, len(args) if step > 0 else 0, step)
    return next((at + 1 for at in places if args[at].upper() == spec["keyword"]), None)


def keys_from(begin: int, half: Half, args: tuple[str, ...]) -> set[int]:
    """The keys of one specification, which begin at *begin*."""
    spec = half["spec"]
    if half["type"] == "keynum":
        first = begin + spec["firstkey"]
        count = int(args[begin + spec["keynumidx"]])
        return set(range(first, first + count * spec["keystep"], spec["keystep"]))
    assert half["type"] == "range"
    last = begin + spec["lastkey"]
    if spec["lastkey"] < 0:
        parts = spec["limit"] or 1
        last = begin + (len(args) - begin) // parts + spec["lastkey"]
    return set(range(begin, last + 1, spec["keystep"]))


def calls(name: str) -> Iterator[tuple[str, ...]]:
    """Calls of *name* of several lengths, made from its key specifications."""
    if name in WITH_KEYWORDS:
        yield from (tuple(call.split()) for call in WITH_KEYWORDS[name])
        return
    words = ("a", "STORE", "b", "KEYS", "streams", "7") if name != "SORT" else ("a", "DESC")
    for length in range(2, 12):
        plain = [*name.split(), *islice(cycle(words), length)]
        for count in range(1, 4):
            call = with_count(name, plain, count)
            if call is not None:
                yield call


def with_count(name: str, call: list[str], count: int) -> tuple[str, ...] | None:
    """*call* with *count* as its number of keys, or None if its length does not fit."""
    call = list(call)
    for spec in KEYED[name]:
        begin, numbers = spec["begin_search"], spec["find_keys"]["spec"]
        if begin["type"] == "unknown":
            continue
        index = begin["spec"]["index"]
        keys = len(call) - index
        if spec["find_keys"]["type"] == "keynum":
            if keys < 1 + count * numbers["keystep"]:
                return None
            call[index] = str(count)
        elif numbers["lastkey"] < 0:
            given = keys + numbers["lastkey"] + 1
            if given < 1 or given % numbers["keystep"]:
                return None
        elif keys <= numbers["lastkey"]:
            return None
    return tuple(call)


def found(*args: Value) -> list[int] | None:
    """The key positions, as a list."""
    positions = key_positions(args)
    return None if positions is None else list(positions)
