"""Set and get: keys, times to live, and replies with types."""

from __future__ import annotations

import runner

import anyredis


async def main(url: str) -> None:
    """Store some values and read them back."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await client.set("greeting", "hello", ex=60)
        runner.show('get("greeting")', await client.get("greeting"))
        runner.show('ttl("greeting")', f"{await client.ttl('greeting')} s")
        runner.show('get("nothing here")', await client.get("nothing here"))

        stored = await client.set("greeting", "other", nx=True)
        runner.show('set("greeting", ..., nx=True)', f"{stored}: it is there already")

        await client.hset("user:1", mapping={"name": "Ada", "born": 1815})
        runner.show('hgetall("user:1")', await client.hgetall("user:1"))

        await client.zadd("scores", {"ada": 3, "grace": 5})
        runner.show('zrange_with_scores("scores", 0, -1)', await _scores(client))

        try:
            await client.incr("user:1")
        except anyredis.WrongTypeError as error:
            runner.show('incr("user:1")', f"{type(error).__name__}")

    # Replies are bytes, unless the client is told to decode.
    async with anyredis.Redis.from_url(url) as binary:
        runner.show("a client without decode_responses", await binary.get("greeting"))


async def _scores(client: anyredis.Redis[str]) -> list[tuple[str, float]]:
    return await client.zrange_with_scores("scores", 0, -1)


if __name__ == "__main__":
    runner.run(main)
