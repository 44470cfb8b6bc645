"""Sorted sets: ranges by rank, by score or by name."""

from __future__ import annotations

from typing import TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import rank_bounds
from anyredis.commands.group import Group, flags, only_one
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer
from anyredis.wire.encode import Key, Value

ScoreBound: TypeAlias = float | str
"""A score; as text also without the score itself, `"(1"`, or open, `"-inf"` and `"+inf"`."""

LexBound: TypeAlias = bytes | str
"""A name after `[` (with) or `(` (without it), or open: `-` and `+`."""


class SortedSetRanges(Group[S]):
    """The commands on ranges of a sorted set; several sets are for `SortedSetCombinations`."""

    @command
    def zcount(self, key: Key, min: ScoreBound, max: ScoreBound) -> Command[int]:
        """The number of members with a score from *min* to *max*.

        ZCOUNT key min max. Server 2.0. O(log(N)).
        """
        return Command((b"ZCOUNT", key, min, max), integer)

    @command
    def zlexcount(self, key: Key, min: LexBound, max: LexBound) -> Command[int]:
        """The number of members named *min* to *max*, in a sorted set with one score for all.

        ZLEXCOUNT key min max. Server 2.8.9. O(log(N)).
        """
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

        With *byscore* both are scores, with *bylex* names, and *offset* and *num* select a part of
        the result.  With *desc* the order is from high to low, and *start* is the highest.  These
        options need server 6.2.
        ZRANGE key start end [BYSCORE | BYLEX] [REV] [LIMIT offset num]. Server 1.2. O(log(N)+M).
        """
        words = _range(
            "ZRANGE", start, end, byscore=byscore, bylex=bylex, desc=desc, offset=offset, num=num
        )
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
        """Like `zrange`, each member with its score; servers refuse that for ranges of names.

        ZRANGE key start end [BYSCORE] [REV] [LIMIT offset num] WITHSCORES. Server 1.2. O(log(N)+M).
        """
        words = _range("ZRANGE", start, end, byscore=byscore, desc=desc, offset=offset, num=num)
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
        """The members named *min* to *max*, *num* of them from *start* on; prefer `zrange`.

        ZRANGEBYLEX key min max [LIMIT start num]. Server 2.8.9. O(log(N)+M).
        """
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
        """The members of scores *min* to *max*, *num* of them from *start* on; prefer `zrange`.

        ZRANGEBYSCORE key min max [LIMIT start num]. Server 1.0.5. O(log(N)+M).
        """
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
        """Like `zrangebyscore`, each member with its score; prefer `zrange_with_scores`.

        ZRANGEBYSCORE key min max [LIMIT start num] WITHSCORES. Server 2.0. O(log(N)+M).
        """
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
        """The number of members in the reply of `zrange`, which is stored with scores at *dest*.

        ZRANGESTORE dest key start end [BYSCORE | BYLEX] [REV] [LIMIT offset num].
        Server 6.2. O(log(N)+M).
        """
        words = _range(
            *("ZRANGESTORE", start, end),
            byscore=byscore,
            bylex=bylex,
            desc=desc,
            offset=offset,
            num=num,
        )
        return Command((b"ZRANGESTORE", dest, key, start, end, *words), integer)

    @command
    def zremrangebylex(self, key: Key, min: LexBound, max: LexBound) -> Command[int]:
        """The number of removed members named *min* to *max*; all members need the same score.

        ZREMRANGEBYLEX key min max. Server 2.8.9. O(log(N)+M).
        """
        return Command((b"ZREMRANGEBYLEX", key, min, max), integer)

    @command
    def zremrangebyrank(self, key: Key, min: int, max: int) -> Command[int]:
        """The number of removed members of ranks *min* to *max* (negative from the end).

        ZREMRANGEBYRANK key min max. Server 2.0. O(log(N)+M).
        """
        return Command((b"ZREMRANGEBYRANK", key, min, max), integer)

    @command
    def zremrangebyscore(self, key: Key, min: ScoreBound, max: ScoreBound) -> Command[int]:
        """The number of removed members of scores *min* to *max*.

        ZREMRANGEBYSCORE key min max. Server 1.2. O(log(N)+M).
        """
        return Command((b"ZREMRANGEBYSCORE", key, min, max), integer)

    @command
    def zrevrange(self, key: Key, start: int, end: int) -> Command[list[S]]:
        """The reply of `zrange` with *desc*, by its old name.

        ZREVRANGE key start end. Server 1.2. O(log(N)+M).
        """
        return Command((b"ZREVRANGE", key, start, end), self.read.texts)

    @command
    def zrevrange_with_scores(
        self, key: Key, start: int, end: int
    ) -> Command[list[tuple[S, float]]]:
        """The reply of `zrange_with_scores` with *desc*, by its old name.

        ZREVRANGE key start end WITHSCORES. Server 1.2. O(log(N)+M).
        """
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
        """The reply of `zrangebylex`, the last name first; prefer `zrange` with *desc*.

        ZREVRANGEBYLEX key max min [LIMIT start num]. Server 2.8.9. O(log(N)+M).
        """
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
        """The reply of `zrangebyscore`, the highest score first; prefer `zrange` with *desc*.

        ZREVRANGEBYSCORE key max min [LIMIT start num]. Server 2.2. O(log(N)+M).
        """
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
        """Like `zrevrangebyscore`, each member with its score.

        ZREVRANGEBYSCORE key max min [LIMIT start num] WITHSCORES. Server 2.2. O(log(N)+M).
        """
        words = (*_limit("ZREVRANGEBYSCORE", start=start, num=num), b"WITHSCORES")
        return Command((b"ZREVRANGEBYSCORE", key, max, min, *words), self.read.scored)


def _range(
    command: str,
    start: ScoreBound | LexBound,
    end: ScoreBound | LexBound,
    *,
    byscore: bool,
    desc: bool,
    offset: int | None,
    num: int | None,
    bylex: bool = False,
) -> tuple[Value, ...]:
    """The words for the kind of bounds of a range, its order, and its part."""
    if byscore or bylex:
        only_one(command, byscore=byscore, bylex=bylex)
    elif not (type(start) is type(end) is int):  # most of the time they are
        rank_bounds(command, start=start, end=end)
    if offset is num is None and not (byscore or bylex):
        return (b"REV",) if desc else ()
    limit = _limit(command, offset=offset, num=num)
    if limit and not byscore and not bylex:
        msg = f"{command}: offset and num go with byscore or bylex; ranks are bounds already"
        raise DataValueError(msg)
    return (*flags(byscore=byscore, bylex=bylex, rev=desc), *limit)


def _limit(command: str, **part: int | None) -> tuple[Value, ...]:
    """The words for a part of a result: offset and number, both given or neither."""
    given = [value for value in part.values() if value is not None]
    if not given:
        return ()
    if len(given) != len(part):
        msg = f"{command}: {' and '.join(part)} go together: give both"
        raise DataValueError(msg)
    return (b"LIMIT", *given)
