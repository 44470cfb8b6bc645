"""`docs/commands/` is what `tests.command_pages.make` makes of the code, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.command_pages.collect_peers import lines
from tests.command_pages.entries import PAGE_OF, Entry, entries, page_of
from tests.command_pages.make import FOLDER, ROOT, Pages, ran_on, title_of, valkey_since
from tests.command_pages.make import pages as made_pages
from tests.command_pages.peers import FILE, calls_of
from tests.commands.test_docstrings import METHODS

ENTRIES = list(entries())
TEXTS = made_pages()
AMBIGUOUS = {"reset", "watch"}
"""Commands of sessions whose names other methods have too."""

LINK = re.compile(r"\]\((?P<file>[\w./]*)(?:#(?P<anchor>[^)]*))?\)")
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def named(title: str) -> Entry:
    """The entry with this title."""
    return next(each for each in ENTRIES if each.title == title)


def anchors(text: str) -> list[str]:
    """The anchors that GitHub makes of the headings of a page."""
    return [re.sub(r"[^\w-]", "", heading.lower()) for heading in HEADING.findall(text)]


def test_the_pages_are_current() -> None:
    """They are what the code says: otherwise run `nox -s command_pages`."""
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert sorted(found) == sorted(TEXTS)
    stale = [name for name, text in TEXTS.items() if found[name] != text]
    assert stale == [], "run `python -m nox -s command_pages`"


def test_each_command_method_is_on_a_page() -> None:
    """Nothing that has a table of its words is left out."""
    listed = {each.name for each in ENTRIES if each.end is not None}
    assert {name for _, name in METHODS} - listed == set()


def test_each_method_tells_what_it_gives() -> None:
    """It has a docstring, and a command has the statement at its end."""
    assert [each.title for each in ENTRIES if not each.gives] == []
    commands = {name for _, name in METHODS} - AMBIGUOUS
    untold = [each.title for each in ENTRIES if each.name in commands and each.end is None]
    assert untold == []


def test_each_link_leads_somewhere() -> None:
    """A link names a page that is there, and a heading on it."""
    broken = [
        (name, link[0])
        for name, text in TEXTS.items()
        for link in LINK.finditer(text)
        if not leads_somewhere(name, link)
    ]
    assert len(TEXTS["README.md"]) > 10_000
    assert broken == []


def leads_somewhere(page: str, link: re.Match[str]) -> bool:
    """Whether a link of *page* leads to a page, and to a heading if it names one."""
    target = link["file"] or page
    if link["anchor"] is None:
        return (FOLDER / target).is_file()
    return link["anchor"] in anchors(TEXTS[target])


def test_no_two_methods_of_a_page_share_an_anchor() -> None:
    """A link is about one of them."""
    for text in TEXTS.values():
        found = anchors(text)
        assert len(set(found)) == len(found)


def test_an_entry() -> None:
    """It has the signature, the text, the command with its versions, and the calls of others."""
    text = TEXTS["lists.md"].partition("## llen\n")[2].partition("\n## ")[0]
    lines = [
        "```python",
        "llen(key: Key) -> int",
        "```",
        "",
        "The number of elements in the list, 0 if there is none.",
        "",
        "- Sends `LLEN key`: Redis 1.0, Valkey.",
        "- Complexity: O(1).",
        *(f"- Ran on: {', '.join(each)}" for each in [(ran_on() or {}).get("llen")] if each),
        "- redis-py: `llen(name)`",
        "- coredis: `llen(key)`",
    ]
    assert text.strip().splitlines() == lines


def test_a_method_of_sessions() -> None:
    """Its title has the class, and it says where it can be called."""
    assert named("Session.select").called_on == ("sessions",)
    assert "- On sessions only." in TEXTS["sessions.md"]
    assert "- Not on pipelines." in TEXTS["lists.md"]
    assert named("blpop").called_on == ("clients", "clusters", "sessions")
    assert named("RedisCluster.mset").page == "cluster"
    assert named("Session.watch").called_on == ("sessions",)  # that of a client is another one


def test_each_module_of_a_page_exists() -> None:
    """The list of pages has no names of files that are gone."""
    package = ROOT / "anyredis"
    places = (package / "commands", package / "commands" / "modules", package)
    gone = [
        module
        for module in PAGE_OF
        if not any(
            (place / module).is_dir() or (place / f"{module}.py").is_file() for place in places
        )
    ]
    assert gone == []


def test_a_group_without_a_title_has_a_page() -> None:
    """A new file of commands is listed without further ado."""
    assert page_of("anyredis.commands.new_things") == "new_things"
    assert title_of("new_things") == "New things"
    entry = named("get")._replace(page="new_things")
    assert "# New things" in Pages([entry], None).texts()["new_things.md"]


@pytest.mark.parametrize(
    ("tried", "column", "line"),
    [
        (None, "| method | gives | servers |", "- redis-py"),
        ({"get": ["Redis 8.2", "Valkey 9.1"]}, "| servers | ran on |", "- Ran on: Redis 8.2, Val"),
        ({"get": []}, "| servers | ran on |", "- Ran on: none"),
        ({}, "| servers | ran on |", "| Redis 1.0, Valkey |  |"),
    ],
)
def test_the_servers_on_which_a_method_ran(
    tried: dict[str, list[str]] | None, column: str, line: str
) -> None:
    """They are told if the tests have written them down."""
    text = Pages([named("get")], tried).texts()["strings.md"]
    assert column in text
    assert line in text
    assert ("Ran on" in text) is bool(tried)


def test_the_record_of_what_ran_may_be_missing(tmp_path: Path) -> None:
    """Then the pages say nothing about it."""
    assert ran_on(tmp_path / "ran_on.json") is None
    (tmp_path / "ran_on.json").write_text('{"get": ["Valkey 9.1"]}')
    assert ran_on(tmp_path / "ran_on.json") == {"get": ["Valkey 9.1"]}


@pytest.mark.parametrize(
    ("version", "shown"), [("7.2", "Valkey"), ("1.0.1", "Valkey"), ("8.0", "Valkey 8.0")]
)
def test_the_first_valkey(version: str, shown: str) -> None:
    """Every Valkey has the commands of Redis 7.2, so their versions are not told."""
    assert valkey_since(version) == shown


def test_the_calls_of_other_clients_are_those_of_the_installed_packages() -> None:
    """`peer_calls.jsonl` is current: otherwise run `python -m tests.command_pages.collect_peers`."""
    assert FILE.read_text(encoding="utf-8").splitlines() == list(lines())


@pytest.mark.parametrize(
    ("peer", "method", "command", "calls"),
    [
        ("redis-py", "lpop", "LPOP", ["lpop(name, count=None)"]),
        ("redis-py", "lpop_many", "LPOP", ["lpop(name, count=None)"]),
        ("redis-py", "vcard", "VCARD", ["vset().vcard(key)"]),
        ("redis-py", "object_freq", "OBJECT FREQ", ["object(infotype, key)"]),
        ("coredis", "himport_discard_all", "HIMPORT DISCARDALL", ["himport_discardall()"]),
        ("coredis", "delifeq", "DELIFEQ", []),
        ("coredis", "scan_iter", None, ["scan_iter(match=None, count=None, type_=None)"]),
    ],
)
def test_how_another_client_calls_it(
    peer: str, method: str, command: str | None, calls: list[str]
) -> None:
    """By the same name; otherwise by what sends the same command, or any command of its kind."""
    assert calls_of(peer, method, command) == calls
