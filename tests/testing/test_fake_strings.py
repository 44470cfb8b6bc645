"""Tests of `anyredis.testing.fake_strings`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

import pytest

from anyredis.testing.clock import VirtualClock
from anyredis.testing.memory import Memory
from tests.testing.speaking import answers, last


@pytest.mark.parametrize(
    "line", ["SET k v EX 60", "SET k v PX 60000", "SETEX k 60 v", "PSETEX k 60000 v"]
)
def test_a_string_that_expires(line: str) -> None:
    """It is there until its time is over, to the millisecond."""
    memory = Memory(clock=VirtualClock(1000))
    assert memory.clock is not None
    assert answers(line, "TTL k", "PEXPIRETIME k", memory=memory)[1:] == [60, 1_060_000]
    memory.clock.advance(59.999)
    assert last("GET k", memory=memory) == b"v"
    memory.clock.advance(0.001)
    assert answers("GET k", "TTL k", "DBSIZE", memory=memory) == [None, -2, 0]


def test_setting_a_string_ends_its_expiry() -> None:
    """SET without KEEPTTL and GETSET do; APPEND and INCR do not."""
    first = "SET k 1 EX 60"
    for line, ttl in (
        ("SET k 2", -1),
        ("GETSET k 2", -1),
        ("MSET k 2", -1),
        ("GETEX k PERSIST", -1),
    ):
        assert last(first, line, "TTL k") == ttl
    for line in ("SET k 2 KEEPTTL", "APPEND k 2", "INCR k", "GETEX k", "SETRANGE k 0 2"):
        assert last(first, line, "TTL k") == 60


def test_numbers_of_64_bits() -> None:
    """A sum beyond them is refused, and nothing is changed."""
    largest = 9223372036854775807
    refusal = "-ERR increment or decrement would overflow"
    assert answers(f"SET k {largest}", "INCR k", "GET k")[1:] == [refusal, b"%d" % largest]


def test_decimals_are_exact() -> None:
    """As with the long double of servers: 0.1 and 0.2 are 0.3."""
    assert last("SET k 0.1", "INCRBYFLOAT k 0.2") == b"0.3"
    assert last("INCRBYFLOAT k inf") == "-ERR value is NaN or Infinity"
