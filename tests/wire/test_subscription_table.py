"""Tests of the table of subscriptions: what it sends, who is told what, and every interleaving."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anyredis.exceptions import NoPermissionError, RedisError, ResponseError
from anyredis.wire.subscription_table import MAX_NAMES
from anyredis.wire.subscriptions import (
    CHANNEL,
    KINDS,
    PATTERN,
    SHARD,
    Loss,
    SubscriptionCall,
)
from tests.contract.rotation import examples
from tests.wire.subscribing import LOSS, NotedSubscriber, NotedWaiter, ServerSide


def connected() -> ServerSide:
    """A table with a connection."""
    side = ServerSide()
    side.connect()
    return side


def test_a_call_ends_with_the_last_acknowledgement() -> None:
    """A call for two channels sends one command, and ends when both are acknowledged."""
    side, one = connected(), NotedSubscriber()
    _, results = side.subscribe(one, CHANNEL, b"a", b"b")
    assert side.sent == [(b"SUBSCRIBE", b"a", b"b")]
    side.answer_one()
    assert results == []
    side.answer_one()
    assert results == [None]
    assert one.events == [(b"SUBSCRIBE", b"a"), (b"SUBSCRIBE", b"b")]
    assert side.answers == 1


def test_each_kind_has_its_words() -> None:
    """Channels, patterns and sharded channels of one name are three subscriptions."""
    side, one = connected(), NotedSubscriber()
    for kind in KINDS:
        side.subscribe(one, kind, b"a")
    side.answer()
    for kind in KINDS:
        side.table.unsubscribe(one, kind, [b"a"])
    words = [b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"]
    ends = [b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"]
    assert side.sent == [(word, b"a") for word in (*words, *ends)]
    assert not side.table.wanted


def test_one_channel_with_many_subscribers_costs_one_subscribe() -> None:
    """The second subscriber sends nothing, and only the last one out unsubscribes."""
    side, one, two = connected(), NotedSubscriber("one"), NotedSubscriber("two")
    side.subscribe(one, CHANNEL, b"a")
    side.answer()
    _, results = side.subscribe(two, CHANNEL, b"a")
    assert results == [None]
    assert two.events == [(b"SUBSCRIBE", b"a")]
    side.table.unsubscribe(one, CHANNEL, [b"a"])
    assert side.sent == [(b"SUBSCRIBE", b"a")]
    side.table.unsubscribe(two, CHANNEL, [b"a"])
    assert side.sent == [(b"SUBSCRIBE", b"a"), (b"UNSUBSCRIBE", b"a")]


def test_a_second_subscriber_waits_for_the_same_acknowledgement() -> None:
    """A call for a channel that is asked for already ends with that acknowledgement."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    _, first = side.subscribe(one, CHANNEL, b"a")
    _, second = side.subscribe(two, CHANNEL, b"a")
    assert (first, second) == ([], [])
    side.answer()
    assert (first, second) == ([None], [None])
    assert side.sent == [(b"SUBSCRIBE", b"a")]


def test_an_acknowledgement_of_an_earlier_subscribe_does_not_count() -> None:
    """Subscribe, unsubscribe, subscribe: only the last acknowledgement ends the last call."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    call, _ = side.subscribe(one, CHANNEL, b"a")
    side.table.withdraw(call)
    _, results = side.subscribe(two, CHANNEL, b"a")
    assert [words[0] for words in side.sent] == [b"SUBSCRIBE", b"UNSUBSCRIBE", b"SUBSCRIBE"]
    side.answer_one()
    side.answer_one()
    assert results == []
    side.answer_one()
    assert results == [None]
    assert side.subscribed == {(CHANNEL, b"a")}


def test_a_call_that_is_withdrawn_leaves_what_was_there() -> None:
    """A cancelled call takes its new channels away, not those that its subscriber had."""
    side, one = connected(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a")
    side.answer()
    call, _ = side.subscribe(one, CHANNEL, b"a", b"b")
    side.table.withdraw(call)
    side.answer()
    assert side.subscribed == {(CHANNEL, b"a")}
    assert side.table.names_of(one, CHANNEL) == [b"a"]


def test_two_calls_of_one_subscriber_for_one_channel() -> None:
    """If one of two calls for the same channel is cancelled, the other one has it."""
    for cancelled in (0, 1):
        for before in (True, False):
            side, one = connected(), NotedSubscriber()
            calls = [side.subscribe(one, CHANNEL, b"a") for _ in range(2)]
            if not before:
                side.answer()
            side.table.withdraw(calls[cancelled][0])
            side.answer()
            assert calls[1 - cancelled][1] == [None]
            assert side.subscribed == {(CHANNEL, b"a")}
            assert side.table.names_of(one, CHANNEL) == [b"a"]


def test_unsubscribing_ends_a_call_that_waits() -> None:
    """The last word counts: a channel that is unsubscribed is not waited for."""
    side, one = connected(), NotedSubscriber()
    _, results = side.subscribe(one, CHANNEL, b"a")
    side.table.unsubscribe(one, CHANNEL, [b"a"])
    assert results == [None]
    side.answer()
    assert side.subscribed == set()


def test_the_call_that_unsubscribes_ends_with_the_acknowledgement() -> None:
    """It ends once the server has acknowledged; at once if nothing has to be sent."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a")
    side.subscribe(two, CHANNEL, b"a")
    side.answer()
    results: list[list[object]] = []
    for subscriber in (one, two):
        waiter = NotedWaiter()
        side.table.unsubscribe(
            subscriber, CHANNEL, [b"a", b"unknown"], SubscriptionCall(subscriber, waiter)
        )
        results.append(waiter.results)
    assert results == [[None], []]
    side.answer()
    assert results == [[None], [None]]


