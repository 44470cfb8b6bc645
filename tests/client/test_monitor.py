"""Monitors: commands parsed, bounded, on a connection of their own that ends with the block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    BusyLoadingError,
    ConnectionError,
    DataError,
    MaxConnectionsError,
    Monitor,
    MonitoredCommand,
    NoPermissionError,
    ProtocolError,
    Redis,
    RedisCluster,
)
from anyredis.client import monitor as module
from anyredis.connection.handshake_io import CHUNK
from anyredis.server import Cluster, Server
from anyredis.testing import NOTHING, FakeCluster, FakePeer, FakeServer
from anyredis.testing.server import run_then_reset
from tests.blocked_tasks import all_tasks_blocked
from tests.servers import ask


@pytest.fixture
async def server() -> FakeServer:
    """A server in memory."""
    return FakeServer()


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[Redis[bytes]]:
    """A client of `server`, connected already."""
    async with server.client(max_connections=2) as client:
        await client.ping()
        yield client


def monitoring(server: FakeServer) -> FakePeer:
    """The server's end of the monitor's connection."""
    return next(peer for peer in server.peers if peer.state.id in server.memory.monitors)


async def named(monitor: Monitor[Any], name: str) -> MonitoredCommand[Any]:
    """The next command of that *name*."""
    async for command in monitor:
        if command.args[0] in (name, name.encode()):
            return command
    raise AssertionError


# -- what it gives ------------------------------------------------------------------------------

AWKWARD = b'a "quoted" \\ \n\r\t\a\b \x00\xff \xc3\xa9 "] \\"'


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", ["valkey", "redis8", "redis_tls"])
async def test_commands_of_real_servers(
    request: pytest.FixtureRequest, name: str, protocol: int
) -> None:
    """Time, database, client and words, with the server's escapes undone; scripts and sockets too."""
    server: Server = request.getfixturevalue(name)
    path = server.unix_socket_path
    before = float(cast("Any", ask(server, "TIME"))[0])
    async with (
        Redis(unix_socket_path=path, protocol=protocol, db=3) as client,
        client.monitor() as commands,
    ):
        await client.set("k", AWKWARD)
        await client.execute_command("EVAL", "return redis.call('get', KEYS[1])", 1, "k")
        if name == "redis_tls":
            ask(server, "ECHO", "hello")
        else:
            async with Redis(server.host, server.port) as other:
                await other.echo("hello")
        stored = await named(commands, "SET")
        assert stored.args == (b"SET", b"k", AWKWARD)
        assert stored.db == 3
        assert stored.time >= before
        assert (stored.client_type, stored.client_address, stored.client_port) == (
            "unix",
            "unix",
            str(path),
        )
        script = await named(commands, "get")
        assert script.args == (b"get", b"k")
        assert (script.client_type, script.client_address, script.client_port) == ("lua", "lua", "")
        echo = await named(commands, "ECHO")
        assert echo.command == "ECHO hello"
        if name != "redis_tls":
            assert (echo.client_type, echo.client_address) == ("tcp", "127.0.0.1")
            assert int(echo.client_port) > 0


async def test_text(server: FakeServer) -> None:
    """A client that decodes gets text; bytes that are none are escaped in it."""
    async with server.client(decode_responses=True) as client, client.monitor() as commands:
        await client.set("ä", b"\xff\n")
        command = await named(commands, "SET")
        assert command.args == ("SET", "ä", "\\xff\n")


async def test_text_with_an_error_handler_of_the_users(server: FakeServer) -> None:
    """The client's `encoding` and `encoding_errors` apply."""
    async with (
        server.client(decode_responses=True, encoding_errors="replace") as client,
        client.monitor() as commands,
    ):
        await client.set("k", b"\xff")
        assert (await named(commands, "SET")).args[2] == "\ufffd"
    async with (
        server.client(decode_responses=True, encoding="latin-1") as client,
        client.monitor() as commands,
    ):
        await client.echo("ä")
        assert (await named(commands, "ECHO")).args[1] == "ä"


async def test_the_form_of_redis_py(client: Redis[bytes]) -> None:
    """`next_command()`, `listen()` and `command["time"]` are those of redis-py."""
    async with client.monitor() as monitor:
        await client.set("k", b"\xff")
        command = await monitor.next_command()
        assert command["command"] == command.command == "SET k \\xff"
        assert command["db"] == 0
        assert command["client_type"] == "tcp"
        assert command["client_address"] == "127.0.0.1"
        assert command["client_port"] == command.client_port
        assert command["time"] == command.time
        with pytest.raises(KeyError):
            command["unknown"]
        await client.get("k")
        async for listened in monitor.listen():
            assert listened.args == (b"GET", b"k")
            break


