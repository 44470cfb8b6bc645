"""An inventory with optimistic locking: three customers buy at once, and nothing is sold twice."""

from __future__ import annotations

import sys

import anyio

import anyredis

STOCK = {"stock:apple": 5, "stock:pear": 2}


class SoldOutError(Exception):
    """There is not enough of something."""


async def buy(client: anyredis.Redis[str], customer: str, basket: dict[str, int]) -> int:
    """Take all of *basket* out of the stock, or nothing; the number of the order."""

    async def take(tx: anyredis.Transaction[str]) -> anyredis.Result[int]:
        # Read at once, while the server watches these keys ...
        left = dict(zip(basket, await tx.mget(*basket), strict=True))
        for item, count in basket.items():
            if int(left[item] or 0) < count:
                raise SoldOutError(item)
        # ... and write only if none of them has changed meanwhile; otherwise `take` runs again.
        async with tx.pipeline() as pipe:
            for item, count in basket.items():
                pipe.decrby(item, count)
            pipe.rpush("orders", customer)
            return pipe.incr("orders:number")

    return (await client.transaction(take, *basket)).value


async def shop(client: anyredis.Redis[str], customer: str) -> None:
    """Buy until something is sold out."""
    try:
        while True:
            await buy(client, customer, {"stock:apple": 1, "stock:pear": 1})
    except SoldOutError as error:
        print(f"{customer}: {error} is sold out")


async def main(url: str) -> None:
    """Three customers at once."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await client.mset(STOCK)
        async with anyio.create_task_group() as customers:
            for name in ("Ada", "Ben", "Cleo"):
                customers.start_soon(shop, client, name)
        print("left:", await client.mget(*STOCK), "orders:", await client.llen("orders"))


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
