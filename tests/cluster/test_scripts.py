"""Scripts and libraries on clusters: no node lacks them, whatever moves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import CrossSlotError, PartialFailureError, RedisCluster, Script
from anyredis.server import Cluster
from anyredis.testing import FakeCluster, FakeNode
from tests.client.scripted import ADD, LOOK, teach
from tests.client.test_libraries import Sums

ADDING, LOOKING = Script(ADD), Script(LOOK, read_only=True)
KEYS = [f"key:{number}" for number in range(30)]


def taught(replicas: int = 0) -> FakeCluster:
    """A fake cluster that runs the scripts."""
    cluster = FakeCluster(replicas=replicas)
    teach(cluster)
    return cluster


def counts(cluster: FakeCluster, name: str) -> list[int]:
    """The number of times that each node received the command *name*."""
    return [node.server.count(name) for node in cluster.nodes]


def others(cluster: FakeCluster, key: str) -> list[FakeNode]:
    """The nodes that do not serve *key*."""
    return [node for node in cluster.nodes if node is not cluster.node_of(key)]


def redirect(cluster: FakeCluster, key: str, *, asks: bool) -> None:
    """Let the next command on *key*, which is missing, be answered by ASK or by MOVED."""
    to, slot = others(cluster, key)[0], cluster.slot_of(key)
    if asks:
        cluster.start_migration(slot, to)
    else:
        cluster.move(slot, to)


async def test_each_node_gets_the_text_once() -> None:
    """The text goes to the node of the keys, when that node lacks it."""
    cluster = taught()
    async with cluster.client() as client:
        script = client.register_script(ADD)
        assert [await script(key, 1) for key in KEYS] == [1] * len(KEYS)
    assert counts(cluster, "EVAL") == [1, 1, 1]
    assert sum(counts(cluster, "EVALSHA")) == len(KEYS)


async def test_a_slot_that_moves() -> None:
    """The new node of a slot gets the text, after MOVED and after ASK; the script runs once."""
    cluster = taught()
    async with cluster.client() as client:
        script = client.register_script(ADD)
        assert await script("n", 1) == 1
        first, second, third = (cluster.node_of("n"), *others(cluster, "n"))
        cluster.move(cluster.slot_of("n"), second)
        assert await script("n", 1) == 2
        cluster.start_migration(cluster.slot_of("n"), third)
        cluster.migrate_key("n")
        assert await script("n", 1) == 3
        cluster.finish_migration(cluster.slot_of("n"))
        assert await client.get("n") == b"3"
    assert {node.server.count("EVAL") for node in (first, second, third)} <= {1, 2}


async def test_a_pipeline_over_all_nodes() -> None:
    """Each node gets each text once, in the same piece as its commands."""
    cluster = taught()
    async with cluster.client(decode_responses=True) as client:
        async with client.pipeline() as pipe:
            added = [pipe.script(ADDING, key, 1) for key in KEYS]
            looked = [pipe.script(LOOKING, key) for key in KEYS]
        assert [each.value for each in added] == [1] * len(KEYS)
        assert [each.value for each in looked] == ["1"] * len(KEYS)
    assert counts(cluster, "SCRIPT") == [2, 2, 2]
    assert counts(cluster, "EVAL") == [0, 0, 0]


@pytest.mark.parametrize("asks", [True, False], ids=["ask", "moved"])
async def test_a_pipeline_while_slots_move(asks: bool) -> None:
    """Redirected scripts are loaded at the node that they are redirected to; each runs once."""
    cluster = taught()
    async with cluster.client(decode_responses=True) as client:
        await client.get("n")
        redirect(cluster, "n", asks=asks)
        async with client.pipeline() as pipe:
            results = [pipe.script(ADDING, key, 1) for key in ("n", *KEYS, "n")]
        assert [each.value for each in results] == [1] * (len(KEYS) + 1) + [2]


@pytest.mark.parametrize("asks", [True, False], ids=["ask", "moved"])
async def test_a_transaction_while_slots_move(asks: bool) -> None:
    """A transaction takes the load with it."""
    cluster = taught()
    async with cluster.client(decode_responses=True) as client:
        await client.get("n")
        redirect(cluster, "n", asks=asks)
        async with client.pipeline(transaction=True) as pipe:
            results = [pipe.script(ADDING, "n", 1), pipe.incr("n"), pipe.script(LOOKING, "n")]
        assert [each.value for each in results] == [1, 2, "2"]


async def test_after_a_failover() -> None:
    """A replica that was promoted has no scripts of its primary: it gets the text, once."""
    cluster = taught(replicas=1)
    async with cluster.client() as client:
        script = client.register_script(ADD)
        assert await script("n", 1) == 1
        primary = cluster.node_of("n")
        replica = next(node for node in cluster.nodes if node.primary is primary)
        cluster.fail(primary)
        cluster.promote(replica)
        assert await client.get("n") == b"1"  # a read finds the new primary; a write may be lost
        assert await script("n", 1) == 2
        async with client.pipeline() as pipe:
            result = pipe.script(LOOKING, "n")
        assert result.value == b"2"
    assert replica.server.count("EVAL") == 1


async def test_keys_in_several_slots() -> None:
    """A script cannot be split: it is refused before anything is sent."""
    cluster = taught()
    async with cluster.client() as client:
        with pytest.raises(CrossSlotError, match="EVALSHA was not sent"):
            await client.register_script(ADD)(["a", "b"], [1])
    assert counts(cluster, "EVALSHA") == [0, 0, 0]


async def test_reading_from_replicas() -> None:
    """A script that only reads goes to replicas, of a client that reads from them, with its text."""
    cluster = taught(replicas=1)
    async with cluster.client(decode_responses=True, readonly=True) as client:
        await client.mset(dict.fromkeys(KEYS, "v"))
        script = client.register_script(LOOK, read_only=True)
        assert [await script(key) for key in KEYS] == ["v"] * len(KEYS)
        async with client.pipeline() as pipe:
            results = [pipe.script(LOOKING, key) for key in KEYS]
        assert [each.value for each in results] == ["v"] * len(KEYS)
        assert await client.register_script(ADD)("n", 1) == 1
    replicas = [node for node in cluster.nodes if node.primary is not None]
    assert sum(node.server.count("EVALSHA_RO") for node in replicas) > 0
    assert sum(node.server.count("EVAL") for node in replicas) == 0


async def test_a_library_on_all_primaries() -> None:
    """A node that lacks a function makes the library be loaded on all primaries; new nodes too."""
    cluster = taught(replicas=1)
    sums = Sums()
    async with cluster.client(decode_responses=True) as client:
        assert await sums.add(client, "n", 2) == 2
        assert counts(cluster, "FUNCTION") == [1, 1, 1, 0, 0, 0]
        fresh_node = cluster.add_node()
        cluster.move(cluster.slot_of("n"), fresh_node)
        assert await sums.add(client, "n", 3) == 5
        assert [len(await node.function_list()) for node in client.primaries()] == [1] * 4


async def test_a_library_and_replicas() -> None:
    """A replica that lacks a function makes its primaries load it; the call then goes to one.

    The replica gets the library from its primary only after a while.
    """
    cluster = taught(replicas=1)
    sums = Sums()
    for node in cluster.nodes:
        if node.primary is not None:
            node.server.memory.scripts.libraries = {}
    async with cluster.client(decode_responses=True, readonly=True) as client:
        await client.set("n", 7)
        values = [await sums.look(client, "n") for _ in range(12)]
        assert values == ["7"] * 12


# -- on real clusters ---------------------------------------------------------------------------


@pytest.fixture(params=["valkey_cluster", "redis8_cluster"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[RedisCluster[str]]:
    """A client of each cluster, whose nodes have no scripts and no libraries."""
    cluster: Cluster = request.getfixturevalue(request.param)
    (node, *_) = cluster.primaries
    async with RedisCluster(node.host, node.port, decode_responses=True) as client:
        await client.script_flush()
        await client.function_flush()
        yield client


@pytest.mark.server
async def test_commands_over_a_real_cluster(client: RedisCluster[str]) -> None:
    """Scripts and libraries are loaded, found and flushed on all nodes."""
    sha = await client.script_load(ADD)
    assert await client.script_exists(sha, "0" * 40) == [True, False]
    assert all([await node.script_exists(sha) == [True] for node in client.nodes()])
    assert [await client.evalsha(sha, 1, key, 1) for key in KEYS[:6]] == [1] * 6
    await client.node_for("n").script_flush()
    assert await client.script_exists(sha) == [False]
    with pytest.raises(PartialFailureError, match=r"everywhere .*NOTBUSY"):
        await client.script_kill()
    await Sums().load(client)
    assert [each.library_name for each in await client.function_list()] == ["sums"]
    payload = await client.function_dump()
    assert await client.function_delete("sums") is True
    assert await client.function_restore(payload) is True
    assert [len(await node.function_list()) for node in client.primaries()] == [1, 1, 1]


@pytest.mark.server
async def test_objects_on_a_real_cluster(client: RedisCluster[str]) -> None:
    """Scripts and functions run on nodes that lack them, one by one, in pipelines, in sessions."""
    script, sums = client.register_script(ADD), Sums()
    assert [await script(key, 1) for key in KEYS] == [1] * len(KEYS)
    await client.script_flush()
    async with client.pipeline() as pipe:
        results = [pipe.script(script, key, 1) for key in KEYS]
    assert [each.value for each in results] == [2] * len(KEYS)
    await client.script_flush()
    async with client.pipeline(transaction=True) as pipe:
        one, two = pipe.script(script, "n", 1), pipe.script(LOOKING, "n")
    assert (one.value, two.value) == (1, "1")
    await client.script_flush()
    async with client.session("n") as session:
        assert await script("n", 1, session) == 2
    assert [await sums.add(client, key, 1) for key in KEYS] == [3] * len(KEYS)
    assert await sums.look(client, "n") == "2"


@pytest.mark.server
async def test_replicas_of_a_real_cluster(valkey_cluster: Cluster) -> None:
    """A script that only reads runs on replicas that lack it."""
    (node, *_) = valkey_cluster.primaries
    async with RedisCluster(node.host, node.port, readonly=True) as client:
        await client.script_flush()
        script = client.register_script(LOOK, read_only=True)
        assert [await script(key) for key in KEYS] == [None] * len(KEYS)
        async with client.pipeline() as pipe:
            results = [pipe.script(script, key) for key in KEYS]
        assert [each.value for each in results] == [None] * len(KEYS)
