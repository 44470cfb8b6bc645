"""Gather: tasks made with asyncio's own tools."""

from __future__ import annotations

import asyncio

import runner

import anyredis


async def main(url: str) -> None:
    """Ten tasks on a pool of two, their results and errors collected by `asyncio.gather`."""
    async with anyredis.Redis.from_url(url, max_connections=2) as client:
        await client.set("fubar", 1)
        loop = asyncio.get_running_loop()
        outcomes = await asyncio.gather(
            *[loop.create_task(client.get("fubar")) for _ in range(10)],
            return_exceptions=True,
        )
        refused = [each for each in outcomes if isinstance(each, anyredis.MaxConnectionsError)]
        runner.show("ten GETs on a strict pool of 2", f"{len(refused)} raised MaxConnectionsError")
        runner.show("the others", [each for each in outcomes if each not in refused])


if __name__ == "__main__":
    runner.run(main, backends=("asyncio",))
