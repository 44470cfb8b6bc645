"""One server process under its watchdog: it is started, signalled and probed.

Nothing here blocks for longer than it takes to start a process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

WATCHDOG = Path(__file__).with_name("watchdog.py")
POLL_INTERVAL = 0.005  # seconds


class WatchedProcess:
    """A running server, which its watchdog kills when this process is gone."""

    def __init__(self, command: Sequence[str], *, log: Path, scratch: Path) -> None:
        # The new session keeps Ctrl-C in a terminal away from server and watchdog: the scope
        # decides when the server ends.
        with log.open("ab") as output:
            self._watchdog = subprocess.Popen(  # noqa: S603 - the caller's own binary, no shell
                [
                    *(sys.executable, "-I", "-S", str(WATCHDOG)),
                    *(str(os.getpid()), str(scratch), *command),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
                start_new_session=True,
            )
        assert self._watchdog.stdin is not None  # noqa: S101 - asked for with PIPE
        assert self._watchdog.stdout is not None  # noqa: S101 - asked for with PIPE
        self._control_pipe = self._watchdog.stdin
        self._report = self._watchdog.stdout
        os.set_blocking(self._report.fileno(), False)
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the server; None until the watchdog has told it."""
        if self._pid is None and not self._report.closed and (line := self._report.read(64)):
            self._pid = int(line)
        return self._pid

    @property
    def exit_status(self) -> int | None:
        """The exit status of the server, 128 + n after signal n; None while it runs."""
        return self._watchdog.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server; nothing happens if it has ended already."""
        if self.pid is not None and self.exit_status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self) -> int:
        """The exit status of the server, once it has ended."""
        while (status := self.exit_status) is None:  # noqa: ASYNC110 - no event tells
            await anyio.sleep(POLL_INTERVAL)
        return status

    async def end(self, *, grace: float) -> None:
        """End the server and wait until it is gone, even if the caller is cancelled.

        It gets SIGTERM and *grace* seconds to save its data, then SIGKILL; with a *grace* of 0
        SIGKILL at once.  A cancellation cuts the grace short.
        """
        try:
            if grace:
                self.signal(signal.SIGTERM)
                self.signal(signal.SIGCONT)
                with anyio.move_on_after(grace):
                    await self.ended()
        finally:
            with contextlib.suppress(BrokenPipeError):
                self._control_pipe.write(b"k")
            with anyio.CancelScope(shield=True):
                await self.ended()
            self._close()

    def _close(self) -> None:
        server = self.pid
        self._control_pipe.close()
        self._report.close()
        if server is not None and self._watchdog.returncode < 0:
            # If the watchdog itself was killed, not every kernel kills the server too.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(server, signal.SIGKILL)


async def answers(unix_socket_path: str) -> bool:
    """True if a server on this Unix socket answers, even with an error, and has loaded its data."""
    try:
        async with await anyio.connect_unix(unix_socket_path) as stream:
            await stream.send(b"PING\r\n")
            reply = await stream.receive()
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
        return False
    return reply[:1] in {b"+", b"-"} and not reply.startswith(b"-LOADING")
