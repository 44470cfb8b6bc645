"""Examples that can be pasted into a file of one's own: they need nothing but a server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anyredis.server import Server
from tests.examples.test_examples import EXAMPLES, FOLDER, NO_EXAMPLES
from tests.servers import ROOT

PASTED = sorted({path.name for path in FOLDER.glob("*.py")} - {*EXAMPLES, *NO_EXAMPLES})

on_both_loops = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def printed(name: str, backend: str, server: Server, folder: Path) -> list[str]:
    """The lines that an example prints, copied into an empty *folder*, having ended well."""
    pasted = folder / "pasted.py"
    shutil.copy(FOLDER / name, pasted)
    ended = subprocess.run(
        [sys.executable, str(pasted), backend, f"redis://{server.host}:{server.port}"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
    return ended.stdout.splitlines()


@pytest.mark.parametrize("name", PASTED)
def test_it_can_be_pasted(name: str) -> None:
    """Under 60 lines, and no module beside it."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert not any(f"import {path.stem}\n" in text for path in FOLDER.glob("*.py"))


@on_both_loops
def test_the_sensors(backend: str, redis_stack: Server, tmp_path: Path) -> None:
    """The server made 23 means of 24 hours, and the plot is a PNG with something in it."""
    for _ in range(2):
        lines = printed("sensors.py", backend, redis_stack, tmp_path)
        assert sorted(lines) == [
            *("attic by hour: 23 samples", "attic by minute: 1440 samples"),
            *("cellar by hour: 23 samples", "cellar by minute: 1440 samples"),
        ]
        plot = (tmp_path / "sensors.png").read_bytes()
        assert plot.startswith(b"\x89PNG\r\n")
        assert len(plot) > 10_000


@on_both_loops
def test_the_inventory(backend: str, valkey: Server, tmp_path: Path) -> None:
    """Two pears are sold to somebody, no third one, and as many apples as pears."""
    *sold_out, last = printed("inventory.py", backend, valkey, tmp_path)
    assert sorted(line.partition(":")[0] for line in sold_out) == ["Ada", "Ben", "Cleo"]
    assert all(line.endswith("stock:pear is sold out") for line in sold_out)
    assert last == "left: ['3', '0'] orders: 2"


@on_both_loops
def test_the_catalogue(backend: str, redis_stack: Server, tmp_path: Path) -> None:
    """What a user typed is found, with the number of products of each facet."""
    lines = printed("catalogue.py", backend, redis_stack, tmp_path)
    assert lines[0] == (
        "4 for @name:(desk): Desk lamp, slim; Reading lamp, desk; Desk chair; Standing desk;"
    )
    assert lines[1] == "  kind: lamp (2, from 19.5) chair (1, from 120) table (1, from 310)"
    assert lines[-1] == "  colour: black (1, from 42) red (1, from 19.5)"


@on_both_loops
def test_the_semantic_search(backend: str, redis_stack: Server, tmp_path: Path) -> None:
    """Words that stand in no text find those of their topic, and the index is gone in the end."""
    for _ in range(2):
        lines = printed("semantic_search.py", backend, redis_stack, tmp_path)
        found = dict(line.split(": ") for line in lines)
        assert list(found) == ["a puppy is gone", "taxi abroad", "sandwich cost"]
        puppies, taxis, sandwiches = (texts.split("; ") for texts in found.values())
        assert all(re.fullmatch(r"The (dog|cat|horse|cow) .* is gone", text) for text in puppies)
        assert all(re.fullmatch(r"The (car|train|bicycle|lorry) abroad .*", text) for text in taxis)
        bread = r"The (bread|soup|cheese|apple) .* cost a lot"
        assert all(re.fullmatch(bread, text) for text in sandwiches)
        assert {len(puppies), len(taxis), len(sandwiches)} == {3}
