"""The program, addresses and folders of a server: values, decided before anything starts."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
# Below the ports that systems use for outgoing connections: a client that keeps dialling a killed
# server must neither take its port nor reach itself.
PORTS = range(20000, 30000)
BUS_OFFSET = 10000  # from a cluster server's port to the port of its cluster bus
# Here the bus port is below the ports of outgoing connections too: they begin at 32768.
CLUSTER_PORTS = range(20000, 32768 - BUS_OFFSET)
LONGEST_UNIX_PATH = 103  # bytes, on every system; Linux alone takes 107


@dataclass(frozen=True, kw_only=True, slots=True)
class TLSFiles:
    """The PEM files of a server that speaks TLS.

    It shows *cert* with its *key*, and trusts client certificates that *ca* signed.  With
    *require_client_cert* it refuses clients without one: mutual TLS.
    """

    cert: str | os.PathLike[str]
    key: str | os.PathLike[str]
    ca: str | os.PathLike[str]
    require_client_cert: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSpec:
    """The program, the addresses and the folders of a server that is not started yet.

    *password* is that of its clients, and of a primary that it may replicate.  *settings* are
    written to a file that the server may rewrite.  With *sentinel* it runs as a sentinel, not as a
    database.
    """

    binary: Path
    port: int
    unix_socket_path: str | None
    tls: TLSFiles | None
    arguments: tuple[str, ...]
    directory: Path
    scratch: Path
    password: str | None = field(default=None, repr=False)
    settings: str | None = None
    sentinel: bool = False

    @property
    def url(self) -> str:
        """The address as a URL: TCP, or the Unix socket if there is no port."""
        if self.port == 0:
            return f"unix://{self.unix_socket_path}"
        return f"{'rediss' if self.tls else 'redis'}://{HOST}:{self.port}"

    @property
    def control_path(self) -> str:
        """The Unix socket of this server alone, for the question whether it is ready."""
        return self.unix_socket_path or default_unix_path(self.scratch)

    @property
    def log(self) -> Path:
        """The file with everything that the server writes."""
        return self.scratch / "log"

    @property
    def command(self) -> tuple[str, ...]:
        """The command line, in which the caller's arguments override the words before them only."""
        return (
            str(self.binary),
            *(() if self.settings is None else (str(self.settings_file),)),
            *(("--sentinel",) if self.sentinel else ()),
            *("--bind", HOST, "--save", "", "--unixsocketperm", "700"),
            *self.arguments,
            *("--daemonize", "no", "--dir", str(self.directory)),
            *("--unixsocket", self.control_path),
            *self._password_options,
            *(("--port", str(self.port)) if self.tls is None else self._tls_options(self.tls)),
        )

    @property
    def settings_file(self) -> Path:
        """The path at which the *settings* have to be when the server starts."""
        return self.scratch / "server.conf"

    @property
    def _password_options(self) -> tuple[str, ...]:
        if self.password is None:
            return ()
        # A sentinel has no primary; it shows its own password to the other sentinels.
        primary = () if self.sentinel else ("--masterauth", self.password)
        return ("--requirepass", self.password, *primary)

    def _tls_options(self, tls: TLSFiles) -> tuple[str, ...]:
        return (
            *("--port", "0", "--tls-port", str(self.port)),
            *("--tls-cert-file", str(absolute(tls.cert))),
            *("--tls-key-file", str(absolute(tls.key))),
            *("--tls-ca-cert-file", str(absolute(tls.ca))),
            *("--tls-auth-clients", "yes" if tls.require_client_cert else "no"),
        )


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path from the root: the server works in another folder."""
    return Path(path).absolute()


def free_port() -> int:
    """A TCP port on the loopback interface that no process listens on."""
    while not is_free(port := secrets.choice(PORTS)):
        pass
    return port


def free_cluster_port() -> int:
    """A TCP port without a listener, on itself and on the port of its cluster bus."""
    while True:
        port = secrets.choice(CLUSTER_PORTS)
        if is_free(port) and is_free(port + BUS_OFFSET):
            return port


def is_free(port: int) -> bool:
    """True if no process listens on that TCP port of the loopback interface."""
    with socket.socket() as probe:
        # As servers do: lingering connections of an earlier server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def default_unix_path(scratch: Path) -> str:
    """The default path of a server's Unix socket."""
    return str(scratch / "server.sock")


def unix_path(wanted: bool | str | os.PathLike[str], scratch: Path) -> str | None:
    """The path of the Unix socket to publish: None for False, one in *scratch* for True.

    Raises `ValueError` if it is too long for the system.
    """
    if wanted is False:
        return None
    if wanted is True:
        return default_unix_path(scratch)
    path = str(absolute(wanted))
    if len(os.fsencode(path)) > LONGEST_UNIX_PATH:
        raise ValueError(
            f"unix_socket: {path} is longer than the {LONGEST_UNIX_PATH} bytes that a system takes"
        )
    return path


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder with a name short enough for a Unix socket in it."""
    root = tempfile.gettempdir()
    if len(os.fsencode(root)) > LONGEST_UNIX_PATH - len("/anyredis-12345678/server.sock"):
        root = "/tmp"  # noqa: S108 - mkdtemp makes a folder there that is ours alone
    return tempfile.TemporaryDirectory(prefix="anyredis-", dir=root, ignore_cleanup_errors=True)
