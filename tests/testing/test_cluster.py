"""Tests of `anyredis.testing.cluster`: a fake cluster changes on command, and only then."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from anyredis import AskError, ConnectionError, MovedError
from anyredis.testing import (
    Answer,
    FakeCluster,
    FakeClusterConnection,
    FakeNode,
    VirtualClock,
    run_then_reset,
)
from anyredis.wire.slots import slot_of

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves; `bar` is the first's."""


@asynccontextmanager
async def connected(
    cluster: FakeCluster, node: FakeNode, **options: Any
) -> AsyncGenerator[FakeClusterConnection]:
    """A connection to *node* that serves."""
    connection = FakeClusterConnection(cluster=cluster, host=node.host, port=node.port, **options)
    await connection.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.serve)
        yield connection
        connection.close("the test is over")


async def reaches(cluster: FakeCluster, host: str, port: int) -> FakeNode:
    """The node where a connection to that address ends."""
    before = {node: node.server.accepted for node in cluster.nodes}
    connection = FakeClusterConnection(cluster=cluster, host=host, port=port)
    stream = await connection.open_stream()
    await stream.aclose()
    [node] = [node for node, count in before.items() if node.server.accepted > count]
    return node


def ranges(cluster: FakeCluster) -> list[tuple[Answer, Answer, list[Answer]]]:
    """The ranges in CLUSTER SLOTS: first slot, last slot, ports."""
    found: list[tuple[Answer, Answer, list[Answer]]] = []
    for item in cluster.slots():
        match item:
            case [first, last, *nodes]:
                ports = [node[1] for node in nodes if isinstance(node, list)]
                found.append((first, last, ports))
            case _:
                raise AssertionError(item)
    return found


# -- nodes and slots, as they are ----------------------------------------------------------------


def test_a_new_cluster() -> None:
    """Primaries first, each with its replicas, which share its data; slots shared evenly."""
    cluster = FakeCluster(3, 2, host="h", first_port=9000)
    assert [str(node.address) for node in cluster.nodes] == [f"h:{n}" for n in range(9000, 9009)]
    assert [node.primary for node in cluster.nodes] == [None] * 3 + cluster.nodes[:3] * 2
    assert ranges(cluster) == [
        (0, 5460, [9000, 9003, 9006]),
        (5461, 10922, [9001, 9004, 9007]),
        (10923, 16383, [9002, 9005, 9008]),
    ]
    assert repr(cluster) == "<FakeCluster 3 primaries, 6 replicas>"


@pytest.mark.parametrize("primaries", [1, 2, 5, 7])
def test_slots_are_shared_evenly(primaries: int) -> None:
    """All of them are served, and no share differs by more than one slot."""
    cluster = FakeCluster(primaries)
    shares = [len(cluster.slots_of(node)) for node in cluster.nodes]
    assert sum(shares) == 16384
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("primaries", "replicas"), [(0, 0), (1, -1)])
def test_a_cluster_that_cannot_be(primaries: int, replicas: int) -> None:
    """It raises."""
    with pytest.raises(ValueError, match="at least one primary"):
        FakeCluster(primaries, replicas)


def test_the_node_of_a_key() -> None:
    """It is found for a key or a slot; a slot without an owner has none."""
    cluster = FakeCluster()
    assert cluster.slot_of("foo") == cluster.slot_of(b"{foo}1") == FOO
    assert cluster.node_of("foo") is cluster.node_of(b"foo") is cluster.node_of(FOO)
    assert cluster.node_of(FOO) is cluster.nodes[2]
    cluster.unassign(range(FOO, FOO + 1))
    with pytest.raises(LookupError, match="12182"):
        cluster.node_of("foo")


# -- connections --------------------------------------------------------------------------------


async def test_a_connection_to_a_node() -> None:
    """It goes to the node at its host and port, and runs commands there."""
    cluster = FakeCluster()
    node = cluster.node_of("foo")
    async with connected(cluster, node, client_name="me") as connection:
        assert connection.address == "fake:7002"
        assert await connection.execute_command("SET", "foo", "v") == b"OK"
        with pytest.raises(MovedError, match="MOVED 5061 fake:7000"):
            await connection.execute_command("GET", "bar")
        assert [peer.state.name for peer in node.server.peers] == [b"me"]
    assert [node.server.accepted for node in cluster.nodes] == [0, 0, 1]


