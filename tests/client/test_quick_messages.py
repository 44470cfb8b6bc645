"""The short ways of messages through `PubSub.__anext__`, beside the plain way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import pytest

from anyredis import Dropped, Gap, Message, ProtocolError, Redis, ReplyDecodeError
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


def subscribed(*, decodes: bool, errors: str = "strict") -> Subscribed:
    """A PubSub of the channel a and the pattern a*, and its subscriber, with no connection."""

    def ignore(_level: int = ROOM) -> None:
        """Take no note of the level, or of a failure."""

    encoding = Encoding("utf-8", errors, decodes=decodes)
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


def data_of(event: Any) -> Any:
    """The data of an event."""
    return event["data"]


def run_of(*data: bytes, kind: bytes = b"message", channel: bytes = b"a") -> list[list[Any]]:
    """Messages in a row, one by one."""
    return [[kind, channel, each] for each in data]


@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("kind", [b"message", b"smessage"])
@pytest.mark.parametrize("channel", [b"a", b"elsewhere"])
async def test_a_run_is_what_its_messages_are(kind: bytes, channel: bytes, decodes: bool) -> None:
    """Both ways give equal messages of equal bytes, behind what came before, and count them."""
    data = [b"%d" % number for number in range(4)]
    (pubsub, mine), (plain_pubsub, plain) = subscribed(decodes=decodes), subscribed(decodes=decodes)
    for each in (mine, plain):
        each.items.append([b"pmessage", b"a*", b"ab", b"first"])
    plain.items.extend(run_of(*data, kind=kind, channel=channel))
    mine.put_run(kind, channel, data)
    assert [type(item) for item in mine.items][1:] == [
        list if channel == b"elsewhere" else Message
    ] * 4
    for each in (mine, plain):
        each.items.append([b"message", b"a", b"last"])
        each.settle()
    assert mine.bytes == plain.bytes > 0
    messages = [await anext(pubsub) for _ in range(6)]
    assert messages == [await anext(plain_pubsub) for _ in range(6)]
    assert [type(each) for each in messages] == [Message] * 6
    assert (len(mine), mine.bytes, mine.taken) == (0, 0, 6)


@pytest.mark.parametrize("take", ["get_message", "listen"])
async def test_a_run_by_the_other_ways_to_read(take: str) -> None:
    """`get_message` and `listen` give the messages of a run too."""
    pubsub, mine = subscribed(decodes=True)
    mine.put_run(b"message", b"a", [b"1", b"2"])
    mine.settle()
    if take == "get_message":
        mine.began = True
        got = [await pubsub.get_message(), await pubsub.get_message()]
    else:
        async with aclosing(cast("AsyncGenerator[Any]", pubsub.listen())) as events:
            got = [await anext(events), await anext(events)]
    assert got == [Message("message", "a", "1"), Message("message", "a", "2")]


async def test_the_message_of_a_run_that_is_no_text() -> None:
    """It is an error for its reader, when its turn comes; the others are messages."""
    pubsub, mine = subscribed(decodes=True)
    mine.put_run(b"message", b"a", [b"1", b"\xff", b"3"])
    mine.settle()
    assert (await anext(pubsub))["data"] == "1"
    with pytest.raises(ReplyDecodeError):
        await anext(pubsub)
    assert (await anext(pubsub))["data"] == "3"


@pytest.mark.parametrize("decodes", [False, True])
async def test_a_run_of_what_are_no_messages(decodes: bool) -> None:
    """It is an error of the protocol, and nothing of it is kept."""
    _, mine = subscribed(decodes=decodes)
    with pytest.raises(ProtocolError):
        put_and_settle(mine, [b"1", 2])
    assert len(mine) == 0


def put_and_settle(mine: PubSubSubscriber[Any], data: list[Any]) -> None:
    """Receive a run."""
    mine.put_run(b"message", b"a", data)
    mine.settle()


@pytest.mark.parametrize("decodes", [False, True])
async def test_a_run_at_the_bound(decodes: bool) -> None:
    """The oldest messages of runs are dropped and counted, and the bytes follow."""
    pubsub, mine = subscribed(decodes=decodes)
    put_and_settle(mine, [b"%d" % number for number in range(8)])
    put_and_settle(mine, [b"%d" % number for number in range(8, 16)])
    assert len(mine.items) == 10
    assert await anext(pubsub) == Dropped(6)
    data = [int(data_of(await anext(pubsub))) for _ in range(10)]
    assert data == [*range(6, 16)]
    assert (len(mine), mine.bytes, mine.taken) == (0, 0, 16)


@pytest.mark.parametrize("decodes", [False, True])
async def test_a_run_before_and_after_its_channel_has_a_handler(decodes: bool) -> None:
    """The handler gets what is in the buffer when it comes, and all that follows."""
    pubsub, mine = subscribed(decodes=decodes)
    handled: list[Message[Any]] = []
    put_and_settle(mine, [b"1", b"2"])
    mine.begin(CHANNEL, {b"a": handled.append, b"b": None})
    put_and_settle(mine, [b"3", b"4"])
    assert [type(item) for item in mine.items] == [Message, Message, list, list]
    mine.put_run(b"message", b"b", [b"5"])
    mine.settle()
    assert int(data_of(await anext(pubsub))) == 5
    assert [int(message.data) for message in handled] == [1, 2, 3, 4]


async def test_a_handler_of_errors_runs_when_its_message_is_read() -> None:
    """What is not text in a run is read with the error handler of the client, in its turn."""
    pubsub, mine = subscribed(decodes=True, errors="replace")
    put_and_settle(mine, [b"1", b"\xff"])
    assert [*mine.items] == run_of(b"1", b"\xff")
    assert [(await anext(pubsub))["data"] for _ in range(2)] == ["1", "\N{REPLACEMENT CHARACTER}"]
