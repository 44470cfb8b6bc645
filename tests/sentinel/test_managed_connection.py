"""Tests of `anyredis.sentinel.managed_connection`: going to the server of the right role, and leaving it."""

from __future__ import annotations

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    ConnectionError,
    ConnectTimeoutError,
    DemotedError,
    NoPermissionError,
    ReadOnlyError,
)
from anyredis.exceptions import from_server
from anyredis.sentinel.managed_connection import SentinelWatcher
from anyredis.sentinel.sentinel_connection import Sentinels
from anyredis.testing import FakeServer, silent
from tests.sentinels import (
    S1,
    A,
    B,
    C,
    World,
    assert_whole,
    play,
    sentinel_of,
    servers_of,
    speak_resp2,
    three_sentinels,
    until,
)

# -- the right server -----------------------------------------------------------------------------


@pytest.mark.parametrize("resp2", [False, True])
async def test_to_the_primary(world: World, resp2: bool) -> None:
    """A command goes to the server that the sentinels name and that says it is the primary."""
    three_sentinels(world, B)
    primary, replica = world.server(A), world.server(B, replica=True)
    if resp2:
        speak_resp2(primary)
    async with sentinel_of().primary_for(db=2, decode_responses=True) as client:
        assert await client.set("k", "v")
        assert await client.get("k") == "v"
        assert servers_of(client) == [A]
        (connection,) = client.connection_pool.endpoint.server.connections()
        assert connection.address == "10.0.0.1:6001 (the primary of 'mymaster')"
    assert primary.count("ROLE") == 1 + resp2  # once more where HELLO was refused
    assert replica.accepted == 0
    assert world.peers == []


async def test_a_sentinel_that_lies(world: World) -> None:
    """A server that is no primary refuses to be one, and another sentinel's word is taken (G6)."""
    first, second, third = three_sentinels(world)
    world.server(A)
    replica = world.server(B, replica=True)
    first.primary = B
    second.hold(1)
    third.hold(1)  # so that the liar is the first to answer
    async with sentinel_of().primary_for() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.set, "k", "v")
        await replica.wait_for("ROLE")
        second.release()
        third.release()
    assert world.servers[A].count("SET") == 1
    assert replica.count("SET") == 0


@pytest.mark.parametrize("down", [False, True])
async def test_until_there_is_a_primary(world: World, down: bool) -> None:
    """While there is no primary, connecting goes on: commands wait through a failover."""
    three_sentinels(world)
    server = world.server(A, replica=not down)
    server.down = down
    async with sentinel_of().primary_for() as client:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.set, "k", "v")
                await world.servers[S1].wait_for("SENTINEL", 3)
                assert servers_of(client) == []
                server.down = False
                play(server, replica=False)
        assert servers_of(client) == [A]
        assert_whole(client)


@pytest.mark.parametrize(
    ("down", "why"),
    [(True, "Connection refused"), (False, "it calls itself slave, not master")],
)
async def test_no_primary_at_all(world: World, down: bool, why: str) -> None:
    """The error says what is wrong with the server that the sentinels name, and in time."""
    three_sentinels(world)
    world.server(A, replica=True).down = down
    async with sentinel_of().primary_for(connect_timeout=0.1, retry=None) as client:
        with anyio.fail_after(10):
            for _ in range(2):
                with pytest.raises(ConnectTimeoutError) as error:
                    await client.get("k")
                assert "10.0.0.1:6001 (the primary of 'mymaster') within 0.1 s" in str(error.value)
                assert why in str(error.value)
        assert_whole(client)


async def test_a_primary_that_is_silent(world: World) -> None:
    """A server that takes connections and says nothing is an error after `connect_timeout`."""
    three_sentinels(world)
    world.server(A).on("*", silent)
    async with sentinel_of().primary_for(connect_timeout=0.1, retry=None) as client:
        with pytest.raises(ConnectTimeoutError, match=r"10.0.0.1:6001 .* within 0.1 s"):
            await client.get("k")


async def test_what_another_server_would_not_change(world: World) -> None:
    """Wrong credentials raise at once, and the error names the server."""
    three_sentinels(world)
    world.server(A).on("HELLO", from_server("WRONGPASS invalid username-password pair"))
    async with sentinel_of().primary_for(password="hunter2", retry=None) as client:
        with (
            anyio.fail_after(5),
            pytest.raises(AuthenticationError, match=r"10.0.0.1:6001") as told,
        ):
            await client.get("k")
    assert "hunter2" not in str(told.value)
    assert world.servers[A].accepted == 1


