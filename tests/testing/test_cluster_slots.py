"""Tests of `anyredis.testing.cluster`: slots that move with their keys, and migrations."""

from __future__ import annotations

import pytest

from anyredis.testing import FakeCluster, VirtualClock
from tests.testing.fake_clusters import FOO, ranges


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
