"""WATCH: change a value that was read, unless another client has changed it meanwhile."""

from __future__ import annotations

import anyio
import runner

import anyredis

TASKS = 10


async def main(url: str) -> None:
    """Ten tasks take 10 each from a balance of 100, read and written by the client."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await client.set("balance", 100)
        tries: list[int] = []
        async with anyio.create_task_group() as tasks:
            for _ in range(TASKS):
                tasks.start_soon(withdraw, client, 10, tries)
        runner.show(f"{TASKS} withdrawals of 10 from 100", f"{await client.get('balance')} left")
        runner.show("transactions that came too late", f"{len(tries) - TASKS}, each tried again")


async def withdraw(client: anyredis.Redis[str], amount: int, tries: list[int]) -> None:
    """Take *amount* from the balance; after a change by another task, try again."""

    async def take(tx: anyredis.Transaction[str]) -> None:
        balance = int(await tx.get("balance") or 0)
        tries.append(balance)
        async with tx.pipeline() as pipe:  # executed only if the balance has not changed
            pipe.set("balance", balance - amount)

    await client.transaction(take, "balance")


if __name__ == "__main__":
    runner.run(main)
