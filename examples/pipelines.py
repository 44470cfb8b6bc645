"""Pipelines and transactions: many commands, one round trip."""

from __future__ import annotations

import contextlib

import runner

import anyredis


async def main(url: str) -> None:
    """Queue commands, let the block end, read the results."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        # MULTI/EXEC: all of it runs, with no other client's command in between.
        async with client.pipeline() as pipe:
            hits = pipe.incr("hits")
            pipe.set("name", "Ada")
            name = pipe.get("name")
        runner.show("a transaction of 3", f"hits {hits.value}, name {name.value}")

        # Without a transaction it is only one round trip, or several pieces if it is large.
        async with client.pipeline(transaction=False) as pipe:
            results = [pipe.set(f"key:{number}", number) for number in range(10_000)]
        stored = sum(result.value for result in results)
        runner.show("a pipeline of 10,000 SETs", f"{stored:,} stored")

        # An error of the server is raised once all have run, and names its command.
        pipe = client.pipeline(transaction=False)
        try:
            async with pipe:
                pipe.incr("name")
                pipe.incr("hits")
        except anyredis.ResponseError as error:
            runner.show_whole("one that fails", error)
            runner.show("the command after it", f"hits {await client.get('hits')}")

        # A block that is left by an exception sends nothing.
        with contextlib.suppress(KeyError):
            async with client.pipeline() as pipe:
                pipe.delete("hits")
                pipe.set("age", {"Grace": 85}["Ada"])
        runner.show("left by an exception", f"hits {await client.get('hits')}")


if __name__ == "__main__":
    runner.run(main)
