"""The job queue as one pastes it: a worker is killed, and no job is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anyredis.server import Server
from tests.examples.test_examples import FOLDER
from tests.servers import ROOT, ask


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_job_queue(backend: str, valkey: Server, tmp_path: Path) -> None:
    """All jobs are done, by the workers that are left; none is pending."""
    pasted = tmp_path / "pasted.py"
    shutil.copy(FOLDER / "job_queue.py", pasted)
    ended = subprocess.run(
        [sys.executable, str(pasted), backend, f"redis://{valkey.host}:{valkey.port}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert ended.stdout == "w1 was killed; all 90 jobs are done, and none is pending\n"
    assert ask(valkey, "XPENDING", "jobs", "work") == [0, None, None, None]


def test_it_is_short() -> None:
    """It has less than 60 lines."""
    assert len((FOLDER / "job_queue.py").read_text(encoding="utf-8").splitlines()) < 60
