"""Tests of `anyredis.namespaces`: commands of a user, on every class that has commands.

COUNTER.ADD, COUNTER.GET and COUNTER.GETALL are INCRBY, GET and MGET, renamed in the configuration
of the servers: commands that exist, and that no table of facts has.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar
from unittest import mock

import pytest
from anyio.from_thread import BlockingPortal

from anyredis import (
    Blueprint,
    BlueprintNamespace,
    ClientNamespace,
    Command,
    Executor,
    Group,
    Key,
    NodeClient,
    Pipeline,
    PipelineNamespace,
    Redis,
    RedisCluster,
    Result,
    Session,
    blocking_command,
    command,
    namespace,
    register_command,
)
from anyredis.exceptions import DataTypeError
from anyredis.namespaces import Namespace
from anyredis.replies import S, TextReaders, array, integer
from anyredis.server import Cluster, Server, run, run_cluster
from anyredis.wire.decode import Reply
from tests.servers import ask, valkey_binary

T = TypeVar("T")

RENAMED = (
    *("--rename-command", "INCRBY", "COUNTER.ADD"),
    *("--rename-command", "GET", "COUNTER.GET"),
    *("--rename-command", "MGET", "COUNTER.GETALL"),
)

register_command("COUNTER.ADD", first_key=1)
register_command("COUNTER.GET", first_key=1, read_only=True)
register_command("COUNTER.GETALL", first_key=1, last_key=-1, read_only=True)


class Counters(Group[S]):
    """The commands of a module, each declared once."""

    @command
    def add(self, key: Key, amount: int = 1) -> Command[int]:
        """The counter at *key* after *amount* was added."""
        return Command((b"COUNTER.ADD", key, amount), integer)

    @command
    def text(self, key: Key) -> Command[S | None]:
        """The counter at *key* as the server stores it."""
        return Command((b"COUNTER.GET", key), self.read.text_or_none)

    @command
    def all(self, *keys: Key) -> Command[list[int]]:
        """The counters at *keys*, which are in one slot; 0 for a missing one."""
        return Command((b"COUNTER.GETALL", *keys), _counts)

    @blocking_command
    def wait(self, key: Key) -> Command[int]:
        """A command that no pipeline has."""
        return Command((b"COUNTER.WAIT", key), integer)


def _counts(reply: Reply) -> list[int]:
    return [int(item) if isinstance(item, (str, bytes)) else 0 for item in array(reply)]


class ClientCounters(ClientNamespace[S], Counters[S]):
    """Those of a client, with a method of more than one command."""

    async def each(self, *keys: Key) -> AsyncIterator[int]:
        """One counter after the other."""
        for key in keys:
            yield await self.add(key, 0)


class PipelineCounters(PipelineNamespace[S], Counters[S]):
    """Those of a pipeline."""


class PlannedCounters(BlueprintNamespace[S], Counters[S]):
    """Those of a blueprint."""


class HasCounters(Group[S]):
    """The base of all classes with counters."""

    @namespace
    def counters(
        self,
    ) -> tuple[type[ClientCounters[S]], type[PipelineCounters[S]], type[PlannedCounters[S]]]:
        """Counters."""
        return ClientCounters, PipelineCounters, PlannedCounters


class App(Redis[S], HasCounters[S]):
    """A client with counters."""


class AppCluster(RedisCluster[S], HasCounters[S]):
    """A client of a cluster with counters."""


class AppNode(NodeClient[S], HasCounters[S]):
    """A client of a node with counters."""


class AppSession(Session[S], HasCounters[S]):
    """A session with counters."""


class AppPipeline(Pipeline[S], HasCounters[S]):
    """A pipeline with counters."""


class Plan(Blueprint, HasCounters[str]):
    """A blueprint with counters."""

    read = TextReaders(str)


class ForClients(Group[S]):
    """The base of all classes with counters except pipelines."""

    @namespace
    def counters(self) -> type[ClientCounters[S]]:
        """Counters."""
        return ClientCounters


class Bare(Pipeline[S], ForClients[S]):
    """A pipeline without counters."""


@pytest.fixture(scope="module")
def counting(portal: BlockingPortal) -> Iterator[Server]:
    """A server with the commands of a module."""
    scope = run(binary=valkey_binary(), unix_socket=True, arguments=RENAMED)
    with portal.wrap_async_context_manager(scope) as server:
        yield server


@pytest.fixture(scope="module")
def counting_cluster(portal: BlockingPortal) -> Iterator[Cluster]:
    """A cluster with the commands of a module."""
    scope = run_cluster(binary=valkey_binary(), replicas=0, arguments=RENAMED)
    with portal.wrap_async_context_manager(scope) as cluster:
        yield cluster


@pytest.fixture
async def client(counting: Server) -> AsyncIterator[App[Any]]:
    """A client of the server, which is empty."""
    ask(counting, "FLUSHALL")
    app: App[Any] = App(counting.host, counting.port, decode_responses=True)
    async with app as client:
        yield client


@pytest.fixture
async def cluster(counting_cluster: Cluster) -> AsyncIterator[AppCluster[Any]]:
    """A client of the cluster, which is empty."""
    for server in counting_cluster.primaries:
        ask(server, "FLUSHALL")
    server = counting_cluster.primaries[0]
    app: AppCluster[Any] = AppCluster(server.host, server.port, decode_responses=True)
    async with app as client:
        yield client


async def test_on_a_client(client: App[str]) -> None:
    """Each call is awaited, and an iterator is there."""
    assert await client.counters.add("a") == 1
    assert await client.counters.add("a", 4) == 5
    assert await client.counters.text("a") == "5"
    assert await client.counters.all("a", "b") == [5, 0]
    assert [count async for count in client.counters.each("a", "b")] == [5, 0]


async def test_on_a_client_of_bytes(counting: Server) -> None:
    """Text is bytes or str, as the client decides."""
    app: App[bytes] = App(counting.host, counting.port)
    async with app as client:
        await client.counters.add("raw")
        assert await client.counters.text("raw") == b"1"


async def test_in_a_pipeline(client: App[str]) -> None:
    """Each call gives a `Result`, in order among the other commands."""
    async with AppPipeline(client._run_batch, client.read) as pipe:
        added, echoed, text = pipe.counters.add("a", 3), pipe.echo("x"), pipe.counters.text("a")
        assert isinstance(added, Result)
    assert (added.value, echoed.value, text.value) == (3, "x", "3")


async def test_in_a_session(client: App[str]) -> None:
    """Its commands run on the connection of the session."""
    async with client.session() as session:
        mine = AppSession(session.connection, session.read)
        assert await mine.counters.add("a", 2) == 2


async def test_on_a_cluster(cluster: AppCluster[str]) -> None:
    """Each command goes to the node of its keys, whose positions were registered."""
    keys = [f"key:{number}" for number in range(20)]
    assert len({cluster.node_for(key).address for key in keys}) == 3
    for key in keys:
        assert await cluster.counters.add(key, 2) == 2
        assert await cluster.counters.text(key) == "2"
    assert await cluster.counters.all("{key:1}", "key:1") == [0, 2]


async def test_in_a_pipeline_of_a_cluster(cluster: AppCluster[str]) -> None:
    """Each node gets the commands for its keys."""
    async with AppPipeline(cluster._run_batch, cluster.read, transaction=False) as pipe:
        results = [pipe.counters.add(f"key:{number}", number) for number in range(20)]
    assert [result.value for result in results] == list(range(20))


async def test_on_existing_clients(client: App[str], cluster: AppCluster[str]) -> None:
    """Without a class of the user's: on any client, node, session or pipeline."""
    assert await ClientCounters(client).add("a") == 1
    assert await ClientCounters(cluster.node_for("a")).add("a") == 1
    async with client.session() as session, cluster.pipeline() as pipe:
        assert await ClientCounters(session).add("a") == 2
        added = PipelineCounters(pipe).add("a")
    assert added.value == 2


