"""Servers that cannot be reached, that do not want us, or that are none."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import SocketAttribute, SocketStream

from anyredis import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    ConnectTimeoutError,
    MaxClientsError,
    Outcome,
    ProtocolError,
    Redis,
    RedisError,
    ResponseError,
    Retry,
)
from anyredis.server import Server, run, server_spec
from anyredis.testing import FakeServer
from tests.blocked_tasks import all_tasks_blocked
from tests.servers import ask, valkey_binary

SECRET = "hunter2"

BRIEF = Retry(deadline=0.2)
"""What is repeated here fails again: the default deadline would only take longer."""


@asynccontextmanager
async def listening(
    serve: Callable[[SocketStream], Awaitable[None]],
) -> AsyncGenerator[int]:
    """The port of a TCP server that does *serve* with each connection."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, serve)
        port: int = listener.extra(SocketAttribute.local_port)
        yield port
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def guarded(private_server: Server) -> AsyncGenerator[Server]:
    """A server that wants a password."""
    ask(private_server, "CONFIG", "SET", "requirepass", SECRET)
    yield private_server


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_wrong_password(private_server: Server, protocol: int) -> None:
    """AuthenticationError names the address, is not tried again, and shows no password (G15)."""
    async with guarded(private_server) as server:
        client = Redis(server.host, server.port, password=f"not-{SECRET}", protocol=protocol)
        async with client:
            with pytest.raises(AuthenticationError, match="WRONGPASS") as caught:
                await client.get("k")
            assert f"{server.host}:{server.port}" in str(caught.value)
            assert SECRET not in str(caught.value)
            assert SECRET not in repr(client)
            assert client.connection_pool.free == client.connection_pool.capacity


@pytest.mark.parametrize("protocol", [2, 3])
async def test_no_password_where_one_is_wanted(private_server: Server, protocol: int) -> None:
    """AuthenticationError says that the server wants one."""
    async with (
        guarded(private_server) as server,
        Redis(server.host, server.port, protocol=protocol) as client,
    ):
        with pytest.raises(AuthenticationError, match="NOAUTH"):
            await client.get("k")


@pytest.mark.parametrize("protocol", [2, 3])
async def test_the_right_password(private_server: Server, protocol: int) -> None:
    """With the password all is well, by user name too."""
    async with guarded(private_server) as server:
        for user in (None, "default"):
            async with Redis(
                server.host, server.port, username=user, password=SECRET, protocol=protocol
            ) as client:
                assert await client.ping()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_password_where_none_is_set(valkey: Server, protocol: int) -> None:
    """A wrong user is refused like a wrong password."""
    async with Redis(
        valkey.host, valkey.port, username="nobody", password=SECRET, protocol=protocol
    ) as client:
        with pytest.raises(AuthenticationError, match="WRONGPASS") as caught:
            await client.get("k")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_database_that_is_not_there(valkey: Server, protocol: int) -> None:
    """The server's error says so, and which part of connecting it answers."""
    async with Redis(valkey.host, valkey.port, 10_000, protocol=protocol) as client:
        with pytest.raises(ResponseError, match=r"DB index is out of range.*SELECT"):
            await client.get("k")


async def test_a_server_that_is_not_there() -> None:
    """ConnectionError names the address and says that the command was not sent."""
    port = server_spec.free_port()
    async with Redis("127.0.0.1", port, retry=BRIEF) as client:
        with pytest.raises(ConnectionError, match=f"cannot connect to 127.0.0.1:{port}") as caught:
            await client.set("k", "v")
        assert caught.value.outcome is Outcome.NOT_SENT
        assert isinstance(caught.value, OSError)
        assert caught.value.__cause__ is not None
        assert client.connection_pool.free == client.connection_pool.capacity


async def test_a_host_that_has_no_address() -> None:
    """A name that does not resolve is a ConnectionError with that name."""
    async with Redis("no-such-host.invalid", connect_timeout=20, retry=BRIEF) as client:
        with pytest.raises(ConnectionError, match=r"cannot connect to no-such-host\.invalid:6379"):
            await client.get("k")


