"""Sorted sets of the Redis in memory: members, scores, ranks, and the ends.

Law: each command is a function of one database and its arguments.  Ranges are in
`fake_score_ranges.py`, unions and intersections in `fake_score_sums.py`.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, SortedSet, Words
from anyredis.testing.fake_lists import waiting
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    exactly,
    keys_after_count,
    not_negative,
    positive,
    real,
    scan_pairs,
    syntax_error,
    unknown_option,
)
from anyredis.testing.resp import Answer, Pairs, number_text

ZADD_OPTIONS: Final = frozenset({b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"})


def _zadd(database: Database, words: Words) -> Answer:
    key, *rest = words
    flags = set[bytes]()
    while rest and rest[0].upper() in ZADD_OPTIONS:
        flags.add(rest.pop(0).upper())
    _require_sense(flags, rest)
    items = [(real(score), member) for score, member in zip(rest[::2], rest[1::2], strict=True)]
    scores = SortedSet(database.scores_of(key))
    added, changed, last = 0, 0, None
    for score, member in items:
        old, last = scores.get(member), None
        if (b"NX" in flags and old is not None) or (b"XX" in flags and old is None):
            continue
        new = _sum(old or 0.0, score) if b"INCR" in flags else score
        last = _accepted(flags, old, new)
        if last is None:
            continue
        scores[member] = last
        added += old is None
        changed += old is not None and old != last
    if added or changed:
        database[key] = scores
    if b"INCR" in flags:
        return last
    return added + changed if b"CH" in flags else added


def _require_sense(flags: set[bytes], rest: list[bytes]) -> None:
    if not rest or len(rest) % 2:
        raise syntax_error()
    if {b"NX", b"XX"} <= flags:
        raise from_server("ERR XX and NX options at the same time are not compatible")
    if len(flags & {b"GT", b"LT", b"NX"}) > 1:
        raise from_server("ERR GT, LT, and/or NX options at the same time are not compatible")
    if b"INCR" in flags and len(rest) > 2:
        raise from_server("ERR INCR option supports a single increment-element pair")


def _accepted(flags: set[bytes], old: float | None, new: float) -> float | None:
    """*new* if GT and LT allow it in place of *old*, otherwise None."""
    if old is None:
        return new
    refused = (b"GT" in flags and new <= old) or (b"LT" in flags and new >= old)
    return None if refused else new


def _sum(old: float, amount: float) -> float:
    total = old + amount
    if math.isnan(total):
        raise from_server("ERR resulting score is not a number (NaN)")
    return total


def _zincrby(database: Database, words: Words) -> Answer:
    key, word, member = words
    amount, scores = real(word), database.scores_of(key)
    total = _sum(scores.get(member, 0.0), amount)
    database[key] = SortedSet({**scores, member: total})
    return total


def _zrem(database: Database, words: Words) -> Answer:
    key, *unwanted = words
    return remove(database, key, unwanted)


def remove(database: Database, key: bytes, unwanted: list[bytes]) -> int:
    """The number of members that were there and are not any more."""
    scores = database.scores_of(key)
    left = SortedSet({each: score for each, score in scores.items() if each not in unwanted})
    if len(left) < len(scores):
        database.store(key, left)
    return len(scores) - len(left)


def _zscore(database: Database, words: Words) -> Answer:
    return database.scores_of(words[0]).get(words[1])


def _zmscore(database: Database, words: Words) -> Answer:
    scores = database.scores_of(words[0])
    return [scores.get(member) for member in words[1:]]


def _zcard(database: Database, words: Words) -> Answer:
    return len(database.scores_of(words[0]))


def _zrank(database: Database, words: Words, *, reverse: bool) -> Answer:
    key, member, *options = words
    if options and options[0].upper() != b"WITHSCORE":
        raise unknown_option("ZRANK", options[0])
    scores = database.scores_of(key)
    if member not in scores:
        return None
    order = [each for each, _ in scores.in_order()]
    rank = order.index(member)
    rank = len(order) - 1 - rank if reverse else rank
    return [rank, scores[member]] if options else rank


# -- the ends ---------------------------------------------------------------------------------------


def _taken(
    database: Database, key: bytes, count: int, *, highest: bool
) -> list[tuple[bytes, float]]:
    order = database.scores_of(key).in_order()
    taken = (order[::-1] if highest else order)[:count]
    remove(database, key, [member for member, _ in taken])
    return taken


def _zpop(database: Database, words: Words, *, highest: bool) -> Answer:
    key, *counts = words
    count = not_negative(counts[0]) if counts else 1
    taken = _taken(database, key, count, highest=highest)
    return Pairs(taken) if counts else [each for item in taken for each in item]


def _bzpop(database: Database, keys: Words, *, highest: bool) -> Answer:
    for key in keys:
        if database.scores_of(key):
            [(member, score)] = _taken(database, key, 1, highest=highest)
            return [key, member, score]
    return None


def _zmpop(database: Database, words: Words) -> Answer:
    keys, rest = keys_after_count(words, "ERR numkeys should be greater than 0")
    count = 1
    match [word.upper() for word in rest]:
        case [(b"MIN" | b"MAX") as end]:
            pass
        case [(b"MIN" | b"MAX") as end, b"COUNT", _]:
            count = positive(rest[2], "count")
        case _:
            raise syntax_error()
    for key in keys:
        if database.scores_of(key):
            taken = _taken(database, key, count, highest=end == b"MAX")
            return [key, [list(item) for item in taken]]
    return None


def _zscan(database: Database, words: Words) -> Answer:
    key, *rest = words

    def scores() -> list[tuple[bytes, bytes]]:
        order = database.scores_of(key).in_order()
        return [(member, number_text(score)) for member, score in order]

    return scan_pairs("ZSCAN", rest, b"NOSCORES", scores)


SORTED_SETS: Final[CommandTable] = {
    b"BZMPOP": waiting(_zmpop, 0, 4),
    b"BZPOPMAX": waiting(partial(_bzpop, highest=True), -1, 2),
    b"BZPOPMIN": waiting(partial(_bzpop, highest=False), -1, 2),
    b"ZADD": KnownCommand(_zadd, 3),
    b"ZCARD": exactly(1, _zcard),
    b"ZINCRBY": exactly(3, _zincrby),
    b"ZMPOP": KnownCommand(_zmpop, 3),
    b"ZMSCORE": KnownCommand(_zmscore, 2),
    b"ZPOPMAX": KnownCommand(partial(_zpop, highest=True), 1, 2),
    b"ZPOPMIN": KnownCommand(partial(_zpop, highest=False), 1, 2),
    b"ZRANK": KnownCommand(partial(_zrank, reverse=False), 2, 3),
    b"ZREM": KnownCommand(_zrem, 2),
    b"ZREVRANK": KnownCommand(partial(_zrank, reverse=True), 2, 3),
    b"ZSCAN": KnownCommand(_zscan, 2),
    b"ZSCORE": exactly(2, _zscore),
}
"""The commands on sorted sets, by name, except for those in the two files named above."""
