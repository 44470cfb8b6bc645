"""Tests of `ConnectionListener`: ready, push and lost, pauses, and listeners that fail."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import (
    BaseConnection,
    ConnectionError,
    ConnectionListener,
    ConnectionPool,
    ProtocolError,
    Redis,
)
from anyredis.connection import base
from anyredis.connection.handshake_io import CHUNK
from anyredis.testing import FakeCluster, FakeConnection, FakePeer, FakeServer, Raw, silent
from anyredis.testing.resp import encode
from anyredis.wire.decode import Reply
from tests.blocked_tasks import all_tasks_blocked

TEXT = {"decode_responses": True}


class RecordingListener:
    """A listener that records its events and pushes."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.pushes: list[list[Reply]] = []

    def ready(self, connection: BaseConnection, /) -> None:
        """Note it."""
        assert connection.usable
        self.events.append("ready")

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Note it."""
        self.pushes.append(message)

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Note it."""
        assert not connection.usable
        self.events.append(f"{'closed' if connection.closed else 'draining'}: {reason}")


class FailingListener(RecordingListener):
    """A listener that fails at every event."""

    def ready(self, connection: BaseConnection, /) -> None:
        """Fail."""
        raise KeyError("ready")

    def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
        """Fail."""
        raise KeyError("push")

    def lost(self, connection: BaseConnection, reason: str, /) -> None:
        """Fail."""
        raise KeyError("lost")


def pushed(kind: bytes, *texts: bytes) -> bytes:
    """The bytes of a push."""
    strings = b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in texts)
    return b">%d\r\n+%b\r\n%b" % (len(texts) + 1, kind, strings)


@asynccontextmanager
async def client_with(
    *listeners: ConnectionListener, **options: Any
) -> AsyncGenerator[tuple[Redis[Any], FakeServer]]:
    """A client that is connected, and its server."""
    server = FakeServer()
    pool = ConnectionPool(
        connection_class=FakeConnection, server=server, listeners=listeners, **options
    )
    decodes = pool.decode_responses
    client: Redis[Any] = Redis(connection_pool=pool, decode_responses=decodes, retry=None)
    async with client:
        await client.ping()
        yield client, server


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


def connection_of(client: Redis[Any]) -> BaseConnection:
    """The one connection that *client* has."""
    [connection] = client.connection_pool.connections()
    return connection


# -- events -------------------------------------------------------------------------------------


async def test_ready_and_lost() -> None:
    """A listener gets both events of every connection of the pool."""
    listener = RecordingListener()
    async with client_with(listener) as (client, server):
        assert listener.events == ["ready"]
        server.reset()
        await until(lambda: len(listener.events) == 2)
        assert listener.events[1].startswith("closed: ")
        await client.ping()
        async with client.session() as session:
            await session.ping()
            assert listener.events[2:] == ["ready", "ready"]
    assert listener.events[4:] == ["closed: the pool was left"] * 2


async def test_a_draining_connection_is_lost_twice() -> None:
    """First when it takes no new requests, then when it is closed."""
    listener = RecordingListener()
    async with client_with(listener) as (client, server), anyio.create_task_group() as tasks:
        server.hold()
        tasks.start_soon(client.get, "k")
        await server.wait_for("GET")
        connection = connection_of(client)
        for reason in ("the test says so", "again"):
            connection.drain(reason)
        assert listener.events == ["ready", "draining: the test says so"]
        server.release()
        await until(lambda: connection.closed)
        connection.drain("too late")
        assert listener.events == ["ready", "draining: the test says so", "closed: it was replaced"]


async def test_commands_enqueued_in_ready_are_sent_first() -> None:
    """A listener can prepare the connection before it is used."""

    class SendingListener(RecordingListener):
        def ready(self, connection: BaseConnection, /) -> None:
            connection.enqueue((b"ECHO", b"first"))

    async with client_with(SendingListener()) as (_, server):
        after_handshake = server.received[-2:]
        assert after_handshake == [(b"ECHO", b"first"), (b"PING",)]


@pytest.mark.parametrize("method", ["close", "drain"])
async def test_a_listener_that_refuses_a_connection(method: str) -> None:
    """G5, G6: no lease gets a connection that a listener closed or drained in `ready`."""

    class RefusingListener(RecordingListener):
        def ready(self, connection: BaseConnection, /) -> None:
            super().ready(connection)
            if len(self.events) == 1:
                getattr(connection, method)("not this one")

    listener = RefusingListener()
    async with client_with(listener) as (client, server):
        assert server.accepted == 2
        await until(lambda: len(server.peers) == 1)
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)
        assert pool.endpoint.server.allocator.sockets == 1


