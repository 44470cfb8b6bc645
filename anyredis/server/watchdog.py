"""Runs one server, and kills it as soon as the process that started it is gone.

A program of its own, not to be imported: `python -I -S watchdog.py OWNER SCRATCH BINARY ARGUMENT…`.
It uses the standard library alone and starts in about 20 ms.

- Standard input is the control pipe.  A byte on it is the order to kill the server.  Its end means
  that the owner is gone, because the kernel closes it in any case: then the server is killed, and
  its scratch folder removed.  If another process has inherited the other end, the change of parent
  shows it within a second.
- Standard output gets one line: the process id of the server.
- Standard error is the log of the server.
- The exit status is that of the server; 128 + n if signal n ended it.

On Linux the kernel also kills the server if the watchdog itself is killed.
"""

from __future__ import annotations

import _thread
import contextlib
import importlib
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
LOOK_EVERY = 1.0  # seconds


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, if the kernel can do so."""
    if sys.platform != "linux":
        return
    # Some Pythons are built without ctypes; they rely on the control pipe alone.
    with contextlib.suppress(ImportError):
        importlib.import_module("ctypes").CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def become_server(watchdog: int, command: list[str]) -> None:
    """Turn this freshly forked process into the server, in a process group of its own."""
    try:
        os.setpgid(0, 0)
        die_with_parent()
        if os.getppid() != watchdog:
            return
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.execv(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def kill(server: int) -> None:
    """Kill the server and all processes that it forked."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server, signal.SIGKILL)


def remove(folder: str) -> None:
    """Remove a folder with its content; a file that cannot be removed stays."""
    for path, folders, files in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            for name in files:
                os.unlink(os.path.join(path, name))
            for name in folders:
                os.rmdir(os.path.join(path, name))
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def guard(owner: int, server: int, abandoned: list[bool]) -> None:
    """Kill the server on the owner's order; if the owner is gone, note that and kill it too."""
    while os.getppid() == owner:
        readable, _, _ = select.select([0], [], [], LOOK_EVERY)
        if readable and os.read(0, 1):
            kill(server)
        elif readable:
            break
    abandoned.append(True)
    kill(server)


def main(owner: int, scratch: str, command: list[str]) -> int:
    """Run the command to its end, and give the exit status to use."""
    watchdog = os.getpid()
    server = os.fork()
    if server == 0:
        become_server(watchdog, command)
    # Both processes set the group, so that it exists in either order.
    with contextlib.suppress(PermissionError):
        os.setpgid(server, server)
    abandoned: list[bool] = []
    _thread.start_new_thread(guard, (owner, server, abandoned))
    os.write(1, f"{server}\n".encode())
    _, status = os.waitpid(server, 0)
    kill(server)
    if abandoned:
        remove(scratch)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Not sys.exit: the other thread may be in the middle of a read.
    os._exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
