"""Transactions that watch keys in a cluster: one slot, found again after it has moved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from anyredis import (
    ClusterDownError,
    ConnectionError,
    CrossSlotError,
    DataError,
    MovedError,
    Outcome,
    RedisCluster,
    Retry,
    Transaction,
    TryAgainError,
    WatchError,
)
from anyredis.exceptions import from_server
from anyredis.server import Cluster
from anyredis.testing import Answer, FakeCluster, FakePeer, Words
from anyredis.testing.nodes import FakeNode
from anyredis.testing.server import run_then_reset
from tests.client.optimistic import AT_ONCE, add_one


@pytest.fixture
async def cluster() -> FakeCluster:
    """Three primaries in memory, with a replica each."""
    return FakeCluster(primaries=3, replicas=1)


@pytest.fixture
async def client(cluster: FakeCluster) -> AsyncIterator[RedisCluster[str]]:
    """A client of `cluster`."""
    async with cluster.client(decode_responses=True, max_connections=2) as client:
        yield client


def count(cluster: FakeCluster, name: str) -> int:
    """The times that the nodes received the command *name*."""
    return sum(node.server.count(name) for node in cluster.nodes)


def other_than(cluster: FakeCluster, node: FakeNode) -> FakeNode:
    """Another primary."""
    return next(each for each in cluster.nodes if each.primary is None and each is not node)


# -- one slot -----------------------------------------------------------------------------------


async def test_it_runs_on_the_node_of_its_slot(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """Keys of one slot are watched together, on their primary."""
    assert await client.transaction(add_one, "k", "{k}x", ["{k}y"]) == 1
    owner = cluster.node_of("k").server
    assert owner.count("WATCH") == owner.count("EXEC") == count(cluster, "WATCH") == 1
    async with client.watch("k") as tx:
        assert await tx.get("k") == "1"


async def test_keys_in_several_slots_are_refused(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """Before anything is sent, with the remedy."""
    with pytest.raises(CrossSlotError, match=r"transaction: the keys are in 2 hash slots.*tag"):
        await client.transaction(add_one, "k", "other")
    with pytest.raises(CrossSlotError, match="watch: the keys are in 2 hash slots"):
        client.watch("k", "other")
    with pytest.raises(DataError, match="give the keys to watch"):
        client.watch()
    assert count(cluster, "WATCH") == 0


async def test_commands_on_other_slots_are_refused(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """At once or queued, on another slot or on all nodes: nothing of that is sent."""
    async with client.watch("k") as tx:
        calls: list[Callable[[], Any]] = [
            lambda: tx.get("other"),
            lambda: tx.mget("k", "other"),
            lambda: tx.watch("other"),
            tx.dbsize,
        ]
        for call in calls:
            with pytest.raises(CrossSlotError, match="was not sent: this transaction stays on"):
                await call()
        for transaction in (True, False):
            pipe = tx.pipeline(transaction)
            pipe.set("k", 1)
            pipe.set("other", 1)
            with pytest.raises(CrossSlotError, match="SET was not sent"):
                await pipe.execute()
        assert await tx.echo("here") == "here"
        async with tx.pipeline() as pipe:
            pipe.set("k", 2)
    assert count(cluster, "SET") == 1


# -- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [False, True])
async def test_a_moved_slot_is_followed(
    cluster: FakeCluster, client: RedisCluster[str], known: bool
) -> None:
    """WATCH goes to the new node, with one lease."""
    if known:
        await client.get("k")
    owner = cluster.node_of("k")
    cluster.move(client.slot_of("k"), other_than(cluster, owner))
    assert await client.transaction(add_one, "k") == 1
    assert client.connection_pool.leased == 0


@pytest.mark.parametrize("name", ["GET", "SET", "EXEC"])
async def test_a_slot_that_moves_meanwhile_is_followed(
    cluster: FakeCluster, client: RedisCluster[str], name: str
) -> None:
    """Whatever it is about to do: nothing was executed, and the next try is on the new node."""
    await client.set("k", 5)
    owner = cluster.node_of("k")

    def move_first(peer: FakePeer, words: Words) -> Answer:
        cluster.move(client.slot_of("k"), other_than(cluster, owner))
        return peer.run(words)

    owner.server.on(name, move_first, times=1)
    assert await client.transaction(add_one, "k", attempts=2, backoff=AT_ONCE) == 6
    assert await client.get("k") == "6"
    assert sum(node.server.memory.ran[b"SET"] for node in cluster.nodes) == 2  # the first, and this


async def test_reads_of_a_plain_pipeline_are_redirected(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """If one of them is refused, the try is made again; with a write among them it is not."""
    owner = cluster.node_of("k")

    def move_first(peer: FakePeer, words: Words) -> Answer:
        cluster.move(client.slot_of("k"), other_than(cluster, owner))
        return peer.run(words)

    async def reads(tx: Transaction[str]) -> str | None:
        async with tx.pipeline(transaction=False) as pipe:
            pipe.echo("here")
            value = pipe.get("k")
        return value.value

    async def writes(tx: Transaction[str]) -> None:
        async with tx.pipeline(transaction=False) as pipe:
            pipe.incr("{k}n")
            pipe.get("k")

    owner.server.on("GET", move_first, times=1)
    assert await client.transaction(reads, "k") is None
    owner = cluster.node_of("k")
    owner.server.on("GET", move_first, times=1)
    with pytest.raises(MovedError):
        await client.transaction(writes, "k")
    assert count(cluster, "INCRBY") == 1


async def test_it_waits_while_its_slot_is_moving(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """A key that has moved already is not written on the node that imports it: it waits."""
    await client.set("k", 1)
    owner = cluster.node_of("k")
    target = other_than(cluster, owner)
    cluster.start_migration(client.slot_of("k"), target)
    cluster.migrate_key("k")

    def finish(peer: FakePeer, words: Words) -> Answer:
        cluster.move(client.slot_of("k"), target)
        return peer.run(words)

    owner.server.on("WATCH", finish, times=1)
    owner.server.on("WATCH", FakePeer.run, times=2)  # these get ASK
    assert await client.transaction(add_one, "k") == 2
    assert owner.server.count("WATCH") == 3
    assert target.server.count("ASKING") == 0


async def test_a_slot_that_goes_on_moving(cluster: FakeCluster) -> None:
    """The wait has a bound, that of `retry`; the error tells of the move."""
    async with cluster.client(decode_responses=True, retry=Retry(deadline=0)) as client:
        await client.set("k", 1)
        owner = cluster.node_of("k")
        cluster.start_migration(client.slot_of("k"), other_than(cluster, owner))
        cluster.migrate_key("k")
        with pytest.raises(TryAgainError, match="slot of the transaction is moving: ASK"):
            await client.transaction(add_one, "k")
        with pytest.raises(TryAgainError, match="slot of the transaction is moving: ASK"):
            async with client.watch("k"):
                pytest.fail("entered")


async def test_a_failover_is_followed(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """The primary dies while the function reads: the next try is on the one that takes over."""
    await client.set("k", 1)
    owner = cluster.node_of("k")
    replica = next(node for node in cluster.nodes if node.primary is owner)

    def fail_over(peer: FakePeer, words: Words) -> Answer:
        cluster.fail(owner)
        cluster.promote(replica)
        return peer.run(words)

    owner.server.on("GET", fail_over, times=1)
    assert await client.transaction(add_one, "k") == 2
    assert replica.server.count("EXEC") == 1


async def test_a_lost_reply_to_exec_is_not_repeated(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """Its outcome is unknown (G11)."""
    cluster.node_of("k").server.on("EXEC", run_then_reset, times=1)
    with pytest.raises(ConnectionError) as caught:
        await client.transaction(add_one, "k")
    assert caught.value.outcome is Outcome.UNKNOWN
    assert count(cluster, "EXEC") == 1
    assert await client.get("k") == "1"


async def test_a_change_is_tried_again(cluster: FakeCluster, client: RedisCluster[str]) -> None:
    """On the same connection, with the same lease."""
    server = cluster.node_of("k").server

    def change(peer: FakePeer, words: Words) -> Answer:
        answer = peer.run(words)
        server.memory.run(server.memory.new_client(), (b"SET", b"k", b"100"))
        return answer

    server.on("GET", change, times=2)
    assert await client.transaction(add_one, "k", backoff=AT_ONCE) == 101
    server.on("GET", change, times=2)
    with pytest.raises(WatchError, match="tried 2 times"):
        await client.transaction(add_one, "k", attempts=2, backoff=AT_ONCE)


async def test_an_error_in_the_block_refreshes_the_slot_map(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """The block of `client.watch` is not repeated; the next one finds the new node."""
    owner = cluster.node_of("k")
    with pytest.raises(MovedError):  # noqa: PT012 - it leaves the block
        async with client.watch("k") as tx:
            cluster.move(client.slot_of("k"), other_than(cluster, owner))
            await tx.get("k")
    async with client.watch("k") as tx:
        assert await tx.get("k") is None


async def test_an_unserved_slot(cluster: FakeCluster) -> None:
    """The error is that of any other command."""
    async with cluster.client(retry=Retry(deadline=0)) as client:
        cluster.unassign(client.slot_of("k"))
        with pytest.raises(ClusterDownError):
            async with client.watch("k"):
                pytest.fail("entered")


# -- nodes --------------------------------------------------------------------------------------


async def test_a_node_has_transactions_of_its_own(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """They stay on that node, and follow nothing."""
    node = client.node_for("k")
    assert await node.transaction(add_one, "k") == 1
    elsewhere = client.node(str(other_than(cluster, cluster.node_of("k")).address))
    with pytest.raises(MovedError):
        await elsewhere.transaction(add_one, "k")


async def test_an_error_of_the_function_is_not_followed(
    cluster: FakeCluster, client: RedisCluster[str]
) -> None:
    """A redirect that another client got is no redirect of this transaction."""
    calls = 0

    async def elsewhere(_tx: Transaction[str]) -> None:
        nonlocal calls
        calls += 1
        raise from_server("MOVED 1 10.0.0.1:7000")

    with pytest.raises(MovedError):
        await client.transaction(elsewhere, "k")
    assert calls == 1


async def test_a_real_cluster(valkey_cluster: Cluster) -> None:
    """Reads, writes and a change by another client, on each primary."""
    seed = valkey_cluster.primaries[0]
    async with RedisCluster(seed.host, seed.port, decode_responses=True) as client:
        for key in ("a", "b", "c", "d"):

            async def add(tx: Transaction[str], key: str = key) -> int:
                value = int(await tx.get(key) or 0) + 1
                if value == 1:
                    await client.set(key, 10)
                async with tx.pipeline() as pipe:
                    pipe.set(key, value)
                return value

            assert await client.transaction(add, key, backoff=AT_ONCE) == 11
            assert await client.get(key) == "11"