@pytest.mark.parametrize("options", [{}, TEXT, {**TEXT, "encoding": "shift_jis"}])
async def test_pushes_are_bytes_with_every_encoding(options: dict[str, Any]) -> None:
    """G1, G12: a push that is no text does not damage the replies around it, nor they the push."""
    listener = RecordingListener()
    payload = bytes(range(256))
    async with client_with(listener, **options) as (client, server):
        [peer] = server.peers
        server.on("ECHO", silent)
        replies: list[object] = []

        async def echo(text: str) -> None:
            replies.append(await client.echo(text))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(echo, "one")
            tasks.start_soon(echo, "two")
            await server.wait_for("ECHO", 2)
            raw = pushed(b"message", b"c", payload)
            send(peer, raw, b"$3\r\none\r\n", raw[:50])
            await all_tasks_blocked()
            send(peer, raw[50:], b"$3\r\ntwo\r\n", raw)
        assert replies == (["one", "two"] if options else [b"one", b"two"])
        await until(lambda: len(listener.pushes) == 3)
        assert listener.pushes == [[b"message", b"c", payload]] * 3


def send(peer: FakePeer, *pieces: bytes) -> None:
    """Send *pieces* unchanged from *peer*."""
    peer.stream.deliver(b"".join(pieces))


async def test_nested_pushes_are_bytes_too() -> None:
    """Lists, maps, numbers and null are as the server sent them."""
    listener = RecordingListener()
    async with client_with(listener, **TEXT) as (_, server):
        [peer] = server.peers
        send(peer, b">3\r\n+invalidate\r\n*2\r\n$1\r\n\xff\r\n:5\r\n%1\r\n+k\r\n_\r\n")
        await until(lambda: listener.pushes)
        assert listener.pushes == [[b"invalidate", [b"\xff", 5], {b"k": None}]]


# -- listeners that fail ------------------------------------------------------------------------


async def test_an_exception_in_a_listener(caplog: pytest.LogCaptureFixture) -> None:
    """G12, G14: it is logged; connection, requests, other listeners and the block continue."""
    listener = RecordingListener()
    async with client_with(FailingListener(), listener) as (client, server):
        [peer] = server.peers
        async with anyio.create_task_group() as tasks:
            server.on("GET", silent)
            tasks.start_soon(client.get, "k")
            await server.wait_for("GET")
            send(peer, pushed(b"message", b"x"), b"$1\r\nv\r\n")
            await until(lambda: listener.pushes)
        assert server.accepted == 1
        server.reset()
        await until(lambda: client.connection_pool.connections() == [])
        await client.ping()
        assert server.accepted == 2
        pool = client.connection_pool
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)
    assert [each[:5] for each in listener.events] == ["ready", "close", "ready", "close"]
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    failures = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert failures == ["'ready'", "'push'", "'lost'", "'ready'", "'lost'"]


async def test_a_listener_that_closes_the_connection_in_a_push() -> None:
    """G12: its requests fail with that reason, and no push follows `lost`."""

    class ClosingListener(RecordingListener):
        def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
            super().push(connection, message)
            connection.close("the listener has had enough")

    listener = ClosingListener()
    async with client_with(listener) as (client, server), anyio.create_task_group() as tasks:
        [peer] = server.peers
        server.on("GET", silent)

        async def get() -> None:
            with pytest.raises(ConnectionError, match="the listener has had enough"):
                await client.get("k")

        async def pipeline() -> None:
            pipe = client.pipeline(transaction=False)
            pipe.get("a")
            pipe.get("b")
            with pytest.raises(ConnectionError, match="the listener has had enough"):
                await pipe.execute()

        tasks.start_soon(pipeline)
        await server.wait_for("GET", 2)
        tasks.start_soon(get)
        await server.wait_for("GET", 3)
        push = pushed(b"message", b"x")
        send(peer, b"$1\r\na\r\n", push, push, b"$1\r\nb\r\n$1\r\nc\r\n")
    assert len(listener.pushes) == 1
    assert listener.events == ["ready", "closed: the listener has had enough"]


# -- pauses -------------------------------------------------------------------------------------


