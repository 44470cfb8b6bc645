"""Tests of `anyredis.server.running`: the life of a server, on every event loop."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from anyredis.server import Server, ServerNotFoundError, ServerStartError, run, server_spec
from anyredis.server.process import WatchedProcess
from tests.servers import (
    Certificates,
    ask,
    is_alive,
    redis8_binary,
    redis82_binary,
    redis_tls_binary,
    valkey_binary,
)

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def the_usual_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of tests that name none: Valkey, independent of the environment."""
    monkeypatch.setenv("ANYREDIS_SERVER", str(valkey_binary()))


async def exchange(stream: ByteStream, line: bytes) -> bytes:
    """The server's answer to one line."""
    await stream.send(line + b"\r\n")
    return await stream.receive()


@asynccontextmanager
async def dial(server: Server) -> AsyncGenerator[ByteStream]:
    """A plain TCP connection to a server."""
    async with await anyio.connect_tcp(server.host, server.port) as stream:
        yield stream


async def test_it_answers_at_once() -> None:
    """The server is ready when the block begins; url, host and port agree."""
    async with run() as server:
        assert server.url == f"redis://{server.host}:{server.port}"
        assert server.unix_socket_path is None
        assert server.tls is None
        assert server.is_running
        async with dial(server) as stream:
            assert await exchange(stream, b"PING") == b"+PONG\r\n"


@pytest.mark.parametrize("find", [valkey_binary, redis8_binary, redis_tls_binary])
async def test_any_server_will_do(find: Callable[[], Path]) -> None:
    """Valkey and Redis both start with the same options."""
    async with run(binary=find()) as server:
        assert server.binary == find()
        assert ask(server, "PING") == b"PONG"


async def test_pid_is_the_servers_own() -> None:
    """`pid` is the server's process, not that of its watchdog."""
    async with run() as server:
        info = ask(server, "INFO", "server")
        assert isinstance(info, bytes)
        assert f"process_id:{server.pid}\r\n".encode() in info
        assert str(server.pid) in repr(server)


async def test_a_port_of_ones_own_choice() -> None:
    """`port=` is the port it listens on."""
    port = server_spec.free_port()
    async with run(port=port) as server:
        assert server.port == port
        assert ask(server, "PING") == b"PONG"


async def test_many_at_once_do_not_meet() -> None:
    """Servers that start together get a port and a folder each."""
    async with run() as one, run() as two, run() as three:
        servers = (one, two, three)
        assert len({server.port for server in servers}) == 3
        assert len({server.directory for server in servers}) == 3


async def test_unix_socket_is_there_on_demand() -> None:
    """`unix_socket=True` gives a path that can be dialled, beside the port."""
    async with run(unix_socket=True) as server:
        assert server.unix_socket_path is not None
        async with await anyio.connect_unix(server.unix_socket_path) as stream:
            assert await exchange(stream, b"PING") == b"+PONG\r\n"
        async with dial(server) as stream:
            assert await exchange(stream, b"PING") == b"+PONG\r\n"


