"""Pipelines over all nodes: order of results, order for each key, failures of single nodes."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    ClusterDownError,
    DataValueError,
    MaxConnectionsError,
    Outcome,
    PartialFailureError,
    PoolTimeoutError,
    RedisCluster,
    Result,
    Retry,
    WrongTypeError,
)
from anyredis.exceptions import ConnectionError, from_server
from anyredis.testing import Answer, FakeCluster, FakePeer, Words, run_then_reset
from tests.blocked_tasks import all_tasks_blocked

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves; `bar` is the first's, `c` the second's."""

KEYS = [f"k{number}" for number in range(60)]


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that refuses has some tenths of a second to sort itself out."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.3)


def whole(client: RedisCluster[Any]) -> bool:
    """Whether the pool has all its leases back."""
    pool = client.connection_pool
    return (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def test_results_are_in_the_order_of_the_commands() -> None:
    """Whichever nodes they come from, and each node gets its own as one piece."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        pipe = client.pipeline()
        for key in KEYS:
            pipe.set(key, key.upper())
        for key in reversed(KEYS):
            pipe.get(key)
        wanted = [True] * 60 + [key.upper() for key in reversed(KEYS)]
        assert await pipe.execute() == wanted
        assert whole(client)
        for node in cluster.nodes:  # the control connection may be there besides
            [_] = [peer for peer in node.server.peers if b"SET" in {w[0] for w in peer.received}]


async def test_splits_and_everywhere_in_a_pipeline() -> None:
    """They are one command with one result, among the others."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        async with client.pipeline() as pipe:
            stored = pipe.mset({"foo": 1, "bar": 2, "c": 3})
            one, several = pipe.get("bar"), pipe.mget("c", "foo", "nope", "c")
            size, gone, left = pipe.dbsize(), pipe.delete("foo", "bar"), pipe.keys("*")
        assert (stored.value, one.value, several.value) == (True, "2", ["3", "1", None, "3"])
        assert (size.value, gone.value, left.value) == (3, 2, ["c"])


async def test_order_for_a_key_through_a_move() -> None:
    """A slot moves in the middle: its refused commands are sent on in their order."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        pipe = client.pipeline()
        for number in range(100):
            pipe.rpush("foo", number)
            pipe.rpush("bar", number)

        def move(peer: FakePeer, words: Words) -> Answer:
            if words[2] == b"40":
                cluster.move(FOO, first)
            return peer.run(words)

        last.server.on("RPUSH", move)
        assert await pipe.execute() == [n for number in range(1, 101) for n in (number, number)]
        assert await client.lrange("foo", 0, -1) == [str(number) for number in range(100)]
        assert await client.lrange("bar", 0, -1) == [str(number) for number in range(100)]
        assert whole(client)


async def test_order_for_a_key_through_a_migration() -> None:
    """ASKING goes before each command that was sent on, and stays theirs."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        pipe = client.pipeline()
        for number in range(50):
            pipe.rpush("foo", number)
            pipe.get("bar")

        def migrate(peer: FakePeer, words: Words) -> Answer:
            if words[2] == b"20":
                cluster.start_migration(FOO, first)
                cluster.migrate_key("foo")
            if words[2] == b"40":
                cluster.finish_migration(FOO)
            return peer.run(words)

        last.server.on("RPUSH", migrate)
        await pipe.execute()
        assert await client.lrange("foo", 0, -1) == [str(number) for number in range(50)]
        assert not any(peer.state.asking for peer in first.server.peers)


async def test_all_parts_of_a_slot_go_on_to_the_same_node() -> None:
    """One was refused, the next one redirected: both go to the node in the redirect."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    view = cluster.slots()
    async with cluster.client(decode_responses=True) as client:
        await client.rpush("foo", "0")
        for node in cluster.nodes:
            node.sees(view)  # no refresh reveals it
        pipe = client.pipeline()
        pipe.rpush("foo", "1")
        pipe.rpush("foo", "2")

        def refuse(peer: FakePeer, words: Words) -> Answer:
            cluster.move(FOO, first)
            return from_server("TRYAGAIN later")

        last.server.on("RPUSH", refuse, times=1)
        await pipe.execute()
        assert await client.lrange("foo", 0, -1) == ["0", "1", "2"]
        assert last.server.count("RPUSH") == 3


async def test_a_node_that_loses_its_connection() -> None:
    """Only its commands fail, each with its own error; nothing that was written runs again."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        async with client.pipeline(raise_on_error=False) as pipe:
            lost, after = pipe.incr("foo"), pipe.get("foo")
            cluster.nodes[2].server.on("INCRBY", run_then_reset, times=1)
            good, other = pipe.incr("bar"), pipe.incr("c")
        assert (good.value, other.value) == (1, 1)
        for each in (lost, after):
            assert isinstance(each.error, ConnectionError)
            assert each.error.outcome is Outcome.UNKNOWN
        assert lost.error is not after.error
        assert await client.get("foo") == b"1"
        assert whole(client)


async def test_the_error_of_a_pipeline_tells_the_outcome() -> None:
    """The error of the first failed command says if it may have run (G11)."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        cluster.nodes[2].server.on("INCRBY", run_then_reset, times=1)
        pipe = client.pipeline()
        pipe.incr("bar")
        pipe.incr("foo")
        with pytest.raises(ConnectionError, match=r"command 2 of 2.*INCRBY") as caught:
            await pipe.execute()
        assert caught.value.outcome is Outcome.UNKNOWN
        cluster.nodes[2].server.on("DEL", run_then_reset, times=1)
        pipe.delete("foo", "bar")
        with pytest.raises(PartialFailureError, match="command 1 of 1") as partial:
            await pipe.execute()
        assert [each.address for each in partial.value.succeeded] == ["fake:7000"]
        assert [each.address for each in partial.value.failed] == ["fake:7002"]


async def test_reads_are_repeated_where_all_of_a_nodes_batch_reads() -> None:
    """A read beside a write is not: it may be about that write."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        await client.mset({"foo": 1, "bar": 2})
        last = cluster.nodes[2].server
        last.on("GET", run_then_reset, times=1)
        async with client.pipeline() as pipe:
            read, written = pipe.get("foo"), pipe.set("bar", 3)
        assert (read.value, written.value) == ("1", True)
        last.on("GET", run_then_reset, times=1)
        async with client.pipeline(raise_on_error=False) as pipe:
            read, beside = pipe.get("foo"), pipe.set("{foo}2", 3)
        assert isinstance(read.error, ConnectionError)
        assert isinstance(beside.error, ConnectionError)
        assert last.count("GET") == 3


async def test_a_dead_node() -> None:
    """Nothing was sent: its commands are tried again, and go to the node that takes over."""
    cluster = FakeCluster(3, 1)
    async with cluster.client() as client:
        cluster.fail(cluster.nodes[2])
        cluster.promote(cluster.nodes[5])
        async with client.pipeline() as pipe:
            one, other = pipe.incr("foo"), pipe.incr("bar")
        assert (one.value, other.value) == (1, 1)


async def test_a_slot_that_no_node_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands fail in their place, all after one wait; the others run."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.5)
    cluster = FakeCluster()
    gone = cluster.slots_of(cluster.nodes[2])
    cluster.unassign(range(gone[0], gone[-1] + 1))
    async with cluster.client(retry=Retry(deadline=0.5)) as client:
        with anyio.fail_after(8):  # twenty waits would take ten seconds
            async with client.pipeline(raise_on_error=False) as pipe:
                lost = [pipe.incr(f"{{foo}}{number}") for number in range(20)]
                good, split = pipe.incr("bar"), pipe.mget("foo", "bar")
        assert good.value == 1
        assert all(isinstance(each.error, ClusterDownError) for each in lost)
        assert "slot 12182" in str(lost[0].error)
        assert isinstance(split.error, PartialFailureError)
        assert whole(client)


async def test_a_slot_that_is_served_again_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands run then, in their order."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 5.0)
    cluster = FakeCluster()
    cluster.unassign(FOO)
    async with cluster.client(decode_responses=True) as client:
        pipe = client.pipeline()
        results: list[Result[int]] = [pipe.rpush("foo", number) for number in range(5)]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pipe.execute)
            await all_tasks_blocked()
            cluster.move(FOO, cluster.nodes[1])
        assert [each.value for each in results] == [1, 2, 3, 4, 5]
        assert await client.lrange("foo", 0, -1) == ["0", "1", "2", "3", "4"]