async def test_no_sentinel_at_all(world: World) -> None:
    """Without sentinels the command fails with what became of each."""
    async with sentinel_of().primary_for(retry=None) as client:
        with anyio.fail_after(10), pytest.raises(ConnectionError, match=r"26001.*26002.*26003"):
            await client.get("k")
        assert_whole(client)


async def test_a_role_that_is_not_told(world: World) -> None:
    """Without permission for ROLE the role is that of HELLO; without both it is unknown (G6)."""
    three_sentinels(world)
    server = world.server(A)
    server.on("ROLE", from_server("NOPERM this user has no permissions to run the 'role' command"))
    async with sentinel_of().primary_for() as client:
        assert await client.set("k", "v")
    async with sentinel_of().primary_for(protocol=2, retry=None) as client:
        with pytest.raises(NoPermissionError, match="allow this user the command ROLE"):
            await client.set("k", "v")


# -- replicas -------------------------------------------------------------------------------------


async def test_replicas_in_turn(world: World) -> None:
    """Connections go to one replica after the other, and not to the primary."""
    three_sentinels(world, B, C)
    for address in (A, B, C):
        world.server(address, replica=address != A)
    async with sentinel_of().replica_for(shared_connections=0) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(client.get, "k")
        assert sorted(map(str, servers_of(client))) == sorted(map(str, [B, B, C, C]))


async def test_a_replica_that_does_not_answer(world: World) -> None:
    """Another one is taken at once."""
    three_sentinels(world, B, C)
    for address in (A, B, C):
        world.server(address, replica=address != A)
    world.servers[B].down = True
    for _ in range(2):
        async with sentinel_of().replica_for() as client:
            await client.get("k")
            assert servers_of(client) == [C]


@pytest.mark.parametrize("promoted", [False, True])
async def test_no_replica(world: World, promoted: bool) -> None:
    """Without replicas it is the primary that is read from, also where one has become it."""
    sentinels = three_sentinels(world, *([A] if promoted else []))
    world.server(A)
    async with sentinel_of().replica_for() as client:
        await client.get("k")
        assert servers_of(client) == [A]
    assert sentinels[0].replicas or not promoted


async def test_replicas_do_not_write(world: World) -> None:
    """The refusal of a write is an ordinary answer there, and the connection stays."""
    three_sentinels(world, B)
    world.server(B, replica=True)
    async with sentinel_of().replica_for() as client:
        with pytest.raises(ReadOnlyError) as caught:
            await client.set("k", "v")
        assert not isinstance(caught.value, DemotedError)
        await client.get("k")
    assert world.servers[B].accepted == 1


async def test_a_replica_that_becomes_the_primary(world: World) -> None:
    """It takes no new commands; earlier commands are answered."""
    sentinels = three_sentinels(world, B)
    replica = world.server(B, replica=True)
    world.server(A)
    async with sentinel_of().replica_for() as client, anyio.create_task_group() as tasks:
        await client.get("k")
        await until(lambda: all(each.listeners for each in sentinels))
        replica.hold()
        tasks.start_soon(client.get, "k")
        await replica.wait_for("GET", 2)
        for each in sentinels:
            each.replicas = [{**each.replicas[0], b"port": b"6001"}]
            each.switch(A, B)
        play(world.servers[A], replica=True)
        await until(lambda: client.connection_pool.endpoint.server.allocator.draining)
        await client.get("k")
        replica.release()
        await until(lambda: servers_of(client) == [A])


def test_a_fake_is_what_it_is_taken_for() -> None:
    """The servers of these tests begin as primaries."""
    server = FakeServer()
    play(server, replica=False)
    assert server.count("ROLE") == 0


@pytest.mark.parametrize("port", ["x", "", "-1", "0", "65536", "9" * 5000, "٣"])
def test_a_malformed_message_of_a_sentinel(port: str) -> None:
    """It is ignored: the watcher goes on listening."""
    for replicas in (False, True):
        watcher = SentinelWatcher(Sentinels(["h:1"]), "n", replicas=replicas)
        watcher._heard(f"n a {port} b {port}")
