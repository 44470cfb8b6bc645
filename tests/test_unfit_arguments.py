"""Tests of `anyredis.unfit_arguments`: words of other types, converted or refused by name."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from anyredis import DataError, DataTypeError, Redis
from anyredis.client.pipeline import Pipeline
from anyredis.command import Command, command


class Text(str):
    """A subclass."""

    __slots__ = ()


class Number(enum.IntEnum):
    """Its text is not its number."""

    TWO = 2


class Words(Pipeline[bytes]):
    """Has a command of any words."""

    @command
    def words(self, *words: Any) -> Command[Any]:
        """These words."""
        return Command(words, str)


def queued(*words: Any) -> tuple[Any, ...]:
    """The words of the queued command, which is one that has an inline form."""
    client = Redis()
    return Words(client._run_batch, client.read).words(*words).command.args


@pytest.mark.parametrize("count", range(1, 7))
def test_each_word_is_checked(count: int) -> None:
    """Whatever the number of words: a subclass is converted, None and a bool are refused."""
    words: list[Any] = [b"MSET", *"abcde"[: count - 1]]
    assert queued(*words) == tuple(words)
    for position in range(1, count):
        for given, sent in ((Text("t"), "t"), (Number.TWO, 2), (bytearray(b"a"), b"a")):
            args = queued(*words[:position], given, *words[position + 1 :])
            assert args[position] == sent
            assert type(args[position]) is type(sent)
            assert len(args) == count
    for position in range(count):
        for bad in (True, None, object(), [b"a"]):
            with pytest.raises(DataTypeError, match=rf"words\[{position}\].*{type(bad).__name__}"):
                queued(*words[:position], bad, *words[position + 1 :])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get", ["k"]),
        ("set", ["k", "v"]),
        ("hset", ["k", "f", "v"]),
        ("hsetnx", ["k", "f", "v"]),
        ("append", ["k", "v"]),
        ("linsert", ["k", "BEFORE", "p", "v"]),
        ("rpush", ["k", "a", "b", "c"]),
        ("publish", ["c", "m"]),
    ],
)
def test_a_bad_argument_is_named(name: str, arguments: list[Any]) -> None:
    """At the call, by the parameter's name, with the remedy; a good one is converted."""
    for position in range(len(arguments)):
        for client in (Redis(), Redis().pipeline()):
            method = getattr(client, name)
            given = [*arguments[:position], True, *arguments[position + 1 :]]
            with pytest.raises(DataError, match=r"is True|has to be|give ") as caught:
                method(*given)
            assert name.upper() in str(caught.value)
    given = [Text(each) for each in arguments]
    args = getattr(Redis().pipeline(), name)(*given).command.args
    assert {type(each) for each in args[1:]} <= {str, bytes}


@pytest.mark.parametrize(
    ("name", "arguments", "place"),
    [
        ("mset", [{"a": "b", "c": None}], r"mapping\['c'\]"),
        ("rpush", ["k", "a", None], r"values\[1\]"),
        ("rpush", ["k", ["a", "b", None]], r"values\[2\]"),
        ("sadd", ["k", object()], r"\[0\]"),
        ("xadd", ["k", {"f": None}], r"fields\['f'\]"),
    ],
)
def test_the_place_in_a_collection_is_named(name: str, arguments: list[Any], place: str) -> None:
    """Its index, or its key; one collection alone counts as the arguments themselves."""
    method = getattr(Redis(), name)
    with pytest.raises(DataTypeError, match=place):
        method(*arguments)
