"""Each command method has rows in the tables of its group."""

from __future__ import annotations

from tests.commands.rows import methods_of, read_rows, sent_rows
from tests.commands.test_every_command import TABLES


def test_every_method_has_its_words() -> None:
    """Each has a row of arguments and words."""
    assert [
        f"{group.__name__}.{method}"
        for group in TABLES
        for method in methods_of(group)
        if method not in {row.method for row in sent_rows(group)}
    ] == []


def test_every_method_has_its_replies() -> None:
    """Each has a row of a raw reply and its value."""
    assert [
        f"{group.__name__}.{method}"
        for group in TABLES
        for method in methods_of(group)
        if method not in {row.method for row in read_rows(group)}
    ] == []
