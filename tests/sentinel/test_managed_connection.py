"""Tests of `anyredis.sentinel.managed_connection`: going to the server of the right role, and leaving it."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    BlockingConnectionPool,
    ConnectionError,
    ConnectTimeoutError,
    DemotedError,
    ExecAbortError,
    NoPermissionError,
    Outcome,
    ReadOnlyError,
    Redis,
    RedisError,
    Retry,
    Sentinel,
    TCPAddress,
)
from anyredis.connection.handshake import ServerInfo
from anyredis.exceptions import from_server
from anyredis.sentinel import managed_connection as sentinel_module
from anyredis.sentinel.client import ReplicatedOptions
from anyredis.sentinel.managed_connection import SentinelManagedConnection, SentinelWatcher
from anyredis.sentinel.sentinel_connection import Sentinels
from anyredis.testing import NOTHING, Answer, FakePeer, FakeServer, Raw, Words, silent
from tests.contract.harness import running_tasks
from tests.contract.steps import counting, kinds
from tests.sentinels import (
    NAME,
    S1,
    S2,
    S3,
    A,
    B,
    C,
    World,
    play,
    sentinel_of,
    speak_resp2,
    three_sentinels,
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Where the servers are."""
    return World(monkeypatch)


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demoted primary gets a shorter time."""
    monkeypatch.setattr(sentinel_module, "GRACE", 0.05)


def servers_of(client: Redis[Any]) -> list[TCPAddress | None]:
    """Where the connections of *client* go."""
    return [
        each.server
        for each in client.connection_pool.endpoint.server.connections()
        if isinstance(each, SentinelManagedConnection)
    ]


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.001)


def assert_whole(client: Redis[Any]) -> None:
    """No lease is taken (G5)."""
    pool = client.connection_pool
    assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0), repr(pool)


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
        with anyio.fail_after(2):
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
    async with sentinel_of().primary_for(connect_timeout=0.3, retry=None) as client:
        with anyio.fail_after(2):
            for _ in range(2):
                with pytest.raises(ConnectTimeoutError) as error:
                    await client.get("k")
                assert "10.0.0.1:6001 (the primary of 'mymaster') within 0.3 s" in str(error.value)
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
        with anyio.fail_after(2), pytest.raises(ConnectionError, match=r"26001.*26002.*26003"):
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


# -- a switch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("resp2", [False, True])
@pytest.mark.parametrize("pool", [None, BlockingConnectionPool])
async def test_a_switch(
    world: World, grace: None, resp2: bool, pool: type[BlockingConnectionPool] | None
) -> None:
    """At the word of one sentinel the old primary gets no more commands."""
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    if resp2:
        for sentinel in sentinels:
            speak_resp2(sentinel)
    options: ReplicatedOptions = {} if pool is None else {"connection_pool_cls": pool}
    async with sentinel_of().primary_for(**options) as client:
        await client.set("k", 1)
        await until(lambda: all(each.listeners for each in sentinels))
        for sentinel in sentinels[:-1]:
            sentinel.primary = B
        sentinels[-1].hold(0)  # this one is behind, and says nothing
        sentinels[0].switch(A, B)
        await until(lambda: old.peers == [])
        await client.set("k", 2)
        assert servers_of(client) == [B]
        sentinels[1].switch(A, B)  # the same news again
        sentinels[1].switch(B, A, name="other")
        sentinels[1].announce("nonsense")
        sentinels[1].announce("mymaster a b c d")
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        await client.set("k", 3)
        assert_whole(client)
    assert (old.count("SET"), new.count("SET"), new.accepted) == (1, 2, 1)


async def test_a_switch_behind_nat(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The addresses of announcements are remapped; one that cannot be is logged, and harms nobody."""
    inside = {each: TCPAddress("inside", each.port) for each in (A, B)}
    outside = {(inside[each].host, each.port): (each.host, each.port) for each in (A, B)}
    sentinel = world.sentinel(S1, inside[A])
    old, new = world.server(A), world.server(B)
    sentinels = Sentinel([S1], name=NAME, address_remap=outside.__getitem__)
    async with sentinels.primary_for() as client:
        await client.set("k", 1)
        await until(lambda: sentinel.listeners)
        with caplog.at_level(logging.WARNING, "anyredis"):
            sentinel.announce(f"{NAME} elsewhere 1 elsewhere 2")
            await until(lambda: "address_remap failed for elsewhere:1" in caplog.text)
        await client.set("k", 2)
        sentinel.switch(inside[A], inside[B])
        await until(lambda: old.peers == [])
        await client.set("k", 3)
        assert servers_of(client) == [B]
    assert (old.count("SET"), new.count("SET")) == (2, 1)


