"""A product catalogue of JSON documents, which msgspec reads: full-text search with facets."""

from __future__ import annotations

import sys

import anyio
import msgspec

import anyredis
from anyredis import search as find
from anyredis.json import msgspec_codec
from anyredis.search import NumericField, Query, Reducer, TagField, TextField


class Product(msgspec.Struct):
    """One document."""

    name: str
    kind: str
    colours: list[str]
    price: float


NAME, KIND = TextField("$.name", as_name="name"), TagField("$.kind", as_name="kind")
COLOUR, PRICE = TagField("$.colours[*]", as_name="colour"), NumericField("$.price", as_name="price")
PRODUCTS = [
    Product("Desk lamp, slim", "lamp", ["red"], 19.5), Product("Floor lamp", "lamp", ["blue"], 75),
    Product("Reading lamp, desk", "lamp", ["black"], 42), Product("Sofa", "chair", ["red"], 700),
    Product("Standing desk", "table", ["black"], 310), Product("Desk chair", "chair", ["blue"], 120),
]  # fmt: skip


async def show(client: anyredis.Redis[str], typed: str, chosen: Query = find.EVERYTHING) -> None:
    """The products for what a user typed, within the facets that are *chosen*."""
    query = find.text("name", typed) & chosen
    found = await client.ft.search_as("goods", query, type=Product, sortby="price", limit=(0, 10))
    print(f"{found.total} for {query}:", *(f"{each.fields.name};" for each in found))
    for facet in ("kind", "colour"):
        counts = find.group_by(facet, Reducer.count("n"), Reducer.min("price", "from"))
        order = find.sort_by(find.desc("n"), facet)
        rows = await client.ft.aggregate("goods", query, counts, order)
        print(f"  {facet}:", *(f"{row[facet]} ({row['n']}, from {row['from']})" for row in rows))


async def main(url: str) -> None:
    """Everything about desks, then what costs less than 100 and is red or black."""
    codec, cheap = msgspec_codec(), find.number("price", below=100)
    async with anyredis.Redis.from_url(url, decode_responses=True, json_codec=codec) as client:
        await client.ft.create("goods", [NAME, KIND, COLOUR, PRICE], on="JSON", prefix="goods:")
        await client.json.mset([(f"goods:{each.name}", "$", each) for each in PRODUCTS])
        await show(client, "desk")
        await show(client, "desk", cheap & find.tag("colour", "red", "black"))
        await client.ft.dropindex("goods", dd=True)


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
