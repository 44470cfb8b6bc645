"""The table of facts, compared with the flags of four servers, and its functions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypedDict

import pytest

from anyredis import Redis
from anyredis.facts import table
from anyredis.wire.encode import Value


class Facts(TypedDict):
    """The entries of `commands.json` for each command that are used here."""

    flags: list[str]
    group: str


FOLDER = Path(__file__).parents[1]
COMMANDS: dict[str, Facts] = {
    **json.loads((FOLDER / "commands.json").read_text()),
    **json.loads((FOLDER / "sentinel_commands.json").read_text()),
}

CALLED = re.compile(r"(\w+)\(")
"""A method in the text of a refusal."""

FLAGGED_YET_CHANGING = {
    "CF.COMPACT": "it rebuilds the filter",
    "FT.ALIASADD": "it defines an alias",
    "FT.ALIASDEL": "it drops an alias",
    "FT.ALIASUPDATE": "it moves an alias",
    "FT.CONFIG": "its subcommands are commands of their own here",
    "FT.CURSOR": "FT.CURSOR READ takes a page that comes only once, DEL drops the cursor",
    "FT.DICTADD": "it adds to a dictionary",
    "FT.DICTDEL": "it takes from a dictionary",
} | {name: "it can act, too" for name in COMMANDS if name.startswith("FT.DEBUG")}


UNLISTED = {
    "FT.HYBRID": "Search 8.4",
    "FT.ALIASLIST": "Search 8.10",
    **dict.fromkeys(("FT.CONFIG GET", "FT.CONFIG HELP"), "COMMAND has their first word alone"),
    "FT._LIST": "its name is that of an internal command",
}
"""Commands that `commands.json` does not have, each with the reason."""


def flagged(flag: str) -> set[str]:
    """The commands with that flag on any server."""
    return {name for name, facts in COMMANDS.items() if flag in facts["flags"]}


def names(known: frozenset[bytes] | dict[bytes, str]) -> set[str]:
    """The names in the spelling of `commands.json`."""
    return {name.decode() for name in known}


def test_read_only_flags() -> None:
    """Commands with the servers' readonly flag are read-only here, unless they change something."""
    assert flagged("readonly") - names(table.READ_ONLY) == set(FLAGGED_YET_CHANGING)


def test_read_only_writes_nothing() -> None:
    """Commands with the write flag, or that change their connection, are never read-only."""
    assert names(table.READ_ONLY) & flagged("write") == set()
    assert table.READ_ONLY.isdisjoint(table.CHANGES_CONNECTION)


def test_read_only_by_hand() -> None:
    """Read-only commands without that flag are about servers, not keys, and are not containers."""
    by_hand = names(table.READ_ONLY) - flagged("readonly") - UNLISTED.keys()
    keyed = {name for name in by_hand if COMMANDS[name]["group"] in {"generic", "string", "hash"}}
    assert keyed == {"OBJECT HELP"}
    assert by_hand & names(table.CONTAINERS) == {"COMMAND"}  # alone it is a command too


def test_blocking_flags() -> None:
    """Commands with the servers' blocking flag block here, and no others do."""
    assert names(table.BLOCKING) == flagged("blocking")


def test_containers() -> None:
    """Containers are the first words of names of two words."""
    listed = {*COMMANDS, *UNLISTED}
    assert names(table.CONTAINERS) == {name.partition(" ")[0] for name in listed if " " in name}


@pytest.mark.parametrize(
    "known",
    [
        *(table.READ_ONLY, table.BLOCKING, table.CHANGES_CONNECTION),
        *(table.FORBIDDEN, table.SHUTS_DOWN),
    ],
)
def test_names_are_of_commands(known: frozenset[bytes] | dict[bytes, str]) -> None:
    """No name is misspelt: each is a command of some server."""
    assert names(known) - {*COMMANDS, *UNLISTED} == set()
    assert UNLISTED.keys().isdisjoint(COMMANDS)


def test_forbidden() -> None:
    """A forbidden command changes its connection, too; each has a reason for the message."""
    assert frozenset(table.FORBIDDEN) <= table.CHANGES_CONNECTION
    assert all(len(reason) > 20 for reason in table.FORBIDDEN.values())
    named = {method for reason in table.FORBIDDEN.values() for method in CALLED.findall(reason)}
    assert named == {"monitor", "pubsub", "subscribe"}
    assert [method for method in named if not callable(getattr(Redis, method, None))] == []
    subscribing = {name for name in COMMANDS if name.endswith("SUBSCRIBE")}
    assert subscribing <= names(table.FORBIDDEN)


def test_special() -> None:
    """The first word alone decides that a command is ordinary."""
    blocking = table.BLOCKING | table.SHUTS_DOWN
    special = blocking | table.CHANGES_CONNECTION | frozenset(table.FORBIDDEN)
    assert {name.split()[0] for name in special} == table.SPECIAL
    assert not {b"GET", b"SET", b"EVAL", b"PING", b"OBJECT", b"PUBLISH"} & table.SPECIAL


FULL_NAMES: list[tuple[tuple[Value, ...], bytes]] = [
    ((b"GET", "k"), b"GET"),
    (("get", "k"), b"GET"),
    ((bytearray(b"get"), "k"), b"GET"),
    ((b"OBJECT", b"ENCODING", "k"), b"OBJECT ENCODING"),
    (("object", "encoding", "k"), b"OBJECT ENCODING"),
    ((b"CONFIG", memoryview(b"get"), "*"), b"CONFIG GET"),
    ((b"COMMAND",), b"COMMAND"),
    ((b"CLIENT", 7), b"CLIENT 7"),
    (("\udc80",), b"?"),
]


@pytest.mark.parametrize(("args", "name"), FULL_NAMES)
def test_full_name(args: tuple[Value, ...], name: bytes) -> None:
    """A name is upper-case bytes, with the subcommand if it has one."""
    assert table.full_name(args) == name