async def test_errors_of_commands_stay_their_own() -> None:
    """The server's verdict stands in the place of its command."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.rpush("foo", "x")
        async with client.pipeline(raise_on_error=False) as pipe:
            wrong, good = pipe.get("foo"), pipe.get("bar")
        assert isinstance(wrong.error, WrongTypeError)
        assert good.value is None


async def test_an_unencodable_command_refuses_the_batch() -> None:
    """Before anything of it is sent."""
    cluster = FakeCluster()
    async with cluster.client(encoding="ascii") as client:
        for count in (1, 5000):
            pipe = client.pipeline()
            for number in range(count):
                pipe.set(f"k{number}", "v")
            pipe.set("foo", "ü")
            with pytest.raises(DataValueError, match="ascii"):
                await pipe.execute()
        pipe = client.pipeline()
        pipe.set("bar", "v")
        pipe.info()
        with pytest.raises(DataValueError, match="each node for itself"):
            await pipe.execute()
        assert sum(node.server.count("SET") for node in cluster.nodes) == 0
        assert whole(client)


async def test_a_strict_pool_refuses_the_batch() -> None:
    """It refuses if it has no lease for some node; leases in use are counted."""
    cluster = FakeCluster()
    async with cluster.client(max_connections=2) as client:
        pipe = client.pipeline()
        for key in ("foo", "bar", "c"):
            pipe.set(key, "v")
        with pytest.raises(MaxConnectionsError):
            await pipe.execute()
        assert sum(node.server.count("SET") for node in cluster.nodes) == 0
        assert whole(client)


async def test_a_strict_pool_that_is_short_later() -> None:
    """A redirection to a node without a lease left: those commands fail, in their place."""
    cluster = FakeCluster()
    first = cluster.nodes[0]
    async with cluster.client(max_connections=1, max_connections_per_node=True) as client:
        cluster.move(FOO, first)
        pipe = client.pipeline(raise_on_error=False)
        moved, good = pipe.set("foo", "v"), pipe.set("c", "v")
        async with client.session("bar"):
            await pipe.execute()
        assert good.value is True
        assert isinstance(moved.error, MaxConnectionsError)
        assert first.server.count("SET") == 0
        assert whole(client)


async def test_a_waiting_pool_waits() -> None:
    """One lease for three nodes is enough."""
    cluster = FakeCluster()
    pool_class = BlockingClusterConnectionPool
    async with cluster.client(pool_class=pool_class, max_connections=1) as client:
        async with client.pipeline() as pipe:
            results = [pipe.set(key, "v") for key in ("foo", "bar", "c")]
        assert all(each.value for each in results)
        assert whole(client)


async def test_a_waiting_pool_without_a_lease() -> None:
    """Each command says so, after the timeout."""
    cluster = FakeCluster()
    pool_class = BlockingClusterConnectionPool
    async with cluster.client(pool_class=pool_class, max_connections=1, timeout=0.05) as client:
        pipe = client.pipeline(raise_on_error=False)
        late = [pipe.get("foo"), pipe.get("bar")]
        async with client.session("bar"):
            await pipe.execute()
        assert all(isinstance(each.error, PoolTimeoutError) for each in late)
        assert whole(client)


async def test_a_pipeline_that_is_cancelled() -> None:
    """All its leases come back, and no other request is affected."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.mget("foo", "bar", "c")
        for node in cluster.nodes:
            node.server.hold()
        pipe = client.pipeline()
        for key in KEYS:
            pipe.set(key, "v")
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(pipe.execute)
                for node in cluster.nodes:
                    await node.server.wait_for("SET")
                scope.cancel()
        assert scope.cancelled_caught
        assert whole(client)
        for node in cluster.nodes:
            node.server.release()
        assert await client.mget("k1", "k2") == [b"v", b"v"]


async def test_some_replies_stay_bytes() -> None:
    """Those of commands that want them so, beside others that are decoded, on each node."""
    cluster = FakeCluster()
    for node in cluster.nodes:
        node.server.on("DUMP", b"\xff\x00")
    async with cluster.client(decode_responses=True) as client:
        await client.mset({"foo": "ü", "bar": "ö"})
        async with client.pipeline() as pipe:
            dump, text, several = pipe.dump("foo"), pipe.get("foo"), pipe.mget("foo", "bar")
        assert dump.value == b"\xff\x00"
        assert (text.value, several.value) == ("ü", ["ü", "ö"])


async def test_large_pipelines() -> None:
    """More than one piece for each node, on connections of their own, also when they are sent on."""
    cluster = FakeCluster()
    async with cluster.client(retry=Retry(attempts=0)) as client:
        cluster.move(range(FOO, 16384), cluster.nodes[0])
        pipe = client.pipeline()
        for number in range(600):
            pipe.set(f"k{number}", "x" * 2000)
        assert await pipe.execute() == [True] * 600
        assert await client.dbsize() == 600
        assert whole(client)
