"""Cluster: keys on three nodes, and commands that are split and merged."""

from __future__ import annotations

import runner

import anyredis
from anyredis.server import run_cluster

KEYS = [f"counter:{number}" for number in range(30)]


async def main(url: str) -> None:
    """Spread keys over a cluster, and work with them as if they were on one server."""
    del url  # a cluster for this example
    async with (
        run_cluster(primaries=3, replicas=0) as cluster,
        anyredis.RedisCluster.from_url(cluster.url, decode_responses=True) as client,
    ):
        await client.mset(dict.fromkeys(KEYS, 0))
        counts = [str(await node.dbsize()) for node in client.primaries()]
        runner.show("30 keys set at once, on each node", " + ".join(counts))
        runner.show("asked of all together", await client.dbsize())

        async with client.pipeline() as pipe:
            results = [pipe.incrby(key, number) for number, key in enumerate(KEYS)]
        runner.show("a pipeline over all nodes, its results", [each.value for each in results[:8]])
        runner.show("MGET over all nodes, in order", await client.mget(*KEYS[:8]))

        try:
            async with client.pipeline(transaction=True) as pipe:
                pipe.incr(KEYS[0])
                pipe.incr(KEYS[1])
        except anyredis.CrossSlotError:
            runner.show("a transaction over several slots", "refused, nothing was sent")
        async with client.pipeline(transaction=True) as pipe:
            paid, due = pipe.incr("{bill}:paid"), pipe.decr("{bill}:due")
        runner.show("one on a slot, by a {hash tag}", (paid.value, due.value))

        keys = {key async for key in client.scan_iter(match="counter:*")}
        runner.show("SCAN of all nodes", f"{len(keys)} keys")
        runner.show("DEL of all of them", await client.delete(*KEYS))


if __name__ == "__main__":
    runner.run(main)
