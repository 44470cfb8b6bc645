"""The nodes of a cluster, one by one, and one call on each of them."""

from __future__ import annotations

from typing import Any, assert_type

import anyio
import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    DataError,
    DataTypeError,
    DataValueError,
    MaxConnectionsError,
    NodeClient,
    PartialFailureError,
)
from anyredis.exceptions import ResponseError, from_server
from anyredis.testing import FakeCluster
from tests.cluster.leases import whole

FOO = 12182


# -- one by one ---------------------------------------------------------------------------------


async def test_nodes_and_primaries() -> None:
    """Each primary is followed by its replicas."""
    cluster = FakeCluster(3, 1)
    async with cluster.client() as client:
        await client.set("foo", "v")
        ports = [int(node.address.split(":")[1]) for node in client.nodes()]
        assert ports == [7000, 7003, 7001, 7004, 7002, 7005]
        assert [node.address for node in client.primaries()] == [
            *("fake:7000", "fake:7001", "fake:7002")
        ]
        assert [node.address for node in client.replicas()] == [
            *("fake:7003", "fake:7004", "fake:7005")
        ]
        assert [await node.dbsize() for node in client.nodes()] == [0, 0, 0, 0, 1, 1]
        assert repr(client.nodes()[0]).startswith("<ClusterNodeClient fake:7000 <Cluster")
        assert repr(client).startswith("<RedisCluster <ClusterConnectionPool capacity=")


async def test_the_node_of_a_key() -> None:
    """Its present primary; an error if no node serves it."""
    cluster = FakeCluster()
    cluster.unassign(0)
    async with cluster.client() as client:
        assert client.node_for("foo").address == "fake:7002"
        assert client.node_for(b"{foo}x").address == "fake:7002"
        assert client.slot_of("foo") == client.slot_of("{foo}bar") == FOO
        empty = next(f"k{n}" for n in range(99999) if client.slot_of(f"k{n}") == 0)
        with pytest.raises(DataValueError, match="no node of the cluster is known to serve slot 0"):
            client.node_for(empty)


async def test_names_that_are_no_node() -> None:
    """The error says how one is written."""
    async with FakeCluster().client() as client:
        for name, error in (("fake", DataValueError), (7000, DataTypeError), (None, DataTypeError)):
            with pytest.raises(error, match="host:port"):
                client.node(name)  # type: ignore[arg-type]


# -- a call on each node --------------------------------------------------------------------------


async def test_what_a_function_gives_on_each_node() -> None:
    """By address, in the order of the nodes; a method of a node's client is such a function too."""
    async with FakeCluster(3, 1).client() as client:
        await client.set("foo", "v")
        sizes = assert_type(await client.on_each_node(lambda node: node.dbsize()), dict[str, int])
        assert [*sizes] == [node.address for node in client.nodes()]
        assert sizes["fake:7002"] == sizes["fake:7005"] == 1
        assert sum(sizes.values()) == 2
        assert await client.on_each_node(NodeClient[bytes].dbsize) == sizes


async def test_the_nodes_are_chosen() -> None:
    """All, or primaries, or replicas."""
    async with FakeCluster(2, 1).client() as client:

        async def own(node: NodeClient[bytes]) -> str:
            return node.address

        nodes = assert_type(await client.on_each_node(own, "all"), dict[str, str])
        assert nodes == {node.address: node.address for node in client.nodes()}
        assert [*await client.on_each_node(own, "primaries")] == ["fake:7000", "fake:7001"]
        assert [*await client.on_each_node(own, nodes="replicas")] == ["fake:7002", "fake:7003"]
    async with FakeCluster(2).client() as client:
        assert await client.on_each_node(own, "replicas") == {}


async def test_all_nodes_are_called_at_the_same_time() -> None:
    """No call waits for another one."""
    async with FakeCluster(3).client() as client:
        arrived: set[str] = set()
        all_there = anyio.Event()

        async def meet(node: NodeClient[bytes]) -> None:
            arrived.add(node.address)
            if len(arrived) == 3:
                all_there.set()
            await all_there.wait()

        with anyio.fail_after(5):
            await client.on_each_node(meet)


