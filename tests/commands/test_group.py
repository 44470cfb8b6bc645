"""Tests of `anyredis.commands.group`: the words that many commands share."""

from __future__ import annotations

import datetime
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import pytest

from anyredis.commands.group import (
    MILLISECOND,
    SECOND,
    SupportsItems,
    at_least_one,
    choice,
    duration,
    expiry,
    flags,
    flat,
    moment,
    narrowed,
    only_one,
)
from anyredis.exceptions import DataTypeError, DataValueError
from tests.commands.tables import unchecked

Delta = datetime.timedelta
Moment = datetime.datetime

UTC = datetime.UTC
TOKYO = datetime.timezone(Delta(hours=9))


# -- durations ----------------------------------------------------------------------------------

DURATIONS: list[tuple[int | Delta, Delta, int]] = [
    (0, SECOND, 0),
    (60, SECOND, 60),
    (1500, MILLISECOND, 1500),
    (-1, SECOND, -1),
    (Delta(0), SECOND, 0),
    (Delta(minutes=2), SECOND, 120),
    (Delta(days=1, seconds=1), SECOND, 86_401),
    (Delta(seconds=-5), SECOND, -5),
    (Delta(seconds=1.5), MILLISECOND, 1500),
    (Delta(milliseconds=1), MILLISECOND, 1),
    (Delta(days=3650), MILLISECOND, 3650 * 86_400_000),
]


@pytest.mark.parametrize(("value", "unit", "number"), DURATIONS)
def test_a_duration(value: int | Delta, unit: Delta, number: int) -> None:
    """A number stays as it is, a timedelta becomes a whole number of units."""
    assert duration(value, unit) == number


UNEVEN: list[tuple[Delta, Delta, str]] = [
    (Delta(milliseconds=1500), SECOND, "whole number of seconds; give milliseconds"),
    (Delta(milliseconds=1), SECOND, "whole number of seconds; give milliseconds"),
    (Delta(milliseconds=-1), SECOND, "whole number of seconds; give milliseconds"),
    (Delta(microseconds=1), MILLISECOND, "whole number of milliseconds; round it"),
    (Delta(seconds=1, microseconds=1), MILLISECOND, "whole number of milliseconds; round it"),
]


@pytest.mark.parametrize(("value", "unit", "message"), UNEVEN)
def test_an_uneven_duration_is_refused(value: Delta, unit: Delta, message: str) -> None:
    """It is not rounded silently; the message shows it and has the remedy."""
    with pytest.raises(DataValueError, match=message) as refused:
        duration(value, unit)
    assert repr(value) in str(refused.value)


# -- moments ------------------------------------------------------------------------------------

MOMENTS: list[tuple[int | Moment, Delta, int]] = [
    (0, SECOND, 0),
    (1_700_000_000_123, MILLISECOND, 1_700_000_000_123),
    (Moment(1970, 1, 1, tzinfo=UTC), SECOND, 0),
    (Moment(2023, 11, 14, 22, 13, 20, tzinfo=UTC), SECOND, 1_700_000_000),
    (Moment(2023, 11, 15, 7, 13, 20, tzinfo=TOKYO), SECOND, 1_700_000_000),
    (Moment(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC), MILLISECOND, 1_700_000_000_123),
    (Moment(2023, 11, 14, 22, 13, 20, 999_999, tzinfo=UTC), SECOND, 1_700_000_000),
    (Moment(2023, 11, 14, 22, 13, 20, 123_999, tzinfo=UTC), MILLISECOND, 1_700_000_000_123),
    (Moment(1969, 12, 31, 23, 59, 59, tzinfo=UTC), SECOND, -1),
    (Moment(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), MILLISECOND, 253_402_300_799_999),
]


@pytest.mark.parametrize(("value", "unit", "number"), MOMENTS)
def test_a_moment(value: int | Moment, unit: Delta, number: int) -> None:
    """A number stays as it is, a datetime becomes a Unix time in the unit."""
    assert moment(value, unit) == number


