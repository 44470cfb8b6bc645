"""The facts of all commands, compared with what each live server reports by COMMAND.

The differences are deliberate, and stand in lists: `NOT_IN_MULTI` here, `FLAGGED_YET_CHANGING` in
`test_table` and `INCOMPLETE_SPECS` in `key_specs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pytest

from anyredis.facts.lookup import facts_of
from anyredis.facts.table import CHANGES_CONNECTION
from anyredis.server import Server
from tests.facts import key_specs
from tests.facts.key_specs import KeySpec
from tests.facts.test_table import FLAGGED_YET_CHANGING
from tests.servers import ask

SERVERS = ["valkey", "redis8", "redis_tls"]

NOT_IN_MULTI = {
    "SAVE": "it writes a file; the server is busy meanwhile",
    "SHUTDOWN": "the server goes",
}
"""Commands that cannot stand in a transaction, although they leave their connection as it is."""


class Reported(NamedTuple):
    """What a server reports of one command."""

    name: str
    flags: set[str]
    tips: dict[str, str]
    key_specs: list[KeySpec]


def text(reply: Any) -> Any:
    """A reply of bytes as text; the maps in it, flat in RESP2, stay flat."""
    if isinstance(reply, bytes):
        return reply.decode()
    if isinstance(reply, list):
        items = cast("list[object]", reply)
        return [text(each) for each in items]
    return reply


def fields(flat: list[Any]) -> dict[str, Any]:
    """A flat map as a dict, and the maps in it."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {
        name: fields(value) if name in key_specs.HALVES and not isinstance(value, str) else value
        for name, value in pairs
    }


def reported(entries: list[Any]) -> Iterator[Reported]:
    """Each command in the reply to COMMAND, those in containers too."""
    for entry in entries:
        name: str = entry[0]
        flags: list[str] = entry[2]
        tips: list[str] = entry[7]
        specs: list[list[Any]] = entry[8]
        subcommands: list[Any] = entry[9]
        given = [tip.partition(":") for tip in tips if ":" in tip]
        shown = name.upper().replace("|", " ")
        yield Reported(
            shown,
            set(flags),
            {kind: value for kind, _, value in given},
            [cast("KeySpec", fields(spec)) for spec in specs],
        )
        yield from reported(subcommands)


@pytest.fixture(params=SERVERS)
def commands(request: pytest.FixtureRequest) -> list[Reported]:
    """All commands that a server has."""
    server: Server = request.getfixturevalue(request.param)
    found = list(reported(text(ask(server, "COMMAND"))))
    assert len(found) > 300
    return found


def facts(each: Reported) -> Any:
    """The facts of a command."""
    return facts_of(tuple(each.name.split()))


def test_every_command_is_known(commands: list[Reported]) -> None:
    """The facts of each command of the server are known: with its keys, or that it has none."""
    assert [each.name for each in commands if facts(each).find_keys is None] == []


def test_reading(commands: list[Reported]) -> None:
    """A command only reads if its server says so, and never if the server says that it writes."""
    readers = [each for each in commands if "readonly" in each.flags]
    missing = [each.name for each in readers if not facts(each).read_only]
    assert set(missing) <= FLAGGED_YET_CHANGING.keys()
    writers = [each for each in commands if "write" in each.flags]
    assert [each.name for each in writers if facts(each).read_only] == []


def test_blocking(commands: list[Reported]) -> None:
    """A command may block exactly if its server says so."""
    blocking = {each.name for each in commands if "blocking" in each.flags}
    known = {
        each.name
        for each in commands
        if facts(each).timeout is not None or facts(each).block_option is not None
    }
    assert known == blocking


def test_policies(commands: list[Reported]) -> None:
    """Nodes and aggregation are those of the server's tips, if it has any."""
    wrong = [
        (each.name, kind, tip)
        for each in commands
        for kind, tip in each.tips.items()
        if kind in ("request_policy", "response_policy")
        and tip != getattr(getattr(facts(each), kind.partition("_")[0]), "value", None)
    ]
    assert wrong == []


def test_keys(commands: list[Reported], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are where the server's key specifications have them, in calls of several lengths."""
    keyed = {each.name: each.key_specs for each in commands if each.key_specs}
    monkeypatch.setattr(key_specs, "KEYED", keyed)
    wrong = [
        call
        for name in keyed.keys() - key_specs.INCOMPLETE_SPECS.keys()
        for call in key_specs.calls(name)
        if key_specs.found(*call) != key_specs.specified(name, call)
    ]
    assert wrong == []


def test_without_keys(commands: list[Reported]) -> None:
    """A command without key specifications has no keys."""
    keyless = [each.name for each in commands if not each.key_specs]
    assert [name for name in keyless if key_specs.found(*name.split()) != []] == []


def test_connections(commands: list[Reported]) -> None:
    """A command that a transaction cannot hold changes its connection, or is about the server."""
    refused = {each.name for each in commands if "no_multi" in each.flags}
    assert {name for name in refused if name.encode() not in CHANGES_CONNECTION} == (
        NOT_IN_MULTI.keys()
    )
