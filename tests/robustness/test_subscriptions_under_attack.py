"""Subscriptions whose server, network or program misbehaves: nothing hangs, and no loss is silent."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    AuthenticationError,
    ConnectionError,
    Gap,
    Message,
    NoPermissionError,
    PubSub,
    Redis,
    RedisError,
)
from anyredis.server import Server
from tests.servers import ask

PATIENCE = 30.0
"""Seconds after which something hangs."""

PROTOCOLS = pytest.mark.parametrize("protocol", [3, 2])

ON_FULL: list[Any] = ["wait", "drop_oldest"]


def client_of(server: Server, **options: Any) -> Redis[str]:
    """A client of *server*."""
    return Redis(port=server.port, decode_responses=True, **options)


async def message_of(pubsub: PubSub[str]) -> Message[str]:
    """The next message, after gaps."""
    with anyio.fail_after(PATIENCE):
        while True:
            event = await anext(pubsub)
            if isinstance(event, Message):
                return event


async def subscribed(client: Redis[str], channel: str, count: int) -> None:
    """Wait until the server knows *count* subscribers of *channel*."""
    with anyio.fail_after(PATIENCE):
        while await client.pubsub_numsub(channel) != [(channel, count)]:
            await anyio.sleep(0.005)


@PROTOCOLS
@pytest.mark.parametrize("on_full", ON_FULL)
async def test_changes_while_it_reconnects(valkey: Server, protocol: int, on_full: Any) -> None:
    """Channels that are added and removed during an outage are so afterwards."""
    async with client_of(valkey, protocol=protocol) as client:
        async with client.pubsub(on_full=on_full) as pubsub:
            await pubsub.subscribe("a", "b", "c")
            for _ in range(5):
                ask(valkey, "CLIENT", "KILL", "TYPE", "pubsub")
                with anyio.fail_after(PATIENCE):
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(pubsub.unsubscribe, "b")
                        tasks.start_soon(pubsub.subscribe, "d")
                        tasks.start_soon(pubsub.subscribe, "b")
                        tasks.start_soon(pubsub.unsubscribe, "c")
                await pubsub.unsubscribe("b", "c")
                await subscribed(client, "a", 1)
                await subscribed(client, "d", 1)
                await subscribed(client, "b", 0)
                await subscribed(client, "c", 0)
                await client.publish("d", "1")
                assert (await message_of(pubsub)).channel == "d"
                await pubsub.unsubscribe("d")
                await pubsub.subscribe("b", "c")
        assert client.connection_pool.leased == 0


async def test_two_iterators_during_reconnects(valkey: Server) -> None:
    """Two tasks that iterate get each message once, in order, and the gaps in between."""
    got: list[list[int]] = [[], []]

    async def read(pubsub: PubSub[str], mine: list[int]) -> None:
        async for event in pubsub:
            if isinstance(event, Message):
                mine.append(int(event.data))
            await anyio.lowlevel.checkpoint()

    async with client_of(valkey) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        async with anyio.create_task_group() as tasks:
            for mine in got:
                tasks.start_soon(read, pubsub, mine)
            for number in range(300):
                if number % 100 == 50:
                    ask(valkey, "CLIENT", "KILL", "TYPE", "pubsub")
                    await client.publish("a", number)  # to nobody, or as one of the first
                    await subscribed(client, "a", 1)
                else:
                    await client.publish("a", number)
            await client.publish("a", 300)
            with anyio.fail_after(PATIENCE):
                while 300 not in got[0] + got[1]:
                    await anyio.sleep(0.005)
            await pubsub.unsubscribe()
    assert [mine == sorted(mine) for mine in got] == [True, True]
    assert len({*got[0], *got[1]}) == len(got[0]) + len(got[1]) >= 298


async def test_permission_lost_and_regained(private_server: Server) -> None:
    """Who may no longer read a channel is told so; what may be read goes on elsewhere."""
    ask(private_server, "ACL", "SETUSER", "u", "on", ">p", "+@all", "~*", "&*")
    async with client_of(private_server, username="u", password="p") as client:
        async with client.subscribe("a") as one, client.subscribe("b") as other:
            ask(private_server, "ACL", "SETUSER", "u", "resetchannels", "&b")
            with pytest.raises(NoPermissionError), anyio.fail_after(PATIENCE):
                await message_of(one)
            await subscribed(client, "b", 1)
            await client.publish("b", "1")
            assert (await message_of(other)).data == "1"
            with pytest.raises(NoPermissionError):
                await one.subscribe("a")
        assert client.connection_pool.leased == 0


async def test_the_user_is_deleted(private_server: Server) -> None:
    """A subscriber whose user is gone gets the server's refusal, and does not try for ever."""
    ask(private_server, "ACL", "SETUSER", "u", "on", ">p", "+@all", "~*", "&*")
    async with (
        client_of(private_server, username="u", password="p") as client,
        client.subscribe("a") as messages,
    ):
        ask(private_server, "ACL", "DELUSER", "u")
        with pytest.raises(AuthenticationError), anyio.fail_after(PATIENCE):
            await message_of(messages)


