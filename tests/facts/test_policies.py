"""Nodes of commands without keys, and aggregation, compared with the tips of four servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from anyredis.exceptions import DataValueError
from anyredis.facts.lookup import facts_of
from anyredis.facts.policies import (
    ANYWHERE,
    BY_NODE,
    BY_SLOT,
    OF_MODULES,
    ONE_NODE_REPORTS,
    REQUEST,
    RESPONSE,
    RequestPolicy,
    ResponsePolicy,
    by_node_method,
)
from anyredis.facts.table import CHANGES_CONNECTION, CONTAINERS, READ_ONLY
from anyredis.wire.encode import Value


class Facts(TypedDict):
    """The entries of `commands.json` for each command that are used here."""

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
    """Whether any one node may answer *args*."""
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


def as_in_commands_json(policies: Mapping[bytes, Enum]) -> dict[str, object]:
    """The names in the spelling of `commands.json`."""
    return {name.decode(): policy.value for name, policy in policies.items()}


def test_request_policies() -> None:
    """A command goes to the nodes that its servers advise."""
    assert as_in_commands_json(REQUEST) == tips("request_policy")


def test_response_policies() -> None:
    """Replies are aggregated as the servers advise."""
    assert as_in_commands_json(RESPONSE) == tips("response_policy")


@pytest.mark.parametrize("policy", [*RequestPolicy, *ResponsePolicy])
def test_policies_are_named_as_the_servers_name_them(policy: Enum) -> None:
    """A policy has the name of the tip."""
    assert policy.value == policy.name.lower()


def test_search_has_no_tips() -> None:
    """What the tables say of the search module, no server says."""
    assert {name.decode() for name in OF_MODULES}.isdisjoint(tips("request_policy"))
    assert ANYWHERE.isdisjoint(OF_MODULES)


def test_anywhere_has_only_commands_that_need_it() -> None:
    """A member is a command without a tip that is not known to only read."""
    assert {name.decode() for name in ANYWHERE} <= set(COMMANDS)
    assert ANYWHERE.isdisjoint(REQUEST.keys() | READ_ONLY | CHANGES_CONNECTION | CONTAINERS)


def test_every_command_without_keys_is_decided() -> None:
    """A command with neither keys nor a tip goes anywhere, or is bound to a connection or node."""
    elsewhere = READ_ONLY | ANYWHERE | CHANGES_CONNECTION | CONTAINERS | REQUEST.keys()
    elsewhere |= OF_MODULES.keys()
    undecided = {
        name
        for name, facts in COMMANDS.items()
        if "key_specs" not in facts and name.encode() not in elsewhere
    }
    assert undecided == set(OF_ONE_NODE)


def test_reports_of_one_node_have_neither_keys_nor_a_tip() -> None:
    """Each is a command of a server that only reads, and that has nothing else to go by."""
    named = {name.decode() for name in ONE_NODE_REPORTS | BY_SLOT}
    assert named <= set(COMMANDS)
    assert named.isdisjoint(tips("request_policy"))
    assert [name for name in sorted(named) if "key_specs" in COMMANDS[name]] == []
    assert ONE_NODE_REPORTS | BY_SLOT <= READ_ONLY


def test_the_method_that_asks_all_nodes() -> None:
    """It has the name of the command's own method, and an ending; some commands have none."""
    assert by_node_method(b"INFO") == "info_by_node"
    assert by_node_method(b"MEMORY MALLOC-STATS") == "memory_malloc_stats_by_node"
    assert by_node_method(b"BGSAVE") is None
    assert {name.decode() for name in BY_NODE} <= set(COMMANDS)


def test_commands_about_one_node_have_no_default_node() -> None:
    """For a command about one node, the user has to choose the node."""
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
    ((b"client", "list"), False),
    ((b"client", "info"), True),
    ((b"ROLE",), False),
    ((b"CLUSTER", b"GETKEYSINSLOT", 5, 10), False),
    ((b"CLUSTER", b"INFO"), True),
    ((b"CONFIG", b"GET", "*"), True),
    ((b"FUNCTION", b"LIST"), True),
    ((b"FT.DICTADD", "d", "word"), False),
    ((b"FT.CONFIG", b"GET", "TIMEOUT"), True),
    ((b"FT._LIST",), False),
    ((b"TS.QUERYINDEX", "a=b"), False),  # each primary has series of its own
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
    """Any node may answer a call without keys, without a tip and without an effect on a node."""
    assert anywhere(args) is expected


def test_anywhere_refuses_the_same_as_key_positions() -> None:
    """A script with a bad number of keys is the caller's error, not a call for any node."""
    with pytest.raises(DataValueError, match="EVAL: numkeys is 2, but 1 argument follows"):
        anywhere((b"EVAL", "return 1", 2, "k"))
