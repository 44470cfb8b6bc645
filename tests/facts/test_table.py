"""The table of facts: held to what four servers tell, and asked about calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import pytest

from anyredis.facts import table
from anyredis.wire.encode import Value


class Facts(TypedDict):
    """What `commands.json` tells of each command, as far as it is asked here."""

    flags: list[str]
    group: str


COMMANDS: dict[str, Facts] = json.loads((Path(__file__).parents[1] / "commands.json").read_text())

FLAGGED_YET_CHANGING = {
    "CF.COMPACT": "it rebuilds the filter",
    "FT.ALIASADD": "it defines an alias",
    "FT.ALIASDEL": "it drops an alias",
    "FT.ALIASUPDATE": "it moves an alias",
    "FT.CONFIG": "FT.CONFIG SET is the same command",
    "FT.CURSOR": "FT.CURSOR READ takes a page that comes only once, DEL drops the cursor",
    "FT.DICTADD": "it adds to a dictionary",
    "FT.DICTDEL": "it takes from a dictionary",
} | {name: "it can act, too" for name in COMMANDS if name.startswith("FT.DEBUG")}


def flagged(flag: str) -> set[str]:
    """The commands that any server flags so."""
    return {name for name, facts in COMMANDS.items() if flag in facts["flags"]}


def names(known: frozenset[bytes] | dict[bytes, str]) -> set[str]:
    """As `commands.json` spells them."""
    return {name.decode() for name in known}


def test_read_only_flags() -> None:
    """What servers flag as reading is read-only here, but for what changes something all the same."""
    assert flagged("readonly") - names(table.READ_ONLY) == set(FLAGGED_YET_CHANGING)


def test_read_only_writes_nothing() -> None:
    """What servers flag as writing is never read-only; nor is what changes its connection."""
    assert names(table.READ_ONLY) & flagged("write") == set()
    assert table.READ_ONLY.isdisjoint(table.CHANGES_CONNECTION)


def test_read_only_by_hand() -> None:
    """What is read-only here without a flag is about servers, not keys, and is no container."""
    by_hand = names(table.READ_ONLY) - flagged("readonly")
    keyed = {name for name in by_hand if COMMANDS[name]["group"] in {"generic", "string", "hash"}}
    assert keyed == {"OBJECT HELP"}
    assert by_hand & names(table.CONTAINERS) == {"COMMAND"}  # alone it is a command too


def test_blocking_flags() -> None:
    """What servers flag as blocking is blocking here, and nothing else is."""
    assert names(table.BLOCKING) == flagged("blocking")


def test_containers() -> None:
    """Containers are the first words of names of two words."""
    assert names(table.CONTAINERS) == {name.partition(" ")[0] for name in COMMANDS if " " in name}


@pytest.mark.parametrize(
    "known", [table.READ_ONLY, table.BLOCKING, table.CHANGES_CONNECTION, table.FORBIDDEN]
)
def test_names_are_of_commands(known: frozenset[bytes] | dict[bytes, str]) -> None:
    """No name is misspelt: each is a command of some server."""
    assert names(known) - set(COMMANDS) == set()


def test_forbidden() -> None:
    """What no connection can carry changes it, too; each has a reason that can be read aloud."""
    assert frozenset(table.FORBIDDEN) <= table.CHANGES_CONNECTION
    assert all(len(reason) > 20 for reason in table.FORBIDDEN.values())
    subscribing = {name for name in COMMANDS if name.endswith("SUBSCRIBE")}
    assert subscribing <= names(table.FORBIDDEN)


def test_special() -> None:
    """The first word alone tells that a command is ordinary."""
    special = table.BLOCKING | table.CHANGES_CONNECTION | frozenset(table.FORBIDDEN)
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
    """A name is upper-case bytes, with its subcommand where it has one."""
    assert table.full_name(args) == name


READS: list[tuple[tuple[Value, ...], bool]] = [
    ((b"GET", "k"), True),
    ((b"get", "k"), True),
    ((b"OBJECT", "freq", "k"), True),
    ((b"OBJECT", "forget", "k"), False),
    ((b"PING",), True),
    ((b"CONFIG", b"GET", b"*"), True),
    ((b"CONFIG", b"SET", b"a", b"b"), False),
    ((b"SORT", "k"), False),
    ((b"SORT_RO", "k"), True),
    ((b"XREAD", b"STREAMS", "k", "0"), True),
    ((b"XREADGROUP", b"GROUP", "g", "c", b"STREAMS", "k", ">"), False),
    ((b"INCRBY", "k", 1), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "reads"), READS)
def test_only_reads(args: tuple[Value, ...], reads: bool) -> None:
    """G11: only what is known to read only may be sent again by itself."""
    assert table.only_reads(args) is reads


BLOCKS: list[tuple[tuple[Value, ...], float | None]] = [
    ((b"BLPOP", "a", "b", 2), 2.0),
    ((b"BLPOP", "a", 0), None),
    ((b"blpop", "a", b"0.25"), 0.25),
    ((b"BRPOP", "a", 1.5), 1.5),
    ((b"BRPOPLPUSH", "a", "b", 3), 3.0),
    ((b"BLMOVE", "a", "b", b"LEFT", b"RIGHT", 4), 4.0),
    ((b"BLMOVEM", "a", "b", b"LEFT", b"RIGHT", 5, b"COUNT", 9, b"BULK"), 5.0),
    ((b"BLMPOP", 6, 1, "a", b"LEFT", b"COUNT", 9), 6.0),
    ((b"BZMPOP", 7, 1, "a", b"MIN"), 7.0),
    ((b"BZPOPMIN", "a", 8), 8.0),
    ((b"BZPOPMAX", "a", 9), 9.0),
    ((b"WAIT", 1, 1500), 1.5),
    ((b"WAIT", 1, 0), None),
    ((b"WAITAOF", 0, 1, 2500), 2.5),
    ((b"XREAD", b"COUNT", 1, b"BLOCK", 250, b"STREAMS", "k", "$"), 0.25),
    ((b"XREAD", b"block", 0, b"streams", "k", "$"), None),
    ((b"XREADGROUP", b"GROUP", "BLOCK", "BLOCK", b"BLOCK", 100, b"STREAMS", "k", ">"), 0.1),
    ((b"BLPOP", "a", "soon"), None),
    ((b"BLPOP", "a", -1), None),
    ((b"BLPOP", "a", "inf"), None),
    ((b"BLPOP",), None),
    ((b"WAIT", 1), None),
]


@pytest.mark.parametrize(("args", "seconds"), BLOCKS)
def test_blocking_seconds(args: tuple[Value, ...], seconds: float | None) -> None:
    """A blocking call tells for how long; what cannot be read is for as long as it takes."""
    assert args[0] in table.SPECIAL or args[0] == b"blpop"
    assert table.blocking_seconds(args) == seconds
    assert len(args) < 3 or table.blocks(args)


@pytest.mark.parametrize(
    "args",
    [
        (b"GET", "BLOCK"),
        (b"XREAD", b"STREAMS", "BLOCK", "0"),
        (b"XREAD", b"COUNT", 5, b"STREAMS", "k", "0"),
        (b"XREADGROUP", b"GROUP", "BLOCK", "BLOCK", b"NOACK", b"STREAMS", "BLOCK", ">"),
        (b"XREADGROUP",),
        (b"XREAD", b"BLOCK"),
        (b"CLIENT", b"PAUSE", 1000),
    ],
)
def test_what_does_not_block(args: tuple[Value, ...]) -> None:
    """A stream is read without waiting unless BLOCK is an option, not a group or a key."""
    assert table.blocks(args) is False
    assert table.blocking_seconds(args) == 0.0


CHANGES: list[tuple[tuple[Value, ...], bool]] = [
    ((b"SELECT", 1), True),
    ((b"WATCH", "k"), True),
    ((b"CLIENT", b"SETNAME", "me"), True),
    ((b"client", "reply", "off"), True),
    ((b"CLIENT", b"LIST"), False),
    ((b"SCRIPT", b"DEBUG", b"YES"), True),
    ((b"SCRIPT", b"LOAD", b"return 1"), False),
    ((b"SUBSCRIBE", "c"), True),
    ((b"GET", "k"), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "changes"), CHANGES)
def test_changes_connection(args: tuple[Value, ...], changes: bool) -> None:
    """G9: what marks its connection is known, and its first word is special."""
    assert table.changes_connection(args) is changes
    assert not changes or table.full_name(args).split()[0] in table.SPECIAL


def test_forbidden_calls() -> None:
    """A call that no connection can carry has its reason; any other has none."""
    assert "subscription" in (table.forbidden((b"SUBSCRIBE", "c")) or "")
    assert "replies" in (table.forbidden(("client", "Reply", "OFF")) or "")
    assert table.forbidden((b"CLIENT", b"LIST")) is None
    assert table.forbidden((b"SELECT", 1)) is None
