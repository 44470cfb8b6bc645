"""Commands that a cluster refuses for a while, or whose node is down: they wait, within bounds."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from anyredis import ClusterDownError, ConnectionError, Retry, TryAgainError
from anyredis.exceptions import from_server
from anyredis.testing import FakeCluster, FakePeer, Handler, Words
from tests.blocked_tasks import all_tasks_blocked

pytestmark = pytest.mark.usefixtures("little_patience")

FOO = 12182
"""The slot of `foo`, which the last of three primaries serves."""

TEMPORARY_REFUSALS = ["TRYAGAIN later", "CLUSTERDOWN not now", "MASTERDOWN no", "READONLY no"]


@pytest.mark.parametrize("text", TEMPORARY_REFUSALS)
@pytest.mark.parametrize("retry", [Retry(), None])
async def test_a_refusal_is_waited_out(
    text: str, retry: Retry | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write runs exactly once, when it is accepted, independent of the client's `retry`."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 5.0)
    cluster = FakeCluster()
    async with cluster.client(retry=retry) as client:
        cluster.nodes[2].server.on("INCRBY", from_server(text), times=2)
        assert await client.incr("foo") == 1
        assert cluster.nodes[2].server.memory.ran[b"INCRBY"] == 1


@pytest.mark.parametrize("text", TEMPORARY_REFUSALS)
async def test_a_lasting_refusal_is_raised(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the bound, as the server said it."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.2)
    cluster = FakeCluster()
    async with cluster.client(retry=Retry(deadline=0.2)) as client:
        cluster.nodes[2].server.on("GET", from_server(text))
        with anyio.fail_after(5), pytest.raises(type(from_server(text)), match=text):
            await client.get("foo")


async def test_a_slot_that_no_node_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands wait for it, and say so in the end; others run."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 0.2)
    cluster = FakeCluster()
    cluster.unassign(FOO)
    async with cluster.client(retry=Retry(deadline=0.2)) as client:
        with anyio.fail_after(5), pytest.raises(ClusterDownError, match="serve slot 12182"):
            await client.get("foo")
        assert await client.get("bar") is None


async def test_a_slot_that_is_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waiting command continues."""
    monkeypatch.setattr("anyredis.cluster.routing.redirect_policy.PATIENCE", 5.0)
    cluster = FakeCluster()
    cluster.unassign(FOO)
    async with cluster.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.set, "foo", "v")
        await all_tasks_blocked()
        cluster.move(FOO, cluster.nodes[0])
    assert cluster.nodes[0].database == {b"foo": b"v"}


async def test_tryagain_on_the_way() -> None:
    """A split slot: two keys of it are asked for until both are on one side."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        await client.mset({"{foo}1": "1", "{foo}2": "2"})
        cluster.start_migration(FOO, first)
        cluster.migrate_key("{foo}1")

        def finish(peer: FakePeer, words: Words) -> object:
            answer = peer.run(words)
            assert isinstance(answer, TryAgainError)
            cluster.finish_migration(FOO)
            return answer

        last.server.on("MGET", finish_handler(finish), times=1)
        assert await client.mget("{foo}1", "{foo}2") == [b"1", b"2"]


def finish_handler(handler: Callable[[FakePeer, Words], object]) -> Handler:
    """As a handler of the fake server."""
    return handler  # type: ignore[return-value]


@pytest.mark.parametrize("stays", [True, False])
async def test_commands_join_the_dials_to_a_node_that_is_down(stays: bool) -> None:
    """One dial at a time for all of them, until it is back or a replica has taken over."""
    cluster = FakeCluster(3, 1)
    last = cluster.node_of(FOO)
    async with cluster.client(retry=Retry(deadline=60)) as client:
        await client.set("foo", 1)
        pool = client.connection_pool
        server = pool.endpoint_by_slot[FOO].server  # type: ignore[union-attr]
        last.server.down = True
        last.server.reset()

        async def session() -> None:
            async with client.session("foo") as mine:
                await mine.ping()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(client.incr, "foo")
                for _ in range(5):
                    tasks.start_soon(session)
                while server.allocator.connecting < 105 or server.allocator.dialling != 1:
                    await anyio.sleep(0.001)
                if stays:
                    last.server.down = False
                else:
                    cluster.fail(last)
                    cluster.promote(cluster.nodes[5])
        assert await client.get("foo") == b"101"
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


async def test_a_pool_that_is_left_ends_all_repeats() -> None:
    """G8: a command that waits for a node that is down fails at once, though its deadline is far."""
    cluster = FakeCluster()
    failed: list[ConnectionError] = []

    async def count() -> None:
        with pytest.raises(ConnectionError) as caught:
            await client.incr("foo")
        failed.append(caught.value)

    client = cluster.client(retry=Retry(deadline=3600))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, client:
            await client.ping()
            cluster.node_of(FOO).server.down = True
            cluster.node_of(FOO).server.reset()
            tasks.start_soon(count)
            server = client.connection_pool.endpoint_by_slot[FOO].server  # type: ignore[union-attr]
            while not server.is_unhealthy or not server.allocator.connecting:
                await anyio.sleep(0.001)
    assert len(failed) == 1


async def test_a_script_that_is_refused_in_a_cluster() -> None:
    """G11: it is sent once; its redirect is followed."""
    cluster = FakeCluster()
    first, _, last = cluster.nodes
    async with cluster.client() as client:
        last.server.on("EVAL", from_server("TRYAGAIN x"))
        with pytest.raises(TryAgainError):
            await client.execute_command("EVAL", "x", "1", "foo")
        pipe = client.pipeline(raise_on_error=False)
        pipe.execute_command("EVAL", "x", "1", "foo")
        [refused] = await pipe.execute()
        assert isinstance(refused, TryAgainError)
        assert last.server.count("EVAL") == 2
        last.server.on("EVAL", from_server(f"MOVED {FOO} {first.host}:{first.port}"))
        first.server.on("EVAL", b"done")
        assert await client.execute_command("EVAL", "x", "1", "foo") == b"done"
