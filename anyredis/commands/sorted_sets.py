"""Sorted sets: unique members, each with a score, in the order of their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from operator import ne
from typing import Literal, NoReturn, TypeAlias

from anyredis.command import Command, blocking_command, command
from anyredis.commands.checks import Count, score
from anyredis.commands.group import Group, flags, flat, narrowed, only_one
from anyredis.commands.several import (
    SomeKeys,
    SomeValues,
    all_values,
    keys_of,
)
from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import (
    S,
    TextReaders,
    array,
    integer,
    integer_or_none,
    number,
    number_or_none,
    pair,
    triple,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

Scores: TypeAlias = Mapping[str, float] | Mapping[bytes, float] | Mapping[Key, float]
"""Members and their scores; a union, because the keys of a `Mapping` type do not widen."""

NUMBERS = frozenset((int, float))


class SortedSets(Group[S]):
    """The commands on members of sorted sets; ranges of them are in `SortedSetRanges`."""

    @blocking_command
    def bzmpop(
        self,
        keys: SomeKeys,
        timeout: float = 0,
        *,
        min: bool = False,
        max: bool = False,
        count: Count | None = None,
    ) -> Command[tuple[S, list[tuple[S, float]]] | None]:
        """The reply of `zmpop`, or None if no member came within *timeout*.

        *timeout* is in seconds; 0 waits forever.  Cancelling the call closes its connection;
        members popped at that very moment are lost.
        BZMPOP timeout numkeys key [key …] MIN|MAX [COUNT n]. Server 7.0. O(K) + O(M*log(N)).
        """
        words = (b"BZMPOP", timeout, *_end_of_first("BZMPOP", keys, count, min=min, max=max))
        return Command(words, self.read.keyed(self.read.scored))

    @blocking_command
    def bzpopmax(self, keys: SomeKeys, timeout: float = 0) -> Command[tuple[S, S, float] | None]:
        """The first of *keys* that has members, and its member of the highest score, removed.

        None if no member came within *timeout* seconds; 0 waits forever.  Cancelling the call
        closes its connection; a member popped at that very moment is lost.
        BZPOPMAX key [key …] timeout. Server 5.0. O(log(N)).
        """
        return Command((b"BZPOPMAX", *keys_of("BZPOPMAX", keys), timeout), _popped(self.read))

    @blocking_command
    def bzpopmin(self, keys: SomeKeys, timeout: float = 0) -> Command[tuple[S, S, float] | None]:
        """The first of *keys* that has members, and its member of the lowest score, removed.

        None if no member came within *timeout* seconds; 0 waits forever.  Cancelling the call
        closes its connection; a member popped at that very moment is lost.
        BZPOPMIN key [key …] timeout. Server 5.0. O(log(N)).
        """
        return Command((b"BZPOPMIN", *keys_of("BZPOPMIN", keys), timeout), _popped(self.read))

    @command
    def zadd(
        self,
        key: Key,
        mapping: Scores,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
        ch: bool = False,
        incr: Literal[False] = False,
    ) -> Command[int]:
        """The number of new members of *mapping*; with *ch* the number of new or changed ones.

        *nx* only adds, *xx* only updates (server 3.0.2); *gt* and *lt* only update to a higher or
        lower score (server 6.2).  For *incr*, which has another reply, there is `zadd_incr`.
        ZADD key [NX | XX] [GT | LT] [CH] score member [score member …].
        Server 1.2. O(log(N)) for each item added.
        """
        condition = _condition("ZADD", nx=nx, xx=xx, gt=gt, lt=lt)
        words = flat("ZADD", "mapping", mapping)
        if incr:
            _refuse_incr(len(words) // 2)
        members, scores = words[::2], words[1::2]
        if not NUMBERS.issuperset(map(type, scores)) or any(map(ne, scores, scores)):
            for member, value in zip(members, scores, strict=True):
                score(f"ZADD: mapping[{excerpt(member, 40)}]", value)
        data = chain.from_iterable(zip(scores, members, strict=True))
        return Command((b"ZADD", key, *condition, *flags(ch=ch), *data), integer)

    @command
    def zadd_incr(
        self,
        key: Key,
        member: Value,
        amount: float,
        *,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Command[float | None]:
        """The score of *member* after *amount* was added, or None: the condition was not met.

        A missing member counts from 0; conditions as for `zadd`.  Raises `ResponseError` if the
        result is no number: infinity minus infinity.
        ZADD key [NX | XX] [GT | LT] INCR amount member.
        Server 3.0.2. O(log(N)) for each item added.
        """
        condition = _condition("ZADD", nx=nx, xx=xx, gt=gt, lt=lt)
        return Command((b"ZADD", key, *condition, b"INCR", amount, member), number_or_none)

    @command
    def zcard(self, key: Key) -> Command[int]:
        """The number of members of the sorted set, 0 if there is none.

        ZCARD key. Server 1.2. O(1).
        """
        return Command((b"ZCARD", key), integer)

    @command
    def zincrby(self, key: Key, amount: float, value: Value) -> Command[float]:
        """The score of member *value* after *amount* was added; a missing one counts from 0.

        Raises `ResponseError` if the result is no number: infinity minus infinity.
        ZINCRBY key amount value. Server 1.2. O(log(N)).
        """
        return Command((b"ZINCRBY", key, amount, value), number)

    @command
    def zmpop(
        self, keys: SomeKeys, *, min: bool = False, max: bool = False, count: Count | None = None
    ) -> Command[tuple[S, list[tuple[S, float]]] | None]:
        """The first of *keys* that has members, and up to *count* (1) of them, removed.

        The members with the lowest scores with *min*, the highest with *max*: give one of both.
        None if all are empty.
        ZMPOP numkeys key [key …] MIN|MAX [COUNT n]. Server 7.0. O(K) + O(M*log(N)).
        """
        words = (b"ZMPOP", *_end_of_first("ZMPOP", keys, count, min=min, max=max))
        return Command(words, self.read.keyed(self.read.scored))

    @command
    def zmscore(self, key: Key, *members: SomeValues) -> Command[list[float | None]]:
        """The scores of *members* in their order, None for one that is not there.

        ZMSCORE key member [member …]. Server 6.2. O(N).
        """
        return Command((b"ZMSCORE", key, *all_values("ZMSCORE", "members", members)), _scores)

    @command
    def zpopmax(self, key: Key, count: Count | None = None) -> Command[list[tuple[S, float]]]:
        """Up to *count* (1) members with the highest scores, removed, the highest first.

        ZPOPMAX key [count]. Server 5.0. O(log(N)*M).
        """
        return Command((b"ZPOPMAX", key, *_count(count)), self.read.scored)

    @command
    def zpopmin(self, key: Key, count: Count | None = None) -> Command[list[tuple[S, float]]]:
        """Up to *count* (1) members with the lowest scores, removed, the lowest first.

        ZPOPMIN key [count]. Server 5.0. O(log(N)*M).
        """
        return Command((b"ZPOPMIN", key, *_count(count)), self.read.scored)

    @command
    def zrandmember(self, key: Key) -> Command[S | None]:
        """A random member, or None if there is no sorted set.

        ZRANDMEMBER key. Server 6.2. O(N).
        """
        return Command((b"ZRANDMEMBER", key), self.read.text_or_none)

    @command
    def zrandmember_many(self, key: Key, count: int) -> Command[list[S]]:
        """Up to *count* random members, each once.

        A negative *count* gives exactly that many, and some may come more than once.
        ZRANDMEMBER key count. Server 6.2. O(N).
        """
        return Command((b"ZRANDMEMBER", key, count), self.read.texts)

    @command
    def zrandmember_with_scores(self, key: Key, count: int) -> Command[list[tuple[S, float]]]:
        """Like `zrandmember_many`, each member with its score.

        ZRANDMEMBER key count WITHSCORES. Server 6.2. O(N).
        """
        return Command((b"ZRANDMEMBER", key, count, b"WITHSCORES"), self.read.scored)

    @command
    def zrank(self, key: Key, value: Value) -> Command[int | None]:
        """The rank of member *value*, 0 for the lowest score, or None if it is not there.

        ZRANK key value. Server 2.0. O(log(N)).
        """
        return Command((b"ZRANK", key, value), integer_or_none)

    @command
    def zrank_with_score(self, key: Key, value: Value) -> Command[tuple[int, float] | None]:
        """The rank of member *value* as by `zrank`, and its score.

        ZRANK key value WITHSCORE. Server 7.2. O(log(N)).
        """
        return Command((b"ZRANK", key, value, b"WITHSCORE"), _rank_and_score)

    @command
    def zrem(self, key: Key, *values: SomeValues) -> Command[int]:
        """The number of members *values* that existed and were removed.

        ZREM key value [value …]. Server 1.2. O(M*log(N)).
        """
        return Command((b"ZREM", key, *all_values("ZREM", "values", values)), integer)

    @command
    def zrevrank(self, key: Key, value: Value) -> Command[int | None]:
        """The rank of member *value*, 0 for the highest score, or None if it is not there.

        ZREVRANK key value. Server 2.0. O(log(N)).
        """
        return Command((b"ZREVRANK", key, value), integer_or_none)

    @command
    def zrevrank_with_score(self, key: Key, value: Value) -> Command[tuple[int, float] | None]:
        """The rank of member *value* as by `zrevrank`, and its score.

        ZREVRANK key value WITHSCORE. Server 7.2. O(log(N)).
        """
        return Command((b"ZREVRANK", key, value, b"WITHSCORE"), _rank_and_score)

    @command
    def zscan(
        self, key: Key, cursor: Count = 0, match: Key | None = None, count: Count | None = None
    ) -> Command[tuple[int, list[tuple[S, float]]]]:
        """The next cursor (0: the last page) and one page of members with their scores.

        *match* is a pattern for members.  *count* is the number of members that the server looks
        at, not the number that it gives: a page may be empty.  A member may come more than once if
        the sorted set changes meanwhile.
        ZSCAN key cursor [MATCH pattern] [COUNT n]. Server 2.8. O(1) for every call.
        """
        words = (b"ZSCAN", key, cursor, *narrowed(match, count))
        return Command(words, self.read.page(self.read.scored))

    @command
    def zscan_no_scores(
        self, key: Key, cursor: Count = 0, match: Key | None = None, count: Count | None = None
    ) -> Command[tuple[int, list[S]]]:
        """Like `zscan`, but the members only.

        ZSCAN key cursor [MATCH pattern] [COUNT n] NOSCORES. Valkey 8.0. O(1) for every call.
        """
        words = (b"ZSCAN", key, cursor, *narrowed(match, count), b"NOSCORES")
        return Command(words, self.read.page(self.read.texts))

    @command
    def zscore(self, key: Key, value: Value) -> Command[float | None]:
        """The score of member *value*, or None if it is not there.

        ZSCORE key value. Server 1.2. O(1).
        """
        return Command((b"ZSCORE", key, value), number_or_none)


def _condition(command: str, *, nx: bool, xx: bool, gt: bool, lt: bool) -> tuple[Value, ...]:
    """The words for the conditions that are given; *xx* goes with *gt* or *lt*."""
    if not (nx or xx or gt or lt):
        return ()  # most of the time
    only_one(command, nx=nx, xx=xx)
    only_one(command, nx=nx, gt=gt, lt=lt)
    return flags(nx=nx, xx=xx, gt=gt, lt=lt)


def _refuse_incr(members: int) -> NoReturn:
    amount = "one member only" if members == 1 else f"one member only, not {members}"
    raise DataValueError(
        f"ZADD: incr=True takes {amount}, and has another reply: write "
        "zadd_incr(key, member, amount)"
    )


def _end_of_first(
    command: str, keys: SomeKeys, count: int | None, *, min: bool, max: bool
) -> tuple[Value, ...]:
    """The words of ZMPOP after its name and timeout."""
    names = keys_of(command, keys)
    only_one(command, min=min, max=max)
    if not min and not max:
        msg = f"{command}: which end to pop from? give min=True or max=True"
        raise DataValueError(msg)
    amount: tuple[Value, ...] = () if count is None else (b"COUNT", count)
    return (len(names), *names, *flags(min=min, max=max), *amount)


def _count(count: int | None) -> tuple[Value, ...]:
    return () if count is None else (count,)


def _popped(read: TextReaders[S]) -> Callable[[Reply], tuple[S, S, float] | None]:
    """A reader of a key, a member popped from it and the score, or of a null: nothing came."""

    def popped(reply: Reply) -> tuple[S, S, float] | None:
        if reply is None:
            return None
        key, member, score = triple(reply)
        return read.text(key), read.text(member), number(score)

    return popped


def _rank_and_score(reply: Reply) -> tuple[int, float] | None:
    if reply is None:
        return None
    rank, score = pair(reply)
    return integer(rank), number(score)


def _scores(reply: Reply) -> list[float | None]:
    return [number_or_none(item) for item in array(reply)]