async def test_what_was_sent_before_a_switch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has `GRACE` seconds to be answered; after that its outcome is unknown (G11)."""
    monkeypatch.setattr(sentinel_module, "GRACE", 60)
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    async with sentinel_of().primary_for() as client:
        await client.set("k", 1)
        await until(lambda: all(each.listeners for each in sentinels))
        old.hold()
        caught: list[RedisError] = []
        values: list[int] = []

        async def increment() -> None:
            try:
                values.append(await client.incr("n"))
            except ConnectionError as error:
                caught.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(increment)
            await old.wait_for("INCRBY", 1)
            for sentinel in sentinels:
                sentinel.switch(A, B)
            await until(lambda: client.connection_pool.endpoint.server.allocator.draining)
            old.release()
            await until(lambda: values)
            old.hold()
            tasks.start_soon(increment)
            await new.wait_for("INCRBY", 1)
        assert values == [1, 1]
        monkeypatch.setattr(sentinel_module, "GRACE", 0.05)
        new.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(increment)
            await new.wait_for("INCRBY", 2)
            sentinels[0].switch(B, A)
        (error,) = caught
        assert isinstance(error, ConnectionError)
        assert error.outcome is Outcome.UNKNOWN
        assert "it is no longer the primary" in str(error)
        await until(lambda: new.peers == [])


async def test_sessions_and_blocked_commands_end_with_a_switch(world: World, grace: None) -> None:
    """A blocking command at the old primary ends, however long its timeout is."""
    sentinels = three_sentinels(world)
    old = world.server(A)
    world.server(B)
    async with sentinel_of().primary_for(retry=None) as client, client.session() as session:
        await session.ping()
        await until(lambda: all(each.listeners for each in sentinels))
        async with anyio.create_task_group() as tasks:

            async def pop() -> None:
                with pytest.raises(ConnectionError, match="it is no longer the primary"):
                    await client.blpop("queue", timeout=0)

            tasks.start_soon(pop)
            await old.wait_for("BLPOP")
            for sentinel in sentinels:
                sentinel.switch(A, B)
        with pytest.raises(ConnectionError, match="primary"):
            await session.ping()
    assert world.peers == []


async def test_a_switch_while_dialling(world: World) -> None:
    """A dial to a server that hangs is given up when another becomes the primary."""
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    old.on("*", silent)
    async with sentinel_of().primary_for(connect_timeout=60) as client:
        with anyio.fail_after(3):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.set, "k", "v")
                await old.wait_for("HELLO")
                await until(lambda: all(each.listeners for each in sentinels))
                for sentinel in sentinels:
                    sentinel.switch(A, B)
        assert servers_of(client) == [B]
        assert (old.peers, new.accepted) == ([], 1)


async def test_a_switch_at_the_last_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was the primary until its handshake was over is left all the same (G6)."""
    sentinels = three_sentinels(world)
    old, new = world.server(A), world.server(B)
    check_server = SentinelManagedConnection.check_server

    def approve_and_switch(connection: SentinelManagedConnection, server_info: ServerInfo) -> None:
        check_server(connection, server_info)
        for sentinel in sentinels:
            sentinel.primary = B
        connection._watcher.leave(A)

    monkeypatch.setattr(SentinelManagedConnection, "check_server", approve_and_switch)
    async with sentinel_of().primary_for() as client:
        await client.set("k", "v")
        assert servers_of(client) == [B]
        assert (old.peers, old.count("SET"), new.count("SET")) == ([], 0, 1)


async def test_what_a_failed_attempt_leaves_unread(world: World) -> None:
    """The next server is not read as if it went on where the last one had stopped (G1)."""
    three_sentinels(world)

    def half(peer: FakePeer, _words: Words) -> Answer:
        peer.half_close()
        return NOTHING

    server = world.server(A)
    server.on("HELLO", Raw(b"*2\r\n+half"), times=1)
    server.on("ROLE", half, times=1)
    async with sentinel_of().primary_for(decode_responses=True) as client:
        assert await client.echo("whole") == "whole"
    assert server.accepted == 2


