"""A product catalogue: full-text search with facets, a page of results, the price range of a kind.

It needs Redis 8 or Redis Stack.
"""

from __future__ import annotations

import sys

import anyio

import anyredis
from anyredis.search import EVERYTHING, Query, Reducer, desc, group_by, number, sort_by, tag, text

SCHEMA = ("name", "TEXT", "kind", "TAG", "colour", "TAG", "price", "NUMERIC", "SORTABLE")
PRODUCTS = [
    ("Desk lamp, slim", "lamp", "red", 19.5), ("Floor lamp", "lamp", "blue", 75),
    ("Reading lamp for the desk", "lamp", "black", 42), ("Standing desk", "table", "black", 310),
    ("Side table", "table", "red", 55), ("Desk chair", "chair", "blue", 120),
]  # fmt: skip


async def fill(client: anyredis.Redis[str]) -> None:
    """The index first: what is stored after it is found at once."""
    await client.execute_command("FT.CREATE", "goods", "PREFIX", 1, "goods:", "SCHEMA", *SCHEMA)
    async with client.pipeline(transaction=False) as pipe:
        for name, kind, colour, price in PRODUCTS:
            fields: dict[str, str | float] = {
                "name": name,
                "kind": kind,
                "colour": colour,
                "price": price,
            }
            pipe.hset(f"goods:{name}", mapping=fields)


async def show(client: anyredis.Redis[str], typed: str, chosen: Query = EVERYTHING) -> None:
    """The products for what a user typed, within the facets that are *chosen*."""
    query = text("name", typed) & chosen
    found = await client.ft.search("goods", query, sortby="price", limit=(0, 10))
    print(f"{found.total} for {query}:", *(f"{each.fields['name']};" for each in found))
    for facet in ("kind", "colour"):
        counts = group_by(facet, Reducer.count("n"), Reducer.min("price", "from"))
        rows = await client.ft.aggregate("goods", query, counts, sort_by(desc("n"), facet))
        print(f"  {facet}:", *(f"{row[facet]} ({row['n']}, from {row['from']})" for row in rows))


async def main(url: str) -> None:
    """Everything about desks, then what costs less than 100 and is red or black."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await fill(client)
        await show(client, "desk")
        await show(client, "desk", number("price", below=100) & tag("colour", "red", "black"))


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
