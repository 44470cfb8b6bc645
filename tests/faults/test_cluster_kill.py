"""A primary dies by kill -9 under load: the possible losses, and the time until all is well.

Replication is asynchronous: a server acknowledges a write before its replica has it.  So writes
that the dead primary acknowledged and had not replicated are lost with it, and no others.  These
writes may not be lost, and are compared here with the data of the new primary:

- all writes that any other primary acknowledged;
- all writes that the dead one acknowledged before the moment up to which its replica confirmed to
  have all (the replica's offset reached the primary's of a moment after those acknowledgements);
- all writes begun after the death, and so acknowledged by the replica as the new primary.

In any case no write is there that the client reported as not run, and none twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import RedisCluster
from anyredis.server import Cluster
from tests.faults.load import HONEST, SHARDS, Write, load_on, tags
from tests.faults.moves import NAME, empty, private_cluster, replicated
from tests.servers import redis8_binary, valkey_binary

pytestmark = pytest.mark.server

AREAS = (SHARDS[0][:2000], SHARDS[0][2000:], *SHARDS[1:])

WITHIN = 5.0
"""Seconds after which all slots serve again, once the cluster says that it is well."""

CAPACITY = 1000


@pytest.fixture(scope="module")
def valkey_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Valkey 9.1 with a replica each, which count as failed after half a second."""
    with private_cluster(portal, valkey_binary(), replicas=1, node_timeout=0.5) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def redis8_nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Redis 8.2 with a replica each, which count as failed after half a second."""
    with private_cluster(portal, redis8_binary(), replicas=1, node_timeout=0.5) as cluster:
        yield cluster


@pytest.fixture(params=["valkey_nodes", "redis8_nodes"])
def nodes(request: pytest.FixtureRequest) -> Cluster:
    """A cluster of either kind, empty."""
    cluster: Cluster = request.getfixturevalue(request.param)
    empty(cluster)
    return cluster


async def all_serve(client: RedisCluster[str]) -> float:
    """Seconds that a write to every slot of the cluster takes, each of which has to succeed."""
    begin = anyio.current_time()
    async with client.pipeline() as pipe:
        for tag in tags():
            pipe.set(f"{{{tag}}}:served", 1, px=60_000)
    return anyio.current_time() - begin


async def test_kill_a_primary_under_load(nodes: Cluster) -> None:
    """G5, G11: what has to survive is there, nothing ran twice, and soon all slots serve again.

    A write to every slot, begun once the cluster reports to be well, takes at most few seconds
    longer than before the fault, so that the speed of the machine does not matter.
    """
    victim = await nodes.primary_for(SHARDS[0][0])
    async with RedisCluster(
        nodes.host,
        nodes.port,
        startup_nodes=[(server.host, server.port) for server in nodes.servers],
        max_connections=CAPACITY,
        decode_responses=True,
        client_name=NAME,
    ) as client:
        async with load_on(client, AREAS, unsafe=SHARDS[0]) as load:
            usual = await all_serve(client)
            await load.goes_on()
            confirmed = await replicated(victim)
            await load.goes_on()
            await victim.kill()
            dead = anyio.current_time()
            await nodes.wait_until_ok()
            assert await all_serve(client) < usual + WITHIN
            await load.goes_on(2)

        def surely(slot: int, write: Write) -> bool:
            return slot not in SHARDS[0] or write.ended < confirmed or write.began > dead

        await load.check(surely)
        assert await nodes.primary_for(SHARDS[0][0]) is not victim
        assert all(isinstance(error, HONEST) for error in load.errors), load.kinds
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (CAPACITY, 0, 0)
    await victim.start()
    await nodes.wait_until_ok()
