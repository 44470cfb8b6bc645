"""Pools: a command beyond the limit raises, or waits."""

from __future__ import annotations

import anyio
import runner

import anyredis


async def main(url: str) -> None:
    """Ten commands at once, on pools of different sizes and kinds."""
    async with anyredis.Redis.from_url(url, max_connections=2) as client:
        await client.set("fubar", 1)
        runner.show("strict pool of 2, ten GETs at once", await ten_gets(client))

    async with anyredis.Redis.from_url(url, max_connections=10) as client:
        runner.show("strict pool of 10, ten GETs at once", await ten_gets(client))

    async with anyredis.Redis.from_url(
        url, connection_pool_cls=anyredis.BlockingConnectionPool, max_connections=2
    ) as client:
        runner.show("blocking pool of 2, ten GETs at once", await ten_gets(client))
        async with anyredis.Redis.from_url(url) as observer:
            runner.show(
                "the same, ten BLPOPs, seen on the server", await ten_waits(client, observer)
            )


async def ten_gets(client: anyredis.Redis[bytes]) -> str:
    """The number of ten concurrent GETs that were refused."""
    refused: list[anyredis.MaxConnectionsError] = []

    async def get() -> None:
        try:
            await client.get("fubar")
        except anyredis.MaxConnectionsError as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(get)
    return f"{len(refused)} raised MaxConnectionsError" if refused else "none raised"


async def ten_waits(client: anyredis.Redis[bytes], observer: anyredis.Redis[bytes]) -> str:
    """The most of ten concurrent BLPOPs that the server saw waiting at a time."""
    seen = 0

    async def look() -> None:
        nonlocal seen
        while True:
            waiting = [each for each in await observer.client_list() if "b" in each.flags]
            seen = max(seen, len(waiting))

    async def wait() -> None:
        await client.blpop("empty", timeout=0.1)

    async with anyio.create_task_group() as looking:
        looking.start_soon(look)
        async with anyio.create_task_group() as waiting:
            for _ in range(10):
                waiting.start_soon(wait)
        looking.cancel_scope.cancel()
    return f"none raised, at most {seen} at a time"


if __name__ == "__main__":
    runner.run(main)
