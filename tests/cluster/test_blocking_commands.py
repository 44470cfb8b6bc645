"""Blocking commands on a cluster: redirects while they wait, cancellation, lost replies."""

from __future__ import annotations

import anyio
import pytest

from anyredis import CrossSlotError, MovedError, Outcome
from anyredis.exceptions import ConnectionError
from anyredis.testing import FakeCluster, run_then_reset
from tests.blocked_tasks import all_tasks_blocked
from tests.cluster.leases import whole

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves."""


async def test_a_blocking_command_follows_its_slot() -> None:
    """MOVED and ASK, on a connection of its own each time, which goes back or is closed."""
    cluster = FakeCluster()
    first, second, last = cluster.nodes
    async with cluster.client(decode_responses=True) as client:
        cluster.move(FOO, first)
        first.database[b"foo"] = [b"a", b"b"]
        assert await client.blpop("foo") == ("foo", "a")
        cluster.start_migration(FOO, second)
        cluster.migrate_key("foo")
        assert await client.blpop("foo") == ("foo", "b")
        await all_tasks_blocked()
        asked = [peer for peer in second.server.peers if b"ASKING" in {w[0] for w in peer.received}]
        assert asked == [], "its connection said ASKING, and is closed"
        assert last.server.count("BLPOP") == 1
        pool = client.connection_pool
        assert (pool.free, pool.leased) == (pool.capacity, 0)


async def test_a_blocking_command_that_is_sent_away_while_it_waits() -> None:
    """The slot moves while it waits: the server answers MOVED, and it waits on at the new node."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    got: list[object] = []
    async with cluster.client() as client, anyio.create_task_group() as tasks:

        async def pop() -> None:
            got.append(await client.blpop("foo"))

        tasks.start_soon(pop)
        await last.server.wait_for("BLPOP")
        [peer] = [each for each in last.server.peers if each.received[-1][0] == b"BLPOP"]
        first.database[b"foo"] = [b"x"]
        cluster.move(FOO, first)
        peer.send(MovedError(f"MOVED {FOO} fake:7000"))
        await first.server.wait_for("BLPOP")
    assert got == [(b"foo", b"x")]


async def test_a_blocking_command_that_is_cancelled() -> None:
    """Its connection is closed at once (G4), and its lease comes back."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.blpop, "foo")
            await cluster.nodes[2].server.wait_for("BLPOP")
            tasks.cancel_scope.cancel()
        await all_tasks_blocked()
        received = [peer.received for peer in cluster.nodes[2].server.peers]
        assert not any(b"BLPOP" in {words[0] for words in each} for each in received)
        assert whole(client)


async def test_a_blocking_command_whose_reply_is_lost() -> None:
    """It may have popped: it is not run again."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        await client.rpush("foo", "a", "b")
        cluster.nodes[2].server.on("BLPOP", run_then_reset)
        with pytest.raises(ConnectionError) as caught:
            await client.blpop("foo")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert await client.llen("foo") == 1


async def test_blocking_keys_in_several_slots() -> None:
    """They are refused."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        with pytest.raises(CrossSlotError, match="BLPOP was not sent"):
            await client.blpop(["foo", "bar"])
