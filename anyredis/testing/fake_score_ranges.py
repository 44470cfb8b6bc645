"""Ranges of the sorted sets in memory: by rank, by score, and by member.

Law: each form of ZRANGE, the old ones too, is read into one `ZRange`, which is then selected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, SortedSet, Words
from anyredis.testing.fake_sorted_sets import remove
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    bounds,
    exactly,
    real,
    syntax_error,
    unknown_option,
    whole,
)
from anyredis.testing.resp import Answer, Pairs

By: TypeAlias = Literal["rank", "score", "member"]
Test: TypeAlias = Callable[[bytes, float], bool]


@dataclass
class ZRange:
    """A range as a command says it."""

    first: bytes
    last: bytes
    by: By = "rank"
    reverse: bool = False
    offset: int = 0
    count: int = -1
    limited: bool = False
    with_scores: bool = False

    def selected(self, scores: SortedSet) -> list[tuple[bytes, float]]:
        """The members in the range with their scores, in its order."""
        order = scores.in_order()
        if self.reverse:
            order.reverse()
        if self.by == "rank":
            start, stop = bounds(len(order), whole(self.first), whole(self.last))
            return order[start:stop]
        low, high = (self.last, self.first) if self.reverse else (self.first, self.last)
        inside = _between_scores(low, high) if self.by == "score" else _between_members(low, high)
        found = [item for item in order if inside(*item)]
        if self.offset < 0:
            return []
        return found[self.offset :] if self.count < 0 else found[self.offset :][: self.count]

    def require_sense(self) -> None:
        """Raise for ends that are none, also if there is nothing to select."""
        if self.limited and self.by == "rank":
            raise from_server(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or "
                "BYLEX"
            )
        if self.with_scores and self.by == "member":
            raise from_server(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
            )
        self.selected(SortedSet())


def _score_end(word: bytes) -> tuple[float, bool]:
    """A score, and whether it is excluded."""
    excluded = word.startswith(b"(")
    return real(word[excluded:], "ERR min or max is not a float"), excluded


def _between_scores(low: bytes, high: bytes) -> Test:
    (least, open_below), (most, open_above) = _score_end(low), _score_end(high)

    def inside(_member: bytes, score: float) -> bool:
        above = score > least if open_below else score >= least
        return above and (score < most if open_above else score <= most)

    return inside


def _between_members(low: bytes, high: bytes) -> Test:
    for word in (low, high):
        if word not in {b"-", b"+"} and not word.startswith((b"[", b"(")):
            raise from_server("ERR min or max not valid string range item")

    def inside(member: bytes, _score: float) -> bool:
        below = low == b"-" or (low != b"+" and _beyond(member, low))
        return below and (high == b"+" or (high != b"-" and _before(member, high)))

    return inside


def _beyond(member: bytes, low: bytes) -> bool:
    return member > low[1:] if low.startswith(b"(") else member >= low[1:]


def _before(member: bytes, high: bytes) -> bool:
    return member < high[1:] if high.startswith(b"(") else member <= high[1:]


# -- commands -----------------------------------------------------------------------------------


def _parsed(
    words: list[bytes], command: str, by: By | None, *, reverse: bool, stores: bool = False
) -> ZRange:
    """The range of *words*; *by* is None for ZRANGE and ZRANGESTORE, which say it themselves."""
    found = ZRange(words[0], words[1], by or "rank", reverse)
    rest = words[2:]
    while rest:
        option = rest.pop(0).upper()
        if option == b"WITHSCORES" and not stores:
            found.with_scores = True
        elif option == b"LIMIT" and len(rest) >= 2:
            found.offset, found.count = whole(rest.pop(0)), whole(rest.pop(0))
            found.limited = True
        elif by is None and option == b"BYSCORE":
            found.by = "score"
        elif by is None and option == b"BYLEX":
            found.by = "member"
        elif by is None and option == b"REV":
            found.reverse = True
        elif option in {b"LIMIT", b"WITHSCORES"}:
            raise syntax_error()
        else:
            raise unknown_option(command, option)
    found.require_sense()
    return found


def _zrange(
    database: Database, words: Words, *, command: str, by: By | None = None, reverse: bool = False
) -> Answer:
    key, *rest = words
    wanted = _parsed(rest, command, by, reverse=reverse)
    found = wanted.selected(database.scores_of(key))
    return Pairs(found) if wanted.with_scores else [member for member, _ in found]


def _zrangestore(database: Database, words: Words) -> Answer:
    target, source, *rest = words
    wanted = _parsed(rest, "ZRANGESTORE", None, reverse=False, stores=True)
    found = wanted.selected(database.scores_of(source))
    return database.replace(target, SortedSet(dict(found)))


def _zcount(database: Database, words: Words, *, by: By) -> Answer:
    wanted = ZRange(words[1], words[2], by)
    wanted.require_sense()
    return len(wanted.selected(database.scores_of(words[0])))


def _zremrange(database: Database, words: Words, *, by: By) -> Answer:
    wanted = ZRange(words[1], words[2], by)
    wanted.require_sense()
    found = wanted.selected(database.scores_of(words[0]))
    return remove(database, words[0], [member for member, _ in found])


def _old(command: str, by: By, *, reverse: bool) -> KnownCommand:
    return KnownCommand(partial(_zrange, command=command, by=by, reverse=reverse), 3)


SCORE_RANGES: Final[CommandTable] = {
    b"ZCOUNT": exactly(3, partial(_zcount, by="score")),
    b"ZLEXCOUNT": exactly(3, partial(_zcount, by="member")),
    b"ZRANGE": KnownCommand(partial(_zrange, command="ZRANGE"), 3),
    b"ZRANGEBYLEX": _old("ZRANGEBYLEX", "member", reverse=False),
    b"ZRANGEBYSCORE": _old("ZRANGEBYSCORE", "score", reverse=False),
    b"ZRANGESTORE": KnownCommand(_zrangestore, 4),
    b"ZREMRANGEBYLEX": exactly(3, partial(_zremrange, by="member")),
    b"ZREMRANGEBYRANK": exactly(3, partial(_zremrange, by="rank")),
    b"ZREMRANGEBYSCORE": exactly(3, partial(_zremrange, by="score")),
    b"ZREVRANGE": _old("ZREVRANGE", "rank", reverse=True),
    b"ZREVRANGEBYLEX": _old("ZREVRANGEBYLEX", "member", reverse=True),
    b"ZREVRANGEBYSCORE": _old("ZREVRANGEBYSCORE", "score", reverse=True),
}
"""The commands on ranges of sorted sets, by name."""