def test_commands_are_cut() -> None:
    """Ten thousand channels are asked for in commands of a thousand."""
    side, one = connected(), NotedSubscriber()
    names = [b"%d" % number for number in range(10 * MAX_NAMES)]
    _, results = side.subscribe(one, CHANNEL, *names)
    assert [len(words) for words in side.sent] == [1 + MAX_NAMES] * 10
    side.answer()
    assert results == [None]


def test_a_refused_command_fails_its_call_alone() -> None:
    """A refusal fails the call that it was sent for; who waits for one of its channels gets that."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    _, first = side.subscribe(one, CHANNEL, b"a", b"secret")
    _, second = side.subscribe(two, CHANNEL, b"a")
    side.refuse(NoPermissionError("NOPERM"))
    assert [type(each) for each in first] == [NoPermissionError]
    assert second == []
    assert side.sent[1:] == [(b"SUBSCRIBE", b"a")]
    side.answer()
    assert second == [None]
    assert side.table.names_of(one, CHANNEL) == []
    assert one.events == [(b"UNSUBSCRIBE", b"a"), (b"UNSUBSCRIBE", b"secret")]


def test_a_channel_that_is_refused_again_fails_its_subscribers() -> None:
    """After a new connection, a refusal finds the channel at fault, and fails its subscribers."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a")
    side.subscribe(two, CHANNEL, b"b")
    side.answer()
    side.lose()
    side.connect()
    side.refuse(NoPermissionError("NOPERM"))
    side.answer_one()
    side.refuse(NoPermissionError("NOPERM b"))
    assert ("failed", "NOPERM b") in two.events
    assert one.events[-1] == ("missed", LOSS, CHANNEL, [b"a"])
    assert side.table.names_of(one, CHANNEL) == [b"a"]


def test_a_refusal_may_be_handled() -> None:
    """If the placement handles a refusal, the channel is wanted still, and asked for again by it."""
    side, one = connected(), NotedSubscriber()
    side.handles_refusals = True
    _, results = side.subscribe(one, SHARD, b"a")
    side.refuse(ResponseError("MOVED 1 host:1"))
    assert results == []
    side.table.ask_again(SHARD, [b"a", b"unknown"])
    side.table.ask_again(SHARD, [b"a"])
    side.answer()
    assert results == [None]
    assert side.sent == [(b"SSUBSCRIBE", b"a")] * 2


def test_a_loss_is_told_once_all_is_subscribed_again() -> None:
    """After a loss everything is asked for again, and each subscriber is told of its channels."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a", b"b")
    side.subscribe(two, CHANNEL, b"b")
    side.subscribe(two, PATTERN, b"p")
    side.answer()
    one.events.clear()
    two.events.clear()
    side.lose()
    side.lose(Loss(2.0, "again"))
    side.connect()
    side.answer_one()
    assert one.events == []
    side.answer()
    assert one.events == [("missed", LOSS, CHANNEL, [b"a", b"b"])]
    assert two.events == [("missed", LOSS, CHANNEL, [b"b"]), ("missed", LOSS, PATTERN, [b"p"])]


def test_who_joins_during_a_loss_has_missed_nothing() -> None:
    """A call that is made while there is no connection ends with the next one, without a gap."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a")
    side.answer()
    side.lose()
    _, results = side.subscribe(two, CHANNEL, b"a")
    side.connect()
    side.answer()
    assert results == [None]
    assert two.events == [(b"SUBSCRIBE", b"a")]
    assert one.events[-1] == ("missed", LOSS, CHANNEL, [b"a"])


