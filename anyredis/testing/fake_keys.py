"""Keys of the Redis in memory: names, types, expiry and SCAN.

Law: each command is a function of one database and its arguments, independent of connections.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from anyredis.exceptions import from_server
from anyredis.testing.data import TYPES, Database, SortedSet, Value, Words
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    exactly,
    matcher,
    scan_options,
    syntax_error,
    unknown_option,
    whole,
)
from anyredis.testing.resp import Answer


def _del(database: Database, words: Words) -> Answer:
    there = [key for key in dict.fromkeys(words) if key in database]
    for key in there:
        del database[key]
    return len(there)


def _exists(database: Database, words: Words) -> Answer:
    return sum(key in database for key in words)


def _type(database: Database, words: Words) -> Answer:
    value = database.get(words[0])
    return "none" if value is None else TYPES[type(value)]


def _rename(database: Database, words: Words, *, only_new: bool) -> Answer:
    key, new = words
    if key not in database:
        raise from_server("ERR no such key")
    if only_new and new in database:
        return 0
    if key != new:
        database.move(key, database, new)
    return 1 if only_new else "OK"


def _copied(value: Value) -> Value:
    if isinstance(value, bytes):
        return value
    return SortedSet(value) if isinstance(value, SortedSet) else value.copy()


def _copy(database: Database, words: Words) -> Answer:
    key, target, *options = words
    replace = [option.upper() for option in options] == [b"REPLACE"]
    if options and not replace:
        raise unknown_option("COPY", options[0])
    if key == target:
        raise from_server("ERR source and destination objects are the same")
    if key not in database or (target in database and not replace):
        return 0
    database.pop(target, None)
    database[target] = _copied(database[key])
    if key in database.expiries:
        database.expiries[target] = database.expiries[key]
    return 1


# -- expiry -------------------------------------------------------------------------------------


def _expire(database: Database, words: Words, *, command: str, unit: int, absolute: bool) -> Answer:
    key, word, *options = words
    flags = {option.upper() for option in options}
    value = whole(word)
    for flag in flags - {b"NX", b"XX", b"GT", b"LT"}:
        raise unknown_option(command.upper(), flag)
    if b"NX" in flags and len(flags) > 1:
        raise from_server("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {b"GT", b"LT"} <= flags:
        raise from_server("ERR GT and LT options at the same time are not compatible")
    when = value * unit + (0 if absolute else database.milliseconds())
    if not -(1 << 63) <= value * unit < 1 << 63 or when >= 1 << 63:
        raise from_server(f"ERR invalid expire time in '{command}' command")
    if key not in database:
        return 0
    old = database.expiries.get(key)
    refused = (
        (b"NX" in flags and old is not None)
        or (b"XX" in flags and old is None)
        or (b"GT" in flags and (old is None or when <= old))
        or (b"LT" in flags and old is not None and when >= old)
    )
    if refused:
        return 0
    database.expire_at(key, when)
    return 1


def _ttl(database: Database, words: Words, *, unit: int, absolute: bool) -> Answer:
    key = words[0]
    if key not in database:
        return -2
    if key not in database.expiries:
        return -1
    left = database.expiries[key] - (0 if absolute else database.milliseconds())
    return (max(0, left) + unit // 2) // unit


def _persist(database: Database, words: Words) -> Answer:
    if words[0] not in database.expiries:
        return 0
    database.expire_at(words[0], None)
    return 1


# -- all keys -----------------------------------------------------------------------------------


def _dbsize(database: Database, _words: Words) -> Answer:
    return len(database)


def _flushdb(database: Database, words: Words) -> Answer:
    if words and words[0].upper() not in {b"SYNC", b"ASYNC"}:
        raise syntax_error()
    database.clear()
    return "OK"


def _randomkey(database: Database, _words: Words) -> Answer:
    """The first key in order: a test gets the same each time."""
    return min(database, default=None)


def _keys(database: Database, words: Words) -> Answer:
    return list(filter(matcher(words[0]), sorted(database)))


def _scan(database: Database, words: Words) -> Answer:
    """Pages of the sorted keys; as on real servers, MATCH and TYPE filter a page afterwards."""
    number = int(words[0]) if words[0].isdigit() else None
    if number is None:
        raise from_server("ERR invalid cursor")
    matches, count, kind, _ = scan_options("SCAN", words[1:])
    rest = sorted(database)
    if number:
        # A key, not an offset: so a key that exists all the time is found, even if others are
        # deleted.
        last = database.cursors[number - 1] if number <= len(database.cursors) else None
        rest = [key for key in rest if last is not None and key > last]
    page, more = rest[:count], rest[count:]
    found: list[Answer] = [
        key
        for key in page
        if matches(key) and (kind is None or TYPES[type(database[key])].encode() == kind)
    ]
    return [_cursor_after(database, page[-1]) if more else b"0", found]


def _cursor_after(database: Database, key: bytes) -> bytes:
    if key not in database.cursors:
        database.cursors.append(key)
    return b"%d" % (database.cursors.index(key) + 1)


def _expiring(command: str, *, unit: int, absolute: bool) -> KnownCommand:
    return KnownCommand(partial(_expire, command=command, unit=unit, absolute=absolute), 2)


KEYS: Final[CommandTable] = {
    b"COPY": KnownCommand(_copy, 2),
    b"DBSIZE": exactly(0, _dbsize),
    b"DEL": KnownCommand(_del, 1),
    b"EXISTS": KnownCommand(_exists, 1),
    b"EXPIRE": _expiring("expire", unit=1000, absolute=False),
    b"EXPIREAT": _expiring("expireat", unit=1000, absolute=True),
    b"EXPIRETIME": exactly(1, partial(_ttl, unit=1000, absolute=True)),
    b"FLUSHDB": KnownCommand(_flushdb, 0),
    b"KEYS": exactly(1, _keys),
    b"PERSIST": exactly(1, _persist),
    b"PEXPIRE": _expiring("pexpire", unit=1, absolute=False),
    b"PEXPIREAT": _expiring("pexpireat", unit=1, absolute=True),
    b"PEXPIRETIME": exactly(1, partial(_ttl, unit=1, absolute=True)),
    b"PTTL": exactly(1, partial(_ttl, unit=1, absolute=False)),
    b"RANDOMKEY": exactly(0, _randomkey),
    b"RENAME": exactly(2, partial(_rename, only_new=False)),
    b"RENAMENX": exactly(2, partial(_rename, only_new=True)),
    b"SCAN": KnownCommand(_scan, 1),
    b"TOUCH": KnownCommand(_exists, 1),
    b"TTL": exactly(1, partial(_ttl, unit=1000, absolute=False)),
    b"TYPE": exactly(1, _type),
    b"UNLINK": KnownCommand(_del, 1),
}
"""The commands on keys of any type, by name."""
