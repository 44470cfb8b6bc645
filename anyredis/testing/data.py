"""The data of the tiny Redis in memory, and the commands that work on it.

Law: each command is a function of one database and its arguments, independent of connections.
"""

from __future__ import annotations

from collections import Counter, UserDict
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final, TypeAlias, TypeVar

from anyredis.exceptions import ResponseError, from_server
from anyredis.testing.resp import NOTHING, Answer

T = TypeVar("T")

Words: TypeAlias = tuple[bytes, ...]
"""A command as a server receives it: its name, as the client spelled it, and its arguments."""

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
PAGE = 10
"""Keys that one SCAN looks at without COUNT."""


class Database(UserDict[bytes, "bytes | list[bytes]"]):
    """Keys with their values: bytes for a string, a list of bytes for a list."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: Counter[bytes] = Counter()
        """The number of changes of each key: WATCH compares it."""
        self.cursors: list[bytes] = []
        """The keys after which SCANs continue; a cursor is a position here, from 1."""

    def __setitem__(self, key: bytes, value: bytes | list[bytes]) -> None:
        super().__setitem__(key, value)
        self.versions[key] += 1

    def __delitem__(self, key: bytes) -> None:
        super().__delitem__(key)
        self.versions[key] += 1

    def text(self, key: bytes) -> bytes | None:
        """The string at *key*, or None; raises `WrongTypeError` for a list."""
        value = self.get(key)
        if isinstance(value, list):
            raise from_server(WRONG_TYPE)
        return value

    def items_of(self, key: bytes) -> list[bytes]:
        """The list at *key*, empty if there is none; raises `WrongTypeError` for a string."""
        value = self.get(key, [])
        if not isinstance(value, list):
            raise from_server(WRONG_TYPE)
        return value

    def store(self, key: bytes, items: list[bytes]) -> int:
        """The length of the list that is now at *key*; an empty list is deleted."""
        if items:
            self[key] = items
        else:
            self.pop(key, None)
        return len(items)


def _some(arguments: tuple[T, ...]) -> tuple[T, ...]:
    """*arguments*; raises `ValueError` if there are none."""
    if not arguments:
        raise ValueError("it takes at least one")
    return arguments


# -- strings ------------------------------------------------------------------------------------


def _get(database: Database, words: Words) -> Answer:
    (key,) = words
    return database.text(key)


def _set(database: Database, words: Words) -> Answer:
    key, value, *options = words
    exists = key in database
    match [option.upper() for option in options]:
        case [b"NX"] if exists:
            return None
        case [b"XX"] if not exists:
            return None
        case [] | [b"NX"] | [b"XX"]:
            database[key] = value
            return "OK"
        case _:
            return ResponseError(f"{SYNTAX}: the fake server knows NX and XX")


def _mget(database: Database, words: Words) -> Answer:
    values = [database.get(key) for key in _some(words)]
    return [None if isinstance(value, list) else value for value in values]


def _mset(database: Database, words: Words) -> Answer:
    database.update(_some(tuple(zip(words[::2], words[1::2], strict=True))))
    return "OK"


def _incr(database: Database, words: Words) -> Answer:
    (key,) = words
    return _incrby(database, (key, b"1"))


def _incrby(database: Database, words: Words) -> Answer:
    key, amount = words
    try:
        number = int(database.text(key) or 0) + int(amount)
    except ValueError:
        return from_server("ERR value is not an integer or out of range")
    database[key] = b"%d" % number
    return number


# -- keys ---------------------------------------------------------------------------------------


def _del(database: Database, words: Words) -> Answer:
    there = [key for key in dict.fromkeys(_some(words)) if key in database]
    for key in there:
        del database[key]
    return len(there)


def _exists(database: Database, words: Words) -> Answer:
    return sum(key in database for key in _some(words))


def _dbsize(database: Database, _words: Words) -> Answer:
    return len(database)


def _flushdb(database: Database, _words: Words) -> Answer:
    database.clear()
    return "OK"


def _matches(key: bytes, pattern: bytes) -> bool:
    """True if *pattern* matches *key*: `*`, `?`, `[a-z]`, `[^a-z]`, without escapes."""
    return fnmatchcase(key, pattern.replace(b"[^", b"[!"))


def _keys(database: Database, words: Words) -> Answer:
    (pattern,) = words
    return [key for key in sorted(database) if _matches(key, pattern)]


def _scan(database: Database, words: Words) -> Answer:
    """Pages of the sorted keys; as on real servers, MATCH and TYPE filter a page afterwards."""
    cursor, options = words[0], words[1:]
    pattern, kind, count = b"*", None, PAGE
    for option, value in zip(options[::2], options[1::2], strict=True):
        match option.upper():
            case b"MATCH":
                pattern = value
            case b"TYPE":
                kind = list if value.lower() == b"list" else bytes
            case b"COUNT" if int(value) > 0:
                count = int(value)
            case _:
                return from_server(SYNTAX)
    rest = sorted(database)
    if number := int(cursor):
        # A key, not an offset: so a key that exists all the time is found, even if others are
        # deleted.
        last = database.cursors[number - 1] if 0 < number <= len(database.cursors) else None
        rest = [key for key in rest if last is not None and key > last]
    page, more = rest[:count], rest[count:]
    found = [k for k in page if _matches(k, pattern) and isinstance(database[k], kind or object)]
    return [_cursor_after(database, page[-1]) if more else b"0", found]


def _cursor_after(database: Database, key: bytes) -> bytes:
    if key not in database.cursors:
        database.cursors.append(key)
    return b"%d" % (database.cursors.index(key) + 1)


# -- lists --------------------------------------------------------------------------------------


def _rpush(database: Database, words: Words) -> Answer:
    key, *items = words
    return database.store(key, [*database.items_of(key), *items])


def _lpush(database: Database, words: Words) -> Answer:
    key, *items = words
    return database.store(key, [*reversed(items), *database.items_of(key)])


def _lpop(database: Database, words: Words) -> Answer:
    (key,) = words
    items = database.items_of(key)
    if not items:
        return None
    database.store(key, items[1:])
    return items[0]


def _blpop(database: Database, words: Words) -> Answer:
    *keys, _ = words
    for key in keys:
        if database.items_of(key):
            return [key, _lpop(database, (key,))]
    return NOTHING


def _llen(database: Database, words: Words) -> Answer:
    (key,) = words
    return len(database.items_of(key))


def _lrange(database: Database, words: Words) -> Answer:
    key, first, last = words
    items = database.items_of(key)
    start, stop = int(first), int(last)
    start = max(0, start + len(items)) if start < 0 else start
    stop = stop + len(items) if stop < 0 else stop
    return items[start : stop + 1]


COMMANDS: Final[Mapping[bytes, Callable[[Database, Words], Answer]]] = {
    b"GET": _get,
    b"SET": _set,
    b"MGET": _mget,
    b"MSET": _mset,
    b"INCR": _incr,
    b"INCRBY": _incrby,
    b"DEL": _del,
    b"UNLINK": _del,
    b"EXISTS": _exists,
    b"TOUCH": _exists,
    b"DBSIZE": _dbsize,
    b"FLUSHDB": _flushdb,
    b"KEYS": _keys,
    b"SCAN": _scan,
    b"RPUSH": _rpush,
    b"LPUSH": _lpush,
    b"LPOP": _lpop,
    b"BLPOP": _blpop,
    b"LLEN": _llen,
    b"LRANGE": _lrange,
}
"""The commands on a database, by name."""
