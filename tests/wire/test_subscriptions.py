"""Tests of the parts of subscriptions: words of the kinds, requests, calls and channels."""

from __future__ import annotations

from anyredis.exceptions import RedisError
from anyredis.wire.subscriptions import (
    ACKNOWLEDGEMENTS,
    CHANNEL,
    PATTERN,
    SHARD,
    Channel,
    Loss,
    SubscriptionCall,
    SubscriptionRequest,
)
from tests.wire.subscribing import LOSS, NotedSubscriber, NotedWaiter


def test_the_words_of_acknowledgements() -> None:
    """Six words, each with its kind and whether it subscribes."""
    assert ACKNOWLEDGEMENTS == {
        b"subscribe": (CHANNEL, True),
        b"unsubscribe": (CHANNEL, False),
        b"psubscribe": (PATTERN, True),
        b"punsubscribe": (PATTERN, False),
        b"ssubscribe": (SHARD, True),
        b"sunsubscribe": (SHARD, False),
    }


def test_a_request_is_answered_once() -> None:
    """A request is done with its last acknowledgement, or with an error, which it tells."""
    told: list[tuple[SubscriptionRequest, RedisError]] = []

    def failed(request: SubscriptionRequest, error: RedisError) -> None:
        told.append((request, error))

    good = SubscriptionRequest(failed, SHARD, (b"a", b"b"), None, subscribes=False)
    assert good.args == (b"SUNSUBSCRIBE", b"a", b"b")
    for count in (1, 2):
        assert not good.done()
        good.acknowledged = count
    good.set_result(None)
    bad = SubscriptionRequest(failed, CHANNEL, (b"a",), None, subscribes=True)
    assert bad.args == (b"SUBSCRIBE", b"a")
    error = RedisError("refused")
    bad.set_result(error)
    assert (good.done(), bad.done(), bad.cancelled()) == (True, True, False)
    assert told == [(bad, error)]


def test_a_call_ends_once() -> None:
    """A call ends with its last channel; an error that comes later is not told."""
    waiter = NotedWaiter()
    call = SubscriptionCall(NotedSubscriber(), waiter)
    call.missing = 2
    call.acknowledged()
    assert waiter.results == []
    call.acknowledged()
    call.finish(RedisError("late"))
    assert waiter.results == [None]


def test_the_first_loss_of_a_channel_counts() -> None:
    """A channel that is lost again before anybody is told keeps the earlier time."""
    channel, one = Channel(), NotedSubscriber()
    channel.lose(LOSS)
    assert channel.loss is None  # it was not subscribed
    channel.subscribers, channel.confirmed = (one,), True
    channel.lose(LOSS)
    channel.confirmed = True
    channel.lose(Loss(9.0, "again"))
    assert channel.loss == LOSS
    assert [*channel.lost_by] == [one]
    assert not channel.confirmed
