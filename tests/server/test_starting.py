"""Tests of `anyredis.server.running`: what a server is started with, and starts that fail."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.streams.tls import TLSStream

from anyredis.server import ServerNotFoundError, ServerStartError, run, server_spec
from anyredis.server.process import WatchedProcess
from tests.server.dialling import dial, exchange
from tests.servers import (
    Certificates,
    ask,
    is_alive,
    redis8_binary,
    redis82_binary,
    redis_tls_binary,
    valkey_binary,
)

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("the_usual_server")]


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


def mute(folder: Path) -> Path:
    """A program that says hello, writes its process id to the file `pid`, and never answers."""
    program = folder / "mute"
    program.write_text(f"#!/bin/sh\necho hello\necho $$ > {folder}/pid\nexec sleep 1000\n")
    program.chmod(0o755)
    return program


def has_begun(folder: Path) -> bool:
    """Whether the mute program in *folder* runs."""
    path = folder / "pid"
    return path.exists() and path.read_text().endswith("\n")


async def test_a_server_that_never_answers_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start-up timeout ends in an error, and in no process."""

    def begun(*command: Any, **places: Any) -> WatchedProcess:
        process = WatchedProcess(*command, **places)
        while not has_begun(tmp_path):  # on a busy machine that takes longer than the timeout
            time.sleep(0.01)
        return process

    monkeypatch.setattr("anyredis.server.running.WatchedProcess", begun)
    program = mute(tmp_path)
    with pytest.raises(ServerStartError, match=r"(?s)did not answer within 0.3 s.*hello"):
        async with run(binary=program, startup_timeout=0.3):
            pytest.fail("it must not start")
    assert not is_alive(int((tmp_path / "pid").read_text()))


async def test_cancelled_while_starting_it_leaves_nothing(tmp_path: Path) -> None:
    """The wait for a server can be cancelled, and takes the server with it."""
    with anyio.CancelScope() as scope:

        async def cancel() -> None:
            while not has_begun(tmp_path):
                await anyio.sleep(0.01)
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel)
            async with run(binary=mute(tmp_path), startup_timeout=60):
                pytest.fail("it must not start")
    assert scope.cancelled_caught
    assert not is_alive(int((tmp_path / "pid").read_text()))


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
