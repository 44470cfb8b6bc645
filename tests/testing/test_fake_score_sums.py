"""Tests of `anyredis.testing.fake_score_sums`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

from anyredis.testing.resp import Pairs
from tests.testing.speaking import answers, last


def test_a_set_counts_as_a_sorted_set() -> None:
    """All its scores are 1."""
    lines = ("ZADD z 2 a 3 b", "SADD s a c")
    assert last(*lines, "ZUNION 2 z s WITHSCORES") == Pairs([(b"c", 1), (b"a", 3), (b"b", 3)])
    assert last(*lines, "ZINTER 2 z s WEIGHTS 2 10 WITHSCORES") == Pairs([(b"a", 14)])
    assert last(*lines, "ZDIFF 2 z s") == [b"b"]


def test_storing_replaces_any_value() -> None:
    """A string with an expiry, too."""
    lines = ("ZADD z 2 a", "SET to text EX 60", "ZUNIONSTORE to 1 z", "TYPE to", "TTL to")
    assert answers(*lines)[2:] == [1, "zset", -1]
