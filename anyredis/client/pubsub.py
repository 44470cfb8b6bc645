"""Subscriptions: a `PubSub` block, and the methods of clients that make one.

Law: outside its block a `PubSub` has neither buffer nor connection.  Entering starts nothing; the
first subscription does.  Leaving removes its channels in one step, whatever was cancelled, and
waits until the lease that it alone used is given back.
"""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Final, Generic, NoReturn, Self

import anyio
import anyio.lowlevel

from anyredis.client.inbox import AT_ONCE, Item, OnFull
from anyredis.client.placement import Placement
from anyredis.client.pubsub_events import Dropped, Gap, Message, PubSubEvent, SubscriptionChange
from anyredis.client.subscribed_connection import SubscribedConnection
from anyredis.client.subscriber import MESSAGE_KINDS, Encoding, Handler, PubSubSubscriber, new_tuple
from anyredis.client.unavailable import Unavailable
from anyredis.commands.several import all_keys
from anyredis.connection.options import check_count, check_flags
from anyredis.exceptions import DataTypeError, PubSubError, RedisError, fresh
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.waiter import waiter_factory
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key
from anyredis.wire.subscriptions import CHANNEL, PATTERN, SHARD, SubscriptionCall, SubscriptionKind

LOGGER = logging.getLogger("anyredis")

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


