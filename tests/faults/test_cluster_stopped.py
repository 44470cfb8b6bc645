"""Nodes that are frozen: they keep their connections and say nothing."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest
from anyio.from_thread import BlockingPortal

from anyredis import Outcome, RedisCluster, TimeoutError
from anyredis.server import Cluster
from tests.faults.load import SHARDS, tags
from tests.faults.moves import NAME, empty, private_cluster
from tests.servers import valkey_binary

TIMEOUT = 2.0
KEYS = [f"{{{tags()[shard[0]]}}}:key" for shard in SHARDS]
"""A key of each primary."""


@pytest.fixture(scope="module")
def nodes(portal: BlockingPortal) -> Iterator[Cluster]:
    """Three primaries, of which none ever counts as failed."""
    with private_cluster(portal, valkey_binary(), node_timeout=60.0) as cluster:
        yield cluster


def client_of(cluster: Cluster) -> RedisCluster[str]:
    """A client that waits for a reply, and for a connection, for `TIMEOUT` seconds."""
    return RedisCluster(
        cluster.host,
        cluster.port,
        stream_timeout=TIMEOUT,
        connect_timeout=TIMEOUT,
        decode_responses=True,
        client_name=NAME,
    )


async def test_only_the_slots_of_a_stopped_node_are_slow(nodes: Cluster) -> None:
    """They time out, once; all others answer meanwhile, as if nothing was; afterwards all do."""
    empty(nodes)
    stopped = nodes.primaries[1]
    failures: list[TimeoutError] = []
    waiting = 32

    async def wait_for_the_stopped(client: RedisCluster[str]) -> None:
        nonlocal waiting
        try:
            await client.incr(KEYS[1])
        except TimeoutError as error:
            failures.append(error)
        waiting -= 1

    async with client_of(nodes) as client:
        for key in KEYS:
            await client.incr(key)
        stopped.pause()
        try:
            begin = anyio.current_time()
            served = 0
            async with anyio.create_task_group() as tasks:
                for _ in range(waiting):
                    tasks.start_soon(wait_for_the_stopped, client)
                while waiting:
                    await client.incr(KEYS[0])
                    assert await client.mget(KEYS[0], KEYS[2]) == [str(served + 2), "1"]
                    served += 1
            waited = anyio.current_time() - begin
        finally:
            stopped.resume()
        assert len(failures) == 32
        assert {error.outcome for error in failures} == {Outcome.UNKNOWN}
        assert TIMEOUT <= waited < 2 * TIMEOUT
        assert served > 20, "the others waited too"
        for key in KEYS:
            await client.incr(key)
        assert 2 <= int(await client.get(KEYS[1]) or 0) <= 2 + 32


async def test_a_stopped_node_is_given_up_by_all_who_come_later(nodes: Cluster) -> None:
    """While it stays frozen no caller waits longer than the timeout, and each outcome is clear.

    A command after the first timeout finds no connection, so it was not sent.
    """
    empty(nodes)
    stopped = nodes.primaries[1]
    async with client_of(nodes) as client:
        await client.get(KEYS[1])
        stopped.pause()
        try:
            with pytest.raises(TimeoutError):
                await client.incr(KEYS[1])
            begin = anyio.current_time()
            with pytest.raises(TimeoutError) as later:
                await client.incr(KEYS[1])
            assert anyio.current_time() - begin < 2 * TIMEOUT
            assert later.value.outcome is Outcome.NOT_SENT
        finally:
            stopped.resume()
        assert await client.incr(KEYS[1]) <= 2


async def test_a_refresh_that_fails_fails_no_command(nodes: Cluster) -> None:
    """G14: no node gives its slot map; the user's block continues, and the client recovers."""
    went_on = False
    async with client_of(nodes) as client:
        await client.get(KEYS[0])
        for server in nodes.servers:
            server.pause()
        try:
            error = await client.connection_pool.topology.wait_refreshed()
            assert error is not None
            assert all(str(server.port) in str(error) for server in nodes.servers)
            await anyio.lowlevel.checkpoint()
            went_on = True
        finally:
            for server in nodes.servers:
                server.resume()
        for key in KEYS:
            assert await client.set(key, "v")
    assert went_on


async def test_one_node_is_enough_for_a_refresh(nodes: Cluster) -> None:
    """All others are frozen: the slot map is loaded all the same, and commands for it run."""
    async with client_of(nodes) as client:
        for key in KEYS:
            await client.set(key, "v")
        for server in nodes.servers[1:]:
            server.pause()
        try:
            assert await client.connection_pool.topology.wait_refreshed() is None
            assert await client.get(KEYS[0]) == "v"
        finally:
            for server in nodes.servers[1:]:
                server.resume()
        assert await client.mget(*KEYS) == ["v"] * 3
