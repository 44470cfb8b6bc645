"""Tests of `PubSub` on a server in memory: subscribing, reading, handlers, leaving, misuse."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    DataError,
    Message,
    PubSub,
    PubSubError,
    Redis,
    ReplyDecodeError,
    SubscriptionChange,
    SubscriptionOverflowError,
)
from tests.blocked_tasks import all_tasks_blocked
from tests.client.subscription_server import SubscriptionServer, next_of

pytestmark = pytest.mark.parametrize("protocol", [3, 2])

ON_FULL: list[Any] = ["wait", "drop_oldest", "fail"]


@pytest.mark.parametrize("on_full", ON_FULL)
async def test_subscribe_and_read(protocol: int, on_full: Any) -> None:
    """After `subscribe` the server has acknowledged; messages of the three kinds come typed."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client:
        async with client.pubsub(on_full=on_full) as pubsub:
            await pubsub.subscribe("a", ["b", "c"][0])
            await pubsub.psubscribe(["*"])
            await pubsub.ssubscribe("s")
            assert server.subscribers(b"a") == server.subscribers(b"s") == 1
            server.publish(b"a", b"1")
            server.publish(b"s", b"2")
            assert await next_of(pubsub) == Message("message", "a", "1")
            assert await next_of(pubsub) == Message("pmessage", "a", "1", "*")
            got = [await next_of(pubsub), await next_of(pubsub)]
            assert Message("smessage", "s", "2") in got
            assert pubsub.channels == {"a": None, "b": None}
            assert pubsub.patterns == {"*": None}
            assert pubsub.shard_channels == {"s": None}
            assert pubsub.subscribed
            await pubsub.unsubscribe("a")
            assert server.subscribers(b"a") == 0
            await pubsub.unsubscribe()
            await pubsub.punsubscribe("*")
            await pubsub.sunsubscribe()
            assert not pubsub.subscribed
            with pytest.raises(StopAsyncIteration):
                await next_of(pubsub)
        assert client.connection_pool.leased == 0
    assert not server.peers


async def test_bytes(protocol: int) -> None:
    """A client that does not decode gives names and data as bytes."""
    server = SubscriptionServer()
    async with (
        server.client(protocol=protocol) as client,
        client.subscribe("a", bytearray(b"b")) as messages,
    ):
        server.publish(b"b", b"\xff")
        assert await next_of(messages) == Message("message", b"b", b"\xff")
        assert messages.channels == {b"a": None, b"b": None}


async def test_confirmations_are_events(protocol: int) -> None:
    """`get_message` and `listen` tell of each subscription, with redis-py's count."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a", "b")
        await pubsub.psubscribe("p")
        await pubsub.ssubscribe("s")
        await pubsub.unsubscribe("a")
        got = [await pubsub.get_message() for _ in range(6)]
        assert got == [
            SubscriptionChange("subscribe", "a", 1),
            SubscriptionChange("subscribe", "b", 2),
            SubscriptionChange("psubscribe", "p", 3),
            SubscriptionChange("ssubscribe", "s", 1),
            SubscriptionChange("unsubscribe", "a", 2),
            None,
        ]
        await pubsub.subscribe("b")
        await pubsub.unsubscribe()
        await pubsub.punsubscribe()
        await pubsub.sunsubscribe()
        kinds = [event.kind async for event in pubsub.listen()]
        assert kinds == ["subscribe", "unsubscribe", "punsubscribe", "sunsubscribe"]


async def test_confirmations_can_be_ignored(protocol: int) -> None:
    """With `ignore_subscribe_messages`, in the call or for all, only messages come."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client:
        async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe("a")
            server.publish(b"a", b"1")
            assert await pubsub.get_message(timeout=10) == Message("message", "a", "1")
        async with client.pubsub() as pubsub:
            await pubsub.subscribe("a")
            server.publish(b"a", b"1")
            event = await pubsub.get_message(ignore_subscribe_messages=True, timeout=10)
            assert event == Message("message", "a", "1")


async def test_get_message_waits_as_long_as_it_should(protocol: int) -> None:
    """0 is at once, seconds are a bound, None waits; each loses nothing."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client, client.subscribe("a") as pubsub:
        await pubsub.get_message()
        assert await pubsub.get_message() is None
        assert await pubsub.get_message(timeout=0.01) is None
        got: list[Any] = []

        async def read() -> None:
            got.append(await pubsub.get_message(timeout=None))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await all_tasks_blocked()
            server.publish(b"a", b"1")
        assert got == [Message("message", "a", "1")]


async def test_a_loop_of_get_message_lets_others_run(protocol: int) -> None:
    """A loop that asks at once, again and again, does not keep the event loop from reading."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client, client.subscribe("a") as pubsub:
        server.publish(b"a", b"1")
        with anyio.fail_after(10):
            while not isinstance(await pubsub.get_message(), Message):
                pass


async def test_handlers_take_their_messages(protocol: int) -> None:
    """Functions and coroutine functions get the messages of their channels; others are returned."""
    server = SubscriptionServer()
    taken: list[Any] = []

    async def later(message: Message[str]) -> None:
        await anyio.lowlevel.checkpoint()
        taken.append(("later", message.data))

    async with server.text_client(protocol=protocol) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("plain", now=lambda message: taken.append(message["data"]))
        await pubsub.psubscribe(**{"*": later})
        for channel in (b"now", b"plain"):
            server.publish(channel, channel)
        assert await next_of(pubsub) == Message("message", "plain", "plain")
        server.publish(b"now", b"2")
        for _ in range(4):
            await pubsub.get_message(ignore_subscribe_messages=True)
        assert sorted(map(str, taken)) == sorted(
            map(str, ["now", "2", ("later", "now"), ("later", "plain"), ("later", "2")])
        )
        await pubsub.subscribe("now")
        assert pubsub.channels["now"] is None


