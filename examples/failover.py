"""Failover: a primary of a cluster of six is killed, and the client continues."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import runner

import anyredis
from anyredis.server import run_cluster

KEYS = [f"counter:{number}" for number in range(30)]


async def main(url: str) -> None:
    """Count on keys of two nodes while one of these is killed."""
    del url  # a cluster for this example
    async with (
        run_cluster(primaries=3, replicas=1, node_timeout=1.0) as cluster,
        anyredis.RedisCluster.from_url(cluster.url, decode_responses=True) as client,
    ):
        roles = f"{len(client.primaries())} primaries, {len(client.nodes()) - 3} replicas"
        runner.show("a cluster on this machine", roles)
        victim = cluster.primaries[0]
        address = f"{victim.host}:{victim.port}"
        doomed = next(key for key in KEYS if client.node_for(key).address == address)
        safe = next(key for key in KEYS if client.node_for(key).address != address)
        lost, kept = Tally(), Tally()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count, client, doomed, lost)
            tasks.start_soon(count, client, safe, kept)
            await anyio.sleep(0.3)
            killed = anyio.current_time()
            await victim.kill()
            lost.server_is_down = True
            runner.show("a primary, while we count", "killed with SIGKILL")
            await lost.recovered.wait()
            after = f"{anyio.current_time() - killed:.1f} s later"
            runner.show("its keys are served again, by its replica", after)
            lost.done = kept.done = True
        runner.show("errors meanwhile, counting there", lost.failures)
        runner.show("errors meanwhile, counting elsewhere", kept.failures)
        numbers = f"{kept.acknowledged} and {int(await client.get(safe) or 0)}"
        runner.show("counted elsewhere, and stored", numbers)


@dataclass
class Tally:
    """The results of counting on one key."""

    acknowledged: int = 0
    failures: int = 0
    recovered: anyio.Event = field(default_factory=anyio.Event)
    """Set once an increment succeeded that was begun after the server was killed."""
    server_is_down: bool = False
    done: bool = False


async def count(client: anyredis.RedisCluster[str], key: str, tally: Tally) -> None:
    """Increment *key* until told to stop."""
    while not tally.done:
        after_the_kill = tally.server_is_down
        try:
            await client.incr(key)
        except (anyredis.ConnectionError, anyredis.ClusterDownError):
            tally.failures += 1
        else:
            tally.acknowledged += 1
            if after_the_kill:
                tally.recovered.set()
        await anyio.sleep(0.002)


if __name__ == "__main__":
    runner.run(main)
