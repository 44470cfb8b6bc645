"""The leaderboard, pasted into a file of one's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anyredis.server import Server
from tests.servers import ROOT

LEADERBOARD = ROOT / "examples" / "leaderboard.py"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_leaderboard(backend: str, valkey: Server, tmp_path: Path) -> None:
    """Copied into an empty folder, it needs nothing but a server; the best scores are ranked."""
    pasted = tmp_path / "pasted.py"
    shutil.copy(LEADERBOARD, pasted)
    ended = subprocess.run(
        [sys.executable, str(pasted), backend, f"redis://{valkey.host}:{valkey.port}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == ["1 Barbara 107.0", "2 Grace 105.0", "3 Ada 103.0"]


def test_it_is_short() -> None:
    """It has less than 60 lines, so that it can be pasted."""
    assert len(LEADERBOARD.read_text(encoding="utf-8").splitlines()) < 60
