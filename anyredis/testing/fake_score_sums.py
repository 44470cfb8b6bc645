"""Unions, intersections and differences of the sorted sets in memory.

Law: a set counts as a sorted set whose scores are 1; scores of one member are joined by AGGREGATE.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from anyredis.testing.data import Database, SortedSet, Words, wrong_type
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    keys_after_count,
    limit_after_keys,
    real,
    syntax_error,
    unknown_option,
)
from anyredis.testing.resp import Answer, Pairs

Joined: TypeAlias = Callable[[float, float], float]


def _plus(one: float, other: float) -> float:
    total = one + other
    return 0.0 if math.isnan(total) else total


def _times(one: float, other: float) -> float:
    product = one * other
    return 0.0 if math.isnan(product) else product


AGGREGATES: Final[dict[bytes, Joined]] = {b"SUM": _plus, b"MIN": min, b"MAX": max}


def _scores(database: Database, key: bytes) -> dict[bytes, float]:
    value = database.get(key)
    if value is None:
        return {}
    if isinstance(value, set):
        return dict.fromkeys(value, 1.0)
    if isinstance(value, SortedSet):
        return dict(value)
    raise wrong_type()


def _union(sources: Sequence[dict[bytes, float]], joined: Joined) -> dict[bytes, float]:
    total: dict[bytes, float] = {}
    for scores in sources:
        for member, score in scores.items():
            total[member] = joined(total[member], score) if member in total else score
    return total


def _intersection(sources: Sequence[dict[bytes, float]], joined: Joined) -> dict[bytes, float]:
    total = _union(sources, joined)
    return {each: score for each, score in total.items() if all(each in one for one in sources)}


def _difference(sources: Sequence[dict[bytes, float]], _joined: Joined) -> dict[bytes, float]:
    first, *others = sources
    return {each: s for each, s in first.items() if not any(each in one for one in others)}


Operation: TypeAlias = Callable[[Sequence[dict[bytes, float]], Joined], dict[bytes, float]]


def _combined(
    database: Database, words: Sequence[bytes], name: str, operation: Operation, *, stores: bool
) -> tuple[SortedSet, bool]:
    """The result, and whether WITHSCORES is wanted."""
    message = f"ERR at least 1 input key is needed for '{name.lower()}' command"
    keys, rest = keys_after_count(words, message)
    sources = [_scores(database, key) for key in keys]
    joined, weights, with_scores = AGGREGATES[b"SUM"], [1.0] * len(keys), False
    takes_weights = operation is not _difference
    while rest:
        option = rest.pop(0).upper()
        if option == b"WITHSCORES" and not stores:
            with_scores = True
        elif option == b"WEIGHTS" and takes_weights and len(rest) >= len(keys):
            weights = [real(word, "ERR weight value is not a float") for word in rest[: len(keys)]]
            del rest[: len(keys)]
        elif option == b"AGGREGATE" and takes_weights and rest:
            way = rest.pop(0).upper()
            if way not in AGGREGATES:
                raise unknown_option(f"{name} AGGREGATE", way)
            joined = AGGREGATES[way]
        elif option in {b"WITHSCORES", b"WEIGHTS", b"AGGREGATE"}:
            raise syntax_error()
        else:
            raise unknown_option(name, option)
    weighted = [
        {member: _times(score, weight) for member, score in scores.items()}
        for scores, weight in zip(sources, weights, strict=True)
    ]
    return SortedSet(operation(weighted, joined)), with_scores


def _combine(database: Database, words: Words, *, name: str, operation: Operation) -> Answer:
    found, with_scores = _combined(database, words, name, operation, stores=False)
    order = found.in_order()
    return Pairs(order) if with_scores else [member for member, _ in order]


def _combine_store(database: Database, words: Words, *, name: str, operation: Operation) -> Answer:
    target, *rest = words
    found, _ = _combined(database, rest, name, operation, stores=True)
    return database.replace(target, found)


def _limit(word: bytes) -> int:
    return int(real(word, "ERR LIMIT can't be negative"))


def _zintercard(database: Database, words: Words) -> Answer:
    keys, rest = keys_after_count(words, "ERR numkeys should be greater than 0")
    limit = limit_after_keys("ZINTERCARD", rest, _limit)
    count = len(_intersection([_scores(database, key) for key in keys], _plus))
    return min(count, limit) if limit else count


def _table() -> CommandTable:
    operations: dict[str, Operation] = {
        "ZUNION": _union,
        "ZINTER": _intersection,
        "ZDIFF": _difference,
    }
    table = {b"ZINTERCARD": KnownCommand(_zintercard, 2)}
    for name, operation in operations.items():
        run = partial(_combine, name=name, operation=operation)
        store = partial(_combine_store, name=f"{name}STORE", operation=operation)
        table[name.encode()] = KnownCommand(run, 2)
        table[f"{name}STORE".encode()] = KnownCommand(store, 3)
    return table


SCORE_SUMS: Final = _table()
"""The commands on several sorted sets, by name."""
