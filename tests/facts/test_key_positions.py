"""Tests of `anyredis.facts.key_positions`: options, counts and empty words do not mislead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyredis.exceptions import DataValueError
from anyredis.facts.key_positions import FIRST_KEY
from anyredis.wire.encode import Value
from tests.facts.key_specs import COMMANDS, found, key_positions


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
