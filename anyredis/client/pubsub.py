"""Messages of subscribed channels: a `PubSub` block gives them one by one, or to handlers.

Law: each message goes to one reader.  A cancellation loses none: a message is taken in the step
that returns it.  Readers of a full buffer let other tasks run now and then.
"""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, NoReturn, Self

import anyio
import anyio.lowlevel

from anyredis.client.channel_subscriptions import NOT_OPEN, ChannelSubscriptions
from anyredis.client.inbox import AT_ONCE, Item
from anyredis.client.pubsub_events import Dropped, Gap, Message, PubSubEvent, SubscriptionChange
from anyredis.client.subscriber import MESSAGE_KINDS, PubSubSubscriber, new_tuple
from anyredis.client.unavailable import Unavailable
from anyredis.exceptions import PubSubError
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.wire.subscriptions import PATTERN

LOGGER = logging.getLogger("anyredis")


class PubSub(ChannelSubscriptions[S], Generic[S]):
    """Subscriptions to channels, and the stream of their messages, for an `async with` block.

    Clients make it: see `Redis.pubsub`.  Several tasks may use it; each message goes to one of
    them.
    """

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
            if len(mine.items) > mine.low_water and not (mine.front or mine.has_handlers):
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
