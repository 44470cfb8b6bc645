"""Reports of all nodes, each as a dict by address."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from pydoc import TextDoc, render_doc
from typing import Any, assert_type, get_type_hints

import anyio
import pytest

from anyredis import (
    Commands,
    DataError,
    MaxConnectionsError,
    PartialFailureError,
    Pipeline,
    Redis,
    RedisCluster,
    Session,
)
from anyredis.cluster import by_node
from anyredis.cluster.by_node import NodesDefinition, ReportsByNode
from anyredis.exceptions import from_server
from anyredis.facts.policies import BY_NODE, by_node_method
from anyredis.reports.info import ClientInfo, InfoValue
from anyredis.reports.server_reports import SlowlogEntry
from anyredis.server import Cluster
from anyredis.testing import FakeCluster
from tests.client.test_observed import Notes
from tests.cluster.leases import whole
from tests.commands.live import knows
from tests.test_coroutine_functions import is_coroutine_function


class PlainText(TextDoc):
    """The text of `help()`, without bold letters."""

    def bold(self, text: str) -> str:
        """The same text."""
        return text


METHODS = [name for name, each in vars(ReportsByNode).items() if isinstance(each, NodesDefinition)]


async def what_it_gives(text: RedisCluster[str], raw: RedisCluster[bytes]) -> None:
    """The reply of the one-node method for each address, for checkers."""
    assert_type(await text.info_by_node("server"), dict[str, dict[str, InfoValue]])
    assert_type(await text.config_get_by_node("maxmemory"), dict[str, dict[str, str]])
    assert_type(await raw.client_list_by_node(type="normal"), dict[str, list[ClientInfo]])
    assert_type(await raw.slowlog_get_by_node(5), dict[str, list[SlowlogEntry]])
    await assert_type(raw.dbsize_by_node(), Coroutine[Any, Any, dict[str, int]])
    unbound = RedisCluster[str].dbsize_by_node
    await assert_type(unbound(text), Coroutine[Any, Any, dict[str, int]])


def one_node(name: str) -> Callable[..., Any]:
    """The method for one node."""
    method: Callable[..., Any] = getattr(RedisCluster, name.removesuffix("_by_node"))
    return method


def test_each_has_the_name_of_its_command() -> None:
    """`BY_NODE` has the same commands, so that messages name the methods that there are."""
    assert sorted(METHODS) == sorted(filter(None, map(by_node_method, BY_NODE)))
    assert len(METHODS) > 20
    assert [
        name
        for name in METHODS
        if inspect.unwrap(getattr(RedisCluster, name)) is not inspect.unwrap(one_node(name))
    ] == []


def test_each_shows_its_parameters_and_its_type() -> None:
    """The parameters are those for one node, the type is a dict by address."""
    for name in METHODS:
        method, single = getattr(RedisCluster, name), inspect.signature(one_node(name))
        shown = inspect.signature(method)
        assert shown.parameters == single.parameters
        assert shown.return_annotation == f"dict[str, {single.return_annotation}]"
        assert method.__qualname__ == f"RedisCluster.{name}"
        assert is_coroutine_function(method)
        assert method.__doc__.splitlines()[0] == (
            f"By the address of each node, replicas too: what "
            f"`{name.removesuffix('_by_node')}` gives there."
        )
        assert method.__doc__.endswith(inspect.cleandoc(one_node(name).__doc__ or ""))
    assert (
        "slowlog_get_by_node(self, num: 'int | None' = None) -> 'dict[str, list[SlowlogEntry]]'"
        in (render_doc(RedisCluster, renderer=PlainText()))
    )


def test_only_a_cluster_has_them() -> None:
    """Neither a client of one server nor a session or a pipeline."""
    for kind in (Redis, Session, Pipeline, Commands):
        assert [name for name in METHODS if hasattr(kind, name)] == []


def test_a_class_may_redefine_one() -> None:
    """Its own methods are shown under its name, and `super()` gives the one of the base."""

    class Mine(RedisCluster[bytes]):
        """Counts twice."""

        async def dbsize_by_node(self) -> dict[str, int]:
            """Twice the number."""
            return {node: 2 * size for node, size in (await super().dbsize_by_node()).items()}

    assert Mine.info_by_node.__qualname__.endswith("Mine.info_by_node")
    assert RedisCluster.info_by_node.__qualname__ == "RedisCluster.info_by_node"

    async def use() -> dict[str, int]:
        async with Mine(connection_pool=FakeCluster(2).pool()) as client:
            await client.set("foo", 1)
            return await client.dbsize_by_node()

    assert anyio.run(use) == {"fake:7000": 0, "fake:7001": 2}


async def test_all_nodes_are_asked() -> None:
    """Replicas too; the parsed reply of each is under its address, in the order of `nodes()`."""
    async with FakeCluster(3, 1).client() as client:
        await client.set("foo", "v")
        sizes = await client.dbsize_by_node()
        assert [*sizes] == [node.address for node in client.nodes()]
        assert [sizes["fake:7002"], sizes["fake:7005"], sum(sizes.values())] == [1, 1, 2]


async def test_one_node_fails() -> None:
    """The error names it, and has the replies of the others."""
    cluster = FakeCluster(3)
    cluster.nodes[1].server.on("DBSIZE", from_server("ERR not today"))
    async with cluster.client() as client:
        with pytest.raises(
            PartialFailureError, match=r"DBSIZE failed in part \(fake:7001"
        ) as caught:
            await client.dbsize_by_node()
        assert [each.address for each in caught.value.succeeded] == ["fake:7000", "fake:7002"]
        assert whole(client)


async def test_a_strict_pool_without_enough_leases() -> None:
    """It refuses all before anything is sent."""
    cluster = FakeCluster(3)
    async with cluster.client(max_connections=2) as client:
        with pytest.raises(MaxConnectionsError):
            await client.dbsize_by_node()
        assert [node.server.count("DBSIZE") for node in cluster.nodes] == [0, 0, 0]
        assert whole(client)


async def test_wrong_arguments_are_refused_at_the_call() -> None:
    """In the words of the method itself, before anything is sent."""
    async with FakeCluster().client() as client:
        with pytest.raises(DataError, match=r"SLOWLOG.*: num is 1\.5"):
            client.slowlog_get_by_node(1.5)  # type: ignore[arg-type, unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        with pytest.raises(DataError, match=r"RedisCluster\.dbsize_by_node\(\) takes 0 positional"):
            client.dbsize_by_node(1)  # type: ignore[call-arg, unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def test_a_forgotten_await_warns() -> None:
    """Under the name of the method."""
    async with FakeCluster().client() as client:
        with pytest.warns(RuntimeWarning, match=r"RedisCluster\.dbsize_by_node.*never awaited"):
            client.dbsize_by_node()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def test_outside_its_block() -> None:
    """The error says what to write."""
    with pytest.raises(RuntimeError, match="write `async with client:`"):
        await FakeCluster().client().dbsize_by_node()


async def test_an_observer_is_told_once() -> None:
    """One event, for several endpoints."""
    notes = Notes()
    async with FakeCluster(2).client(observer=notes) as client:
        await client.dbsize_by_node()
    assert notes.commands() == [("start", "DBSIZE", "", 1), ("end", "DBSIZE", None)]


Call = Callable[[RedisCluster[bytes]], Coroutine[Any, Any, object]]

REFUSED: list[tuple[Call, str]] = [
    (lambda client: client.info(), r"INFO is .* client\.node\(address\).*client\.info_by_node\("),
    (lambda client: client.role(), r"ROLE .*client\.node\(address\).*client\.role_by_node\("),
    (lambda client: client.client_list(), r"client\.node\(address\).*client_list_by_node\("),
    (lambda client: client.acl_log(), r"client\.node\(address\).*client\.acl_log_by_node\("),
    (lambda client: client.hotkeys_get(), r"client\.node\(address\).*hotkeys_get_by_node\("),
    (lambda client: client.bgsave(), r"client\.node\(address\), or each of client\.nodes\(\)"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
async def test_a_command_of_one_node_is_refused(call: Call, message: str) -> None:
    """The error names `client.node(address)`, and the method for all nodes if there is one."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        before = [len(node.server.received) for node in cluster.nodes]
        with pytest.raises(DataError, match=message):
            await call(client)
        assert [len(node.server.received) for node in cluster.nodes] == before


