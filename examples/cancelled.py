"""Cancelled: two BLPOPs in a pool of two end early, and no lease is lost."""

from __future__ import annotations

import anyio
import runner

import anyredis


async def main(url: str) -> None:
    """Cancel all commands of a pool, then use the pool as before."""
    async with anyredis.Redis.from_url(url, decode_responses=True, max_connections=2) as client:
        pool = client.connection_pool

        with anyio.move_on_after(0.2) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait_for_ever, client)
                tasks.start_soon(wait_for_ever, client)
                await anyio.sleep(0.1)
                runner.show("while two BLPOPs wait", f"free {pool.free}, leased {pool.leased}")
        runner.show("both cancelled after 0.2 s", scope.cancelled_caught)
        runner.show("afterwards", f"free {pool.free}, leased {pool.leased}")

        # A cancelled GET does not affect its connection: it is not sent, or its reply is swallowed.
        await client.set("fubar", "still here")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.get("fubar")
        runner.show("after one more GET was cancelled", await client.get("fubar"))
        runner.show_whole("the pool", pool)


async def wait_for_ever(client: anyredis.Redis[str]) -> None:
    """Wait for an element that is never pushed."""
    await client.blpop("empty", timeout=0)


if __name__ == "__main__":
    runner.run(main)
