"""Tests of `anyredis.testing.data`; that its commands answer as real ones: see `test_memory.py`."""

from __future__ import annotations

import pytest

from anyredis import RedisError
from anyredis.testing.data import Database, Words
from anyredis.testing.fake_commands import COMMANDS
from anyredis.testing.resp import Answer


def run(database: Database, line: str) -> Answer:
    """The answer to a command as one types it."""
    name, *words = line.encode().split()
    return COMMANDS[name].run(database, tuple(words))


def filled(count: int) -> Database:
    """A database with the strings k00, k01 and so on."""
    database = Database()
    for number in range(count):
        database[b"k%02d" % number] = b"v"
    return database


def page(database: Database, line: str) -> tuple[bytes, list[bytes]]:
    """The cursor and the keys of one SCAN."""
    match run(database, line):
        case [bytes(cursor), list(keys)]:
            return cursor, [key for key in keys if isinstance(key, bytes)]
        case answer:
            raise AssertionError(answer)


def test_every_change_of_a_key_counts() -> None:
    """However it is made; reading is no change."""
    database = Database()
    run(database, "SET k v")
    run(database, "GET k")
    database[b"k"] = b"w"
    database.pop(b"k")
    run(database, "RPUSH k a")
    run(database, "LPOP k")
    assert database.versions[b"k"] == 5
    run(database, "MSET k v l w")
    run(database, "FLUSHDB")
    assert (database.versions[b"k"], database.versions[b"l"]) == (7, 2)
    assert database == {}


def test_a_scan_comes_in_pages() -> None:
    """Of COUNT keys, of ten without it; the last cursor is 0."""
    database = filled(25)
    cursor, keys = page(database, "SCAN 0")
    assert (cursor == b"0", len(keys)) == (False, 10)
    found, cursor, pages = list[bytes](), b"0", 0
    while not pages or cursor != b"0":
        cursor, keys = page(database, f"SCAN {cursor.decode()} COUNT 7")
        found, pages = found + keys, pages + 1
    assert (found, pages) == (sorted(database), 4)


def test_a_scan_has_all_that_was_there_all_the_time() -> None:
    """A key deleted between two pages hides no other key."""
    database = filled(6)
    cursor, keys = page(database, "SCAN 0 COUNT 3")
    for key in keys:
        del database[key]
    cursor, keys = page(database, f"SCAN {cursor.decode()} COUNT 3")
    assert (cursor, keys) == (b"0", [b"k03", b"k04", b"k05"])


def test_a_scan_looks_before_it_filters() -> None:
    """A page can be empty without being the last."""
    database = filled(4)
    database[b"l"] = [b"item"]
    cursor, keys = page(database, "SCAN 0 MATCH l* COUNT 2")
    assert (cursor == b"0", keys) == (False, [])
    assert page(database, "SCAN 0 MATCH *[^12] COUNT 9") == (b"0", [b"k00", b"k03", b"l"])
    assert page(database, "SCAN 0 TYPE list COUNT 9") == (b"0", [b"l"])
    assert page(database, "SCAN 0 TYPE string COUNT 1")[1] == [b"k00"]


def test_a_cursor_that_was_never_given() -> None:
    """It is at the end, as it is on another node of a cluster."""
    assert page(filled(3), "SCAN 99") == (b"0", [])


@pytest.mark.parametrize(
    "words", [(b"0", b"COUNT", b"0"), (b"0", b"NONESUCH", b"x")], ids=["count", "option"]
)
def test_a_scan_that_makes_no_sense(words: Words) -> None:
    """It is refused."""
    with pytest.raises(RedisError, match="syntax error"):
        COMMANDS[b"SCAN"].run(filled(3), words)


def test_a_list_that_becomes_empty_is_gone() -> None:
    """As a string that was never there."""
    database = Database()
    assert database.store(b"l", [b"a"]) == 1
    assert database.items_of(b"l") == [b"a"]
    assert database.store(b"l", []) == 0
    assert database.text(b"l") is None
