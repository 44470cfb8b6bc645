"""Tests of `anyredis.server.server_spec`."""

from __future__ import annotations

import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from anyredis.server.server_spec import (
    BUS_OFFSET,
    CLUSTER_PORTS,
    HOST,
    LONGEST_UNIX_PATH,
    PORTS,
    ServerSpec,
    TLSFiles,
    free_cluster_port,
    free_port,
    scratch_folder,
    unix_path,
)

SCRATCH = Path("/scratch")
SPEC = ServerSpec(
    binary=Path("/bin/valkey-server"),
    port=7000,
    unix_socket_path=None,
    tls=None,
    arguments=(),
    directory=SCRATCH,
    scratch=SCRATCH,
)
FILES = TLSFiles(cert="/c.pem", key="/k.pem", ca="/ca.pem")


def option(spec: ServerSpec, name: str) -> list[str]:
    """The values that a command line gives to an option, in order."""
    words = spec.command
    return [words[index + 1] for index, word in enumerate(words) if word == name]


def test_it_saves_nothing_and_listens_on_loopback() -> None:
    """The server listens on this machine only."""
    assert option(SPEC, "--save") == [""]
    assert option(SPEC, "--bind") == [HOST]


def test_arguments_override_what_may_be_overridden() -> None:
    """The caller's words come later on the command line, and the last one counts."""
    assert option(replace(SPEC, arguments=("--save", "60 1")), "--save") == ["", "60 1"]


def test_arguments_do_not_override_the_addresses() -> None:
    """The server listens at its `url`."""
    spec = replace(SPEC, arguments=("--port", "1", "--daemonize", "yes"))
    assert option(spec, "--port")[-1] == "7000"
    assert option(spec, "--daemonize")[-1] == "no"


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        (SPEC, "redis://127.0.0.1:7000"),
        (replace(SPEC, tls=FILES), "rediss://127.0.0.1:7000"),
        (replace(SPEC, unix_socket_path="/r.sock"), "redis://127.0.0.1:7000"),
        (replace(SPEC, unix_socket_path="/r.sock", port=0), "unix:///r.sock"),
    ],
)
def test_the_url_is_one_a_client_takes(spec: ServerSpec, url: str) -> None:
    """TCP comes first, perhaps with TLS; the Unix socket is for servers without TCP."""
    assert spec.url == url


@pytest.mark.parametrize(("required", "word"), [(False, "no"), (True, "yes")])
def test_tls_replaces_the_plain_port(*, required: bool, word: str) -> None:
    """With TLS no port accepts plain connections."""
    spec = replace(SPEC, tls=replace(FILES, require_client_cert=required))
    assert option(spec, "--port") == ["0"]
    assert option(spec, "--tls-port") == ["7000"]
    assert option(spec, "--tls-auth-clients") == [word]
    assert option(spec, "--tls-cert-file") == ["/c.pem"]


def test_readiness_is_asked_on_a_socket_of_its_own() -> None:
    """There is a Unix socket even if the caller asked for none."""
    assert SPEC.unix_socket_path is None
    assert option(SPEC, "--unixsocket") == [SPEC.control_path] == ["/scratch/server.sock"]


def test_a_free_port_is_free_and_never_an_outgoing_one() -> None:
    """The port can be bound, and the system does not hand it to a client."""
    port = free_port()
    assert port in PORTS
    with socket.socket() as probe:
        probe.bind((HOST, port))


def test_a_taken_port_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port with a listener is passed over."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        taken: int = listener.getsockname()[1]
        offers = iter([taken, taken, free_port()])

        def choose(_: range) -> int:
            return next(offers)

        monkeypatch.setattr("secrets.choice", choose)
        assert free_port() != taken


@pytest.mark.parametrize("offset", [0, BUS_OFFSET])
def test_a_cluster_port_is_free_and_so_is_its_bus(
    monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    """A listener on the port or on that of the bus is in the way."""
    port, other = free_cluster_port(), free_cluster_port()
    with socket.socket() as listener:
        listener.bind((HOST, port + offset))
        listener.listen()
        offers = iter([port, other])

        def choose(_: range) -> int:
            return next(offers)

        monkeypatch.setattr("secrets.choice", choose)
        assert free_cluster_port() == other
    assert other in CLUSTER_PORTS


def test_a_password_is_for_clients_and_for_the_primary() -> None:
    """A replica can follow a primary with the same password."""
    spec = replace(SPEC, password="secret")
    assert option(spec, "--requirepass") == option(spec, "--masterauth") == ["secret"]
    assert option(SPEC, "--requirepass") == []


def test_a_spec_does_not_show_its_password() -> None:
    """Passwords appear in no repr and in no URL."""
    spec = replace(SPEC, password="secret")
    assert "secret" not in repr(spec) + spec.url


def test_settings_are_a_file_before_all_options() -> None:
    """The command line overrides the settings that the server has written."""
    spec = replace(SPEC, settings="replicaof 127.0.0.1 7001\n")
    assert spec.command[:2] == ("/bin/valkey-server", "/scratch/server.conf")


def test_a_sentinel_is_told_that_it_is_one() -> None:
    """It needs a file to write to, and its password is not that of a primary."""
    spec = replace(SPEC, settings="", sentinel=True, password="secret")
    assert spec.command[1:3] == ("/scratch/server.conf", "--sentinel")
    assert option(spec, "--requirepass") == ["secret"]
    assert option(spec, "--masterauth") == []


def test_unix_path_is_none_made_up_or_the_callers(tmp_path: Path) -> None:
    """False is no path, True a path in the folder, and a path is itself."""
    assert unix_path(wanted=False, scratch=SCRATCH) is None
    assert unix_path(wanted=True, scratch=SCRATCH) == "/scratch/server.sock"
    assert unix_path("/r.sock", SCRATCH) == "/r.sock"
    assert unix_path(Path("/r.sock"), SCRATCH) == "/r.sock"


def test_a_unix_path_too_long_is_refused() -> None:
    """The system's limit counts bytes, not characters."""
    longest = "/" + "x" * (LONGEST_UNIX_PATH - 1)
    assert unix_path(longest, SCRATCH) == longest
    with pytest.raises(ValueError, match="longer than the 103 bytes"):
        unix_path("/" + "é" * 60, SCRATCH)


def test_the_scratch_folder_is_short_whatever_the_system_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A long temporary folder does not make a Unix socket that cannot be bound."""
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with scratch_folder() as folder:
        assert len(unix_path(wanted=True, scratch=Path(folder)) or "") <= LONGEST_UNIX_PATH
    assert not Path(folder).exists()
