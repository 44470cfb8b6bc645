"""The page about the differences from other clients names the tests that hold them."""

from __future__ import annotations

import re

from tests.servers import ROOT

PAGE = ROOT / "docs" / "migration.md"
NAMED = re.compile(r"`(?P<file>[\w/]+\.py)(?:::(?P<test>\w+))?`")


def missing(file: str, test: str | None) -> bool:
    """Whether no *file* of the tests has a function *test*."""
    path = ROOT / "tests" / file
    if not path.exists():
        return True
    return test is not None and not re.search(rf"def {test}\(", path.read_text())


def test_each_test_on_the_page_exists() -> None:
    """A test that is renamed or removed is changed on the page too."""
    named = [(each["file"], each["test"]) for each in NAMED.finditer(PAGE.read_text())]
    assert len(named) > 20
    assert not [each for each in named if missing(*each)]


def test_each_difference_in_a_table_of_calls_has_its_test() -> None:
    """A row about calls ends with the test that holds it."""
    calls = PAGE.read_text().partition("## Options")[0]
    rows = [line for line in calls.splitlines() if line.startswith("| ") and " test |" not in line]
    assert rows
    assert not [row for row in rows if not NAMED.search(row.split(" | ")[-1])]
