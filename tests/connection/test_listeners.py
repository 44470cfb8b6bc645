"""Tests of `ConnectionListener`: ready, push and lost, and listeners that fail."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest

from anyredis import BaseConnection, ConnectionError, ConnectionPool, Redis
from anyredis.testing import FakeCluster, FakeConnection, FakeServer, silent
from anyredis.wire.decode import Reply
from tests.blocked_tasks import all_tasks_blocked
from tests.connection.listeners import (
    TEXT,
    FailingListener,
    RecordingListener,
    client_with,
    connection_of,
    pushed,
    send,
    until,
)

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
