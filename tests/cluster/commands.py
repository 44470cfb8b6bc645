"""One call of each command that four servers know, and its destination in a cluster."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import NotRequired, TypedDict

from anyredis.facts.policies import BY_SLOT, ONE_NODE_REPORTS
from anyredis.facts.table import CHANGES_CONNECTION, CONTAINERS
from anyredis.wire.slots import slot_of
from tests.facts.test_policies import OF_ONE_NODE

KEY = b"1"
"""Every key of every call: a number, so that it is a number of keys just as well."""


SLOT = str(slot_of(KEY)).encode()
"""The slot of that key."""


class Facts(TypedDict):
    """The facts in `commands.json` about each command, as far as these tests need them."""

    arity: int
    key_specs: NotRequired[list[object]]
    tips: NotRequired[list[str]]


COMMANDS: dict[str, Facts] = json.loads((Path(__file__).parents[1] / "commands.json").read_text())


class Way(Enum):
    """The destination of a call."""

    SLOT = "the node that serves its key"
    ANYWHERE = "one primary"
    PRIMARIES = "all primaries"
    NODES = "all nodes"
    REFUSED = "no node"


WAITS = {"WAIT", "WAITAOF"}
"""Commands that concern one connection."""

REPORTS_OF_ONE_NODE = {name.decode() for name in ONE_NODE_REPORTS}
"""Commands without keys and tips that say nothing without the name of the node."""

OF_SLOTS = {name.decode() for name in BY_SLOT}
"""Commands about the slot in their argument; here that of the key of the other calls."""

OF_ONE_CURSOR = {"SCAN", "HOTKEYS GET", "HOTKEYS RESET", "HOTKEYS START", "HOTKEYS STOP"}
"""Commands without keys whose tips say special."""

WORDS: dict[str, tuple[bytes, ...]] = {
    "CLUSTER COUNTKEYSINSLOT": (b"CLUSTER", b"COUNTKEYSINSLOT", SLOT),
    "CLUSTER GETKEYSINSLOT": (b"CLUSTER", b"GETKEYSINSLOT", SLOT, b"10"),
    "XREAD": (b"XREAD", b"STREAMS", KEY, b"0"),
    "XREADGROUP": (b"XREADGROUP", b"GROUP", b"g", b"c", b"STREAMS", KEY, b">"),
    "JSON.DEBUG": (b"JSON.DEBUG", b"MEMORY", KEY),
}


SUBSCRIPTION_REPORTS = {
    *("PUBSUB CHANNELS", "PUBSUB NUMPAT", "PUBSUB NUMSUB"),
    *("PUBSUB SHARDCHANNELS", "PUBSUB SHARDNUMSUB"),
}
"""They have no tip, but only all nodes together know the subscribers of the cluster."""


DICTIONARIES = {"FT.DICTADD", "FT.DICTDEL"}
"""They have no tip; each node has the words that its part of an index is checked with."""


def call(name: str) -> tuple[bytes, ...]:
    """A call of *name* that has all it needs."""
    if name in WORDS:
        return WORDS[name]
    words = tuple(name.encode().split())
    arity = COMMANDS[name]["arity"]
    if (arity == -1 and "key_specs" in COMMANDS[name]) or name.startswith(("EVAL", "FCALL")):
        return (*words, KEY, KEY, KEY)  # modules do not tell how much is needed
    return words + (KEY,) * max(abs(arity) - len(words), 0)


def expected(name: str) -> Way:
    """The destination of the call, by the servers' facts about the command."""
    tips = COMMANDS[name].get("tips", [])
    container = name.encode() in CONTAINERS and name != "COMMAND"
    alone = OF_ONE_NODE.keys() | REPORTS_OF_ONE_NODE | OF_ONE_CURSOR | WAITS
    refused = container or name in alone
    if refused or name.encode() in CHANGES_CONNECTION:
        return Way.REFUSED
    if "request_policy:all_nodes" in tips or name in SUBSCRIPTION_REPORTS:
        return Way.NODES
    if "request_policy:all_shards" in tips or name in DICTIONARIES:
        return Way.PRIMARIES
    by_key = "key_specs" in COMMANDS[name] or name in OF_SLOTS
    return Way.SLOT if by_key else Way.ANYWHERE
