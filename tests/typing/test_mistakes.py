"""Mistakes that a type checker has to catch, on the very line on which they are made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

from tests.servers import ROOT

MISTAKES = Path(__file__).with_name("mistakes.txt")

EXPECTED = re.compile(r"# E: ([a-z-]+)")
FOUND = re.compile(r"^[^:]+mistakes\.py:(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)


def expected() -> list[str]:
    """Each mistake as `line: error code  source`."""
    return [
        f"{number}: {match[1]}  {line.strip()}"
        for number, line in enumerate(MISTAKES.read_text().splitlines(), 1)
        if (match := EXPECTED.search(line))
    ]


def found(path: Path, cache: Path) -> list[str]:
    """The same of what mypy finds in *path*."""
    lines = path.read_text().splitlines()
    configured = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache))
    shown = ("--no-pretty", "--hide-error-context", "--no-color-output", "--no-error-summary")
    output, trouble, _ = api.run([*configured, *shown, str(path)])
    assert trouble == ""
    errors = {(int(match[1]), match[2]) for match in FOUND.finditer(output)}
    assert len(FOUND.findall(output)) == output.count(": error: "), output
    return [f"{line}: {code}  {lines[line - 1].strip()}" for line, code in sorted(errors)]


@pytest.mark.timeout(300)  # the first time, mypy reads the whole package
def test_mistakes_do_not_type_check(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A forgotten await, a wrong key, a blocking command in a pipeline …: each line is refused."""
    path = tmp_path / "mistakes.py"
    path.write_text(MISTAKES.read_text())
    with_cache = request.config.pluginmanager.hasplugin("cacheprovider")
    folder = request.config.cache.mkdir("mypy") if with_cache else tmp_path / "cache"
    assert found(path, folder) == expected()


def test_every_kind_of_mistake_is_there() -> None:
    """The table of mistakes is not empty."""
    assert len(expected()) > 30
