"""Tests of `anyredis.testing.fake_lists`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

import pytest

from tests.testing.speaking import answers, last


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("BLPOP none l 0", [b"l", b"a"]),
        ("BRPOP none l 0", [b"l", b"c"]),
        ("BLMOVE l to LEFT RIGHT 0", b"a"),
        ("BRPOPLPUSH l to 0", b"c"),
        ("BLMPOP 0 2 none l LEFT COUNT 2", [b"l", [b"a", b"b"]]),
    ],
)
def test_a_blocking_command_on_a_list_with_elements(line: str, answer: object) -> None:
    """It answers at once."""
    assert last("RPUSH l a b c", line) == answer


def test_a_list_whose_last_element_is_taken() -> None:
    """It is gone."""
    for line in ("LPOP l", "RPOP l 5", "LREM l 0 a", "LTRIM l 1 0", "LMOVE l to LEFT LEFT"):
        assert last("RPUSH l a", line, "EXISTS l") == 0


def test_moving_within_one_list() -> None:
    """It turns the list."""
    assert answers("RPUSH l a b c", "LMOVE l l LEFT RIGHT", "LRANGE l 0 -1")[1:] == [
        *(b"a", [b"b", b"c", b"a"])
    ]
