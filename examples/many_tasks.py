"""Many tasks: 20,000 GETs by 64 tasks, over one multiplexed connection."""

from __future__ import annotations

import anyio
import runner

import anyredis

TASKS = 64
GETS = 20_000


async def main(url: str) -> None:
    """Let all tasks read as fast as they can, and show the rate."""
    async with anyredis.Redis.from_url(url, client_name="many-tasks") as client:
        await client.set("fubar", "x" * 32)
        work = iter(range(GETS))

        async def worker() -> None:
            for _ in work:
                await client.get("fubar")

        started = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for _ in range(TASKS):
                tasks.start_soon(worker)
        seconds = anyio.current_time() - started

        runner.show(f"{GETS:,} GETs by {TASKS} tasks", f"{seconds:.2f} s")
        runner.show("that is", f"{GETS / seconds:,.0f} GETs a second")
        named = [each for each in await client.client_list() if each.name == "many-tasks"]
        runner.show("connections that it took", len(named))


if __name__ == "__main__":
    runner.run(main)
