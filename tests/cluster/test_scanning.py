"""All keys of a cluster: each key that stays comes at least once, through all changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import aclosing

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    MaxConnectionsError,
    NoPermissionError,
    ProtocolError,
    RedisCluster,
    TCPAddress,
)
from anyredis.cluster import scanning
from anyredis.cluster.scanning import SlotOwnership, parse_slot_ownership
from anyredis.exceptions import from_server
from anyredis.testing import FakeCluster, run_then_reset
from tests.blocked_tasks import all_tasks_blocked, cancelled_once_blocked

KEYS = {f"k{number}" for number in range(120)}
FOO = 12182

Trouble = Callable[[FakeCluster, int], None]
"""A change of a cluster at the nth key."""


async def filled(client: RedisCluster[str]) -> None:
    """Store `KEYS`."""
    await client.mset(dict.fromkeys(KEYS, "v"))


async def scanned(client: RedisCluster[str], cluster: FakeCluster, trouble: Trouble) -> set[str]:
    """All keys that a scan gives, while *trouble* happens."""
    found: list[str] = []
    with anyio.fail_after(20):
        async for key in client.scan_iter(count=5):
            trouble(cluster, len(found))
            found.append(key)
    return set(found)


async def test_all_keys_come() -> None:
    """Without changes each key comes once, and the slot map is not refreshed."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        await client.rpush("list", "x")
        found = [key async for key in client.scan_iter(count=7)]
        assert sorted(found) == sorted({*KEYS, "list"})
        assert {key async for key in client.scan_iter("k1*")} == {k for k in KEYS if k[1] == "1"}
        assert [key async for key in client.scan_iter(type="list")] == ["list"]


async def test_patience_counts_from_any_time_of_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scan that is stuck since 0.0, as clocks may say, ends like any other."""
    clock = iter([0.0, scanning.PATIENCE, scanning.PATIENCE + 0.1])
    waits = 0

    async def wait(_pool: object, _step: object) -> None:
        nonlocal waits
        waits += 1

    class Clock:
        @staticmethod
        def current_time() -> float:
            return next(clock)

    async def page(_endpoint: object, _cursor: int) -> tuple[int, list[bytes]]:
        raise ConnectionError("lost")

    cluster = FakeCluster()
    async with cluster.client() as client:
        keys = scanning.ClusterKeys(client.connection_pool, page)
        await client.ping()
        monkeypatch.setattr(scanning, "anyio", Clock)
        monkeypatch.setattr(scanning, "wait", wait)
        with pytest.raises(ConnectionError, match="lost"):
            await anext(keys)
        monkeypatch.undo()
    assert waits == 2


async def test_closed() -> None:
    """`contextlib.aclosing` ends the scan: no key and no request comes after it."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        for number in range(30):
            await client.set(f"k{number}", number)
        async with aclosing(client.scan_iter()) as keys:
            await anext(keys)
        asked = [len(node.server.received) for node in cluster.nodes]
        assert await anext(keys, None) is None
        await keys.aclose()
        assert [len(node.server.received) for node in cluster.nodes] == asked


