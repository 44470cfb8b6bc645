"""Limits of cluster pools hold exactly while the cluster changes, in random use, and from scope to scope."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

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
from anyredis.testing import FakeCluster
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import outcomes, until
from tests.contract.cluster_limits import (
    KEYS,
    Slow,
    assert_all_free,
    gets,
    refusals,
    sockets,
    sockets_of,
)
from tests.contract.rotation import examples
from tests.contract.steps import counting

each_pool = pytest.mark.parametrize(
    "pool_class", [ClusterConnectionPool, BlockingClusterConnectionPool]
)


@pytest.fixture(autouse=True)
def quick_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot map may be refreshed again at once: a fake cluster has no load."""
    monkeypatch.setattr("anyredis.cluster.nodes.topology.PAUSE", 0.005)
    monkeypatch.setattr("anyredis.cluster.nodes.topology.GRACE", 0.005)


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
        await all_tasks_blocked()
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
            await all_tasks_blocked()
            cluster.move(range(16384 * 3 // 4, 16384), cluster.nodes[0])
            pool.replace_slot_map(parse_slots(cluster.slots(), hangs.address))  # type: ignore[arg-type]
            await all_tasks_blocked()
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
        patience = self.dice.choice([0, 0, 0.0005, 0.002, 30, 30, 30, 30])
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
        assert patience < 30 or not scope.cancelled_caught, "it was forgotten"

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
        for seed in range(examples(6)):
            use = RandomUse(seed, blocking=blocking, per_node=per_node, moving=moving)
            steps.watch = use.watch
            with anyio.fail_after(60):
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
            await all_tasks_blocked()
            raise KeyError("mine")

    async with anyio.create_task_group() as tasks:
        with pytest.raises(KeyError, match="mine"):
            await use(tasks)
        assert sockets(cluster, client.connection_pool) == 0
    assert len(told) == 6
    assert all(limit.acquired == 0 for limit in client.connection_pool.limits())