async def test_a_connection_that_reads_from_a_replica() -> None:
    """With readonly its handshake says READONLY."""
    cluster = FakeCluster(1, 1)
    primary, replica = cluster.nodes
    primary.database[b"foo"] = b"v"
    async with connected(cluster, replica, readonly=True, decode_responses=True) as connection:
        assert await connection.execute_command("GET", "foo") == "v"
    async with connected(cluster, replica) as connection:
        with pytest.raises(MovedError):
            await connection.execute_command("GET", "foo")


async def test_an_address_without_a_server() -> None:
    """It refuses, as a port without a listener does."""
    cluster = FakeCluster()
    for host, port in (("fake", 6999), ("nowhere", 7000)):
        connection = FakeClusterConnection(cluster=cluster, host=host, port=port)
        with pytest.raises(OSError, match="refused"):
            await connection.open_stream()
        with pytest.raises(ConnectionError, match=f"{host}:{port}"):
            await connection.connect()


async def test_scripts_of_a_node() -> None:
    """Its server can be scripted as any other; commands that a script runs are redirected too."""
    cluster = FakeCluster()
    server = cluster.nodes[0].server
    server.on("GET", run_then_reset, times=1)
    async with connected(cluster, cluster.nodes[0]) as connection:
        with pytest.raises(ConnectionError):
            await connection.execute_command("GET", "foo")
    server.on("GET", MovedError("MOVED 5061 fake:7000"), times=1)
    server.on("PING", lambda peer, _words: peer.run((b"GET", b"foo")))
    async with connected(cluster, cluster.nodes[0]) as connection:
        with pytest.raises(MovedError, match="5061 fake:7000"):
            await connection.execute_command("GET", "bar")
        assert await connection.execute_command("GET", "bar") is None
        with pytest.raises(MovedError, match="12182 fake:7002"):
            await connection.execute_command("PING")
    assert (server.count("GET"), server.memory.ran[b"GET"]) == (3, 1)


async def test_asking_over_a_connection() -> None:
    """The way to a key that has moved ahead of its slot."""
    cluster = FakeCluster()
    source, target = cluster.nodes[2], cluster.nodes[1]
    source.database[b"foo"] = b"v"
    cluster.start_migration(FOO, target)
    cluster.migrate_key("foo")
    async with connected(cluster, source) as connection:
        with pytest.raises(AskError) as caught:
            await connection.execute_command("GET", "foo")
    assert (caught.value.slot, caught.value.address) == (FOO, "fake:7001")
    async with connected(cluster, target) as connection:
        await connection.execute_command("ASKING")
        assert await connection.execute_command("GET", "foo") == b"v"


# -- slots --------------------------------------------------------------------------------------


def test_moving_a_slot() -> None:
    """With its keys, and no others."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    last.database.update({b"foo": b"1", b"{foo}2": b"2", b"a": b"3"})
    cluster.move(FOO, first)
    assert cluster.node_of("foo") is first
    assert first.database == {b"foo": b"1", b"{foo}2": b"2"}
    assert last.database == {b"a": b"3"}


def test_moving_a_range_of_slots() -> None:
    """The slots move from all their owners to one; moving them again changes nothing."""
    cluster = FakeCluster()
    first, second, last = cluster.nodes
    last.database[b"foo"] = b"1"
    first.database[b"bar"] = b"2"
    for _ in range(2):
        cluster.move(range(16384), second)
        assert ranges(cluster) == [(0, 16383, [7001])]
        assert second.database == {b"foo": b"1", b"bar": b"2"}


def test_moving_slots_without_their_keys() -> None:
    """The keys stay behind unseen, and are there again when the slot comes back."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    last.database[b"foo"] = b"1"
    cluster.move(FOO, first, keys=False)
    assert first.database == {}
    assert last.database == {b"foo": b"1"}
    cluster.move(FOO, last)
    assert last.database == {b"foo": b"1"}


