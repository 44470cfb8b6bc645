"""What the servers document about their commands: minimum versions, options, complexity.

`command_docs.jsonl` has one line for each command, written by `tests.commands.collect_docs` from
real servers.  A server's versions are that in which the command came, with the capital words that
later ones added.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("command_docs.jsonl")
MIGRATE = "MIGRATE"
"""The server tells the complexity of the two commands that it is made of, in a later sentence."""


class Statement(NamedTuple):
    """The end of a method's docstring, such as `LPOS key element COUNT n. Server 6.0.6. O(N).`."""

    prose: str
    """What stands before it."""

    syntax: str
    """The words that are sent."""

    redis: str | None
    """The first version of Redis, or None if it has no such command."""

    valkey: str | None
    """The first version of Valkey; it has all commands of the Redis that it was made from."""

    complexity: str | None

    module: str | None = None
    """The module of a command that no server has by itself, with its first version."""


STATEMENT = re.compile(
    r"(?P<syntax>[A-Z].*)\. "
    r"(Server (?P<both>[\d.]*\d)|"
    r"Redis (?P<redis>[\d.]*\d)(, Valkey (?P<valkey>[\d.]*\d))?|"
    r"Valkey (?P<alone>[\d.]*\d)|"
    r"(?P<module>(Bloom|JSON|Search|TimeSeries) [\d.]*\d))"
    r"\.( (?P<complexity>[^.]+)\.)?"
)


def statement_of(docstring: str) -> Statement | None:
    """The statement at the end of *docstring*, in as many lines as it takes, or None."""
    lines = docstring.splitlines()
    for first in reversed(range(len(lines))):
        if found := STATEMENT.fullmatch(" ".join(lines[first:])):
            return Statement(
                "\n".join(lines[:first]).strip(),
                found["syntax"],
                found["both"] or found["redis"],
                found["both"] or found["valkey"] or found["alone"],
                found["complexity"],
                found["module"],
            )
    return None


class Documented(NamedTuple):
    """One command."""

    name: str
    group: str
    complexity: str | None
    """In the server's words."""

    redis: dict[str, str]
    """For each version, the words of the options that came with it; none if there is none."""

    valkey: dict[str, str]
    """The same of Valkey."""

    @property
    def short_complexity(self) -> str | None:
        """What the last line of a docstring says about it."""
        return None if self.complexity is None else shortened(self.complexity, self.name)


DEFINITION = re.compile(r",? (?:[Ww]here|when|with) [A-Z]\b.*")
"""What a letter stands for: `where N is …`, `with N being …`."""

CONCLUSION = re.compile(r", (?:so|but|not|could|and assuming)\b.*| \([a-z].*| regardless\b.*")
"""What follows from the formula, or limits it."""


def shortened(complexity: str, name: str = "") -> str | None:
    """The first sentence without what its letters stand for, and without what follows from it.

    None if there is nothing to say: `N/A`.
    """
    if name == MIGRATE:
        return "O(N)"
    sentence = re.split(r"\.(?: |$)", complexity, maxsplit=1)[0]
    sentence = CONCLUSION.sub("", DEFINITION.sub("", sentence))
    return None if sentence == "N/A" else sentence.rstrip(",. ")


def version(text: str) -> tuple[int, ...]:
    """A version as numbers that compare, 6.2 as 6.2.0."""
    numbers = tuple(int(number) for number in text.split("."))
    return (*numbers, 0)[:3]


def documented() -> dict[str, Documented]:
    """Each command by its name, the subcommands of containers among them."""
    rows = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    return {row["name"]: Documented(**row) for row in rows}
