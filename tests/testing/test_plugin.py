"""Tests of `anyredis.testing.plugin`: the fixture, as a project that uses anyredis sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.servers import ROOT, valkey_binary

TESTS = """
import socket
import pytest
from anyredis import Redis

def ask(server, line):
    with socket.create_connection((server.host, server.port)) as plain:
        plain.sendall(line + b"\\r\\n")
        return plain.recv(100)

def test_sync(anyredis_server):
    assert ask(anyredis_server, b"SET left behind") == b"+OK\\r\\n"

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_async(anyredis_server):
    async with Redis.from_url(anyredis_server.url) as client:
        assert await client.dbsize() == 0
        assert await client.set("k", "v")
"""


@pytest.mark.server
def test_the_fixture(tmp_path: Path) -> None:
    """`anyredis_server` is a real server, empty for each test, sync or async."""
    (tmp_path / "test_it.py").write_text(TESTS)
    found = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-W", "error"),
            *("-p", "anyio", "-p", "anyredis.testing.plugin"),
            *("-p", "no:cacheprovider", str(tmp_path)),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ANYREDIS_SERVER": str(valkey_binary()),
            # Named above instead: an installed anyredis would register it a second time.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "3 passed" in found.stdout


def test_it_is_registered() -> None:
    """The fixture exists once anyredis is installed, without configuration."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"anyredis": "anyredis.testing.plugin"}
