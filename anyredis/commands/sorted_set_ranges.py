"""Sorted sets: ranges by rank, score or name, and unions, intersections and differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.group import Group, at_least_one, choice, flags, only_one
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer
from anyredis.wire.encode import Key, Value

ScoreBound: TypeAlias = float | str
"""A score; as text also without the score itself, `"(1"`, or open, `"-inf"` and `"+inf"`."""

LexBound: TypeAlias = bytes | str
"""A name after `[` (with) or `(` (without it), or open: `-` and `+`."""

Aggregate: TypeAlias = Literal["SUM", "MIN", "MAX", "COUNT", "sum", "min", "max", "count"]
"""How the scores of a member in several sets become one; COUNT adds weights alone (Redis 8.8)."""


class SortedSetRanges(Group[S]):
    """The commands on ranges of a sorted set, and on several sorted sets."""

    @command
    def zcount(self, key: Key, min: ScoreBound, max: ScoreBound) -> Command[int]:
        """How many members have a score from *min* to *max*."""
        return Command((b"ZCOUNT", key, min, max), integer)

    @command
    def zdiff(self, *keys: Key) -> Command[list[S]]:
        """The members of the first of *keys* that are in none of the others."""
        at_least_one("ZDIFF", "keys", keys)
        return Command((b"ZDIFF", len(keys), *keys), self.read.texts)

    @command
    def zdiff_with_scores(self, *keys: Key) -> Command[list[tuple[S, float]]]:
        """What `zdiff` gives, with scores."""
        at_least_one("ZDIFF", "keys", keys)
        return Command((b"ZDIFF", len(keys), *keys, b"WITHSCORES"), self.read.scored)

    @command
    def zdiffstore(self, dest: Key, *keys: Key) -> Command[int]:
        """How many members `zdiff` found and stored at *dest*."""
        at_least_one("ZDIFFSTORE", "keys", keys)
        return Command((b"ZDIFFSTORE", dest, len(keys), *keys), integer)

    @command
    def zinter(
        self,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[list[S]]:
        """The members that are in all of *keys*, by their aggregated scores.

        *weights* has a factor for the scores of each key.
        """
        words = _combined("ZINTER", keys, weights, aggregate)
        return Command((b"ZINTER", *words), self.read.texts)

    @command
    def zinter_with_scores(
        self,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """What `zinter` gives, with scores."""
        words = _combined("ZINTER", keys, weights, aggregate)
        return Command((b"ZINTER", *words, b"WITHSCORES"), self.read.scored)

    @command
    def zintercard(self, *keys: Key, limit: int = 0) -> Command[int]:
        """How many members `zinter` would give, counted up to *limit* (0: to the end).

        Server 7.0.
        """
        at_least_one("ZINTERCARD", "keys", keys)
        most: tuple[Value, ...] = () if limit == 0 else (b"LIMIT", limit)
        return Command((b"ZINTERCARD", len(keys), *keys, *most), integer)

    @command
    def zinterstore(
        self,
        dest: Key,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[int]:
        """How many members `zinter` found and stored at *dest*."""
        words = _combined("ZINTERSTORE", keys, weights, aggregate)
        return Command((b"ZINTERSTORE", dest, *words), integer)

    @command
    def zlexcount(self, key: Key, min: LexBound, max: LexBound) -> Command[int]:
        """How many members are named *min* to *max*, where all have the same score."""
        return Command((b"ZLEXCOUNT", key, min, max), integer)

    @command
    def zrange(
        self,
        key: Key,
        start: ScoreBound | LexBound,
        end: ScoreBound | LexBound,
        *,
        desc: bool = False,
        byscore: bool = False,
        bylex: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> Command[list[S]]:
        """The members from *start* to *end*: ranks, inclusive and negative from the end.

        With *byscore* both are scores, with *bylex* names, and *offset* and *num* pick from the
        result.  With *desc* the order is from high to low, and *start* is the highest.
        """
        words = _range("ZRANGE", byscore=byscore, bylex=bylex, desc=desc, offset=offset, num=num)
        return Command((b"ZRANGE", key, start, end, *words), self.read.texts)

    @command
    def zrange_with_scores(
        self,
        key: Key,
        start: ScoreBound,
        end: ScoreBound,
        *,
        desc: bool = False,
        byscore: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """What `zrange` gives, with scores; no server does that by names."""
        words = _range("ZRANGE", byscore=byscore, desc=desc, offset=offset, num=num)
        return Command((b"ZRANGE", key, start, end, *words, b"WITHSCORES"), self.read.scored)

    @command
    def zrangebylex(
        self,
        key: Key,
        min: LexBound,
        max: LexBound,
        *,
        start: int | None = None,
        num: int | None = None,
    ) -> Command[list[S]]:
        """The members named *min* to *max*, *num* of them from *start* on; prefer `zrange`."""
        words = _limit("ZRANGEBYLEX", start=start, num=num)
        return Command((b"ZRANGEBYLEX", key, min, max, *words), self.read.texts)

    @command
    def zrangebyscore(
        self,
        key: Key,
        min: ScoreBound,
        max: ScoreBound,
        *,
        start: int | None = None,
        num: int | None = None,
    ) -> Command[list[S]]:
        """The members of scores *min* to *max*, *num* of them from *start* on; prefer `zrange`."""
        words = _limit("ZRANGEBYSCORE", start=start, num=num)
        return Command((b"ZRANGEBYSCORE", key, min, max, *words), self.read.texts)

    @command
    def zrangebyscore_with_scores(
        self,
        key: Key,
        min: ScoreBound,
        max: ScoreBound,
        *,
        start: int | None = None,
        num: int | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """What `zrangebyscore` gives, with scores; prefer `zrange_with_scores`."""
        words = (*_limit("ZRANGEBYSCORE", start=start, num=num), b"WITHSCORES")
        return Command((b"ZRANGEBYSCORE", key, min, max, *words), self.read.scored)

    @command
    def zrangestore(
        self,
        dest: Key,
        key: Key,
        start: ScoreBound | LexBound,
        end: ScoreBound | LexBound,
        *,
        byscore: bool = False,
        bylex: bool = False,
        desc: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> Command[int]:
        """How many members `zrange` found and stored, with their scores, at *dest*."""
        words = _range(
            "ZRANGESTORE", byscore=byscore, bylex=bylex, desc=desc, offset=offset, num=num
        )
        return Command((b"ZRANGESTORE", dest, key, start, end, *words), integer)

    @command
    def zremrangebylex(self, key: Key, min: LexBound, max: LexBound) -> Command[int]:
        """How many members named *min* to *max* were removed; all need the same score."""
        return Command((b"ZREMRANGEBYLEX", key, min, max), integer)

    @command
    def zremrangebyrank(self, key: Key, min: int, max: int) -> Command[int]:
        """How many members of ranks *min* to *max* (negative from the end) were removed."""
        return Command((b"ZREMRANGEBYRANK", key, min, max), integer)

    @command
    def zremrangebyscore(self, key: Key, min: ScoreBound, max: ScoreBound) -> Command[int]:
        """How many members of scores *min* to *max* were removed."""
        return Command((b"ZREMRANGEBYSCORE", key, min, max), integer)

    @command
    def zrevrange(self, key: Key, start: int, end: int) -> Command[list[S]]:
        """What `zrange` gives with *desc*, under its old name."""
        return Command((b"ZREVRANGE", key, start, end), self.read.texts)

    @command
    def zrevrange_with_scores(
        self, key: Key, start: int, end: int
    ) -> Command[list[tuple[S, float]]]:
        """What `zrange_with_scores` gives with *desc*, under its old name."""
        return Command((b"ZREVRANGE", key, start, end, b"WITHSCORES"), self.read.scored)

    @command
    def zrevrangebylex(
        self,
        key: Key,
        max: LexBound,
        min: LexBound,
        *,
        start: int | None = None,
        num: int | None = None,
    ) -> Command[list[S]]:
        """What `zrangebylex` gives, the last name first; prefer `zrange` with *desc*."""
        words = _limit("ZREVRANGEBYLEX", start=start, num=num)
        return Command((b"ZREVRANGEBYLEX", key, max, min, *words), self.read.texts)

    @command
    def zrevrangebyscore(
        self,
        key: Key,
        max: ScoreBound,
        min: ScoreBound,
        *,
        start: int | None = None,
        num: int | None = None,
    ) -> Command[list[S]]:
        """What `zrangebyscore` gives, the highest score first; prefer `zrange` with *desc*."""
        words = _limit("ZREVRANGEBYSCORE", start=start, num=num)
        return Command((b"ZREVRANGEBYSCORE", key, max, min, *words), self.read.texts)

    @command
    def zrevrangebyscore_with_scores(
        self,
        key: Key,
        max: ScoreBound,
        min: ScoreBound,
        *,
        start: int | None = None,
        num: int | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """What `zrevrangebyscore` gives, with scores."""
        words = (*_limit("ZREVRANGEBYSCORE", start=start, num=num), b"WITHSCORES")
        return Command((b"ZREVRANGEBYSCORE", key, max, min, *words), self.read.scored)

    @command
    def zunion(
        self,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[list[S]]:
        """The members that are in any of *keys*, by their aggregated scores.

        *weights* has a factor for the scores of each key.
        """
        words = _combined("ZUNION", keys, weights, aggregate)
        return Command((b"ZUNION", *words), self.read.texts)

    @command
    def zunion_with_scores(
        self,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """What `zunion` gives, with scores."""
        words = _combined("ZUNION", keys, weights, aggregate)
        return Command((b"ZUNION", *words, b"WITHSCORES"), self.read.scored)

    @command
    def zunionstore(
        self,
        dest: Key,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[int]:
        """How many members `zunion` found and stored at *dest*."""
        words = _combined("ZUNIONSTORE", keys, weights, aggregate)
        return Command((b"ZUNIONSTORE", dest, *words), integer)


def _range(
    command: str,
    *,
    byscore: bool,
    desc: bool,
    offset: int | None,
    num: int | None,
    bylex: bool = False,
) -> tuple[Value, ...]:
    """The words that say what the bounds of a range are, its order, and which part of it."""
    only_one(command, byscore=byscore, bylex=bylex)
    limit = _limit(command, offset=offset, num=num)
    if limit and not byscore and not bylex:
        msg = f"{command}: offset and num go with byscore or bylex; ranks are bounds already"
        raise DataValueError(msg)
    return (*flags(byscore=byscore, bylex=bylex, rev=desc), *limit)


def _limit(command: str, **part: int | None) -> tuple[Value, ...]:
    """The words for a part of a result: where it starts and how many, given both or neither."""
    given = [value for value in part.values() if value is not None]
    if not given:
        return ()
    if len(given) != len(part):
        msg = f"{command}: {' and '.join(part)} go together: give both"
        raise DataValueError(msg)
    return (b"LIMIT", *given)


def _combined(
    command: str,
    keys: tuple[Key, ...],
    weights: Sequence[float] | None,
    aggregate: Aggregate | None,
) -> tuple[Value, ...]:
    """The words of a union or intersection after its name and destination."""
    at_least_one(command, "keys", keys)
    words: tuple[Value, ...] = (len(keys), *keys)
    if weights is not None:
        if len(weights) != len(keys):
            msg = f"{command}: {len(weights)} weights for {len(keys)} keys: give one for each"
            raise DataValueError(msg)
        words = (*words, b"WEIGHTS", *weights)
    if aggregate is not None:
        how = choice(command, "aggregate", aggregate, "SUM", "MIN", "MAX", "COUNT")
        words = (*words, b"AGGREGATE", how)
    return words