async def test_a_command_hides_its_words(client: Redis[bytes]) -> None:
    """They may be secrets (G15)."""
    async with client.monitor() as monitor:
        await client.set("k", "secret")
        command = await anext(monitor)
    assert repr(command) == "<MonitoredCommand b'SET' db=0 127.0.0.1>"


async def test_an_ipv6_client(server: FakeServer, client: Redis[bytes]) -> None:
    """Its address has colons and brackets."""
    async with client.monitor() as monitor:
        monitoring(server).send('1.5 [2 [::1]:6379] "GET" "]"')
        command = await anext(monitor)
        assert (command.time, command.db) == (1.5, 2)
        assert (command.client_address, command.client_port) == ("[::1]", "6379")
        assert command.args == (b"GET", b"]")


async def test_a_line_that_is_no_command(server: FakeServer, client: Redis[bytes]) -> None:
    """It is an error, not a guess; a reply to no request ends the connection."""
    async with client.monitor() as monitor:
        monitoring(server).send("1.5 [0 somebody did something]")
        with pytest.raises(ProtocolError, match="where a command was expected"):
            await anext(monitor)
        monitoring(server).send("surprise")
        with pytest.raises(ConnectionError, match=r"was lost: .*to no request"):
            await anext(monitor)


# -- its connection -----------------------------------------------------------------------------


async def test_it_has_a_connection_of_its_own(server: FakeServer, client: Redis[bytes]) -> None:
    """It holds a lease; after the block it is closed, and nothing is left on the server (G8, G9)."""
    async with client.monitor():
        peer = monitoring(server)
        async with client.session():
            pass
        async with client.monitor():
            with pytest.raises(MaxConnectionsError):
                await client.ping()
    while server.memory.monitors:
        await anyio.lowlevel.checkpoint()
    assert peer not in server.peers
    assert client.connection_pool.leased == 0
    assert await client.ping()


async def test_its_end(client: Redis[bytes]) -> None:
    """A later call raises `RuntimeError`."""
    async with client.monitor() as monitor:
        await client.ping()
    with pytest.raises(RuntimeError, match="this monitor has ended"):
        await anext(monitor)


async def test_an_exception_in_the_block_leaves_as_itself(client: Redis[bytes]) -> None:
    """Not wrapped, and nothing stays (G14)."""
    with pytest.raises(KeyError, match="mine"):
        async with client.monitor():
            raise KeyError("mine")
    assert client.connection_pool.leased == 0


async def test_a_refused_monitor(server: FakeServer, client: Redis[bytes]) -> None:
    """The server's error leaves; a loss and LOADING at the beginning are repeated."""
    server.on("MONITOR", NoPermissionError("NOPERM no"), times=1)
    with pytest.raises(NoPermissionError):
        async with client.monitor():
            pytest.fail("entered")
    assert client.connection_pool.leased == 0
    for failure in (run_then_reset, BusyLoadingError("LOADING")):
        server.on("MONITOR", failure, times=1)
        async with client.monitor() as monitor:
            await client.echo("x")
            assert (await named(monitor, "ECHO")).args == (b"ECHO", b"x")


async def test_monitor_cannot_be_sent_otherwise(client: Redis[bytes]) -> None:
    """Everywhere else it would spoil the replies: the refusal names `monitor()`."""
    with pytest.raises(DataError, match=r"use the client's monitor\(\)"):
        await client.execute_command("MONITOR")


# -- loss, silence, cancellation ----------------------------------------------------------------


async def test_a_loss_is_told_after_what_had_arrived(
    server: FakeServer, client: Redis[bytes]
) -> None:
    """The commands that came before it are given first; then each call raises."""
    async with client.monitor() as monitor:
        await client.echo("first")
        await client.echo("second")
        monitoring(server).reset()
        assert [(await anext(monitor)).args[1] for _ in range(2)] == [b"first", b"second"]
        for _ in range(2):
            with pytest.raises(ConnectionError, match="connection of the monitor to the fake"):
                await anext(monitor)


async def test_a_loss_wakes_who_waits(server: FakeServer, client: Redis[bytes]) -> None:
    """All tasks that wait for a command."""
    raised: list[ConnectionError] = []

    async def wait(monitor: Monitor[bytes]) -> None:
        try:
            await anext(monitor)
        except ConnectionError as error:
            raised.append(error)

    async with client.monitor() as monitor, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait, monitor)
        await all_tasks_blocked()
        monitoring(server).reset()
    assert len(raised) == 3


async def test_leaving_wakes_who_waits(client: Redis[bytes]) -> None:
    """A task that waits for a command while the block is left gets an error."""
    raised: list[BaseException] = []

    async def wait(monitor: Monitor[bytes]) -> None:
        with pytest.raises((ConnectionError, RuntimeError)) as caught:
            await anext(monitor)
        raised.append(caught.value)

    async with anyio.create_task_group() as tasks, client.monitor() as monitor:
        tasks.start_soon(wait, monitor)
        await all_tasks_blocked()
    assert len(raised) == 1


