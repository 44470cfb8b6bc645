"""The end of a server, as a table, and what a client makes of the end of the connection."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from anyredis import Redis, Retry
from anyredis.command import Blueprint, Command
from anyredis.commands.shutdown import ShutdownCommands
from anyredis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    DataError,
    DataTypeError,
    DataValueError,
    Outcome,
    ProtocolError,
    ResponseError,
    from_server,
)
from anyredis.replies import TextReaders
from anyredis.testing import FakeCluster, FakeServer, run_then_half_close, run_then_reset, silent
from tests.commands.tables import parsed, unchecked, words
from tests.contract.steps import counting, kinds


class Text(Blueprint, ShutdownCommands[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


text = Text()

SENT: list[tuple[str, Command[object]]] = [
    ("SHUTDOWN", text.shutdown()),
    ("SHUTDOWN SAVE NOW FORCE", text.shutdown(save=True, now=True, force=True)),
    ("SHUTDOWN NOSAVE SAFE FAILOVER", text.shutdown(nosave=True, safe=True, failover=True)),
    ("SHUTDOWN ABORT", text.shutdown_abort()),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


READ: list[tuple[Command[object], bytes, object]] = [
    (text.shutdown(), b"$-1\r\n", None),  # the connection gives a null for its end
    (text.shutdown(), b"_\r\n", None),
    (text.shutdown_abort(), b"+OK\r\n", True),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """The reply to an abort is OK; a shutdown has none."""
    assert parsed(command, raw) is value


def test_a_reply_to_a_shutdown() -> None:
    """Any is a `ProtocolError`."""
    with pytest.raises(ProtocolError, match="the end of the connection was expected"):
        parsed(text.shutdown(), b"+OK\r\n")


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (
        DataValueError,
        "SHUTDOWN: save and nosave exclude",
        lambda: text.shutdown(save=True, nosave=True),
    ),
    (DataTypeError, "now is 'no'", lambda: unchecked(text.shutdown)(now="no")),
    (DataTypeError, "write shutdown_abort", lambda: unchecked(text.shutdown)(abort=True)),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)


# -- the end of the connection ------------------------------------------------------------------

EAGER = Retry(attempts=5, repeat_writes=True)
"""Repeats all that it can."""


def at_rest(client: Redis[Any]) -> bool:
    """Whether no lease is taken (G5)."""
    pool = client.connection_pool
    return (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)


@pytest.mark.parametrize("raw", [False, True], ids=["method", "words"])
async def test_the_end_of_the_connection_is_success(raw: bool) -> None:
    """None, and the command was sent once; another request is told that its connection is lost."""
    server = FakeServer()
    server.on("SHUTDOWN", run_then_half_close)
    async with server.client(retry=EAGER) as client:
        call = client.execute_command("shutdown", "NOW") if raw else client.shutdown(now=True)
        assert await call is None
        assert server.count("SHUTDOWN") == 1
        assert at_rest(client)


async def test_a_session_has_the_same() -> None:
    """None on the connection of a session, whose later calls are told that it is lost."""
    server = FakeServer()
    server.on("SHUTDOWN", run_then_half_close)
    async with server.client() as client, client.session() as session:
        assert await session.execute_command("SHUTDOWN") is None
        with pytest.raises(ConnectionError) as lost:
            await session.get("k")
        assert lost.value.outcome is Outcome.NOT_SENT


async def test_another_end_is_an_error() -> None:
    """A connection that breaks proves nothing: the outcome is unknown, and nothing is repeated."""
    server = FakeServer()
    server.on("SHUTDOWN", run_then_reset)
    async with server.client(retry=EAGER) as client:
        with pytest.raises(ConnectionError) as lost:
            await client.shutdown()
        assert lost.value.outcome is Outcome.UNKNOWN
        assert server.count("SHUTDOWN") == 1
        assert at_rest(client)


async def test_an_error_reply_is_raised() -> None:
    """The server goes on; not even an error that is known to be repeatable is repeated."""
    server = FakeServer()
    server.on("SHUTDOWN", ResponseError("ERR Errors trying to SHUTDOWN. Check logs."), times=1)
    async with server.client(retry=EAGER) as client:
        with pytest.raises(ResponseError, match="Errors trying to SHUTDOWN"):
            await client.shutdown()
        server.on("SHUTDOWN", from_server("LOADING Redis is loading the dataset in memory"))
        with pytest.raises(BusyLoadingError):
            await client.shutdown()
        assert server.count("SHUTDOWN") == 2
        assert at_rest(client)
        while server.peers:  # an aborted shutdown makes a server deaf on that connection
            await checkpoint()


async def test_a_shutdown_has_no_stream_timeout() -> None:
    """The server may take its time, on a connection that nobody else uses."""
    server = FakeServer()
    server.on("SHUTDOWN", silent)
    async with server.client(stream_timeout=0.05) as client, anyio.create_task_group() as tasks:
        await client.ping()
        tasks.start_soon(client.shutdown)
        await server.wait_for("SHUTDOWN")
        limits = [
            each.wire.reply_timeout for each in client.connection_pool.endpoint.server.connections()
        ]
        assert sorted(limits, key=str) == [0.05, None]
        assert await client.ping()
        tasks.cancel_scope.cancel()
    assert len(server.peers) == 0


async def test_a_cancelled_shutdown_leaves_the_pool_at_rest() -> None:
    """Its connection is closed at once (G4), and its lease is free (G5)."""
    server = FakeServer()
    server.on("SHUTDOWN", silent)
    async with server.client() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.shutdown)
            await server.wait_for("SHUTDOWN")
            tasks.cancel_scope.cancel()
        assert at_rest(client)
        while server.peers:
            await checkpoint()
        assert await client.ping()


async def test_a_shutdown_that_is_cancelled_at_any_step() -> None:
    """The pool is at rest (G5), no task is left (G8), and nothing was sent twice (G11)."""
    step = 0
    for kind in kinds():
        for step in itertools.count():
            server = FakeServer()
            server.on("SHUTDOWN", run_then_half_close)
            async with server.client(retry=EAGER) as client:
                with counting() as steps:
                    ended = await steps.run(client.shutdown, kind, step)
                assert at_rest(client), repr(client)
            assert server.count("SHUTDOWN") <= 1
            assert server.peers == []
            if not ended.reached:
                break
        assert step > 5


async def test_an_abort_is_an_ordinary_command() -> None:
    """It shares a connection, and a pipeline takes it."""
    server = FakeServer()
    server.on("SHUTDOWN", "OK")
    async with server.client() as client:
        assert await client.shutdown_abort() is True
        async with client.pipeline(transaction=False) as pipe:
            aborted = pipe.shutdown_abort()
        assert aborted.value is True
        assert len(server.peers) == 1


async def test_a_pipeline_refuses_it() -> None:
    """By method and by words, before anything is sent."""
    server = FakeServer()
    async with server.client() as client, client.pipeline() as pipe:
        with pytest.raises(DataTypeError, match="not in a pipeline"):
            pipe.shutdown()  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue, reportAttributeAccessIssue]
        with pytest.raises(DataValueError, match="not in a pipeline"):
            pipe.execute_command("SHUTDOWN", "NOW")
    assert server.count("SHUTDOWN") == 0


async def test_a_cluster_refuses_it() -> None:
    """The message says how to choose the node."""
    cluster = FakeCluster(3, 0)
    for node in cluster.nodes:
        node.server.on("SHUTDOWN", run_then_half_close)
    async with cluster.client() as client:
        for call in (client.shutdown, client.shutdown_abort):
            with pytest.raises(DataError, match=r"client\.node\(address\)"):
                await call()
        assert sum(node.server.count("SHUTDOWN") for node in cluster.nodes) == 0
        await client.node(client.nodes()[1].address).shutdown()
        counts = [node.server.count("SHUTDOWN") for node in cluster.nodes]
        assert sorted(counts) == [0, 0, 1]