async def test_unix_socket_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`port=0` is a server without TCP, on the path that was named."""
    path = tmp_path_factory.mktemp("s") / "r.sock"
    async with run(port=0, unix_socket=path) as server:
        assert server.url == f"unix://{path}"
        assert server.port == 0
        assert ask(server, "CONFIG", "GET", "port") == [b"port", b"0"]


async def test_no_address_at_all_is_refused() -> None:
    """`port=0` without a Unix socket would be a server that no client can reach."""
    with pytest.raises(ValueError, match="give it a unix_socket"):
        async with run(port=0):
            pytest.fail("it must not start")


async def test_extra_arguments_reach_the_server(tmp_path: Path) -> None:
    """`arguments=` goes to the command line, before what the options say."""
    async with run(arguments=["--maxmemory", "12mb"], directory=tmp_path) as server:
        assert ask(server, "CONFIG", "GET", "maxmemory") == [b"maxmemory", b"12582912"]
        assert ask(server, "CONFIG", "GET", "dir") == [b"dir", str(tmp_path).encode()]


async def test_a_password_does_not_keep_it_from_being_ready() -> None:
    """A server that answers only with an error is up."""
    async with run(arguments=["--requirepass", "secret"]) as server:
        assert "NOAUTH" in repr(ask(server, "PING"))


async def test_tls(certificates: Certificates) -> None:
    """With `tls=` the port speaks TLS with that certificate, and nothing else."""
    files = certificates.server_files()
    async with run(binary=redis_tls_binary(), tls=files) as server:
        assert server.url.startswith("rediss://")
        assert server.tls is files
        async with await anyio.connect_tcp(
            server.host,
            server.port,
            ssl_context=certificates.client_context(),
            tls_standard_compatible=False,
        ) as stream:
            assert isinstance(stream, TLSStream)
            assert await exchange(stream, b"PING") == b"+PONG\r\n"


async def test_tls_without_a_server_that_can() -> None:
    """A server built without TLS says so in the error."""
    files = server_spec.TLSFiles(cert="c.pem", key="k.pem", ca="ca.pem")
    with pytest.raises(ServerStartError, match="tls"):
        async with run(tls=files):
            pytest.fail("it must not start")


async def test_a_missing_binary_is_an_error_at_once(tmp_path: Path) -> None:
    """Nothing starts if the program does not exist."""
    with pytest.raises(ServerNotFoundError, match="pip install"):
        async with run(binary=tmp_path / "nowhere"):
            pytest.fail("it must not start")


async def test_a_file_that_is_no_program_is_told(tmp_path: Path) -> None:
    """The system's message about a program that it cannot run is in the error."""
    path = tmp_path / "program"
    path.write_bytes(b"\0not a program")
    path.chmod(0o755)
    with pytest.raises(ServerStartError, match="Exec format error"):
        async with run(binary=path):
            pytest.fail("it must not start")


async def test_a_port_in_use_is_told_with_the_log() -> None:
    """The error has the server's own last words."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(ServerStartError, match=r"(?s)ended with status 1 .*already in use"):
            async with run(port=listener.getsockname()[1]):
                pytest.fail("it must not start")


async def test_a_free_port_that_was_snatched_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the caller named no port, another one is tried."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        offers = iter([taken, taken, server_spec.free_port()])
        monkeypatch.setattr("anyredis.server.running.free_port", lambda: next(offers))
        async with run() as server:
            assert server.port != taken


async def test_a_server_that_never_answers_is_killed(tmp_path: Path) -> None:
    """The start-up timeout ends in an error, and in no process."""
    program = tmp_path / "mute"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho hello\nexec sleep 1000\n")
    program.chmod(0o755)
    with pytest.raises(ServerStartError, match=r"(?s)did not answer within 0.3 s.*hello"):
        async with run(binary=program, startup_timeout=0.3):
            pytest.fail("it must not start")
    assert not is_alive(int((tmp_path / "pid").read_text()))


async def test_cancelled_while_starting_it_leaves_nothing(tmp_path: Path) -> None:
    """The wait for a server can be cancelled, and takes the server with it."""
    program = tmp_path / "mute"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    program.chmod(0o755)
    with anyio.move_on_after(0.3) as scope:
        async with run(binary=program):
            pytest.fail("it must not start")
    assert scope.cancelled_caught
    assert not is_alive(int((tmp_path / "pid").read_text()))


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


@pytest.mark.parametrize("find", [valkey_binary, redis82_binary])
async def test_tls_with_a_server_that_has_none(
    find: Callable[[], Path], certificates: Certificates
) -> None:
    """The error says what to install."""
    with pytest.raises(ServerStartError, match=r"built without TLS\. Install one that has it"):
        async with run(binary=find(), tls=certificates.server_files()):
            pass


@pytest.mark.parametrize("port", [-1, 65536])
async def test_a_port_out_of_range(port: int) -> None:
    """It is refused before anything starts."""
    with pytest.raises(ValueError, match="port has to be from 0 to 65535"):
        async with run(port=port):
            pass
