"""Subscribers of anyredis and its peers, each used as its own documentation shows.

An operation publishes, and is over when every message has been received.  Each contestant has
channels of its own, so that none receives what is meant for another.
"""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import anyio

import anyredis
from benchmarks.bare import HOST
from benchmarks.contestants import Contestant, Ops
from benchmarks.publisher import PAYLOAD, Publisher, publisher

MESSAGES = 20_000
CHANNELS = 10_000
SUBSCRIBERS = 100
ACKNOWLEDGEMENT = 60.0
"""Seconds that an acknowledgement of 10,000 channels may take."""

numbers = itertools.count()


class Listener(Protocol):
    """A subscription of one client."""

    async def subscribe(self, channels: Sequence[bytes]) -> None:
        """Subscribe, and wait for the acknowledgements."""

    async def unsubscribe(self, channels: Sequence[bytes]) -> None:
        """Unsubscribe, and wait for the acknowledgements."""

    async def take(self, count: int) -> Any:
        """Receive that many messages; gives the data of the last."""


Listen = Callable[[bool], AbstractAsyncContextManager[Listener]]
"""Gives a new listener of a client; True for one that may share a connection, if it can."""


class AnyredisListener:
    """`async for` over a PubSub."""

    def __init__(self, pubsub: Any) -> None:
        self._pubsub = pubsub

    async def subscribe(self, channels: Sequence[bytes]) -> None:
        """It returns when the server has acknowledged all."""
        await self._pubsub.subscribe(channels)

    async def unsubscribe(self, channels: Sequence[bytes]) -> None:
        """It returns when the server has acknowledged all."""
        await self._pubsub.unsubscribe(channels)

    async def take(self, count: int) -> Any:
        """Count the messages of the iterator."""
        last: Any = None
        async for last in self._pubsub:  # noqa: B007 - the last is asked for
            count -= 1
            if not count:
                break
        return last.data


class RedisPyListener:
    """`async for` over `listen()`."""

    def __init__(self, pubsub: Any) -> None:
        self._pubsub = pubsub
        self._events: Any = None

    async def subscribe(self, channels: Sequence[bytes]) -> None:
        """Acknowledgements are among the messages."""
        await self._pubsub.subscribe(*channels)
        self._events = self._events or self._pubsub.listen()
        await self._confirmed("subscribe", len(channels))

    async def unsubscribe(self, channels: Sequence[bytes]) -> None:
        """Acknowledgements are among the messages."""
        await self._pubsub.unsubscribe(*channels)
        await self._confirmed("unsubscribe", len(channels))
        if not self._pubsub.subscribed:
            self._events = None  # `listen()` ends with the last subscription

    async def _confirmed(self, kind: str, count: int) -> None:
        async for event in self._events:
            count -= event["type"] == kind
            if not count:
                break

    async def take(self, count: int) -> Any:
        """Count the messages of `listen()`."""
        last: Any = None
        async for last in self._events:  # noqa: B007 - the last is asked for
            count -= 1
            if not count:
                break
        return last["data"]


class CoredisListener:
    """`async for` over a PubSub that leaves out acknowledgements."""

    def __init__(self, pubsub: Any) -> None:
        self._pubsub = pubsub

    async def subscribe(self, channels: Sequence[bytes]) -> None:
        """It returns when the server has acknowledged all, or after a timeout."""
        await self._pubsub.subscribe(*channels)

    async def unsubscribe(self, channels: Sequence[bytes]) -> None:
        """It returns when the server has acknowledged all, or after a timeout."""
        await self._pubsub.unsubscribe(*channels)

    async def take(self, count: int) -> Any:
        """Count the messages of the iterator."""
        last: Any = None
        async for last in self._pubsub:  # noqa: B007 - the last is asked for
            count -= 1
            if not count:
                break
        return last["data"]


@asynccontextmanager
async def listen_anyredis(port: int, protocol: int) -> AsyncGenerator[Listen]:
    """Anyredis: only subscriptions that drop may share a connection."""
    async with anyredis.Redis(HOST, port, protocol=protocol) as client:

        @asynccontextmanager
        async def listen(shared: bool) -> AsyncGenerator[Listener]:
            async with client.pubsub(on_full="drop_oldest" if shared else "wait") as pubsub:
                yield AnyredisListener(pubsub)

        yield listen


@asynccontextmanager
async def listen_redis_py(port: int, protocol: int) -> AsyncGenerator[Listen]:
    """redis-py: each has a connection of its own."""
    redis = importlib.import_module("redis.asyncio")
    async with redis.Redis(host=HOST, port=port, protocol=protocol) as client:

        @asynccontextmanager
        async def listen(_shared: bool) -> AsyncGenerator[Listener]:
            async with client.pubsub() as pubsub:
                yield RedisPyListener(pubsub)

        yield listen


