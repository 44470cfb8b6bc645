"""Tests of `anyredis.testing.cluster`: nodes that fail, take over, join and leave."""

from __future__ import annotations

import pytest

from anyredis import ConnectionError, MovedError
from anyredis.testing import FakeCluster
from anyredis.wire.slots import slot_of
from tests.testing.fake_clusters import FOO, connected, ranges, reaches


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
