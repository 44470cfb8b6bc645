"""A command's way through a cluster: MOVED and ASK, remapped addresses, and nodes that are unknown."""

from __future__ import annotations

import anyio
import pytest

from anyredis import (
    AskError,
    ConnectionError,
    MovedError,
    Outcome,
    ProtocolError,
    Retry,
    TCPAddress,
)
from anyredis.address_remap import AddressRemap
from anyredis.cluster.routing.redirects import RedirectFollower, Target
from anyredis.exceptions import from_server
from anyredis.testing import FakeCluster

pytestmark = pytest.mark.usefixtures("little_patience")


FOO = 12182
"""The slot of `foo`, which the last of three primaries serves."""


async def test_moved_is_followed_and_noted() -> None:
    """The command goes on to the slot's node; the next one goes there at once."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        await client.set("foo", "v")
        cluster.move(FOO, first)
        assert await client.get("foo") == b"v"
        assert await client.get("foo") == b"v"
        assert (last.server.count("GET"), first.server.count("GET")) == (1, 2)
        pool = client.connection_pool
        assert pool.slot_map.by_slot[FOO] == pool.slot_map.by_slot[0]
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_moved_has_the_layout_refreshed() -> None:
    """One slot has moved: the whole slot map is refreshed."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        cluster.move(range(16384), cluster.nodes[0])
        before = sum(node.server.count("CLUSTER") for node in cluster.nodes)
        await client.get("foo")
        with anyio.fail_after(5):
            while len(client.primaries()) > 1:
                await anyio.sleep(0.001)
        assert sum(node.server.count("CLUSTER") for node in cluster.nodes) > before


@pytest.mark.parametrize("host", ["", None, "10.0.0.7", "::1", "node.example"])
async def test_moved_to_hosts_of_all_kinds(host: str | None) -> None:
    """An empty host is that of the redirecting node; IPv6 is written without brackets."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        await client.set("foo", "v")
        cluster.announce(first, host)
        cluster.move(FOO, first)
        for node in cluster.nodes:
            node.sees([])  # so that only the redirect has the address
        assert await client.get("foo") == b"v"
        assert client.node_for("foo").address == str(TCPAddress(host or last.host, first.port))


def behind_nat(cluster: FakeCluster) -> AddressRemap:
    """Have the nodes of *cluster* tell addresses at which no client reaches them.

    Gives the function that knows better.
    """
    for node in cluster.nodes:
        node.announced = f"inside-{node.port}"

    def outside(address: tuple[str, int]) -> tuple[str, int]:
        host, port = address
        assert host == f"inside-{port}"
        return "fake", port

    return outside


@pytest.mark.parametrize("code", ["MOVED", "ASK"])
async def test_redirects_behind_nat(code: str) -> None:
    """Each address that a node tells is remapped once: in the slot map, in MOVED and in ASK."""
    cluster = FakeCluster()
    first, *_ = cluster.nodes
    async with cluster.client(address_remap=behind_nat(cluster)) as client:
        await client.set("foo", "v")
        if code == "MOVED":
            cluster.move(FOO, first)
        else:
            cluster.start_migration(FOO, first)
            cluster.migrate_key("foo")
        for node in cluster.nodes:
            node.sees([])  # so that only the redirect has the address
        assert await client.get("foo") == b"v"
        assert first.server.count("GET") == 1
        assert {address.host for address in client.connection_pool.known} == {"fake"}
        assert {key async for key in client.scan_iter()} == {b"foo"}


async def test_a_remap_that_fails() -> None:
    """A redirect then is an error that says so, and without a slot map entering the block is."""
    cluster = FakeCluster()
    first, *_ = cluster.nodes
    known = {("fake", node.port): ("fake", node.port) for node in cluster.nodes}
    async with cluster.client(address_remap=known.__getitem__) as client:
        await client.set("foo", "v")
        cluster.announce(first, "inside")
        cluster.move(FOO, first)
        with pytest.raises(ConnectionError, match="address_remap failed for inside:7000") as caught:
            await client.get("foo")
        assert caught.value.outcome is Outcome.NOT_SENT
        assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ConnectionError, match="fake:7000: address_remap failed for inside:7000"):
        async with cluster.client(address_remap=known.__getitem__, retry=None):
            pass


async def test_moved_to_ipv6_in_brackets() -> None:
    """As Valkey may write it one day."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    cluster.announce(first, "::1")
    async with cluster.client() as client:
        cluster.move(FOO, first)
        last.server.on("GET", MovedError(f"MOVED {FOO} [::1]:7000"), times=1)
        assert await client.get("foo") is None


