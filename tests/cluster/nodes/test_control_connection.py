"""Tests of `anyredis.cluster.nodes.control_connection`: nodes are asked beside the limit, and one connection stays."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from anyredis import ConnectionError, RedisError, UnknownCommandError
from anyredis.cluster.nodes import control_connection as module
from anyredis.cluster.nodes import topology
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.nodes.control_connection import ControlConnection
from anyredis.pool.lease import exclusive_connection
from anyredis.testing import FakeCluster, FakeClusterConnection, silent
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.harness import running_tasks
from tests.contract.steps import counting, kinds

PING = (b"PING",)


@asynccontextmanager
async def started(cluster: FakeCluster) -> AsyncGenerator[ControlConnection]:
    """A control connection at work."""
    control = ControlConnection(
        lambda address: FakeClusterConnection(cluster=cluster, host=address.host, port=address.port)
    )
    async with anyio.create_task_group() as tasks:
        control.start(tasks)
        yield control
        control.close("the test is over")
    assert control.sockets == open_on(cluster) == 0


def open_on(cluster: FakeCluster) -> int:
    """How many connections the nodes have."""
    return sum(len(node.server.peers) for node in cluster.nodes)


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


# -- asking -------------------------------------------------------------------------------------


async def test_one_node_is_asked_on_one_connection() -> None:
    """It is opened for the first question, and stays for those after it."""
    cluster = FakeCluster(1)
    address = cluster.nodes[0].address
    async with started(cluster) as control:
        assert control.sockets == 0
        for _ in range(3):
            assert await control.ask(address, PING) == b"PONG"
            assert control.connected == [address]
        assert (cluster.nodes[0].server.accepted, control.sockets) == (1, 1)


async def test_several_nodes_are_asked_at_once_and_one_stays() -> None:
    """The first that answered; the others are closed as soon as they are done."""
    cluster = FakeCluster(3)
    async with started(cluster) as control:
        async with anyio.create_task_group() as tasks:
            for node in cluster.nodes:
                node.server.on("ECHO", silent)
                tasks.start_soon(control.ask, node.address, (b"ECHO", b"x"))
            for node in cluster.nodes:
                await node.server.wait_for("ECHO")
            assert control.sockets == open_on(cluster) == 3
            for node in reversed(cluster.nodes):
                node.server.peers[0].send(b"x")
                await all_tasks_blocked()
        await until(lambda: open_on(cluster) == 1)
        assert control.connected == [cluster.nodes[2].address]
        assert control.sockets == 1


async def test_a_node_that_refuses_is_not_the_one_that_stays() -> None:
    """The error is told, and the next question finds the node when it is up again."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    cluster.fail(node)
    async with started(cluster) as control:
        with pytest.raises(ConnectionError, match="refused"):
            await control.ask(node.address, PING)
        assert control._nodes == {}
        assert control.sockets == 0
        node.server.down = False
        assert await control.ask(node.address, PING) == b"PONG"


async def test_an_error_as_reply() -> None:
    """It is raised, and the connection is not the one that stays."""
    cluster = FakeCluster(1)
    async with started(cluster) as control:
        with pytest.raises(UnknownCommandError):
            await control.ask(cluster.nodes[0].address, (b"NONSENSE",))
        assert control.connected == []
        await until(lambda: control.sockets == open_on(cluster) == 0)


async def test_a_node_that_does_not_answer_in_time() -> None:
    """G3: whoever gives up closes the connection, so that nothing is left unanswered on it."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    node.server.on("PING", silent)
    async with started(cluster) as control:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(control.ask, node.address, PING)
            await node.server.wait_for("PING")
            tasks.cancel_scope.cancel()
        await until(lambda: control.sockets == open_on(cluster) == 0)
        assert control.connected == []


async def test_one_connection_for_all_questions_to_a_node() -> None:
    """It stays while one of them is still asking."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    replies: list[object] = []
    async with started(cluster) as control:

        async def ask(*words: bytes) -> None:
            try:
                replies.append(await control.ask(node.address, words))
            except UnknownCommandError as error:
                replies.append(type(error))

        async with anyio.create_task_group() as tasks:
            node.server.hold()
            for name in (b"NONSENSE", b"PING") * 2:
                tasks.start_soon(ask, name)
            await node.server.wait_for("HELLO")
            node.server.release()
        assert replies.count(b"PONG") == replies.count(UnknownCommandError) == 2
        assert node.server.accepted == 1