async def test_an_empty_cluster_is_scanned_at_once() -> None:
    """Each node is asked a few times, without a wait for a refresh of the slot map."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        for node in cluster.nodes:
            node.server.received.clear()
        assert [key async for key in client.scan_iter()] == []
        asked = [words[:2] for node in cluster.nodes for words in node.server.received]
        assert asked.count((b"CLUSTER", b"SLOTS")) == 0
        assert asked.count((b"CLUSTER", b"NODES")) == 6


def slots_move(cluster: FakeCluster, at: int) -> None:
    """A range of slots goes from one node to the next, again and again."""
    if at % 7 == 0 and at < 300:
        begin = random.randrange(16000)
        cluster.move(range(begin, begin + 300), random.choice(cluster.nodes[:3]))


def keys_migrate(cluster: FakeCluster, at: int) -> None:
    """Key by key, one slot after another, to a node that comes earlier or later."""
    if at > 300:
        return
    keys = sorted(key for node in cluster.nodes[:3] for key in node.database)
    key = keys[at * 37 % len(keys)]
    slot, owner = cluster.slot_of(key), cluster.node_of(key)
    target = cluster.nodes[(cluster.nodes.index(owner) + 1 + at % 2) % 3]
    if key in owner.database:
        if at % 3 == 0:
            cluster.start_migration(slot, target)
            cluster.migrate_key(key)
    elif at % 3 == 1:
        cluster.finish_migration(slot)


def a_node_fails_over(cluster: FakeCluster, at: int) -> None:
    """Its replica takes its slots, with the data."""
    if at == 50:
        old = next(node for node in cluster.nodes if node.primary is None and node.server.peers)
        cluster.fail(old)
        cluster.promote(next(node for node in cluster.nodes if node.primary is old))


def nodes_restart(cluster: FakeCluster, at: int) -> None:
    """Their connections break, and cursors mean nothing any more."""
    if at in {10, 40, 70, 100}:
        for node in cluster.nodes:
            node.database.cursors.clear()
            node.server.reset()


def pages_are_lost(cluster: FakeCluster, at: int) -> None:
    """A node runs SCAN, and its connection breaks."""
    if at in {10, 50}:
        for node in cluster.nodes:
            node.server.on("SCAN", run_then_reset, times=1)


def others_are_out_of_date(cluster: FakeCluster, at: int) -> None:
    """Slots move during the scan, and the nodes give an outdated slot map."""
    if at == 20:
        view = cluster.slots()
        for node in cluster.nodes:
            node.sees(view)
        begin = cluster.slots_of(cluster.nodes[0])[0]
        cluster.move(range(begin, begin + 5000), cluster.nodes[1])
    if at == 100:
        for node in cluster.nodes:
            node.sees(None)


TROUBLES: list[Trouble] = [
    slots_move,
    keys_migrate,
    a_node_fails_over,
    nodes_restart,
    pages_are_lost,
    others_are_out_of_date,
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.__name__)
async def test_keys_that_stay_come(trouble: Trouble) -> None:
    """At least once, and nothing else does."""
    random.seed(5)
    cluster = FakeCluster(3, 1)
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        assert await scanned(client, cluster, trouble) == KEYS
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_a_migration_that_is_given_up() -> None:
    """Keys that were on another node and come back, behind the cursor, are looked for again."""
    cluster = FakeCluster()
    first, second, _ = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        for moved in sorted(first.database)[:10]:
            cluster.start_migration(cluster.slot_of(moved), second)
            cluster.migrate_key(moved)

        def give_up(cluster: FakeCluster, at: int) -> None:
            if at == 20:
                slots = cluster.slots_of(first)
                cluster.move(range(slots[0], slots[-1] + 1), first)

        assert await scanned(client, cluster, give_up) == KEYS


async def test_the_target_of_a_migration_fails_over() -> None:
    """Keys that were moved there are found on their new node."""
    cluster = FakeCluster(2, 1)
    last, target, _, heir = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        for moved in sorted(last.database)[-5:]:
            cluster.start_migration(cluster.slot_of(moved), target)
            cluster.migrate_key(moved)
        found: set[str] = set()
        here = len(last.database)
        with anyio.fail_after(20):
            async for key in client.scan_iter(count=5):
                if len(found) == here + 1 and not target.server.down:
                    cluster.fail(target)
                    cluster.promote(heir)
                found.add(key)
        assert found == KEYS


async def test_a_node_that_restarts_between_two_pages() -> None:
    """No request was in flight, but its cursor has no meaning any more: the pass begins again."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        keys = client.scan_iter(count=5)
        found = [await anext(keys) for _ in range(10)]
        nodes_restart(cluster, 10)
        await all_tasks_blocked()
        found += [key async for key in keys]
        assert set(found) == KEYS


async def test_a_page_that_is_cancelled() -> None:
    """The next item is that of the page which did not come."""
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        keys = client.scan_iter(count=5)
        found = [await anext(keys) for _ in range(5)]
        for node in cluster.nodes:
            node.server.hold()
        async with cancelled_once_blocked() as scope:
            found += [await anext(keys) for _ in range(10)]
        assert scope.cancelled_caught
        for node in cluster.nodes:
            node.server.release()
        found += [key async for key in keys]
        assert set(found) == KEYS


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node does not come back: its error is raised, and the scan can be continued later."""
    monkeypatch.setattr("anyredis.cluster.scanning.PATIENCE", 0.2)
    cluster = FakeCluster()
    async with cluster.client(decode_responses=True) as client:
        await filled(client)
        cluster.fail(cluster.nodes[1])
        found: set[str] = set()
        keys = client.scan_iter()

        async def scan() -> None:
            async for key in keys:
                found.add(key)

        with anyio.fail_after(10), pytest.raises(ConnectionError, match="fake:7001"):
            await scan()
        others = {key.decode() for node in (0, 2) for key in cluster.nodes[node].database}
        assert found == others, "the others come first"
        cluster.revive(cluster.nodes[1])
        found |= {key async for key in keys}
        assert found == KEYS


async def test_a_slot_that_no_node_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys cannot be listed: the error says which slot."""
    monkeypatch.setattr("anyredis.cluster.scanning.PATIENCE", 0.2)
    cluster = FakeCluster()
    cluster.unassign(FOO)
    async with cluster.client() as client:
        with anyio.fail_after(10), pytest.raises(ClusterDownError, match="serve slot 12182"):
            _ = [key async for key in client.scan_iter()]


