"""The chat room can be pasted into a file of one's own, and everybody hears everybody."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anyredis.server import Server
from tests.servers import ROOT

CHAT_ROOM = ROOT / "examples" / "chat_room.py"


def test_it_can_be_pasted() -> None:
    """Under 60 lines, and no module beside it."""
    text = CHAT_ROOM.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert "import runner" not in text


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_everybody_hears_everybody(backend: str, valkey: Server, tmp_path: Path) -> None:
    """Each of three hears all the others, in the order in which each of them spoke."""
    pasted = tmp_path / "pasted.py"
    shutil.copy(CHAT_ROOM, pasted)
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
    lines = ended.stdout.splitlines()
    said = {"Ada": ["hello", "how are you?"], "Ben": ["hi"], "Cleo": ["good morning"]}
    expected = {
        f"{hearer} hears {speaker} say {text!r}"
        for hearer in said
        for speaker, texts in said.items()
        if speaker != hearer
        for text in texts
    }
    assert sorted(lines) == sorted(expected)
    for hearer in ("Ben", "Cleo"):
        ada = [line for line in lines if line.startswith(f"{hearer} hears Ada")]
        assert [line.endswith("'hello'") for line in ada] == [True, False]
