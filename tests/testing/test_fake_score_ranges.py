"""Tests of `anyredis.testing.fake_score_ranges`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

import pytest

from tests.testing.speaking import last

FIVE = "ZADD z 1 a 2 b 3 c 4 d 5 e"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ZREVRANGE z 0 1", "ZRANGE z 0 1 REV"),
        ("ZRANGEBYSCORE z (1 3", "ZRANGE z (1 3 BYSCORE"),
        ("ZREVRANGEBYSCORE z 3 (1 LIMIT 0 1", "ZRANGE z 3 (1 BYSCORE REV LIMIT 0 1"),
        ("ZRANGEBYSCORE z -inf +inf LIMIT 1 2", "ZRANGE z 1 2"),
    ],
)
def test_old_and_new_forms(old: str, new: str) -> None:
    """They select the same members."""
    assert last(FIVE, old) == last(FIVE, new) != []


def test_an_end_that_is_none() -> None:
    """It is refused also if the sorted set does not exist."""
    assert last("ZRANGE none x 1 BYSCORE") == "-ERR min or max is not a float"
    assert last("ZCOUNT none x 1") == "-ERR min or max is not a float"
    assert last("ZLEXCOUNT none a [b") == "-ERR min or max not valid string range item"
