"""Pools: one command too many raises, or waits its turn."""

from __future__ import annotations

import anyio
import stage

import anyredis


async def main(url: str) -> None:
    """Ten commands at once, on pools of different sizes and manners."""
    async with anyredis.Redis.from_url(url, max_connections=2) as client:
        await client.set("fubar", 1)
        stage.show("strict pool of 2, ten GETs at once", await ten_gets(client))

    async with anyredis.Redis.from_url(url, max_connections=10) as client:
        stage.show("strict pool of 10, ten GETs at once", await ten_gets(client))

    async with anyredis.Redis.from_url(
        url, connection_pool_cls=anyredis.BlockingConnectionPool, max_connections=2
    ) as client:
        stage.show("blocking pool of 2, ten GETs at once", await ten_gets(client))
        async with anyredis.Redis.from_url(url) as observer:
            stage.show(
                "the same, ten BLPOPs, seen on the server", await ten_waits(client, observer)
            )


async def ten_gets(client: anyredis.Redis[bytes]) -> str:
    """How many of ten concurrent GETs were refused."""
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
    """How many of ten concurrent BLPOPs the server saw waiting at a time, at most."""
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
    stage.run(main)