async def test_a_unix_socket_that_is_not_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A path without a socket is a ConnectionError with that path."""
    path = str(tmp_path_factory.mktemp("u") / "none.sock")
    async with Redis(unix_socket_path=path, retry=BRIEF) as client:
        with pytest.raises(ConnectionError, match=r"none\.sock"):
            await client.get("k")


async def test_a_hundred_callers_share_one_refusal() -> None:
    """G12, G13: callers that wait for the same dial get an error each, not a dial each."""
    server = FakeServer()
    server.down = True
    errors: list[RedisError] = []

    async def get() -> None:
        with pytest.raises(ConnectionError) as caught:
            await client.get("k")
        errors.append(caught.value)

    async with server.client(retry=None) as client, anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(get)
    assert len({id(error) for error in errors}) == 100
    assert client.connection_pool.endpoint.server.dials.failures <= 2


async def test_a_server_that_is_an_http_server() -> None:
    """The error says that the server does not speak the protocol; the connection is closed."""
    hung_up = anyio.Event()

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()
        hung_up.set()

    async with listening(answer) as port, Redis("127.0.0.1", port) as client:
        with pytest.raises(ProtocolError, match=f"127.0.0.1:{port}: .*not speak the Redis"):
            await client.get("k")
        await hung_up.wait()


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46"])
async def test_a_server_that_is_something_else(greeting: bytes) -> None:
    """Any other first bytes are a protocol error too."""
    async with FakeServer(greeting=greeting).client() as client:
        with pytest.raises(ProtocolError, match="does not speak the Redis protocol"):
            await client.get("k")


async def test_a_server_that_accepts_and_never_answers() -> None:
    """ConnectTimeoutError after connect_timeout, and the socket is closed."""
    hung_up = anyio.Event()

    async def swallow(stream: SocketStream) -> None:
        async with stream:
            async for _ in stream:
                pass
        hung_up.set()

    async with (
        listening(swallow) as port,
        Redis("127.0.0.1", port, connect_timeout=0.05) as client,
    ):
        with pytest.raises(ConnectTimeoutError, match=r"within 0\.05 s") as caught:
            await client.get("k")
        assert caught.value.outcome is Outcome.NOT_SENT
        assert isinstance(caught.value, TimeoutError)
        await hung_up.wait()


async def test_a_server_that_closes_at_once() -> None:
    """ConnectionError says that the server closed it."""
    server = FakeServer()
    server.on("HELLO", lambda peer, _: peer.half_close())
    async with server.client(retry=None) as client:
        with pytest.raises(ConnectionError, match="the server closed it"):
            await client.get("k")
    assert server.peers == []


async def test_a_server_that_is_loading() -> None:
    """A server that is loading at connect and at a command is asked again, until it is ready."""
    server = FakeServer()
    loading = BusyLoadingError("LOADING Redis is loading the dataset in memory")
    server.on("HELLO", loading, times=1)
    server.on("INCR", loading, times=1)
    server.on("INCRBY", loading, times=1)
    async with server.client() as client:
        assert await client.incr("n") == 1


async def test_a_server_that_goes_on_loading() -> None:
    """BusyLoadingError in the end, and the command was not run."""
    server = FakeServer()
    server.on("HELLO", BusyLoadingError("LOADING Redis is loading the dataset in memory"))
    async with server.client(retry=Retry(attempts=3)) as client:
        with pytest.raises(BusyLoadingError, match="LOADING"):
            await client.incr("n")
    assert server.accepted == 4


async def test_a_server_that_has_too_many_clients() -> None:
    """MaxClientsError, from a fake that says so and hangs up."""
    server = FakeServer(greeting=b"-ERR max number of clients reached\r\n")
    server.on("*", lambda peer, _: peer.half_close())
    async with server.client(retry=None) as client:
        with pytest.raises(MaxClientsError, match="max number of clients reached"):
            await client.get("k")


@pytest.mark.server
async def test_a_real_server_that_has_too_many_clients() -> None:
    """MaxClientsError while the server is full; service once it is not."""
    arguments = ("--maxclients", "1")
    async with (
        run(binary=valkey_binary(), arguments=arguments) as server,
        Redis(server.host, server.port, retry=None) as late,
    ):
        async with Redis(server.host, server.port) as early:
            assert await early.ping()
            for _ in range(3):
                with pytest.raises(MaxClientsError, match="max number of clients reached"):
                    await late.ping()
        with anyio.fail_after(5):
            while True:
                try:
                    assert await late.ping()
                except MaxClientsError:
                    continue  # the server has not noticed yet that the early one left
                break


async def test_a_handshake_in_pieces() -> None:
    """It makes no difference how the bytes of the handshake arrive."""
    server = FakeServer()
    server.hold()
    async with server.client(decode_responses=True) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.set, "k", "v")
        await server.wait_for("CLIENT", 2)
        [peer] = server.peers
        while peer.stream.held:
            peer.release(1)
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
        server.release()
    assert server.memory.databases[0] == {b"k": b"v"}


async def test_a_handshake_that_stops_at_any_byte() -> None:
    """G6: a connection whose handshake broke off, at any byte, is never used."""
    for after in range(0, 150, 7):
        server = FakeServer()
        server.hold(after)
        async with server.client(retry=None) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_refused, client)
                await server.wait_for("CLIENT", 2)
                await all_tasks_blocked()
                server.reset()
            assert server.count("GET") == 0
            assert client.connection_pool.free == client.connection_pool.capacity
            server.release()
            assert await client.get("k") is None


async def _refused(client: Redis[bytes]) -> None:
    with pytest.raises(ConnectionError, match="cannot connect to the fake server") as caught:
        await client.get("k")
    assert caught.value.outcome is Outcome.NOT_SENT
