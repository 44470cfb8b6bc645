"""Operations of consumers of streams in several slots of a cluster."""

from __future__ import annotations

from typing import Final

from anyredis.recipes import Consumer, StreamReader
from anyredis.testing import Answer, FakeNode, StreamData
from tests.contract.cluster_harness import FakeBench
from tests.contract.harness import Operation
from tests.contract.resettable_cluster import key_on
from tests.contract.steps import Ended

STREAMS: Final = [key_on(0, b"s"), key_on(1, b"s")]
"""A stream on each of two primaries."""

COUNT = 2
"""Entries of each."""

BEGUN: list[tuple[bytes, str]] = []
"""The entries that the operation which runs now was given."""


def _run(node: FakeNode, *words: bytes) -> Answer:
    memory = node.server.memory
    return memory.run(memory.new_client(), words)


def _fill(bench: FakeBench) -> None:
    BEGUN.clear()
    for number, stream in enumerate(STREAMS):
        for entry in range(1, COUNT + 1):
            _run(bench.fake.primaries[number], b"XADD", stream, b"%d-0" % entry, b"f", b"v")


def _move_while_it_reads(bench: FakeBench) -> None:
    """The first stream moves to the third primary once an entry of it was handed out."""
    if BEGUN and not bench.pushed:
        bench.pushed = True
        bench.fake.move(STREAMS[0], bench.fake.primaries[2])


async def _consume(bench: FakeBench) -> None:
    consumer = Consumer(bench.client, STREAMS, group="g", name="c", prefetch=2)
    async with consumer as entries:
        async for entry in entries:
            BEGUN.append((entry.stream, entry.id))
            if len(set(BEGUN)) == COUNT * len(STREAMS):
                await entry.ack()
                break


async def _follow(bench: FakeBench) -> None:
    async with StreamReader(bench.client, STREAMS, start="0", prefetch=2) as reader:
        async for entry in reader:
            BEGUN.append((entry.stream, entry.id))
            if len(BEGUN) == COUNT * len(STREAMS):
                break


def _stream(bench: FakeBench, stream: bytes) -> StreamData:
    databases = (node.database for node in bench.fake.nodes if node.primary is None)
    [found] = [each for each in (database.stream_of(stream) for database in databases) if each]
    return found


def _none_lost(bench: FakeBench, ended: Ended) -> None:
    for stream in STREAMS:
        data = _stream(bench, stream)
        group = data.groups.get(b"g")
        if group is None:
            continue
        delivered = {key for key in data.entries if key <= group.last_delivered}
        done = {(stream, key.encoded().decode()) for key in delivered - group.pending.keys()}
        assert done <= set(BEGUN)
        if ended.completed:
            assert len(done) == COUNT


def _all_once(bench: FakeBench, ended: Ended) -> None:
    assert len(set(BEGUN)) == len(BEGUN)
    assert not ended.completed or len(BEGUN) == COUNT * len(STREAMS)


ALL = [
    Operation("consumer of two slots", _consume, _none_lost, prepare=_fill),
    Operation(
        "consumer, a slot moves", _consume, _none_lost, prepare=_fill, during=_move_while_it_reads
    ),
    Operation("reader of two slots", _follow, _all_once, prepare=_fill),
]