@pytest.fixture
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_new_york")
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (Moment(2023, 11, 14, 17, 13, 20), 1_700_000_000),
        (Moment(2023, 7, 1, 12), 1_688_227_200),  # in summer time
    ],
)
def test_a_moment_without_a_time_zone(value: Moment, number: int) -> None:
    """A naive datetime is local time, as it is for `datetime.timestamp`."""
    assert moment(value, SECOND) == number


# -- expiry -------------------------------------------------------------------------------------

AT = Moment(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)

EXPIRIES: list[tuple[tuple[object, ...], tuple[object, ...]]] = [
    (expiry("SET"), ()),
    (expiry("SET", ex=None, px=None, exat=None, pxat=None), ()),
    (expiry("SET", keepttl=False, persist=False), ()),
    (expiry("SET", ex=60), (b"EX", 60)),
    (expiry("SET", ex=0), (b"EX", 0)),
    (expiry("SET", ex=Delta(minutes=1)), (b"EX", 60)),
    (expiry("SET", px=1500), (b"PX", 1500)),
    (expiry("SET", px=Delta(seconds=1.5)), (b"PX", 1500)),
    (expiry("SET", exat=1_700_000_000), (b"EXAT", 1_700_000_000)),
    (expiry("SET", exat=AT), (b"EXAT", 1_700_000_000)),
    (expiry("SET", pxat=1_700_000_000_123), (b"PXAT", 1_700_000_000_123)),
    (expiry("SET", pxat=AT), (b"PXAT", 1_700_000_000_123)),
    (expiry("SET", keepttl=True), (b"KEEPTTL",)),
    (expiry("GETEX", persist=True), (b"PERSIST",)),
]


@pytest.mark.parametrize(("made", "words"), EXPIRIES)
def test_a_time_to_live(made: tuple[object, ...], words: tuple[object, ...]) -> None:
    """The option becomes its word, and a whole number if it has one: 0 is a number too."""
    assert made == words


EXCLUSIVE: list[tuple[str, Callable[[], object]]] = [
    ("SET: ex and px exclude each other", lambda: expiry("SET", ex=1, px=1)),
    ("SET: ex and keepttl exclude", lambda: expiry("SET", ex=0, keepttl=True)),
    ("GETEX: exat and persist exclude", lambda: expiry("GETEX", exat=AT, persist=True)),
    ("SET: px and exat and pxat exclude", lambda: expiry("SET", px=1, exat=1, pxat=1)),
]


@pytest.mark.parametrize(("message", "call"), EXCLUSIVE)
def test_one_time_to_live_at_most(message: str, call: Callable[[], object]) -> None:
    """No choice is guessed; the message names the given options."""
    with pytest.raises(DataValueError, match=message):
        call()


# -- conditions and flags -----------------------------------------------------------------------

ALLOWED: list[dict[str, object]] = [
    {},
    {"nx": False, "xx": None},
    {"nx": True, "xx": False},
    {"count": 0, "any": None},
    {"match": "", "any": False},
]


