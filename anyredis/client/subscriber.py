"""The subscriber behind a `PubSub`: its buffer, its channels with their handlers, and its encoding.

Law: it takes bytes from the subscribed connections, and gives typed events.  Text that does not
decode is an error for its reader alone, when that comes to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any, Final, Generic, TypeAlias, cast

from anyredis.client.inbox import Inbox, Item, OnFull
from anyredis.client.pubsub_events import (
    ChangeKind,
    Gap,
    Message,
    MessageKind,
    SubscriptionChange,
)
from anyredis.exceptions import DataTypeError, DataValueError, ReplyDecodeError
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.waiter import Waiter
from anyredis.wire.encode import Key
from anyredis.wire.subscriptions import CHANNEL, KINDS, PATTERN, SHARD, Loss, SubscriptionKind

Handler: TypeAlias = Callable[[Message[S]], object]
"""A function, or a coroutine function, that is called with each message of its channel."""

new_tuple: Final[Callable[[type[Any], tuple[Any, ...]], Any]] = cast("Any", tuple).__new__

MESSAGE_KINDS: Final[dict[bytes, MessageKind]] = {
    b"message": "message",
    b"pmessage": "pmessage",
    b"smessage": "smessage",
}


class Encoding:
    """The encoding of names and messages, as the pool has it; *decodes*: text comes as str."""

    def __init__(self, encoding: str, errors: str, *, decodes: bool) -> None:
        self.encoding = encoding
        self.errors = errors
        self.decodes = decodes

    def name(self, name: Key) -> bytes:
        """The bytes of a channel's name; raises `DataError` if it has none."""
        if isinstance(name, str):
            try:
                return name.encode(self.encoding, self.errors)
            except UnicodeEncodeError as error:
                raise DataValueError(
                    f"the channel {excerpt(name)} is no text in {self.encoding}: {error.reason}"
                ) from None
        if not isinstance(name, (bytes, bytearray, memoryview)):
            raise DataTypeError(
                f"a channel is text or bytes, not {excerpt(name)} ({type(name).__name__}); a handler "
                "is given by the channel's name: subscribe(name=handler)"
            )
        return bytes(name)

    def text(self, raw: bytes) -> Any:
        """*raw* as the user reads it; raises `UnicodeDecodeError`."""
        return raw.decode(self.encoding, self.errors) if self.decodes else raw