@PROTOCOLS
async def test_a_handler_that_changes_the_subscriptions(valkey: Server, protocol: int) -> None:
    """A handler may publish, subscribe and unsubscribe, also its own channel, and leave no hang."""
    heard: list[str] = []
    async with client_of(valkey, protocol=protocol) as client, client.pubsub() as pubsub:

        async def second(message: Message[str]) -> None:
            heard.append(message.data)
            await pubsub.unsubscribe()

        async def first(message: Message[str]) -> None:
            heard.append(message.data)
            await pubsub.subscribe(b=second)
            await pubsub.unsubscribe("a")
            await client.publish("b", "2")

        await pubsub.subscribe(a=first)
        await client.publish("a", "1")
        with anyio.fail_after(PATIENCE):
            async for _ in pubsub:
                raise AssertionError("all messages have handlers")
        assert heard == ["1", "2"]
        assert not pubsub.subscribed


async def test_a_handler_that_leaves_the_block(valkey: Server) -> None:
    """A handler that closes its own PubSub ends the reading with an error, not with a hang."""
    async with client_of(valkey) as client:
        async with client.pubsub() as pubsub:

            async def leave(_message: Message[str]) -> None:
                await pubsub.aclose()

            await pubsub.subscribe(a=leave)
            await client.publish("a", "1")
            with pytest.raises(RedisError, match="block of this PubSub was left"):
                with anyio.fail_after(PATIENCE):
                    await anext(pubsub)
        assert client.connection_pool.leased == 0


async def test_short_waits_lose_nothing(valkey: Server) -> None:
    """`get_message` whose timeout ends at the moment of a message gives it now or next time."""
    count, got = 1000, list[int]()

    async def publish(client: Redis[str]) -> None:
        for number in range(count):
            await client.publish("a", number)
            if number % 7 == 0:
                await anyio.sleep(0.0005)

    async with client_of(valkey) as client, client.subscribe("a") as messages:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publish, client)
            with anyio.fail_after(PATIENCE):
                while len(got) < count:
                    event = await messages.get_message(True, timeout=0.0003)
                    if isinstance(event, Message):
                        got.append(int(event.data))
        assert got == [*range(count)]


async def test_the_server_stops_and_goes_on(private_server: Server) -> None:
    """A server that is stopped for longer than the timeout is a gap, and then messages again."""
    async with (
        client_of(private_server, stream_timeout=0.3) as client,
        client.subscribe("a") as messages,
    ):
        private_server.pause()
        await anyio.sleep(1.2)
        private_server.resume()
        await subscribed(client, "a", 1)
        await client.publish("a", "1")
        with anyio.fail_after(PATIENCE):
            gap = await anext(messages)
            assert isinstance(gap, Gap), gap
        assert (await message_of(messages)).data == "1"


async def test_the_server_is_restarted_without_data(private_server: Server) -> None:
    """All channels, patterns and sharded channels are there again, with one gap before them."""
    async with client_of(private_server) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        await pubsub.psubscribe("p*")
        await pubsub.ssubscribe("s")
        await private_server.kill()
        await private_server.start()
        await subscribed(client, "a", 1)
        with anyio.fail_after(PATIENCE):
            while await client.pubsub_numpat() != 1 or not await client.spublish("s", "3"):
                await anyio.sleep(0.005)
        await client.publish("a", "1")
        await client.publish("p1", "2")
        got = {(await message_of(pubsub)).data for _ in range(3)}
        assert got == {"1", "2", "3"}


async def test_many_tasks_subscribe_and_leave(valkey: Server) -> None:
    """Subscriptions of many tasks come and go while connections are killed; none stays behind."""
    async with client_of(valkey, max_connections=200) as client:

        async def come_and_go(number: int) -> None:
            on_full: Any = ON_FULL[number % 2]
            for _ in range(5):
                try:
                    async with client.pubsub(on_full=on_full) as pubsub:
                        await pubsub.subscribe("shared", f"own:{number}")
                        await anyio.lowlevel.checkpoint()
                        await pubsub.unsubscribe("shared")
                except ConnectionError:
                    pass  # killed while it subscribed

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for number in range(30):
                    tasks.start_soon(come_and_go, number)
                for _ in range(5):
                    await anyio.sleep(0.01)
                    ask(valkey, "CLIENT", "KILL", "TYPE", "pubsub")
        await subscribed(client, "shared", 0)
        assert await client.pubsub_channels() == []
        assert client.connection_pool.leased == 0


async def test_keyspace_events_during_flushall_and_kills(private_server: Server) -> None:
    """FLUSHALL is no event of a key; a kill is a gap; events go on in order behind it."""
    async with client_of(private_server) as client:
        await client.config_set("notify-keyspace-events", "KEA")
        async with client.keyspace_events("k*", events=["set", "del"]) as events:
            await client.set("k1", "v")
            await client.flushall()
            ask(private_server, "CLIENT", "KILL", "TYPE", "pubsub")
            with anyio.fail_after(PATIENCE):
                assert (await anext(events)).kind == "key"
                assert (await anext(events)).kind == "gap"
                await client.set("k2", "v")
                await client.delete("k2")
                got = [await anext(events), await anext(events)]
            assert [getattr(each, "event", None) for each in got] == ["set", "del"]
