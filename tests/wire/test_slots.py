"""Tests of `anyredis.wire.slots`: the slot of a key, as servers compute it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.wire.slots import SLOTS, hash_tag, slot_of


def test_the_check_value_of_the_specification() -> None:
    """CRC16 of 123456789 is 0x31C3, as the specification says."""
    assert slot_of(b"123456789") == 0x31C3 % SLOTS


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"key", b"key"),
        (b"{user1000}.following", b"user1000"),
        (b"foo{}{bar}", b"foo{}{bar}"),
        (b"foo{{bar}}zap", b"{bar"),
        (b"foo{bar}{zap}", b"bar"),
        (b"}foo{bar", b"}foo{bar"),
        (b"", b""),
        (b"{}", b"{}"),
    ],
)
def test_hash_tags(key: bytes, hashed: bytes) -> None:
    """The text between the first { and the next } counts, if it is not empty."""
    assert hash_tag(key) == hashed


@settings(deadline=None)
@given(st.binary(), st.binary(min_size=1).filter(lambda tag: b"}" not in tag))
def test_keys_with_one_tag_are_together(rest: bytes, tag: bytes) -> None:
    """Keys that share a tag share a slot."""
    assert slot_of(b"{" + tag + b"}" + rest) == slot_of(b"{" + tag + b"}")
    assert 0 <= slot_of(rest) < SLOTS
