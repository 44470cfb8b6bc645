"""Tests of `anyredis.server.running`: the life of a server that has started, on every event loop."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from anyredis.server import Server, run
from anyredis.server.process import WatchedProcess
from tests.server.dialling import dial
from tests.servers import ask, is_alive

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("the_usual_server")]


async def test_gone_after_the_block() -> None:
    """No process and no folder is left."""
    async with run() as server:
        pid, folder = server.pid, server.directory
    assert not is_alive(pid)
    assert not folder.exists()
    assert not server.is_running


async def test_gone_after_an_exception_which_stays_itself() -> None:
    """An exception leaves the block unwrapped, and the server is gone."""
    error = KeyError("mine")
    pid = 0
    with pytest.raises(KeyError) as caught:  # noqa: PT012 - the block is what is tested
        async with run() as server:
            pid = server.pid
            raise error
    assert caught.value is error
    assert not is_alive(pid)


async def test_gone_after_a_cancellation() -> None:
    """A cancelled block has no server left, at once."""
    pid = 0
    with anyio.CancelScope() as scope:
        async with run() as server:
            pid = server.pid
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert not is_alive(pid)


async def test_gone_though_paused() -> None:
    """A frozen server does not outlive its block."""
    async with run() as server:
        pid = server.pid
        server.pause()
    assert not is_alive(pid)


async def test_a_folder_of_ones_own_is_saved_to_and_kept(tmp_path: Path) -> None:
    """With `directory=` the server ends in good order and its data are there next time."""
    options = ["--appendonly", "yes"]
    async with run(directory=tmp_path, arguments=options) as server:
        ask(server, "SET", "k", "v")
    async with run(directory=tmp_path, arguments=options) as server:
        assert ask(server, "GET", "k") == b"v"


async def test_kill_and_start(private_server: Server) -> None:
    """A killed server hangs up, is gone, and comes back empty on the same port."""
    ask(private_server, "SET", "k", "v")
    address, pid = private_server.url, private_server.pid
    async with dial(private_server) as stream:
        await private_server.kill()
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
    assert not private_server.is_running
    assert not is_alive(pid)
    with pytest.raises(OSError, match="connect"):
        await anyio.connect_tcp(private_server.host, private_server.port)
    await private_server.start()
    assert private_server.url == address
    assert private_server.pid != pid
    assert ask(private_server, "GET", "k") is None


async def test_restart_keeps_what_was_saved() -> None:
    """A restart is a SIGTERM, so an append-only file is complete."""
    async with run(arguments=["--appendonly", "yes"]) as server:
        ask(server, "SET", "k", "v")
        port, pid = server.port, server.pid
        await server.restart()
        assert (server.port, ask(server, "GET", "k")) == (port, b"v")
        assert server.pid != pid


async def test_stop_stops_a_paused_server(private_server: Server) -> None:
    """A frozen server is woken to end in good order."""
    private_server.pause()
    await private_server.stop()
    assert "User requested shutdown" in private_server.log


async def test_a_cancelled_stop_is_a_kill(private_server: Server) -> None:
    """Cancelling the grace ends the server all the same."""
    pid = private_server.pid
    with anyio.CancelScope() as scope:
        scope.cancel()
        await private_server.stop()
    assert scope.cancelled_caught
    assert not is_alive(pid)


async def test_pause_and_resume(private_server: Server) -> None:
    """A paused server keeps its connections and does not answer until it is resumed."""
    async with dial(private_server) as stream:
        private_server.pause()
        await stream.send(b"PING\r\n")
        with anyio.move_on_after(0.2) as scope:
            await stream.receive()
        assert scope.cancelled_caught
        assert private_server.is_running
        private_server.resume()
        assert await stream.receive() == b"+PONG\r\n"


async def test_stop_and_kill_are_harmless_twice(private_server: Server) -> None:
    """A server that has ended can be ended again."""
    await private_server.stop()
    await private_server.stop()
    await private_server.kill()


async def test_what_needs_a_running_server_says_so(private_server: Server) -> None:
    """Each misuse is an error that names the remedy."""
    with pytest.raises(RuntimeError, match="is running: stop"):
        await private_server.start()
    await private_server.kill()
    for use in (private_server.pause, private_server.resume, lambda: private_server.pid):
        with pytest.raises(RuntimeError, match="not running: start"):
            use()
    assert "not running" in repr(private_server)


async def test_a_started_server_has_its_process_id(
    private_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it answers before its watchdog has reported the number, as on a busy machine."""
    await private_server.kill()
    known = WatchedProcess.pid
    reads = 0

    def late(process: WatchedProcess) -> int | None:
        nonlocal reads
        reads += 1
        return known.__get__(process) if reads > 20 else None

    monkeypatch.setattr(WatchedProcess, "pid", property(late))
    await private_server.start()
    assert private_server.pid
    assert f"pid={private_server.pid}" in repr(private_server)


async def test_a_server_that_ends_by_itself_can_be_started_again(private_server: Server) -> None:
    """A crash that the caller did not cause is noticed."""
    with pytest.raises(ConnectionResetError):
        ask(private_server, "SHUTDOWN", "NOSAVE")
    with anyio.fail_after(5):
        while private_server.is_running:
            await anyio.sleep(0.01)
    await private_server.start()
    assert ask(private_server, "PING") == b"PONG"


async def test_shared_servers(
    valkey: Server, redis8: Server, redis_tls: Server, redis_mtls: Server
) -> None:
    """The servers that all tests share are of the kind that their names say, and empty."""
    for server, version in (
        (valkey, "valkey_version:9."),
        (redis8, "redis_version:8."),
        (redis_tls, "redis_version:7.4."),
        (redis_mtls, "redis_version:7.4."),
    ):
        info = ask(server, "INFO", "server")
        assert isinstance(info, bytes)
        assert version in info.decode()
        assert ask(server, "DBSIZE") == 0
        ask(server, "SET", "left", "over")
