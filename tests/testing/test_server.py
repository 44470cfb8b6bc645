"""Tests of `anyredis.testing.server`: a fake server, and clients that meet its failures."""

from __future__ import annotations

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    BlockingConnectionPool,
    ConnectionError,
    MaxConnectionsError,
    Redis,
    ResponseError,
)
from anyredis.testing import (
    NOTHING,
    Answer,
    FakeConnection,
    FakePeer,
    FakeServer,
    Memory,
    Raw,
    VirtualClock,
    Words,
    run_then_half_close,
    run_then_reset,
    silent,
)
from anyredis.wire.encode import encoder
from tests.blocked_tasks import all_tasks_blocked, cancelled_once_blocked

pack = encoder()


async def test_a_client_of_it() -> None:
    """An ordinary client, which decodes or does not."""
    server = FakeServer()
    async with server.client(decode_responses=True, db=3, client_name="me") as client:
        assert await client.set("k", "v")
        assert await client.get("k") == "v"
        [peer] = server.peers
        assert (peer.state.name, peer.state.db, peer.state.protocol) == (b"me", 3, 3)
        assert peer.state.library[b"LIB-NAME"] == b"anyredis"
    async with server.client(db=3, protocol=2) as client_of_bytes:
        assert await client_of_bytes.get("k") == b"v"
    assert server.peers == []


async def test_a_pool_of_it() -> None:
    """Any pool will do, with its own arguments."""
    server = FakeServer()
    pool = server.pool(pool_class=BlockingConnectionPool, max_connections=2, shared_connections=0)
    async with Redis(connection_pool=pool) as client, anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(client.incr, "n")
    assert server.accepted == 2
    assert server.memory.databases[0][b"n"] == b"10"


async def test_its_limits_hold_there_too() -> None:
    """One too many raises."""
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(max_connections=1) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "k")
        await server.wait_for("GET")
        with pytest.raises(MaxConnectionsError):
            await client.get("k")
        tasks.cancel_scope.cancel()


async def test_a_connection_class_of_it() -> None:
    """`FakeConnection` is a connection_class like any other."""
    server = FakeServer()
    connection = FakeConnection(server=server, decode_responses=True)
    assert connection.address == "the fake server"
    assert connection.decode_responses


async def test_transactions() -> None:
    """A pipeline runs as it does on a real server."""
    async with FakeServer().client(decode_responses=True) as client:
        async with client.pipeline() as pipe:
            hits, name = pipe.incr("hits"), pipe.get("name")
        assert (hits.value, name.value) == (1, None)


async def test_it_records_what_it_received() -> None:
    """In order, over all connections and for each."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        await client.get("a")
        await session.get("b")
        assert server.received[-2:] == [(b"GET", b"a"), (b"GET", b"b")]
        assert server.count("get") == 2
        assert sum((b"GET", b"b") in peer.received for peer in server.peers) == 1


async def test_users() -> None:
    """Passwords are required if there are users."""
    server = FakeServer(users={"me": "secret"})
    async with server.client(username="me", password="secret") as client:
        assert await client.ping()
    async with server.client(username="me", password="wrong") as client:
        with pytest.raises(AuthenticationError):
            await client.ping()


async def test_a_scripted_answer() -> None:
    """A value, an error, bytes as they are, or nothing."""
    server = FakeServer()
    async with server.client(retry=None) as client:
        server.on("GET", b"scripted")
        assert await client.get("k") == b"scripted"
        server.on("GET", ResponseError("ERR no"))
        with pytest.raises(ResponseError, match="ERR no"):
            await client.get("k")
        server.on("GET", Raw(b"$2\r\nhi\r\n"))
        assert await client.get("k") == b"hi"
        server.off("GET")
        assert await client.get("k") is None


async def test_a_script_that_is_a_function() -> None:
    """It gets the connection and the command, may run it, and gives the answer."""
    server = FakeServer()

    def twice(peer: FakePeer, words: Words) -> Answer:
        peer.run(words)
        return peer.run(words)

    server.on("INCRBY", twice)
    async with server.client() as client:
        assert await client.incr("n") == 2


async def test_a_script_for_some_times() -> None:
    """Afterwards the earlier script applies again."""
    server = FakeServer()
    server.on("GET", b"always")
    server.on("GET", b"twice", times=2)
    server.on("GET", b"once", times=1)
    async with server.client() as client:
        assert [await client.get("k") for _ in range(4)] == [b"once", b"twice", b"twice", b"always"]


async def test_a_script_for_everything_else() -> None:
    """`*` is any command without a script of its own."""
    server = FakeServer()
    async with server.client() as client:
        await client.ping()
        server.on("*", ResponseError("ERR closed today"))
        server.on("ECHO", b"open")
        with pytest.raises(ResponseError, match="closed today"):
            await client.get("k")
        assert await client.echo("x") == b"open"


@pytest.mark.parametrize("lose", [run_then_reset, run_then_half_close])
async def test_a_reply_that_is_lost(lose: object) -> None:
    """The command was run, and the client never hears of it."""
    server = FakeServer()
    server.on("INCRBY", run_then_reset if lose is run_then_reset else run_then_half_close, times=1)
    async with server.client() as client:
        with pytest.raises(ConnectionError):
            await client.incr("n")
        assert await client.get("n") == b"1"


async def test_a_command_that_is_swallowed() -> None:
    """It is recorded, not run, and not answered."""
    server = FakeServer()
    server.on("SET", silent)
    async with server.client() as client:
        async with cancelled_once_blocked() as scope:
            await client.set("k", "v")
        assert scope.cancelled_caught
    assert server.count("SET") == 1
    assert server.memory.databases[0] == {}


async def test_a_server_that_is_down() -> None:
    """Connections are refused until it is up."""
    server = FakeServer()
    server.down = True
    async with server.client(retry=None) as client:
        with pytest.raises(ConnectionError, match="refused"):
            await client.ping()
        server.down = False
        assert await client.ping()
    assert server.accepted == 1
    assert "0 connections" in repr(server)


async def test_holding_all_connections() -> None:
    """Those that are open and those to come, until released."""
    server = FakeServer()
    async with server.client() as client, anyio.create_task_group() as tasks:
        await client.ping()
        server.hold()
        tasks.start_soon(client.get, "k")
        await server.wait_for("GET")
        assert server.peers[0].stream.held > 0
        server.release()
        assert await client.ping()


async def test_pushes() -> None:
    """They can be sent at any time, and answer no request."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        await client.ping()
        [peer] = server.peers
        peer.push("invalidate", [b"k"])
        assert await client.echo("mine") == "mine"


