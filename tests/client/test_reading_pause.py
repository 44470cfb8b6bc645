"""Tests of `anyredis.client.reading_pause`: full buffers stop the reading, and nothing is lost."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    Dropped,
    Message,
    PubSubError,
    Redis,
)
from anyredis.testing import silent
from tests.blocked_tasks import all_tasks_blocked
from tests.client.subscription_server import SubscriptionServer, next_of, subscriber_of

SHARED: dict[str, Any] = {"on_full": "drop_oldest", "ignore_subscribe_messages": True}


@pytest.mark.parametrize("run", [1, 50])
@pytest.mark.parametrize("text", [True, False])
async def test_a_full_buffer_stops_the_reading(text: bool, run: int) -> None:
    """With "wait", reading stops at the bound and goes on below half; nothing is lost (G13).

    Messages in a *run* are made together, and readers of bytes take each in fewer steps.
    """
    server = SubscriptionServer()
    client: Redis[Any] = server.text_client() if text else server.client()
    async with (
        client,
        client.subscribe("a", max_messages=10, ignore_subscribe_messages=True) as messages,
    ):
        peer = subscriber_of(server, b"a")
        for number in range(1000):
            server.publish(b"a", b"%d" % number * 100)
            if not number % run:
                await anyio.lowlevel.checkpoint()
        await all_tasks_blocked()
        assert 10 <= int(repr(messages).partition("unread=")[2].split(" ")[0]) < 500
        assert server.peers.count(peer) == 1
        got = [await next_of(messages) for _ in range(1000)]
        wanted = [str(number) * 100 for number in range(1000)]
        assert [each.data for each in got] == (wanted if text else [*map(str.encode, wanted)])


async def test_a_full_buffer_lets_acknowledgements_through() -> None:
    """A task that subscribes with a full buffer gets its answer, and reads on afterwards."""
    server = SubscriptionServer()
    async with (
        server.text_client() as client,
        client.subscribe("a", max_messages=10, ignore_subscribe_messages=True) as messages,
    ):
        for number in range(12):
            server.publish(b"a", b"%d" % number)
        await all_tasks_blocked()
        with anyio.fail_after(10):
            await messages.subscribe("b")
            await messages.unsubscribe("b")
        assert [(await next_of(messages)).data for _ in range(12)] == [*map(str, range(12))]


async def test_a_call_whose_answer_cannot_be_read() -> None:
    """At twice the bound a subscribe fails with advice, and an unsubscribe ends at once."""
    server = SubscriptionServer()
    async with (
        server.text_client() as client,
        client.subscribe("a", max_messages=5, ignore_subscribe_messages=True) as messages,
    ):
        for number in range(20):
            server.publish(b"a", b"%d" % number)
        await all_tasks_blocked()
        with anyio.fail_after(10):
            with pytest.raises(PubSubError, match="another task"):
                await messages.subscribe("b")
            await messages.unsubscribe("a")
        assert [(await next_of(messages)).data for _ in range(20)] == [*map(str, range(20))]
        assert not messages.subscribed


async def test_a_server_that_disconnects_a_slow_reader_is_told_as_such() -> None:
    """A connection that ends while, or right after, reading was paused has a reason that says so."""
    server = SubscriptionServer()
    async with (
        server.text_client() as client,
        client.subscribe("a", max_messages=2, ignore_subscribe_messages=True) as messages,
    ):
        for number in range(8):
            server.publish(b"a", b"%d" % number)
        await all_tasks_blocked()
        server.silenced = True
        server.on("PING", silent)
        subscriber_of(server, b"a").half_close()
        server.silenced = False
        got: list[Any] = []
        while not got or isinstance(got[-1], Message):
            got.append(await next_of(messages))
        assert got[-1].kind == "gap"
        assert "client-output-buffer-limit" in got[-1].reason
        server.off("PING")
        server.reset()
        gap = await next_of(messages)
        assert "client-output-buffer-limit" not in gap.reason


async def test_a_pause_that_the_server_endured_is_no_reason() -> None:
    """If the server answers after the pause, a later loss is told without it."""
    server = SubscriptionServer()
    async with (
        server.text_client() as client,
        client.subscribe("a", max_messages=2, ignore_subscribe_messages=True) as messages,
    ):
        for number in range(8):
            server.publish(b"a", b"%d" % number)
        await all_tasks_blocked()
        for _ in range(8):
            await next_of(messages)
        await server.wait_for("PING")
        await all_tasks_blocked()
        server.reset()
        gap = await next_of(messages)
        assert gap.kind == "gap"
        assert "client-output-buffer-limit" not in gap.reason


async def test_dropping_does_not_stop_the_reading() -> None:
    """With "drop_oldest", a consumer that does not read costs others nothing, and is told."""
    server = SubscriptionServer()
    async with (
        server.text_client() as client,
        client.subscribe("a", max_messages=10, **SHARED) as slow,
        client.subscribe("a", **SHARED) as quick,
    ):
        for number in range(100):
            server.publish(b"a", b"%d" % number)
        for number in range(100):
            assert (await next_of(quick)).data == str(number)
        assert await next_of(slow) == Dropped(90)
        assert [(await next_of(slow)).data for _ in range(10)] == [*map(str, range(90, 100))]
