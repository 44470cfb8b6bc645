"""What one may do wrong with subscriptions: an error that says what to write, and nothing hangs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from anyredis import (
    ConnectionError,
    DataError,
    Message,
    PubSub,
    PubSubError,
    Redis,
    RedisError,
)
from anyredis.server import Server
from tests.blocked_tasks import all_tasks_blocked
from tests.servers import ask

PATIENCE = 20.0
"""Seconds after which something hangs."""

MANY = 25_000
"""Channels or messages: more than twice the default bound of a buffer."""


def client_of(server: Server) -> Redis[str]:
    """A client of *server*."""
    return Redis(port=server.port, decode_responses=True)


async def ended_with(
    waiting: Callable[[], Awaitable[object]], end: Callable[[], Awaitable[object]]
) -> Exception | None:
    """The exception with which a task that is *waiting* ends because of *end*; None if by none."""
    raised: Exception | None = None

    async def wait() -> None:
        nonlocal raised
        try:
            await waiting()
        except (RedisError, RuntimeError, StopAsyncIteration) as error:
            raised = error

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await all_tasks_blocked()
            await end()
    return raised


# -- outside the block ----------------------------------------------------------------------------


async def test_a_pubsub_outside_its_block(valkey: Server) -> None:
    """Each use of it says that it has to be entered."""
    async with client_of(valkey) as client:
        pubsub = client.pubsub()
        uses: list[Callable[[], Awaitable[object]]] = [
            lambda: pubsub.subscribe("a"),
            pubsub.unsubscribe,
            pubsub.get_message,
            lambda: anext(pubsub.listen()),
            lambda: anext(pubsub),
        ]
        for use in uses:
            with pytest.raises(RuntimeError, match=r"async with client\.pubsub\(\)"):
                await use()
        async with pubsub:
            await pubsub.subscribe("a")
        for use in uses:
            with pytest.raises(RuntimeError, match=r"async with client\.pubsub\(\)"):
                await use()


async def test_a_client_outside_its_block(valkey: Server) -> None:
    """Entering the subscription of a client that is not open says so."""
    client = client_of(valkey)
    with pytest.raises(RuntimeError, match="async with"):
        async with client.pubsub() as pubsub:
            await pubsub.subscribe("a")
    with pytest.raises(RuntimeError, match="async with"):
        async with client.subscribe("a"):
            pass


async def test_entered_twice_at_once(valkey: Server) -> None:
    """The second block of a PubSub that is in use is refused; the first goes on."""
    async with client_of(valkey) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        with pytest.raises(RuntimeError, match="another"):
            await pubsub.__aenter__()
        await client.execute_command("PUBLISH", "a", "1")
        assert (await anext(pubsub))["data"] == "1"


async def test_a_block_for_a_coroutine(valkey: Server) -> None:
    """`await client.pubsub()` is no way to get one."""
    async with client_of(valkey) as client:
        wrong: Any = client.pubsub()
        with pytest.raises(TypeError):
            await wrong
        wrong = client.subscribe("a")
        with pytest.raises(TypeError):
            await wrong


# -- in the wrong place ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE"])
async def test_commands_in_the_wrong_place(valkey: Server, command: str) -> None:
    """SUBSCRIBE by its words is refused by clients, sessions and pipelines, which name pubsub()."""
    async with client_of(valkey) as client:
        with pytest.raises(RedisError, match=r"pubsub\(\)"):
            await client.execute_command(command, "a")
        async with client.session() as session:
            with pytest.raises(RedisError, match=r"pubsub\(\)"):
                await session.execute_command(command, "a")
        with pytest.raises(RedisError, match=r"pubsub\(\)"):
            client.pipeline().execute_command(command, "a")
        assert await client.ping()


async def test_subscribe_in_a_pipeline(valkey: Server) -> None:
    """A pipeline or a session has no `pubsub` and no `subscribe`."""
    async with client_of(valkey) as client:
        for place in (client.pipeline(), client.session()):
            for name in ("pubsub", "subscribe"):
                with pytest.raises(AttributeError, match=name):
                    getattr(place, name)


# -- arguments ------------------------------------------------------------------------------------


async def test_wrong_arguments(valkey: Server) -> None:
    """Each is refused at once, and what is subscribed stays so."""
    async with client_of(valkey) as client, client.pubsub() as pubsub:
        wrong: Any = pubsub
        await pubsub.subscribe("a")
        for use in (
            wrong.subscribe,
            lambda: wrong.subscribe(None),
            lambda: wrong.subscribe(["a", ["b"]]),
            lambda: wrong.subscribe({"a": print}),
            lambda: wrong.subscribe(b="no function"),
            lambda: wrong.psubscribe(True),
            lambda: wrong.unsubscribe(None),
        ):
            with pytest.raises((DataError, TypeError)):
                await use()
        assert list(pubsub.channels) == ["a"]
        assert not pubsub.patterns


async def test_wrong_options(valkey: Server) -> None:
    """Bounds and choices are checked when they are given."""
    async with client_of(valkey) as client:
        wrong: Any = client
        for options in (
            {"on_full": "explode"},
            {"max_messages": 0},
            {"max_bytes": -1},
            {"max_messages": "many"},
            {"ignore_subscribe_messages": "yes"},
            {"shard_hint": "x"},
        ):
            with pytest.raises((DataError, TypeError, ValueError)):
                wrong.pubsub(**options)


# -- iterating ------------------------------------------------------------------------------------


async def test_iterating_before_anything_is_subscribed(valkey: Server) -> None:
    """`get_message` says that nothing is subscribed yet, instead of waiting for ever."""
    async with client_of(valkey) as client, client.pubsub() as pubsub:
        with pytest.raises(PubSubError, match="subscribe"), anyio.fail_after(PATIENCE):
            await pubsub.get_message(timeout=None)


async def test_iterating_twice(valkey: Server) -> None:
    """Two tasks that iterate share the messages: each message goes to one of them."""
    received: list[str] = []

    async def read(pubsub: PubSub[str]) -> None:
        async for message in pubsub:
            assert isinstance(message, Message)
            received.append(message.data)

    with anyio.fail_after(PATIENCE):
        async with client_of(valkey) as client, client.pubsub() as pubsub:
            await pubsub.subscribe("a")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read, pubsub)
                tasks.start_soon(read, pubsub)
                await all_tasks_blocked()
                for number in range(100):
                    await client.execute_command("PUBLISH", "a", number)
                while len(received) < 100:
                    await anyio.sleep(0.001)
                await pubsub.unsubscribe()  # ends both
    assert sorted(received, key=int) == [str(number) for number in range(100)]


async def test_a_handler_that_raises(valkey: Server) -> None:
    """Its exception reaches the task that reads, as itself, and the next message comes."""

    def handler(message: Message[str]) -> None:
        raise ZeroDivisionError(message.data)

    async with client_of(valkey) as client, client.pubsub() as pubsub:
        await pubsub.subscribe(a=handler)
        await pubsub.subscribe("b")
        await client.execute_command("PUBLISH", "a", "1")
        await client.execute_command("PUBLISH", "b", "2")
        with pytest.raises(ZeroDivisionError, match="1"):
            await anext(pubsub)
        assert (await anext(pubsub))["data"] == "2"


# -- the end, while another task waits ------------------------------------------------------------


async def test_the_block_is_left_while_a_task_waits(valkey: Server) -> None:
    """The task is told so, and does not hang."""
    async with client_of(valkey) as client:
        pubsub = client.pubsub()
        await pubsub.__aenter__()
        await pubsub.subscribe("a")
        for wait in (lambda: anext(pubsub), lambda: pubsub.get_message(True, None)):
            if not pubsub.subscribed:
                await pubsub.__aenter__()
                await pubsub.subscribe("a")
            error = await ended_with(wait, pubsub.aclose)
            assert isinstance(error, PubSubError)
            assert "left" in str(error)
        assert client.connection_pool.leased == 0


async def test_the_client_is_closed_while_a_task_waits(valkey: Server) -> None:
    """The task gets an error of the closed pool, and does not hang."""
    client = client_of(valkey)
    await client.open()
    async with client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        error = await ended_with(lambda: anext(pubsub), client.aclose)
        assert isinstance(error, (ConnectionError, RuntimeError))
        with pytest.raises((ConnectionError, RuntimeError)), anyio.fail_after(PATIENCE):
            await anext(pubsub)
        with pytest.raises((ConnectionError, RuntimeError)), anyio.fail_after(PATIENCE):
            await pubsub.subscribe("b")


async def test_everything_is_unsubscribed_while_a_task_waits(valkey: Server) -> None:
    """The iteration ends."""
    async with client_of(valkey) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        error = await ended_with(lambda: anext(pubsub), pubsub.unsubscribe)
        assert isinstance(error, StopAsyncIteration)


async def test_the_server_goes_away_for_good(private_server: Server) -> None:
    """Leaving the block does not wait for a server that is gone."""
    async with client_of(private_server) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        await private_server.kill()
        with anyio.fail_after(PATIENCE):
            await pubsub.aclose()
    assert client.connection_pool.leased == 0


# -- nothing reads --------------------------------------------------------------------------------


async def test_more_channels_than_the_buffer_has_room(valkey: Server) -> None:
    """Their confirmations take no room of messages: subscribing and unsubscribing do not hang."""
    channels = [f"c{number}" for number in range(MANY)]
    async with client_of(valkey) as client, client.pubsub() as pubsub:
        with anyio.fail_after(PATIENCE):
            await pubsub.subscribe(channels)
            await client.execute_command("PUBLISH", channels[-1], "1")
            assert (await anext(pubsub))["data"] == "1"
            await pubsub.unsubscribe()
    assert client.connection_pool.leased == 0


@pytest.mark.parametrize("flood", [150, 10_000], ids=["full", "overfull"])
async def test_changes_while_nothing_reads(valkey: Server, flood: int) -> None:
    """With a full buffer, a change ends, or says that nobody reads; it does not hang."""
    script = "for _ = 1, ARGV[1] do redis.call('PUBLISH', 'a', 'x') end"
    async with client_of(valkey) as client, client.pubsub(max_messages=100) as pubsub:
        await pubsub.subscribe("a")
        assert ask(valkey, "EVAL", script, 0, flood) is None
        with anyio.fail_after(PATIENCE):
            assert (await anext(pubsub))["data"] == "x"
            await all_tasks_blocked()  # by now the buffer is full
            for change in (pubsub.subscribe, pubsub.unsubscribe):
                with contextlib.suppress(PubSubError):
                    await change("b" if change is pubsub.subscribe else "a")
            assert (await anext(pubsub))["data"] == "x"


@asynccontextmanager
async def subscribed(server: Server) -> AsyncGenerator[PubSub[str]]:
    """A subscription to the channel a."""
    async with client_of(server) as client, client.subscribe("a") as messages:
        yield messages


async def test_an_exception_leaves_the_blocks_as_itself(valkey: Server) -> None:
    """G14: one's own exception leaves the subscription's block and the client's, in no group."""
    with pytest.raises(ZeroDivisionError):
        async with subscribed(valkey):
            raise ZeroDivisionError
