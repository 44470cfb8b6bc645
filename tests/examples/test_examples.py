"""The examples run, tell what they should, and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import ROOT, processes, valkey_binary

pytestmark = pytest.mark.server

FOLDER = ROOT / "examples"
NO_EXAMPLES = {"demo.py", "interrupts.py", "runner.py"}
EXAMPLES = sorted(
    path.name
    for path in FOLDER.glob("*.py")
    if path.name not in NO_EXAMPLES and "import runner\n" in path.read_text(encoding="utf-8")
)
"""Those with a runner; the others can be pasted, and are run by `test_pasted.py`."""
ASYNCIO_ONLY = {"gather.py"}
RUN_BELOW = {"failover.py", "gather.py", "pools.py"}
"""Those with a test of what they show; that is the test that they run."""

on_each_loop = pytest.mark.parametrize(
    ("name", "backend"),
    [
        (name, backend)
        for backend in ("asyncio", "trio")
        for name in EXAMPLES
        if name not in RUN_BELOW
    ],
)


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a program whose servers are known by their *folder*."""
    return {
        **os.environ,
        "ANYREDIS_SERVER": str(valkey_binary()),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
    }


def left_behind(folder: Path) -> list[str]:
    """Servers and watchdogs of programs that ran with *folder*."""
    return [each.arguments for each in processes() if str(folder) in each.arguments]


@contextmanager
def started(folder: Path, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """An example that runs as long as the block, at most."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=FOLDER,
        env=surroundings(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(folder: Path, *arguments: str) -> str:
    """What an example printed, having ended well and left nothing behind."""
    with started(folder, *arguments) as process:
        output, errors = process.communicate(timeout=55)
    assert errors == ""
    assert process.returncode == 0
    assert left_behind(folder) == []
    return output


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder with a short name, for servers of this test alone."""
    return tmp_path_factory.mktemp("e")


def ran(folder: Path, name: str, backend: str) -> str:
    """What an example printed that ran as it should."""
    output = told(folder, name, backend)
    assert f"-- {backend} " in output
    assert "Traceback" not in output
    return output


@on_each_loop
def test_an_example_runs_by_itself(name: str, backend: str, folder: Path) -> None:
    """Each example runs on a server of its own, under asyncio and trio."""
    ran(folder, name, backend)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short(name: str) -> None:
    """Examples are for reading: about 80 lines."""
    assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) <= 88


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_pools_show_the_promised_counts(backend: str, folder: Path) -> None:
    """Of ten GETs a strict pool of 2 refuses 8, one of 10 none; a blocking pool lets 2 wait."""
    shown = [line.split("  ")[-1].strip() for line in ran(folder, "pools.py", backend).splitlines()]
    assert shown[-4:] == [
        "8 raised MaxConnectionsError",
        "none raised",
        "none raised",
        "none raised, at most 2 at a time",
    ]


def test_gather_shows_the_promised_counts(folder: Path) -> None:
    """The asyncio form of the same: 8 of 10 are refused."""
    assert re.search(r"strict pool of 2 +8 raised MaxConn", ran(folder, "gather.py", "asyncio"))


def test_the_demo_runs_everything_on_both_loops(folder: Path) -> None:
    """The demo shows all examples under asyncio, then trio, within 50 seconds."""
    started_at = time.monotonic()
    under_asyncio, _, under_trio = told(folder, "demo.py").partition("-- trio ")
    assert time.monotonic() - started_at < 50
    for name in EXAMPLES:
        headline = (FOLDER / name).read_text().partition("\n")[0].strip('"')
        assert headline in under_asyncio
        assert (headline in under_trio) is (name not in ASYNCIO_ONLY)
    assert "No server is left." in under_trio


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_failover_loses_nothing_elsewhere(backend: str, folder: Path) -> None:
    """A counter on another node than the killed one sees no error, and all counts are stored."""
    *_, elsewhere, counted = ran(folder, "failover.py", backend).splitlines()
    assert re.search(r"counting elsewhere +0$", elsewhere)
    numbers = re.search(r"(\d+) and (\d+)$", counted)
    assert numbers is not None
    assert numbers[1] == numbers[2]


def test_output_that_is_no_terminal_has_no_colour(folder: Path) -> None:
    """What goes to a file is plain text."""
    assert "\x1b" not in told(folder, "set_get.py")


def test_an_unknown_event_loop_is_refused(folder: Path) -> None:
    """Something else than asyncio or trio on the command line gets the usage."""
    with started(folder, "gather.py", "trio") as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.startswith("usage: ")


@pytest.mark.parametrize(
    ("name", "moment", "number"),
    [
        ("demo.py", "-- asyncio ", signal.SIGINT),
        ("demo.py", "-- asyncio ", signal.SIGTERM),
        ("demo.py", "Pipelines and transactions", signal.SIGINT),
        ("demo.py", "-- trio ", signal.SIGTERM),  # after all of asyncio: once is enough
        ("pools.py", "Pools:", signal.SIGINT),
        ("pools.py", "Pools:", signal.SIGTERM),
    ],
)
def test_a_signal_ends_it_in_good_order(
    name: str, moment: str, number: signal.Signals, folder: Path
) -> None:
    """Ctrl-C and SIGTERM give exit status 130, no traceback, and leave no server behind."""
    with started(folder, name) as process:
        assert process.stdout is not None
        assert any(moment in line for line in process.stdout)
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
    assert errors == ""
    assert process.returncode == 130
    assert output.rstrip().endswith("The server is gone.")
    assert left_behind(folder) == []
    assert list(folder.iterdir()) == []


def test_a_killed_demo_leaves_no_server(folder: Path) -> None:
    """Even SIGKILL leaves no server behind."""
    with started(folder, "demo.py") as process:
        assert process.stdout is not None
        assert any("Pools:" in line for line in process.stdout)
        assert left_behind(folder) != []
        process.kill()
    deadline = time.monotonic() + 10
    while left_behind(folder):
        assert time.monotonic() < deadline
        time.sleep(0.01)
