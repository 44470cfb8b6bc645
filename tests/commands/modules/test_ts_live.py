"""Time series on real servers: each method once, in both protocols; in a cluster."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from anyredis import Redis, RedisCluster
from anyredis.commands.modules.samples import Samples
from anyredis.commands.modules.series_info import SeriesRule
from anyredis.commands.modules.series_replies import LatestSample, SeriesGroup, SeriesRange
from anyredis.exceptions import CrossSlotError, ProtocolError, ResponseError
from anyredis.server import Cluster, Server

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(params=[2, 3])
async def client(request: pytest.FixtureRequest, redis_stack: Server) -> AsyncIterator[Redis[str]]:
    """A client that decodes, in each protocol."""
    protocol: Literal[2, 3] = request.param
    async with Redis(
        redis_stack.host, redis_stack.port, protocol=protocol, decode_responses=True
    ) as client:
        yield client


async def test_writing(client: Redis[str]) -> None:
    """Samples are added one by one and together, raised, lowered and deleted."""
    assert await client.ts.create("a", retention=0, labels={"room": "hall"}) is True
    with pytest.raises(ResponseError, match="exists"):
        await client.ts.create("a")
    moment = datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.UTC)
    assert await client.ts.add("a", moment, 1.5) == 1000
    with pytest.raises(ResponseError):
        await client.ts.add("a", 1000, 2)
    assert await client.ts.add("a", 1000, 2, on_duplicate="sum") == 1000
    assert await client.ts.get("a") == (1000, 3.5)
    assert await client.ts.add("now", "*", 1, labels={"room": "hall"}) > 10**12
    assert await client.ts.madd([("a", 2000, 1), ("now", 10**13, 2)]) == [2000, 10**13]
    with pytest.raises(ResponseError, match=r"samples\[1\]: .* \(1 of 2 samples were added\)"):
        await client.ts.madd([("a", 3000, 3), ("a", 3000, 4)])
    assert await client.ts.incrby("a", 2, 4000) == 4000
    assert await client.ts.decrby("a", 1, 5000) == 5000
    assert await client.ts.range("a", "-", "+") == [
        *((1000, 3.5), (2000, 1), (3000, 3)),
        *((4000, 5), (5000, 4)),
    ]
    assert await client.ts.delete("a", 2000, 4000) == 3
    assert await client.ts.alter("a", labels={"room": "attic"}, duplicate_policy="last") is True
    info = await client.ts.info("a")
    assert (info.total_samples, info.labels, info.duplicate_policy) == (
        2,
        {"room": "attic"},
        "last",
    )
    async with client.pipeline() as pipe:
        last = pipe.ts.get("a")
    assert last.value == (5000, 4)


async def test_ranges(client: Redis[str]) -> None:
    """Samples of one series, of all that filters select, and of groups."""
    for key, room in (("a", "hall"), ("b", "hall"), ("c", "attic")):
        await client.ts.create(key, labels={"room": room, "kind": "t"})
    await client.ts.create("empty", labels={"room": "cellar", "kind": "u"})
    await client.ts.madd([(key, at * 1000, at) for key in "abc" for at in range(4)])
    samples = [(0, 0.0), (1000, 1.0), (2000, 2.0), (3000, 3.0)]
    assert await client.ts.range("a", "-", "+") == samples
    assert await client.ts.revrange("a", 0, 2000, count=2) == [(2000, 2.0), (1000, 1.0)]
    assert await client.ts.range("a", 0, "+", None, "sum", 2 * SECOND) == [(0, 1.0), (2000, 5.0)]
    assert await client.ts.range(
        "a", 0, "+", filter_by_ts=[1000, 5], filter_by_min_value=1, filter_by_max_value=1
    ) == [(1000, 1.0)]
    assert await client.ts.range(
        "a", 1000, "+", aggregator="max", bucket_duration=2000, align=1000, bucket_timestamp="end"
    ) == [(3000, 2.0), (5000, 3.0)]
    assert await client.ts.get("empty") is None

    assert await client.ts.mget("room=hall") == {
        "a": LatestSample({}, (3000, 3.0)),
        "b": LatestSample({}, (3000, 3.0)),
    }
    cellar = await client.ts.mget(["kind=u"], select_labels=["room", "floor"])
    assert cellar == {"empty": LatestSample({"room": "cellar", "floor": None}, None)}
    found = await client.ts.mrange(0, 1000, ["kind=t", "room!=attic"], with_labels=True)
    labels = {"room": "hall", "kind": "t"}
    assert found["a"] == SeriesRange({**labels}, Samples(samples[:2]))
    assert [*found] == ["a", "b"]
    latest = await client.ts.mrevrange("-", "+", "kind=t", 1, select_labels=["room"])
    assert latest["c"] == SeriesRange({"room": "attic"}, Samples(samples[-1:]))
    groups = await client.ts.mrange_groups("-", "+", "kind=t", "room", "sum")
    assert groups["room=hall"] == SeriesGroup(
        "room", "hall", Samples((t, 2 * v) for t, v in samples)
    )
    groups = await client.ts.mrevrange_groups("-", "+", "kind=t", "room", "max", 1)
    assert groups["room=attic"].samples == [(3000, 3.0)]
    assert sorted(await client.ts.queryindex("kind=t")) == ["a", "b", "c"]


async def test_rules(client: Redis[str]) -> None:
    """A rule makes a sample of each bucket, the unfinished one on demand."""
    await client.ts.create("raw")
    await client.ts.create("mean")
    assert await client.ts.createrule("raw", "mean", "avg", SECOND, 0) is True
    assert (await client.ts.info("raw")).rules == {"mean": SeriesRule(1000, "avg", 0)}
    assert (await client.ts.info("mean")).source_key == "raw"
    await client.ts.madd([("raw", 0, 1), ("raw", 500, 3), ("raw", 1000, 8)])
    assert await client.ts.range("mean", "-", "+") == [(0, 2.0)]
    assert await client.ts.range("mean", "-", "+", latest=True) == [(0, 2.0), (1000, 8.0)]
    assert await client.ts.get("mean", latest=True) == (1000, 8.0)
    assert await client.ts.deleterule("raw", "mean") is True
    assert (await client.ts.info("raw")).rules == {}


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_cluster(redis_stack_cluster: Cluster, protocol: Literal[2, 3]) -> None:
    """What labels select is asked of all primaries; a group has to be on one of them."""
    server = redis_stack_cluster.primaries[0]
    async with RedisCluster(
        server.host, server.port, protocol=protocol, decode_responses=True
    ) as client:
        keys = [f"k{number}" for number in range(12)]
        for key in keys:
            await client.ts.create(key, labels={"all": "1", "key": key})
            await client.ts.add(key, 1000, 1)
        assert sorted(await client.ts.queryindex("all=1")) == sorted(keys)
        assert (await client.ts.mget("all=1")).keys() == {*keys}
        assert (await client.ts.mrange("-", "+", "all=1")).keys() == {*keys}
        assert (await client.ts.mrevrange("-", "+", "all=1")).keys() == {*keys}
        by_key = await client.ts.mrange_groups("-", "+", "all=1", "key", "max")
        assert by_key["key=k7"].samples == [(1000, 1.0)]
        await client.ts.add("k0", 2000, 5)
        with pytest.raises(ProtocolError, match="several nodes have parts of it"):
            await client.ts.mrange_groups("-", "+", "all=1", "all", "max")
        with pytest.raises(CrossSlotError):
            await client.ts.madd([("k0", 3000, 1), ("k1", 3000, 1)])
