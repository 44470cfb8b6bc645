"""Tests of `anyredis.testing.fixtures` and of the plugin, as a project that uses anyredis sees them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.servers import ROOT, valkey_binary

CONFTEST = """
import pytest

BACKENDS = {
    "asyncio": ("asyncio", {"use_uvloop": False}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}

@pytest.fixture(params=BACKENDS.values(), ids=[*BACKENDS])
def anyio_backend(request):
    return request.param
"""

TESTS = """
import socket
import pytest
from anyredis import Redis, RedisCluster

def ask(server, line):
    with socket.create_connection((server.host, server.port)) as plain:
        plain.sendall(line + b"\\r\\n")
        return plain.recv(100)

def test_sync(anyredis_server):
    assert ask(anyredis_server, b"SET left behind") == b"+OK\\r\\n"

@pytest.mark.anyio
async def test_server(anyredis_server):
    async with Redis.from_url(anyredis_server.url) as client:
        assert await client.dbsize() == 0
        assert await client.set("k", "v")

@pytest.mark.anyio
async def test_client(anyredis_client, anyredis_server):
    assert isinstance(anyredis_client, Redis)
    assert await anyredis_client.dbsize() == 0
    await anyredis_client.set("k", "v")
    assert await anyredis_client.get("k") == "v"
    assert b"v" in ask(anyredis_server, b"GET k")

@pytest.mark.anyio
async def test_cluster(anyredis_cluster):
    assert isinstance(anyredis_cluster, RedisCluster)
    assert await anyredis_cluster.dbsize() == 0
    await anyredis_cluster.mset({"foo": "1", "bar": "2", "k": "3"})
    assert await anyredis_cluster.mget("foo", "bar", "k") == ["1", "2", "3"]

class TestOptions:
    @pytest.fixture
    def anyredis_options(self):
        return {"decode_responses": False}

    @pytest.mark.anyio
    async def test_client(self, anyredis_client):
        await anyredis_client.set("k", "v")
        assert await anyredis_client.get("k") == b"v"
"""


@pytest.mark.server
@pytest.mark.timeout(120)
def test_the_fixtures(tmp_path: Path) -> None:
    """Servers and clients of them, empty for each test, sync or async, on every event loop."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    found = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-W", "error"),
            *("-p", "anyio", "-p", "pytest_anyredis.plugin"),
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
        timeout=100,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "13 passed" in found.stdout


def test_the_plugin_loads_nothing_heavy() -> None:
    """A project whose tests use none of the fixtures pays for pytest's own modules only."""
    program = """
import sys
import pytest
before = set(sys.modules)
import pytest_anyredis.plugin
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(new))
"""
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert found.stdout.split() == ["pytest_anyredis"]


def test_it_is_registered() -> None:
    """The fixtures exist once anyredis is installed, without configuration."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    plugins = tables["project"]["entry-points"]["pytest11"]
    assert plugins == {"anyredis": "pytest_anyredis.plugin"}
    assert "pytest_anyredis" in tables["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
