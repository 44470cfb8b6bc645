"""The cluster client: its scope, its nodes, sessions, and mistakes in its use."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from anyredis import (
    ConnectionError,
    DataError,
    DataTypeError,
    MovedError,
    RedisCluster,
    TCPAddress,
    UnknownCommandError,
)
from anyredis.testing import FakeCluster, FakeClusterConnection
from tests.blocked_tasks import all_tasks_blocked, cancelled_once_blocked
from tests.conftest import BACKENDS

FOO = 12182


# -- scope --------------------------------------------------------------------------------------


async def test_all_seeds_are_down() -> None:
    """Entering raises one error that names each, and leaves nothing open."""
    cluster = FakeCluster()
    seeds = [node.address for node in cluster.nodes]
    for node in cluster.nodes:
        cluster.fail(node)
    client = cluster.client(startup_nodes=seeds)
    with pytest.raises(ConnectionError) as caught:
        async with client:
            pytest.fail("it was entered")
    text = str(caught.value)
    assert text.startswith("no node of the cluster could be asked for its slot map (")
    for port in (7000, 7001, 7002):
        assert f"cannot connect to fake:{port}: Connection refused" in text
    cluster.revive(cluster.nodes[1])
    async with client:
        assert await client.set("c", "v"), "it is on the node that is up"


async def test_some_seeds_are_down() -> None:
    """One that answers is enough, in any order."""
    cluster = FakeCluster(3, 1)
    seeds = [node.address for node in cluster.nodes]
    for up in (0, 2, 5):
        for at, node in enumerate(cluster.nodes[:3]):
            (cluster.revive if at == up % 3 else cluster.fail)(node)
        async with cluster.client(startup_nodes=seeds) as client:
            assert len(client.nodes()) == 6


async def test_seeds_that_are_gone_later() -> None:
    """The nodes that were learned are asked instead."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        cluster.move(range(16384), cluster.nodes[1])
        cluster.remove_node(cluster.nodes[0])
        assert await client.get("bar") is None
        assert await client.connection_pool.topology.wait_refreshed() is None
        assert [node.address for node in client.nodes()] == ["fake:7001"]


async def test_a_server_that_is_no_cluster() -> None:
    """Its error is raised."""
    cluster = FakeCluster(1)
    cluster.nodes[0].server.on(
        "CLUSTER", UnknownCommandError("ERR This instance has cluster support disabled")
    )
    with pytest.raises(
        Exception, match="fake:7000: ERR This instance has cluster support disabled"
    ):
        async with cluster.client():
            pass


async def test_it_can_be_entered_again() -> None:
    """And on another event loop; by several at once, from any task."""
    cluster = FakeCluster()
    client = cluster.client()
    for _ in range(2):
        async with client as entered:
            assert entered is client
            async with client:
                assert await client.set("foo", "v")
            assert await client.get("foo") == b"v"
    assert all(node.server.peers == [] for node in cluster.nodes)


def test_one_event_loop_after_another() -> None:
    """Nothing of an event loop is left in a client whose block has ended."""
    client = FakeCluster().client()

    async def use() -> bool:
        async with client:
            return await client.set("foo", "v")

    for name, options in BACKENDS.values():
        assert anyio.run(use, backend=name, backend_options=options)


async def test_two_clients_with_one_pool() -> None:
    """The owner waits for the other."""
    cluster = FakeCluster()
    pool = cluster.pool()
    one: RedisCluster[bytes] = RedisCluster(connection_pool=pool)
    other: RedisCluster[bytes] = RedisCluster(connection_pool=pool)
    async with one, other:
        await one.set("foo", "v")
        assert await other.get("foo") == b"v"
        [node] = [node for node in cluster.nodes if node.server.count("SET")]
        [peer] = [each for each in node.server.peers if (b"SET", b"foo", b"v") in each.received]
        assert (b"GET", b"foo") in peer.received, "the sockets are shared"


async def test_an_exception_of_the_users_own() -> None:
    """It leaves the block as itself (G14), and all connections are closed (G8)."""
    cluster = FakeCluster()

    async def use() -> None:
        async with cluster.client() as client:
            await client.mget("foo", "bar", "c")
            raise KeyError

    with pytest.raises(KeyError):
        await use()
    assert all(node.server.peers == [] for node in cluster.nodes)


async def test_entering_is_cancelled() -> None:
    """Nothing is left of it, and the client can be entered afterwards."""
    cluster = FakeCluster()
    cluster.nodes[0].server.hold()
    client = cluster.client()
    async with cancelled_once_blocked() as scope, client:
        pass
    assert scope.cancelled_caught
    assert cluster.nodes[0].server.peers == []
    cluster.nodes[0].server.release()
    async with client:
        assert await client.get("foo") is None


Use = Callable[[RedisCluster[bytes]], Any]

USES: list[Use] = [
    lambda client: client.get("foo"),
    lambda client: client.mget("foo", "bar"),
    lambda client: client.dbsize(),
    lambda client: client.execute_command("PUBLISH", "c", "m"),
    lambda client: client.blpop("foo"),
    lambda client: client.execute_command("GET", "foo", node="fake:7000"),
    lambda client: client.node("fake:7000").get("foo"),
    lambda client: run_pipeline(client, transaction=False),
    lambda client: run_pipeline(client, transaction=True),
    lambda client: client.session("foo").__aenter__(),
]


