"""A cluster that speaks TLS only, as one of Redis 7.4."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal

from anyredis import ConnectionError, RedisCluster
from anyredis.server import Cluster
from tests.faults.load import SHARDS, load_on
from tests.faults.moves import NAME, counted, empty, move_by_hand, private_cluster
from tests.servers import Certificates, redis_tls_binary

MOVING = range(1000, 1200)


@pytest.fixture(scope="module")
def nodes(portal: BlockingPortal, certificates: Certificates) -> Iterator[Cluster]:
    """Three Redis 7.4 with a certificate, between themselves too."""
    files = certificates.server_files()
    with private_cluster(portal, redis_tls_binary(), tls=files) as cluster:
        yield cluster


async def test_slots_move_under_load(nodes: Cluster, certificates: Certificates) -> None:
    """G15: every node is reached over TLS with a certificate that was verified, redirections too."""
    empty(nodes)
    source, target, _ = nodes.primaries
    before = counted(nodes, "ASK"), counted(nodes, "MOVED")
    async with RedisCluster.from_url(
        nodes.url, decode_responses=True, client_name=NAME, ssl_ca_certs=str(certificates.ca)
    ) as client:
        async with load_on(client, (MOVING, *SHARDS[1:])) as load:
            await load.goes_on()
            await move_by_hand(nodes, MOVING, source, target)
            await load.goes_on()
            await move_by_hand(nodes, MOVING, target, source)
            await load.goes_on()
        assert load.errors == []
        await load.check()
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)
    assert counted(nodes, "ASK") > before[0]
    assert counted(nodes, "MOVED") > before[1]


async def test_an_untrusted_certificate(nodes: Cluster, certificates: Certificates) -> None:
    """G15: no node of the cluster gets a request; the error names each."""
    with pytest.raises(ConnectionError, match=r"certificate") as raised:
        async with RedisCluster.from_url(nodes.url, ssl_ca_certs=str(certificates.stranger_ca)):
            pytest.fail("no certificate was to be trusted")
    for server in nodes.servers:
        assert f"{server.host}:{server.port}" in str(raised.value)
