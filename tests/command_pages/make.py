"""Writes the pages of `docs/commands/`: `python -m tests.command_pages.make`.

A page has the methods of one group in the order of the alphabet; all that it says comes from the
code, from what the servers document, from `peer_calls.jsonl` and, if it is there, from `ran_on.json`,
which names the servers on which each method ran in the tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.command_pages.entries import PAGES, SHOWN_ON, Entry, entries
from tests.command_pages.peers import PEERS, calls_of

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "commands"
RAN_ON: Final = ROOT / "tests" / "commands" / "ran_on.json"

MADE: Final = "<!-- Made by `nox -s command_pages` from the code: change that, not this page. -->"

FIRST_VALKEY: Final = (7, 2, 4)
"""The Redis that Valkey was made from: every Valkey has the commands of that version."""

COLUMNS: Final[tuple[str, ...]] = ("method", "gives", "servers")

NAME: Final = re.compile(r"`([a-z][\w.]*)`")


def ran_on(file: Path = RAN_ON) -> dict[str, list[str]] | None:
    """The servers on which each method ran, if the tests have written them down."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def title_of(page: str) -> str:
    """The title of a page; a group without one has its name."""
    return PAGES[page][0] if page in PAGES else page.replace("_", " ").capitalize()


def anchor(entry: Entry) -> str:
    """The part of an address that leads to the method on its page."""
    return entry.title.replace(".", "").lower()


def servers_of(entry: Entry) -> str:
    """The first versions that have the command."""
    if entry.end is None:
        return ""
    if entry.end.module is not None:
        return entry.end.module
    redis, valkey = entry.end.redis, entry.end.valkey
    named = (f"Redis {redis}" if redis else "", valkey_since(valkey) if valkey else "")
    return ", ".join(filter(None, named))


def valkey_since(version: str) -> str:
    """Valkey, with its first version if that is not the first of all."""
    is_old = tuple(int(number) for number in version.split(".")) <= FIRST_VALKEY
    return "Valkey" if is_old else f"Valkey {version}"