async def test_run_calls_handlers(protocol: int) -> None:
    """`run` calls handlers until it is cancelled, and gives their errors to `exception_handler`."""
    server = SubscriptionServer()
    errors: list[str] = []
    async with server.text_client(protocol=protocol) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("plain")
        with pytest.raises(PubSubError, match="plain"):
            await pubsub.run()
        await pubsub.unsubscribe()
        seen = anyio.Event()

        def handler(message: Message[str]) -> None:
            if message.data == "bad":
                raise ValueError(message.data)
            seen.set()

        async def failed(error: BaseException, where: PubSub[str]) -> None:
            await anyio.lowlevel.checkpoint()
            assert where is pubsub
            errors.append(str(error))

        await pubsub.subscribe(a=handler)
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                await pubsub.run(exception_handler=failed)

            tasks.start_soon(run)
            server.publish(b"a", b"bad")
            server.publish(b"a", b"good")
            with anyio.fail_after(10):
                await seen.wait()
            tasks.cancel_scope.cancel()
        assert errors == ["bad"]
        server.publish(b"a", b"bad")
        with pytest.raises(ValueError, match="bad"):
            await pubsub.run()


async def test_text_that_does_not_decode(protocol: int) -> None:
    """A message that is no text is an error for its reader; the subscription goes on."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client, client.subscribe("a") as pubsub:
        server.publish(b"a", b"\xff")
        server.publish(b"a", b"2")
        with pytest.raises(ReplyDecodeError, match="goes on"):
            await next_of(pubsub)
        assert await next_of(pubsub) == Message("message", "a", "2")


async def test_overflow(protocol: int) -> None:
    """With "fail" the buffer is read to its end, then the error comes; nothing is subscribed."""
    server = SubscriptionServer()
    async with (
        server.text_client(protocol=protocol) as client,
        client.subscribe(
            "a", on_full="fail", max_messages=2, ignore_subscribe_messages=True
        ) as messages,
    ):
        for number in range(5):
            server.publish(b"a", b"%d" % number)
        with anyio.fail_after(10):
            while server.subscribers(b"a"):
                await anyio.lowlevel.checkpoint()
        assert [(await next_of(messages)).data for _ in range(2)] == ["0", "1"]
        for read in (messages.get_message, messages.__anext__):
            with pytest.raises(SubscriptionOverflowError):
                await read()
        with pytest.raises(SubscriptionOverflowError):
            await messages.subscribe("b")
        with pytest.raises(SubscriptionOverflowError):
            async for _ in messages.listen():
                pass


async def test_misuse_says_what_to_write(protocol: int) -> None:
    """Outside its block, before a subscription, and with redis-py's other names."""
    server = SubscriptionServer()
    client: Redis[str] = server.text_client(protocol=protocol)
    pubsub = client.pubsub()
    for call in (pubsub.subscribe("a"), pubsub.unsubscribe(), pubsub.get_message(), anext(pubsub)):
        with pytest.raises(RuntimeError, match="async with client"):
            await call
    with pytest.raises(RuntimeError, match="async with client"):
        async with pubsub:
            pass
    names = ["check_health", "close", "connect", "execute_command", "get_sharded_message"]
    for name in (*names, "handle_message", "parse_response", "ping", "reset", "run_in_thread"):
        with pytest.raises(AttributeError, match=f"PubSub has no {name}"):
            getattr(pubsub, name)
    async with client, pubsub:
        with pytest.raises(PubSubError, match="subscribe"):
            await pubsub.get_message()
        with pytest.raises(RuntimeError, match="in use"):
            async with pubsub:
                pass
        given: list[tuple[Any, ...]] = [((),), ({"a": 1},), (5,), (True,), (None,)]
        for wrong in given:
            with pytest.raises(DataError):
                await pubsub.subscribe(*wrong)
        with pytest.raises(DataError, match="function"):
            await pubsub.subscribe(a=5)  # type: ignore[arg-type]
        assert server.count("SUBSCRIBE") == 0
        assert not pubsub.subscribed


async def test_a_gap_after_a_lost_connection(protocol: int) -> None:
    """A connection that breaks is replaced; the stream tells the gap before later messages."""
    server = SubscriptionServer()
    async with (
        server.text_client(protocol=protocol) as client,
        client.subscribe("a", "b", patterns="*") as messages,
    ):
        server.publish(b"b", b"1")
        assert await next_of(messages) == Message("message", "b", "1")
        await next_of(messages)
        server.reset()
        gap = await next_of(messages)
        assert gap.kind == "gap"
        assert gap.since <= gap.until
        assert "lost" in gap.reason
        channels, patterns = gap.channels, gap.patterns
        if not patterns:
            gap = await next_of(messages)
            patterns = gap.patterns
        assert channels == {"a", "b"}
        assert patterns == {"*"}
        server.publish(b"a", b"2")
        assert await next_of(messages) == Message("message", "a", "2")
        assert messages.channels == {"a": None, "b": None}
