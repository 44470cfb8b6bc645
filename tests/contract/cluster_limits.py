"""What the tests of the limits of cluster pools share: keys, slow nodes, counts of sockets and leases."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from anyredis import ClusterConnectionPool, MaxConnectionsError, RedisCluster
from anyredis.testing import NOTHING, Answer, FakeCluster, FakeNode, FakePeer, Words
from tests.contract.clients_and_taps import control_sockets

KEYS = {0: "bar", 1: "eggs", 2: "foo"}
"""A key of each of three primaries that share the slots evenly."""


def sockets(cluster: FakeCluster, pool: ClusterConnectionPool) -> int:
    """The number of connections that the nodes see, except those of the control."""
    return sum(sockets_of(node, pool) for node in cluster.nodes)


def sockets_of(node: FakeNode, pool: ClusterConnectionPool) -> int:
    """The same for one node."""
    return len(node.server.peers) - control_sockets(pool, node.address)


def not_control(clients: list[dict[str, str]]) -> list[dict[str, str]]:
    """The *clients* of a real server except the control connections for the slot map."""
    return [client for client in clients if client["cmd"] != "cluster|slots"]


def assert_all_free(pool: ClusterConnectionPool) -> None:
    """G5, while no command runs: all leases are free, and there are not too many."""
    assert (pool.leased, pool.connecting, pool.free) == (0, 0, pool.capacity)
    assert all(limit.acquired == limit.waiting_for_connection == 0 for limit in pool.limits())
    assert all(not endpoint.server.allocator.multiplexed_waiters for endpoint in pool.endpoints())
    assert all(not endpoint.server.allocator.exclusive_waiters for endpoint in pool.endpoints())


def refusals(found: list[Any]) -> int:
    """The number of calls that were refused a lease; no other error occurred."""
    errors = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, MaxConnectionsError) for each in errors)
    return len(errors)


def gets(client: RedisCluster[Any], *keys: str) -> list[Callable[[], Awaitable[object]]]:
    """A GET of each of *keys*."""
    return [functools.partial(client.get, key) for key in keys]


class Slow:
    """Delays the replies to GET, and counts the commands that wait on each node."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.waiting: dict[FakeNode, list[FakePeer]] = {node: [] for node in cluster.nodes}
        for node in cluster.nodes:
            node.server.on("GET", functools.partial(self._take, node))

    def _take(self, node: FakeNode, peer: FakePeer, _words: Words) -> Answer:
        self.waiting[node].append(peer)
        return NOTHING

    @property
    def counts(self) -> list[int]:
        """The number of commands that wait on each node."""
        return [len(peers) for peers in self.waiting.values()]

    def answer(self) -> None:
        """Answer the first command that waits on each node."""
        for peers in self.waiting.values():
            if peers:
                peers.pop(0).send(b"1")
