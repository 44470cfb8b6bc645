"""A job queue: three workers share the jobs; one is killed, and the others do what it left."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from functools import partial

import anyio

import anyredis
from anyredis import recipes

JOBS = 90


async def work(url: str, name: str) -> None:
    """Do jobs until this process is killed."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        # What a dead worker left goes to another one after half a second.
        jobs = recipes.Consumer(client, "jobs", group="work", name=name, claim_idle=0.5, prefetch=5)
        async with jobs:
            async for job in jobs:
                async with job:  # acknowledged if this block ends well
                    await anyio.sleep(0.02)
                    # A worker may die right here: the job is then done twice.
                    await client.rpush("done", job.fields["number"])


async def collect(client: anyredis.Redis[str], done: set[str], count: int) -> None:
    """Wait until *count* different jobs are *done*."""
    while len(done) < count:
        done.update((await client.blpop("done") or ())[1:])


async def main(loop: str, url: str) -> None:
    """Add jobs, start three workers, kill one of them, and wait until all jobs are done."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        for number in range(JOBS):
            await client.xadd("jobs", {"number": number})
        async with AsyncExitStack() as stack:
            workers: list[anyio.abc.Process] = []
            for name in ("w1", "w2", "w3"):
                program = [sys.executable, __file__, loop, url, name]
                process = await anyio.open_process(program, stdout=None, stderr=None)
                workers.append(await stack.enter_async_context(process))
            await collect(client, done := set[str](), JOBS // 6)
            workers[0].kill()
            await collect(client, done, JOBS)
            while (await client.xpending("jobs", "work")).pending:
                await client.blpop("done", timeout=0.1)  # a job that was done twice
            print(f"w1 was killed; all {len(done)} jobs are done, and none is pending")
            workers[1].kill()
            workers[2].kill()


if __name__ == "__main__":
    loop, url, *names = sys.argv[1:] or ("asyncio", "redis://localhost:6379")
    anyio.run(partial(work, url, *names) if names else partial(main, loop, url), backend=loop)
