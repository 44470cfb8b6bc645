"""Nodes that call themselves by no name, by a host name, and by an IPv6 address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import RedisCluster
from anyredis.replies import array, record, word_or_none
from anyredis.server import Cluster
from anyredis.wire.decode import Reply
from tests.faults.load import SHARDS, load_on
from tests.faults.moves import NAME, counted, empty, line_to, move_by_hand, private_cluster
from tests.servers import ask, redis8_binary

PLAIN = {
    "cluster-announce-hostname": "",
    "cluster-announce-ip": "127.0.0.1",
    "cluster-preferred-endpoint-type": "ip",
}
MOVING = range(100, 132)


@dataclass(frozen=True)
class Naming:
    """The names that nodes are given, and the addresses that the client has to use."""

    settings: dict[str, str]
    said: str | None
    """The host in CLUSTER SLOTS."""
    meant: str
    """The host that the client, started with 127.0.0.1, has to use."""


NAMINGS = {
    "no-host": Naming({"cluster-preferred-endpoint-type": "unknown-endpoint"}, None, "127.0.0.1"),
    "hostname": Naming(
        {
            "cluster-announce-hostname": "localhost",
            "cluster-preferred-endpoint-type": "hostname",
        },
        "localhost",
        "localhost",
    ),
    "ipv6": Naming({"cluster-announce-ip": "::1"}, "::1", "::1"),
}


@pytest.fixture(scope="module")
def nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three Redis 8.2 that listen on both loopback addresses."""
    arguments = "--bind", "127.0.0.1", "::1"
    # They exchange their names twice in that timeout.
    with private_cluster(portal, redis8_binary(), *arguments, node_timeout=1.0) as cluster:
        yield cluster


async def called(cluster: Cluster, naming: Naming) -> None:
    """Have all nodes call each other so."""
    for server in cluster.servers:
        for name, value in {**PLAIN, **naming.settings}.items():
            assert ask(server, "CONFIG", "SET", name, value) == b"OK"
    wanted = {(naming.said, naming.settings.get("cluster-announce-ip", "127.0.0.1"))}
    with anyio.fail_after(15):
        for server in cluster.servers:
            async with line_to(server) as line:
                while names_in(await line.ask("CLUSTER", "SLOTS")) != wanted:
                    await anyio.sleep(0.01)


def names_in(reply: Reply) -> set[tuple[str | None, str | None]]:
    """The names of the primaries in CLUSTER SLOTS, and their IP addresses."""
    nodes = [array(array(entry)[2]) for entry in array(reply)]
    hosts = [word_or_none(node[0]) for node in nodes]
    addresses = [word_or_none(record(node[3]).get("ip")) for node in nodes]
    return {(host, ip or host) for host, ip in zip(hosts, addresses, strict=True)}


@pytest.mark.parametrize("naming", NAMINGS.values(), ids=[*NAMINGS])
async def test_nodes_are_found_by_what_they_say(nodes: Cluster, naming: Naming) -> None:
    """In CLUSTER SLOTS, in MOVED and in ASK: slots move under load, and no error is seen."""
    empty(nodes)
    await called(nodes, naming)
    source, target, _ = nodes.primaries
    before = counted(nodes, "ASK"), counted(nodes, "MOVED")
    async with RedisCluster(
        "127.0.0.1", nodes.port, decode_responses=True, client_name=NAME
    ) as client:
        async with load_on(client, (MOVING, *SHARDS[1:])) as load:
            await move_by_hand(nodes, MOVING, source, target)
            await load.goes_on()
            await move_by_hand(nodes, MOVING, target, source)
            await load.goes_on()
        assert load.errors == []
        await load.check()
        hosts = {endpoint.address.host for endpoint in client.connection_pool.primaries()}
        assert hosts == {naming.meant}
        assert await client.node((naming.meant, target.port)).ping()
    assert counted(nodes, "ASK") > before[0]
    assert counted(nodes, "MOVED") > before[1]
