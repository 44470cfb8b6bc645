"""Commands on a cluster: lost replies, limits and splits."""

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
    Retry,
)
from anyredis.exceptions import ConnectionError
from anyredis.testing import (
    FakeCluster,
    FakePeer,
    Words,
    run_then_half_close,
    run_then_reset,
    silent,
)
from tests.blocked_tasks import cancelled_once_blocked
from tests.cluster.leases import whole

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves; `bar` is the first's."""

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
        async with cancelled_once_blocked():
            await client.set("foo", "v")
        assert cluster.nodes[2].server.count("SET") == 1
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
