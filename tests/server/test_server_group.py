"""Tests of `anyredis.server.server_group`: servers that start together and end together."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain

import anyio
import anyio.lowlevel
import pytest

from anyredis.server import ServerStartError
from anyredis.server.readiness import connect_to
from anyredis.server.server_group import gather, server_group
from anyredis.server.server_spec import free_cluster_port
from tests.servers import Process, ask, is_alive, processes, valkey_binary

pytestmark = pytest.mark.server


def watchdogs() -> set[Process]:
    """The watchdogs of this process: one for each server."""
    return {
        process
        for process in processes()
        if process.parent == os.getpid() and "watchdog.py" in process.arguments
    }


async def test_results_come_in_order_of_the_jobs() -> None:
    """Jobs run at the same time, and the order in which they end does not matter."""
    first = anyio.Event()

    async def wait() -> str:
        await first.wait()
        return "first"

    async def tell() -> str:
        first.set()
        return "second"

    assert await gather([wait, tell]) == ["first", "second"]


async def test_no_job_is_no_wait() -> None:
    """Nothing to do has no results."""
    assert await gather(list[Callable[[], Awaitable[None]]]()) == []


async def test_the_first_error_ends_the_others_and_stays_itself() -> None:
    """No group around the error, no job left."""
    error = KeyError("mine")
    cancelled: list[bool] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(True)

    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    with pytest.raises(KeyError) as caught:
        await gather([wait, fail])
    assert caught.value is error
    assert cancelled == [True]


async def test_each_server_has_its_own_port_and_folder() -> None:
    """Servers that are launched at once do not meet, and all can be asked."""
    async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
        launch = partial(members.launch, arguments=["--maxmemory", "12mb"])
        servers = await gather([launch, launch])
        assert len({server.port for server in servers}) == 2
        assert len({server.directory for server in servers}) == 2
        for server in servers:
            assert ask(server, "CONFIG", "GET", "maxmemory") == [b"maxmemory", b"12582912"]
    assert not any(server.is_running or server.directory.exists() for server in servers)


async def test_a_password_is_asked_for_and_known() -> None:
    """A server with a password answers clients that have it."""
    async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
        server = await members.launch(password="secret")
        assert "NOAUTH" in repr(ask(server, "PING"))
        async with connect_to(server) as client:
            assert await client.execute_command("PING") == "PONG"
        assert "secret" not in repr(server) + server.url


async def test_what_a_server_writes_down_outlives_a_restart() -> None:
    """The server starts with the settings, and finds its own changes to them the next time."""
    async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
        server = await members.launch(settings="maxclients 77\n", password="secret")
        async with connect_to(server) as client:
            assert await client.execute_command("CONFIG", "GET", "maxclients") == [
                "maxclients",
                "77",
            ]
            await client.execute_command("CONFIG", "SET", "maxclients", "88")
            await client.execute_command("CONFIG", "REWRITE")
        await server.restart()
        async with connect_to(server) as client:
            reply = await client.execute_command("CONFIG", "GET", "maxclients")
        assert reply == ["maxclients", "88"]


async def test_one_that_does_not_start_takes_the_others_with_it() -> None:
    """The error names the server that failed, and no server is left."""
    before = watchdogs()
    async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
        good = partial(members.launch, arguments=["--maxmemory", "12mb"])
        bad = partial(members.launch, arguments=["--no-such-option", "1"])
        with pytest.raises(ServerStartError, match=r"(?s)ended with status 1 .*no-such-option"):
            await gather([good, good, bad])
    assert watchdogs() == before


async def test_a_port_that_was_snatched_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers that chose the same port end up on two.

    Linux lets one of them have the port or none, if both call listen() at the same moment.
    """
    port = free_cluster_port()
    offers = chain([port, port], iter(free_cluster_port, None))
    monkeypatch.setattr("anyredis.server.server_group.free_cluster_port", lambda: next(offers))
    async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
        first, second = await gather([members.launch, members.launch])
        assert first.port != second.port


async def test_gone_after_an_exception_which_stays_itself() -> None:
    """An exception leaves the block unwrapped; paused servers do not delay it."""
    error = KeyError("mine")
    pids: list[int] = []
    with pytest.raises(KeyError) as caught:  # noqa: PT012 - the block is what is tested
        async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
            servers = await gather([members.launch, members.launch])
            pids += [server.pid for server in servers]
            servers[0].pause()
            raise error
    assert caught.value is error
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("seconds", [0, 0.02, 0.05, 0.1])
async def test_gone_after_a_cancellation_whenever_it_comes(seconds: float) -> None:
    """A cancellation at any moment of the start leaves nothing."""
    before = watchdogs()
    with anyio.move_on_after(seconds) as scope:
        async with server_group(valkey_binary(), tls=None, startup_timeout=10) as members:
            await gather([members.launch] * 3)
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert watchdogs() == before