async def test_a_slot_that_no_node_admits_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other nodes say that a node serves it, the node says that it does not: the error says so."""
    monkeypatch.setattr("anyredis.cluster.scanning.PATIENCE", 0.2)
    cluster = FakeCluster()
    async with cluster.client() as client:
        for node in cluster.nodes:
            node.sees(cluster.slots())
        cluster.unassign(FOO)
        with (
            anyio.fail_after(10),
            pytest.raises(ClusterDownError, match="fake:7002 does not serve"),
        ):
            _ = [key async for key in client.scan_iter()]


async def test_what_is_told_at_once() -> None:
    """A pool without a lease left, a wrong password, a verdict of the server."""
    cluster = FakeCluster()
    async with cluster.client(max_connections=1) as client:
        async with client.session("foo"):
            with anyio.fail_after(10), pytest.raises(MaxConnectionsError):
                await anext(client.scan_iter())
        for error in (AuthenticationError("NOAUTH who?"), from_server("NOPERM no")):
            for node in cluster.nodes:
                node.server.on("SCAN", error, times=1)
            with (
                anyio.fail_after(10),
                pytest.raises((AuthenticationError, NoPermissionError), match=str(error)),
            ):
                await anext(client.scan_iter())


async def test_outside_its_block() -> None:
    """A client that is not open says so."""
    cluster = FakeCluster()
    client = cluster.client()
    with pytest.raises(RuntimeError, match="async with client"):
        await anext(client.scan_iter())
    async with client:
        await client.set("foo", "v")
        keys = client.scan_iter()
    with pytest.raises(RuntimeError, match="async with client"):
        await anext(keys)


LINES = (
    "aa 10.0.0.1:7000@17000,node1 myself,master - 0 0 1 connected 0-2 5 [1->-bb] [9-<-cc]\n"
    "bb 10.0.0.2:7001@17001,node2 master - 0 0 2 connected 3-4\n"
    "cc :0@0 master,noaddr - 0 0 3 disconnected 9\n"
)


def test_the_account_of_a_node() -> None:
    """Its own slots, and those that it is giving away; others are not asked about theirs."""
    asked = TCPAddress("10.0.0.1", 7000)
    ownership = parse_slot_ownership(LINES.encode(), asked)
    assert ownership == SlotOwnership(frozenset({0, 1, 2, 5}), {1: TCPAddress("10.0.0.2", 7001)})
    named = parse_slot_ownership(LINES, TCPAddress("node1", 7000))
    assert named.moving == {1: TCPAddress("node2", 7001)}
    plain = LINES.replace(",node1", "").replace(",node2", "").replace("10.0.0.2", "::1")
    assert parse_slot_ownership(plain, asked).moving == {1: TCPAddress("::1", 7001)}


def test_the_account_of_a_node_behind_nat() -> None:
    """Both the node itself and the targets of its slots are meant by the addresses outside."""
    outside = {
        ("10.0.0.1", 7000): ("gate", 1),
        ("10.0.0.2", 7001): ("gate", 2),
        ("node1", 7000): ("named", 1),
        ("node2", 7001): ("named", 2),
    }
    for host in ("gate", "named"):
        ownership = parse_slot_ownership(LINES, TCPAddress(host, 1), outside.__getitem__)
        assert ownership.moving == {1: TCPAddress(host, 2)}


@pytest.mark.parametrize(
    "reply", ["", "aa h:1@1 master - 0 0 1 connected 0-5\n", LINES.replace("0-2", "x-y")]
)
def test_an_account_that_cannot_be_read(reply: str) -> None:
    """It breaks the protocol."""
    with pytest.raises(ProtocolError, match="CLUSTER NODES was expected"):
        parse_slot_ownership(reply.encode(), TCPAddress("h", 1))