async def test_waiting_for_a_command() -> None:
    """`wait_for` returns once it was received so often, at once if it was already."""
    server = FakeServer()
    async with server.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.ping)
        tasks.start_soon(client.ping)
        await server.wait_for("PING", 2)
        await server.wait_for("ping")
        assert NOTHING is not None


# -- time -------------------------------------------------------------------------------------------


async def test_a_blocking_timeout() -> None:
    """Without a clock of its own the server follows that of the event loop."""
    async with FakeServer().client() as client:
        with anyio.fail_after(20):
            assert await client.execute_command("BLPOP", "jobs", 0.01) is None
            assert await client.execute_command("BZPOPMIN", "jobs", 0.01) is None


async def test_a_blocking_timeout_by_a_virtual_clock() -> None:
    """It answers when the clock has reached the end, not before; nobody waits."""
    clock, found = VirtualClock(), list[object]()
    server = FakeServer(clock=clock)

    async def pop() -> None:
        found.append(await client.execute_command("BLPOP", "jobs", 3600))

    async with server.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(pop)
        await server.wait_for("BLPOP")
        clock.advance(3599)
        await all_tasks_blocked()
        assert found == []
        clock.advance(1)
    assert found == [None]
    assert "0 blocked" in repr(clock)


async def test_a_push_wakes_a_blocking_command() -> None:
    """That of another client of the same server, first come, first served."""
    server, found = FakeServer(clock=VirtualClock()), list[object]()

    async def pop(name: str) -> None:
        found.append((name, await client.execute_command("BLPOP", "jobs", 0)))

    async with server.client(decode_responses=True) as client, anyio.create_task_group() as tasks:
        for number, name in enumerate(("first", "second"), start=1):
            tasks.start_soon(pop, name)
            await server.wait_for("BLPOP", number)
        await client.rpush("jobs", "a")
        await all_tasks_blocked()
        await client.rpush("jobs", "b")
    assert found == [("first", ["jobs", "a"]), ("second", ["jobs", "b"])]


async def test_a_cancelled_blocking_command_takes_nothing() -> None:
    """Its connection is closed, so the element is the next one's."""
    server = FakeServer()
    async with server.client(decode_responses=True) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.execute_command, "BLPOP", "jobs", 0)
            await server.wait_for("BLPOP")
            tasks.cancel_scope.cancel()
        await client.rpush("jobs", "a")
        assert await client.lpop("jobs") == "a"


async def test_commands_behind_a_blocked_one_wait() -> None:
    """As on a real server; they are run as soon as it has its answer."""
    server = FakeServer()
    stream = await server.connect()
    other = await server.connect()
    await stream.send(pack((b"BLPOP", b"l", b"0")) + pack((b"SET", b"k", b"v")))
    assert server.count("SET") == 0
    await other.send(pack((b"RPUSH", b"l", b"a")))
    assert server.count("SET") == 1
    assert await stream.receive() == b"*2\r\n$1\r\nl\r\n$1\r\na\r\n+OK\r\n"


async def test_a_script_answers_a_blocked_command() -> None:
    """What it sends ends the wait: no second answer follows."""
    server = FakeServer()
    stream = await server.connect()
    await stream.send(pack((b"BLPOP", b"l", b"0")))
    [peer] = server.peers
    peer.send(None)
    await stream.send(pack((b"RPUSH", b"l", b"a")))
    assert await stream.receive() == b"$-1\r\n:1\r\n"


def test_a_memory_brings_its_own_clock_and_users() -> None:
    """Both given twice would be two truths: it is refused."""
    clock = VirtualClock()
    assert FakeServer(memory=Memory(clock=clock)).clock is clock
    with pytest.raises(ValueError, match="Memory"):
        FakeServer(memory=Memory(), clock=clock)
    with pytest.raises(ValueError, match="Memory"):
        FakeServer(memory=Memory(), users={"a": "b"})
