"""Loops whose buffer is never empty: other tasks run all the same, and a cancellation ends them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import pytest

from anyredis import Message, PubSub
from anyredis.recipes import Consumer, StreamReader
from anyredis.testing import FakeServer
from tests.client.subscription_server import SubscriptionServer

COUNT = 10_000

FEW = 1_000
"""As many as a monitor keeps; and entries, which cost a server in memory much time."""

AT_ONCE = 150
"""The most items that a loop may take before another task runs, which trio may let wait one turn."""

Take: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
"""Takes the next item, of those that have come already; gives its number."""

Buffer: TypeAlias = Callable[[], AbstractAsyncContextManager[Take]]
"""Opens what has all items in its buffer."""


# -- what has a buffer --------------------------------------------------------------------------


@asynccontextmanager
async def full_pubsub(on_full: Any, handled: list[object]) -> AsyncGenerator[PubSub[str]]:
    """A subscription with `COUNT` messages to read; with a handler if *handled* has an item."""
    server = SubscriptionServer()

    async def handle(message: Message[str]) -> None:
        handled.append(message.data)

    async with (
        server.text_client() as client,
        client.pubsub(
            on_full=on_full, max_messages=3 * COUNT, ignore_subscribe_messages=True
        ) as pubsub,
    ):
        if handled:
            await pubsub.subscribe(a=handle)
        else:
            await pubsub.subscribe("a")
        for number in range(COUNT):
            server.publish(b"a", b"%d" % number)
        with anyio.fail_after(30):
            while f"unread={COUNT} " not in repr(pubsub):
                await anyio.lowlevel.checkpoint()
        yield pubsub


@asynccontextmanager
async def messages(
    way: Callable[[PubSub[str]], Callable[[], Coroutine[Any, Any, Any]]], on_full: str
) -> AsyncGenerator[Take]:
    """A subscription that is read in one *way*."""
    async with full_pubsub(on_full, []) as pubsub:
        read = way(pubsub)

        async def take() -> object:
            return int((await read()).data)

        yield take


def by_iteration(pubsub: PubSub[str]) -> Callable[[], Coroutine[Any, Any, Any]]:
    """`async for`."""
    return pubsub.__anext__


def at_once(pubsub: PubSub[str]) -> Callable[[], Coroutine[Any, Any, Any]]:
    """`get_message`, which does not wait."""
    return pubsub.get_message


def waiting(pubsub: PubSub[str]) -> Callable[[], Coroutine[Any, Any, Any]]:
    """`get_message`, which may wait."""
    return partial(pubsub.get_message, timeout=None)


@asynccontextmanager
async def key_events() -> AsyncGenerator[Take]:
    """Keyspace events, of which every other one is of a kind that is not wanted."""
    server = SubscriptionServer()
    server.on("CONFIG", {b"notify-keyspace-events": b"KEA"})
    async with (
        server.text_client() as client,
        client.keyspace_events("*", events="set", max_messages=3 * COUNT) as events,
    ):
        for number in range(COUNT):
            channel = b"__keyspace@0__:%d" % number
            [peer] = server.subscriptions
            for event in (b"expire", b"set"):
                server.tell(peer, b"pmessage", b"__keyspace@0__:*", channel, event)
        with anyio.fail_after(30):
            while f"unread={2 * COUNT} " not in repr(events):
                await anyio.lowlevel.checkpoint()

        async def take() -> object:
            event = await anext(events)
            assert event.kind == "key"
            return int(event.key)

        yield take


@asynccontextmanager
async def commands() -> AsyncGenerator[Take]:
    """A monitor."""
    server = FakeServer()
    async with server.client() as client, client.monitor() as monitor:
        async with client.pipeline(transaction=False) as pipe:
            for number in range(FEW):
                pipe.echo(b"%d" % number)
        with anyio.fail_after(30):
            while len(monitor._lines) < FEW:
                await anyio.lowlevel.checkpoint()

        async def take() -> object:
            while (command := await anext(monitor)).args[0] != b"ECHO":
                pass
            return int(command.args[1])

        yield take


@asynccontextmanager
async def entries(opened: Callable[[Any], Any]) -> AsyncGenerator[Take]:
    """A consumer or a reader of a stream."""
    server = FakeServer()
    async with server.client() as client:
        async with client.pipeline(transaction=False) as pipe:
            for number in range(FEW):
                pipe.xadd("orders", {"n": number}, f"{number + 1}-0")
        async with opened(client) as source:
            iterator = aiter(source)
            queue: Any = getattr(source, "_in_hand", source)
            queue = getattr(queue, "queue", None) or queue._queue
            with anyio.fail_after(30):
                while len(queue.ready) < FEW:
                    await anyio.lowlevel.checkpoint()

            async def take() -> object:
                return int((await anext(iterator)).fields[b"n"])

            yield take


def consumer(client: Any) -> Consumer[bytes]:
    """A consumer that reads all at once."""
    return Consumer(client, "orders", group="g", name="c", prefetch=FEW)


def reader(client: Any) -> StreamReader[bytes]:
    """A reader that reads all at once."""
    return StreamReader(client, "orders", start="0", prefetch=FEW)


BUFFERS: dict[str, Buffer] = {
    **{
        f"{way.__name__}, {on_full}": partial(messages, way, on_full)
        for way in (by_iteration, at_once, waiting)
        for on_full in ("wait", "drop_oldest")
    },
    "keyspace events": key_events,
    "monitor": commands,
    "consumer": partial(entries, consumer),
    "reader": partial(entries, reader),
}

each_buffer = pytest.mark.parametrize("name", BUFFERS)


# -- tests --------------------------------------------------------------------------------------


@each_buffer
async def test_other_tasks_run(name: str) -> None:
    """A loop takes a bounded number of items that are there before another task runs."""
    count = FEW if name in ("monitor", "consumer", "reader") else COUNT
    taken: list[object] = []
    seen = [0]

    async def watch() -> None:
        while len(taken) < count:
            await anyio.lowlevel.checkpoint()
            seen.append(len(taken))

    async with BUFFERS[name]() as take, anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        while len(taken) < count:
            taken.append(await take())
    assert taken == [*range(count)]
    assert max(after - before for before, after in itertools.pairwise(seen)) <= AT_ONCE


@each_buffer
async def test_a_cancelled_loop_ends(name: str) -> None:
    """A cancelled scope ends a loop over items that are there, and none of them is lost (G10)."""
    count = FEW if name in ("monitor", "consumer", "reader") else COUNT
    taken: list[object] = []
    async with BUFFERS[name]() as take:
        for _ in range(5):
            before = len(taken)
            with anyio.CancelScope() as scope:
                scope.cancel()
                while len(taken) < count:
                    taken.append(await take())
            assert scope.cancelled_caught
            assert len(taken) - before <= AT_ONCE
            taken.append(await take())
        while len(taken) < count:
            taken.append(await take())
    assert taken == [*range(count)]


async def test_other_tasks_run_beside_handlers() -> None:
    """`run` and `async for` call a bounded number of handlers before another task runs."""
    ways: list[Callable[[PubSub[str]], Callable[[], Coroutine[Any, Any, Any]]]] = [
        lambda pubsub: pubsub.run,
        by_iteration,
    ]
    for way in ways:
        handled: list[object] = ["first"]
        seen = [1]
        async with full_pubsub("wait", handled) as pubsub, anyio.create_task_group() as tasks:
            tasks.start_soon(way(pubsub))
            while len(handled) <= COUNT:
                await anyio.lowlevel.checkpoint()
                seen.append(len(handled))
            tasks.cancel_scope.cancel()
        assert handled[1:] == [*map(str, range(COUNT))]
        assert max(after - before for before, after in itertools.pairwise(seen)) <= AT_ONCE
