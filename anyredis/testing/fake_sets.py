"""Sets of the Redis in memory.

Law: each command is a function of one database and its arguments.  If a real server picks a member
at random, this one picks the first in order: a test gets the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Final, TypeAlias

from anyredis.testing.data import Database, Words
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    exactly,
    keys_after_count,
    limit_after_keys,
    not_negative,
    scan_options,
    whole,
)
from anyredis.testing.resp import Answer

Operation: TypeAlias = Callable[[set[bytes], set[bytes]], set[bytes]]


def _sadd(database: Database, words: Words) -> Answer:
    key, *new = words
    old = database.members_of(key)
    both = old.union(new)
    if len(both) > len(old):
        database[key] = both
    return len(both) - len(old)


def _srem(database: Database, words: Words) -> Answer:
    key, *unwanted = words
    old = database.members_of(key)
    left = old.difference(unwanted)
    if len(left) < len(old):
        database.store(key, left)
    return len(old) - len(left)


def _smembers(database: Database, words: Words) -> Answer:
    return frozenset(database.members_of(words[0]))


def _scard(database: Database, words: Words) -> Answer:
    return len(database.members_of(words[0]))


def _sismember(database: Database, words: Words) -> Answer:
    return int(words[1] in database.members_of(words[0]))


def _smismember(database: Database, words: Words) -> Answer:
    members = database.members_of(words[0])
    return [int(member in members) for member in words[1:]]


def _smove(database: Database, words: Words) -> Answer:
    source, target, member = words
    members = database.members_of(source)
    if not members:
        return 0
    others = database.members_of(target)
    if member not in members:
        return 0
    if source != target:
        database.store(source, members - {member})
        database[target] = others | {member}
    return 1


def _spop(database: Database, words: Words) -> Answer:
    key, *counts = words
    count = not_negative(counts[0]) if counts else 1
    members = database.members_of(key)
    taken = sorted(members)[:count]
    if taken:
        database.store(key, members.difference(taken))
    if counts:
        return frozenset(taken)
    return taken[0] if taken else None


def _srandmember(database: Database, words: Words) -> Answer:
    key, *counts = words
    members = sorted(database.members_of(key))
    if not counts:
        return members[0] if members else None
    count = whole(counts[0])
    if count >= 0 or not members:
        return list(members[: max(0, count)])
    return [members[number % len(members)] for number in range(-count)]


# -- several sets -----------------------------------------------------------------------------------


def _intersection(one: set[bytes], other: set[bytes]) -> set[bytes]:
    return one & other


def _union(one: set[bytes], other: set[bytes]) -> set[bytes]:
    return one | other


def _difference(one: set[bytes], other: set[bytes]) -> set[bytes]:
    return one - other


def _combined(database: Database, keys: Sequence[bytes], operation: Operation) -> set[bytes]:
    return reduce(operation, [database.members_of(key) for key in keys])


def _combine(database: Database, words: Words, *, operation: Operation) -> Answer:
    return frozenset(_combined(database, words, operation))


def _combine_store(database: Database, words: Words, *, operation: Operation) -> Answer:
    target, *keys = words
    return database.replace(target, set(_combined(database, keys, operation)))


def _sintercard(database: Database, words: Words) -> Answer:
    keys, rest = keys_after_count(words, "ERR numkeys should be greater than 0")
    limit = limit_after_keys("SINTERCARD", rest, whole)
    count = len(_combined(database, keys, _intersection))
    return min(count, limit) if limit else count


def _sscan(database: Database, words: Words) -> Answer:
    """All members in one page, as real servers scan small sets."""
    key, cursor, *options = words
    whole(cursor)
    members = database.members_of(key)
    matches, *_ = scan_options("SSCAN", options)
    return [b"0", [member for member in sorted(members) if matches(member)]]


SETS: Final[CommandTable] = {
    b"SADD": KnownCommand(_sadd, 2),
    b"SCARD": exactly(1, _scard),
    b"SDIFF": KnownCommand(partial(_combine, operation=_difference), 1),
    b"SDIFFSTORE": KnownCommand(partial(_combine_store, operation=_difference), 2),
    b"SINTER": KnownCommand(partial(_combine, operation=_intersection), 1),
    b"SINTERCARD": KnownCommand(_sintercard, 2),
    b"SINTERSTORE": KnownCommand(partial(_combine_store, operation=_intersection), 2),
    b"SISMEMBER": exactly(2, _sismember),
    b"SMEMBERS": exactly(1, _smembers),
    b"SMISMEMBER": KnownCommand(_smismember, 2),
    b"SMOVE": exactly(3, _smove),
    b"SPOP": KnownCommand(_spop, 1, 2),
    b"SRANDMEMBER": KnownCommand(_srandmember, 1, 2),
    b"SREM": KnownCommand(_srem, 2),
    b"SSCAN": KnownCommand(_sscan, 2),
    b"SUNION": KnownCommand(partial(_combine, operation=_union), 1),
    b"SUNIONSTORE": KnownCommand(partial(_combine_store, operation=_union), 2),
}
"""The commands on sets, by name."""
