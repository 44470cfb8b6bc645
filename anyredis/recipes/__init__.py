"""Recipes on top of the clients: consumers of streams.

from anyredis import recipes

async with recipes.Consumer(client, "orders", group="billing", name="c1") as consumer:
    async for entry in consumer:
        ...
"""

from anyredis.recipes.consumer import Consumer
from anyredis.recipes.consumer_entry import ConsumerEntry, EntryIterator
from anyredis.recipes.stream_reader import ReaderEntry, StreamReader

__all__ = ["Consumer", "ConsumerEntry", "EntryIterator", "ReaderEntry", "StreamReader"]
