"""Publishing and reports of subscriptions on real servers, and over the nodes of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anyredis import Redis, RedisCluster
from anyredis.server import Cluster, Server


@pytest.fixture(params=["valkey", "redis8"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Redis[str]]:
    """A client that decodes, of each server."""
    server: Server = request.getfixturevalue(request.param)
    async with Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


async def test_publish_and_spublish(client: Redis[str]) -> None:
    """The subscribers that get a message are counted, those by a pattern too."""
    assert await client.publish("news", "nobody") == await client.spublish("s", "nobody") == 0
    async with client.subscribe("news", patterns="ne*", shard_channels="s") as messages:
        assert await client.publish("news", "one") == 2
        assert await client.spublish("s", "two") == 1
        assert {(await anext(messages))["data"] for _ in range(3)} == {"one", "two"}


async def test_reports(client: Redis[str]) -> None:
    """Channels, sharded channels and patterns are reported separately."""
    async with client.subscribe("news", "sport", patterns=["n*", "o*"], shard_channels="s"):
        assert sorted(await client.pubsub_channels()) == ["news", "sport"]
        assert await client.pubsub_channels("n*") == ["news"]
        assert await client.pubsub_shardchannels() == ["s"]
        assert await client.pubsub_numpat() == 2
        assert await client.pubsub_numsub("news", "other") == [("news", 1), ("other", 0)]
        assert await client.pubsub_numsub() == []
        assert await client.pubsub_shardnumsub("s", "news") == [("s", 1), ("news", 0)]


@pytest.mark.parametrize("protocol", [2, 3])
async def test_reports_of_a_cluster(valkey_cluster: Cluster, protocol: int) -> None:
    """Names come once, and numbers are added up, whatever node the subscribers are at."""
    seeds = [(server.host, server.port) for server in valkey_cluster.servers]
    async with RedisCluster(
        startup_nodes=seeds, decode_responses=True, protocol=protocol
    ) as client:
        one, two, *_ = client.primaries()
        async with one.subscribe("c", "a", patterns="p*"), two.subscribe("c", patterns="p*"):
            assert sorted(await client.pubsub_channels()) == ["a", "c"]
            assert await client.pubsub_numsub("c", "a", "b") == [("c", 2), ("a", 1), ("b", 0)]
            assert await client.pubsub_numpat() == 2
            assert await client.pubsub_shardchannels() == []
            assert await client.pubsub_shardnumsub("c") == [("c", 0)]