@asynccontextmanager
async def listen_coredis(port: int, _protocol: int) -> AsyncGenerator[Listen]:
    """Coredis, which speaks RESP3 only; each has a connection of its own, of 64 by default."""
    coredis = importlib.import_module("coredis")
    async with coredis.Redis(host=HOST, port=port, max_connections=SUBSCRIBERS + 1) as client:

        @asynccontextmanager
        async def listen(_shared: bool) -> AsyncGenerator[Listener]:
            async with client.pubsub(
                ignore_subscribe_messages=True, subscription_timeout=ACKNOWLEDGEMENT
            ) as pubsub:
                yield CoredisListener(pubsub)

        yield listen


Operation = Callable[[], Awaitable[Any]]
Setting = Callable[[Listen, Publisher, bytes], AbstractAsyncContextManager[Ops]]
"""Prepares subscriptions to channels of a name; gives the operation, as `Ops.run`."""


async def both(publishing: Callable[[], Awaitable[None]], *takers: Operation) -> Any:
    """Publish and receive at the same time; gives all that the takers give."""
    taken: list[Any] = []

    async def take(taker: Operation) -> None:
        taken.append(await taker())

    async with anyio.create_task_group() as tasks:
        for taker in takers:
            tasks.start_soon(take, taker)
        await publishing()
    return taken


@asynccontextmanager
async def one_subscriber(listen: Listen, server: Publisher, name: bytes) -> AsyncGenerator[Ops]:
    """One subscriber of one channel receives `MESSAGES` messages."""
    async with listen(False) as listener:
        await listener.subscribe([name])
        publishing = functools.partial(server.repeat, name, MESSAGES)
        taking = functools.partial(listener.take, MESSAGES)
        yield Ops(run=functools.partial(both, publishing, taking))


@asynccontextmanager
async def ready_messages(listen: Listen, server: Publisher, name: bytes) -> AsyncGenerator[Ops]:
    """One subscriber of one channel receives `MESSAGES` messages that were published before."""
    async with listen(False) as listener:
        await listener.subscribe([name])

        async def take() -> Any:
            return [await listener.take(MESSAGES)]

        yield Ops(run=take, prepare=functools.partial(server.publish_now, name, MESSAGES))


@asynccontextmanager
async def many_channels(listen: Listen, server: Publisher, name: bytes) -> AsyncGenerator[Ops]:
    """One subscriber of `CHANNELS` channels receives a message from each."""
    async with listen(False) as listener:
        channels = [b"%s:%d" % (name, number) for number in range(CHANNELS)]
        await listener.subscribe(channels)
        publishing = functools.partial(server.each, channels)
        taking = functools.partial(listener.take, CHANNELS)
        yield Ops(run=functools.partial(both, publishing, taking))


@asynccontextmanager
async def subscribing(listen: Listen, _server: Publisher, name: bytes) -> AsyncGenerator[Ops]:
    """One subscriber subscribes to `CHANNELS` channels, and unsubscribes again."""
    async with listen(False) as listener:
        channels = [b"%s:%d" % (name, number) for number in range(CHANNELS)]

        async def operation() -> Any:
            await listener.subscribe(channels)
            await listener.unsubscribe(channels)
            return [PAYLOAD]

        yield Ops(run=operation)


@asynccontextmanager
async def fan_out(listen: Listen, server: Publisher, name: bytes) -> AsyncGenerator[Ops]:
    """`SUBSCRIBERS` subscribers of one client receive the same messages."""
    async with AsyncExitStack() as stack:
        takers: list[Operation] = []
        for _ in range(SUBSCRIBERS):
            listener = await stack.enter_async_context(listen(True))
            await listener.subscribe([name])
            takers.append(functools.partial(listener.take, MESSAGES // SUBSCRIBERS))
        publishing = functools.partial(server.repeat, name, MESSAGES // SUBSCRIBERS)
        yield Ops(run=functools.partial(both, publishing, *takers))


def received(data: Any) -> bool:
    """True if the last message of each subscriber was the one that was published."""
    return bool(data) and all(each == PAYLOAD for each in data)


@dataclass(frozen=True)
class Opening:
    """What opens a contestant: the way to connect, the *setting*, and the protocol."""

    connect: Callable[[int, int], AbstractAsyncContextManager[Listen]]
    setting: Setting
    protocol: int

    @asynccontextmanager
    async def __call__(self, port: int, _pool: int | None) -> AsyncGenerator[Ops]:
        """The operation of the setting, as `Ops.run`."""
        name = b"bench:channel:%d" % next(numbers)
        async with (
            publisher(port) as server,
            self.connect(port, self.protocol) as listen,
            self.setting(listen, server, name) as ops,
        ):
            yield ops


def subscribers(setting: Setting, protocol: int = 3) -> tuple[Contestant, ...]:
    """The contestants in one *setting*."""
    two = ("asyncio", "uvloop")
    return (
        Contestant("anyredis", "anyredis", "anyredis", Opening(listen_anyredis, setting, protocol)),
        Contestant(
            "redis-py", "redis.asyncio", "redis", Opening(listen_redis_py, setting, protocol), two
        ),
        Contestant("coredis", "coredis", "coredis", Opening(listen_coredis, setting, protocol)),
    )
