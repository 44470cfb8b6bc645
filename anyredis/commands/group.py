"""The base of all command groups, and the words that many commands share: expiry, conditions."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Generic, Protocol, TypeAlias

from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, TextReaders
from anyredis.wire.encode import Key, Value

Seconds: TypeAlias = int | datetime.timedelta
"""A duration in whole seconds, or a `timedelta`."""

Milliseconds: TypeAlias = int | datetime.timedelta
"""A duration in whole milliseconds, or a `timedelta`."""

UnixTime: TypeAlias = int | datetime.datetime
"""A moment as a Unix time (seconds or milliseconds as the parameter says), or a `datetime`."""


class SupportsItems(Protocol):
    """Names and values: any mapping; not `Mapping[Key, Value]`, whose keys do not widen."""

    def items(self) -> Iterable[tuple[Key, Value]]:
        """Each name with its value."""
        ...

    def __len__(self) -> int:
        """The number of names."""
        ...


SECOND = datetime.timedelta(seconds=1)
MILLISECOND = datetime.timedelta(milliseconds=1)

_DICT: frozenset[type[object]] = frozenset((dict,))


class Group(Generic[S]):
    """The base of command groups; *read* gives text as the client decodes it."""

    read: TextReaders[S]


def duration(value: int | datetime.timedelta, unit: datetime.timedelta) -> int:
    """*value* as a whole number of *unit*; a `timedelta` with a remainder is refused."""
    if not isinstance(value, datetime.timedelta):
        return value
    whole, rest = divmod(value, unit)
    if rest:
        name, instead = ("seconds", "give milliseconds") if unit == SECOND else ("milliseconds", "")
        raise DataValueError(
            f"{excerpt(value)} is not a whole number of {name}; {instead or 'round it'}"
        )
    return whole


def moment(value: int | datetime.datetime, unit: datetime.timedelta) -> int:
    """*value* as a Unix time in *unit*; a `datetime` without a time zone is local time."""
    if not isinstance(value, datetime.datetime):
        return value
    epoch = datetime.datetime.fromtimestamp(0, tz=datetime.UTC)
    # Only a datetime without a zone is converted: near `datetime.max` that could overflow.
    return ((value if value.tzinfo else value.astimezone()) - epoch) // unit


def expiry(
    command: str,
    *,
    ex: Seconds | None = None,
    px: Milliseconds | None = None,
    exat: UnixTime | None = None,
    pxat: UnixTime | None = None,
    keepttl: bool = False,
    persist: bool = False,
) -> tuple[Value, ...]:
    """The words for a time to live; at most one of them may be given."""
    if ex is px is exat is pxat is None and not keepttl and not persist:
        return ()
    if [ex, px, exat, pxat].count(None) < 3 or keepttl or persist:  # otherwise it is one of them
        only_one(command, ex=ex, px=px, exat=exat, pxat=pxat, keepttl=keepttl, persist=persist)
    if ex is not None:
        return (b"EX", duration(ex, SECOND))
    if px is not None:
        return (b"PX", duration(px, MILLISECOND))
    if exat is not None:
        return (b"EXAT", moment(exat, SECOND))
    if pxat is not None:
        return (b"PXAT", moment(pxat, MILLISECOND))
    return (b"KEEPTTL",) if keepttl else (b"PERSIST",)


def only_one(command: str, **options: object) -> None:
    """Raise `DataValueError` if more than one of *options* is given (not None or False)."""
    given = [name for name, value in options.items() if value is not None and value is not False]
    if len(given) > 1:
        msg = f"{command}: {' and '.join(given)} exclude each other: give one of them"
        raise DataValueError(msg)


def flags(**options: bool) -> tuple[Value, ...]:
    """The names of the options that are true, as words."""
    if not any(options.values()):
        return ()  # most of the time
    return tuple(name.upper().encode() for name, given in options.items() if given)


def at_least_one(command: str, argument: str, values: Iterable[object]) -> None:
    """Raise `DataValueError` if *values* is empty: the server would name no argument."""
    if not values:
        msg = f"{command}: {argument} is empty: give at least one"
        raise DataValueError(msg)


def flat(command: str, argument: str, mapping: SupportsItems) -> tuple[Value, ...]:
    """Keys and values of *mapping* in turn; raises `DataError` if it is empty or no mapping."""
    if type(mapping) not in _DICT:  # most of the time it is: the other questions take longer
        _refuse_others(command, argument, mapping)
    words = tuple(chain.from_iterable(mapping.items()))
    if not words:
        at_least_one(command, argument, words)
    return words


def _refuse_others(command: str, argument: str, given: object) -> None:
    """Raise `DataTypeError` unless *given* is a mapping."""
    if not isinstance(given, Mapping) and not callable(getattr(given, "items", None)):
        msg = f"{command}: {argument} has to be a mapping, not {type(given).__name__}"
        raise DataTypeError(msg)


def narrowed(match: Key | None, count: int | None) -> tuple[Value, ...]:
    """The words that narrow a SCAN: a glob to match, and the number of items to look at."""
    pattern: tuple[Value, ...] = () if match is None else (b"MATCH", match)
    return pattern if count is None else (*pattern, b"COUNT", count)


def choice(command: str, argument: str, value: object, *words: str) -> bytes:
    """*value* in upper case, which is one of *words*; raises `DataValueError` for any other."""
    if isinstance(value, str) and value.upper() in words:
        return value.upper().encode()
    msg = f"{command}: {argument} is {excerpt(value)}: give {' or '.join(words)}"
    raise DataValueError(msg)
