"""What the namespace of time series gives: for checkers, as in `test_types`."""

from __future__ import annotations

from typing import assert_type

from anyredis import Redis, RedisCluster, Result
from anyredis.client.pipeline import Pipeline
from anyredis.timeseries import LatestSample, Samples, SeriesGroup, SeriesInfo, SeriesRange


async def on_clients(client: Redis[str], cluster: RedisCluster[bytes]) -> None:
    """Text is as the client decodes."""
    assert_type(await client.ts.add("k", "*", 1), int)
    assert_type(await client.ts.madd([("k", 1, 1.5)]), list[int])
    assert_type(await client.ts.get("k"), tuple[int, float] | None)
    assert_type(await client.ts.range("k", "-", "+"), Samples)
    assert_type(await client.ts.mget("a=1"), dict[str, LatestSample[str]])
    assert_type(await cluster.ts.mrange("-", "+", "a=1"), dict[bytes, SeriesRange[bytes]])
    assert_type(
        await client.ts.mrange_groups("-", "+", "a=1", "a", "max"), dict[str, SeriesGroup[str]]
    )
    assert_type(await cluster.ts.queryindex("a=1"), list[bytes])
    assert_type(await cluster.ts.info("k"), SeriesInfo[bytes])
    for time, value in await client.ts.revrange("k", "-", "+"):
        assert_type(time, int)
        assert_type(value, float)


def in_a_pipeline(pipe: Pipeline[str]) -> None:
    """A call gives a result."""
    assert_type(pipe.ts.range("k", "-", "+"), Result[Samples])
    assert_type(pipe.ts.create("k"), Result[bool])


def test_these_functions_are_checked() -> None:
    """A checker has read them: `nox -s types`."""
    assert callable(on_clients)
    assert callable(in_a_pipeline)