@pytest.mark.parametrize(
    "text",
    [
        "MOVED",
        "MOVED x fake:7000",
        "MOVED 12182",
        "MOVED 16384 fake:7000",
        "MOVED -1 fake:7000",
        "MOVED 12182 fake",
        "MOVED 12182 fake:port",
        "MOVED 12182 fake:0",
        "MOVED 12182 fake:70000",
        "ASK 12182",
        "ASK 12182 :",
    ],
)
async def test_a_redirection_that_cannot_be_read(text: str) -> None:
    """It breaks the protocol, the error names the node, and nothing else is affected."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        cluster.nodes[2].server.on("GET", from_server(text), times=3)
        with pytest.raises(ProtocolError, match="fake:7002 redirects"):
            await client.get("foo")
        async with client.pipeline(raise_on_error=False) as pipe:
            bad, good = pipe.get("foo"), pipe.get("bar")
        assert isinstance(bad.error, ProtocolError)
        assert good.value is None
        with pytest.raises(ProtocolError):
            await client.get("foo")
        assert await client.get("foo") is None
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_ask_is_followed_and_forgotten() -> None:
    """The one command goes there with ASKING; the slot stays where it is."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        await client.set("foo", "v")
        cluster.start_migration(FOO, first)
        cluster.migrate_key("foo")
        for _ in range(2):
            assert await client.get("foo") == b"v"
        assert (last.server.count("GET"), first.server.count("GET")) == (2, 2)
        assert client.node_for("foo").address == "fake:7002"


async def test_ask_to_a_node_that_the_map_does_not_know() -> None:
    """It is asked all the same."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.set("foo", "v")
        joined = cluster.add_node()
        cluster.start_migration(FOO, joined)
        cluster.migrate_key("foo")
        assert await client.get("foo") == b"v"
        assert await client.incr("{foo}n") == 1
        assert joined.database == {b"foo": b"v", b"{foo}n": b"1"}


async def test_asking_is_for_one_command_only() -> None:
    """ASKING and its command are back to back on the connection, with any other users (G9)."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        cluster.start_migration(FOO, first)
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(client.set, f"{{foo}}{number}", "v")
                tasks.start_soon(client.get, "bar")
        assert len(first.database) == 50
        for peer in first.server.peers:
            names = [words[0] for words in peer.received]
            after = [names[at + 1] for at, name in enumerate(names) if name == b"ASKING"]
            assert after == [b"SET"] * len(after)
            before = [names[at - 1] for at, name in enumerate(names) if name == b"SET"]
            assert before == [b"ASKING"] * len(before)
        assert last.database == {}


@pytest.mark.parametrize("kind", [MovedError, AskError])
async def test_nodes_that_point_at_each_other(
    kind: type[MovedError | AskError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a loop ends with the redirection as the error."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.MAX_REDIRECTS", 5)
    cluster = FakeCluster()
    code = "MOVED" if kind is MovedError else "ASK"
    for node in cluster.nodes:
        to = cluster.nodes[(cluster.nodes.index(node) + 1) % 3]
        node.server.on("GET", from_server(f"{code} {FOO} {to.address}"))
    async with cluster.client() as client:
        with anyio.fail_after(5), pytest.raises(kind):
            await client.get("foo")
        assert sum(node.server.count("GET") for node in cluster.nodes) == 6
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_the_endpoint_of_a_target() -> None:
    """The node that serves the slot, the node at an address, or any node."""
    cluster = FakeCluster()
    async with cluster.pool() as pool:
        assert Target(FOO).find(pool) is Target().find(pool) is None
        await pool.ready()
        endpoint = Target(FOO).find(pool)
        assert endpoint is not None
        assert endpoint.address == TCPAddress("fake", 7002)
        named = Target(address=TCPAddress("fake", 7001)).find(pool)
        assert named is not None
        assert named.address.port == 7001
        assert {endpoint.address.port for _ in range(9) if (endpoint := Target().find(pool))} == {
            *(7000, 7001, 7002)
        }
    assert "serve slot 12182" in str(Target(FOO).missing())
    assert "serve any slot" in str(Target().missing())


async def test_a_cluster_that_cannot_be_asked() -> None:
    """Without a slot map the first command says why it cannot be loaded."""
    cluster = FakeCluster()
    async with cluster.pool() as pool:
        for node in cluster.nodes:
            cluster.fail(node)
        follower = RedirectFollower(pool, None, Target(FOO))
        with pytest.raises(ConnectionError, match="cannot connect to fake:7000"):
            await follower.first_endpoint(only_reads=True)
        cluster.revive(cluster.nodes[0])
        endpoint = await follower.first_endpoint(only_reads=True)
        assert endpoint.address.port == 7002


async def test_a_layout_that_changes_between_routing_and_sending() -> None:
    """A command that was routed to a node which left goes to the node that serves its slot now."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    for retry in (Retry(), None):
        async with cluster.client(retry=retry) as client:
            await client.set("foo", "v")
            pending = [client.get("foo"), client.incr("{foo}n"), client.mget("{foo}1", "foo")]
            cluster.move(range(16384), first)
            for _ in range(2):
                assert await client.connection_pool.topology.wait_refreshed() is None
            assert not client.connection_pool.known.keys() & {last.address}
            got = [await each for each in pending]
            assert got == [b"v", got[1], [None, b"v"]]
            cluster.move(range(FOO, 16384), last)
