"""Limits of cluster pools hold exactly: for each node, or for all nodes together."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    BlockingClusterConnectionPool,
    ClusterConnectionPool,
    ConnectionError,
    MaxConnectionsError,
    MovedError,
    PoolTimeoutError,
    RedisCluster,
)
from anyredis.cluster.nodes.slot_map import parse_slots
from anyredis.pool.lease import exclusive_connection
from anyredis.server import Cluster
from anyredis.testing import NOTHING, Answer, FakeCluster, FakeNode, FakePeer, Words, silent
from tests.contract.clients_and_taps import control_sockets, outcomes, until
from tests.contract.control import Control
from tests.contract.steps import counting

each_pool = pytest.mark.parametrize(
    "pool_class", [ClusterConnectionPool, BlockingClusterConnectionPool]
)

KEYS = {0: "bar", 1: "eggs", 2: "foo"}
"""A key of each of three primaries that share the slots evenly."""


def sockets(cluster: FakeCluster, pool: ClusterConnectionPool) -> int:
    """The number of connections that the nodes see, except those of the control."""
    return sum(sockets_of(node, pool) for node in cluster.nodes)


def sockets_of(node: FakeNode, pool: ClusterConnectionPool) -> int:
    """The same for one node."""
    return len(node.server.peers) - control_sockets(pool, node.address)


def not_control(clients: list[dict[str, str]]) -> list[dict[str, str]]:
    """The *clients* of a real server except the control connections for the slot map."""
    return [client for client in clients if client["cmd"] != "cluster|slots"]


def assert_all_free(pool: ClusterConnectionPool) -> None:
    """G5, while no command runs: all leases are free, and there are not too many."""
    assert (pool.leased, pool.connecting, pool.free) == (0, 0, pool.capacity)
    assert all(limit.acquired == limit.waiting_for_connection == 0 for limit in pool.limits())
    assert all(not endpoint.server.allocator.multiplexed_waiters for endpoint in pool.endpoints())
    assert all(not endpoint.server.allocator.exclusive_waiters for endpoint in pool.endpoints())


def refusals(found: list[Any]) -> int:
    """The number of calls that were refused a lease; no other error occurred."""
    errors = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, MaxConnectionsError) for each in errors)
    return len(errors)


def gets(client: RedisCluster[Any], *keys: str) -> list[Callable[[], Awaitable[object]]]:
    """A GET of each of *keys*."""
    return [functools.partial(client.get, key) for key in keys]


class Slow:
    """Delays the replies to GET, and counts the commands that wait on each node."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.waiting: dict[FakeNode, list[FakePeer]] = {node: [] for node in cluster.nodes}
        for node in cluster.nodes:
            node.server.on("GET", functools.partial(self._take, node))

    def _take(self, node: FakeNode, peer: FakePeer, _words: Words) -> Answer:
        self.waiting[node].append(peer)
        return NOTHING

    @property
    def counts(self) -> list[int]:
        """The number of commands that wait on each node."""
        return [len(peers) for peers in self.waiting.values()]

    def answer(self) -> None:
        """Answer the first command that waits on each node."""
        for peers in self.waiting.values():
            if peers:
                peers.pop(0).send(b"1")


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
            await anyio.wait_all_tasks_blocked()
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
            await anyio.wait_all_tasks_blocked()
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


# -- while the cluster changes ------------------------------------------------------------------


