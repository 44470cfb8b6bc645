"""Tests of `anyredis.testing.fake_sorted_sets`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

import pytest

from tests.testing.speaking import answers, last


def test_members_are_in_order_of_score_and_name() -> None:
    """Equal scores are in order of the members."""
    assert last("ZADD z 2 a 1 c 1 b", "ZRANGE z 0 -1") == [b"b", b"c", b"a"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("BZPOPMIN none z 0", [b"z", b"a", 1.0]),
        ("BZPOPMAX none z 0", [b"z", b"c", 3.0]),
        ("BZMPOP 0 1 z MIN COUNT 2", [b"z", [[b"a", 1.0], [b"b", 2.0]]]),
    ],
)
def test_a_blocking_command_on_a_sorted_set_with_members(line: str, answer: object) -> None:
    """It answers at once."""
    assert last("ZADD z 1 a 2 b 3 c", line) == answer


def test_a_refused_member_changes_nothing() -> None:
    """One bad score among several: none of them is set."""
    assert answers("ZADD z 1 a x b", "EXISTS z") == ["-ERR value is not a valid float", 0]
    assert answers("ZADD z inf a", "ZADD z INCR -inf a", "ZSCORE z a")[1:] == [
        *("-ERR resulting score is not a number (NaN)", float("inf"))
    ]
