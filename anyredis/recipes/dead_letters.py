"""Entries that were delivered too often: they go to another stream, with their origin.

Law: an entry is added to the dead-letter stream before it is acknowledged; in one transaction, if
both streams are on one server or in one slot.  So none is lost, and without the transaction a lost
connection may add one twice.
"""

from __future__ import annotations

from anyredis.cluster.redis_cluster import RedisCluster
from anyredis.recipes.consumer_settings import ConsumerSettings
from anyredis.replies import S
from anyredis.stream_entries import StreamEntry
from anyredis.wire.encode import Key, Value


def is_dead(settings: ConsumerSettings[S], deliveries: int) -> bool:
    """Whether an entry that is delivered for that many times goes to the dead-letter stream."""
    return settings.max_deliveries is not None and deliveries > settings.max_deliveries


async def bury(
    settings: ConsumerSettings[S], stream: Key, entry: StreamEntry[S], deliveries: int
) -> None:
    """Move *entry*, which *deliveries* attempts did not acknowledge, to the dead-letter stream."""
    client, target = settings.client, settings.dead_letter
    assert target is not None  # noqa: S101 - `is_dead` says so
    fields: list[tuple[Key, Value]] = [
        *entry.pairs,
        ("dead-letter-stream", stream),
        ("dead-letter-group", settings.group),
        ("dead-letter-id", entry.id),
        ("dead-letter-deliveries", deliveries),
    ]
    if isinstance(client, RedisCluster) and client.slot_of(stream) != client.slot_of(target):
        await client.xadd(target, fields)
        await client.xack(stream, settings.group, entry.id)
        return
    async with client.pipeline(transaction=True) as pipe:
        pipe.xadd(target, fields)
        pipe.xack(stream, settings.group, entry.id)
