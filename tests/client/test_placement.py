"""Tests of placements: one connection for each server, moves, and what a placement may decide."""

from __future__ import annotations

import anyio

from anyredis import Message, PubSub, Redis, ResponseError
from anyredis.client.placement import OneServer
from anyredis.client.subscribed_connection import SubscribedConnection
from anyredis.client.subscriber import Encoding
from anyredis.exceptions import RedisError
from anyredis.pool.endpoint import Endpoint
from anyredis.wire.subscriptions import SubscriptionKind, SubscriptionRequest
from tests.blocked_tasks import all_tasks_blocked
from tests.client.subscription_server import SubscriptionServer, next_of


class TwoServers(OneServer):
    """Channels are at the first server, until `away` is true; a refusal moves them."""

    def __init__(self, first: Endpoint, second: Endpoint) -> None:
        super().__init__(first, None)
        self.second = second
        self.away = False

    def endpoint_for(self, kind: SubscriptionKind, name: bytes) -> Endpoint:
        """The server of the moment."""
        return self.second if self.away else super().endpoint_for(kind, name)

    def refused(
        self, connection: SubscribedConnection, request: SubscriptionRequest, error: RedisError
    ) -> bool:
        """Move what a MOVED refuses."""
        if "MOVED" not in str(error):
            return False
        self.go(connection, request.kind, request.names)
        return True

    def revoked(
        self, connection: SubscribedConnection, kind: SubscriptionKind, name: bytes
    ) -> None:
        """Move what the server takes away."""
        self.go(connection, kind, (name,))

    def go(
        self, connection: SubscribedConnection, kind: SubscriptionKind, names: tuple[bytes, ...]
    ) -> None:
        """Move to the second server."""
        self.away = True
        self.move(connection, self.connection_to(self.second), kind, names, "it has moved")


class Bench:
    """Two servers, a client of each, and a `PubSub` that is placed at both."""

    def __init__(self) -> None:
        self.servers = [SubscriptionServer() for _ in range(2)]
        self.clients: list[Redis[str]] = [each.text_client() for each in self.servers]
        first, second = (each.connection_pool.endpoint for each in self.clients)
        self.placement = TwoServers(first, second)
        self.pubsub: PubSub[str] = PubSub(
            self.placement,
            Encoding("utf-8", "strict", decodes=True),
            ignore_subscribe_messages=True,
            max_messages=100,
            max_bytes=10_000,
            on_full="wait",
            first={},
        )

    def leased(self) -> list[int]:
        """The leases of each pool."""
        return [each.connection_pool.leased for each in self.clients]


async def test_a_channel_moves_to_another_server() -> None:
    """A channel that the server takes away goes on elsewhere, with a gap; its lease comes back."""
    bench = Bench()
    old, new = bench.servers
    async with bench.clients[0], bench.clients[1], bench.pubsub as pubsub:
        await pubsub.ssubscribe("a")
        [peer] = old.peers
        old.subscriptions.clear()
        old.tell(peer, b"sunsubscribe", b"a", 0)
        gap = await next_of(pubsub)
        assert gap.kind == "gap"
        assert gap.shard_channels == {"a"}
        assert not gap.channels
        assert "moved" in gap.reason
        new.publish(b"a", b"1")
        assert await next_of(pubsub) == Message("smessage", "a", "1")
        assert bench.leased()[1] == 1
        with anyio.fail_after(10):
            while bench.leased()[0]:
                await anyio.sleep(0.001)
        await pubsub.sunsubscribe("a")
        assert new.subscribers(b"a") == 0
    assert not bench.placement.connections


async def test_a_refused_subscribe_ends_where_it_was_sent_on() -> None:
    """A call that is refused with MOVED ends with the acknowledgement of the other server."""
    bench = Bench()
    old, new = bench.servers
    old.on("SSUBSCRIBE", ResponseError("MOVED 1 host:1"))
    async with bench.clients[0], bench.clients[1], bench.pubsub as pubsub:
        with anyio.fail_after(10):
            await pubsub.ssubscribe("a", "b")
        assert new.subscribers(b"a") == new.subscribers(b"b") == 1
        assert pubsub.shard_channels == {"a": None, "b": None}
        new.publish(b"b", b"1")
        assert await next_of(pubsub) == Message("smessage", "b", "1")


async def test_channels_at_two_servers() -> None:
    """One `PubSub` reads from two servers; each channel stays where it is subscribed."""
    bench = Bench()
    old, new = bench.servers
    async with bench.clients[0], bench.clients[1], bench.pubsub as pubsub:
        await pubsub.subscribe("a")
        bench.placement.away = True
        await pubsub.subscribe("a", "b")
        assert (old.subscribers(b"a"), new.subscribers(b"a"), new.subscribers(b"b")) == (1, 0, 1)
        old.publish(b"a", b"1")
        assert await next_of(pubsub) == Message("message", "a", "1")
        new.publish(b"b", b"2")
        assert await next_of(pubsub) == Message("message", "b", "2")
        assert bench.leased() == [1, 1]
    assert bench.leased() == [0, 0]


async def test_a_full_buffer_pauses_all_servers() -> None:
    """The buffer of one `PubSub` stops the reading from each server, and of new connections."""
    bench = Bench()
    old, new = bench.servers
    async with bench.clients[0], bench.clients[1], bench.pubsub as pubsub:
        await pubsub.subscribe("a")
        for number in range(150):
            old.publish(b"a", b"%d" % number)
        await all_tasks_blocked()
        bench.placement.away = True
        with anyio.fail_after(10):
            await pubsub.subscribe("b")
        paused = [each.connection for each in bench.placement.connections.values()]
        assert [each is not None and each._pauses for each in paused] == [1, 1]
        got = [(await next_of(pubsub)).data for _ in range(150)]
        assert got == [str(number) for number in range(150)]
        assert [each is not None and each._pauses for each in paused] == [0, 0]
        assert new.publish(b"b", b"last") == 1
        assert (await next_of(pubsub)).data == "last"
