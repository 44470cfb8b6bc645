"""G14: exceptions of the user leave every block unchanged, and no background task ends a block."""

from __future__ import annotations

import functools
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from anyredis import BaseConnection, Connection, ConnectionError, ConnectionPool, Redis
from anyredis.connection import base
from anyredis.server import Server
from tests.blocked_tasks import all_tasks_blocked
from tests.contract.clients_and_taps import Tap, client_of, connections_of, outcomes, tapped, until
from tests.contract.control import Control

Scope: TypeAlias = AbstractAsyncContextManager[Any]


class Stop(BaseException):
    """A BaseException like KeyboardInterrupt."""


@asynccontextmanager
async def _two_clients(server: Server) -> AsyncGenerator[None]:
    pool = ConnectionPool(host=server.host, port=server.port)
    async with pool, Redis(connection_pool=pool) as one, Redis(connection_pool=pool):
        await one.ping()
        yield


@asynccontextmanager
async def _connected(server: Server) -> AsyncGenerator[None]:
    async with client_of(server) as client:
        await client.ping()
        yield


@asynccontextmanager
async def _acquired(server: Server) -> AsyncGenerator[None]:
    async with client_of(server) as client, client.connection_pool.acquire() as connection:
        await connection.execute_command("PING")
        yield


@asynccontextmanager
async def _in_session(server: Server) -> AsyncGenerator[None]:
    async with client_of(server) as client, client.session() as session:
        await session.watch("k")
        yield


@asynccontextmanager
async def _in_pipeline(server: Server) -> AsyncGenerator[None]:
    async with client_of(server) as client, client.pipeline() as pipe:
        pipe.get("k")
        yield


SCOPES: dict[str, Callable[[Server], Scope]] = {
    "client": client_of,
    "connected": _connected,
    "pool": lambda server: ConnectionPool(host=server.host, port=server.port),
    "two clients": _two_clients,
    "acquire": _acquired,
    "session": _in_session,
    "pipeline": _in_pipeline,
}

