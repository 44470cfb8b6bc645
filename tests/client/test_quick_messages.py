"""The short way of a message through `PubSub.__anext__`, beside the plain way."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import Dropped, Gap, Message, Redis
from anyredis.client.inbox import ROOM, EventItem
from anyredis.client.pubsub import PubSub
from anyredis.client.pubsub_events import SubscriptionChange
from anyredis.client.subscriber import Encoding, PubSubSubscriber
from anyredis.waiter import waiter_factory
from anyredis.wire.subscriptions import CHANNEL, PATTERN

Subscribed = tuple[PubSub[Any], PubSubSubscriber[Any]]

RAW: dict[str, list[Any]] = {
    "message": [b"message", b"a", b"1"],
    "smessage": [b"smessage", b"a", b"1"],
    "pmessage": [b"pmessage", b"a*", b"ab", b"1"],
    "of an unknown channel": [b"message", b"elsewhere", b"1"],
}


def subscribed(*, decodes: bool) -> Subscribed:
    """A PubSub of the channel a and the pattern a*, and its subscriber, with no connection."""

    def ignore(_level: int = ROOM) -> None:
        """Take no note of the level, or of a failure."""

    encoding = Encoding("utf-8", "strict", decodes=decodes)
    mine = PubSubSubscriber[Any](
        encoding,
        10,
        100_000,
        "drop_oldest",
        confirms=True,
        on_level=ignore,
        on_failed=ignore,
        new_waiter=waiter_factory(),
    )
    mine.begin(CHANNEL, {b"a": None})
    mine.begin(PATTERN, {b"a*": None})
    pubsub = Redis[Any]().pubsub()
    pubsub._subscriber = mine
    return pubsub, mine


@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("kind", RAW)
async def test_each_message_is_what_the_plain_way_gives(kind: str, decodes: bool) -> None:
    """Both ways give an equal message, and count it as taken."""
    pubsub, mine = subscribed(decodes=decodes)
    plain = mine.message([*RAW[kind]])
    mine.items.append([*RAW[kind]])
    mine.settle()
    assert mine.bytes > 0
    assert await anext(pubsub) == plain
    assert (len(mine), mine.bytes, mine.taken) == (0, 0, 1)


async def test_events_among_messages_keep_their_place() -> None:
    """What was dropped, gaps and confirmations come where they belong, whichever way is taken."""
    pubsub, mine = subscribed(decodes=False)
    gap = Gap[bytes](1.0, 2.0, "lost", frozenset({b"a"}))
    for number in range(12):
        mine.items.append([b"message", b"a", b"%d" % number])
    mine.settle()  # two more than it has room for
    mine.items[5] = EventItem(gap)
    mine.items[7] = EventItem(SubscriptionChange("subscribe", b"b", 2))
    events = [await anext(pubsub) for _ in range(10)]
    assert events[0] == Dropped(2)
    assert events[6] == gap
    data = [event.data for event in events if isinstance(event, Message)]
    assert data == [b"%d" % number for number in (2, 3, 4, 5, 6, 8, 10, 11)]


async def test_a_message_with_a_handler_goes_to_it() -> None:
    """The short way is not taken where a channel has a handler."""
    pubsub, mine = subscribed(decodes=False)
    handled: list[Message[Any]] = []
    mine.begin(CHANNEL, {b"b": handled.append})
    mine.items.extend([[b"message", b"b", b"1"], [b"message", b"a", b"2"]])
    mine.settle()
    assert (await anext(pubsub))["data"] == b"2"
    assert [message.data for message in handled] == [b"1"]
