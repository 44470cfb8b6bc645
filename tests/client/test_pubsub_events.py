"""Tests of the events of a subscription: kinds, redis-py's items, gaps that are joined."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import Dropped, Gap, Message, SubscriptionChange


@pytest.mark.parametrize(
    ("event", "items"),
    [
        (
            Message("pmessage", "a.b", "text", "a.*"),
            {"type": "pmessage", "pattern": "a.*", "channel": "a.b", "data": "text"},
        ),
        (
            Message("message", b"a", b"1"),
            {"type": "message", "pattern": None, "channel": b"a", "data": b"1"},
        ),
        (
            SubscriptionChange("subscribe", "a", 1),
            {"type": "subscribe", "pattern": None, "channel": "a", "data": 1},
        ),
        (
            Gap(1.0, 2.0, "lost", frozenset({"a"})),
            {"type": "gap", "pattern": None, "channel": None, "data": None},
        ),
        (Dropped(3), {"type": "dropped", "pattern": None, "channel": None, "data": None}),
    ],
)
def test_events_have_the_items_of_redis_py(event: Any, items: dict[str, object]) -> None:
    """Every event has a kind, and the four items of redis-py's messages."""
    assert event.kind == items["type"]
    assert {name: event[name] for name in items} == items
    with pytest.raises(KeyError):
        event["text"]


def test_events_are_values() -> None:
    """Equal events are equal, and fields have names."""
    assert Message("message", "a", "1") == Message("message", "a", "1", None)
    assert Dropped(2).count == 2
    assert repr(Message("message", "a", "1")).startswith("Message(kind='message', channel='a'")


def test_gaps_are_joined() -> None:
    """One gap for two covers both times and all channels, and has both reasons."""
    first = Gap(5.0, 6.0, "lost", frozenset({"a"}), frozenset({"p"}))
    second = Gap(4.0, 9.0, "moved", frozenset({"b"}), shard_channels=frozenset({"s"}))
    assert first.joined(second) == Gap(
        4.0, 9.0, "moved", frozenset({"a", "b"}), frozenset({"p"}), frozenset({"s"})
    )
