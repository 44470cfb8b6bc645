"""Tests of `anyredis.testing.fake_keys`; pages of SCAN are in `test_data.py`."""

from __future__ import annotations

import pytest

from anyredis.testing.clock import VirtualClock
from anyredis.testing.memory import Memory
from tests.testing.speaking import answers, last


@pytest.mark.parametrize(
    "line", ["EXPIRE k 10", "PEXPIRE k 10000", "EXPIREAT k 1010", "PEXPIREAT k 1010000"]
)
def test_a_key_of_any_type_expires(line: str) -> None:
    """By the clock of the server."""
    for put in ("SET k v", "RPUSH k v", "HSET k f v", "SADD k v", "ZADD k 1 v"):
        memory = Memory(clock=VirtualClock(1000))
        assert memory.clock is not None
        assert answers(put, line, "PTTL k", "EXPIRETIME k", memory=memory)[2:] == [10_000, 1010]
        memory.clock.advance(10)
        assert answers("EXISTS k", "KEYS *", "SCAN 0", memory=memory) == [0, [], [b"0", []]]


def test_a_time_in_the_past() -> None:
    """The key is gone at once."""
    for line in ("EXPIRE k 0", "EXPIRE k -1", "EXPIREAT k 1"):
        assert answers("SET k v", line, "EXISTS k")[1:] == [1, 0]


def test_the_expiry_goes_with_the_key() -> None:
    """RENAME and COPY take it along, in place of that of the target."""
    lines = ("SET a 1 EX 60", "SET b 2 EX 900")
    assert last(*lines, "RENAME a b", "TTL b") == 60
    assert last(*lines, "COPY a b REPLACE", "TTL b") == 60
    assert last("SET a 1", lines[1], "RENAME a b", "TTL b") == -1


def test_a_copy_is_a_value_of_its_own() -> None:
    """A change of one leaves the other as it is."""
    assert answers("RPUSH a x", "COPY a b", "RPUSH b y", "LLEN a", "LLEN b")[3:] == [1, 2]


def test_a_random_key_is_the_first_in_order() -> None:
    """A test gets the same each time."""
    assert answers("RANDOMKEY", "MSET b 1 a 2", "RANDOMKEY")[::2] == [None, b"a"]