@pytest.mark.parametrize("method", ["info", "dbsize", "config_get", "ping", "flushall", "get"])
async def test_target_nodes_is_refused_with_what_to_write(method: str) -> None:
    """redis-py's argument that names the nodes of a call."""
    async with FakeCluster().client() as client:
        with pytest.raises(DataError, match=r"target_nodes.*client\.node\(address\).*on_each_node"):
            getattr(client, method)(target_nodes="all")


async def test_a_report_in_a_pipeline_is_refused() -> None:
    """With the method of the client that asks all nodes."""
    async with FakeCluster().client() as client:
        pipe = client.pipeline()
        pipe.memory_stats()
        with pytest.raises(DataError, match=r"client\.memory_stats_by_node\("):
            await pipe.execute()


# -- on real clusters ---------------------------------------------------------------------------


@pytest.fixture(params=["valkey_cluster", "redis8_cluster"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[RedisCluster[bytes]]:
    """A client of a cluster of each server, which does not decode."""
    cluster: Cluster = request.getfixturevalue(request.param)
    async with RedisCluster.from_url(cluster.url) as client:
        yield client


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "config_get_by_node": ("maxmemory*",),
    "commandlog_get_by_node": (5, "slow"),
    "commandlog_len_by_node": ("slow",),
    "latency_history_by_node": ("command",),
    "latency_graph_by_node": ("command",),
}

NOT_EVERYWHERE = {
    "commandlog_get_by_node": "COMMANDLOG GET",
    "commandlog_len_by_node": "COMMANDLOG LEN",
    "hotkeys_get_by_node": "HOTKEYS GET",
}
"""The first two are Valkey's, the other is of Redis 8.6."""

NO_SAMPLES = {"latency_graph_by_node"}
"""Servers refuse it as long as there is nothing to draw."""


@pytest.mark.parametrize("name", METHODS)
async def test_on_a_real_cluster(client: RedisCluster[bytes], name: str) -> None:
    """Each node gives what it gives to the method for one node, as the same type."""
    method, words = getattr(client, name), ARGUMENTS.get(name, ())
    command = NOT_EVERYWHERE.get(name)
    unknown = command is not None and not await knows(client.primaries()[0], command)
    if unknown or name in NO_SAMPLES:
        with pytest.raises(PartialFailureError, match="failed everywhere") as caught:
            await method(*words)
        assert len(caught.value.failed) == len(client.nodes())
        return
    replies = await method(*words)
    nodes = client.nodes()
    assert [*replies] == [node.address for node in nodes]
    for node in nodes:
        single = await getattr(node, name.removesuffix("_by_node"))(*words)
        assert type(single) is type(replies[node.address])


async def test_the_values_on_a_real_cluster(client: RedisCluster[bytes]) -> None:
    """They are of the node under whose address they stand."""
    infos = await client.info_by_node("server")
    assert {address: int(address.rpartition(":")[2]) for address in infos} == {
        address: info["tcp_port"] for address, info in infos.items()
    }
    roles = await client.role_by_node()
    primaries = {node.address for node in client.primaries()}
    assert {address for address, role in roles.items() if role.role == "master"} == primaries
    ids = await client.cluster_myid_by_node()
    assert len(set(ids.values())) == len(ids) == len(client.nodes())
    settings = await client.config_get_by_node("port")
    assert {f"{host}" for host in settings} == {node.address for node in client.nodes()}
    connected = await client.client_list_by_node()
    assert all(len(clients) >= 1 for clients in connected.values())


def test_hints_can_be_read() -> None:
    """The types of the file resolve, for those who read them at run time."""
    assert get_type_hints(by_node.by_node)