async def test_a_connection_that_was_lost_is_made_again() -> None:
    """The next question finds the node where it is."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    async with started(cluster) as control:
        await control.ask(node.address, PING)
        node.server.reset()
        await until(lambda: not control.connected)
        assert await control.ask(node.address, PING) == b"PONG"
        assert node.server.accepted == 2


async def test_what_nobody_uses_is_closed() -> None:
    """But nothing that is in use."""
    cluster = FakeCluster(1)
    address = cluster.nodes[0].address
    async with started(cluster) as control:
        async with control.to(address) as connection:
            control.close_unused()
            assert connection.usable
        control.close_unused()
        await until(lambda: control.sockets == open_on(cluster) == 0)


async def test_closing_fails_questions_in_progress() -> None:
    """G8: then and later."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    node.server.on("PING", silent)
    told: list[RedisError] = []
    async with started(cluster) as control, anyio.create_task_group() as tasks:

        async def ask() -> None:
            with pytest.raises(ConnectionError, match="the pool was left") as caught:
                await control.ask(node.address, PING)
            told.append(caught.value)

        tasks.start_soon(ask)
        await node.server.wait_for("PING")
        control.close("the pool was left")
        await until(lambda: told)
        await ask()
    assert len(told) == 2


async def test_cancelled_everywhere() -> None:
    """G5, G8: wherever a question is cancelled, nothing is left but what the next one uses."""
    cases = 0
    with counting() as steps:
        for kind in kinds():
            at = 0
            while True:
                cluster = FakeCluster(1)
                address = cluster.nodes[0].address
                tasks = running_tasks()
                async with started(cluster) as control:

                    async def ask(
                        control: ControlConnection = control, address: object = address
                    ) -> None:
                        assert await control.ask(address, PING) == b"PONG"  # type: ignore[arg-type]

                    ended = await steps.run(ask, kind, at)
                    assert control._users == {}
                    await until(lambda: control.sockets == open_on(cluster))  # noqa: B023
                    assert control.sockets <= 1
                    await ask()
                assert running_tasks() == tasks
                cases, at = cases + 1, at + 1
                if not ended.reached:
                    break
    assert cases > 6


# -- in a pool ----------------------------------------------------------------------------------


async def test_it_is_no_lease_and_no_socket_of_the_limits() -> None:
    """With one lease at most, and that one in use, the slot map is asked for all the same."""
    cluster = FakeCluster(3)
    async with cluster.pool(max_connections=1) as pool:
        await pool.ready()
        async with exclusive_connection(pool.endpoint_at(cluster.nodes[0].address)):
            assert await pool.topology.wait_refreshed() is None
            assert (pool.free, pool.leased, pool.capacity) == (0, 1, 1)
            await until(lambda: pool.topology.control.sockets == 1)
            assert open_on(cluster) == 2
            assert repr(pool).endswith(" control=1>")
            pool.topology.control.close_unused()
            await until(lambda: pool.topology.control.sockets == 0)
            assert "control" not in repr(pool)


async def test_it_is_closed_if_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `KEEP` seconds; the next refresh opens one."""
    monkeypatch.setattr(module, "KEEP", 0.05)
    monkeypatch.setattr(topology, "PAUSE", 0.01)
    cluster = FakeCluster(1)
    async with cluster.pool() as pool:
        await pool.ready()
        assert pool.topology.control.sockets == 1
        await until_closed(pool)
        assert open_on(cluster) == 0
        assert await pool.topology.wait_refreshed() is None
        assert pool.topology.control.sockets == 1


async def until_closed(pool: ClusterConnectionPool) -> None:
    """Wait until the control connection is gone."""
    with anyio.fail_after(5):
        while pool.topology.control.sockets:
            await anyio.sleep(0.01)


@pytest.mark.parametrize("name", ["HELLO", "CLUSTER"])
async def test_it_is_closed_with_the_pool_while_it_asks(name: str) -> None:
    """G8: while it connects, and while it waits for an answer."""
    cluster = FakeCluster(1)
    node = cluster.nodes[0]
    async with cluster.pool() as pool:
        await pool.ready()
        node.server.reset()
        await until(lambda: pool.topology.control.connected == [])
        node.server.on(name, silent)
        before = node.server.count(name)
        pool.topology.refresh_soon()
        await node.server.wait_for(name, before + 1)
        assert open_on(cluster) == 1
    assert pool.topology.control.sockets == open_on(cluster) == 0


async def test_it_is_closed_with_the_pool_while_it_rests() -> None:
    """G8: and opened again when the pool is entered again."""
    cluster = FakeCluster(1)
    pool = cluster.pool()
    for _ in range(2):
        async with pool:
            await pool.ready()
            assert await pool.topology.wait_refreshed() is None
            assert pool.topology.control.sockets == 1
        assert pool.topology.control.sockets == open_on(cluster) == 0
