"""Tests of `anyredis.client.observed`: an observer hears of every call, once, and changes none."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest

from anyredis import (
    BaseObserver,
    BlockingConnectionPool,
    CommandEnd,
    CommandEvent,
    ConnectionError,
    MovedError,
    PoolTimeoutError,
    RedirectEvent,
    Redis,
    ResponseError,
    Retry,
    RetryEvent,
)
from anyredis.testing import FakeCluster, FakeServer, silent
from anyredis.wire.slots import slot_of
from tests.blocked_tasks import all_tasks_blocked


class Notes(BaseObserver):
    """Keeps what it hears, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.open: set[CommandEvent] = set()

    def command_started(self, event: CommandEvent, /) -> None:
        """Note the name, and that the call is open."""
        self.open.add(event)
        self.heard.append(("start", event.name, event.address, event.size))

    def command_ended(self, event: CommandEvent, end: CommandEnd, /) -> None:
        """Note the name and the kind of the error."""
        self.open.remove(event)
        assert end.duration >= 0
        self.heard.append(("end", event.name, None if end.error is None else type(end.error)))

    def command_retried(self, retry: RetryEvent, /) -> None:
        """Note it."""
        self.heard.append(("retry", retry.name, retry.address, type(retry.error)))

    def command_redirected(self, redirect: RedirectEvent, /) -> None:
        """Note it."""
        self.heard.append(("redirect", redirect.name, redirect.address, type(redirect.error)))

    def connected(self, address: str, duration: float, /) -> None:
        """Note it."""
        assert duration >= 0
        self.heard.append(("connected", address))

    def connect_failed(self, address: str, duration: float, error: BaseException, /) -> None:
        """Note it."""
        assert duration >= 0
        self.heard.append(("connect failed", address, type(error)))

    def disconnected(self, address: str, reason: str, /) -> None:
        """Note it."""
        self.heard.append(("disconnected", address, reason))

    def lease_waited(self, duration: float, error: BaseException | None, /) -> None:
        """Note it."""
        assert duration >= 0
        self.heard.append(("waited", None if error is None else type(error)))

    def commands(self) -> list[tuple[Any, ...]]:
        """What it heard of commands."""
        return [each for each in self.heard if each[0] in ("start", "end", "retry", "redirect")]


HERE = "the fake server"


async def test_a_command_has_a_start_and_an_end() -> None:
    """Each call is told once, with its endpoint; connections are told as they come and go."""
    notes = Notes()
    async with FakeServer().client(observer=notes) as client:
        await client.set("k", "v")
    assert notes.heard[:4] == [
        ("start", "SET", HERE, 1),
        ("connected", HERE),
        ("end", "SET", None),
        ("disconnected", HERE, "the pool was left"),
    ]
    assert len(notes.heard) == 4


async def test_an_error_reply_ends_a_command() -> None:
    """The end tells the error that the caller gets."""
    notes = Notes()
    server = FakeServer()
    server.on("GET", ResponseError("ERR no"))
    async with server.client(observer=notes) as client:
        with pytest.raises(ResponseError):
            await client.get("k")
    assert notes.commands() == [("start", "GET", HERE, 1), ("end", "GET", ResponseError)]


async def test_a_cancelled_command_ends() -> None:
    """The end tells the cancellation, which goes on."""
    notes = Notes()
    server = FakeServer()
    server.on("GET", silent)
    async with server.client(observer=notes) as client:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, "k")
                await server.wait_for("GET")
                scope.cancel()
    cancelled = anyio.get_cancelled_exc_class()
    assert notes.commands() == [("start", "GET", HERE, 1), ("end", "GET", cancelled)]