async def test_cancelling_loses_nothing(server: FakeServer, client: Redis[bytes]) -> None:
    """A wait that is cancelled, at any moment, leaves all commands for the next (G10)."""
    async with client.monitor() as monitor:
        for number in range(20):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(anext, monitor)
                    for _ in range(number % 5):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
        received: list[bytes] = []
        for number in range(20):
            await client.echo(str(number))
            with anyio.CancelScope() as scope:
                if number % 2:
                    scope.cancel()
                received.append((await anext(monitor)).args[1])
        while len(received) < 20:
            received.append((await anext(monitor)).args[1])
    assert received == [b"%d" % number for number in range(20)]


async def test_a_silent_server_is_asked(server: FakeServer) -> None:
    """After `stream_timeout` without a command it gets a PING, which the monitor leaves out."""
    async with server.client(stream_timeout=0.05) as client, client.monitor() as monitor:
        async with anyio.create_task_group() as tasks:

            async def speak() -> None:
                await server.wait_for("PING", 2)
                await client.echo("x")

            tasks.start_soon(speak)
            assert (await named(monitor, "ECHO")).args == (b"ECHO", b"x")
        pings = [words for words in server.received if words[0] == b"PING"]
        assert len(pings) >= 2
        assert all(words[1].startswith(b"anyredis monitor ") for words in pings)


async def test_a_dead_server_is_noticed(server: FakeServer) -> None:
    """It does not answer that PING: the connection is closed, and the monitor raises."""
    async with server.client(stream_timeout=0.05) as client, client.monitor() as monitor:
        server.on("PING", NOTHING)
        with pytest.raises(ConnectionError, match="connection of the monitor"):
            await anext(monitor)


# -- bounds (G13) -------------------------------------------------------------------------------


@pytest.mark.parametrize("lines_or_bytes", ["MAX_LINES", "MAX_BYTES"])
async def test_reading_pauses_if_nobody_takes_commands(
    server: FakeServer,
    client: Redis[bytes],
    monkeypatch: pytest.MonkeyPatch,
    lines_or_bytes: str,
) -> None:
    """The lines that it holds are bounded; the rest waits at the server, and none is lost."""
    monkeypatch.setattr(module, lines_or_bytes, 10)
    total, size = 2000, 1000
    async with client.monitor() as monitor:
        peer = monitoring(server)
        for number in range(total):
            peer.send(f'1.0 [0 127.0.0.1:1] "ECHO" "{number}" "{"x" * size}"')
        await all_tasks_blocked()
        assert 0 < len(monitor._lines) <= 10 + CHUNK // size
        assert monitor._connection._pauses == 1
        received = [int((await anext(monitor)).args[1]) for _ in range(total)]
        assert received == list(range(total))
        assert monitor._connection._pauses == 0


async def test_a_line_has_a_bound(
    server: FakeServer, client: Redis[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A longer one ends the monitor, and no more of it is kept."""
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100_000)
    async with client.monitor() as monitor:
        peer = monitoring(server)
        peer.send('1.0 [0 127.0.0.1:1] "ECHO" "%s"' % ("x" * 90_000))
        assert len((await anext(monitor)).args[1]) == 90_000
        peer.send('1.0 [0 127.0.0.1:1] "ECHO" "%s"' % ("x" * 900_000))
        with pytest.raises(ConnectionError, match="no request waits for"):
            await anext(monitor)


# -- clusters -----------------------------------------------------------------------------------


async def test_a_cluster_is_monitored_node_by_node(valkey_cluster: Cluster) -> None:
    """The cluster's own `monitor()` is refused with the form for a node."""
    seed = valkey_cluster.primaries[0]
    async with RedisCluster(seed.host, seed.port, decode_responses=True) as cluster:
        with pytest.raises(DataError, match=r"client\.node\(address\)\.monitor\(\)"):
            cast("Any", cluster).monitor()
        async with cluster.node_for("k").monitor() as commands:
            await cluster.set("k", "v")
            assert (await named(commands, "SET")).args == ("SET", "k", "v")


async def test_a_node_that_left_is_found_again() -> None:
    """A node's client takes a new endpoint, as for its other commands."""
    cluster = FakeCluster()
    async with cluster.client() as client:
        node = client.node_for("k")
        owner = cluster.node_of("k")
        cluster.move(range(16384), next(each for each in cluster.nodes if each is not owner))
        assert await client.connection_pool.topology.wait_refreshed() is None
        async with node.monitor() as commands:
            await node.echo("here")
            assert (await named(commands, "ECHO")).args[1] == b"here"
