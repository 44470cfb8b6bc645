"""Positions of keys, compared with the key specifications of four servers and their known gaps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.exceptions import DataValueError
from anyredis.facts.key_positions import FIRST_KEY
from anyredis.facts.lookup import facts_of
from anyredis.facts.table import CONTAINERS
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


def test_corrections_are_of_commands() -> None:
    """A server still has each specification that is corrected here."""
    assert set(KEYED) >= {*INCOMPLETE_SPECS, *SPECS_WITH_EXTRA_KEYS, *WITH_KEYWORDS}
    keywords = {
        name
        for name, specs in KEYED.items()
        if any(spec["begin_search"]["type"] == "keyword" for spec in specs)
    }
    assert keywords == set(WITH_KEYWORDS)


def test_key_specs() -> None:
    """Keys are at the positions that the servers report, for every command."""
    examples = {
        name: list(calls(name)) for name in KEYED.keys() - INCOMPLETE_SPECS.keys() - ALIASED
    }
    assert [name for name, calls_of in examples.items() if len(calls_of) < 2] == []
    wrong = [
        args
        for name, calls_of in examples.items()
        for args in calls_of
        if found(*args) != specified(name, args)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", INCOMPLETE_SPECS)
def test_keys_that_the_servers_leave_out(name: str) -> None:
    """The positions of the servers are keys here, and there are more."""
    more = {
        "CMS.MERGE": "d 2 a b WEIGHTS 1 1",
        "JSON.MGET": "a b $",
        "SORT": "a STORE d",
        "TDIGEST.MERGE": "d 1 a OVERRIDE",
        "TS.CREATERULE": "a b AGGREGATION avg 5",
        "TS.DELETERULE": "a b",
    }
    expected = {"CMS.MERGE": [1, 3, 4], "SORT": [1, 3], "TDIGEST.MERGE": [1, 3]}
    args = (name, *more[name].split())
    assert found(*args) == expected.get(name, [1, 2])
    assert set(specified(name, args)) < set(found(*args) or ())


def test_an_alias_is_no_key() -> None:
    """The node is that of the index: the server itself refuses an alias that it cannot have."""
    for name in ALIASED:
        assert specified(name, (name, "alias", "index")) == [1, 2]
        assert found(name, "alias", "index") == [2]
    assert found("FT.ALIASLIST", "index") == [1]


def test_positions_of_the_servers_without_a_key() -> None:
    """A word that is not a key in this call is not reported as one."""
    migrate = ("MIGRATE", "h", "1", "", "0", "9", "COPY", "KEYS", "a", "b")
    assert found(*migrate) == specified("MIGRATE", migrate)[1:] == [8, 9]
    assert found("JSON.DEBUG", "HELP") == []
    assert specified("JSON.DEBUG", ("JSON.DEBUG", "HELP")) == [2]


def test_without_keys() -> None:
    """A command without key specifications has no keys, with any arguments."""
    keyless = [name for name in COMMANDS if name not in KEYED]
    assert len(keyless) > 200
    assert [name for name in keyless if found(*name.split()) != []] == []
    # With a word after it, a container is another command.
    longer: list[tuple[Value, ...]] = [
        (*name.lower().encode().split(), b"a", "b", 1)
        for name in keyless
        if name.encode() not in CONTAINERS
    ]
    assert [args for args in longer if found(*args) != []] == []


def test_unknown_commands() -> None:
    """The keys of a command that no server has are unknown."""
    assert found(b"MY.CMD", "k") is None
    assert found(b"OBJECT", "COLOUR", "k") is None
    assert found(b"~") is None


def test_first_key() -> None:
    """The fast path is for all that have exactly one key at a fixed position, and no tip."""
    expected: dict[bytes, int] = {}
    for name, specs in KEYED.items():
        slow = name in INCOMPLETE_SPECS or name in SPECS_WITH_EXTRA_KEYS or " " in name
        tipped = any(tip.startswith("request_policy:") for tip in COMMANDS[name].get("tips", []))
        keys = [spec for spec in specs if spec["begin_search"]["type"] != "unknown"]
        spread = any(spec["find_keys"]["spec"].get("lastkey") != 0 for spec in keys)
        if not (slow or tipped or spread or len(keys) != 1):
            expected[name.encode()] = keys[0]["begin_search"]["spec"]["index"]
    assert expected == FIRST_KEY
    assert FIRST_KEY.keys().isdisjoint(CONTAINERS)
    assert len(FIRST_KEY) > 240


def test_first_key_agrees() -> None:
    """The fast path and the slow path agree."""
    assert {name: found(name, *"abcdef") for name in FIRST_KEY} == {
        name: [position] for name, position in FIRST_KEY.items()
    }
    for name, position in FIRST_KEY.items():
        with pytest.raises(DataValueError, match=f"^{name.decode()} needs a key$"):
            key_positions((name, *"abcdef"[: position - 1]))


ODDITIES: list[tuple[tuple[Value, ...], list[int]]] = [
    (("get", "k"), [1]),
    ((bytearray(b"Get"), "k"), [1]),
    (("object", b"Encoding", "k"), [2]),
    ((b"xgroup", "create", "k", "g", "$"), [2]),
    ((b"OBJECT",), []),
    ((b"OBJECT", b"HELP"), []),
    ((b"SPUBLISH", "channel", "m"), [1]),
    ((b"SSUBSCRIBE", "a", "b"), [1, 2]),
    ((b"SUNSUBSCRIBE",), []),
    ((b"SUNSUBSCRIBE", "a"), [1]),
    ((b"SUBSCRIBE", "a"), []),
    ((b"CLUSTERSCAN", "0-{06S}-0", b"COUNT", 5), [1]),
    ((b"PFMERGE", "d"), [1]),
    ((b"PFDEBUG", b"ENCODING", "k"), [2]),
    ((b"BITOP", b"AND", "d", "a", "b"), [2, 3, 4]),
    ((b"EVAL", "return 1", 0), []),
    ((b"EVAL", "return 1", b"0", "a"), []),
    ((b"EVALSHA", "sha", "2", "a", "b", "c"), [3, 4]),
    ((b"FCALL_RO", "f", bytearray(b"1"), "a"), [3]),
    ((b"fcall", "f", memoryview(b"1"), "a"), [3]),
    ((b"ZUNIONSTORE", "d", 2, "a", "b", b"WEIGHTS", 1, 2), [1, 3, 4]),
    ((b"MSETEX", 2, "a", 1, "b", 2, b"EX", 5), [2, 4]),
    ((b"JSON.MSET", "a", "$", 1, "b", "$", 2), [1, 4]),
    ((b"TS.MADD", "a", 1, 1.5, "b", 2, 2.5), [1, 4]),
    ((b"JSON.DEBUG", "help"), []),
    ((b"JSON.DEBUG", b"MEMORY", "k"), [2]),
    ((b"SORT", "k"), [1]),
    ((b"SORT", "STORE", b"BY", "w_*->f", b"GET", "o_*", b"GET", "#"), [1]),
    ((b"SORT", "k", b"BY", "STORE", b"GET", "STORE", b"LIMIT", 0, 5), [1]),
    ((b"sort", "k", "limit", "store", "store", "store", "by", b"alpha"), [1, 6]),
    ((b"SORT", "k", memoryview(b"store"), "STORE", b"DESC"), [1, 3]),
    ((b"SORT_RO", "k", b"GET", "STORE", b"STORE"), [1]),
    ((b"GEORADIUS", "k", 1, 2, 3, "m", b"STORE", "storedist"), [1, 7]),
    ((b"MIGRATE", "h", 1, "k", 0, 9), [3]),
    ((b"MIGRATE", "h", 1, "", 0, 9), [3]),
    ((b"MIGRATE", "h", 1, "", 0, 9, b"KEYS", "a", "keys", "b"), [7, 8, 9]),
    ((b"MIGRATE", "h", 1, b"", 0, 9, b"AUTH", "keys", b"keys", "a"), [9]),
    ((b"MIGRATE", "h", 1, b"", 0, 9, b"COPY", b"auth2", "keys", "keys", b"KEYS", "a"), [11]),
    ((b"MIGRATE", "h", 1, "k", 0, 9, b"AUTH", "keys"), [3]),
]


@pytest.mark.parametrize(("args", "positions"), ODDITIES)
def test_oddities(args: tuple[Value, ...], positions: list[int]) -> None:
    """Options, counts and empty words do not mislead."""
    assert found(*args) == positions


def test_only_ascii_letters_fold() -> None:
    """An option is compared as the server does: the long s is not an S."""
    assert found(b"SORT", "k", "\u017ftore", "d") == [1]


REFUSED: list[tuple[tuple[Value, ...], str]] = [
    ((b"GET",), "GET needs a key"),
    (("object", "encoding"), "OBJECT ENCODING needs a key"),
    ((b"DEL",), "DEL needs a key"),
    ((b"RENAME", "a"), "RENAME needs 2 keys"),
    ((b"SDIFFSTORE", "d"), "SDIFFSTORE needs 2 keys"),
    ((b"BITOP", b"NOT", "d"), "BITOP needs 2 keys"),
    ((b"BLPOP", 5), "BLPOP needs a key, and an argument after the last"),
    ((b"JSON.MGET", "$"), "JSON.MGET needs a key, and an argument after the last"),
    (
        (b"MSET", "a", 1, "b"),
        "MSET: each key begins a group of 2 arguments, but 3 arguments follow",
    ),
    (
        (b"TS.MADD", "a"),
        "TS.MADD: each key begins a group of 3 arguments, but 1 argument follows",
    ),
    ((b"EVAL", "s"), "EVAL needs numkeys, the number of its keys"),
    ((b"EVAL", "s", 3, "a", "b"), "EVAL: numkeys is 3, but 2 arguments follow"),
    ((b"EVAL", "s", 2, "a"), "EVAL: numkeys is 2, but 1 argument follows"),
    ((b"EVAL", "s", -1), "EVAL: numkeys is -1; it is a whole number, 0 or more"),
    ((b"EVAL", "s", "one", "a"), "EVAL: numkeys is 'one'; it is a whole number, 0 or more"),
    ((b"EVAL", "s", 1.0, "a"), "EVAL: numkeys is 1.0; it is a whole number, 0 or more"),
    ((b"FCALL", "f", b"-1", "a"), "FCALL: numkeys is b'-1'; it is a whole number, 0 or more"),
    ((b"ZUNION", 0, "a"), "ZUNION needs a key, but numkeys is 0"),
    ((b"ZDIFFSTORE", "d", 0), "ZDIFFSTORE needs a key, but numkeys is 0"),
    ((b"ZDIFFSTORE", "d"), "ZDIFFSTORE needs numkeys, the number of its keys"),
    (
        (b"MSETEX", 2, "a", 1, "b"),
        "MSETEX: numkeys is 2, which takes 4 arguments, but 3 arguments follow",
    ),
    ((b"XREAD", "a", "0"), "XREAD needs a key after STREAMS"),
    ((b"XREAD", b"COUNT", 1, b"STREAMS"), "XREAD needs a key after STREAMS"),
    ((b"XREADGROUP", b"GROUP", "streams", "c"), "XREADGROUP needs a key after STREAMS"),
    (
        (b"XREAD", b"STREAMS", "a", "b", "0"),
        "XREAD: each key after STREAMS has an ID, but 3 arguments follow",
    ),
    ((b"SORT",), "SORT needs a key"),
    ((b"SORT", "k", "store"), "SORT needs a key after STORE"),
    (
        (b"GEORADIUSBYMEMBER", "k", "m", 1, "m", b"STOREDIST"),
        "GEORADIUSBYMEMBER needs a key after STOREDIST",
    ),
    ((b"MIGRATE", "h", 1), "MIGRATE needs a key"),
    ((b"MIGRATE", "h", 1, "", 0, 9, b"KEYS"), "MIGRATE needs a key after KEYS"),
    (
        (b"MIGRATE", "h", 1, "k", 0, 9, b"KEYS", "a"),
        "MIGRATE: with KEYS, the key before the database has to be empty",
    ),
    ((b"JSON.DEBUG", b"MEMORY"), "JSON.DEBUG needs a key"),
]


@pytest.mark.parametrize(("args", "message"), REFUSED)
def test_refused(args: tuple[Value, ...], message: str) -> None:
    """A call without the keys that it needs is refused, with its name and the reason."""
    with pytest.raises(DataValueError) as caught:
        key_positions(args)
    assert str(caught.value) == message


def test_a_number_of_keys_too_long_to_read() -> None:
    """A number of keys that is too long for Python is refused as any other bad number."""
    with pytest.raises(DataValueError, match="EVAL: numkeys is '9999"):
        key_positions((b"EVAL", "s", "9" * 5000))


WORDS = st.sampled_from(["streams", "STREAMS", "COUNT", "k", "STORE", "keys", "AUTH", "2", ""])
KEYS = st.lists(WORDS, min_size=1, max_size=4)


@given(group=WORDS, consumer=WORDS, noack=st.booleans(), keys=KEYS)
def test_streams_of_a_group(group: str, consumer: str, noack: bool, keys: list[str]) -> None:
    """Streams are found with any name of a group, a consumer or a stream."""
    start = ("XREADGROUP", "GROUP", group, consumer, *(("NOACK",) if noack else ()), "STREAMS")
    expected = list(range(len(start), len(start) + len(keys)))
    assert found(*start, *keys, *(">" for _ in keys)) == expected


@given(password=WORDS, keys=KEYS)
def test_keys_of_migrate(password: str, keys: list[str]) -> None:
    """Keys are found with any password and any names of keys."""
    start = ("MIGRATE", "h", 1, "", 0, 9, "AUTH", password, "KEYS")
    assert found(*start, *keys) == list(range(9, 9 + len(keys)))


@given(
    name=st.sampled_from(sorted(COMMANDS)),
    words=st.lists(WORDS | st.integers() | st.floats() | st.binary(max_size=3), max_size=12),
)
def test_any_arguments(name: str, words: list[Value]) -> None:
    """Any arguments give positions in order, or an error that names the command."""
    args = (*name.split(), *words)
    message, positions = name, list[int]()
    try:
        positions = found(*args) or []
    except DataValueError as error:
        message = str(error)
    assert message.startswith(name.partition(" ")[0])
    assert positions == sorted(set(positions))
    assert all(0 < position < len(args) for position in positions)
