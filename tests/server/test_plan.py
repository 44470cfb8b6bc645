"""Tests of `anyredis.server.plan`."""

from __future__ import annotations

import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from anyredis.server.plan import (
    BUS_OFFSET,
    CLUSTER_PORTS,
    HOST,
    LONGEST_UNIX_PATH,
    PORTS,
    Plan,
    TLSFiles,
    free_cluster_port,
    free_port,
    scratch_folder,
    unix_path,
)

SCRATCH = Path("/scratch")
PLAN = Plan(
    binary=Path("/bin/valkey-server"),
    port=7000,
    unix_socket_path=None,
    tls=None,
    arguments=(),
    directory=SCRATCH,
    scratch=SCRATCH,
)
FILES = TLSFiles(cert="/c.pem", key="/k.pem", ca="/ca.pem")


def option(plan: Plan, name: str) -> list[str]:
    """The values that a command line gives to an option, in order."""
    words = plan.command
    return [words[index + 1] for index, word in enumerate(words) if word == name]


def test_it_saves_nothing_and_listens_on_loopback() -> None:
    """The server is nobody's but this machine's."""
    assert option(PLAN, "--save") == [""]
    assert option(PLAN, "--bind") == [HOST]


def test_arguments_override_what_may_be_overridden() -> None:
    """The caller's own word comes later on the command line, and the last one counts."""
    assert option(replace(PLAN, arguments=("--save", "60 1")), "--save") == ["", "60 1"]


def test_arguments_do_not_override_the_addresses() -> None:
    """What `url` tells is what the server does."""
    plan = replace(PLAN, arguments=("--port", "1", "--daemonize", "yes"))
    assert option(plan, "--port")[-1] == "7000"
    assert option(plan, "--daemonize")[-1] == "no"


@pytest.mark.parametrize(
    ("plan", "url"),
    [
        (PLAN, "redis://127.0.0.1:7000"),
        (replace(PLAN, tls=FILES), "rediss://127.0.0.1:7000"),
        (replace(PLAN, unix_socket_path="/r.sock"), "redis://127.0.0.1:7000"),
        (replace(PLAN, unix_socket_path="/r.sock", port=0), "unix:///r.sock"),
    ],
)
def test_the_url_is_one_a_client_takes(plan: Plan, url: str) -> None:
    """TCP first, TLS where it is spoken, the Unix socket where there is nothing else."""
    assert plan.url == url


@pytest.mark.parametrize(("required", "word"), [(False, "no"), (True, "yes")])
def test_tls_replaces_the_plain_port(*, required: bool, word: str) -> None:
    """Nothing listens without TLS where TLS was asked for."""
    plan = replace(PLAN, tls=replace(FILES, require_client_cert=required))
    assert option(plan, "--port") == ["0"]
    assert option(plan, "--tls-port") == ["7000"]
    assert option(plan, "--tls-auth-clients") == [word]
    assert option(plan, "--tls-cert-file") == ["/c.pem"]


def test_readiness_is_asked_on_a_socket_of_its_own() -> None:
    """There is a Unix socket even where none was asked for."""
    assert PLAN.unix_socket_path is None
    assert option(PLAN, "--unixsocket") == [PLAN.control_path] == ["/scratch/server.sock"]


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
    plan = replace(PLAN, password="secret")
    assert option(plan, "--requirepass") == option(plan, "--masterauth") == ["secret"]
    assert option(PLAN, "--requirepass") == []


def test_a_plan_does_not_show_its_password() -> None:
    """Passwords appear in no repr and in no URL."""
    plan = replace(PLAN, password="secret")
    assert "secret" not in repr(plan) + plan.url


def test_settings_are_a_file_before_all_options() -> None:
    """What the command line says goes before what the server has written down."""
    plan = replace(PLAN, settings="replicaof 127.0.0.1 7001\n")
    assert plan.command[:2] == ("/bin/valkey-server", "/scratch/server.conf")


def test_a_sentinel_is_told_that_it_is_one() -> None:
    """It needs a file to write to, and its password is not that of a primary."""
    plan = replace(PLAN, settings="", sentinel=True, password="secret")
    assert plan.command[1:3] == ("/scratch/server.conf", "--sentinel")
    assert option(plan, "--requirepass") == ["secret"]
    assert option(plan, "--masterauth") == []


def test_unix_path_is_none_made_up_or_the_callers(tmp_path: Path) -> None:
    """False, True and a path mean what they say."""
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
