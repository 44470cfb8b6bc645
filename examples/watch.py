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
        lost: list[anyredis.WatchError] = []
        async with anyio.create_task_group() as tasks:
            for _ in range(TASKS):
                tasks.start_soon(withdraw, client, 10, lost)
        runner.show(f"{TASKS} withdrawals of 10 from 100", f"{await client.get('balance')} left")
        runner.show("transactions that came too late", f"{len(lost)}, each tried again")


async def withdraw(
    client: anyredis.Redis[str], amount: int, lost: list[anyredis.WatchError]
) -> None:
    """Take *amount* from the balance, and try again after each change by another task."""
    # A session has an exclusive connection: its WATCH does not affect other users.
    async with client.session() as session:
        while True:
            await session.watch("balance")
            balance = int(await session.get("balance") or 0)
            try:
                async with session.pipeline() as pipe:
                    pipe.set("balance", balance - amount)
            except anyredis.WatchError as error:
                lost.append(error)
            else:
                return


if __name__ == "__main__":
    runner.run(main)
