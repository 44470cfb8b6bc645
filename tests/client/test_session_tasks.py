"""Several tasks that use one session: each gets its own replies, whatever the others send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from anyredis import ConnectionError, Outcome, Redis, Session, WatchError
from anyredis.connection import requests
from anyredis.connection.base import BaseConnection
from anyredis.server import Server
from anyredis.testing import FakeServer, Words
from anyredis.wire.decode import Reply
from tests.blocked_tasks import all_tasks_blocked

PIECE = b"x" * 100_000
"""Of 120 such pieces a pipeline has 12 MB."""


async def pipeline(session: Session[Any], transaction: bool, count: int = 120) -> None:
    """Send *count* pieces in one pipeline; each comes back to its own command."""
    async with session.pipeline(transaction=transaction) as pipe:
        results = [pipe.echo(b"%d" % number + PIECE) for number in range(count)]
    assert [result.value for result in results] == [b"%d" % n + PIECE for n in range(count)]


async def echo(session: Session[Any], text: bytes) -> None:
    """Ask for *text*, which comes back."""
    assert await session.echo(text) == text


@pytest.mark.parametrize("transaction", [False, True])
async def test_a_large_pipeline_beside_other_commands(valkey: Server, transaction: bool) -> None:
    """G1, G9: 12 MB in several pieces, commands and pipelines of others: each has its replies."""
    async with (
        Redis(valkey.host, valkey.port) as client,
        client.session() as session,
        anyio.create_task_group() as tasks,
    ):
        for number in range(20):
            tasks.start_soon(echo, session, b"before%d" % number)
        tasks.start_soon(pipeline, session, transaction)
        for number in range(20):
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(echo, session, b"beside%d" % number)
        tasks.start_soon(pipeline, session, True, 3)
        tasks.start_soon(pipeline, session, not transaction, 6)


def texts(received: list[Words]) -> list[bytes]:
    """What ECHO was asked, in short, and the names of the other commands."""
    ours = [words for words in received if words[0] not in {b"HELLO", b"CLIENT"}]
    return [words[1][:3] if words[0] == b"ECHO" else words[0] for words in ours]


@pytest.mark.parametrize("transaction", [False, True])
async def test_no_command_gets_between_the_pieces(transaction: bool) -> None:
    """G1, G7, G9: others wait in line until the last reply, and continue in their order."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        [peer] = server.peers
        peer.stop_reading()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(echo, session, b"one")
            await all_tasks_blocked()
            tasks.start_soon(pipeline, session, transaction, 60)
            await all_tasks_blocked()
            for text in (b"two", b"six"):
                tasks.start_soon(echo, session, text)
                await all_tasks_blocked()
            tasks.start_soon(pipeline, session, True, 1)
            await all_tasks_blocked()
            tasks.start_soon(echo, session, b"ten")
            await all_tasks_blocked()
            assert session.connection.enqueue((b"ECHO", b"listener")) is None
            peer.start_reading()
    pieces = [b"%d" % number + b"xx" for number in range(60)]
    large = [each[:3] for each in pieces]
    if transaction:
        large = [b"MULTI", *large, b"EXEC"]
    assert texts(server.received) == [
        *(b"one", *large, b"two", b"six"),
        *(b"MULTI", b"0xx", b"EXEC", b"ten"),
    ]


async def test_a_listener_does_not_get_between_the_pieces() -> None:
    """G1, G9: a command that a listener enqueues while a pipeline is sent is refused."""
    enqueued: list[object] = []

    class Listener:
        def ready(self, connection: BaseConnection, /) -> None:
            """Do nothing."""

        def push(self, connection: BaseConnection, message: list[Reply], /) -> None:
            enqueued.append(connection.enqueue((b"ECHO", b"listener")))

        def lost(self, connection: BaseConnection, reason: str, /) -> None:
            """Do nothing."""

    server = FakeServer()
    async with server.client(listeners=[Listener()]) as client, client.session() as session:
        [peer] = server.peers

        def push_and_echo(_: object, words: Words) -> bytes:
            if not enqueued:
                peer.push(b"note")
            return words[1]

        server.on("ECHO", push_and_echo)
        await pipeline(session, False, 60)
    assert enqueued[0] is None