async def run_pipeline(client: RedisCluster[bytes], *, transaction: bool) -> None:
    """A pipeline of one command."""
    pipe = client.pipeline(transaction=transaction)
    pipe.get("foo")
    await pipe.execute()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("entered_before", [False, True])
async def test_outside_its_block(use: Use, entered_before: bool) -> None:
    """The error of a client that is not open says what to write."""
    cluster = FakeCluster()
    client = cluster.client()
    if entered_before:
        async with client:
            await client.get("foo")
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        await use(client)
    for look in (client.nodes, client.primaries, lambda: client.node_for("foo")):
        with pytest.raises(RuntimeError, match="write `async with client:`"):
            look()
    assert "not open" in repr(client)


# -- commands -----------------------------------------------------------------------------------


async def test_a_command_is_a_coroutine() -> None:
    """On the short way and on the long one."""
    async with FakeCluster().client() as client:
        for pending in (client.get("foo"), client.mget("foo", "bar"), client.dbsize()):
            assert inspect.iscoroutine(pending)
            await pending
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.set, "foo", 1)
            tasks.start_soon(client.mset, {"bar": 1, "c": 1})


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"], BACKENDS["uvloop"]])
async def test_a_command_is_an_asyncio_task() -> None:
    """`create_task` and `gather` take it as it is."""
    async with FakeCluster().client() as client:
        await asyncio.create_task(client.set("foo", 1))
        assert [*await asyncio.gather(client.get("foo"), client.get("bar"))] == [b"1", None]


async def test_a_forgotten_await_warns() -> None:
    """A coroutine that is not awaited does nothing, and Python warns."""
    async with FakeCluster().client() as client:
        calls: list[Callable[[], object]] = [
            lambda: client.set("foo", 1),
            lambda: client.mset({"foo": 1, "bar": 1}),
            lambda: client.node("fake:7002").set("foo", 1),
        ]
        for call in calls:
            with pytest.warns(RuntimeWarning, match="never awaited"):
                call()
        assert await client.dbsize() == 0


async def test_execute_command() -> None:
    """It goes to the node of its keys, or to the one that the user names."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        assert await client.execute_command("set", "foo", 1.5) == "OK"
        assert await client.execute_command("get", "foo") == "1.5"
        assert await client.execute_command("dbsize", node="fake:7002") == 1
        assert await client.execute_command("dbsize", node=("fake", 7000)) == 0
        for node in cluster.nodes:
            node.server.on("MY.CMD", node.port)
        assert await client.execute_command("MY.CMD", "x", node=TCPAddress("fake", 7001)) == 7001
        with pytest.raises(MovedError):
            await client.execute_command("GET", "foo", node="fake:7000")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a command's name first"),
        (("SET", "k", None), "SET: argument 2 is None"),
        (("MY.CMD", "k"), r"not known here, nor where its keys are: name a node"),
        (("BGSAVE",), r"use client\.node\(address\)"),
        (("SELECT", 1), r"use `async with client\.session\(key\)`"),
        (("WATCH", "k"), r"use `async with client\.session\(key\)`"),
        (("ASKING",), r"use `async with client\.session\(key\)`"),
        (("SUBSCRIBE", "c"), r"client.pubsub\(\)"),
        (("SCAN", 0), "scan_iter goes through all nodes"),
        (("WAIT", 1, 0), r"use client\.session\(key\)"),
        (("GET",), "GET needs a key"),
    ],
)
async def test_words_that_make_no_command(words: tuple[Any, ...], message: str) -> None:
    """Words that are no command are refused before anything is sent, with the remedy."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        before = [len(node.server.received) for node in cluster.nodes]
        with pytest.raises(DataError, match=message):
            await client.execute_command(*words)
        assert [len(node.server.received) for node in cluster.nodes] == before


# -- nodes --------------------------------------------------------------------------------------


async def test_a_session_by_its_key() -> None:
    """It is on the node that serves the key, which need not be known yet; nothing leaks (G9)."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        async with client.session("foo") as session:
            await session.select(0)
            await session.set("foo", "v")
            assert await session.get("foo") == b"v"
        await all_tasks_blocked()
        assert cluster.nodes[2].server.peers == [], "it was changed, and is closed"
        assert await client.get("foo") == b"v"


async def test_a_connection_class_of_ones_own() -> None:
    """Its arguments reach it through the pool; a mistake shows at once."""

    class Mine(FakeClusterConnection):
        """Has one more argument."""

        def __init__(self, *, mine: str, **options: Any) -> None:
            super().__init__(**options)
            assert mine == "yes"

    cluster = FakeCluster()
    pool_class = type(cluster.pool())
    nodes = [cluster.nodes[0].address]
    pool = pool_class(startup_nodes=nodes, connection_class=Mine, cluster=cluster, mine="yes")
    client: RedisCluster[bytes] = RedisCluster(connection_pool=pool)
    async with client:
        assert await client.get("foo") is None
    with pytest.raises(DataTypeError, match="mine"):
        pool_class(startup_nodes=nodes, connection_class=Mine, cluster=cluster)
