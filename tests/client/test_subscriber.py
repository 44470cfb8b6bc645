"""Tests of the subscriber behind a `PubSub`: its channels, handlers, counts and texts."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import DataError, Message, ReplyDecodeError, SubscriptionChange
from anyredis.client.subscriber import Encoding, PubSubSubscriber
from anyredis.waiter import Waiter
from anyredis.wire.subscriptions import CHANNEL, PATTERN, SHARD, Loss

LATIN = Encoding("latin-1", "strict", decodes=True)
UTF8 = Encoding("utf-8", "strict", decodes=True)
BYTES = Encoding("utf-8", "strict", decodes=False)


def no_waiter() -> Waiter:
    """None of these tests waits."""
    raise AssertionError


def subscriber(encoding: Encoding = UTF8, *, confirms: bool = True) -> PubSubSubscriber[Any]:
    """A subscriber with a buffer of its own."""
    return PubSubSubscriber(
        encoding,
        100,
        10_000,
        "wait",
        confirms=confirms,
        on_level=lambda _level: None,
        on_failed=lambda: None,
        new_waiter=no_waiter,
    )


def events(mine: PubSubSubscriber[Any]) -> list[Any]:
    """All that is in its buffer."""
    return [*iter(mine.take, None)]


def test_names_have_the_encoding_of_the_client() -> None:
    """Text goes out and comes back in the client's encoding; bytes are left alone."""
    assert LATIN.name("é") == b"\xe9"
    assert LATIN.name(bytearray(b"x")) == LATIN.name(memoryview(b"x")) == b"x"
    assert LATIN.text(b"\xe9") == "é"
    assert BYTES.text(b"\xe9") == b"\xe9"


@pytest.mark.parametrize("name", [True, None, object(), "\ud800"])
def test_names_that_cannot_be_sent(name: Any) -> None:
    """What is neither text nor bytes, or no text in the encoding, is refused with the remedy."""
    with pytest.raises(DataError, match="channel"):
        UTF8.name(name)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([b"message", b"a", b"1"], Message("message", "a", "1")),
        ([b"pmessage", b"*", b"a", b"1"], Message("pmessage", "a", "1", "*")),
        ([b"smessage", b"s", b"1"], Message("smessage", "s", "1")),
        ([b"message", b"unknown", b""], Message("message", "unknown", "")),
    ],
)
def test_messages(raw: list[Any], message: Message[str]) -> None:
    """A message is read by its kind, whether its channel is known or not."""
    mine = subscriber()
    mine.begin(CHANNEL, {b"a": None})
    assert mine.message(raw) == message
    assert all(isinstance(field, str) for field in mine.message(raw) if field is not None)


@pytest.mark.parametrize("raw", [[b"message", b"a", b"\xff"], [b"pmessage", b"*", b"\xff", b"1"]])
def test_text_that_does_not_decode(raw: list[Any]) -> None:
    """Undecodable data, or an undecodable channel, is an error that names the channel."""
    with pytest.raises(ReplyDecodeError, match="decode_responses=False"):
        subscriber().message(raw)
    assert subscriber(BYTES).message(raw)["data"] == raw[-1]


def test_counts_of_confirmations() -> None:
    """Channels and patterns count together, sharded channels by themselves, as in redis-py."""
    mine = subscriber()
    mine.subscribed_to(CHANNEL, b"a")
    mine.subscribed_to(CHANNEL, b"a")
    mine.subscribed_to(PATTERN, b"p")
    mine.subscribed_to(SHARD, b"s")
    mine.unsubscribed_from(CHANNEL, b"a")
    mine.unsubscribed_from(CHANNEL, b"a")
    assert events(mine) == [
        SubscriptionChange("subscribe", "a", 1),
        SubscriptionChange("subscribe", "a", 1),
        SubscriptionChange("psubscribe", "p", 2),
        SubscriptionChange("ssubscribe", "s", 1),
        SubscriptionChange("unsubscribe", "a", 1),
    ]
    quiet = subscriber(confirms=False)
    quiet.subscribed_to(CHANNEL, b"a")
    assert events(quiet) == []


def test_gaps_name_what_they_concern() -> None:
    """A gap has the names in the list of their kind, and never ends before it began."""
    mine = subscriber()
    for kind in (CHANNEL, PATTERN, SHARD):
        mine.missed(Loss(2e10, "lost"), kind, [b"a"])
    [gap] = events(mine)
    assert gap.kind == "gap"
    assert (gap.since, gap.until, gap.reason) == (2e10, 2e10, "lost")
    assert gap.channels == gap.patterns == gap.shard_channels == {"a"}


def test_handlers_of_a_failed_subscribe() -> None:
    """A failed call leaves the handlers that were there, and takes its own away."""
    mine = subscriber()
    mine.begin(CHANNEL, {b"a": print})
    mine.subscribed_to(CHANNEL, b"a")
    given = {b"a": repr, b"b": repr}
    before = mine.begin(CHANNEL, given)
    assert mine.handler_of([b"message", b"a", b"1"]) is repr
    mine.undo(CHANNEL, given, before)
    assert mine.named(CHANNEL) == {"a": print}
    assert mine.subscribed
    mine.unsubscribed_from(CHANNEL, b"a")
    assert not mine.subscribed


def test_a_failed_call_beside_one_that_waits() -> None:
    """If another call for the same channel succeeds later, the channel is there."""
    mine = subscriber()
    given = {b"a": None}
    before = mine.begin(CHANNEL, given)
    mine.begin(CHANNEL, given)
    mine.undo(CHANNEL, given, before)
    mine.subscribed_to(CHANNEL, b"a")
    assert mine.named(CHANNEL) == {"a": None}
