"""Counters: strings that hold a number, which the server changes in one step.

A missing key counts from 0.  A value that is no number raises `ResponseError`.
"""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import (
    Group,
    Milliseconds,
    Seconds,
    UnixTime,
    expiry,
    flags,
)
from anyredis.exceptions import DataValueError
from anyredis.replies import S, integer, integer_pair, number, pair
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class Counters(Group[S]):
    """The commands that count; other commands on strings are in `Strings`."""

    @command
    def decr(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was subtracted.

        Raises `ResponseError` if the value is no whole number, or the result is beyond 64 bits.
        DECRBY key amount. Server 1.0. O(1).
        """
        return Command((b"DECRBY", key, amount), integer)

    @command
    def decrby(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was subtracted.

        Raises `ResponseError` if the value is no whole number, or the result is beyond 64 bits.
        DECRBY key amount. Server 1.0. O(1).
        """
        return Command((b"DECRBY", key, amount), integer)

    @command
    def incr(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was added; a missing one counts from 0.

        Raises `ResponseError` if the value is no whole number, or the result is beyond 64 bits.
        INCRBY key amount. Server 1.0. O(1).
        """
        return Command((b"INCRBY", key, amount), integer)

    @command
    def incrby(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was added; a missing one counts from 0.

        Raises `ResponseError` if the value is no whole number, or the result is beyond 64 bits.
        INCRBY key amount. Server 1.0. O(1).
        """
        return Command((b"INCRBY", key, amount), integer)

    @command
    def incrbyfloat(self, key: Key, amount: float = 1.0) -> Command[float]:
        """The number at *key* after *amount* was added; a missing one counts from 0.

        Raises `ResponseError` if the value is no number, or the result is not finite.
        INCRBYFLOAT key amount. Server 2.6. O(1).
        """
        return Command((b"INCRBYFLOAT", key, amount), number)

    @command
    def increx(
        self,
        key: Key,
        amount: int = 1,
        *,
        saturate: bool = False,
        lbound: int | None = None,
        ubound: int | None = None,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        persist: bool = False,
        enx: bool = False,
    ) -> Command[tuple[int, int]]:
        """The counter at *key* after *amount* was added, and the difference to its value before.

        Past *lbound* or *ubound* the counter stays as it is or, with *saturate*, stops at the
        bound.  The time to live is as for `set`, but stays as it is by default; *persist* removes
        it, and with *enx* it is set only if the key has none.
        INCREX key BYINT amount [SATURATE] [LBOUND n] [UBOUND n] [EX …] [ENX]. Redis 8.8. O(1).
        """
        life = expiry("INCREX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        limits = _bounds(saturate=saturate, lbound=lbound, ubound=ubound)
        words = (b"INCREX", key, b"BYINT", amount, *limits, *life, *_only_first(life, enx=enx))
        return Command(words, integer_pair)

    @command
    def increx_float(
        self,
        key: Key,
        amount: float,
        *,
        saturate: bool = False,
        lbound: float | None = None,
        ubound: float | None = None,
        ex: Seconds | None = None,
        px: Milliseconds | None = None,
        exat: UnixTime | None = None,
        pxat: UnixTime | None = None,
        persist: bool = False,
        enx: bool = False,
    ) -> Command[tuple[float, float]]:
        """Like `increx`, for a number that need not be whole.

        INCREX key BYFLOAT amount [SATURATE] [LBOUND n] [UBOUND n] [EX …] [ENX]. Redis 8.8. O(1).
        """
        life = expiry("INCREX", ex=ex, px=px, exat=exat, pxat=pxat, persist=persist)
        limits = _bounds(saturate=saturate, lbound=lbound, ubound=ubound)
        words = (b"INCREX", key, b"BYFLOAT", amount, *limits, *life, *_only_first(life, enx=enx))
        return Command(words, _two_numbers)


def _bounds(*, saturate: bool, lbound: float | None, ubound: float | None) -> tuple[Value, ...]:
    if lbound is not None and ubound is not None and lbound > ubound:
        msg = f"INCREX: lbound={lbound} is above ubound={ubound}"
        raise DataValueError(msg)
    lower: tuple[Value, ...] = () if lbound is None else (b"LBOUND", lbound)
    upper: tuple[Value, ...] = () if ubound is None else (b"UBOUND", ubound)
    return (*flags(saturate=saturate), *lower, *upper)


def _only_first(life: tuple[Value, ...], *, enx: bool) -> tuple[Value, ...]:
    if enx and (not life or life[0] == b"PERSIST"):
        msg = "INCREX: enx is without a time to live to set: give ex, px, exat or pxat"
        raise DataValueError(msg)
    return flags(enx=enx)


def _two_numbers(reply: Reply) -> tuple[float, float]:
    value, change = pair(reply)
    return number(value), number(change)
