"""Jobs and chat: stream entries that survive a dead worker, and messages with their gaps told."""

from __future__ import annotations

import anyio
import runner

import anyredis
from anyredis import recipes

JOBS = 20


async def queue(client: anyredis.Redis[str]) -> None:
    """Two workers share jobs; one dies in the middle of its fourth, which the other one does."""
    done, finished = set[str](), anyio.Event()
    for number in range(JOBS):
        await client.xadd("jobs", {"number": number})

    async def work(name: str, life: int) -> None:
        jobs = recipes.Consumer(client, "jobs", group="work", name=name, claim_idle=0.2, prefetch=4)
        with anyio.CancelScope() as scope:
            async with jobs:
                async for job in jobs:
                    async with job:  # it is acknowledged if this block ends well
                        life -= 1
                        if not life:
                            scope.cancel()
                        await anyio.sleep(0.005)
                        done.add(job.fields["number"])
                    if len(done) == JOBS:
                        finished.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work, "the one that dies", 4)
        tasks.start_soon(work, "the other one", JOBS + 1)
        await finished.wait()
        tasks.cancel_scope.cancel()
    pending = (await client.xpending("jobs", "work")).pending
    runner.show(f"{JOBS} jobs, two workers, one died", f"{len(done)} done, {pending} pending")


async def chat(client: anyredis.Redis[str]) -> None:
    """A subscriber whose connection is killed is told so where messages may be missing."""
    async with client.subscribe("room:tea", patterns=["news:*"]) as messages:
        await client.publish("room:tea", "hello")
        await client.publish("news:today", "rain")
        await client.client_kill_filter(type="pubsub")
        while not isinstance(event := await anext(messages), anyredis.Gap):
            runner.show(event.channel if isinstance(event, anyredis.Message) else "", event["data"])
        runner.show(
            "its connection was killed", f"a gap of {event.until - event.since:.3f} s is told"
        )
        await client.publish("room:tea", "are you there?")
        runner.show("room:tea", (await anext(messages))["data"])


async def main(url: str) -> None:
    """A job queue, then a chat."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await queue(client)
        await chat(client)


if __name__ == "__main__":
    runner.run(main)
