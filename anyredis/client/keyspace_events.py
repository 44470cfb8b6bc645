"""Keyspace events: a typed stream of what happens to keys, from the channels of the servers.

Law: the channels are chosen so that the server filters by key.  Before anything is subscribed, the
servers' setting is read: if it turns these events off, entering the block says which flags are
missing.  In a cluster each primary tells of its own keys only, so all of them are subscribed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Final, Generic, Literal, NamedTuple, Self, cast

from anyredis.client.channel_subscriptions import MAX_BYTES, MAX_MESSAGES
from anyredis.client.inbox import OnFull
from anyredis.client.placement import Placement
from anyredis.client.pubsub import PubSub
from anyredis.client.pubsub_events import Dropped, Gap, Message
from anyredis.client.subscribing import Subscribing, check_on_full
from anyredis.client.unavailable import Unavailable
from anyredis.commands.several import SomeKeys, all_keys, keys_of
from anyredis.exceptions import DataTypeError, DataValueError, PubSubError, ResponseError
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.unfit_calls import explained
from anyredis.wire.encode import Key
from anyredis.wire.subscriptions import CHANNEL, PATTERN, SubscriptionKind

SETTING: Final = "notify-keyspace-events"

ALL_CLASSES: Final = frozenset("g$lshzxetd")
"""The classes that the flag A stands for."""

CLASSES: Final[dict[str, str]] = {
    name: flag
    for flag, names in {
        "g": "del expire rename_from rename_to move_from move_to copy_to restore persist",
        "$": "set setrange incrby incrbyfloat append",
        "l": "lpush rpush lpop rpop linsert lset lrem ltrim sortstore",
        "s": "sadd srem spop sinterstore sunionstore sdiffstore",
        "h": "hset hdel hincrby hincrbyfloat hexpire hexpired hpersist",
        "z": "zadd zincr zrem zrembyrank zrembyscore zrembylex zdiffstore zinterstore zunionstore",
        "t": "xadd xdel xtrim xsetid xgroup-create xgroup-destroy xgroup-setid",
        "x": "expired",
        "e": "evicted",
        "m": "keymiss",
        "n": "new",
        "o": "overwritten",
        "c": "type_changed",
    }.items()
    for name in names.split()
}
"""The flag of the setting that turns an event on, for the events whose flag is known."""


_AT_ONCE: Final = (
    "the keys and kinds are those of client.keyspace_events('user:*', events=['set', 'del'])"
)


class KeyEvent(NamedTuple, Generic[S]):
    """What happened to a key: `event` is the server's word, such as "set", "expired" or "del"."""

    key: S
    event: str
    db: int

    @property
    def kind(self) -> Literal["key"]:
        """The kind of the event."""
        return "key"


class KeyspaceEvents(Generic[S]):
    """A stream of `KeyEvent`, for an `async with` block; see `keyspace_events` of clients."""

    def __init__(
        self,
        client: KeyspaceSubscribing[S],
        pubsub: PubSub[S],
        db: int,
        wanted: frozenset[str],
        *,
        by_event: bool,
    ) -> None:
        self._client = client
        self._pubsub = pubsub
        self._db = db
        self._wanted = wanted
        self._by_event = by_event
        self._prefix = len(_prefix(db, by_event=by_event))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} db={self._db} {self._pubsub!r}>"

    async def __aenter__(self) -> Self:
        """Subscribe.

        Raises `PubSubError` if a server has these events turned off; servers that do not let this
        user read their settings are not asked further.  Raises the errors of `PubSub.subscribe`.
        """
        for address, flags in await self._client.notification_flags():
            missing = _missing(flags, self._wanted, by_event=self._by_event)
            if missing:
                enough = "".join(sorted({*flags, *missing}))
                raise PubSubError(
                    f"{address} does not send these events: its setting {SETTING} is "
                    f"{excerpt(flags)}, without {' and '.join(map(repr, missing))}. Turn them on, "
                    f"for example by CONFIG SET {SETTING} {enough}"
                )
        await self._pubsub.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """The same as leaving the block; twice is once."""
        await self._pubsub.aclose()

    def __aiter__(self) -> Self:
        """The stream of events, gaps and dropped events."""
        return self

    async def __anext__(self) -> KeyEvent[S] | Gap[S] | Dropped:
        """The next event, gap or number of dropped events.

        A cancelled wait loses nothing.  Errors are those of `PubSub.__anext__`.
        """
        while True:
            message = await anext(self._pubsub)
            if not isinstance(message, Message):
                return message
            event = self._event_of(message)
            if not self._wanted or event.event in self._wanted:
                return event

    get_message = Unavailable("write anext(events), or async for event in events")
    listen = Unavailable("write async for event in events")
    refresh_subscriptions = Unavailable("the stream follows the primaries of a cluster by itself")
    run = Unavailable("write async for event in events")
    subscribe = Unavailable(_AT_ONCE)
    subscribe_keyevent = Unavailable(_AT_ONCE)
    subscribe_keyspace = Unavailable(_AT_ONCE)
    unsubscribe = Unavailable("leave the block")

    def _event_of(self, message: Message[S]) -> KeyEvent[S]:
        name, data = cast("S", message.channel[self._prefix :]), message.data
        key, event = (data, name) if self._by_event else (name, data)
        word = event if isinstance(event, str) else event.decode("utf-8", "backslashreplace")
        return KeyEvent(key, word, self._db)