async def test_on_a_client_of_a_node(cluster: AppCluster[str]) -> None:
    """It is the same class as on a client."""
    endpoint = cluster.connection_pool.primaries()[0]
    node = AppNode(cluster.connection_pool, endpoint, cluster.read, None)
    assert isinstance(node.counters, ClientCounters)
    key = next(key for key in map(str, range(99)) if cluster.node_for(key).address == node.address)
    assert await node.counters.add(key) == 1


def test_on_a_blueprint() -> None:
    """A call gives the command."""
    assert Plan().counters.add("a").args == (b"COUNTER.ADD", "a", 1)
    assert PlannedCounters(Plan()).wait("a").args == (b"COUNTER.WAIT", "a")


def test_each_parent_has_one_object() -> None:
    """Made on first access and kept; afterwards it is an attribute like any other."""
    client: App[bytes] = App()
    other: App[bytes] = App()
    assert "counters" not in vars(client)
    counters = client.counters
    assert client.counters is counters is vars(client)["counters"]
    assert other.counters is not counters


def test_a_class_has_the_class() -> None:
    """For `help` and mocks; a group by itself has neither."""
    assert App[str].counters is ClientCounters
    assert AppPipeline[str].counters is PipelineCounters
    assert Plan.counters is PlannedCounters
    group = HasCounters[str].counters
    assert isinstance(group, Namespace)
    assert group.__doc__ == "Counters."


def test_a_namespace_that_pipelines_do_not_have_is_absent() -> None:
    """An iterator, a blocking command, or the whole of a namespace."""
    app: App[str] = App(decode_responses=True)
    pipe: Any = AppPipeline(app._run_batch, app.read)
    assert not hasattr(pipe.counters, "each")
    with pytest.raises(DataTypeError, match="wait blocks"):
        pipe.counters.wait("a")
    bare: Any = Bare(app._run_batch, app.read)
    assert not hasattr(bare, "counters")
    with pytest.raises(AttributeError, match="Bare has no counters: use it on the client"):
        _ = bare.counters


class Runner(Executor, HasCounters[str], Counters[str]):
    """Never replies, but counts."""

    read = TextReaders(str)

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Do nothing."""
        return self._run(command)

    async def _run(self, command: Command[T]) -> T:
        return command.parse(7)


async def test_a_namespace_costs_no_call() -> None:
    """A command of a namespace takes as many calls as one of the client itself."""
    runner = Runner()

    def calls(on: Any) -> list[str]:
        on.add("k").close()  # its function exists from now on
        names: list[str] = []
        sys.setprofile(
            lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None
        )
        try:
            coroutine = on.add("k")
        finally:
            sys.setprofile(None)
        coroutine.close()
        return names

    assert calls(runner.counters) == calls(runner) == ["add", "add", "__init__", "submit"]


def test_the_warning_about_a_forgotten_await_has_the_name_of_the_method() -> None:
    """With that of the class of the namespace."""
    with pytest.warns(RuntimeWarning, match=r"'ClientCounters\.add' was never awaited"):
        Runner().counters.add("k")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def test_a_mock_has_the_namespace() -> None:
    """`create_autospec` finds its commands, as coroutine functions."""
    fake: Any = mock.create_autospec(App, instance=True)
    fake.counters.add.return_value = 3
    assert isinstance(fake.counters.add, mock.AsyncMock)
    assert await fake.counters.add("k") == 3