class PubSubSubscriber(Inbox[S], Generic[S]):
    """The `Subscriber` of one `PubSub`; the other arguments are those of `Inbox`.

    *confirms*: whether confirmations of subscriptions are events too.
    """

    def __init__(
        self,
        encoding: Encoding,
        max_messages: int,
        max_bytes: int,
        on_full: OnFull,
        *,
        confirms: bool,
        on_level: Callable[[int], None],
        on_failed: Callable[[], None],
        new_waiter: Callable[[], Waiter],
    ) -> None:
        super().__init__(
            max_messages,
            max_bytes,
            on_full,
            on_level=on_level,
            on_failed=on_failed,
            new_waiter=new_waiter,
        )
        self.handlers: dict[SubscriptionKind, dict[bytes, Handler[S] | None]] = {
            kind: {} for kind in KINDS
        }
        """The channels of each kind, each with its handler."""
        self.has_handlers = False
        """Whether a channel has, or had, a handler."""
        self.began = False
        """Whether it has ever been subscribed to anything."""
        self._encoding = encoding
        self._codec, self._errors = encoding.encoding, encoding.errors
        self.binary = not encoding.decodes
        """Whether messages are read as bytes."""
        self._confirms = confirms
        self._confirmed: dict[SubscriptionKind, set[bytes]] = {kind: set() for kind in KINDS}
        self.names: dict[bytes, S] = {}
        """The names of channels, as the user reads them."""

    @property
    def subscribed(self) -> bool:
        """Whether it has channels or patterns."""
        return any(self.handlers.values())

    def named(self, kind: SubscriptionKind) -> dict[S, Handler[S] | None]:
        """The channels of *kind* as the user reads them, each with its handler."""
        return {self._read(name): handler for name, handler in self.handlers[kind].items()}

    def begin(
        self, kind: SubscriptionKind, handlers: Mapping[bytes, Handler[S] | None]
    ) -> dict[bytes, Handler[S] | None]:
        """Take *handlers* for these channels; gives those that they had, for `undo`."""
        mine = self.handlers[kind]
        before = {name: mine[name] for name in handlers if name in mine}
        mine.update(handlers)
        self.names.update((name, self._read(name)) for name in handlers)
        self.has_handlers = self.has_handlers or any(handlers.values())
        return before

    def undo(
        self,
        kind: SubscriptionKind,
        handlers: Mapping[bytes, Handler[S] | None],
        before: Mapping[bytes, Handler[S] | None],
    ) -> None:
        """The subscription with *handlers* has failed: what was there *before* is there again."""
        mine = self.handlers[kind]
        for name, handler in handlers.items():
            if name in before and name in mine:
                mine[name] = before[name]
            elif name not in self._confirmed[kind] and mine.get(name) is handler:
                mine.pop(name, None)
        if not self.subscribed:
            self.wake_all()

    # -- events ---------------------------------------------------------------------------------

    def subscribed_to(self, kind: SubscriptionKind, name: bytes) -> None:
        """The server has acknowledged *name*."""
        self.began = True
        self._confirmed[kind].add(name)
        self.handlers[kind].setdefault(name, None)
        self._change(kind, kind.subscribe, name)

    def unsubscribed_from(self, kind: SubscriptionKind, name: bytes) -> None:
        """No more messages of *name* come."""
        self.handlers[kind].pop(name, None)
        self.names.pop(name, None)
        if name in self._confirmed[kind]:
            self._confirmed[kind].discard(name)
            self._change(kind, kind.unsubscribe, name)
        if not self.subscribed:
            self.wake_all()

    def _change(self, kind: SubscriptionKind, word: bytes, name: bytes) -> None:
        if not self._confirms:
            return
        counted = (SHARD,) if kind is SHARD else (CHANNEL, PATTERN)
        count = sum(len(self._confirmed[each]) for each in counted)
        change = cast("ChangeKind", word.decode().lower())
        self.put_event(SubscriptionChange(change, self._read(name), count))

    def missed(self, loss: Loss, kind: SubscriptionKind, names: list[bytes]) -> None:
        """*names* are subscribed again, after *loss*."""
        which = frozenset(map(self._read, names))
        none = frozenset[S]()
        self.put_event(
            Gap(
                loss.since,
                max(time.time(), loss.since),
                loss.reason,
                which if kind is CHANNEL else none,
                which if kind is PATTERN else none,
                which if kind is SHARD else none,
            )
        )

    # -- messages -------------------------------------------------------------------------------

    def put_run(self, kind: bytes, channel: bytes, run: list[Any]) -> None:
        """Take messages in a row; they are made at once, if none has a handler and all are text."""
        name = self.names.get(channel)
        texts = None if name is None or self.has_handlers else self._texts(run)
        if texts is None:
            self.items.extend([kind, channel, data] for data in run)
        else:
            columns = zip(repeat(MESSAGE_KINDS[kind]), repeat(name), texts, repeat(None))
            self.put_made(map(new_tuple, repeat(Message), columns), run, len(channel))

    def _texts(self, run: list[Any]) -> list[Any] | None:
        """The data of messages as the user reads it; None if `message` has to see each of them."""
        if self.binary:
            return run
        codec = self._codec  # strictly: the user's handler of errors runs in `message`
        try:
            return [data.decode(codec) for data in run]
        except (ValueError, LookupError, AttributeError):
            return None

    def message(self, raw: Item) -> Message[S]:
        """The message as its reader gets it; raises `ReplyDecodeError` if its text is not valid."""
        if isinstance(raw, Message):
            return raw
        kind, channel, data = MESSAGE_KINDS[raw[0]], raw[-2], raw[-1]
        try:
            if not self.binary:
                data = data.decode(self._codec, self._errors)
            name = self.names.get(channel)
            if name is None:
                name = self._encoding.text(channel)
            pattern = self._read(raw[1]) if len(raw) > 3 else None
        except UnicodeDecodeError as error:
            raise ReplyDecodeError(
                f"a message on {excerpt(channel)} is not {error.encoding} text: {error}; "
                "the subscription goes on. Read binary messages with a client that has "
                "decode_responses=False"
            ) from error
        made: Message[S] = new_tuple(Message, (kind, name, data, pattern))  # saved frame: Message
        return made

    def handler_of(self, raw: Item) -> Handler[S] | None:
        """The handler of the channel or pattern by which a message came."""
        if isinstance(raw, Message):  # it came before there were handlers
            kind = next(kind for kind in KINDS if MESSAGE_KINDS[kind.message] == raw.kind)
            return self.named(kind).get(raw.channel)
        kind = next(kind for kind in KINDS if kind.message == raw[0])
        return self.handlers[kind].get(raw[1])

    def _read(self, name: bytes) -> S:
        """The name of a channel or pattern that is subscribed; undecodable bytes are escaped."""
        try:
            return cast("S", self._encoding.text(name))
        except UnicodeDecodeError:
            return cast("S", name.decode(self._encoding.encoding, "backslashreplace"))
