"""Tests of `PubSub` on a server in memory: subscribing, reading, handlers, leaving, misuse."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    ConnectionError,
    DataError,
    Message,
    NoPermissionError,
    PubSub,
    PubSubError,
    Redis,
    ReplyDecodeError,
    SubscriptionChange,
    SubscriptionOverflowError,
)
from tests.client.subscription_server import SubscriptionServer

pytestmark = pytest.mark.parametrize("protocol", [3, 2])

ON_FULL: list[Any] = ["wait", "drop_oldest", "fail"]


async def next_of(pubsub: PubSub[Any]) -> Any:
    """The next event, within a generous time."""
    with anyio.fail_after(10):
        return await anext(pubsub)


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
            await anyio.wait_all_tasks_blocked()
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


async def test_a_refused_channel_changes_nothing(protocol: int) -> None:
    """NOPERM is raised to the caller, who has what he had before; others notice nothing."""
    server = SubscriptionServer()
    server.forbidden = {b"secret"}
    async with server.text_client(protocol=protocol, max_connections=1) as client:
        async with client.pubsub(on_full="fail") as one, client.pubsub(on_full="fail") as two:
            with pytest.raises(NoPermissionError):
                await one.subscribe("a", "secret")
            assert not one.subscribed
            await two.subscribe("b")
            with pytest.raises(NoPermissionError):
                await two.subscribe("b", secret=print)
            assert two.channels == {"b": None}
            server.publish(b"b", b"1")
            assert await next_of(two) == Message("message", "b", "1")
        with pytest.raises(NoPermissionError):
            async with client.subscribe("secret"):
                pass
        assert client.connection_pool.leased == 0


async def test_a_connection_that_cannot_be_made(protocol: int) -> None:
    """The first subscribe raises the error of connecting, and leaves nothing behind."""
    server = SubscriptionServer()
    async with (
        server.text_client(protocol=protocol, retry=None) as client,
        client.pubsub() as pubsub,
    ):
        server.down = True
        with pytest.raises(ConnectionError):
            await pubsub.subscribe("a")
        assert not pubsub.subscribed
        assert client.connection_pool.leased == 0
        server.down = False
        await pubsub.subscribe("a")
        assert server.subscribers(b"a") == 1


async def test_each_waits_on_its_own_lease(protocol: int) -> None:
    """With "wait" each has a lease; the others share one, with one SUBSCRIBE for each channel."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol, max_connections=4) as client:
        pool = client.connection_pool
        async with client.subscribe("a"), client.subscribe("a"):
            assert pool.leased == 2
            assert server.subscribers(b"a") == 2
        assert pool.leased == 0
        before = server.count("SUBSCRIBE")
        async with (
            client.subscribe("a", on_full="drop_oldest") as one,
            client.subscribe("a", on_full="fail") as two,
        ):
            assert pool.leased == 1
            assert server.count("SUBSCRIBE") == before + 1
            assert server.publish(b"a", b"1") == 1
            assert await next_of(one) == await next_of(two) == Message("message", "a", "1")
            await one.unsubscribe("a")
            assert server.subscribers(b"a") == 1
        assert pool.leased == 0
        assert not pool.endpoint.server.allocator.idle  # G9: what was subscribed is closed


async def test_too_many_leases(protocol: int) -> None:
    """The limit of the pool holds: one subscription too many raises, and harms no other."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol, max_connections=1) as client:
        async with client.subscribe("a") as one, client.pubsub() as two:
            with pytest.raises(ConnectionError, match="max_connections"):
                await two.subscribe("b")
            server.publish(b"a", b"1")
            assert await next_of(one) == Message("message", "a", "1")
        assert await client.ping()


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


async def test_leaving_wakes_its_readers(protocol: int) -> None:
    """A task that waits for a message gets an error if the block is left, or the pool closed."""
    server = SubscriptionServer()
    told: list[type[Exception]] = []

    async def read(pubsub: PubSub[str]) -> None:
        try:
            await anext(pubsub)
        except (PubSubError, ConnectionError) as error:
            told.append(type(error))

    async with anyio.create_task_group() as tasks:
        async with server.text_client(protocol=protocol) as client:
            async with client.subscribe("a") as pubsub:
                tasks.start_soon(read, pubsub)
                await anyio.wait_all_tasks_blocked()
            await pubsub.aclose()
            open_still = client.subscribe("a")
            pubsub = await open_still.__aenter__()
            tasks.start_soon(read, pubsub)
            await anyio.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="not open"):
            await pubsub.subscribe("b")
        await open_still.aclose()
    assert told == [PubSubError, ConnectionError]


async def test_a_subscribe_that_waits_while_the_block_is_left(protocol: int) -> None:
    """A task whose acknowledgement has not come is told that the block was left."""
    server = SubscriptionServer()
    told: list[str] = []

    async def subscribe(pubsub: PubSub[str]) -> None:
        try:
            await pubsub.subscribe("b")
        except PubSubError as error:
            told.append(str(error))

    async with (
        server.text_client(protocol=protocol) as client,
        anyio.create_task_group() as tasks,
        client.subscribe("a") as pubsub,
    ):
        server.silenced = True
        tasks.start_soon(subscribe, pubsub)
        await server.wait_for("SUBSCRIBE", 2)
    assert told == ["the block of this PubSub was left"]


async def test_a_failing_block_leaves_by_its_own_exception(protocol: int) -> None:
    """G14: an exception of the user's leaves as itself, and the lease is given back."""
    server = SubscriptionServer()
    async with server.text_client(protocol=protocol) as client:
        with pytest.raises(KeyError, match="mine"):
            async with client.subscribe("a"):
                raise KeyError("mine")
        assert client.connection_pool.leased == 0


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
