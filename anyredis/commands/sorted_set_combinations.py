"""Several sorted sets: their unions, intersections and differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import number
from anyredis.commands.group import Group, at_least_one, choice
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer
from anyredis.wire.encode import Key, Value

Aggregate: TypeAlias = Literal["SUM", "MIN", "MAX", "COUNT", "sum", "min", "max", "count"]
"""The function that joins a member's scores in several sets; COUNT adds weights (Redis 8.8)."""


class SortedSetCombinations(Group[S]):
    """The commands that combine several sorted sets."""

    @command
    def zdiff(self, *keys: Key) -> Command[list[S]]:
        """The members of the first of *keys* that are in none of the other keys.

        ZDIFF numkeys key [key …]. Server 6.2.
        """
        at_least_one("ZDIFF", "keys", keys)
        return Command((b"ZDIFF", len(keys), *keys), self.read.texts)

    @command
    def zdiff_with_scores(self, *keys: Key) -> Command[list[tuple[S, float]]]:
        """Like `zdiff`, each member with its score.

        ZDIFF numkeys key [key …] WITHSCORES. Server 6.2.
        """
        at_least_one("ZDIFF", "keys", keys)
        return Command((b"ZDIFF", len(keys), *keys, b"WITHSCORES"), self.read.scored)

    @command
    def zdiffstore(self, dest: Key, *keys: Key) -> Command[int]:
        """The number of members in the reply of `zdiff`, which is stored at *dest*.

        ZDIFFSTORE dest numkeys key [key …]. Server 6.2.
        """
        at_least_one("ZDIFFSTORE", "keys", keys)
        return Command((b"ZDIFFSTORE", dest, len(keys), *keys), integer)

    @command
    def zinter(
        self,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[list[S]]:
        """The members that are in all of *keys*, in the order of their aggregated scores.

        *weights* has a factor for the scores of each key.
        ZINTER numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …]. Server 6.2.
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
        """Like `zinter`, each member with its score.

        ZINTER numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …] WITHSCORES. Server 6.2.
        """
        words = _combined("ZINTER", keys, weights, aggregate)
        return Command((b"ZINTER", *words, b"WITHSCORES"), self.read.scored)

    @command
    def zintercard(self, *keys: Key, limit: int = 0) -> Command[int]:
        """The number of members in the reply of `zinter`, counted up to *limit* (0: to the end).

        ZINTERCARD numkeys key [key …] [LIMIT n]. Server 7.0.
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
        """The number of members in the reply of `zinter`, which is stored at *dest*.

        ZINTERSTORE dest numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …]. Server 2.0.
        """
        words = _combined("ZINTERSTORE", keys, weights, aggregate)
        return Command((b"ZINTERSTORE", dest, *words), integer)

    @command
    def zunion(
        self,
        *keys: Key,
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> Command[list[S]]:
        """The members that are in any of *keys*, in the order of their aggregated scores.

        *weights* has a factor for the scores of each key.
        ZUNION numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …]. Server 6.2.
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
        """Like `zunion`, each member with its score.

        ZUNION numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …] WITHSCORES. Server 6.2.
        """
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
        """The number of members in the reply of `zunion`, which is stored at *dest*.

        ZUNIONSTORE dest numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …]. Server 2.0.
        """
        words = _combined("ZUNIONSTORE", keys, weights, aggregate)
        return Command((b"ZUNIONSTORE", dest, *words), integer)


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
        for index, weight in enumerate(weights):
            number(f"{command}: weights[{index}]", weight)
        words = (*words, b"WEIGHTS", *weights)
    if aggregate is not None:
        how = choice(command, "aggregate", aggregate, "SUM", "MIN", "MAX", "COUNT")
        words = (*words, b"AGGREGATE", how)
    return words
