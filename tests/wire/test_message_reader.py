"""Tests of the reader of messages: RESP2 and RESP3, acknowledgements, bounds, and hostile bytes."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis.exceptions import NoPermissionError, ProtocolError
from anyredis.wire.decode import Decoder
from anyredis.wire.message_reader import MessageReader
from anyredis.wire.request import Request
from anyredis.wire.request_queue import RequestQueue
from anyredis.wire.subscription_table import SubscriptionTable
from anyredis.wire.subscriptions import (
    CHANNEL,
    PATTERN,
    SHARD,
    SubscriptionKind,
    SubscriptionRequest,
)
from tests.wire.subscribing import NotedSubscriber, NotedWaiter, ServerSide

PROTOCOLS = (3, 2)


class Line:
    """A queue of requests that reads messages, and what the server sends on it."""

    def __init__(self, protocol: int = 3, encoding: str | None = None) -> None:
        self.side = ServerSide()
        self.table: SubscriptionTable = self.side.table
        self.queue = RequestQueue(Decoder(encoding))
        self.now = 1.0
        self.reader = MessageReader(self.queue, self.table, protocol, lambda: self.now)
        self.table.connected(self.send)
        self._sign = b">" if protocol > 2 else b"*"

    def send(self, request: SubscriptionRequest) -> None:
        """Send a request."""
        self.queue.submit(Request.of(b"".join(request.args), request))
        self.queue.take(0.0)

    def ask(self) -> list[Any]:
        """Send an ordinary request; its answers."""
        waiter = NotedWaiter()
        self.queue.submit(Request.of(b"PING", waiter))
        self.queue.take(0.0)
        return waiter.results

    def bytes_of(self, *words: bytes | int) -> bytes:
        """The bytes of a message."""
        parts = [
            b":%d\r\n" % word if isinstance(word, int) else b"$%d\r\n%b\r\n" % (len(word), word)
            for word in words
        ]
        return self._sign + b"%d\r\n" % len(words) + b"".join(parts)

    def get(self, *words: bytes | int) -> None:
        """Receive a message."""
        self.queue.feed(self.bytes_of(*words))

    def subscribed(self, kind: SubscriptionKind, *names: bytes) -> NotedSubscriber:
        """A subscriber whose channels are acknowledged."""
        subscriber = NotedSubscriber()
        _, results = self.side.subscribe(subscriber, kind, *names)
        for count, name in enumerate(names, 1):
            assert results == []
            self.get(kind.subscribe.lower(), name, count)
        assert results == [None]
        return subscriber


@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-16"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_messages_reach_their_subscribers_as_bytes(protocol: int, encoding: str | None) -> None:
    """Each kind of message goes to the subscribers of its channel, in any encoding as bytes."""
    line = Line(protocol, encoding)
    people = [line.subscribed(kind, b"a", b"b") for kind in (CHANNEL, PATTERN, SHARD)]
    line.get(b"message", b"a", b"\xff")
    line.get(b"pmessage", b"b", b"x", b"2")
    line.get(b"smessage", b"b", b"3")
    line.get(b"message", b"nobody", b"4")
    got = [[[*item] for item in each.items] for each in people]
    assert got == [
        [[b"message", b"a", b"\xff"]],
        [[b"pmessage", b"b", b"x", b"2"]],
        [[b"smessage", b"b", b"3"]],
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_subscriber_is_told_once_a_pass(protocol: int) -> None:
    """All messages of one `receive` are one `settle`, before and after an acknowledgement."""
    line = Line(protocol)
    one = line.subscribed(CHANNEL, b"a")
    line.queue.feed(line.bytes_of(b"message", b"a", b"1") * 100)
    assert (len(one.items), one.settled) == (100, 1)
    two = NotedSubscriber()
    line.side.subscribe(two, CHANNEL, b"b")
    message = line.bytes_of(b"message", b"a", b"1")
    line.queue.feed(message + line.bytes_of(b"subscribe", b"b", 2) + message)
    assert (len(one.items), one.settled) == (102, 3)
    line.side.subscribe(two, CHANNEL, b"c", b"d")
    line.queue.feed(message + line.bytes_of(b"subscribe", b"c", 3) + message * 2)
    assert (len(one.items), one.settled) == (105, 5)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_messages_in_a_row_are_what_they_are_one_by_one(protocol: int) -> None:
    """In one `receive` or in many, each subscriber gets the same in the same order."""
    words: list[tuple[bytes, ...]] = [
        *((b"message", b"a", b"%d" % number) for number in range(4)),
        *((b"message", b"b", b"%d" % number) for number in range(4, 6)),
        (b"message", b"nobody", b"6"),
        *((b"smessage", b"b", b"%d" % number) for number in range(7, 10)),
        (b"pmessage", b"b", b"x", b"10"),
        (b"pmessage", b"b", b"x", b"11"),
        *((b"message", b"b", b"%d" % number) for number in range(12, 15)),
    ]
    got: list[list[list[list[bytes]]]] = []
    for at_once in (True, False):
        line = Line(protocol)
        people = [line.subscribed(kind, b"a", b"b") for kind in (CHANNEL, PATTERN, SHARD)]
        stream = [line.bytes_of(*each) for each in words]
        for data in [b"".join(stream)] if at_once else stream:
            line.queue.feed(data)
        got.append([[[*item] for item in each.items] for each in people])
        assert [each.runs for each in people] == ([[3, 1, 2], [], [2]] if at_once else [[]] * 3)
        assert not at_once or [each.settled for each in people] == [1, 1, 1]
    assert got[0] == got[1]
    assert sum(map(len, got[0])) == len(words) - 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("end", [b"?\r\n", b"message", b"reply"])
def test_messages_in_a_row_before_something_else(protocol: int, end: bytes) -> None:
    """They are delivered before an error of the protocol is raised, and before a reply is given."""
    line = Line(protocol)
    one = line.subscribed(CHANNEL, b"a")
    messages = line.bytes_of(b"message", b"a", b"1") * 3
    if end == b"reply":
        pong = line.ask()
        line.queue.feed(messages + b"+PONG\r\n")
        assert pong == [b"PONG"]
    else:
        last = line.bytes_of(b"message", b"a") if end == b"message" else end
        with pytest.raises(ProtocolError):
            line.queue.feed(messages + last)
    assert (len(one.items), one.runs, one.settled) == (3, [2], 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_replies_and_messages_mix(protocol: int) -> None:
    """A PING between messages gets its own reply, and a SUBSCRIBE behind it its own."""
    line = Line(protocol)
    one = line.subscribed(CHANNEL, b"a")
    pong = line.ask()
    _, results = line.side.subscribe(one, CHANNEL, b"b", b"c")
    after = line.ask()
    line.get(b"message", b"a", b"1")
    line.queue.feed(b"+PONG\r\n" if protocol == 3 else line.bytes_of(b"pong", b""))
    line.get(b"subscribe", b"b", 2)
    line.get(b"message", b"b", b"2")
    assert results == []
    line.get(b"subscribe", b"c", 3)
    assert (results, after) == ([None], [])
    line.queue.feed(b"+PONG\r\n" if protocol == 3 else line.bytes_of(b"pong", b""))
    answer = b"PONG" if protocol == 3 else [b"pong", b""]
    assert (pong, after) == ([answer], [answer])
    assert [item[-1] for item in one.items] == [b"1", b"2"]
    assert line.queue.idle


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_refusal_answers_its_request(protocol: int) -> None:
    """An error reply belongs to the SUBSCRIBE at the head of the line."""
    line = Line(protocol)
    one = NotedSubscriber()
    _, first = line.side.subscribe(one, CHANNEL, b"secret")
    _, second = line.side.subscribe(one, CHANNEL, b"b")
    line.queue.feed(b"-NOPERM no\r\n")
    line.get(b"unsubscribe", b"secret", 0)
    line.get(b"subscribe", b"b", 1)
    assert [type(each) for each in first] == [NoPermissionError]
    assert second == [None]
    assert line.queue.idle


def test_every_cut_of_the_bytes_gives_the_same() -> None:
    """Wherever a `receive` ends, the messages and answers are the same."""
    for protocol in PROTOCOLS:
        sample = Line(protocol)
        stream = b"".join(
            (
                sample.bytes_of(b"subscribe", b"a", 1),
                sample.bytes_of(b"message", b"a", b"1" * 50),
                sample.bytes_of(b"subscribe", b"b", 2),
                sample.bytes_of(b"message", b"b", b"2"),
            )
        )
        for cut in range(len(stream) + 1):
            line = Line(protocol)
            one = NotedSubscriber()
            _, results = line.side.subscribe(one, CHANNEL, b"a", b"b")
            line.queue.feed(stream[:cut])
            line.queue.feed(stream[cut:])
            assert results == [None]
            assert [item[1] for item in one.items] == [b"a", b"b"]


def test_a_channel_that_the_server_takes_away() -> None:
    """A sunsubscribe that nobody asked for is a loss of that channel, even behind a request."""
    line = Line()
    line.subscribed(SHARD, b"a", b"b")
    line.get(b"sunsubscribe", b"a", 1)
    line.ask()
    line.get(b"sunsubscribe", b"b", 0)
    line.get(b"sunsubscribe", b"unknown", 0)
    assert line.side.revoked == [(SHARD, b"a"), (SHARD, b"b")]


def test_other_pushes_are_ignored() -> None:
    """A push of another kind answers no request."""
    line = Line()
    pong = line.ask()
    line.get(b"invalidate", b"key")
    assert pong == []


def test_the_time_of_the_last_byte() -> None:
    """The reader knows when bytes came last, messages or not."""
    line = Line()
    line.now = 5.0
    line.queue.feed(b">3\r\n$7\r\nmess")
    assert line.reader.heard_at == 5.0


def test_messages_do_not_count_as_bytes_that_nobody_asked_for() -> None:
    """Many messages that end in the middle of one are no endless push; one that never ends is."""
    line = Line()
    line.subscribed(CHANNEL, b"a")
    line.queue.max_unasked = 1000
    message = line.bytes_of(b"message", b"a", b"x" * 100)
    line.queue.feed(message[:10])
    for _ in range(50):
        line.queue.feed(message[10:] + message[:10])
    line.queue.feed(message[10:])
    with pytest.raises(ProtocolError):
        line.queue.feed(b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2000\r\n" + b"x" * 1500)


@pytest.mark.parametrize(
    "data",
    [
        b">0\r\n",
        b">1\r\n$7\r\nmessage\r\n",
        b">1\r\n$9\r\nsubscribe\r\n",
        b">1\r\n*0\r\n",
        b">3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n",
    ],
)
def test_malformed_messages_end_the_connection(data: bytes) -> None:
    """Pushes without words, or acknowledgements that nobody asked for, are a protocol error."""
    line = Line()
    line.subscribed(CHANNEL, b"a")
    with pytest.raises(ProtocolError):
        line.queue.feed(data)
