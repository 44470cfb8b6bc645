"""The judge itself: it passes what is right, and no loss, mix-up or double goes unnoticed."""

from __future__ import annotations

import pytest

from anyredis import Dropped, Gap, Message, SubscriptionChange
from anyredis.client.pubsub_events import PubSubEvent
from tests.faults.ledger import Ledger, message_of


def message(channel: str, number: int) -> Message[str]:
    """A numbered message."""
    return Message("message", channel, message_of(channel, number))


def gap(*channels: str) -> Gap[str]:
    """A gap in some channels."""
    return Gap(1.0, 2.0, "lost", frozenset(channels))


def ledger_of(*events: PubSubEvent[str], doubles: bool = False) -> Ledger:
    """A ledger of three messages on each of two channels, of which *events* came."""
    ledger = Ledger(["a", "b"], doubles=doubles)
    for channel in "aaabbb":
        ledger.number(channel)
    for event in events:
        ledger.note(event)
    return ledger


ALL_OF_B = [message("b", number) for number in (1, 2, 3)]


def test_all_in_order() -> None:
    """Every message, in the order of its channel, is right."""
    ledger = ledger_of(message("a", 1), *ALL_OF_B, message("a", 2), message("a", 3))
    ledger.check()
    assert ledger.received == 6


def test_a_loss_in_a_gap() -> None:
    """What is missing after a gap that names the channel is explained."""
    ledger = ledger_of(message("a", 1), gap("a"), message("a", 3), *ALL_OF_B)
    ledger.check()
    assert ledger.in_gaps == 1


def test_a_loss_in_a_pattern_gap() -> None:
    """A gap of a pattern explains what is missing on the channels that match it."""
    event = Gap(1.0, 2.0, "lost", patterns=frozenset({"[a]"}))
    ledger = ledger_of(message("a", 1), event, message("a", 3), *ALL_OF_B)
    ledger.check()
    assert ledger.in_gaps == 1


@pytest.mark.parametrize(
    "events",
    [
        (message("a", 1), message("a", 3)),
        (message("a", 1), gap("b"), message("a", 3)),
        (gap("a"), message("a", 1), message("a", 3)),
        (Dropped(2), message("a", 1), message("a", 2), message("a", 3)),
        (message("a", 1), message("a", 2)),
    ],
    ids=["no gap", "a gap elsewhere", "a gap too early", "too many told", "the last is missing"],
)
def test_a_loss_without_a_word(events: tuple[PubSubEvent[str], ...]) -> None:
    """A loss that no gap and no count explains is found at the end."""
    with pytest.raises(AssertionError):
        ledger_of(*events, *ALL_OF_B).check()


def test_a_message_that_was_not_published() -> None:
    """One whose publication failed may be missing, another one may not."""
    ledger = Ledger(["a"])
    ledger.number("a")
    ledger.doubt("a")
    ledger.number("a")
    ledger.note(message("a", 2))
    ledger.check()
    ledger.number("a")
    ledger.number("a")
    ledger.note(message("a", 4))
    with pytest.raises(AssertionError):
        ledger.check()


def test_a_drop_that_is_told() -> None:
    """As many messages as were told as dropped may be missing."""
    ledger_of(Dropped(1), message("a", 2), message("a", 3), *ALL_OF_B).check()


@pytest.mark.parametrize(
    "events",
    [
        (Message("message", "b", message_of("a", 1)),),
        (message("a", 2), message("a", 1)),
        (message("a", 1), gap("a"), message("a", 1)),
        (SubscriptionChange("subscribe", "a", 1),),
    ],
    ids=["misdelivered", "out of order", "twice", "a confirmation"],
)
def test_what_is_wrong_at_once(events: tuple[PubSubEvent[str], ...]) -> None:
    """A message on another channel, out of order or twice is an error where it comes."""
    with pytest.raises(AssertionError):
        ledger_of(*events)


def test_a_double_after_a_gap() -> None:
    """Where doubles are allowed, messages may come again after a gap, and only there."""
    events: tuple[PubSubEvent[str], ...] = (message("a", 1), message("a", 2), gap("a"))
    ledger = ledger_of(*events, message("a", 1), message("a", 2), message("a", 3), doubles=True)
    assert ledger.doubled == 2
    with pytest.raises(AssertionError):
        ledger.note(message("a", 3))


def test_between_nodes() -> None:
    """What a node that died took along is counted; a message on the wrong channel stays an error."""
    ledger = Ledger("ab", between_nodes="a")
    for channel in "aaaabb":
        ledger.number(channel)
    for event in (message("a", 3), message("a", 2), message("a", 4)):
        ledger.note(event)
    for number in (1, 2):
        ledger.note(message("b", number))
    assert ledger.lost_between_nodes == 2
    ledger.check()
    with pytest.raises(AssertionError):
        ledger.note(Message("message", "a", message_of("b", 2)))
    with pytest.raises(AssertionError):
        ledger.note(message("b", 1))