class PubSub(Generic[S]):
    """Subscriptions to channels, and the stream of their messages, for an `async with` block.

    Clients make it: see `Redis.pubsub`.  Several tasks may use it; each message goes to one of
    them.
    """

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

    # -- messages -------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        """The stream of messages, gaps and dropped messages; see `__anext__`."""
        return self

    async def __anext__(self) -> Message[S] | Gap[S] | Dropped:
        """The next message, gap, or number of dropped messages; confirmations are left out.

        Messages of channels with a handler go to that.  Waits if there is nothing yet; a
        cancellation loses nothing.  The iteration ends once everything is read and all channels
        are unsubscribed.  Raises `ReplyDecodeError` for one message that is not text, which the
        next call goes on after; `ConnectionError` once the pool is closed;
        `SubscriptionOverflowError` if the buffer was full with `on_full="fail"`.
        """
        mine = self._subscriber
        if mine is not None and not mine.taken % AT_ONCE:
            await mine.let_others_run()
        while mine is not None:
            # Saved frames: Inbox.take, and PubSubSubscriber.message for a message by its channel.
            if mine.items and not (mine.level or mine.front or mine.has_handlers):
                first = mine.items.popleft()
                if type(first) is Message:  # by `put_run`
                    mine.taken += 1
                    return first
                raw: Any = first
                name = mine.names.get(raw[-2]) if mine.binary else None
                if name is not None and len(raw) == 3:
                    mine.taken += 1
                    quick: Message[S] = new_tuple(
                        Message, (MESSAGE_KINDS[raw[0]], name, raw[2], None)
                    )
                    return quick
                mine.items.appendleft(raw)
            item = mine.take()
            if item is None:
                await self._wait_for_more(mine)
            elif isinstance(item, (list, Message)):
                message = mine.message(item)
                if not mine.has_handlers or not await self._handled(mine, item, message):
                    return message
                await mine.let_others_run()
            elif isinstance(item, (Gap, Dropped)):
                return item
        raise RuntimeError(NOT_OPEN)

    async def _wait_for_more(self, mine: PubSubSubscriber[S]) -> None:
        """Wait until there may be an item; ends the iteration if nothing is subscribed any more."""
        if mine.began and not mine.subscribed:
            raise StopAsyncIteration
        await mine.wait()

    async def _handled(self, mine: PubSubSubscriber[S], item: Item, message: Message[S]) -> bool:
        """Whether the channel of *message* has a handler, which was called with it."""
        handler = mine.handler_of(item)
        if handler is None:
            return False
        result = handler(message)
        if inspect.isawaitable(result):
            await result
        return True

    async def listen(self) -> AsyncIterator[PubSubEvent[S]]:
        """All events, confirmations too unless `ignore_subscribe_messages` was given.

        It ends once everything is read and nothing is subscribed.  `async for event in pubsub`
        is the same without confirmations, and need not be closed.  Raises the errors of `__anext__`.
        """
        mine = self._readable()
        while mine.subscribed or len(mine) or mine.error is not None:
            event = await self._event(mine, ignore=False, until=math.inf)
            if event is not None:
                yield event

    async def get_message(
        self,
        ignore_subscribe_messages: bool = False,
        timeout: float | None = 0.0,  # noqa: ASYNC109
    ) -> PubSubEvent[S] | None:
        """The next event, or None if none came within *timeout* seconds (0: at once; None: wait).

        None too if a handler has taken the message, and if nothing is subscribed any more.  A
        cancellation loses nothing.  Raises the errors of `__anext__`, and `PubSubError` before
        anything was subscribed.
        """
        mine = self._readable()
        if timeout is not None and timeout <= 0:
            if not len(mine):
                await anyio.lowlevel.checkpoint()  # so that a loop of such calls lets others run
            until = -math.inf
        else:
            until = math.inf if timeout is None else anyio.current_time() + timeout
        return await self._event(
            mine, ignore=ignore_subscribe_messages or self._ignores, until=until
        )

    async def _event(
        self, mine: PubSubSubscriber[S], *, ignore: bool, until: float
    ) -> PubSubEvent[S] | None:
        """The next event; None if there is none by the time *until*, or a handler took it."""
        await mine.let_others_run()
        while True:
            item = mine.take()
            if item is None:
                if until == -math.inf or not mine.subscribed:
                    return None
                with anyio.CancelScope(deadline=until) as scope:
                    await mine.wait()
                if scope.cancelled_caught:
                    return None
            elif isinstance(item, (list, Message)):
                message = mine.message(item)
                return None if await self._handled(mine, item, message) else message
            elif not (ignore and isinstance(item, SubscriptionChange)):
                return item

    def _readable(self) -> PubSubSubscriber[S]:
        if self._subscriber is None:
            raise RuntimeError(NOT_OPEN)
        if not (self._subscriber.began or self._subscriber.subscribed):
            raise PubSubError("nothing is subscribed yet: call subscribe() first")
        return self._subscriber

    async def run(
        self,
        *,
        exception_handler: Callable[[BaseException, PubSub[S]], object] | None = None,
        poll_timeout: float = 1.0,
    ) -> NoReturn:
        """Nothing: it calls the handlers with their messages until it is cancelled.

        *exception_handler*, a function or a coroutine function, gets the exceptions of handlers and
        of reading, and this object; without it they are raised.  Gaps and dropped messages are
        logged as warnings: iterate over the `PubSub` instead to handle them.  *poll_timeout* is
        redis-py's: the longest that it waits at a time, in seconds.  Raises `PubSubError` if a
        channel has no handler.
        """
        for kind, names in self._readable().handlers.items():
            for name, handler in names.items():
                if handler is None:
                    what = "pattern" if kind is PATTERN else "channel"
                    raise PubSubError(f"run: the {what} {excerpt(name)} has no handler")
        while True:
            try:
                event = await self.get_message(ignore_subscribe_messages=True, timeout=poll_timeout)
                if isinstance(event, (Gap, Dropped)):
                    LOGGER.warning("run: %r", event)
            except Exception as error:
                if exception_handler is None:
                    raise
                result = exception_handler(error, self)
                if inspect.isawaitable(result):
                    await result

    check_health = Unavailable("the client sends PINGs by itself, and connects again")
    close = Unavailable("write aclose(), or leave the block")
    connect = Unavailable("subscribe() connects")
    execute_command = Unavailable("use the client's commands")
    get_sharded_message = Unavailable("get_message() gives the messages of all nodes")
    handle_message = Unavailable("get_message() calls the handlers")
    parse_response = Unavailable("use get_message()")
    ping = Unavailable("the client sends PINGs by itself; use the client's ping()")
    reset = Unavailable("write unsubscribe(), punsubscribe() and sunsubscribe()")
    run_in_thread = Unavailable("write task_group.start_soon(pubsub.run)")


def _raise_error(result: Reply) -> None:
    if isinstance(result, RedisError):
        raise fresh(result)
