"""A command's way through a cluster: redirects, refusals, unknown nodes."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from anyredis import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    Outcome,
    ProtocolError,
    Retry,
    TCPAddress,
    TryAgainError,
)
from anyredis.address_remap import AddressRemap
from anyredis.cluster.routing.redirects import RedirectFollower, Target
from anyredis.exceptions import from_server
from anyredis.testing import FakeCluster, FakePeer, Handler, Words
from tests.blocked_tasks import all_tasks_blocked

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves."""


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that refuses has a tenth of a second to sort itself out."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.1)


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


TEMPORARY_REFUSALS = ["TRYAGAIN later", "CLUSTERDOWN not now", "MASTERDOWN no", "READONLY no"]


@pytest.mark.parametrize("text", TEMPORARY_REFUSALS)
@pytest.mark.parametrize("retry", [Retry(), None])
async def test_a_refusal_is_waited_out(
    text: str, retry: Retry | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write runs exactly once, when it is accepted, independent of the client's `retry`."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 5.0)
    cluster = FakeCluster()
    async with cluster.client(retry=retry) as client:
        cluster.nodes[2].server.on("INCRBY", from_server(text), times=2)
        assert await client.incr("foo") == 1
        assert cluster.nodes[2].server.memory.ran[b"INCRBY"] == 1


@pytest.mark.parametrize("text", TEMPORARY_REFUSALS)
async def test_a_lasting_refusal_is_raised(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the bound, as the server said it."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.2)
    cluster = FakeCluster()
    async with cluster.client(retry=Retry(deadline=0.2)) as client:
        cluster.nodes[2].server.on("GET", from_server(text))
        with anyio.fail_after(5), pytest.raises(type(from_server(text)), match=text):
            await client.get("foo")


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


async def test_a_slot_that_no_node_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands wait for it, and say so in the end; others run."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.2)
    cluster = FakeCluster()
    cluster.unassign(FOO)
    async with cluster.client(retry=Retry(deadline=0.2)) as client:
        with anyio.fail_after(5), pytest.raises(ClusterDownError, match="serve slot 12182"):
            await client.get("foo")
        assert await client.get("bar") is None


async def test_a_slot_that_is_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waiting command continues."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 5.0)
    cluster = FakeCluster()
    cluster.unassign(FOO)
    async with cluster.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.set, "foo", "v")
        await all_tasks_blocked()
        cluster.move(FOO, cluster.nodes[0])
    assert cluster.nodes[0].database == {b"foo": b"v"}


async def test_tryagain_on_the_way() -> None:
    """A split slot: two keys of it are asked for until both are on one side."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        await client.mset({"{foo}1": "1", "{foo}2": "2"})
        cluster.start_migration(FOO, first)
        cluster.migrate_key("{foo}1")

        def finish(peer: FakePeer, words: Words) -> object:
            answer = peer.run(words)
            assert isinstance(answer, TryAgainError)
            cluster.finish_migration(FOO)
            return answer

        last.server.on("MGET", finish_handler(finish), times=1)
        assert await client.mget("{foo}1", "{foo}2") == [b"1", b"2"]


def finish_handler(handler: Callable[[FakePeer, Words], object]) -> Handler:
    """As a handler of the fake server."""
    return handler  # type: ignore[return-value]


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


@pytest.mark.parametrize("stays", [True, False])
async def test_commands_join_the_dials_to_a_node_that_is_down(stays: bool) -> None:
    """One dial at a time for all of them, until it is back or a replica has taken over."""
    cluster = FakeCluster(3, 1)
    last = cluster.node_of(FOO)
    async with cluster.client(retry=Retry(deadline=60)) as client:
        await client.set("foo", 1)
        pool = client.connection_pool
        server = pool.endpoint_by_slot[FOO].server  # type: ignore[union-attr]
        last.server.down = True
        last.server.reset()

        async def session() -> None:
            async with client.session("foo") as mine:
                await mine.ping()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(client.incr, "foo")
                for _ in range(5):
                    tasks.start_soon(session)
                while server.allocator.connecting < 105 or server.allocator.dialling != 1:
                    await anyio.sleep(0.001)
                if stays:
                    last.server.down = False
                else:
                    cluster.fail(last)
                    cluster.promote(cluster.nodes[5])
        assert await client.get("foo") == b"101"
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def test_a_pool_that_is_left_ends_all_repeats() -> None:
    """G8: a command that waits for a node that is down fails at once, though its deadline is far."""
    cluster = FakeCluster()
    failed: list[ConnectionError] = []

    async def count() -> None:
        with pytest.raises(ConnectionError) as caught:
            await client.incr("foo")
        failed.append(caught.value)

    client = cluster.client(retry=Retry(deadline=3600))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, client:
            await client.ping()
            cluster.node_of(FOO).server.down = True
            cluster.node_of(FOO).server.reset()
            tasks.start_soon(count)
            server = client.connection_pool.endpoint_by_slot[FOO].server  # type: ignore[union-attr]
            while not server.is_unhealthy or not server.allocator.connecting:
                await anyio.sleep(0.001)
    assert len(failed) == 1


async def test_a_script_that_is_refused_in_a_cluster() -> None:
    """G11: it is sent once; its redirect is followed."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        last.server.on("EVAL", from_server("TRYAGAIN x"))
        with pytest.raises(TryAgainError):
            await client.execute_command("EVAL", "x", "1", "foo")
        pipe = client.pipeline(raise_on_error=False)
        pipe.execute_command("EVAL", "x", "1", "foo")
        [refused] = await pipe.execute()
        assert isinstance(refused, TryAgainError)
        assert last.server.count("EVAL") == 2
        last.server.on("EVAL", from_server(f"MOVED {FOO} {first.host}:{first.port}"))
        first.server.on("EVAL", b"done")
        assert await client.execute_command("EVAL", "x", "1", "foo") == b"done"
