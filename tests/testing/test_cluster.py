"""Tests of `anyredis.testing.cluster`: a new fake cluster, and connections to its nodes."""

from __future__ import annotations

import pytest

from anyredis import AskError, ConnectionError, MovedError
from anyredis.testing import FakeCluster, FakeClusterConnection, run_then_reset
from tests.testing.fake_clusters import FOO, connected, ranges

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
