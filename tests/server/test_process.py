"""Tests of `anyredis.server.process`: a server does not outlive the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from anyredis.server import Server
from anyredis.server.process import WatchedProcess, answers
from tests.conftest import Backend
from tests.servers import ROOT, Process, is_alive, processes, valkey_binary

pytestmark = pytest.mark.server

PROGRAM = """
import os, signal, sys, time
import anyio
from anyredis.server import run

# A shell that runs the tests in the background has its children ignore SIGINT, and nohup SIGHUP.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

async def main():
    print("starting", flush=True)
    async with run(binary=sys.argv[3]) as server:
        print(server.pid, server.directory, flush=True)
        await anyio.sleep_forever()

anyio.run(main, backend=sys.argv[1], backend_options=eval(sys.argv[2]))
"""


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A temporary folder whose name is short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after 10 s."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass within 10 s"
        time.sleep(0.01)


@contextmanager
def owner(
    backend: Backend, program: str = PROGRAM, **environment: str
) -> Generator[subprocess.Popen[str]]:
    """A Python process that runs a server, about to start it."""
    name, options = backend
    with subprocess.Popen(
        [sys.executable, "-c", program, name, repr(options), str(valkey_binary())],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "starting\n"
            yield process
        finally:
            process.kill()


def running(process: subprocess.Popen[str]) -> tuple[int, Path]:
    """The process id and the folder of the server that a process runs, once it answers."""
    assert process.stdout is not None
    pid, folder = process.stdout.readline().split()
    assert is_alive(int(pid))
    return int(pid), Path(folder)


def watchdog_of(process: subprocess.Popen[str]) -> Process:
    """The watchdog between a process and its server."""
    [watchdog] = [other for other in processes() if other.parent == process.pid]
    return watchdog


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name
)
def test_the_server_dies_with_its_owner(anyio_backend: Backend, number: signal.Signals) -> None:
    """After any signal that ends the process, server, watchdog and folder are soon gone."""
    with owner(anyio_backend) as process:
        pid, folder = running(process)
        watchdog = watchdog_of(process)
        process.send_signal(number)
        process.wait(10)
    eventually(lambda: not is_alive(pid) and not is_alive(watchdog.pid))
    eventually(lambda: not folder.exists())


def test_a_paused_server_dies_with_its_owner(anyio_backend: Backend) -> None:
    """A server that is frozen cannot hear, but it can be killed."""
    with owner(anyio_backend) as process:
        pid, _ = running(process)
        os.kill(pid, signal.SIGSTOP)
        process.kill()
    eventually(lambda: not is_alive(pid))


def test_the_server_dies_though_a_fork_holds_the_control_pipe(anyio_backend: Backend) -> None:
    """A forked process that inherited the pipe does not keep the server alive."""
    forks = PROGRAM.replace(
        "await anyio.sleep_forever()",
        """fork = os.fork()
        if fork == 0:
            time.sleep(1000)
        print(fork, flush=True)
        await anyio.sleep_forever()""",
    )
    with owner(anyio_backend, forks) as process:
        pid, _ = running(process)
        assert process.stdout is not None
        fork = int(process.stdout.readline())
        try:
            process.kill()
            process.wait(10)
            eventually(lambda: not is_alive(pid))
            assert is_alive(fork)
        finally:
            os.kill(fork, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_the_server_dies_with_its_watchdog(anyio_backend: Backend, short_folder: Path) -> None:
    """Killing every Python process of the machine at once leaves no server."""
    # No process is left to remove the server's folder, so the test makes and removes it.
    with owner(anyio_backend, TMPDIR=str(short_folder)) as process:
        pid, _ = running(process)
        os.kill(watchdog_of(process).pid, signal.SIGKILL)
        process.kill()
    eventually(lambda: not is_alive(pid))


@pytest.mark.parametrize("milliseconds", [0, 5, 10, 20, 30, 45, 60])
def test_a_kill_at_any_moment_of_the_start(
    anyio_backend: Backend, milliseconds: int, short_folder: Path
) -> None:
    """A process that is killed while its server starts leaves none."""
    with owner(anyio_backend, TMPDIR=str(short_folder)) as process:
        time.sleep(milliseconds / 1000)
        process.kill()
    eventually(lambda: not any(str(short_folder) in other.arguments for other in processes()))


async def test_what_the_server_forked_dies_with_it(tmp_path: Path) -> None:
    """The whole process group is killed, as a server that is saving has a child."""
    program = tmp_path / "server"
    program.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {tmp_path}/child\nexit 3\n")
    program.chmod(0o755)
    process = WatchedProcess([str(program)], log=tmp_path / "log", scratch=tmp_path)
    try:
        assert await process.ended() == 3
    finally:
        await process.end(grace=0)
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not is_alive(child))  # its end is waited for by nobody


async def test_the_exit_status_tells_the_signal(tmp_path: Path) -> None:
    """128 + n is a server that signal n ended; its process id is told."""
    process = WatchedProcess(["/bin/sleep", "1000"], log=tmp_path / "log", scratch=tmp_path)
    try:
        with anyio.fail_after(5):
            while process.pid is None:
                await anyio.sleep(0.01)
        assert is_alive(process.pid)
        assert process.exit_status is None
        process.signal(signal.SIGTERM)
        assert await process.ended() == 128 + signal.SIGTERM
    finally:
        await process.end(grace=0)
    process.signal(signal.SIGTERM)  # harmless afterwards


async def test_grace_is_for_clients_that_need_it(tmp_path: Path) -> None:
    """A server that ignores SIGTERM is killed when its grace is over."""
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\ntrap '' TERM\necho ready >&2\nwhile :; do sleep 0.05; done\n")
    program.chmod(0o755)
    process = WatchedProcess([str(program)], log=tmp_path / "log", scratch=tmp_path)
    try:
        with anyio.fail_after(5):
            while "ready" not in (tmp_path / "log").read_text():
                await anyio.sleep(0.01)
    finally:
        await process.end(grace=0.2)
    assert process.exit_status == 128 + signal.SIGKILL


async def test_answers_only_where_a_server_does(private_server: Server, tmp_path: Path) -> None:
    """A path without a listener, and one with a server that still loads, are not ready."""
    assert private_server.unix_socket_path is not None
    assert await answers(private_server.unix_socket_path)
    assert not await answers("/nowhere.sock")
    await private_server.kill()
    assert not await answers(private_server.unix_socket_path)


@pytest.mark.parametrize("reply", [b"-LOADING wait\r\n", b"HTTP/1.1 400\r\n", b""])
async def test_a_server_that_loads_is_not_ready(reply: bytes, short_folder: Path) -> None:
    """Only a reply that promises service counts; a hang-up does not."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if reply:
                await stream.send(reply)

    path = str(short_folder / "s")
    async with (
        await anyio.create_unix_listener(path) as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, serve)
        assert not await answers(path)
        group.cancel_scope.cancel()