async def test_while_reading_is_paused_nothing_is_read() -> None:
    """G13: memory is bounded while a listener cannot keep up; afterwards every push comes."""
    listener = RecordingListener()
    async with client_with(listener) as (client, server):
        [peer] = server.peers
        connection = connection_of(client)
        connection.pause_reading()
        for _ in range(64):
            send(peer, pushed(b"message", bytes(CHUNK // 4)))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "k")
            await server.wait_for("GET")
            await all_tasks_blocked()
            assert listener.pushes == []
            assert len(peer.stream._arrived) >= 60 * CHUNK // 4
            assert connection.wire.inflight
            connection.resume_reading()
        await until(lambda: len(listener.pushes) == 64)
        assert await client.ping()


async def test_a_listener_that_pauses_in_each_push() -> None:
    """G12, G13: requests wait, none fails, and the order is kept."""

    class PausingListener(RecordingListener):
        def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
            super().push(connection, message)
            connection.pause_reading()

    listener = PausingListener()
    async with client_with(listener) as (client, server):
        [peer] = server.peers
        connection = connection_of(client)
        answers: list[object] = []

        async def ping() -> None:
            answers.append(await client.ping())

        for number in range(1, 4):
            send(peer, pushed(b"message", b"%d" % number))
            await until(lambda: len(listener.pushes) == number)  # noqa: B023 - waited for here
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ping)
                await server.wait_for("PING", number + 1)
                await all_tasks_blocked()
                assert len(answers) == number - 1
                connection.resume_reading()
        assert answers == [True] * 3
        assert listener.pushes == [[b"message", b"%d" % number] for number in (1, 2, 3)]


async def test_pauses_are_counted() -> None:
    """Two pauses need two resumes; a third resume raises."""
    async with client_with(RecordingListener()) as (client, server):
        connection = connection_of(client)
        connection.pause_reading()
        connection.pause_reading()
        connection.resume_reading()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "k")
            await server.wait_for("GET")
            await all_tasks_blocked()
            assert connection.wire.inflight
            connection.resume_reading()
        with pytest.raises(RuntimeError, match="not paused"):
            connection.resume_reading()


async def test_a_pause_does_not_count_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is not overdue during a pause, nor right after it, but later it is."""
    now = 1000.0
    monkeypatch.setattr(base, "clock", lambda: lambda: now)
    async with client_with(RecordingListener(), stream_timeout=10.0) as (client, server):
        connection = connection_of(client)
        server.on("GET", silent)
        request = connection.enqueue((b"GET", b"k"))
        assert request is not None
        await server.wait_for("GET")
        now += 6
        connection.pause_reading()
        now += 100
        assert not connection.overdue()
        connection.resume_reading()
        assert not connection.overdue()
        now += 3.9
        assert not connection.overdue()
        now += 0.2
        assert connection.overdue()
        connection.abandon(request)


async def test_closing_while_reading_is_paused() -> None:
    """G8: no stream is left open, and pending requests fail."""
    async with (
        client_with(RecordingListener()) as (client, server),
        anyio.create_task_group() as tasks,
    ):

        async def get() -> None:
            with pytest.raises(ConnectionError, match="the test says so"):
                await client.get("k")

        connection = connection_of(client)
        connection.pause_reading()
        tasks.start_soon(get)
        await server.wait_for("GET")
        connection.close("the test says so")
        await until(lambda: server.peers == [])


# -- pushes without an end ------------------------------------------------------------------------


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("limit", [None, 3_000_000])
async def test_a_push_that_never_ends(exclusive: bool, limit: int | None) -> None:
    """G13: it closes the connection, after 1 MiB without a listener, else after `max_push_bytes`."""
    server = FakeServer()
    options: dict[str, Any] = {}
    if limit is not None:
        options = {"listeners": [RecordingListener()], "max_push_bytes": limit}
    most = limit or 1024 * 1024
    sent = 0
    made: Redis[bytes] = Redis(connection_pool=server.pool(**options))
    async with made as client:
        if exclusive:
            async with client.connection_pool.acquire():
                pass
        else:
            await client.ping()
        [connection] = client.connection_pool.connections()
        [peer] = server.peers
        send(peer, b">2\r\n+message\r\n$4000000000\r\n")
        while not connection.closed:
            send(peer, b"x" * 500_000)
            sent += 500_000
            await all_tasks_blocked()
            assert sent <= most + 500_000 + CHUNK
        assert sent >= most
        assert await client.ping()
        assert server.accepted == 2


@pytest.mark.parametrize("where", ["handshake", "behind it"])
async def test_a_handshake_that_never_ends(where: str) -> None:
    """G13: its bytes are bounded too, and those behind it are read without another receive."""
    server = FakeServer()
    if where == "handshake":
        server.greeting = b"$4000000000\r\n" + b"x" * 4_000_000
        with pytest.raises(ProtocolError, match="answered with more than"):
            async with server.client(retry=None) as client:
                await client.ping()
        return
    server.greeting = b">1\r\n+early\r\n"
    listener = RecordingListener()
    async with server.client(listeners=[listener]) as client:
        await client.ping()
    async with server.client(retry=None) as client:
        server.on("HELLO", lambda peer, words: Raw(encode(peer.run(words)) + b"*1000000000\r\n"))
        with pytest.raises(ProtocolError, match="announced an aggregate of 1000000000 elements"):
            await client.ping()


# -- of clusters and connection classes ---------------------------------------------------------


async def test_listeners_of_a_cluster() -> None:
    """They get the events of all nodes' connections, not those of the control connection."""
    ready: list[str] = []

    class AddressListener(RecordingListener):
        def ready(self, connection: BaseConnection, /) -> None:
            ready.append(connection.address)

    cluster = FakeCluster(3)
    async with cluster.client(listeners=[AddressListener()]) as client:
        await client.mget("bar", "eggs", "foo")
        assert sorted(ready) == [f"fake:700{number}" for number in range(3)]


async def test_a_connection_class_with_listeners() -> None:
    """They are called before those of the pool."""
    order: list[str] = []

    class NamedListener(RecordingListener):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def ready(self, connection: BaseConnection, /) -> None:
            order.append(self.name)

    class ConnectionWithListener(FakeConnection):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.listeners = (NamedListener("class"),)

    pool = ConnectionPool(
        connection_class=ConnectionWithListener,
        server=FakeServer(),
        listeners=[NamedListener("pool"), NamedListener("second")],
    )
    async with Redis(connection_pool=pool) as client:
        await client.ping()
    assert order == ["class", "pool", "second"]
