"""The events of a subscription: messages, and what else its reader has to know.

Law: every event has a `kind`, and the item access of redis-py: `event["type"]`, `["pattern"]`,
`["channel"]` and `["data"]`.
"""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, TypeAlias

from anyredis.replies import S

MessageKind: TypeAlias = Literal["message", "pmessage", "smessage"]

ChangeKind: TypeAlias = Literal[
    "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"
]


class PubSubEvent:
    """The base of the events of a `PubSub`."""

    __slots__: tuple[str, ...] = ()
    kind: str

    def __getitem__(self, name: str) -> Any:
        """The value that redis-py has under *name*: type, pattern, channel or data."""
        if name not in _ITEMS:
            raise KeyError(name)
        return getattr(self, _ITEMS[name], None)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((type(self), *(repr(getattr(self, name)) for name in self.__slots__)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"


_ITEMS: Final = {"type": "kind", "pattern": "pattern", "channel": "channel", "data": "data"}


class Message(PubSubEvent, Generic[S]):
    """A message that was published.

    `kind` is "message", "pmessage" (by a pattern) or "smessage" (sharded); `pattern` is that which
    matched, or None.
    """

    __slots__ = ("channel", "data", "kind", "pattern")

    def __init__(self, kind: MessageKind, channel: S, data: S, pattern: S | None = None) -> None:
        self.kind = kind
        self.channel = channel
        self.data = data
        self.pattern = pattern


class SubscriptionChange(PubSubEvent, Generic[S]):
    """A channel or pattern was subscribed or unsubscribed.

    `kind` is the command in lower case; `channel` the channel or pattern; `data` the number of
    channels and patterns that the `PubSub` has from then on, of sharded channels their own number.
    """

    __slots__ = ("channel", "data", "kind")

    def __init__(self, kind: ChangeKind, channel: S, data: int) -> None:
        self.kind = kind
        self.channel = channel
        self.data = data


class Gap(PubSubEvent, Generic[S]):
    """Messages may have been missed, at this place of the stream.

    They are those published between `since`, when the connection was last known to be good, and
    `until`, when the server had subscribed again; both in seconds since 1970.  They concern
    `channels`, `patterns` and `shard_channels`.  `reason` says what had happened.
    """

    kind: Literal["gap"] = "gap"
    __slots__ = ("channels", "patterns", "reason", "shard_channels", "since", "until")

    def __init__(
        self,
        since: float,
        until: float,
        reason: str,
        channels: frozenset[S] = frozenset(),
        patterns: frozenset[S] = frozenset(),
        shard_channels: frozenset[S] = frozenset(),
    ) -> None:
        self.since = since
        self.until = until
        self.reason = reason
        self.channels = channels
        self.patterns = patterns
        self.shard_channels = shard_channels

    def joined(self, later: Gap[S]) -> Gap[S]:
        """One gap for this one and a *later* one, if no message came in between."""
        return Gap(
            min(self.since, later.since),
            max(self.until, later.until),
            self.reason if later.reason in self.reason else later.reason,
            self.channels | later.channels,
            self.patterns | later.patterns,
            self.shard_channels | later.shard_channels,
        )


class Dropped(PubSubEvent):
    """At this place of the stream, `count` messages were dropped: the buffer was full."""

    kind: Literal["dropped"] = "dropped"
    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count
