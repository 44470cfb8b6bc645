"""Tests of `anyredis.testing.fake_sets`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

from tests.testing.speaking import answers, last


def test_a_random_member_is_the_first_in_order() -> None:
    """A test gets the same member each time."""
    assert answers("SADD s c a b", "SRANDMEMBER s", "SRANDMEMBER s 2", "SRANDMEMBER s -5")[1:] == [
        *(b"a", [b"a", b"b"], [b"a", b"b", b"c", b"a", b"b"])
    ]
    assert answers("SADD s c a b", "SPOP s", "SPOP s 5", "EXISTS s")[1:] == [
        *(b"a", frozenset({b"b", b"c"}), 0)
    ]


def test_storing_nothing() -> None:
    """The target is gone, whatever it was."""
    assert answers("SET to text", "SINTERSTORE to a b", "EXISTS to")[1:] == [0, 0]


def test_an_answer_that_is_a_set() -> None:
    """It is a set in RESP3, so it has no order that a test could rely on."""
    assert last("SADD s a b", "SMEMBERS s") == frozenset({b"a", b"b"})
