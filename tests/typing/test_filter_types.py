"""What the namespaces of filters and sketches give: for checkers, as in `test_types`."""

from __future__ import annotations

from typing import assert_type

from anyredis import Redis, RedisCluster, Result
from anyredis.client.modules.filter_dumps import DumpIterator
from anyredis.client.pipeline import Pipeline
from anyredis.commands.modules.bf import BloomFilterInfo
from anyredis.commands.modules.cf import CuckooFilterInfo
from anyredis.commands.modules.cms import CountMinSketchInfo
from anyredis.commands.modules.tdigest import TDigestInfo
from anyredis.commands.modules.topk import TopKInfo


async def on_clients(client: Redis[str], cluster: RedisCluster[bytes]) -> None:
    """Text is as the client decodes."""
    assert_type(await client.bf.add("k", "a"), bool)
    assert_type(await client.bf.madd("k", "a"), list[bool])
    assert_type(await client.bf.info("k"), BloomFilterInfo)
    assert_type(await client.bf.scandump("k", 0), tuple[int, bytes])
    assert_type(client.bf.scandump_iter("k"), DumpIterator)
    assert_type(await client.bf.loadchunks("k", []), int)
    assert_type(await cluster.cf.insert("k", "a"), list[bool])
    assert_type(await cluster.cf.insertnx("k", "a"), list[int])
    assert_type(await cluster.cf.info("k"), CuckooFilterInfo)
    assert_type(await client.cms.query("k", "a"), list[int])
    assert_type(await client.cms.info("k"), CountMinSketchInfo)
    assert_type(await client.topk.add("k", "a"), list[str | None])
    assert_type(await cluster.topk.list("k"), list[bytes])
    assert_type(await client.topk.list_with_counts("k"), list[tuple[str, int]])
    assert_type(await client.topk.info("k"), TopKInfo)
    assert_type(await client.tdigest.min("k"), float)
    assert_type(await client.tdigest.quantile("k", 0.5), list[float])
    assert_type(await client.tdigest.rank("k", 5), list[int])
    assert_type(await client.tdigest.info("k"), TDigestInfo)
    async with client.session() as session:
        assert_type(await session.topk.list("k"), list[str])


def in_a_pipeline(pipe: Pipeline[str]) -> None:
    """A call gives a result."""
    assert_type(pipe.bf.add("k", "a"), Result[bool])
    assert_type(pipe.topk.add("k", "a"), Result[list[str | None]])
    assert_type(pipe.tdigest.cdf("k", 1), Result[list[float]])


def test_these_functions_are_checked() -> None:
    """A checker has read them: `nox -s types`."""
    assert callable(on_clients)
    assert callable(in_a_pipeline)
