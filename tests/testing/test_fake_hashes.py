"""Tests of `anyredis.testing.fake_hashes`; random ones are in `test_fake_commands.py`."""

from __future__ import annotations

from tests.testing.speaking import answers, last


def test_fields_keep_their_order() -> None:
    """A field that is set again stays where it was."""
    assert last("HSET h b 1 a 2", "HSET h b 3", "HGETALL h") == {b"b": b"3", b"a": b"2"}
    assert last("HSET h b 1 a 2", "HSET h b 3", "HKEYS h") == [b"b", b"a"]


def test_a_hash_without_fields_is_gone() -> None:
    """As if it had never been there."""
    assert answers("HSET h f 1", "EXPIRE h 60", "HDEL h f", "EXISTS h", "TTL h")[2:] == [1, 0, -2]


def test_setting_a_field_keeps_the_expiry() -> None:
    """The hash expires as before."""
    assert last("HSET h f 1", "EXPIRE h 60", "HSET h g 2", "TTL h") == 60


def test_an_odd_number_of_words() -> None:
    """It is a wrong number of arguments, and nothing is set."""
    refusal = "-ERR wrong number of arguments for 'hset' command"
    assert answers("HSET h f 1 g", "EXISTS h") == [refusal, 0]
