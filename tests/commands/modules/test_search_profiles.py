"""Tests of `anyredis.commands.modules.search_profiles`: what it profiles, and the profile."""

from __future__ import annotations

import pytest

from anyredis.command import Command
from anyredis.commands.modules.search_profiles import ProfileReader, profile_command
from anyredis.exceptions import DataTypeError, ProtocolError
from anyredis.replies import array
from anyredis.search import Profiled
from tests.commands.modules.plans import TextPlan
from tests.commands.tables import unchecked, words

plan = TextPlan().ft


def test_the_query_is_that_of_the_command() -> None:
    """An error of the server shows it."""
    command = profile_command(plan.search(b"i", "x y", params={"n": b"WITHCURSOR"}), limited=True)
    assert words(command)[:7] == ["FT.PROFILE", "i", "SEARCH", "LIMITED", "QUERY", "x y", "PARAMS"]
    assert getattr(command, "query", None) == "x y"


@pytest.mark.parametrize("given", ["x", Command((b"FT.SEARCH", "i", "x"), array), None])
def test_what_is_no_search(given: object) -> None:
    """It is refused, with what to give."""
    with pytest.raises(DataTypeError, match=r"write|give a command of ft\.plan"):
        unchecked(profile_command)(given, limited=False)


read = ProfileReader(array)


@pytest.mark.parametrize(
    ("told", "profile"),
    [
        ([[b"Total profile time", b"1"]], {"Total profile time": 1.0}),
        ([b"Shards", [[b"Time", b"1"], [b"Time", b"2"]]], {"Shards": [{"Time": 1.0}, {"Time": 2.0}]}),
        ({b"Warning": b"None"}, {"Warning": None}),
        ({b"Warning": [b"a", b"b"], b"Size": 5}, {"Warning": ["a", "b"], "Size": 5}),
        ({b"Shards": [{b"Iterators": {b"Time": 1.5}}]}, {"Shards": [{"Iterators": {"Time": 1.5}}]}),
    ],
)  # fmt: skip
def test_profiles(told: list[bytes], profile: object) -> None:
    """Names and values of any version are told, times as numbers."""
    assert read([[], told]) == Profiled([], profile)  # type: ignore[arg-type, list-item]


@pytest.mark.parametrize("told", [[], {}, None, 5, [[]], [[b"a", b"b", b"c"]], [[b"Time", b"x"]]])
def test_what_is_no_profile(told: list[bytes]) -> None:
    """It is a `ProtocolError`."""
    with pytest.raises(ProtocolError):
        read([[], told])  # type: ignore[list-item]
