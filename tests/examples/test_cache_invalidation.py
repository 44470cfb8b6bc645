"""The cache that is invalidated by keyspace events, pasted into a file of one's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from anyredis.server import Server, run
from tests.servers import ROOT, valkey_binary

EXAMPLE = ROOT / "examples" / "cache_invalidation.py"


@pytest.fixture
def own_server(portal: BlockingPortal) -> Iterator[Server]:
    """A Valkey 9.1 of this test alone: the example changes its configuration."""
    with portal.wrap_async_context_manager(run(binary=valkey_binary())) as server:
        yield server


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_cache(backend: str, own_server: Server, tmp_path: Path) -> None:
    """Copied into an empty folder, it needs nothing but a server; one read serves a thousand."""
    pasted = tmp_path / "pasted.py"
    shutil.copy(EXAMPLE, pasted)
    ended = subprocess.run(
        [sys.executable, str(pasted), backend, own_server.url],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == ["{'3'} reads: 1", "{'4'}"]


def test_it_is_short() -> None:
    """It has less than 60 lines, so that it can be pasted."""
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 60
