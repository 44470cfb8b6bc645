"""The events of a subscription: messages, and what else its reader has to know.

Law: every event has a `kind`, and the item access of redis-py: `event["type"]`, `["pattern"]`,
`["channel"]` and `["data"]`.
"""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, cast

from anyredis.replies import S

MessageKind: TypeAlias = Literal["message", "pmessage", "smessage"]

ChangeKind: TypeAlias = Literal[
    "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"
]

_ITEMS: Final = {"type": "kind", "pattern": "pattern", "channel": "channel", "data": "data"}


def _item(event: tuple[Any, ...], name: Any) -> Any:
    """The value that redis-py has under *name*; None if this event has none."""
    if not isinstance(name, str):
        return cast("Any", tuple).__getitem__(event, name)
    if name not in _ITEMS:
        raise KeyError(name)
    return getattr(event, _ITEMS[name], None)


class Message(NamedTuple, Generic[S]):
    """A message that was published.

    `kind` is "message", "pmessage" (by a pattern) or "smessage" (sharded); `pattern` is that which
    matched, or None.
    """

    kind: MessageKind
    channel: S
    data: S
    pattern: S | None = None

    def __getitem__(self, name: Any) -> Any:
        """The value that redis-py has under *name*: type, pattern, channel or data."""
        return _item(self, name)


class SubscriptionChange(NamedTuple, Generic[S]):
    """A channel or pattern was subscribed or unsubscribed.

    `kind` is the command in lower case; `channel` the channel or pattern; `data` the number of
    channels and patterns that the `PubSub` has from then on, of sharded channels their own number.
    """

    kind: ChangeKind
    channel: S
    data: int

    def __getitem__(self, name: Any) -> Any:
        """The value that redis-py has under *name*: type, pattern, channel or data."""
        return _item(self, name)


class Gap(NamedTuple, Generic[S]):
    """Messages may have been missed, at this place of the stream.

    They are those published between `since`, when the connection was last known to be good, and
    `until`, when the server had subscribed again; both in seconds since 1970.  They concern
    `channels`, `patterns` and `shard_channels`.  `reason` says what had happened.
    """

    since: float
    until: float
    reason: str
    channels: frozenset[S] = frozenset()
    patterns: frozenset[S] = frozenset()
    shard_channels: frozenset[S] = frozenset()

    @property
    def kind(self) -> Literal["gap"]:
        """The kind of the event."""
        return "gap"

    def __getitem__(self, name: Any) -> Any:
        """The type; None for what redis-py's messages have besides."""
        return _item(self, name)

    def joined(self, later: Gap[S]) -> Gap[S]:
        """One gap for this one and a *later* one, if no message came in between."""
        reason = self.reason if later.reason in self.reason else later.reason
        return Gap(
            min(self.since, later.since),
            max(self.until, later.until),
            reason,
            self.channels | later.channels,
            self.patterns | later.patterns,
            self.shard_channels | later.shard_channels,
        )


class Dropped(NamedTuple):
    """At this place of the stream, `count` messages were dropped: the buffer was full."""

    count: int  # type: ignore[assignment]  # in place of tuple.count

    @property
    def kind(self) -> Literal["dropped"]:
        """The kind of the event."""
        return "dropped"

    def __getitem__(self, name: Any) -> Any:
        """The type; None for what redis-py's messages have besides."""
        return _item(self, name)


PubSubEvent: TypeAlias = Message[S] | SubscriptionChange[S] | Gap[S] | Dropped
"""An event of a `PubSub`: its `kind` tells which."""