async def test_sentinels_come_and_go(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens to the watch, the block goes on undisturbed, and nothing is logged (G14)."""
    monkeypatch.setattr(sentinel_module, "REDIAL", sentinel_module.PAUSES)
    caplog.set_level(logging.INFO)
    first, second, third = three_sentinels(world)
    world.server(A)
    world.server(B)
    third.on("SUBSCRIBE", from_server("NOPERM no channels for you"))
    async with sentinel_of().primary_for() as client:
        await client.set("k", 1)
        await until(lambda: first.listeners and second.listeners)
        for sentinel in (first, second):
            sentinel.announce("mymaster 10.0.0.1 port 10.0.0.1 port")
            sentinel.reset()
            sentinel.down = True
            sentinel.listeners.clear()
        await client.set("k", 2)
        assert servers_of(client) == [A]
        first.down = False
        await until(lambda: first.listeners)
        first.switch(A, B)
        second.primary = third.primary = B
        await until(lambda: servers_of(client) == [])
        await client.set("k", 3)
        assert servers_of(client) == [B]
    assert caplog.records == []
    assert world.peers == []


# -- READONLY -------------------------------------------------------------------------------------


def demote(world: World) -> None:
    """B is the primary and A is not, and no sentinel tells the client."""
    for address in (S1, S2, S3):
        world.servers[address].primary = B  # type: ignore[attr-defined]
    play(world.servers[A], replica=True)
    play(world.servers[B], replica=False)


async def demoted(world: World, **options: Any) -> Redis[str]:
    """A client, not entered, of a primary that `demote` will demote."""
    three_sentinels(world)
    world.server(A)
    world.server(B, replica=True)
    await anyio.lowlevel.checkpoint()
    return sentinel_of().primary_for(decode_responses=True, **options)


async def test_a_write_that_is_refused(world: World) -> None:
    """A write that a demoted primary refuses is run once, by the new one."""
    async with await demoted(world, shared_connections=2) as client:
        async with client.session() as session:
            await session.ping()
        await client.incr("n")
        demote(world)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.incr, "n")
        assert await client.get("n") == "5"
        await until(lambda: world.servers[A].peers == [])
        assert set(servers_of(client)) == {B}
        assert_whole(client)
    assert world.servers[B].memory.ran[b"INCRBY"] == 5


async def test_all_connections_are_left_when_one_is_refused(world: World, grace: None) -> None:
    """No command goes on reading from a demoted server, though the server allows it."""
    async with await demoted(world) as client, client.session() as session:
        await session.ping()
        await client.incr("n")
        assert servers_of(client) == [A, A]
        demote(world)
        await client.incr("n")
        await until(lambda: world.servers[A].peers == [])
        with pytest.raises(ConnectionError, match=r"10.0.0.1:6001"):
            await session.ping()


async def test_a_write_that_is_refused_and_not_repeated(world: World) -> None:
    """Without `retry` its error says that it did not run."""
    async with await demoted(world, retry=None) as client:
        await client.incr("n")
        demote(world)
        with pytest.raises(DemotedError, match="READONLY") as caught:
            await client.incr("n")
        assert caught.value.outcome is Outcome.NOT_SENT
        assert await client.incr("n") == 1
        assert servers_of(client) == [B]


async def test_a_server_that_goes_on_refusing(world: World) -> None:
    """Repeats are bounded (G13)."""
    async with await demoted(world, retry=Retry(attempts=2)) as client:
        world.servers[A].on("INCRBY", from_server("READONLY You can't write"))
        with pytest.raises(DemotedError):
            await client.incr("n")
    assert world.servers[A].count("INCRBY") == 3


@pytest.mark.parametrize("transaction", [False, True])
async def test_a_pipeline_that_is_refused(world: World, transaction: bool) -> None:
    """A pipeline of which nothing ran but reads is run by the new primary."""
    async with await demoted(world) as client:
        await client.incr("n")
        demote(world)
        async with client.pipeline(transaction=transaction) as pipe:
            pipe.get("n")
            counted = pipe.incr("n")
            pipe.incr("n")
        assert counted.value == 1
        assert await client.get("n") == "2"
        assert servers_of(client) == [B]
        assert_whole(client)


async def test_a_pipeline_that_is_refused_half_way(world: World) -> None:
    """What ran is not repeated, and so nothing is; the rest has its errors (G11)."""
    async with await demoted(world) as client:
        await client.incr("n")
        play(world.servers[A], replica=True)
        world.servers[A].on("INCRBY", FakePeer.run, times=1)
        async with client.pipeline(transaction=False, raise_on_error=False) as pipe:
            first, second = pipe.incr("n"), pipe.incr("n")
        assert first.value == 2
        with pytest.raises(DemotedError):
            _ = second.value
    assert world.servers[B].count("INCRBY") == 0


async def test_a_transaction_that_is_refused_at_its_end(world: World) -> None:
    """EXEC may be what is refused, because of the role."""
    async with await demoted(world) as client:
        await client.incr("n")
        demote(world)
        world.servers[A].off("INCRBY")
        reason = "READONLY You can't write against a read only replica."
        world.servers[A].on(
            "EXEC", from_server(f"EXECABORT Transaction discarded because of: {reason}")
        )
        async with client.pipeline() as pipe:
            counted = pipe.incr("n")
        assert counted.value == 1


async def test_a_transaction_that_is_refused_for_another_reason(world: World) -> None:
    """That is an error like any other."""
    async with await demoted(world) as client:
        world.servers[A].on("EXEC", from_server("EXECABORT Transaction discarded"))
        with pytest.raises(ExecAbortError):
            async with client.pipeline() as pipe:
                pipe.incr("n")
        assert servers_of(client) == [A]


async def test_a_blocked_command_that_is_thrown_out(world: World) -> None:
    """It waits at the new primary: it took nothing from the old one."""
    async with await demoted(world) as client:

        def throw_out(_peer: FakePeer, _words: Words) -> RedisError:
            demote(world)
            world.servers[B].on("BLPOP", [b"queue", b"item"])
            return from_server(
                "UNBLOCKED force unblock from blocking operation, instance state changed "
                "(master -> replica?)"
            )

        world.servers[A].on("BLPOP", throw_out)
        assert await client.blpop("queue", timeout=5) == ("queue", "item")
        assert_whole(client)


def test_a_connection_is_not_kept_by_what_reads_its_errors() -> None:
    """G13: one that is closed is freed at once, and does not wait for a garbage collection."""
    watcher = SentinelWatcher(Sentinels(["h:1"]), "name")
    connection = SentinelManagedConnection(watcher=watcher)
    connection.close("the test is over")
    gone = weakref.ref(connection)
    gc.disable()
    try:
        del connection
        assert gone() is None
    finally:
        gc.enable()


# -- cancellation ---------------------------------------------------------------------------------


async def everywhere(world: World, operation: Callable[[Redis[str]], Any], inside: bool) -> int:
    """Cancel *operation* at every step; how many cases that were."""
    cases = 0
    with counting() as steps:
        for kind in kinds():
            at = 0
            while True:
                demote(world)
                for address in (S1, S2, S3):
                    world.servers[address].primary = A  # type: ignore[attr-defined]
                play(world.servers[A], replica=False)
                tasks = running_tasks()
                client = sentinel_of().primary_for(decode_responses=True, max_connections=2)
                with anyio.fail_after(8):
                    if inside:
                        async with client:
                            ended = await steps.run(partial(operation, client), kind, at)
                            await settled(client)
                            assert_whole(client)
                            await client.set("k", "still good")
                    else:
                        ended = await steps.run(partial(operation, client), kind, at)
                assert world.peers == []
                assert running_tasks() == tasks
                assert_whole(client)
                cases, at = cases + 1, at + 1
                if not ended.reached:
                    break
    return cases


async def settled(client: Redis[str]) -> None:
    """Wait until there are no dials."""
    await until(lambda: client.connection_pool.endpoint.server.allocator.dialling == 0)


async def first_use(client: Redis[str]) -> None:
    """Ask the sentinels, connect, run a command."""
    await client.set("k", "v")


async def open_use_and_leave(client: Redis[str]) -> None:
    """All of it, from outside."""
    async with client:
        await client.set("k", "v")


async def a_demotion(client: Redis[str], world: World) -> None:
    """A write that is refused by one and run by the other."""
    await client.set("k", "v")
    demote(world)
    await client.set("k", "w")


@pytest.mark.parametrize("inside", [True, False])
async def test_cancelled_everywhere(world: World, inside: bool) -> None:
    """Wherever use is cancelled, nothing is left open, and the pool is whole (G5, G8)."""
    await demoted(world)
    operation = first_use if inside else open_use_and_leave
    assert await everywhere(world, operation, inside) > 10


async def test_a_demotion_cancelled_everywhere(world: World) -> None:
    """Wherever the way to the new primary is cancelled, the next command finds it (G5, G8)."""
    await demoted(world)
    assert await everywhere(world, partial(a_demotion, world=world), inside=True) > 10


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
