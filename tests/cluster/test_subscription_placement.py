"""Subscriptions in a cluster: each channel is at its node, and follows it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    ClusterDownError,
    ConnectionError,
    MaxConnectionsError,
    MovedError,
    NoPermissionError,
    PubSub,
    RedisCluster,
    Retry,
)
from anyredis.client.pubsub_events import Gap, Message
from anyredis.exceptions import from_server
from anyredis.testing import FakeCluster, FakeNode, silent

# In a cluster of three: foo is at the third node, bar at the first, b at the first, c at the second.
FOO, BAR, C = "foo", "bar", "c"


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> int:
    """RESP2 and RESP3."""
    protocol: int = request.param
    return protocol


@pytest.fixture
def cluster() -> FakeCluster:
    """Three primaries with a replica each."""
    return FakeCluster(3, 1)


@pytest.fixture
async def client(cluster: FakeCluster, protocol: int) -> AsyncIterator[RedisCluster[str]]:
    """A client of it."""
    async with cluster.client(
        decode_responses=True, protocol=protocol, retry=Retry(deadline=5)
    ) as client:
        yield client


def subscribers(cluster: FakeCluster, command: str) -> list[FakeNode]:
    """The nodes that got *command*, each as often as it got it."""
    return [node for node in cluster.nodes for _ in range(node.server.count(command))]


async def next_message(pubsub: PubSub[str]) -> Message[str]:
    """The next event, which has to be a message."""
    event = await anext(pubsub)
    assert isinstance(event, Message), event
    return event


async def next_gap(pubsub: PubSub[str]) -> Gap[str]:
    """The next event, which has to be a gap."""
    event = await anext(pubsub)
    assert isinstance(event, Gap), event
    return event


# -- places -----------------------------------------------------------------------------------------


async def test_each_channel_is_at_its_node(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """Sharded channels are at the primaries of their slots, all others together at one node."""
    async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.ssubscribe(FOO, "{foo}x", BAR, C)
        await pubsub.subscribe("one", "two")
        await pubsub.psubscribe("t*")
        assert sorted(await client.pubsub_shardchannels()) == sorted([FOO, "{foo}x", BAR, C])
        for channel in (FOO, BAR, C):
            assert await client.spublish(channel, "m") == 1
            message = await next_message(pubsub)
            assert (message.kind, message.channel, message.data) == ("smessage", channel, "m")
        [home] = set(subscribers(cluster, "SUBSCRIBE") + subscribers(cluster, "PSUBSCRIBE"))
        assert home.primary is None
        await client.publish("one", "m")
        assert (await next_message(pubsub)).channel == "one"
        assert subscribers(cluster, "SSUBSCRIBE") == [cluster.node_of(k) for k in (BAR, C, FOO)]
        assert client.connection_pool.leased == 3
    assert client.connection_pool.leased == 0


async def test_slots_are_not_mixed(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """Channels of several slots at one node are subscribed by one command for each slot."""
    names = [f"channel:{number}" for number in range(50)]
    async with client.subscribe(shard_channels=names):
        assert sorted(await client.pubsub_shardchannels()) == sorted(names)
        slots = {cluster.slot_of(name) for name in names}
        assert len(subscribers(cluster, "SSUBSCRIBE")) == len(slots)


async def test_channels_share_a_connection_for_each_node(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """With "drop_oldest" all subscribers of a client have one lease for each node, not more."""
    async with (
        client.subscribe("one", shard_channels=[FOO, BAR], on_full="drop_oldest") as first,
        client.subscribe("one", "two", shard_channels=[FOO], on_full="drop_oldest") as second,
    ):
        assert client.connection_pool.leased <= 3
        assert len(subscribers(cluster, "SSUBSCRIBE")) == 2
        assert await client.spublish(FOO, "m") == 1
        assert (await next_message(first)).data == (await next_message(second)).data == "m"
    with anyio.fail_after(10):
        while client.connection_pool.leased:
            await anyio.lowlevel.checkpoint()


async def test_limits_hold(cluster: FakeCluster, protocol: int) -> None:
    """A subscription that needs one lease too many fails, and leaves nothing behind."""
    async with cluster.client(
        decode_responses=True, protocol=protocol, max_connections=2
    ) as client:
        async with client.pubsub() as pubsub:
            await pubsub.ssubscribe(FOO)
            with pytest.raises(MaxConnectionsError):
                await pubsub.ssubscribe(BAR, C)
            assert list(pubsub.shard_channels) == [FOO]
            await pubsub.ssubscribe(BAR)
        assert client.connection_pool.leased == 0


async def test_limits_for_each_node(cluster: FakeCluster, protocol: int) -> None:
    """With a limit for each node, a subscription takes one lease of each of its nodes."""
    async with cluster.client(
        decode_responses=True, protocol=protocol, max_connections=1, max_connections_per_node=True
    ) as client:
        async with client.subscribe(shard_channels=[FOO, BAR, C]):
            with pytest.raises(MaxConnectionsError):
                await client.get(FOO)
        assert await client.get(FOO) is None


async def test_a_refusal_is_raised(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """The error of one node is that of the call, and the other nodes keep nothing of it."""
    cluster.node_of(BAR).server.on("SSUBSCRIBE", from_server("NOPERM no channels for you"))
    async with client.pubsub() as pubsub:
        await pubsub.ssubscribe(C)
        with pytest.raises(NoPermissionError):
            await pubsub.ssubscribe(FOO, BAR)
        assert list(pubsub.shard_channels) == [C]
        await pubsub.sunsubscribe()
        assert await client.pubsub_shardchannels() == []


# -- slots that move --------------------------------------------------------------------------------


async def test_a_stale_slot_map(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """MOVED is followed, and is no gap: the channel was not subscribed before."""
    cluster.move(cluster.slot_of(FOO), cluster.nodes[0])
    async with client.subscribe(shard_channels=[FOO, BAR]) as pubsub:
        assert await client.spublish(FOO, "m") == 1
        assert (await next_message(pubsub)).data == "m"
        assert FOO.encode() in cluster.nodes[0].server.memory.pubsub.names("ssubscribe")


async def test_a_slot_that_moves_while_it_is_subscribed(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """Its channels follow it, which is a gap for them and for no others."""
    async with client.subscribe("one", shard_channels=[FOO, "{foo}x", BAR, "{bar}x", C]) as pubsub:
        await client.spublish(FOO, "before")
        assert (await next_message(pubsub)).data == "before"
        cluster.move(cluster.slot_of(FOO), cluster.nodes[0])
        gap = await next_gap(pubsub)
        if len(gap.shard_channels) < 2:
            gap = gap.joined(await next_gap(pubsub))
        assert gap.shard_channels == {FOO, "{foo}x"}
        assert not gap.channels
        assert not gap.patterns
        assert gap.since <= gap.until
        for channel in (FOO, "{foo}x", BAR, C):
            assert await client.spublish(channel, "after") == 1
            assert (await next_message(pubsub)).channel == channel


async def test_a_failover(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """The channels of a primary that dies are subscribed at its replica, once that is promoted."""
    dead = cluster.node_of(FOO)
    [replica] = [node for node in cluster.nodes if node.primary is dead]
    async with client.subscribe(shard_channels=[FOO, BAR]) as pubsub:
        cluster.fail(dead)
        await client.spublish(BAR, "meanwhile")
        assert (await next_message(pubsub)).data == "meanwhile"
        cluster.promote(replica)
        gap = await next_gap(pubsub)
        assert gap.shard_channels == {FOO}
        assert "was lost" in gap.reason
        assert await client.spublish(FOO, "after") == 1
        assert (await next_message(pubsub)).data == "after"


async def test_a_failover_of_a_primary_that_lives(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """Its channels end at the new primary, and each time they move there is a gap."""
    old = cluster.node_of(FOO)
    [replica] = [node for node in cluster.nodes if node.primary is old]
    async with client.subscribe(shard_channels=[FOO, BAR]) as pubsub:
        cluster.promote(replica)
        assert (await next_gap(pubsub)).shard_channels == {FOO}
        with anyio.fail_after(10):
            while FOO.encode() not in replica.server.memory.pubsub.names("ssubscribe"):
                await client.connection_pool.topology.wait_refreshed()
        await client.spublish(FOO, "after")
        event = await anext(pubsub)
        while isinstance(event, Gap):
            assert event.shard_channels == {FOO}
            event = await anext(pubsub)
        assert isinstance(event, Message)
        assert event.data == "after"


async def test_a_node_that_leaves(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """All its channels move: the sharded ones with their slots, the others to any other node."""
    async with client.subscribe("one", patterns="o*", shard_channels=[FOO, BAR, C]) as pubsub:
        [home] = subscribers(cluster, "SUBSCRIBE")
        [replica] = [node for node in cluster.nodes if node.primary is home]
        other = next(node for node in cluster.nodes[:3] if node is not home)
        slots = cluster.slots_of(home)
        moved = {channel for channel in (FOO, BAR, C) if cluster.node_of(channel) is home}
        cluster.move(range(slots[0], slots[-1] + 1), other)
        cluster.remove_node(replica)
        cluster.remove_node(home)
        gap = await next_gap(pubsub)
        while not (gap.channels and gap.patterns and len(gap.shard_channels) == len(moved)):
            gap = gap.joined(await next_gap(pubsub))
        assert gap.channels == {"one"}
        assert gap.patterns == {"o*"}
        assert gap.shard_channels == moved
        await client.publish("one", "after")
        assert {(await next_message(pubsub)).kind for _ in range(2)} == {"message", "pmessage"}
        for channel in (FOO, BAR, C):
            assert await client.spublish(channel, "after") == 1
            assert (await next_message(pubsub)).channel == channel


async def test_the_node_of_ordinary_channels_dies(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """They move to another node at once, without a wait for the failover."""
    async with client.subscribe("one", patterns=["t*"]) as pubsub:
        [home] = subscribers(cluster, "SUBSCRIBE")
        cluster.fail(home)
        gap = await next_gap(pubsub)
        if not gap.patterns:
            gap = gap.joined(await next_gap(pubsub))
        assert gap.channels == {"one"}
        assert gap.patterns == {"t*"}
        assert not gap.shard_channels
        other = next(node for node in cluster.nodes[:3] if node is not home)
        await client.node(other.address).publish("one", "after")
        assert (await next_message(pubsub)).data == "after"
        assert client.connection_pool.leased == 1


# -- nodes that serve no slot, or send each other --------------------------------------------------


async def test_a_slot_without_a_node(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """CLUSTERDOWN is waited for: the subscription succeeds once a node serves the slot."""
    slot = cluster.slot_of(FOO)
    owner = cluster.node_of(FOO)
    cluster.unassign(slot)
    async with client.pubsub() as pubsub, anyio.create_task_group() as tasks:
        tasks.start_soon(pubsub.ssubscribe, FOO)
        await owner.server.wait_for("SSUBSCRIBE", 2)
        cluster.move(slot, owner)
    assert owner.server.count("SSUBSCRIBE") >= 3


async def test_a_slot_that_stays_without_a_node(
    cluster: FakeCluster, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call fails with the server's error once it has waited as long as commands do."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.01)
    cluster.unassign(cluster.slot_of(FOO))
    retry = Retry(deadline=0.05)
    async with (
        cluster.client(decode_responses=True, protocol=protocol, retry=retry) as client,
        client.pubsub() as pubsub,
    ):
        with pytest.raises(ClusterDownError):
            await pubsub.ssubscribe(FOO)
        assert not pubsub.shard_channels


async def test_two_nodes_that_redirect_to_each_other(
    cluster: FakeCluster, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call fails with the redirect after a while, and was not sent in a tight loop."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.01)
    one, two, _ = cluster.nodes[:3]
    slot = cluster.slot_of(FOO)
    one.server.on("SSUBSCRIBE", two.redirection("MOVED", slot))
    two.server.on("SSUBSCRIBE", one.redirection("MOVED", slot))
    cluster.move(slot, one)
    retry = Retry(deadline=0.3)
    async with (
        cluster.client(decode_responses=True, protocol=protocol, retry=retry) as client,
        client.pubsub() as pubsub,
    ):
        with pytest.raises(MovedError):
            await pubsub.ssubscribe(FOO)
    assert len(subscribers(cluster, "SSUBSCRIBE")) < 40


async def test_all_nodes_down(cluster: FakeCluster, protocol: int) -> None:
    """A subscription fails with the error of connecting once its `Retry` is over."""
    retry = Retry(deadline=0.05)
    async with cluster.client(decode_responses=True, protocol=protocol, retry=retry) as client:
        for node in cluster.nodes:
            cluster.fail(node)
        async with client.pubsub() as pubsub:
            for subscribe in (pubsub.subscribe, pubsub.ssubscribe):
                with pytest.raises(ConnectionError):
                    await subscribe(FOO)
            for node in cluster.nodes:
                cluster.revive(node)
            await pubsub.subscribe(FOO)
            await pubsub.ssubscribe(FOO)


async def test_one_node_by_itself(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """`client.node(address).pubsub()` stays there: a channel of another node is its error."""
    node = client.node(cluster.nodes[0].address)
    async with node.pubsub() as pubsub:
        await pubsub.subscribe("one")
        with pytest.raises(MovedError):
            await pubsub.ssubscribe(FOO)
        await pubsub.ssubscribe(BAR)
        assert {each.port for each in subscribers(cluster, "SUBSCRIBE")} == {7000}


async def test_a_redirected_subscription_is_cancelled(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """Nothing stays of it, at the node that it was redirected to either."""
    target = cluster.nodes[0]
    cluster.move(cluster.slot_of(FOO), target)
    target.server.on("SSUBSCRIBE", silent, times=1)
    async with client.pubsub() as pubsub:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pubsub.ssubscribe, FOO)
            await target.server.wait_for("SSUBSCRIBE")
            tasks.cancel_scope.cancel()
        assert not pubsub.subscribed
        with anyio.fail_after(10):
            while client.connection_pool.leased:
                await anyio.lowlevel.checkpoint()