ERRORS: dict[str, Callable[[], BaseException]] = {
    "KeyError": lambda: KeyError("mine"),
    "BaseException": lambda: Stop("mine"),
    "TimeoutError": lambda: TimeoutError("mine"),
    "StopAsyncIteration": lambda: StopAsyncIteration("mine"),
    "ExceptionGroup": lambda: ExceptionGroup("mine", [KeyError("a"), ValueError("b")]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("mine", [Stop("a"), ValueError("b")]),
    "ConnectionError": lambda: ConnectionError("mine"),
    "RuntimeError": lambda: RuntimeError("generator raised StopIteration"),
}

each_scope = pytest.mark.parametrize("scope", SCOPES.values(), ids=[*SCOPES])
each_error = pytest.mark.parametrize("make", ERRORS.values(), ids=[*ERRORS])


@each_scope
@each_error
async def test_an_exception_of_the_block_leaves_unchanged(
    valkey: Server, scope: Callable[[Server], Scope], make: Callable[[], BaseException]
) -> None:
    """G14: the very object, in no group, with its own cause and context."""
    error, cause = make(), ValueError("why")
    with pytest.raises(type(error)) as caught:
        async with scope(valkey):
            raise error from cause
    assert caught.value is error
    assert error.__cause__ is cause
    assert error.__context__ is None
    assert len(getattr(error, "exceptions", "..")) == 2


@each_scope
@each_error
async def test_an_exception_of_a_finally_under_cancellation_leaves_unchanged(
    valkey: Server, scope: Callable[[Server], Scope], make: Callable[[], BaseException]
) -> None:
    """G14: also if an outer scope is cancelled at the same time."""
    error = make()

    async def body() -> None:
        async with scope(valkey):
            try:
                outer.cancel()
                await anyio.sleep_forever()
            finally:
                raise error

    with anyio.CancelScope() as outer:
        with pytest.raises(type(error)) as caught:
            await body()
        assert caught.value is error


@each_scope
async def test_a_cancellation_leaves_as_a_cancellation(
    valkey: Server, scope: Callable[[Server], Scope]
) -> None:
    """G14: a scope that cancels the block from outside sees only its cancellation."""
    with anyio.CancelScope() as outer:
        async with scope(valkey):
            outer.cancel()
            await anyio.sleep_forever()
    assert outer.cancelled_caught


async def test_an_exception_group_of_the_user_leaves_unchanged(valkey: Server) -> None:
    """G14: a group that a task group in the block raised is neither wrapped nor opened."""

    async def fail(error: Exception) -> None:
        raise error

    one, other = KeyError("one"), ValueError("other")
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the block is what is tested
        async with client_of(valkey) as client, anyio.create_task_group() as tasks:
            await client.ping()
            tasks.start_soon(fail, one)
            tasks.start_soon(fail, other)
    leaves = caught.value.exceptions
    assert set(leaves) <= {one, other}
    assert leaves


async def test_a_traceback_shows_the_users_line_once(valkey: Server) -> None:
    """G14: the traceback of the user's error has the line of their block only once."""

    async def body() -> None:
        async with client_of(valkey) as client:
            await client.ping()
            nothing: dict[str, int] = {}
            nothing["missing"]

    with pytest.raises(KeyError) as caught:
        await body()
    text = "".join(traceback.format_exception(caught.value))
    assert text.count('nothing["missing"]') == 1
    assert "exception was the direct cause" not in text
    assert "another exception occurred" not in text


# -- background tasks ---------------------------------------------------------------------------


async def test_a_lost_connection_does_not_cancel_the_block(
    valkey: Server, control: Control
) -> None:
    """G14: the block goes on, and so does the client."""

    def is_closed(connection: BaseConnection) -> bool:
        return connection.closed

    async with client_of(valkey) as client:
        for _ in range(3):
            await client.ping()
            [connection] = connections_of(client)
            for each in control.client_list():
                control.ask("CLIENT", "KILL", "ID", each["id"])
            await until(functools.partial(is_closed, connection))
            assert await client.ping()


class Broken(Connection):
    """A connection that fails in a way that no stream should."""

    def __init__(self, *, where: str, error: BaseException, host: str, port: int) -> None:
        super().__init__(host=host, port=port)
        self.where = where
        self.error = error

    async def open_stream(self) -> ByteStream:
        """A stream that fails."""
        if self.where == "open":
            raise self.error
        return BrokenStream(await super().open_stream(), self)


class BrokenStream(ByteStream):
    """A stream that fails after the handshake."""

    def __init__(self, stream: ByteStream, broken: Broken) -> None:
        self.stream = stream
        self.broken = broken

    def _maybe(self, where: str) -> None:
        if self.broken.where == where and self.broken.server_info.protocol:
            raise self.broken.error

    async def send(self, item: bytes) -> None:
        """Send."""
        self._maybe("send")
        await self.stream.send(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive."""
        self._maybe("receive")
        return await self.stream.receive(max_bytes)

    async def send_eof(self) -> None:
        """Half-close."""
        await self.stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self.stream.aclose()
        self._maybe("close")


@pytest.mark.parametrize("where", ["open", "send", "receive", "close"])
@pytest.mark.parametrize(
    "error",
    [ValueError("odd"), OSError(5, "odd"), ExceptionGroup("odd", [OSError(5, "odd")])],
    ids=["ValueError", "OSError", "ExceptionGroup"],
)
async def test_an_unexpected_error_of_a_stream_does_not_cancel_the_block(
    valkey: Server, where: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G14: any exception of a stream becomes an error of the requests it affects."""
    monkeypatch.setattr(base, "READ_AFTER_SEND_FAILURE", 0.01)
    pool = ConnectionPool(
        connection_class=Broken, where=where, error=error, host=valkey.host, port=valkey.port
    )
    async with Redis(connection_pool=pool, retry=None) as client:
        for _ in range(2):
            found = await outcomes([client.ping] * 3)
            for each in found:
                assert each is True or isinstance(each, ConnectionError)
            assert where == "close" or not any(each is True for each in found)
            for connection in connections_of(client):
                connection.close("closed by the test")
        await all_tasks_blocked()
        assert (pool.free, pool.leased, pool.connecting) == (pool.capacity, 0, 0)
        await anyio.lowlevel.checkpoint()  # raises if the block was cancelled


async def test_the_user_can_catch_the_error_of_a_request(valkey: Server) -> None:
    """G14: errors of the server and of lost connections leave unchanged, too."""
    tap = Tap()
    with pytest.raises(ConnectionError) as caught:  # noqa: PT012 - the block is what is tested
        async with tapped(valkey, tap) as client:
            await client.ping()
            tap.lose_reply_to(b"INCR")
            await client.incr("n")
    assert type(caught.value) is ConnectionError