async def cancelled_while_others_wait(
    server: FakeServer, call: Callable[[Session[Any]], Awaitable[object]], steps: int
) -> tuple[bool, list[object]]:
    """Whether *call* ended before it was cancelled, after *steps* turns; the ends of the others."""
    ended: list[object] = []
    completed = False

    async def ask(session: Session[Any], text: bytes) -> None:
        try:
            ended.append(await session.echo(text) == text)
        except ConnectionError as error:
            ended.append(error)

    async with server.client(max_connections=1) as client:
        async with client.session() as session, anyio.create_task_group() as others:
            others.start_soon(ask, session, b"first")
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:

                    async def cancel() -> None:
                        for _ in range(steps):
                            await anyio.lowlevel.checkpoint()
                        scope.cancel()

                    tasks.start_soon(cancel)
                    others.start_soon(ask, session, b"second")
                    await call(session)
                    completed = True
                    others.start_soon(ask, session, b"third")
                    tasks.cancel_scope.cancel()
            others.start_soon(ask, session, b"fourth")
        assert await client.ping()
        assert client.connection_pool.free == 1
    return completed, ended


@pytest.mark.parametrize("kind", ["pipeline", "transaction", "blpop"])
async def test_a_cancelled_owner_at_every_step(kind: str) -> None:
    """G1, G4, G7, G12: others get their own replies, or the error that theirs were not sent."""
    calls: dict[str, Callable[[Session[Any]], Awaitable[object]]] = {
        "pipeline": lambda session: pipeline(session, False, 60),
        "transaction": lambda session: pipeline(session, True, 60),
        "blpop": lambda session: session.blpop("list", timeout=5),
    }
    for steps in range(300):
        server = FakeServer()
        server.on("BLPOP", [b"list", b"x"])
        completed, ended = await cancelled_while_others_wait(server, calls[kind], steps)
        errors = [end for end in ended if end is not True]
        assert all(isinstance(error, ConnectionError) for error in errors), (steps, ended)
        assert len(ended) == 3 + completed
        if completed:
            assert not errors
            assert steps > 0  # it was cancelled at some step before
            break
    else:
        pytest.fail("it takes too many steps")


async def test_one_that_waits_can_be_cancelled() -> None:
    """G2, G7: neither a command nor a pipeline that waits is sent; those behind it continue."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:

        async def pop() -> None:
            await session.blpop("list")

        [peer] = server.peers
        peer.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(echo, session, b"one")
            await server.wait_for("ECHO")
            async with anyio.create_task_group() as cancelled:
                cancelled.start_soon(pipeline, session, True, 60)
                cancelled.start_soon(pop)
                await all_tasks_blocked()
                cancelled.start_soon(echo, session, b"cancelled")
                await all_tasks_blocked()
                tasks.start_soon(echo, session, b"two")
                await all_tasks_blocked()
                cancelled.cancel_scope.cancel()
            await server.wait_for("ECHO", 2)
            peer.release()
        await echo(session, b"six")
        assert not session.connection.dirty
    assert texts(server.received) == [b"one", b"two", b"six"]


async def test_a_small_pipeline_that_is_cancelled() -> None:
    """G3, G12: its replies are swallowed; the session and the requests of others go on."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        [peer] = server.peers
        peer.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(echo, session, b"one")
            async with anyio.create_task_group() as cancelled:
                cancelled.start_soon(pipeline, session, True, 1)
                await server.wait_for("EXEC")
                cancelled.cancel_scope.cancel()
            tasks.start_soon(echo, session, b"two")
            await server.wait_for("ECHO", 3)
            peer.release()
        assert server.accepted == 1


async def test_two_blocking_commands() -> None:
    """Each has its own time: one that may block for ever is not overdue because of another."""
    server = FakeServer()
    server.on("BLPOP", lambda peer, words: [words[1], b"x"])
    async with server.client() as client, client.session() as session:
        [peer] = server.peers
        connection = session.connection
        peer.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.blpop, "one")
            await server.wait_for("BLPOP")
            tasks.start_soon(partial(session.blpop, "two", timeout=1))
            await all_tasks_blocked()
            assert server.count("BLPOP") == 1
            assert not connection.wire.overdue(1e9)
            peer.release()
        assert server.count("BLPOP") == 2
        assert connection.wire.reply_timeout == connection.stream_timeout


