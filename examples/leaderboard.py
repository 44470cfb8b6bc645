"""A leaderboard with a script: a score counts only if it is a player's best, and tells the rank."""

from __future__ import annotations

import random
import sys

import anyio

import anyredis
from anyredis import Executor, Key

RECORD = """
local best = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not best or tonumber(ARGV[2]) > tonumber(best) then
    redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
    redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
end
return redis.call('ZREVRANK', KEYS[1], ARGV[1]) + 1
"""


@anyredis.script(RECORD)
async def record(client: Executor, board: Key, records: Key, player: str, score: int) -> int:
    """The rank of *player*, from 1, after a game of *score* points."""
    raise NotImplementedError  # the body never runs: the server runs the script


@anyredis.script("return redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'REV')", read_only=True)
async def top(client: Executor, board: Key, count: int) -> list[str]:
    """The best *count* players, the best first."""
    raise NotImplementedError


async def play(client: anyredis.Redis[str], player: str) -> None:
    """Fifty games, all recorded in one pipeline, which loads the script for itself."""
    # One hash tag, {game}: in a cluster both keys are on one node, as a script needs it.
    async with client.pipeline(transaction=False) as pipe:
        for _ in range(50):
            record(pipe, "{game}:board", "{game}:records", player, random.randrange(100))
    rank = await record(client, "{game}:board", "{game}:records", player, 100 + len(player))
    assert 1 <= rank <= 3


async def main(url: str) -> None:
    """Three players at once."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await client.delete("{game}:board", "{game}:records")
        async with anyio.create_task_group() as players:
            for name in ("Ada", "Grace", "Barbara"):
                players.start_soon(play, client, name)
        for place, player in enumerate(await top(client, "{game}:board", 3), 1):
            print(place, player, await client.zscore("{game}:board", player))


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
