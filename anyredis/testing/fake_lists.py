"""Lists of the Redis in memory, and the commands that wait for an element.

Law: each command is a function of one database and its arguments.  A blocking one gives `NOTHING`
if it has to wait; `Memory` runs it again after each command, until its time is over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    bounds,
    exactly,
    keys_after_count,
    not_negative,
    positive,
    section,
    syntax_error,
    timeout_of,
    unknown_option,
    whole,
)
from anyredis.testing.resp import NOTHING, Answer

LEFT: Final = b"LEFT"
RIGHT: Final = b"RIGHT"
NO_KEYS = "ERR numkeys should be greater than 0"


def _push(database: Database, words: Words, *, side: bytes, only_existing: bool) -> Answer:
    key, *new = words
    items = database.items_of(key)
    if only_existing and not items:
        return 0
    return database.store(key, [*reversed(new), *items] if side == LEFT else [*items, *new])


def take(database: Database, key: bytes, side: bytes, count: int = 1) -> list[bytes]:
    """The first *count* elements from one side, which are removed."""
    items = database.items_of(key)
    if side == LEFT:
        taken, rest = items[:count], items[count:]
    else:
        kept = max(0, len(items) - count)
        taken, rest = items[kept:][::-1], items[:kept]
    if taken:
        database.store(key, rest)
    return taken


def _pop(database: Database, words: Words, *, side: bytes) -> Answer:
    key, *counts = words
    count = not_negative(counts[0]) if counts else 1
    if not database.items_of(key):
        return None
    taken = take(database, key, side, count)
    return list(taken) if counts else taken[0]


def _llen(database: Database, words: Words) -> Answer:
    return len(database.items_of(words[0]))


def _lrange(database: Database, words: Words) -> Answer:
    first, last = whole(words[1]), whole(words[2])
    return section(database.items_of(words[0]), first, last)


def _lindex(database: Database, words: Words) -> Answer:
    items = database.items_of(words[0])
    if not items:
        return None
    index = whole(words[1])
    return items[index] if -len(items) <= index < len(items) else None


def _lset(database: Database, words: Words) -> Answer:
    key, word, value = words
    items = list(database.items_of(key))
    if not items:
        raise from_server("ERR no such key")
    index = whole(word)
    if not -len(items) <= index < len(items):
        raise from_server("ERR index out of range")
    items[index] = value
    database[key] = items
    return "OK"


def _lrem(database: Database, words: Words) -> Answer:
    key, word, value = words
    count, items = whole(word), list(database.items_of(key))
    if count < 0:
        items.reverse()
    left, removed = list[bytes](), 0
    for item in items:
        if item == value and (not count or removed < abs(count)):
            removed += 1
        else:
            left.append(item)
    if removed:
        database.store(key, left[::-1] if count < 0 else left)
    return removed


def _ltrim(database: Database, words: Words) -> Answer:
    key = words[0]
    first, last = whole(words[1]), whole(words[2])
    items = database.items_of(key)
    if items:
        start, stop = bounds(len(items), first, last)
        database.store(key, items[start:stop])
    return "OK"


def _linsert(database: Database, words: Words) -> Answer:
    key, where, pivot, value = words
    if where.upper() not in {b"BEFORE", b"AFTER"}:
        raise syntax_error()
    items = list(database.items_of(key))
    if not items:
        return 0
    if pivot not in items:
        return -1
    items.insert(items.index(pivot) + (where.upper() == b"AFTER"), value)
    return database.store(key, items)


def _lpos(database: Database, words: Words) -> Answer:
    key, value, *rest = words
    rank, count, limit = 1, None, 0
    while rest:
        option = rest.pop(0).upper()
        if not rest:
            raise syntax_error()
        if option not in {b"RANK", b"COUNT", b"MAXLEN"}:
            raise unknown_option("LPOS", option)
        number = whole(rest.pop(0))
        if option == b"RANK":
            rank = number
            if not rank:
                raise from_server("ERR RANK can't be zero")
        elif number < 0:
            raise from_server(f"ERR {option.decode()} can't be negative")
        elif option == b"COUNT":
            count = number
        else:
            limit = number
    items = database.items_of(key)
    order = range(len(items)) if rank > 0 else range(len(items) - 1, -1, -1)
    found = [at for at in order[: limit or None] if items[at] == value][abs(rank) - 1 :]
    if count is None:
        return found[0] if found else None
    return list(found[: count or None])


# -- from list to list ----------------------------------------------------------------------------


def _side(word: bytes) -> bytes:
    if word.upper() not in {LEFT, RIGHT}:
        raise syntax_error()
    return word.upper()


def move(database: Database, source: bytes, target: bytes, sides: tuple[bytes, bytes]) -> Answer:
    """The element that goes from the first of *sides* of one list to the second of another."""
    if not database.items_of(source):
        return None
    database.items_of(target)
    taken = take(database, source, sides[0])
    _push(database, (target, *taken), side=sides[1], only_existing=False)
    return taken[0]


def _lmove(database: Database, words: Words) -> Answer:
    source, target, from_side, to_side, *_ = words
    return move(database, source, target, (_side(from_side), _side(to_side)))


def _rpoplpush(database: Database, words: Words) -> Answer:
    return move(database, words[0], words[1], (RIGHT, LEFT))


def _lmpop(database: Database, words: Words) -> Answer:
    keys, rest = keys_after_count(words, NO_KEYS)
    if not rest:
        raise syntax_error()
    side, count = _side(rest[0]), 1
    match [word.upper() for word in rest[1:]]:
        case []:
            pass
        case [b"COUNT", _]:
            count = positive(rest[2], "count")
        case _:
            raise syntax_error()
    for key in keys:
        if database.items_of(key):
            return [key, list(take(database, key, side, count))]
    return None


# -- commands that wait -----------------------------------------------------------------------------


def waiting(
    run: Callable[[Database, Words], Answer], timeout: int, least: int, most: int | None = None
) -> KnownCommand:
    """*run* without its timeout, as a command that waits while the answer is None."""

    def patient(database: Database, words: Words) -> Answer:
        timeout_of(words[timeout])
        rest = list(words)
        del rest[timeout]
        answer = run(database, tuple(rest))
        return NOTHING if answer is None else answer

    return KnownCommand(patient, least, most, timeout)


def _bpop(database: Database, keys: Words, *, side: bytes) -> Answer:
    for key in keys:
        if database.items_of(key):
            return [key, *take(database, key, side)]
    return None


LISTS: Final[CommandTable] = {
    b"BLMOVE": waiting(_lmove, -1, 5, 5),
    b"BLMPOP": waiting(_lmpop, 0, 4),
    b"BLPOP": waiting(partial(_bpop, side=LEFT), -1, 2),
    b"BRPOP": waiting(partial(_bpop, side=RIGHT), -1, 2),
    b"BRPOPLPUSH": waiting(_rpoplpush, -1, 3, 3),
    b"LINDEX": exactly(2, _lindex),
    b"LINSERT": exactly(4, _linsert),
    b"LLEN": exactly(1, _llen),
    b"LMOVE": exactly(4, _lmove),
    b"LMPOP": KnownCommand(_lmpop, 3),
    b"LPOP": KnownCommand(partial(_pop, side=LEFT), 1, 2),
    b"LPOS": KnownCommand(_lpos, 2),
    b"LPUSH": KnownCommand(partial(_push, side=LEFT, only_existing=False), 2),
    b"LPUSHX": KnownCommand(partial(_push, side=LEFT, only_existing=True), 2),
    b"LRANGE": exactly(3, _lrange),
    b"LREM": exactly(3, _lrem),
    b"LSET": exactly(3, _lset),
    b"LTRIM": exactly(3, _ltrim),
    b"RPOP": KnownCommand(partial(_pop, side=RIGHT), 1, 2),
    b"RPOPLPUSH": exactly(2, _rpoplpush),
    b"RPUSH": KnownCommand(partial(_push, side=RIGHT, only_existing=False), 2),
    b"RPUSHX": KnownCommand(partial(_push, side=RIGHT, only_existing=True), 2),
}
"""The commands on lists, by name."""
