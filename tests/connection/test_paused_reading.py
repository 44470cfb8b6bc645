"""Tests of `pause_reading` and `resume_reading`: what a listener asks for that cannot keep up."""

from __future__ import annotations

import anyio
import pytest

from anyredis import BaseConnection, ConnectionError
from anyredis.connection import base
from anyredis.connection.handshake_io import CHUNK
from anyredis.testing import silent
from anyredis.wire.decode import Reply
from tests.blocked_tasks import all_tasks_blocked
from tests.connection.listeners import (
    RecordingListener,
    client_with,
    connection_of,
    pushed,
    send,
    until,
)


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
