"""Subscriptions of a client that sentinels lead: they follow the primary."""

from __future__ import annotations

import anyio
import pytest

from anyredis import Gap, Message, Sentinel
from anyredis.sentinel import managed_connection
from anyredis.testing.memory import Memory
from tests.client.subscription_server import SubscriptionServer
from tests.sentinels import NAME, S1, S2, S3, A, B, World, play, three_sentinels


def server_at(world: World, name: str) -> SubscriptionServer:
    """A primary at A or B that keeps subscriptions."""
    server = world.servers[{"A": A, "B": B}[name]] = SubscriptionServer(memory=Memory())
    play(server, replica=False)
    return server


@pytest.mark.parametrize("on_full", ["wait", "drop_oldest"])
async def test_subscriptions_follow_the_primary(
    monkeypatch: pytest.MonkeyPatch, on_full: str
) -> None:
    """At a switch the subscription moves to the new primary, with a gap."""
    monkeypatch.setattr(managed_connection, "GRACE", 0.01)
    world = World(monkeypatch)
    sentinels = three_sentinels(world)
    old, new = server_at(world, "A"), server_at(world, "B")
    client = Sentinel([S1, S2, S3], name=NAME).primary_for(decode_responses=True)
    async with client, client.pubsub(on_full="wait" if on_full == "wait" else "fail") as pubsub:
        await pubsub.subscribe("a")
        old.publish(b"a", b"1")
        with anyio.fail_after(10):
            assert await anext(pubsub) == Message("message", "a", "1")
            while not all(each.listeners for each in sentinels):
                await anyio.sleep(0.001)
            for sentinel in sentinels:
                sentinel.switch(A, B)
            gap = await anext(pubsub)
            assert isinstance(gap, Gap)
            assert gap.channels == {"a"}
            assert "no longer the primary" in gap.reason
            assert old.subscribers(b"a") == 0
            new.publish(b"a", b"2")
            assert await anext(pubsub) == Message("message", "a", "2")
