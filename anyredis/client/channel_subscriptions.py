"""The block of a `PubSub`, and the channels and patterns that are subscribed in it.

Law: outside its block a `PubSub` has neither buffer nor connection.  Entering starts nothing; the
first subscription does.  Leaving removes its channels in one step, whatever was cancelled, and
waits until the lease that it alone used is given back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Final, Generic, Self

import anyio

from anyredis.client.inbox import OnFull
from anyredis.client.placement import Placement
from anyredis.client.subscribed_connection import SubscribedConnection
from anyredis.client.subscriber import Encoding, Handler, PubSubSubscriber
from anyredis.commands.several import all_keys
from anyredis.connection.options import check_count, check_flags
from anyredis.exceptions import DataTypeError, PubSubError, RedisError, fresh
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.waiter import waiter_factory
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key
from anyredis.wire.subscriptions import CHANNEL, PATTERN, SHARD, SubscriptionCall, SubscriptionKind

MAX_MESSAGES: Final = 10_000
"""The default bound of the messages in a buffer."""

MAX_BYTES: Final = 16 * 1024 * 1024
"""The default bound of the bytes in a buffer."""

LEAVE_TIMEOUT: Final = 5.0
"""Seconds that leaving the block waits until the lease is given back."""

NOT_OPEN: Final = (
    "this PubSub is not open: use it inside `async with client.pubsub() as pubsub:`, or "
    "`async with client.subscribe(...) as messages:`"
)


class ChannelSubscriptions(Generic[S]):
    """The block of a `PubSub`, and what is subscribed in it."""

    def __init__(
        self,
        placement: Placement,
        encoding: Encoding,
        *,
        ignore_subscribe_messages: bool,
        max_messages: int,
        max_bytes: int,
        on_full: OnFull,
        first: Mapping[SubscriptionKind, tuple[Key, ...]],
    ) -> None:
        check_flags(ignore_subscribe_messages=ignore_subscribe_messages)
        check_count("max_messages", max_messages, least=1)
        check_count("max_bytes", max_bytes, least=1)
        self._placement = placement
        self._encoding = encoding
        self._ignores = ignore_subscribe_messages
        self._bounds = (max_messages, max_bytes, on_full)
        self._first = first
        self._subscriber: PubSubSubscriber[S] | None = None

    def __repr__(self) -> str:
        if self._subscriber is None:
            return f"<{type(self).__name__} not open>"
        mine = self._subscriber
        channels = sum(map(len, mine.handlers.values()))
        return f"<{type(self).__name__} channels={channels} unread={len(mine)} bytes={mine.bytes}>"

    # -- the block ------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open it; with `client.subscribe`, subscribe too.  Raises the errors of `subscribe`."""
        if self._subscriber is not None:
            raise RuntimeError("this PubSub is in use: make another one for another block")
        self._placement.check()
        placement = self._placement
        self._subscriber = mine = PubSubSubscriber[S](
            self._encoding,
            *self._bounds,
            confirms=not self._ignores,
            on_level=placement.set_level,
            on_failed=lambda: placement.remove(mine),
            new_waiter=waiter_factory(),
        )
        try:
            for kind, names in self._first.items():
                await self._subscribe(kind, names, {})
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """The same as leaving the block: unsubscribe from everything; twice is once.

        Unread messages are lost.  Tasks that wait for a message get a `PubSubError`.
        """
        mine, self._subscriber = self._subscriber, None
        if mine is None:
            return
        mine.fail(PubSubError("the block of this PubSub was left"))
        cancelled: BaseException | None = None
        with anyio.move_on_after(LEAVE_TIMEOUT, shield=True) as scope:
            while self._placement.leaving:
                try:
                    await self._placement.left()
                except anyio.get_cancelled_exc_class() as error:
                    if scope.cancel_called:
                        raise
                    cancelled = error  # by `asyncio.Task.cancel`, which ignores shields
        if cancelled is not None:
            raise cancelled

    def _opened(self) -> PubSubSubscriber[S]:
        if self._subscriber is None:
            raise RuntimeError(NOT_OPEN)
        self._placement.check()
        _raise_error(self._subscriber.error)
        return self._subscriber

    # -- subscribe, unsubscribe -----------------------------------------------------------------

    async def subscribe(self, *channels: Key | Collection[Key], **handlers: Handler[S]) -> None:
        """None, once the server has acknowledged the subscription to all *channels*.

        Each channel in *handlers* has a function, or a coroutine function, which is called with its
        messages by the task that reads them; they are not returned then.

        Raises the server's error (`NoPermissionError` …), that of getting a connection, and
        `PubSubError` if the buffer is so full that the acknowledgement cannot be read.  After an
        error or a cancellation, what was subscribed before is subscribed still, and nothing else.
        Sends SUBSCRIBE, for channels that no other `PubSub` on the same connection has.
        """
        await self._subscribe(CHANNEL, channels, handlers)

    async def psubscribe(self, *patterns: Key | Collection[Key], **handlers: Handler[S]) -> None:
        """None, once the server has acknowledged the subscription to all *patterns* (globs).

        Otherwise like `subscribe`.  A message that several patterns match comes once for each.
        Sends PSUBSCRIBE.
        """
        await self._subscribe(PATTERN, patterns, handlers)

    async def ssubscribe(self, *channels: Key | Collection[Key], **handlers: Handler[S]) -> None:
        """None, once the server has acknowledged the subscription to all sharded *channels*.

        Otherwise like `subscribe`.  In a cluster, each is at the node that has its slot.
        Sends SSUBSCRIBE.  Redis 7.0.
        """
        await self._subscribe(SHARD, channels, handlers)

    async def _subscribe(
        self,
        kind: SubscriptionKind,
        given: tuple[Key | Collection[Key], ...],
        handlers: Mapping[str, Handler[S]],
    ) -> None:
        mine, placement = self._opened(), self._placement
        method = kind.subscribe.decode().lower()
        names = all_keys(method, "channels", given) if given or not handlers else ()
        for name, handler in handlers.items():
            if not callable(handler):
                raise DataTypeError(
                    f"{method}: {name} has to be a function, not {excerpt(handler)}"
                )
        encoded: dict[bytes, Handler[S] | None] = {
            self._encoding.name(each): None for each in names
        }
        encoded.update((self._encoding.name(name), each) for name, each in handlers.items())
        await placement.prepare()
        before = mine.begin(kind, encoded)
        calls: list[tuple[SubscribedConnection, SubscriptionCall]] = []
        try:
            calls = placement.subscribe(mine, kind, encoded)
            for _, call in calls:
                _raise_error(await call.waiter)
            _raise_error(mine.error)  # the block may have been left meanwhile
        except BaseException:
            placement.withdraw(calls)
            mine.undo(kind, encoded, before)
            with anyio.move_on_after(LEAVE_TIMEOUT, shield=True):
                await placement.left()  # the leases that this call alone has taken come back
            raise

    async def unsubscribe(self, *channels: Key | Collection[Key]) -> None:
        """None, once the server has acknowledged the end of the subscription to *channels*.

        Without any, to all channels.  Their unread messages stay in the buffer.  Sends UNSUBSCRIBE,
        for channels that no other `PubSub` on the same connection has.
        """
        await self._unsubscribe(CHANNEL, channels)

    async def punsubscribe(self, *patterns: Key | Collection[Key]) -> None:
        """The same for *patterns*; without any, for all patterns.  Sends PUNSUBSCRIBE."""
        await self._unsubscribe(PATTERN, patterns)

    async def sunsubscribe(self, *channels: Key | Collection[Key]) -> None:
        """The same for sharded *channels*; without any, for all of them.  Sends SUNSUBSCRIBE."""
        await self._unsubscribe(SHARD, channels)

    async def _unsubscribe(
        self, kind: SubscriptionKind, given: tuple[Key | Collection[Key], ...]
    ) -> None:
        mine = self._opened()
        method = kind.unsubscribe.decode().lower()
        names = [*mine.handlers[kind]]
        if given:
            names = [self._encoding.name(each) for each in all_keys(method, "channels", given)]
        for call in self._placement.unsubscribe(mine, kind, names):
            await call.waiter

    # -- what is subscribed ---------------------------------------------------------------------

    @property
    def channels(self) -> dict[S, Handler[S] | None]:
        """The channels, each with its handler or None; a copy."""
        return self._named(CHANNEL)

    @property
    def patterns(self) -> dict[S, Handler[S] | None]:
        """The patterns, each with its handler or None; a copy."""
        return self._named(PATTERN)

    @property
    def shard_channels(self) -> dict[S, Handler[S] | None]:
        """The sharded channels, each with its handler or None; a copy."""
        return self._named(SHARD)

    def _named(self, kind: SubscriptionKind) -> dict[S, Handler[S] | None]:
        return {} if self._subscriber is None else self._subscriber.named(kind)

    @property
    def subscribed(self) -> bool:
        """Whether it has any channels or patterns."""
        return self._subscriber is not None and self._subscriber.subscribed


def _raise_error(result: Reply) -> None:
    if isinstance(result, RedisError):
        raise fresh(result)
