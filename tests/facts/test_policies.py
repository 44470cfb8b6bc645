"""Where commands without keys go, and how replies merge: held to the tips of four servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from anyredis.exceptions import DataValueError
from anyredis.facts.lookup import facts_of
from anyredis.facts.policies import ANYWHERE, REQUEST, RESPONSE, RequestPolicy, ResponsePolicy
from anyredis.facts.table import CHANGES_CONNECTION, CONTAINERS, READ_ONLY
from anyredis.wire.encode import Value


class Facts(TypedDict):
    """What `commands.json` tells of each command, as far as it is asked here."""

    key_specs: NotRequired[list[object]]
    tips: NotRequired[list[str]]


COMMANDS: dict[str, Facts] = json.loads((Path(__file__).parents[1] / "commands.json").read_text())

OF_ONE_NODE = {
    "ACL LOAD": "it reads the file of one node",
    "ACL LOG": "ACL LOG RESET is the same command, and forgets what one node noted",
    "BGREWRITEAOF": "it writes a file of one node",
    "BGSAVE": "it writes a file of one node",
    "CLIENT KILL": "a connection is to one node",
    "CLIENT PAUSE": "one node makes its clients wait",
    "CLIENT UNBLOCK": "a connection is to one node",
    "CLIENT UNPAUSE": "one node made its clients wait",
    "DEBUG": "it examines one node, or breaks it",
    "FAILOVER": "one node gives its role away",
    "FT.CONFIG": "FT.CONFIG SET is the same command, and configures one node",
    "MODULE LOAD": "a module is loaded into one node",
    "MODULE LOADEX": "a module is loaded into one node",
    "MODULE UNLOAD": "a module is loaded into one node",
    "PFSELFTEST": "it keeps one node busy, to tell whether that one is sound",
    "REPLICAOF": "one node changes its role",
    "SAVE": "it writes a file of one node",
    "SHUTDOWN": "one node goes",
    "SLAVEOF": "one node changes its role",
    "SWAPDB": "each node has databases of its own",
    "TRIMSLOTS": "it drops what one node has",
} | {
    name: reason
    for container, reason in {
        "BACKUP": "it backs one node up",
        "CLUSTER": "it changes what one node knows of the cluster",
        "FT.DEBUG": "it examines the part of an index that one node has",
    }.items()
    for name in COMMANDS
    if name.startswith(f"{container} ")
    and name.encode() not in READ_ONLY | ANYWHERE | CHANGES_CONNECTION | REQUEST.keys()
}


def anywhere(args: tuple[Value, ...]) -> bool:
    """Whether one node may answer *args* as well as any other."""
    facts = facts_of(args)
    return facts.any_node and not facts.key_positions(args)


def tips(kind: str) -> dict[str, str]:
    """The tip of *kind* of each command that has one."""
    return {
        name: tip.partition(":")[2]
        for name, facts in COMMANDS.items()
        for tip in facts.get("tips", [])
        if tip.startswith(f"{kind}:")
    }


def spelt(policies: Mapping[bytes, Enum]) -> dict[str, object]:
    """As `commands.json` spells them."""
    return {name.decode(): policy.value for name, policy in policies.items()}


def test_request_policies() -> None:
    """A command goes where its servers advise."""
    assert spelt(REQUEST) == tips("request_policy")


def test_response_policies() -> None:
    """Replies merge as the servers advise."""
    assert spelt(RESPONSE) == tips("response_policy")


@pytest.mark.parametrize("policy", [*RequestPolicy, *ResponsePolicy])
def test_policies_are_named_as_the_servers_name_them(policy: Enum) -> None:
    """A policy has the name of the tip."""
    assert policy.value == policy.name.lower()


def test_anywhere_is_for_what_needs_it() -> None:
    """What may go anywhere is a command, has no tip, and is not known to read only."""
    assert {name.decode() for name in ANYWHERE} <= set(COMMANDS)
    assert ANYWHERE.isdisjoint(REQUEST.keys() | READ_ONLY | CHANGES_CONNECTION | CONTAINERS)


def test_every_command_without_keys_is_decided() -> None:
    """What has neither keys nor a tip may go anywhere, needs its connection, or names its node."""
    elsewhere = READ_ONLY | ANYWHERE | CHANGES_CONNECTION | CONTAINERS | REQUEST.keys()
    undecided = {
        name
        for name, facts in COMMANDS.items()
        if "key_specs" not in facts and name.encode() not in elsewhere
    }
    assert undecided == set(OF_ONE_NODE)


def test_what_concerns_one_node_goes_nowhere_by_itself() -> None:
    """For what acts on one node, the user has to say which."""
    assert [name for name in OF_ONE_NODE if anywhere(tuple(name.split()))] == []


CALLS: list[tuple[tuple[Value, ...], bool]] = [
    ((b"PUBLISH", "channel", "message"), True),
    (("publish", "channel", "message"), True),
    ((b"SPUBLISH", "channel", "message"), False),
    ((b"EVAL", "return 1", 0), True),
    ((b"EVAL", "return 1", 0, "argument"), True),
    ((b"EVAL", "return 1", 1, "k"), False),
    ((b"EVALSHA", "sha", "0"), True),
    ((b"FCALL", "f", 0), True),
    ((b"FCALL", "f", 1, "k"), False),
    ((b"EVAL_RO", "return 1", 0), True),
    ((b"EVALSHA_RO", "sha", 0), True),
    ((b"FCALL_RO", "f", 0), True),
    ((b"FCALL_RO", "f", 1, "k"), False),
    ((b"ECHO", "hello"), True),
    ((b"TIME",), True),
    ((b"COMMAND", b"DOCS"), True),
    ((b"client", "list"), True),
    ((b"CLUSTER", b"INFO"), True),
    ((b"CONFIG", b"GET", "*"), True),
    ((b"FUNCTION", b"LIST"), True),
    ((b"FT.DICTADD", "d", "word"), True),
    ((b"TS.QUERYINDEX", "a=b"), True),
    ((b"GET", "k"), False),
    ((b"MGET", "a", "b"), False),
    ((b"PING",), False),
    ((b"INFO",), False),
    ((b"KEYS", "*"), False),
    ((b"SCAN", 0), False),
    ((b"SLOWLOG", b"GET"), False),
    ((b"CONFIG", b"SET", "a", "b"), False),
    ((b"SELECT", 1), False),
    ((b"MULTI",), False),
    ((b"SUBSCRIBE", "c"), False),
    ((b"MY.CMD",), False),
]


@pytest.mark.parametrize(("args", "expected"), CALLS)
def test_anywhere(args: tuple[Value, ...], expected: bool) -> None:
    """Any node may answer what has no keys, has no tip, and acts on no node."""
    assert anywhere(args) is expected


def test_anywhere_refuses_what_key_positions_refuses() -> None:
    """A script whose keys cannot be counted is the caller's mistake, not one of any node."""
    with pytest.raises(DataValueError, match="EVAL: numkeys is 2, but 1 argument follows"):
        anywhere((b"EVAL", "return 1", 2, "k"))