@pytest.mark.parametrize("options", ALLOWED)
def test_one_option_or_none(options: dict[str, object]) -> None:
    """None and False are not given; 0 and the empty string are."""
    only_one("ZADD", **options)


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"nx": True, "xx": True}, "ZADD: nx and xx exclude each other: give one of them"),
    ({"nx": True, "gt": False, "count": 0}, "ZADD: nx and count exclude each other"),
    ({"a": "", "b": b"", "c": 0.0}, "ZADD: a and b and c exclude each other"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_more_than_one_option(options: dict[str, object], message: str) -> None:
    """The command and the options that exclude each other are named."""
    with pytest.raises(DataValueError, match=message):
        only_one("ZADD", **options)


def test_flags() -> None:
    """The names of those that are true, in the order in which they were given."""
    assert flags() == ()
    assert flags(xx=False, ch=False) == ()
    assert flags(gt=True, nx=False, ch=True) == (b"GT", b"CH")


# -- empty arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize("values", [["a"], (0,), {"a": None}, "a", {""}], ids=repr)
def test_something_is_enough(values: list[object]) -> None:
    """One value is enough, even a false one."""
    at_least_one("DEL", "keys", values)


@pytest.mark.parametrize("values", [[], (), {}, "", set[str]()], ids=repr)
def test_nothing_is_refused(values: list[object]) -> None:
    """The server would only speak of the number of arguments; the message names the argument."""
    with pytest.raises(DataValueError, match="DEL: keys is empty: give at least one"):
        at_least_one("DEL", "keys", values)


# -- mappings -----------------------------------------------------------------------------------

MAPPINGS: list[tuple[SupportsItems, tuple[object, ...]]] = [
    ({"a": 1}, ("a", 1)),
    ({"a": 1, b"b": 2.5, "c": b"x"}, ("a", 1, b"b", 2.5, "c", b"x")),
    (OrderedDict([("b", 1), ("a", 2)]), ("b", 1, "a", 2)),
    (MappingProxyType({"a": ""}), ("a", "")),
]


@pytest.mark.parametrize(("mapping", "words"), MAPPINGS)
def test_a_flat_mapping(mapping: SupportsItems, words: tuple[object, ...]) -> None:
    """Names and values in turn, in the order and of the types of the mapping."""
    assert flat("HSET", "mapping", mapping) == words


NO_MAPPINGS: list[tuple[object, str]] = [
    (None, "NoneType"),
    ("ab", "str"),
    (["a", 1], "list"),
    ([("a", 1)], "list"),
    ({"a"}, "set"),
    ({"a": 1}.items(), "dict_items"),
]


@pytest.mark.parametrize(("given", "kind"), NO_MAPPINGS)
def test_what_is_no_mapping(given: object, kind: str) -> None:
    """It is refused as the wrong type; the message names the argument and its type."""
    message = f"HSET: mapping has to be a mapping, not {kind}$"
    with pytest.raises(DataTypeError, match=message):
        unchecked(flat)("HSET", "mapping", given)


def test_an_empty_mapping() -> None:
    """There is nothing to send; the message names the argument."""
    empty: Mapping[str, str] = {}
    with pytest.raises(DataValueError, match="MSET: mapping is empty: give at least one"):
        flat("MSET", "mapping", empty)


# -- scans and choices --------------------------------------------------------------------------


def test_narrowing_a_scan() -> None:
    """None is left out; an empty pattern or a count of 0 is sent."""
    assert narrowed(None, None) == ()
    assert narrowed("a*", None) == (b"MATCH", "a*")
    assert narrowed(None, 9) == (b"COUNT", 9)
    assert narrowed(b"a*", 9) == (b"MATCH", b"a*", b"COUNT", 9)
    assert narrowed("", 0) == (b"MATCH", "", b"COUNT", 0)


@pytest.mark.parametrize("value", ["BEFORE", "before", "Before"])
def test_a_choice(value: str) -> None:
    """The word in upper case, however it was spelled."""
    assert choice("LINSERT", "where", value, "BEFORE", "AFTER") == b"BEFORE"


@pytest.mark.parametrize(
    "value", ["", "BEFOR", "BEFORE AFTER", b"BEFORE", None, True, 1, ["BEFORE"]]
)
def test_what_is_none_of_the_words(value: object) -> None:
    """The message names the argument, its value, and the allowed words."""
    with pytest.raises(DataValueError) as refused:
        choice("LINSERT", "where", value, "BEFORE", "AFTER")
    assert str(refused.value) == f"LINSERT: where is {value!r}: give BEFORE or AFTER"


def test_a_long_wrong_word_is_cut_short() -> None:
    """The message stays readable for any value."""
    with pytest.raises(DataValueError) as refused:
        choice("LINSERT", "where", "x" * 10_000, "BEFORE", "AFTER")
    assert len(str(refused.value)) < 150
