"""The block of a `PubSub`: subscribing, leases, leaving."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import (
    ConnectionError,
    Message,
    NoPermissionError,
    PubSub,
    PubSubError,
)
from tests.blocked_tasks import all_tasks_blocked
from tests.client.subscription_server import SubscriptionServer, next_of

pytestmark = pytest.mark.parametrize("protocol", [3, 2])

ON_FULL: list[Any] = ["wait", "drop_oldest", "fail"]


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
                await all_tasks_blocked()
            await pubsub.aclose()
            open_still = client.subscribe("a")
            pubsub = await open_still.__aenter__()
            tasks.start_soon(read, pubsub)
            await all_tasks_blocked()
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
