"""What type checkers infer for the recipes: each `assert_type` is proved by mypy and pyright."""

from __future__ import annotations

from typing import assert_type

from anyredis import Redis, RedisCluster
from anyredis.recipes import Consumer, ConsumerEntry, ReaderEntry, StreamReader


async def entries_of(consumer: Consumer[str], reader: StreamReader[bytes]) -> None:
    """The entries of each are typed by its client."""
    async for entry in consumer:
        assert_type(entry, ConsumerEntry[str])
        assert_type(entry.stream, str)
        assert_type(entry.fields, dict[str, str])
        assert_type(entry.deliveries, int)
        assert_type(entry.id, str)
        async with entry as same:
            assert_type(same, ConsumerEntry[str])
        assert_type(await entry.ack(), None)
    async for read in reader:
        assert_type(read, ReaderEntry[bytes])
    assert_type(reader.position, dict[bytes, str])


def test_a_consumer_is_of_bytes_or_of_text() -> None:
    """It is what its client is, of one server or of a cluster."""
    assert_type(Consumer(Redis(), "s", group="g", name="c"), Consumer[bytes])
    text = RedisCluster("h", decode_responses=True)
    assert_type(Consumer(text, ["s", b"t"], group="g", name="c"), Consumer[str])
    assert_type(StreamReader(text, "s", start={"s": "0"}), StreamReader[str])
