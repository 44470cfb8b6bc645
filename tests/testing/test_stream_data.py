"""Tests of `anyredis.testing.stream_data`: IDs, and what a stream knows of its groups."""

from __future__ import annotations

import pytest

from anyredis.exceptions import ResponseError
from anyredis.testing.stream_data import (
    LARGEST,
    MAXIMUM,
    ZERO,
    ConsumerGroup,
    StreamData,
    StreamID,
    read_bound,
    read_id,
)


def test_ids_as_servers_write_them() -> None:
    """An ID without a number has the one that the place asks for."""
    assert read_id(b"5-3") == StreamID(5, 3)
    assert read_id(b"5") == StreamID(5, 0)
    assert read_id(b"5", LARGEST) == StreamID(5, LARGEST)
    assert StreamID(5, 3).encoded() == b"5-3"


@pytest.mark.parametrize(
    "word", [b"", b"-", b"5-", b"x", b"5-*", b"-1", b"1" * 20, b"99999999999999999999"]
)
def test_no_ids(word: bytes) -> None:
    """What servers refuse is refused."""
    if word == b"1" * 20:
        assert read_id(word).milliseconds == int(word)
        return
    with pytest.raises(ResponseError, match="Invalid stream ID"):
        read_id(word)


def test_the_ends_of_a_range() -> None:
    """`(` leaves the ID out, and a range cannot begin behind the last ID of all."""
    assert (read_bound(b"-", end=False), read_bound(b"+", end=True)) == (ZERO, MAXIMUM)
    assert read_bound(b"(5-3", end=False) == StreamID(5, 4)
    assert read_bound(b"(5", end=False) == StreamID(5, 1)
    assert read_bound(b"(5-0", end=True) == StreamID(4, LARGEST)
    with pytest.raises(ResponseError, match="invalid start ID"):
        MAXIMUM.following()
    with pytest.raises(ResponseError, match="invalid end ID"):
        ZERO.preceding()


def test_a_copy_is_independent() -> None:
    """Changes of a copy, also of its groups, leave the stream as it was."""
    stream = StreamData(groups={b"g": ConsumerGroup(ZERO)})
    copied = stream.copy()
    copied.add(StreamID(1, 1), (b"f", b"v"))
    copied.groups[b"g"].saw(b"c", 5)
    assert not stream.entries
    assert not stream.groups[b"g"].consumers


def test_a_lag_that_cannot_be_known() -> None:
    """After an entry in the middle was deleted, a group that has not read so far has none."""
    stream, group = StreamData(), ConsumerGroup(ZERO)
    for number in range(1, 5):
        stream.add(StreamID(number, 0), (b"f", b"v"))
    assert stream.lag_of(group) == 4
    stream.deliver(group, StreamID(1, 0))
    assert (group.entries_read, stream.lag_of(group)) == (1, 3)
    stream.delete(StreamID(3, 0))
    assert stream.lag_of(group) is None
    stream.deliver(group, StreamID(4, 0))
    assert stream.lag_of(group) == 0
