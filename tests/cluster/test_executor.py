"""Commands on a cluster: lost replies, limits, splits, blocking commands, replicas."""

from __future__ import annotations

import anyio
import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    Command,
    CrossSlotError,
    DataValueError,
    MaxConnectionsError,
    MovedError,
    Outcome,
    PartialFailureError,
    ReadFrom,
    RedisCluster,
    Retry,
)
from anyredis.exceptions import ConnectionError, from_server
from anyredis.testing import (
    FakeCluster,
    FakePeer,
    Words,
    run_then_half_close,
    run_then_reset,
    silent,
)
from tests.blocked_tasks import all_tasks_blocked

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves; `bar` is the first's."""


def whole(client: RedisCluster[bytes]) -> bool:
    """Whether the pool has all its leases back."""
    pool = client.connection_pool
    return (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


# -- lost replies -------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [run_then_reset, run_then_half_close])
async def test_a_write_whose_reply_is_lost_is_run_once(loss: object) -> None:
    """The error says that the outcome is unknown, and names the node (G11)."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        server = cluster.nodes[2].server
        server.on("INCRBY", loss)  # type: ignore[arg-type]
        with pytest.raises(ConnectionError, match=r"fake:7002.*unknown") as caught:
            await client.incr("foo")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert server.count("INCRBY") == 1
        assert whole(client)


async def test_a_read_whose_reply_is_lost_is_repeated() -> None:
    """On the same node, if it still serves the key."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.set("foo", "v")
        cluster.nodes[2].server.on("GET", run_then_reset, times=2)
        assert await client.get("foo") == b"v"
        assert cluster.nodes[2].server.count("GET") == 3


async def test_a_read_goes_on_to_the_new_primary() -> None:
    """After a failover, which the lost connection reveals."""
    cluster = FakeCluster(3, 1)
    old, new = cluster.nodes[2], cluster.nodes[5]
    async with cluster.client() as client:
        await client.set("foo", "v")

        def fail_over(peer: FakePeer, words: Words) -> None:
            cluster.fail(old)
            cluster.promote(new)

        old.server.on("GET", fail_over)
        assert await client.get("foo") == b"v"
        assert new.server.count("GET") == 1
        assert await client.set("foo", "w")
        assert whole(client)


async def test_without_a_retry_nothing_is_repeated() -> None:
    """Not even a read; redirections are followed all the same."""
    cluster = FakeCluster()
    async with cluster.client(retry=None) as client:
        cluster.nodes[2].server.on("GET", run_then_reset, times=1)
        with pytest.raises(ConnectionError):
            await client.get("foo")
        cluster.move(FOO, cluster.nodes[0])
        assert await client.get("foo") is None


async def test_a_split_write_that_fails_in_part() -> None:
    """The error names the node that failed and those that did it; nothing runs twice."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.mset({"foo": 1, "bar": 2, "c": 3})
        cluster.node_of("foo").server.on("DEL", run_then_reset)
        with pytest.raises(
            PartialFailureError, match=r"DEL failed in part \(fake:7002: .*unknown"
        ) as e:
            await client.delete("foo", "bar", "c")
        assert {each.command for each in e.value.succeeded} == {(b"DEL", "bar"), (b"DEL", "c")}
        [failed] = e.value.failed
        assert isinstance(failed.reply, ConnectionError)
        assert failed.reply.outcome is Outcome.UNKNOWN
        assert cluster.node_of("foo").server.count("DEL") == 1
        assert whole(client)


# -- splits -------------------------------------------------------------------------------------


async def test_splits_merge_in_order() -> None:
    """MGET in the order of its keys, also twice the same; the others count."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        keys = [f"k{number}" for number in range(50)]
        assert await client.mset({key: key.upper() for key in keys}) is True
        asked = [*keys, "missing", *reversed(keys), "k1", "k1"]
        assert await client.mget(*asked) == [None if k == "missing" else k.upper() for k in asked]
        assert await client.exists("k1", "k1", "k2", "missing") == 3
        assert await client.touch(*keys, "missing") == 50
        assert await client.unlink("k0", "k1", "k1") == 2
        assert await client.delete(*keys) == 48
        assert await client.dbsize() == 0


async def test_splits_through_a_moved_and_an_ask() -> None:
    """Each part follows its own slot."""
    cluster = FakeCluster()
    first, second, _ = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        await client.mset({"foo": 1, "bar": 2, "c": 3})
        cluster.move(FOO, first)
        cluster.start_migration(cluster.slot_of("bar"), second)
        cluster.migrate_key("bar")
        assert await client.mget("c", "bar", "foo", "bar") == ["3", "2", "1", "2"]
        assert await client.mset({"foo": 4, "bar": 5}) is True
        assert await client.mget("foo", "bar") == ["4", "5"]


async def test_what_goes_everywhere() -> None:
    """Sums, joins, random keys, each node's own report."""
    cluster = FakeCluster(3, 1)
    async with cluster.client(decode_responses=True) as client:
        await client.mset({f"k{number}": "v" for number in range(30)})
        assert await client.dbsize() == 30
        assert sorted(await client.keys("*")) == sorted(f"k{number}" for number in range(30))
        assert await client.ping()
        for node in cluster.nodes:
            node.server.on("INFO", f"of {node.port}".encode())
        told = await client.execute_command("INFO")
        assert told == {f"fake:{port}": f"of {port}" for port in (7000, 7001, 7002)}
        with pytest.raises(DataValueError, match=r"INFO is answered by each node for itself"):
            await client.info()
        assert await client.flushall()
        assert await client.dbsize() == 0


async def test_keys_in_several_slots() -> None:
    """A command that cannot be split is refused before anything is sent."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        with pytest.raises(CrossSlotError, match=r"RENAME was not sent.*\{hash tag\}"):
            await client.rename("foo", "bar")
        assert sum(node.server.count("RENAME") for node in cluster.nodes) == 0


# -- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "refused"), [(2, 8), (10, 0)])
async def test_a_strict_limit_for_each_node(limit: int, refused: int) -> None:
    """Ten at once on one key: the commands beyond the limit raise."""
    cluster = FakeCluster()
    errors: list[MaxConnectionsError] = []
    async with cluster.client(max_connections=limit, max_connections_per_node=True) as client:

        async def get() -> None:
            try:
                await client.get("foo")
            except MaxConnectionsError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(get)
        assert len(errors) == refused
        assert whole(client)


async def test_a_waiting_limit_for_all() -> None:
    """No command is refused, even if it goes to several nodes or follows a redirect."""
    cluster = FakeCluster()
    pool_class = BlockingClusterConnectionPool
    async with cluster.client(pool_class=pool_class, max_connections=1) as client:
        cluster.move(FOO, cluster.nodes[0])
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(client.get, "foo")
                    tasks.start_soon(client.mget, "foo", "bar", "c")
                    tasks.start_soon(client.dbsize)
        assert whole(client)


async def test_a_strict_limit_and_several_nodes() -> None:
    """Too few leases for all nodes refuse the whole before anything is sent."""
    cluster = FakeCluster()
    async with cluster.client(max_connections=2) as client:
        with pytest.raises(MaxConnectionsError):
            await client.mset({"foo": 1, "bar": 2, "c": 3})
        assert sum(node.server.count("MSET") for node in cluster.nodes) == 0
        assert await client.mset({"foo": 1, "bar": 2})
        assert whole(client)


# -- blocking commands --------------------------------------------------------------------------


async def test_a_blocking_command_follows_its_slot() -> None:
    """MOVED and ASK, on a connection of its own each time, which goes back or is closed."""
    cluster = FakeCluster()
    first, second, last = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        cluster.move(FOO, first)
        first.database[b"foo"] = [b"a", b"b"]
        assert await client.blpop("foo") == ("foo", "a")
        cluster.start_migration(FOO, second)
        cluster.migrate_key("foo")
        assert await client.blpop("foo") == ("foo", "b")
        await all_tasks_blocked()
        asked = [peer for peer in second.server.peers if b"ASKING" in {w[0] for w in peer.received}]
        assert asked == [], "its connection said ASKING, and is closed"
        assert last.server.count("BLPOP") == 1
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_a_blocking_command_that_is_sent_away_while_it_waits() -> None:
    """The slot moves while it waits: the server answers MOVED, and it waits on at the new node."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    got: list[object] = []
    async with cluster.client() as client, anyio.create_task_group() as tasks:

        async def pop() -> None:
            got.append(await client.blpop("foo"))

        tasks.start_soon(pop)
        await last.server.wait_for("BLPOP")
        [peer] = [each for each in last.server.peers if each.received[-1][0] == b"BLPOP"]
        first.database[b"foo"] = [b"x"]
        cluster.move(FOO, first)
        peer.send(MovedError(f"MOVED {FOO} fake:7000"))
        await first.server.wait_for("BLPOP")
    assert got == [(b"foo", b"x")]


async def test_a_blocking_command_that_is_cancelled() -> None:
    """Its connection is closed at once (G4), and its lease comes back."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.blpop, "foo")
            await cluster.nodes[2].server.wait_for("BLPOP")
            tasks.cancel_scope.cancel()
        await all_tasks_blocked()
        received = [peer.received for peer in cluster.nodes[2].server.peers]
        assert not any(b"BLPOP" in {words[0] for words in each} for each in received)
        assert whole(client)


async def test_a_blocking_command_whose_reply_is_lost() -> None:
    """It may have popped: it is not run again."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.rpush("foo", "a", "b")
        cluster.nodes[2].server.on("BLPOP", run_then_reset)
        with pytest.raises(ConnectionError) as caught:
            await client.blpop("foo")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert await client.llen("foo") == 1


async def test_blocking_keys_in_several_slots() -> None:
    """They are refused."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        with pytest.raises(CrossSlotError, match="BLPOP was not sent"):
            await client.blpop(["foo", "bar"])


# -- replicas -----------------------------------------------------------------------------------


async def readers(client: RedisCluster[bytes], cluster: FakeCluster, times: int = 12) -> set[int]:
    """The ports of the nodes that answer GET foo."""
    before = {node: node.server.memory.ran[b"GET"] for node in cluster.nodes}
    for _ in range(times):
        await client.get("foo")
    return {n.port for n in cluster.nodes if n.server.memory.ran[b"GET"] > before[n]}


@pytest.mark.parametrize(
    ("policy", "ports"),
    [(ReadFrom.REPLICAS, {7005, 7008}), (ReadFrom.ANY, {7002, 7005, 7008})],
)
async def test_whom_a_readonly_client_asks(policy: ReadFrom, ports: set[int]) -> None:
    """Reads go to the replicas in turn, or to all; writes go to the primary."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True, read_from=policy) as client:
        await client.set("foo", "v")
        assert await readers(client, cluster) == ports
        assert cluster.nodes[2].server.count("SET") == 1


async def test_the_nearest_is_asked() -> None:
    """One of them, by its latency."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True, read_from=ReadFrom.NEAREST) as client:
        pool = client.connection_pool
        with anyio.fail_after(5):
            while pool.endpoints_to_measure():
                await anyio.sleep(0.001)
        for nearest in (7002, 7008):
            pool.record_latencies(
                {endpoint.address: endpoint.address.port != nearest for endpoint in pool.members()}
            )
            assert await readers(client, cluster) == {nearest}


async def test_a_replica_that_fails_is_left() -> None:
    """No read fails, and the replica counts as unhealthy for a while."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True) as client:
        assert await readers(client, cluster) == {7005, 7008}
        cluster.fail(cluster.nodes[5])
        assert await readers(client, cluster) == {7008}
        cluster.fail(cluster.nodes[8])
        assert await readers(client, cluster) == {7002}


@pytest.mark.parametrize("text", ["LOADING the dataset", "MASTERDOWN link is down"])
async def test_a_replica_that_cannot_answer_is_left(text: str) -> None:
    """One that loads, or has lost its primary: another is asked, and it rests."""
    cluster = FakeCluster(3, 2)
    async with cluster.client(readonly=True) as client:
        cluster.nodes[5].server.on("GET", from_server(text))
        assert await readers(client, cluster) == {7008}
        assert cluster.nodes[5].server.count("GET") == 1


async def test_a_replica_that_became_another() -> None:
    """A slot that it serves no more: it says MOVED, and the primary answers."""
    cluster = FakeCluster(3, 1)
    async with cluster.client(readonly=True) as client:
        await client.set("foo", "v")
        cluster.move(FOO, cluster.nodes[0])
        assert [await client.get("foo") for _ in range(4)] == [b"v"] * 4


async def test_a_pipeline_that_writes_reads_from_the_primary() -> None:
    """Its reads are to see its writes; one that only reads may ask a replica."""
    cluster = FakeCluster(3, 1)
    async with cluster.client(readonly=True) as client:
        async with client.pipeline() as pipe:
            pipe.set("foo", "v")
            got, other = pipe.get("foo"), pipe.get("bar")
        assert (got.value, other.value) == (b"v", None)
        ran = [node.server.memory.ran[b"GET"] for node in cluster.nodes]
        assert ran == [1, 0, 1, 0, 0, 0]
        async with client.pipeline() as pipe:
            got, several = pipe.get("foo"), pipe.mget("foo", "bar")
        assert (got.value, several.value) == (b"v", [b"v", None])
        assert [node.server.memory.ran[b"GET"] for node in cluster.nodes][5] == 1
        assert [node.server.memory.ran[b"MGET"] for node in cluster.nodes[:3]] == [0, 0, 0]


# -- other --------------------------------------------------------------------------------------


async def test_a_command_of_ones_own() -> None:
    """`submit` takes any `Command`, its name spelt in any way."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.set("foo", "12")
        for name in (b"GET", b"get", "GET", "get"):
            assert await client.submit(Command((name, "foo"), lambda reply: reply)) == b"12"
        assert cluster.nodes[2].server.accepted == 1


async def test_numbers_are_keys_too() -> None:
    """They go to the slot of their sent bytes, in any encoding."""
    cluster = FakeCluster()
    for encoding in ("utf-8", "utf-16"):
        async with cluster.client(encoding=encoding, retry=None) as client:
            await client.execute_command("SET", 12, "v")
            assert cluster.node_of("12").database[b"12"]
            assert sum(node.server.count("SET") for node in cluster.nodes) == 1
            cluster.nodes[1].server.received.clear()
            cluster.node_of("12").server.received.clear()


async def test_a_request_that_is_cancelled_is_not_sent_on() -> None:
    """Cancelled while it waits for a reply, it follows no redirection any more (G2)."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        cluster.nodes[2].server.on("SET", silent)
        await client.get("foo")
        with anyio.move_on_after(0.01):
            await client.set("foo", "v")
        [peer] = cluster.nodes[2].server.peers
        peer.send(MovedError(f"MOVED {FOO} fake:7000"))
        assert await client.get("foo") is None, "the tombstone took the redirection"
        assert cluster.nodes[0].server.count("SET") == 0
        assert whole(client)


async def test_retry_of_writes_on_request() -> None:
    """`repeat_writes` says that twice is fine."""
    cluster = FakeCluster()
    async with cluster.client(retry=Retry(repeat_writes=True)) as client:
        cluster.nodes[2].server.on("INCRBY", run_then_reset, times=1)
        assert await client.incr("foo") == 2