async def test_tasks_wait_while_the_server_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """G13: the unsent bytes of a session are bounded too."""
    monkeypatch.setattr(requests, "HIGH_WATER", 10_000)
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        [peer] = server.peers
        peer.stop_reading()
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(echo, session, b"%d" % number + bytes(1000))
            await all_tasks_blocked()
            assert session.connection.wire.unsent_bytes < 12_000
            peer.start_reading()


async def test_an_argument_that_cannot_be_encoded() -> None:
    """A task that waited in line and then gave up leaves the line in order."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        [peer] = server.peers
        peer.hold()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pipeline, session, True, 60)
            await server.wait_for("EXEC")

            async def refused() -> None:
                with pytest.raises(ValueError, match="utf-8 cannot express"):
                    await session.echo("\udc80")

            tasks.start_soon(refused)
            tasks.start_soon(echo, session, b"one")
            await all_tasks_blocked()
            peer.release()


# -- WATCH --------------------------------------------------------------------------------------


async def test_watch_while_another_task_sends(valkey: Server) -> None:
    """G1: commands of others between WATCH and EXEC change nothing; a change is reported."""
    async with Redis(valkey.host, valkey.port) as client, client.session() as session:
        for changed in (False, True):
            await session.watch("w")
            async with anyio.create_task_group() as tasks:
                for number in range(10):
                    tasks.start_soon(echo, session, b"%d" % number)
                tasks.start_soon(pipeline, session, False, 6)
            if changed:
                await client.set("w", "theirs")
            pipe = session.pipeline()
            result = pipe.set("w", "mine")
            if changed:
                with pytest.raises(WatchError):
                    await pipe.execute()
            else:
                await pipe.execute()
                assert result.value is True
        assert await client.get("w") == b"theirs"


@pytest.mark.parametrize("fake", [False, True])
async def test_an_empty_transaction_tells_whether_a_key_changed(valkey: Server, fake: bool) -> None:
    """It raises `WatchError`, as one with commands would; either way the watch has ended."""
    server = FakeServer()
    made: Redis[bytes] = server.client() if fake else Redis(valkey.host, valkey.port)
    async with made as client, client.session() as session:
        await session.watch("w")
        assert await session.pipeline().execute() == []
        await client.set("w", 1)
        async with session.pipeline():
            pass  # no key is watched any more
        await session.watch("w")
        await client.set("w", 2)
        with pytest.raises(WatchError, match="a watched key changed"):
            async with session.pipeline():
                pass
        async with session.pipeline() as pipe:
            got = pipe.get("w")
        assert got.value == b"2"


async def test_an_empty_pipeline_that_has_nothing_to_tell() -> None:
    """Nothing is sent without a watch, nor for a pipeline that is no transaction."""
    server = FakeServer()
    async with server.client() as client, client.session() as session:
        assert await session.pipeline().execute() == []
        assert server.count("MULTI") == 0
        await session.watch("w")
        assert await session.pipeline(transaction=False).execute() == []
        assert await client.pipeline().execute() == []
        assert server.count("MULTI") == 0
        await session.unwatch()


async def test_an_empty_pipeline_of_a_session_that_has_ended() -> None:
    """It raises `RuntimeError`, as one with commands does."""
    async with FakeServer().client() as client:
        async with client.session() as session:
            pipe = session.pipeline()
        with pytest.raises(RuntimeError, match="this session has ended"):
            await pipe.execute()


async def test_a_session_whose_connection_is_lost_while_tasks_wait() -> None:
    """G11: the pipeline's outcome is unknown; those that waited were not sent."""
    server = FakeServer()
    outcomes: dict[bytes, Outcome] = {}
    async with server.client(retry=None) as client, client.session() as session:
        [peer] = server.peers
        peer.hold()

        async def lost(name: bytes, call: Awaitable[object]) -> None:
            with pytest.raises(ConnectionError) as caught:
                await call
            outcomes[name] = caught.value.outcome

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lost, b"pipeline", pipeline(session, True, 60))
            await server.wait_for("EXEC")
            tasks.start_soon(lost, b"echo", session.echo("x"))
            tasks.start_soon(lost, b"next pipeline", pipeline(session, True, 60))
            tasks.start_soon(lost, b"blpop", session.blpop("list"))
            await all_tasks_blocked()
            server.reset()
    assert outcomes.pop(b"pipeline") is Outcome.UNKNOWN
    assert set(outcomes.values()) == {Outcome.NOT_SENT}
    assert len(outcomes) == 3