def test_a_migration() -> None:
    """Keys move one by one; the slot and its remaining keys move at the end."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    last.database.update({b"{foo}1": b"1", b"{foo}2": [b"2"]})
    cluster.start_migration(FOO, first)
    cluster.migrate_key("{foo}1")
    assert first.database == {b"{foo}1": b"1"}
    assert last.database == {b"{foo}2": [b"2"]}
    assert cluster.node_of("foo") is last
    cluster.finish_migration(FOO)
    assert cluster.node_of("foo") is first
    assert first.database == {b"{foo}1": b"1", b"{foo}2": [b"2"]}
    assert last.database == {}
    with pytest.raises(LookupError, match="not migrating"):
        cluster.finish_migration(FOO)


def test_moving_a_slot_in_the_middle_of_its_migration() -> None:
    """It ends the migration, and the keys come from both sides."""
    cluster = FakeCluster()
    first, second, last = cluster.nodes
    last.database.update({b"{foo}1": b"1", b"{foo}2": b"2"})
    cluster.start_migration(FOO, first)
    cluster.migrate_key(b"{foo}1")
    cluster.move(FOO, second)
    assert second.database == {b"{foo}1": b"1", b"{foo}2": b"2"}
    with pytest.raises(LookupError):
        cluster.migrate_key("{foo}2")


def test_migrations_that_cannot_be() -> None:
    """To a replica, to its own node, of a slot without owner, of a missing key: each is refused."""
    cluster = FakeCluster(2, 1)
    first, last, replica, _ = cluster.nodes
    for to in (replica, last):
        with pytest.raises(ValueError, match=r"no primary|serves"):
            cluster.start_migration(FOO, to)
    with pytest.raises(ValueError, match="no primary"):
        cluster.move(FOO, replica)
    with pytest.raises(LookupError):
        cluster.migrate_key("foo")
    cluster.start_migration(FOO, first)
    with pytest.raises(LookupError, match="no key"):
        cluster.migrate_key("foo")
    cluster.unassign(FOO)
    with pytest.raises(LookupError):
        cluster.start_migration(FOO, first)


async def test_keys_of_a_cluster_expire() -> None:
    """By one clock, also when they have moved to another node."""
    clock = VirtualClock()
    cluster = FakeCluster(3, 1, clock=clock)
    async with cluster.client(decode_responses=True) as client:
        await client.set("foo", "v", ex=10)
        cluster.move(FOO, cluster.nodes[0])
        assert await client.ttl("foo") == 10
        clock.advance(10)
        assert await client.get("foo") is None


# -- nodes --------------------------------------------------------------------------------------


async def test_a_node_that_fails() -> None:
    """Its connections break and new ones are refused, until it is revived with its data."""
    cluster = FakeCluster(1)
    [node] = cluster.nodes
    node.database[b"foo"] = b"v"
    async with connected(cluster, node) as connection:
        cluster.fail(node)
        with pytest.raises(ConnectionError):
            await connection.execute_command("GET", "foo")
    with pytest.raises(ConnectionError, match="refused"):
        async with connected(cluster, node):
            pass
    cluster.revive(node)
    async with connected(cluster, node) as connection:
        assert await connection.execute_command("GET", "foo") == b"v"


def test_a_failover() -> None:
    """The replica has the slots and the data, its primary and the others replicate it."""
    cluster = FakeCluster(2, 2)
    _, old, _, new, _, other = cluster.nodes
    old.database[b"foo"] = b"v"
    cluster.promote(new)
    assert (new.primary, old.primary, other.primary) == (None, new, new)
    assert cluster.node_of("foo") is new
    assert new.database == {b"foo": b"v"}
    assert ranges(cluster)[1] == (8192, 16383, [7003, 7001, 7005])
    with pytest.raises(ValueError, match="already"):
        cluster.promote(new)


def test_a_failover_of_a_node_that_is_down() -> None:
    """CLUSTER SLOTS has it again when it is revived, now as a replica."""
    cluster = FakeCluster(1, 1)
    old, new = cluster.nodes
    cluster.fail(old)
    assert ranges(cluster) == [(0, 16383, [7000, 7001])]
    cluster.promote(new)
    assert ranges(cluster) == [(0, 16383, [7001])]
    cluster.revive(old)
    assert ranges(cluster) == [(0, 16383, [7001, 7000])]


def test_a_failover_in_the_middle_of_a_migration() -> None:
    """It goes on with the new primary, on either side."""
    cluster = FakeCluster(2, 1)
    first, last, new_first, new_last = cluster.nodes
    last.database[b"foo"] = b"v"
    cluster.start_migration(FOO, first)
    cluster.promote(new_first)
    cluster.promote(new_last)
    cluster.migrate_key("foo")
    assert first.database is new_first.database
    assert new_first.database == {b"foo": b"v"}
    cluster.finish_migration(FOO)
    assert cluster.node_of("foo") is new_first


async def test_a_node_that_joins() -> None:
    """CLUSTER SLOTS has it once it has slots; until then it redirects."""
    cluster = FakeCluster(1)
    before = cluster.slots()
    node = cluster.add_node()
    assert cluster.slots() == before
    async with connected(cluster, node) as connection:
        with pytest.raises(MovedError, match="fake:7000"):
            await connection.execute_command("GET", "foo")
        cluster.move(FOO, node)
        assert await connection.execute_command("GET", "foo") is None
    assert (FOO, FOO, [7001]) in ranges(cluster)


def test_a_replica_that_joins() -> None:
    """It has the data of its primary, and is listed at once; replicas have no replicas."""
    cluster = FakeCluster(1)
    [primary] = cluster.nodes
    replica = cluster.add_node(replica_of=primary)
    assert replica.database is primary.database
    assert ranges(cluster) == [(0, 16383, [7000, 7001])]
    with pytest.raises(ValueError, match="no primary"):
        cluster.add_node(replica_of=replica)


async def test_a_node_that_leaves() -> None:
    """Its connections break, and its address refuses connections."""
    cluster = FakeCluster(2)
    first, last = cluster.nodes
    cluster.move(range(16384), first)
    async with connected(cluster, last) as connection:
        cluster.remove_node(last)
        with pytest.raises(ConnectionError):
            await connection.execute_command("PING")
    assert cluster.nodes == [first]
    assert cluster.find("fake", last.port) is None
    with pytest.raises(ValueError, match="no primary"):
        cluster.move(FOO, last)
    assert cluster.add_node().port == 7002


def test_nodes_that_cannot_leave() -> None:
    """Those that have slots, are to have some, or have replicas."""
    cluster = FakeCluster(2)
    first, last = cluster.nodes
    with pytest.raises(ValueError, match="slots"):
        cluster.remove_node(last)
    cluster.move(range(16384), first)
    cluster.start_migration(slot_of(b"foo"), last)
    with pytest.raises(ValueError, match="slots"):
        cluster.remove_node(last)
    cluster.unassign(FOO)
    replica = cluster.add_node(replica_of=last)
    with pytest.raises(ValueError, match="replicas"):
        cluster.remove_node(last)
    cluster.remove_node(replica)
    cluster.remove_node(last)
    assert cluster.nodes == [first]


async def test_a_node_is_found_by_what_it_announced() -> None:
    """By any name it ever had, but not by those of others."""
    cluster = FakeCluster(2)
    first, last = cluster.nodes
    cluster.announce(first, "one.example")
    cluster.announce(first, "2001:db8::1")
    for host in ("fake", "one.example", "2001:db8::1"):
        assert await reaches(cluster, host, 7000) is first
    for host in ("nowhere", "2001:db8::1"):
        with pytest.raises(OSError, match="refused"):
            await reaches(cluster, host, 7001)
    assert await reaches(cluster, "fake", 7001) is last


@pytest.mark.parametrize("nothing", ["", None])
async def test_a_node_without_a_host_is_where_one_asked(nothing: str | None) -> None:
    """So any host of the cluster will do, with its port."""
    cluster = FakeCluster(2)
    first, last = cluster.nodes
    cluster.announce(first, "one.example")
    cluster.announce(last, nothing)
    assert await reaches(cluster, "one.example", 7001) is last
    assert await reaches(cluster, "fake", 7001) is last
    with pytest.raises(OSError, match="refused"):
        await reaches(cluster, "nowhere", 7001)
