"""Limits of cluster pools hold exactly: for each node, or for all nodes together."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack

import anyio
import anyio.lowlevel
import pytest

from anyredis import BlockingClusterConnectionPool, MaxConnectionsError, RedisCluster
from anyredis.server import Cluster
from anyredis.testing import FakeCluster, silent
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import outcomes, until
from tests.contract.cluster_limits import (
    KEYS,
    Slow,
    assert_all_free,
    gets,
    not_control,
    refusals,
    sockets,
    sockets_of,
)
from tests.contract.control import Control

# -- a limit for each node ----------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "refused"), [(2, 8), (10, 0)])
async def test_ten_gets_of_one_key(shared: int, limit: int, refused: int) -> None:
    """Of ten at once, two per node: eight raise `MaxConnectionsError`.  With ten per node: none."""
    cluster = FakeCluster()
    client = cluster.client(
        max_connections=limit, max_connections_per_node=True, shared_connections=shared
    )
    async with client:
        for _ in range(2):
            found = await outcomes(gets(client, *["foo"] * 10))
            assert refusals(found) == refused
            assert found.count(None) == 10 - refused
        assert_all_free(client.connection_pool)
        assert client.connection_pool.capacity == 3 * limit


@pytest.mark.parametrize(("limit", "refused"), [(2, 8), (10, 0)])
async def test_ten_gets_of_one_key_on_a_real_cluster(
    valkey_cluster: Cluster, shared: int, limit: int, refused: int
) -> None:
    """The same on real servers."""
    client = RedisCluster(
        valkey_cluster.host,
        valkey_cluster.port,
        max_connections=limit,
        max_connections_per_node=True,
        shared_connections=shared,
    )
    async with client:
        await client.set("fubar", 1)
        found = await outcomes(gets(client, *["fubar"] * 10))
        assert refusals(found) == refused
        assert found.count(b"1") == 10 - refused
        assert_all_free(client.connection_pool)


async def test_a_blocking_pool_serves_two_at_a_time_on_each_node(shared: int) -> None:
    """Of five for each of three nodes none raises, and each node has two at a time."""
    cluster = FakeCluster()
    client = cluster.client(
        pool_class=BlockingClusterConnectionPool,
        max_connections=2,
        max_connections_per_node=True,
        shared_connections=shared,
    )
    slow = Slow(cluster)

    async def answer() -> None:
        for left in range(5, 0, -1):
            await all_tasks_blocked()
            assert slow.counts == [min(2, left)] * 3
            assert all(sockets_of(node, client.connection_pool) <= 2 for node in cluster.nodes)
            slow.answer()

    async with client:
        found = await outcomes([*gets(client, *[*KEYS.values()] * 5), answer])
        assert found == [b"1"] * 15 + [None]
        assert_all_free(client.connection_pool)


@pytest.fixture
def controls(valkey_cluster: Cluster) -> Iterator[list[Control]]:
    """A `Control` of each primary of `valkey_cluster`."""
    with ExitStack() as stack:
        yield [stack.enter_context(Control(server)) for server in valkey_cluster.primaries]


async def test_a_blocking_pool_has_two_at_a_time_on_each_real_node(
    valkey_cluster: Cluster, controls: list[Control], shared: int
) -> None:
    """Of ten that wait on each server two are there at a time, and have no more sockets."""
    client = RedisCluster(
        valkey_cluster.host,
        valkey_cluster.port,
        connection_pool_cls=BlockingClusterConnectionPool,
        max_connections=2,
        max_connections_per_node=True,
        shared_connections=shared,
    )

    def there(count: int) -> bool:
        lists = [not_control(control.client_list()) for control in controls]
        assert all(len(clients) <= 2 for clients in lists)
        return [sum("b" in each["flags"] for each in clients) for clients in lists] == [count] * 3

    async def feed() -> None:
        for number in range(10):
            await until(functools.partial(there, min(2, 10 - number)))
            for key, control in zip(KEYS.values(), controls, strict=True):
                control.ask("RPUSH", key, number)

    async with client:
        pops: list[Callable[[], Awaitable[object]]] = [
            functools.partial(client.blpop, key) for key in [*KEYS.values()] * 10
        ]
        *popped, fed = await outcomes([*pops, feed])
        assert fed is None
        assert not any(isinstance(each, Exception) for each in popped)
        assert_all_free(client.connection_pool)


async def test_each_node_has_a_separate_limit(shared: int) -> None:
    """With a limit for each node, a busy node does not affect the others."""
    cluster = FakeCluster()
    client = cluster.client(
        max_connections=3, max_connections_per_node=True, shared_connections=shared
    )
    wanted = {0: 5, 1: 3, 2: 1}
    keys = [KEYS[number] for number, count in wanted.items() for _ in range(count)]
    async with client:
        found = await outcomes(gets(client, *keys))
    ends = [0, 5, 8, 9]
    by_node = [refusals(found[begin:end]) for begin, end in itertools.pairwise(ends)]
    assert by_node == [2, 0, 0]


async def test_a_lease_moves_with_its_command(shared: int) -> None:
    """A command that was redirected to another node counts there, and no longer at the first."""
    cluster = FakeCluster()
    client = cluster.client(
        max_connections=1, max_connections_per_node=True, shared_connections=shared
    )
    async with client:
        await client.get("foo")
        source, target = cluster.nodes[2], cluster.nodes[0]
        past = cluster.slots()
        cluster.move(cluster.slot_of("foo"), target)
        for node in cluster.nodes:
            node.sees(past)
        target.server.on("GET", silent, times=1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "foo")
            await target.server.wait_for("GET")
            taken = {g.address: g.limit.acquired for g in client.connection_pool.endpoints()}
            assert (taken[source.address], taken[target.address]) == (0, 1)
            tasks.cancel_scope.cancel()
        assert_all_free(client.connection_pool)


# -- one limit for all --------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_a_strict_limit_for_all_nodes(shared: int, limit: int) -> None:
    """Of nine commands at once for three nodes, as many run as there are leases."""
    cluster = FakeCluster()
    client = cluster.client(max_connections=limit, shared_connections=shared)
    async with client:
        found = await outcomes(gets(client, *[*KEYS.values()] * 3))
        assert refusals(found) == 9 - limit
        assert_all_free(client.connection_pool)


@pytest.mark.parametrize("limit", [1, 3])
async def test_a_waiting_limit_for_all_nodes(shared: int, limit: int) -> None:
    """All are served, though leases and sockets are fewer than nodes."""
    cluster = FakeCluster()
    client = cluster.client(
        pool_class=BlockingClusterConnectionPool, max_connections=limit, shared_connections=shared
    )
    slow = Slow(cluster)

    async def answer() -> None:
        for left in range(6, 0, -1):
            await all_tasks_blocked()
            assert sum(slow.counts) == min(limit, left)
            assert sockets(cluster, client.connection_pool) <= limit
            next(peers for peers in slow.waiting.values() if peers).pop(0).send(b"1")

    async with client:
        found = await outcomes([*gets(client, *[*KEYS.values()] * 2), answer])
        assert found == [b"1"] * 6 + [None]
        assert_all_free(client.connection_pool)


@pytest.mark.parametrize("limit", [1, 2])
async def test_fewer_sockets_than_real_nodes(
    valkey_cluster: Cluster, controls: list[Control], shared: int, limit: int
) -> None:
    """On real servers, too, there are never more sockets than `max_connections`."""
    client = RedisCluster(
        valkey_cluster.host,
        valkey_cluster.port,
        connection_pool_cls=BlockingClusterConnectionPool,
        max_connections=limit,
        shared_connections=shared,
    )
    done = anyio.Event()

    async def many() -> None:
        found = await outcomes(gets(client, *[*KEYS.values()] * 20))
        assert found == [None] * 60
        assert await client.mget(*KEYS.values()) == [None] * 3
        done.set()

    async with client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(many)
            while not done.is_set():
                # The servers are asked one after another: each count is true only for its moment.
                assert all(len(not_control(control.client_list())) <= limit for control in controls)
                await anyio.lowlevel.checkpoint()
        assert_all_free(client.connection_pool)
        await until(
            lambda: sum(len(not_control(control.client_list())) for control in controls) <= limit
        )


@pytest.mark.parametrize("per_node", [True, False])
async def test_a_split_that_is_short_of_leases_sends_nothing(shared: int, per_node: bool) -> None:
    """A strict pool refuses an MGET or a pipeline over several nodes as a whole."""
    cluster = FakeCluster()
    limit = 1 if per_node else 3
    client = cluster.client(
        max_connections=limit, max_connections_per_node=per_node, shared_connections=shared
    )
    async with client, client.session("foo"):
        sent = [len(node.server.received) for node in cluster.nodes]
        with pytest.raises(MaxConnectionsError):
            await client.mget(*KEYS.values())
        pipe = client.pipeline()
        for key in KEYS.values():
            pipe.set(key, 1)
        with pytest.raises(MaxConnectionsError):
            await pipe.execute()
        assert [len(node.server.received) for node in cluster.nodes] == sent
        assert client.connection_pool.leased == 1
        assert client.connection_pool.free == client.connection_pool.capacity - 1


async def test_an_unused_socket_of_one_node_is_available_to_another(shared: int) -> None:
    """An unused connection is closed for a lease without a connection."""
    cluster = FakeCluster()
    client = cluster.client(max_connections=1, shared_connections=shared)
    async with client:
        for _ in range(2):
            for key in KEYS.values():
                assert await client.get(key) is None
                assert sockets(cluster, client.connection_pool) <= 1


async def test_spare_sockets_of_a_busy_node_are_available_to_others() -> None:
    """A node with several multiplexed connections leaves a socket to a node that needs it."""
    cluster = FakeCluster()
    client = cluster.client(max_connections=2, shared_connections=2)
    busy = cluster.nodes[2].server
    async with client:
        async with client.session("foo"):
            await client.get("foo")
        busy.on("GET", silent, times=1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "foo")
            await busy.wait_for("GET", 2)
            with anyio.fail_after(5):
                assert await client.get("bar") is None
            tasks.cancel_scope.cancel()


async def test_a_dial_that_hangs_is_called_off_for_others(shared: int) -> None:
    """A node that does not answer holds no socket once no caller waits for it."""
    cluster = FakeCluster()
    client = cluster.client(
        pool_class=BlockingClusterConnectionPool, max_connections=1, shared_connections=shared
    )
    async with client:
        await client.get("bar")
        stopped = cluster.nodes[2].server
        stopped.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "foo")
            await stopped.wait_for("HELLO")
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            assert await client.get("bar") is None
        assert sockets(cluster, client.connection_pool) == 1