async def test_every_way_of_running_commands_is_told() -> None:
    """Blocking commands, sessions, pipelines, transactions and `execute_command`, once each."""
    notes = Notes()
    server = FakeServer()
    server.on("BLPOP", [b"q", b"x"])
    async with server.client(observer=notes) as client:
        await client.blpop("q")
        await client.execute_command("CLIENT ID")
        async with client.pipeline(transaction=False) as pipe:
            pipe.get("a")
            pipe.get("b")
        async with client.session() as session:
            await session.get("a")
            async with session.pipeline() as pipe:
                pipe.get("a")
    started = [(each[1], each[3]) for each in notes.heard if each[0] == "start"]
    ended = [each[1] for each in notes.heard if each[0] == "end"]
    assert started == [("BLPOP", 1), ("CLIENT ID", 1), ("PIPELINE", 2), ("GET", 1), ("MULTI", 1)]
    assert ended == [name for name, _ in started]
    assert not notes.open


async def test_retries_are_told() -> None:
    """Each attempt that is followed by another is one event, between the start and the end."""
    notes = Notes()
    server = FakeServer()
    server.down = True
    async with server.client(observer=notes, retry=Retry(attempts=2)) as client:
        with pytest.raises(ConnectionError):
            await client.get("k")
    assert notes.commands() == [
        ("start", "GET", HERE, 1),
        *[("retry", "GET", HERE, ConnectionError)] * 2,
        ("end", "GET", ConnectionError),
    ]
    failed = ("connect failed", HERE, ConnectionError)
    assert [each for each in notes.heard if each[0] == "connect failed"] == [failed] * 3


async def test_waits_for_a_lease_are_told() -> None:
    """The wait of a blocking pool, with the reason if it was in vain."""
    notes = Notes()
    pool = FakeServer().pool(pool_class=BlockingConnectionPool, max_connections=1, observer=notes)
    client = Redis(connection_pool=pool)
    async with client, client.session(), anyio.create_task_group() as tasks:
        tasks.start_soon(client.ping)
        await all_tasks_blocked()
        tasks.start_soon(client.ping)
        await all_tasks_blocked()
        tasks.cancel_scope.cancel()
    cancelled = anyio.get_cancelled_exc_class()
    assert [each for each in notes.heard if each[0] == "waited"] == [("waited", cancelled)] * 2


async def test_a_wait_that_is_in_vain_is_told() -> None:
    """The timeout of the pool is the reason."""
    notes = Notes()
    pool = FakeServer().pool(
        pool_class=BlockingConnectionPool, max_connections=1, timeout=0.01, observer=notes
    )
    async with pool, pool.acquire():
        with pytest.raises(PoolTimeoutError):
            async with pool.acquire():
                pytest.fail("there is one lease only")
    assert ("waited", PoolTimeoutError) in notes.heard


async def test_redirects_are_told() -> None:
    """A MOVED is one event, of the endpoint that gave it."""
    notes = Notes()
    cluster = FakeCluster(2, 0)
    async with cluster.client(observer=notes) as client:
        before = cluster.node_of(b"k")
        after = next(node for node in cluster.nodes if node is not before)
        cluster.move(slot_of(b"k"), after)
        await client.get("k")
        async with client.pipeline() as pipe:
            pipe.get("k")
        await client.execute_command("DBSIZE")
    assert notes.commands() == [
        ("start", "GET", "", 1),
        ("redirect", "GET", str(before.address), MovedError),
        ("end", "GET", None),
        ("start", "PIPELINE", "", 1),
        ("end", "PIPELINE", None),
        ("start", "DBSIZE", "", 1),
        ("end", "DBSIZE", None),
    ]


async def test_an_observer_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """G14: what it raises is logged, and reaches neither a request nor a connection."""

    class Failing(BaseObserver):
        def command_started(self, event: CommandEvent, /) -> None:
            raise ZeroDivisionError(event.name)

        def connected(self, address: str, duration: float, /) -> None:
            raise ZeroDivisionError(address, duration)

    with caplog.at_level(logging.ERROR, "anyredis"):
        async with FakeServer().client(observer=Failing()) as client:
            assert await client.set("k", "v")
            assert await client.get("k") == b"v"
    assert len(caplog.records) == 3


async def test_without_an_observer_nothing_is_replaced() -> None:
    """The ordinary command runs the code of its class."""
    async with FakeServer().client() as client, client.session() as session:
        assert "submit" not in vars(client)
        assert "submit" not in vars(session)
    assert "submit" in vars(FakeServer().client(observer=Notes()))