async def test_what_fails_on_some_nodes() -> None:
    """The error names them and those that succeeded, with what each gave; all have run."""
    cluster = FakeCluster(3)
    cluster.nodes[1].server.on("DBSIZE", from_server("ERR not today"))
    async with cluster.client() as client:
        with pytest.raises(PartialFailureError) as caught:
            await client.on_each_node(lambda node: node.dbsize())
        assert str(caught.value) == (
            "on_each_node failed in part (fake:7001: ERR not today); "
            "it succeeded on fake:7000, fake:7002"
        )
        [failed] = caught.value.failed
        assert failed.address == "fake:7001"
        assert isinstance(failed.reply, ResponseError)
        assert [(each.address, each.reply) for each in caught.value.succeeded] == [
            *(("fake:7000", 0), ("fake:7002", 0))
        ]
        assert whole(client)


async def test_what_fails_on_all_nodes() -> None:
    """It is the same error, which says so."""
    cluster = FakeCluster(2)
    for node in cluster.nodes:
        node.server.on("DBSIZE", from_server("ERR not today"))
    async with cluster.client() as client:
        with pytest.raises(
            PartialFailureError, match=r"failed everywhere \(.*fake:7000: ERR not today"
        ):
            await client.on_each_node(lambda node: node.dbsize(), "primaries")


@pytest.mark.parametrize("mistake", [KeyError("k"), DataValueError("wrong")])
async def test_a_mistake_of_the_caller(mistake: Exception) -> None:
    """It leaves as itself, in no group, and the calls on the other nodes are cancelled."""
    ended: set[str] = set()
    async with FakeCluster(3).client() as client:

        async def fail(node: NodeClient[bytes]) -> None:
            if node.address == "fake:7001":
                raise mistake
            try:
                await anyio.sleep_forever()
            finally:
                ended.add(node.address)

        with pytest.raises(type(mistake)) as caught:
            await client.on_each_node(fail)
        assert caught.value is mistake
        assert ended <= {"fake:7000", "fake:7002"}
        assert whole(client)


async def test_it_is_cancelled() -> None:
    """All calls are, and no lease is lost."""
    cluster = FakeCluster(3)
    async with cluster.client() as client:
        await client.dbsize()
        for node in cluster.nodes:
            node.server.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.on_each_node, NodeClient[bytes].dbsize)
            while client.connection_pool.leased < 3:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert whole(client)
        for node in cluster.nodes:
            node.server.release()


async def test_the_limit_of_a_strict_pool_holds() -> None:
    """A node without a lease fails; a blocking pool runs them one after the other."""
    async with FakeCluster(3).client(max_connections=2) as client:
        with pytest.raises(PartialFailureError) as caught:
            await client.on_each_node(lambda node: node.dbsize())
        assert [type(each.reply) for each in caught.value.failed] == [MaxConnectionsError]
        assert len(caught.value.succeeded) == 2
    waiting = FakeCluster(3).client(max_connections=1, pool_class=BlockingClusterConnectionPool)
    async with waiting as client:
        assert len(await client.on_each_node(lambda node: node.dbsize())) == 3


async def test_arguments_that_do_not_fit() -> None:
    """They are refused, with what to write, before anything runs."""
    dbsize: Any = NodeClient[bytes].dbsize
    calls: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        (("INFO",), {}, "on_each_node: func is 'INFO'"),
        ((dbsize, "masters"), {}, "nodes is 'masters'.*give 'all', 'primaries', 'replicas'"),
        ((dbsize, ["all"]), {}, "on_each_node: nodes is"),
        ((dbsize,), {"target_nodes": "all"}, "has no argument 'target_nodes'.*on_each_node"),
    ]
    async with FakeCluster().client() as client:
        for args, kwargs, message in calls:
            with pytest.raises(DataError, match=message):
                await client.on_each_node(*args, **kwargs)


async def test_a_forgotten_await_warns() -> None:
    """A coroutine that is not awaited does nothing."""
    async with FakeCluster().client() as client:
        with pytest.warns(RuntimeWarning, match="on_each_node.*never awaited"):
            client.on_each_node(NodeClient[bytes].dbsize)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