class Pages:
    """All pages, as texts by their file names."""

    def __init__(self, listed: Iterable[Entry], tried: dict[str, list[str]] | None) -> None:
        self._tried = tried
        self._by_page: dict[str, list[Entry]] = {page: [] for page in PAGES}
        for each in sorted(listed, key=lambda each: (each.name, each.title)):
            self._by_page.setdefault(each.page, []).append(each)
        self._by_page = {page: found for page, found in self._by_page.items() if found}
        self._places = {
            each.title if each.namespace else each.name: (page, anchor(each))
            for page, found in self._by_page.items()
            for each in reversed(found)
        }

    def texts(self) -> dict[str, str]:
        """The text of each file."""
        found = {f"{page}.md": self._page(page) for page in self._by_page}
        return {"README.md": self._index(), **found}

    # -- the index ------------------------------------------------------------------------------

    def _index(self) -> str:
        count = sum(map(len, self._by_page.values()))
        tried = (
            "\nA method *ran on* a server if a test got its result there." if self._tried else ""
        )
        rows = "\n".join(self._index_row(page) for page in self._by_page)
        return f"""{MADE}

# All commands

{count} methods by group. For each there are its parameters, what it gives, its units and errors, the
command that it sends, the first version of Redis and of Valkey that has it (`Valkey` alone: all of
them), its complexity, and how redis-py and coredis call it.{tried}

A signature tells what `await client.get("k")` gives; a pipeline gives a `Result` with that `value`.
`S` is `str` or `bytes`, as the client decodes. A method that `Redis` lacks is named with its class.

Arguments that a command does not take raise `DataError`, before anything is sent; a command on one
type of value raises `WrongTypeError` for a key of another. Other [errors](../errors.md) are named
with each method. How commands and arguments work is in [Commands](../commands.md), and the
differences from other clients are in [Migration](../migration.md).

| group | methods |
|---|---|
{rows}
"""

    def _index_row(self, page: str) -> str:
        links = " · ".join(
            f"[{each.title}]({page}.md#{anchor(each)})" for each in self._by_page[page]
        )
        return f"| [{title_of(page)}]({page}.md) | {links} |"

    # -- a page ---------------------------------------------------------------------------------

    def _page(self, page: str) -> str:
        found = self._by_page[page]
        names, rows = COLUMNS, [self._row(each) for each in found]
        if self._tried is not None:
            names = (*COLUMNS, "ran on")
        table = "\n".join(f"| {' | '.join(row)} |" for row in (names, ["---"] * len(names), *rows))
        details = "\n".join(self._details(each) for each in found)
        return f"""{MADE}

# {title_of(page)}

[All commands](README.md)

{table}

{details}"""

    def _row(self, entry: Entry) -> tuple[str, ...]:
        link = f"[{entry.title}](#{anchor(entry)})"
        cells = (link, entry.gives.replace("|", "\\|"), servers_of(entry))
        return cells if self._tried is None else (*cells, self._servers_tried(entry))

    def _servers_tried(self, entry: Entry) -> str:
        """The servers on which a command ran; nothing about a method that is not in the record."""
        tried = (self._tried or {}).get(entry.title if entry.namespace else entry.name)
        return "" if tried is None or entry.end is None else ", ".join(tried) or "none"

    def _details(self, entry: Entry) -> str:
        prose = NAME.sub(lambda found: self._linked(found, entry), entry.prose)
        facts = "\n".join(f"- {fact}" for fact in self._facts(entry))
        signature = f"```python\n{entry.signature}\n```"
        parts = (f"## {entry.title}", signature, prose, facts)
        return "\n\n".join(filter(None, parts)) + "\n"

    def _linked(self, found: re.Match[str], entry: Entry) -> str:
        """The name of another method, as a link to it."""
        name = found[1]
        if name == entry.name:
            return found[0]
        if entry.namespace is not None:
            name = f"{entry.namespace}.{name}" if "." not in name else name
        if name not in self._places:
            return found[0]
        page, place = self._places[name]
        return f"[{found[0]}]({'' if page == entry.page else f'{page}.md'}#{place})"

    def _facts(self, entry: Entry) -> Iterator[str]:
        if entry.end is not None:
            yield f"Sends `{entry.end.syntax}`: {servers_of(entry)}."
            if entry.end.complexity and entry.command and entry.command.complexity:
                yield f"Complexity: {plain(entry.command.complexity.rstrip('.'))}."
            elif entry.end.complexity and entry.end.module is not None:
                yield f"Complexity: {plain(entry.end.complexity)}."
            yield from where(entry)
        if tried := self._servers_tried(entry):
            yield f"Ran on: {tried}"
        command = entry.command and entry.command.name
        if entry.end is not None and entry.end.module is not None:
            command = entry.end.syntax.split()[0]
        for peer in PEERS:
            name = command or "" if entry.namespace else entry.name
            calls = [f"`{call}`" for call in calls_of(peer, name, command)]
            if calls or entry.end is not None:
                yield f"{peer}: {', '.join(calls) or 'none'}"


def where(entry: Entry) -> Iterator[str]:
    """What a command may be called on, if that is not everything."""
    missing = [place for place in SHOWN_ON if place not in entry.called_on]
    if missing and entry.called_on:
        few = len(missing) < len(entry.called_on)
        yield (
            f"Not on {' or '.join(missing)}."
            if few
            else f"On {' and '.join(entry.called_on)} only."
        )


def plain(text: str) -> str:
    """*text* without any meaning in Markdown."""
    return re.sub(r"([*_<|])", r"\\\1", text)


def pages() -> dict[str, str]:
    """The text of each file of the folder."""
    return Pages(entries(), ran_on()).texts()


def main() -> None:
    """Write the folder anew."""
    FOLDER.mkdir(exist_ok=True)
    texts = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