@each_pool
@pytest.mark.parametrize("per_node", [True, False])
async def test_a_node_that_leaves_gives_its_leases_back(
    shared: int, per_node: bool, pool_class: type[ClusterConnectionPool]
) -> None:
    """Commands in progress there may finish; its capacity is gone after the last one."""
    cluster = FakeCluster(4)
    limit = 2 if per_node else 8
    client = cluster.client(
        pool_class=pool_class,
        max_connections=limit,
        max_connections_per_node=per_node,
        shared_connections=shared,
    )
    leaving = cluster.nodes[3]
    pool = client.connection_pool
    async with client:
        await client.get("fubar")
        leaving.server.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "fubar")  # the last of four has it
            await leaving.server.wait_for("GET", 2)
            cluster.move(range(16384 * 3 // 4, 16384), cluster.nodes[0])
            assert await pool.topology.wait_refreshed() is None
            assert pool.capacity == (3 * 2 + 1 if per_node else 8)
            assert pool.free + pool.leased + pool.connecting == pool.capacity
            assert pool.leased == 1
            leaving.server.release()
        assert pool.capacity == (3 * 2 if per_node else 8)
        assert_all_free(pool)
        await anyio.wait_all_tasks_blocked()
        assert leaving.server.peers == []


async def test_callers_waiting_at_a_node_that_leaves_are_served_elsewhere(shared: int) -> None:
    """G7: all callers in the line of its limit go on to the nodes that have their keys now."""
    cluster = FakeCluster(4)
    client = cluster.client(
        pool_class=BlockingClusterConnectionPool,
        max_connections=1,
        max_connections_per_node=True,
        shared_connections=shared,
    )
    leaving = cluster.nodes[3]
    pool = client.connection_pool
    async with client:
        await client.get("fubar")
        leaving.server.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "fubar")
            await leaving.server.wait_for("GET", 2)

            async def move() -> None:
                await until(lambda: sum(limit.waiting for limit in pool.limits()) == 5)
                cluster.move(range(16384 * 3 // 4, 16384), cluster.nodes[0])
                assert await pool.topology.wait_refreshed() is None

            found = await outcomes([*gets(client, *["fubar"] * 5), move])
            assert found == [None] * 6
            tasks.cancel_scope.cancel()
        assert_all_free(pool)


async def test_sockets_of_a_node_that_left_count() -> None:
    """While a node that left is still in use, its socket is not available to others."""
    cluster = FakeCluster(4)
    client = cluster.client(pool_class=BlockingClusterConnectionPool, max_connections=2)
    hangs, idle, leaving = cluster.nodes[1:]
    pool = client.connection_pool
    async with client:
        await client.get("fubar")
        for node in (hangs, leaving):
            node.server.hold()
        hellos = hangs.server.count("HELLO")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "fubar")
            tasks.start_soon(exclusive_connection(pool.endpoint_at(hangs.address)).__aenter__)
            await leaving.server.wait_for("GET", 2)
            await hangs.server.wait_for("HELLO", hellos + 1)
            tasks.start_soon(pool.endpoint_at(idle.address).server.acquire_multiplexed)
            await anyio.wait_all_tasks_blocked()
            cluster.move(range(16384 * 3 // 4, 16384), cluster.nodes[0])
            pool.replace_slot_map(parse_slots(cluster.slots(), hangs.address))  # type: ignore[arg-type]
            await anyio.wait_all_tasks_blocked()
            assert leaving.address not in pool.known
            assert sockets(cluster, client.connection_pool) == 2
            tasks.cancel_scope.cancel()


# -- random use ---------------------------------------------------------------------------------


class RandomUse:
    """Random use of one pool, checked after each step of the event loop."""

    def __init__(self, seed: int, *, blocking: bool, per_node: bool, moving: bool) -> None:
        self.dice = random.Random(seed)
        self.moving = moving
        self.losses = 0
        """Commands whose connection broke."""
        self.per_node = per_node
        self.cluster = FakeCluster()
        self.limit = self.dice.randint(1, 4)
        pool_class = BlockingClusterConnectionPool if blocking else ClusterConnectionPool
        self.client = self.cluster.client(
            pool_class=pool_class,
            max_connections=self.limit,
            max_connections_per_node=per_node,
            shared_connections=self.dice.randint(0, 2),
        )
        for node in self.cluster.nodes:
            node.server.on("BLPOP", None)

    def watch(self) -> None:
        """Never more sockets and leases than the limit."""
        for limit in self.client.connection_pool.limits():
            # The limit of a node that has left admits all callers, which then get the error.
            assert limit.lifted or limit.acquired <= limit.capacity
            assert 0 <= limit.waiting_for_connection <= limit.acquired
        if self.per_node:
            pool = self.client.connection_pool
            assert all(sockets_of(node, pool) <= self.limit for node in self.cluster.nodes)
        else:
            assert sockets(self.cluster, self.client.connection_pool) <= self.limit

    async def one(self) -> None:
        """A random command, which may be cancelled."""
        client, key = self.client, self.dice.choice(["bar", "eggs", "foo"])

        async def session() -> None:
            async with client.session(key) as session:
                await session.watch(key)
                await session.get(key)

        async def pipeline() -> None:
            async with client.pipeline() as pipe:
                for each in KEYS.values():
                    pipe.get(each)

        kinds: list[Callable[[], Awaitable[object]]] = [
            lambda: client.get(key),
            lambda: client.set(key, 1),
            lambda: client.mget(*KEYS.values()),
            lambda: client.blpop(key),
            client.dbsize,
            session,
            pipeline,
        ]
        patience = self.dice.choice([0, 0, 0.0005, 0.002, 10, 10, 10, 10])
        with anyio.move_on_after(patience) as scope:
            try:
                await self.dice.choice(kinds)()
            except MovedError:
                assert self.moving  # a session is not redirected
            except PoolTimeoutError:
                raise
            except MaxConnectionsError:
                assert client.connection_pool.strict
            except ConnectionError:
                self.losses += 1
        assert patience < 10 or not scope.cancelled_caught, "it was forgotten"

    def change(self) -> None:
        """A random change of the cluster."""
        node = self.dice.choice(self.cluster.nodes)
        if self.dice.random() < 0.3:
            node.server.reset()
        elif self.moving:
            begin = self.dice.randrange(16384)
            self.cluster.move(range(begin, 16384), node)
            self.client.connection_pool.topology.refresh_soon()

    async def run_rounds(self) -> None:
        """A few rounds; after each of them the pool is whole."""
        pool = self.client.connection_pool
        async with self.client:
            for _ in range(4):
                async with anyio.create_task_group() as tasks:
                    for _ in range(12):
                        tasks.start_soon(self.one)
                    await anyio.lowlevel.checkpoint()
                    self.change()
                assert_all_free(pool)
        assert sockets(self.cluster, pool) == 0


@pytest.mark.parametrize("per_node", [True, False])
@each_pool
@pytest.mark.parametrize("moving", [False, True])
async def test_random_use(
    per_node: bool, moving: bool, pool_class: type[ClusterConnectionPool]
) -> None:
    """G5, G7: limits hold and no caller starves under use, cancellation, loss and moved slots."""
    blocking = pool_class is BlockingClusterConnectionPool
    with counting() as steps:
        for seed in range(6):
            use = RandomUse(seed, blocking=blocking, per_node=per_node, moving=moving)
            steps.watch = use.watch
            with anyio.fail_after(20):
                await steps.run(use.run_rounds, "scope", None)


# -- scopes -------------------------------------------------------------------------------------


@each_pool
@pytest.mark.parametrize("per_node", [True, False])
async def test_entering_again(
    shared: int, per_node: bool, pool_class: type[ClusterConnectionPool]
) -> None:
    """A pool that was left can be entered again: all leases are free, and it loads the slot map."""
    cluster = FakeCluster()
    client = cluster.client(
        pool_class=pool_class,
        max_connections=3,
        max_connections_per_node=per_node,
        shared_connections=shared,
    )
    for _ in range(3):
        async with client:
            assert await client.mget(*KEYS.values()) == [None] * 3
            assert_all_free(client.connection_pool)
            assert await client.connection_pool.topology.wait_refreshed() is None
        assert sockets(cluster, client.connection_pool) == 0


@each_pool
async def test_two_clients_on_one_pool(
    shared: int, pool_class: type[ClusterConnectionPool]
) -> None:
    """They share its leases."""
    cluster = FakeCluster()
    pool = cluster.pool(pool_class=pool_class, max_connections=2, shared_connections=shared)
    one: RedisCluster[bytes] = RedisCluster(connection_pool=pool)
    other: RedisCluster[bytes] = RedisCluster(connection_pool=pool)
    async with one, other:
        found = await outcomes([*gets(one, *["foo"] * 2), *gets(other, *["bar"] * 2)])
        assert refusals(found) == (2 if pool.strict else 0)
        assert_all_free(pool)


@each_pool
@pytest.mark.parametrize("per_node", [True, False])
async def test_leaving_by_an_exception_while_commands_wait(
    shared: int, per_node: bool, pool_class: type[ClusterConnectionPool]
) -> None:
    """G8, G14: the exception is the user's, and callers that wait get an error."""
    cluster = FakeCluster()
    client = cluster.client(
        pool_class=pool_class,
        max_connections=2,
        max_connections_per_node=per_node,
        shared_connections=shared,
        retry=None,
    )
    Slow(cluster)
    told: list[Exception] = []

    async def get(key: str) -> None:
        with pytest.raises((ConnectionError, RuntimeError, MaxConnectionsError)) as caught:
            await client.get(key)
        told.append(caught.value)

    async def use(tasks: anyio.abc.TaskGroup) -> None:
        async with client:
            for key in [*KEYS.values()] * 2:
                tasks.start_soon(get, key)
            await anyio.wait_all_tasks_blocked()
            raise KeyError("mine")

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError, match="mine"):
            await use(tasks)
        assert sockets(cluster, client.connection_pool) == 0
    assert len(told) == 6
    assert all(limit.acquired == 0 for limit in client.connection_pool.limits())
