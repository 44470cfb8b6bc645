"""What subscriptions consist of: kinds, subscribers, calls, requests and channels.

Law: a request is answered once, by the acknowledgement of its last name or by an error; a call ends
once, when all its channels are acknowledged or one of its requests fails.  `subscription_table`
decides what is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple, Protocol

from anyredis.exceptions import RedisError
from anyredis.wire.decode import Reply
from anyredis.wire.request import ReplyWaiter


class SubscriptionKind(NamedTuple):
    """One of the three kinds of subscription, by its words on the wire."""

    subscribe: bytes
    """The command; its acknowledgement has the same word in lower case."""
    unsubscribe: bytes
    message: bytes
    """The first word of a message."""


CHANNEL: Final = SubscriptionKind(b"SUBSCRIBE", b"UNSUBSCRIBE", b"message")
PATTERN: Final = SubscriptionKind(b"PSUBSCRIBE", b"PUNSUBSCRIBE", b"pmessage")
SHARD: Final = SubscriptionKind(b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"smessage")
KINDS: Final = (CHANNEL, PATTERN, SHARD)

ACKNOWLEDGEMENTS: Final = {kind.subscribe.lower(): (kind, True) for kind in KINDS} | {
    kind.unsubscribe.lower(): (kind, False) for kind in KINDS
}
"""The first word of an acknowledgement: its kind, and whether it is that of a subscribe."""


class Loss(NamedTuple):
    """A time for which a channel was not subscribed, so that messages may have been missed."""

    since: float
    """The time at which the connection was last known to be good, in seconds since 1970."""
    reason: str


class Subscriber(Protocol):
    """What gets messages and events; every method is synchronous and raises nothing."""

    items: deque[Any]
    """Messages are appended here: the word of the kind, the pattern if any, channel and data."""

    def put_run(self, kind: bytes, channel: bytes, run: list[Any], /) -> None:
        """Take the data of messages in a row, the same as one by one in `items`.

        *kind* is the word of the kind, *channel* that of each of them, which has no pattern.
        """
        ...

    def settle(self) -> None:
        """Take note of the messages that were appended in one pass."""
        ...

    def subscribed_to(self, kind: SubscriptionKind, name: bytes, /) -> None:
        """The server has acknowledged *name*."""
        ...

    def unsubscribed_from(self, kind: SubscriptionKind, name: bytes, /) -> None:
        """No more messages of *name* come."""
        ...

    def missed(self, loss: Loss, kind: SubscriptionKind, names: list[bytes], /) -> None:
        """*names* are subscribed again, after *loss*."""
        ...

    def fail(self, error: RedisError, /) -> None:
        """No more messages come, because of *error*."""
        ...


class SubscriptionCall:
    """One call of `subscribe` by *subscriber*; *waiter* gets None or the error as its result."""

    __slots__ = ("added", "began", "missing", "names", "subscriber", "waiter")

    def __init__(self, subscriber: Subscriber, waiter: ReplyWaiter, began: float = 0.0) -> None:
        self.subscriber = subscriber
        self.waiter = waiter
        self.began = began
        """The time of the event loop at which it began."""
        self.missing = 0
        """Channels that the server has not acknowledged."""
        self.names: list[tuple[SubscriptionKind, bytes]] = []
        """The channels that it waits for, or has waited for."""
        self.added: dict[tuple[SubscriptionKind, bytes], None] = {}
        """Channels that the subscriber has by this call alone."""

    def finish(self, error: RedisError | None = None) -> None:
        """Wake the caller, unless it is gone."""
        if not self.waiter.done():
            self.waiter.set_result(error)

    def acknowledged(self) -> None:
        """One more channel is acknowledged, or not wanted any more."""
        self.missing -= 1
        if not self.missing:
            self.finish()


class SubscriptionRequest:
    """A SUBSCRIBE or UNSUBSCRIBE command, and the `ReplyWaiter` of its answer.

    It is never cancelled: a caller that gives up leaves the table, which decides what to send.
    *failed* is called if it is answered with an error.
    """

    __slots__ = ("acknowledged", "call", "error", "failed", "kind", "names", "subscribes")

    def __init__(
        self,
        failed: Callable[[SubscriptionRequest, RedisError], None],
        kind: SubscriptionKind,
        names: tuple[bytes, ...],
        call: SubscriptionCall | None,
        *,
        subscribes: bool,
    ) -> None:
        self.failed = failed
        self.kind = kind
        self.names = names
        self.call = call
        """The call that it was sent for alone; None if it was sent for what was subscribed."""
        self.subscribes = subscribes
        self.acknowledged = 0
        """The number of names that the server has acknowledged, in their order."""
        self.error: RedisError | None = None

    @property
    def args(self) -> tuple[bytes, ...]:
        """The words of the command."""
        return (self.kind.subscribe if self.subscribes else self.kind.unsubscribe, *self.names)

    def done(self) -> bool:
        """Whether it is answered."""
        return self.acknowledged == len(self.names) or self.error is not None

    def cancelled(self) -> bool:
        """False."""
        return False

    def __await__(self) -> Generator[Any, Any, Reply]:
        raise NotImplementedError

    def set_result(self, result: Reply, /) -> None:
        """Take the server's error, or that of the lost connection."""
        if isinstance(result, RedisError):
            self.error = result
            self.failed(self, result)


class Channel:
    """A channel or pattern that is wanted, with its subscribers."""

    __slots__ = ("asked", "calls", "confirmed", "loss", "lost_by", "subscribers")

    def __init__(self) -> None:
        self.subscribers: tuple[Subscriber, ...] = ()
        self.asked: SubscriptionRequest | None = None
        """The request that it is in, until the server has acknowledged it."""
        self.confirmed = False
        """Whether it is subscribed now."""
        self.calls: list[SubscriptionCall] = []
        """The calls that wait for it."""
        self.loss: Loss | None = None
        """Since when its messages may have been missed."""
        self.lost_by: tuple[Subscriber, ...] = ()
        """The subscribers that had it when it was lost."""

    def lose(self, loss: Loss) -> None:
        """It is not subscribed any more; a loss that was not told yet goes on."""
        if self.confirmed and self.loss is None:
            self.loss, self.lost_by = loss, self.subscribers
        self.confirmed = False
        self.asked = None