def test_calls_that_wait_can_be_failed() -> None:
    """All calls that wait fail, with an error of their own; what was subscribed stays wanted."""
    side, one, two = connected(), NotedSubscriber(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a")
    side.answer()
    side.lose()
    _, first = side.subscribe(one, CHANNEL, b"b")
    _, second = side.subscribe(two, CHANNEL, b"b", b"a")
    side.table.fail_calls(RedisError("no connection"))
    assert [str(each[0]) for each in (first, second)] == ["no connection"] * 2
    assert first[0] is not second[0]
    assert side.table.names_of(one, CHANNEL) == [b"a"]
    assert side.table.names_of(two, CHANNEL) == []


def test_everything_can_be_failed() -> None:
    """Subscribers and calls fail, and nothing is wanted any more."""
    side, one = connected(), NotedSubscriber()
    side.subscribe(one, CHANNEL, b"a")
    side.answer()
    _, results = side.subscribe(one, PATTERN, b"p")
    side.table.fail(lambda: RedisError("closed"))
    assert [str(each) for each in results] == ["closed"]
    assert ("failed", "closed") in one.events
    assert not side.table.wanted


def test_the_server_unsubscribes_a_channel() -> None:
    """A channel that the server takes away is lost; one that nobody wants is ignored."""
    side, one = connected(), NotedSubscriber()
    side.subscribe(one, SHARD, b"a")
    side.answer()
    side.table.unsubscribed(SHARD, b"a", LOSS)
    side.table.unsubscribed(SHARD, b"a", LOSS)
    side.table.unsubscribed(SHARD, b"unknown", LOSS)
    assert side.revoked == [(SHARD, b"a")]
    side.table.ask_again(SHARD, [b"a"])
    side.answer()
    assert one.events[-1] == ("missed", LOSS, SHARD, [b"a"])


def test_channels_move_to_another_table() -> None:
    """What one table gives to another is unsubscribed there, and told as a loss here."""
    old, new, one, two = connected(), connected(), NotedSubscriber("one"), NotedSubscriber("two")
    old.subscribe(one, SHARD, b"a")
    old.subscribe(one, SHARD, b"b")
    old.answer()
    _, waiting = old.subscribe(two, SHARD, b"c")
    new.subscribe(two, SHARD, b"b")
    new.answer()
    new.table.adopt(SHARD, old.table.take(SHARD, [b"a", b"b", b"c", b"unknown"], LOSS))
    old.answer()
    assert old.subscribed == set()
    assert one.events[-1] == ("missed", LOSS, SHARD, [b"b"])
    assert waiting == []
    new.answer()
    assert waiting == [None]
    assert one.events[-1] == ("missed", LOSS, SHARD, [b"a"])
    assert new.subscribed == {(SHARD, b"a"), (SHARD, b"b"), (SHARD, b"c")}
    assert not any(each[0] == "missed" for each in two.events)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("subscribe"), st.integers(0, 2), st.sets(st.sampled_from(b"abc"), min_size=1)
        ),
        st.tuples(st.just("unsubscribe"), st.integers(0, 2), st.sets(st.sampled_from(b"abc"))),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.none()),
        st.tuples(st.just("answer"), st.integers(1, 3), st.none()),
        st.tuples(st.sampled_from(["refuse", "lose", "connect"]), st.just(0), st.none()),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=examples(300), deadline=None)
def test_every_interleaving_ends_in_agreement(  # noqa: C901, PLR0912 - a branch for each action
    steps: list[tuple[str, int, set[int] | None]],
) -> None:
    """Whatever happened, the server ends with exactly what is wanted, and no call waits."""
    side = connected()
    is_up = True
    people = [NotedSubscriber(str(number)) for number in range(3)]
    calls: list[tuple[SubscriptionCall, list[object]]] = []
    for action, number, some in steps:
        names = [bytes([each]) for each in some or ()]
        if action == "subscribe":
            calls.append(side.subscribe(people[number], CHANNEL, *names))
        elif action == "unsubscribe":
            side.table.unsubscribe(people[number], CHANNEL, names)
        elif action == "cancel" and number < len(calls):
            call, results = calls.pop(number)
            if not results:
                results.append("cancelled")
                side.table.withdraw(call)
        elif action == "answer":
            for _ in range(number):
                side.answer_one()
        elif action == "refuse" and side.inflight:
            if side.inflight[0].subscribes and side.inflight[0].acknowledged == 0:
                side.refuse(NoPermissionError("NOPERM"))
        elif action == "lose" and is_up:
            side.lose()
            is_up = False
        elif action == "connect" and not is_up:
            side.connect()
            is_up = True
    if not is_up:
        side.connect()
    side.answer()
    wanted = {(CHANNEL, name) for person in people for name in side.table.names_of(person, CHANNEL)}
    assert side.subscribed == wanted
    assert all(results for _, results in calls)
    assert side.table.unanswered == 0
    for channel in side.table.channels[CHANNEL].values():
        assert channel.confirmed
        assert not channel.calls
        assert channel.loss is None
    assert all(len(results) == 1 for _, results in calls)