class KeyspaceSubscribing(Subscribing[S], Generic[S]):
    """The base of clients that have `keyspace_events`."""

    @abstractmethod
    async def notification_flags(self) -> list[tuple[str, str]]:
        """The address of each server that events come from, with its flags, as far as it tells."""

    def new_keyspace_placement(self) -> Placement:
        """A placement for subscriptions to keyspace events."""
        return self.new_placement()

    keyspace_notifications = Unavailable(
        "write async with client.keyspace_events('user:*', events=['set', 'del']) as events"
    )

    @explained
    def keyspace_events(
        self,
        *patterns: Key | Collection[Key],
        events: str | Collection[str] = (),
        db: int | None = None,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        on_full: OnFull = "wait",
    ) -> KeyspaceEvents[S]:
        """What happens to keys, as a stream of `KeyEvent`, for an `async with` block.

            async with client.keyspace_events("user:*", events=["set", "del", "expired"]) as events:
                async for event in events:
                    ...

        *patterns* are keys or globs; without one, all keys.  *events* are the server's words;
        without one, all events.  An event comes once for each pattern that matches.  *db* is the
        database, by default that of the client.  The stream has `Gap` and `Dropped` too, and the
        other arguments are those of `pubsub`; each stream has a connection and a lease of its own
        for each server that it needs: in a cluster, all primaries, also those that come later.

        Entering raises `PubSubError` if the server has these events turned off (its setting
        notify-keyspace-events).  Raises `DataError` for invalid arguments.
        """
        keys = all_keys("keyspace_events", "patterns", patterns) if patterns else ()
        words = frozenset(_event_words(events))
        pool = self._subscribing_pool
        number = pool.db if db is None else db
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise DataValueError(f"keyspace_events: db is {excerpt(db)}: give a number from 0 on")
        by_event = bool(words) and not keys
        prefix = _prefix(number, by_event=by_event).encode()
        first: dict[SubscriptionKind, tuple[Key, ...]] = {}
        if by_event:
            first[CHANNEL] = tuple(prefix + word.encode() for word in sorted(words))
        else:
            first = _by_key(prefix, pool.encoding, keys or ("*",))
        check_on_full(on_full)
        placement = self.new_keyspace_placement()
        pubsub = self._pubsub_at(placement, True, max_messages, max_bytes, on_full, first)
        return KeyspaceEvents(self, pubsub, number, words, by_event=by_event)


def _prefix(db: int, *, by_event: bool) -> str:
    return f"__{'keyevent' if by_event else 'keyspace'}@{db}__:"


def _by_key(
    prefix: bytes, encoding: str, keys: Iterable[Key]
) -> dict[SubscriptionKind, tuple[Key, ...]]:
    """The channels of plain keys and, as patterns, those of globs: patterns cost the server more."""
    names = [key.encode(encoding) if isinstance(key, str) else bytes(key) for key in keys]
    globs = [name for name in names if any(sign in name for sign in b"*?[\\")]
    plain = [name for name in names if name not in globs]
    found = {CHANNEL: plain, PATTERN: globs}
    return {kind: tuple(prefix + name for name in some) for kind, some in found.items() if some}


def _event_words(events: str | Collection[str]) -> tuple[str, ...]:
    if events == ():
        return ()
    given: SomeKeys = events
    words = keys_of("keyspace_events", given)
    for word in words:
        if not isinstance(word, str):
            raise DataTypeError(
                f"keyspace_events: events has {excerpt(word)}: give the words as str, such as 'set'"
            )
    return tuple(word for word in words if isinstance(word, str))


def _missing(flags: str, events: frozenset[str], *, by_event: bool) -> list[str]:
    """The flags that the setting lacks for these *events*; all events need at least one class."""
    present = set(flags)
    if "A" in present:
        present |= ALL_CLASSES
    channel = "E" if by_event else "K"
    needed = {CLASSES[event] for event in events if event in CLASSES}
    if not events and not present - {"K", "E"}:
        needed = {"A"}
    return sorted(each for each in {channel, *needed} if each not in present)


async def flags_in(reading: Awaitable[Mapping[str, str]], address: str) -> list[tuple[str, str]]:
    """The *address* with the flags in the settings of the server there.

    Empty if the server does not tell them to this user.
    """
    try:
        settings = await reading
    except ResponseError:  # no permission, or a service that has no CONFIG
        return []
    return [(address, flags) for name, flags in settings.items() if name == SETTING]
