"""Nodes to begin with that are not there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import anyio
import pytest

from anyredis import ConnectionError, Outcome, RedisCluster
from anyredis.cluster.nodes import topology
from anyredis.server import Cluster

HOST = "127.0.0.1"


@pytest.fixture
def dead() -> Iterator[list[tuple[str, int]]]:
    """Four addresses without a listener, now and later: the ports are reserved."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(4)]
        for each in sockets:
            each.bind((HOST, 0))
        yield [each.getsockname() for each in sockets]


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address at which connections are taken, and nothing is answered."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()


@pytest.fixture
def never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for a node that does not answer is longer than a test may take."""
    monkeypatch.setattr(topology, "DEADLINE", 1000.0)


async def test_all_seeds_are_down(dead: list[tuple[str, int]]) -> None:
    """One error names each seed; nothing was sent."""
    with pytest.raises(ConnectionError) as raised:
        async with RedisCluster(startup_nodes=dead):
            pytest.fail("there is no cluster")
    assert type(raised.value) is ConnectionError
    assert raised.value.outcome is Outcome.NOT_SENT
    for _, port in dead:
        assert str(raised.value).count(f"cannot connect to {HOST}:{port}: ") == 1


async def test_some_seeds_are_down(
    valkey_cluster: Cluster, dead: list[tuple[str, int]], never_late: None
) -> None:
    """The one that is there is enough, and it is found at once."""
    alive = valkey_cluster.host, valkey_cluster.servers[-1].port
    async with RedisCluster(startup_nodes=[*dead, alive]) as client:
        assert await client.set("k", "v")
        assert await client.get("k") == b"v"


async def test_the_last_seed_is_the_one(
    valkey_cluster: Cluster, dead: list[tuple[str, int]], silent: tuple[str, int]
) -> None:
    """Seeds that are down and one that is silent go before it: that costs one deadline at most."""
    alive = valkey_cluster.host, valkey_cluster.port
    begin = anyio.current_time()
    async with RedisCluster(startup_nodes=[silent, *dead, alive]) as client:
        assert await client.set("k", "v")
    assert anyio.current_time() - begin < 2 * topology.DEADLINE


async def test_a_silent_seed_beside_one_that_answers(
    valkey_cluster: Cluster, silent: tuple[str, int], never_late: None
) -> None:
    """They are asked at the same time, so the silent one delays no request."""
    seeds = [silent, (valkey_cluster.host, valkey_cluster.port)]
    async with RedisCluster(startup_nodes=seeds) as client:
        assert await client.set("k", "v")
