"""Several sorted sets: their unions, intersections and differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group, choice
from anyredis.commands.several import SomeKeys, Weights, keys_of, weighted
from anyredis.replies import S, integer
from anyredis.wire.encode import Key, Value

Aggregate: TypeAlias = Literal["SUM", "MIN", "MAX", "COUNT", "sum", "min", "max", "count"]
"""The function that joins a member's scores in several sets; COUNT adds weights (Redis 8.8)."""


class SortedSetCombinations(Group[S]):
    """The commands that combine several sorted sets."""

    @command
    def zdiff(self, keys: SomeKeys) -> Command[list[S]]:
        """The members of the first of *keys* that are in none of the other keys.

        ZDIFF numkeys key [key …]. Server 6.2. O(L + (N-K)log(N)) worst case.
        """
        return Command((b"ZDIFF", *_counted("ZDIFF", keys)), self.read.texts)

    @command
    def zdiff_with_scores(self, keys: SomeKeys) -> Command[list[tuple[S, float]]]:
        """Like `zdiff`, each member with its score.

        ZDIFF numkeys key [key …] WITHSCORES. Server 6.2. O(L + (N-K)log(N)) worst case.
        """
        return Command((b"ZDIFF", *_counted("ZDIFF", keys), b"WITHSCORES"), self.read.scored)

    @command
    def zdiffstore(self, dest: Key, keys: SomeKeys) -> Command[int]:
        """The number of members in the reply of `zdiff`, which is stored at *dest*.

        ZDIFFSTORE dest numkeys key [key …]. Server 6.2. O(L + (N-K)log(N)) worst case.
        """
        return Command((b"ZDIFFSTORE", dest, *_counted("ZDIFFSTORE", keys)), integer)

    @command
    def zinter(
        self,
        keys: SomeKeys | Weights,
        *,
        aggregate: Aggregate | None = None,
        weights: Sequence[float] | None = None,
    ) -> Command[list[S]]:
        """The members that are in all of *keys*, in the order of their aggregated scores.

        *keys* may be a mapping of keys to the factors for their scores; *weights* has the factors
        in the order of a list of keys.
        ZINTER numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …].
        Server 6.2. O(N*K)+O(M*log(M)) worst case.
        """
        words = _combined("ZINTER", keys, weights, aggregate)
        return Command((b"ZINTER", *words), self.read.texts)

    @command
    def zinter_with_scores(
        self,
        keys: SomeKeys | Weights,
        *,
        aggregate: Aggregate | None = None,
        weights: Sequence[float] | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """Like `zinter`, each member with its score.

        ZINTER numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …] WITHSCORES.
        Server 6.2. O(N*K)+O(M*log(M)) worst case.
        """
        words = _combined("ZINTER", keys, weights, aggregate)
        return Command((b"ZINTER", *words, b"WITHSCORES"), self.read.scored)

    @command
    def zintercard(self, keys: SomeKeys, *, limit: Count = 0) -> Command[int]:
        """The number of members in the reply of `zinter`, counted up to *limit* (0: to the end).

        ZINTERCARD numkeys key [key …] [LIMIT n]. Server 7.0. O(N*K) worst case.
        """
        most: tuple[Value, ...] = () if limit == 0 else (b"LIMIT", limit)
        return Command((b"ZINTERCARD", *_counted("ZINTERCARD", keys), *most), integer)

    @command
    def zinterstore(
        self,
        dest: Key,
        keys: SomeKeys | Weights,
        *,
        aggregate: Aggregate | None = None,
        weights: Sequence[float] | None = None,
    ) -> Command[int]:
        """The number of members in the reply of `zinter`, which is stored at *dest*.

        ZINTERSTORE dest numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …].
        Server 2.0. O(N*K)+O(M*log(M)) worst case.
        """
        words = _combined("ZINTERSTORE", keys, weights, aggregate)
        return Command((b"ZINTERSTORE", dest, *words), integer)

    @command
    def zunion(
        self,
        keys: SomeKeys | Weights,
        *,
        aggregate: Aggregate | None = None,
        weights: Sequence[float] | None = None,
    ) -> Command[list[S]]:
        """The members that are in any of *keys*, in the order of their aggregated scores.

        *keys* may be a mapping of keys to the factors for their scores; *weights* has the factors
        in the order of a list of keys.
        ZUNION numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …]. Server 6.2. O(N)+O(M*log(M)).
        """
        words = _combined("ZUNION", keys, weights, aggregate)
        return Command((b"ZUNION", *words), self.read.texts)

    @command
    def zunion_with_scores(
        self,
        keys: SomeKeys | Weights,
        *,
        aggregate: Aggregate | None = None,
        weights: Sequence[float] | None = None,
    ) -> Command[list[tuple[S, float]]]:
        """Like `zunion`, each member with its score.

        ZUNION numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …] WITHSCORES.
        Server 6.2. O(N)+O(M*log(M)).
        """
        words = _combined("ZUNION", keys, weights, aggregate)
        return Command((b"ZUNION", *words, b"WITHSCORES"), self.read.scored)

    @command
    def zunionstore(
        self,
        dest: Key,
        keys: SomeKeys | Weights,
        *,
        aggregate: Aggregate | None = None,
        weights: Sequence[float] | None = None,
    ) -> Command[int]:
        """The number of members in the reply of `zunion`, which is stored at *dest*.

        ZUNIONSTORE dest numkeys key [key …] [WEIGHTS factor …] [AGGREGATE …].
        Server 2.0. O(N)+O(M log(M)).
        """
        words = _combined("ZUNIONSTORE", keys, weights, aggregate)
        return Command((b"ZUNIONSTORE", dest, *words), integer)


def _counted(command: str, keys: SomeKeys) -> tuple[Value, ...]:
    names = keys_of(command, keys)
    return (len(names), *names)


def _combined(
    command: str,
    keys: SomeKeys | Weights,
    weights: Sequence[float] | None,
    aggregate: Aggregate | None,
) -> tuple[Value, ...]:
    """The words of a union or intersection after its name and destination."""
    words = weighted(command, keys, weights)
    if aggregate is not None:
        how = choice(command, "aggregate", aggregate, "SUM", "MIN", "MAX", "COUNT")
        words = (*words, b"AGGREGATE", how)
    return words
