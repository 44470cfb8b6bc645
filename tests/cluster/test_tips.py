"""The route and the aggregate of each command that has a method, compared with the servers' tips.

The tips are those of `commands.json`, read here by the servers' own rules and not by the tables of
`anyredis.facts`.  What differs stands in `OTHER_WAYS` and `OTHER_REPLIES`, each with its reason.
"""

from __future__ import annotations

import pytest

from anyredis import CrossSlotError, DataError
from anyredis.cluster.routing.aggregate import NodeReply, aggregate
from anyredis.cluster.routing.routes import AllNodes, AnyNode, Split, SplitPart, ToSlot, route
from anyredis.exceptions import PartialFailureError, ProtocolError, from_server
from anyredis.facts.lookup import facts_of
from anyredis.facts.policies import AS_IN_CORE, by_node_method
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value
from tests.cluster.commands import COMMANDS, call
from tests.commands.test_every_command import ELSEWHERE, MADE
from tests.facts.test_policies import tips

REQUESTS, RESPONSES = tips("request_policy"), tips("response_policy")

WITH_METHOD = (MADE & COMMANDS.keys()) - ELSEWHERE.keys()
"""The commands of the nodes of a cluster that have a command method."""

# -- routes -------------------------------------------------------------------------------------

CONNECTION = "it changes its connection: a session has it"
ONE_NODE = "it acts on one node, or on what one node keeps: the user names the node"
OWN_REPORT = "it says nothing without its node: the user names it, or asks all by `…_by_node`"
SUBSCRIBERS = "only all nodes together know the subscribers of a cluster"
SLOT_NUMBER = "only a node that serves the slot has its keys: any other says that it is empty"
WAITS = "it is about the writes of its own connection: a session has it"

OTHER_WAYS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("ASKING", "AUTH", "CLIENT CACHING", "CLIENT CAPA", "CLIENT IMPORT-SOURCE"),
            *("CLIENT NO-EVICT", "CLIENT NO-TOUCH", "CLIENT SETINFO", "CLIENT SETNAME"),
            *("CLIENT TRACKING", "HIMPORT DISCARD", "HIMPORT DISCARDALL", "HIMPORT PREPARE"),
            *("HIMPORT SET", "READONLY", "READWRITE", "RESET", "SELECT", "UNWATCH", "WATCH"),
        ),
        CONNECTION,
    ),
    **dict.fromkeys(
        (
            *(
                "ACL LOAD",
                "ACL LOG",
                "BACKUP ABORT",
                "BACKUP CLEANUP",
                "BACKUP SEAL",
                "BACKUP START",
                "BGREWRITEAOF",
                "BGSAVE",
            ),
            *("CLIENT KILL", "CLIENT PAUSE", "CLIENT UNBLOCK", "CLIENT UNPAUSE"),
            *("CLUSTER ADDSLOTS", "CLUSTER ADDSLOTSRANGE", "CLUSTER BUMPEPOCH"),
            *("CLUSTER CANCELSLOTMIGRATIONS", "CLUSTER DELSLOTS", "CLUSTER DELSLOTSRANGE"),
            *(
                "CLUSTER FAILOVER",
                "CLUSTER FLUSHSLOT",
                "CLUSTER FLUSHSLOTS",
                "CLUSTER FORGET",
                "CLUSTER MEET",
            ),
            *("CLUSTER MIGRATESLOTS", "CLUSTER MIGRATION", "CLUSTER REPLICATE", "CLUSTER RESET"),
            *("CLUSTER SAVECONFIG", "CLUSTER SET-CONFIG-EPOCH", "CLUSTER SETSLOT", "FAILOVER"),
            *("MODULE LOAD", "MODULE LOADEX", "MODULE UNLOAD", "REPLICAOF", "SAVE", "SHUTDOWN"),
            "SWAPDB",
        ),
        ONE_NODE,
    ),
    **dict.fromkeys(
        (
            *("BACKUP LIST", "BACKUP STATUS", "CLIENT LIST", "CLUSTER COUNT-FAILURE-REPORTS"),
            *("CLUSTER GETSLOTMIGRATIONS", "CLUSTER LINKS", "CLUSTER MYID", "CLUSTER MYSHARDID"),
            *("LASTSAVE", "ROLE"),
        ),
        OWN_REPORT,
    ),
    **dict.fromkeys(
        (
            *("PUBSUB CHANNELS", "PUBSUB NUMPAT", "PUBSUB NUMSUB", "PUBSUB SHARDCHANNELS"),
            "PUBSUB SHARDNUMSUB",
        ),
        SUBSCRIBERS,
    ),
    **dict.fromkeys(("CLUSTER COUNTKEYSINSLOT", "CLUSTER GETKEYSINSLOT"), SLOT_NUMBER),
    **dict.fromkeys(("WAIT", "WAITAOF"), WAITS),
}
"""Commands that do not go where their tips say, or a command without tips goes, with the reason."""

SPECIAL: dict[str, str] = {
    "SCAN": "refused: a cursor is of one node; `scan_iter` goes through all primaries",
    **dict.fromkeys(
        ("HOTKEYS GET", "HOTKEYS RESET", "HOTKEYS START", "HOTKEYS STOP"),
        "refused: each node tracks its own keys; the user names the node",
    ),
}
"""What is made of the tip `special`."""


def advised(name: str) -> str:
    """The nodes that the tips of *name* advise; without a tip, by the servers' rules."""
    default = "its slot" if "key_specs" in COMMANDS[name] else "any"
    return REQUESTS.get(name, default)


def chosen(name: str) -> str:
    """The nodes that a call of *name* goes to, in the same words."""
    try:
        way = route(call(name))
    except DataError:
        return "refused"
    if isinstance(way, AllNodes):
        return "all_nodes" if way.replicas else "all_shards"
    if isinstance(way, AnyNode):
        return "any"
    can_be_split = REQUESTS.get(name) == "multi_shard" and isinstance(way, ToSlot)
    return "multi_shard" if can_be_split else "its slot"


def refused_before(name: str) -> bool:
    """Whether a client refuses the command before it looks for a route."""
    facts = facts_of(call(name))
    return facts.changes_connection or facts.forbidden is not None


def test_the_route_of_each_command_is_that_of_its_tips() -> None:
    """Except for those listed here, and for the tip `special`, which names no nodes."""
    other = {
        name
        for name in WITH_METHOD
        if (refused_before(name) or chosen(name) != advised(name)) and advised(name) != "special"
    }
    assert other == set(OTHER_WAYS)
    special = {name for name in WITH_METHOD if advised(name) == "special"}
    assert special == set(SPECIAL)
    assert [name for name in special if chosen(name) != "refused"] == []
    assert len(WITH_METHOD) > 350


SPLIT_CALLS: list[tuple[Value, ...]] = [
    *((name, "a", "b") for name in (b"DEL", b"EXISTS", b"MGET", b"TOUCH", b"UNLINK")),
    (b"MSET", "a", 1, "b", 2),
    (b"MSETEX", 2, "a", 1, "b", 2),
]


SPLIT_OF_MODULES: list[tuple[Value, ...]] = [
    (b"JSON.MGET", "a", "b", "$"),
    (b"JSON.MSET", "a", "$", b"1", "b", "$", b"2"),
]
"""Those that modules have, without a tip."""


def test_a_command_with_the_tip_multi_shard_is_split() -> None:
    """One part for each slot; MSETEX with NX or XX is refused, because it is all or nothing."""
    assert {facts_of(words).shown for words in SPLIT_CALLS} == {
        name for name, tip in REQUESTS.items() if tip == "multi_shard"
    }
    assert [words[0] for words in SPLIT_OF_MODULES] == [*AS_IN_CORE]
    for words in (*SPLIT_CALLS, *SPLIT_OF_MODULES):
        way = route(words)
        assert isinstance(way, Split)
        assert len(way.pieces) == 2
    with pytest.raises(CrossSlotError, match="several hash slots"):
        route((b"MSETEX", 2, "a", 1, "b", 2, b"NX"))


# -- aggregates -----------------------------------------------------------------------------------

FAILED = from_server("ERR no")

AGGREGATES: dict[str, list[tuple[list[Reply], Reply]]] = {
    "all_succeeded": [([b"OK", b"OK"], b"OK")],
    "one_succeeded": [([FAILED, b"OK"], b"OK"), ([b"OK", FAILED], b"OK")],
    "agg_sum": [([3, 4], 7)],
    "agg_min": [([3, 4], 3), ([[1, 3], [2, 2]], [1, 2])],
    "agg_logical_and": [([[1, 0, 1], [1, 1, 0]], [1, 0, 0])],
    "": [([[b"a"], [], [b"b", b"c"]], [b"a", b"b", b"c"])],
}
"""Replies of several nodes, and the one that the tip makes of them; "": joined, without a tip."""

BY_NODE = "refused, but for `execute_command`, which gives a dict by address; `…_by_node` is typed"

OTHER_REPLIES: dict[str, str] = {
    **dict.fromkeys(
        (
            *("FUNCTION STATS", "INFO", "LATENCY DOCTOR", "LATENCY GRAPH", "LATENCY HISTOGRAM"),
            *("LATENCY HISTORY", "LATENCY LATEST", "MEMORY DOCTOR", "MEMORY MALLOC-STATS"),
            "MEMORY STATS",
        ),
        BY_NODE,
    ),
    "RANDOMKEY": "one of the keys, None only if no node has one",
    **dict.fromkeys(("PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS"), "each name once"),
    **dict.fromkeys(("PUBSUB NUMSUB", "PUBSUB SHARDNUMSUB"), "the sum for each name"),
    "PUBSUB NUMPAT": "the sum",
}
"""Commands for several nodes whose replies are combined in another way, with what is made of them."""


def combined(name: str, replies: list[Reply]) -> Reply:
    """The one reply of several; a failure as its error."""
    args = call(name)
    way: Split | None = None
    if REQUESTS.get(name) == "multi_shard" and name not in RESPONSES:
        lengths = [len(reply) if isinstance(reply, list) else 0 for reply in replies]
        starts = [sum(lengths[:at]) for at in range(len(lengths))]
        pieces = [
            SplitPart(args, at, tuple(range(start, start + length)))
            for at, (start, length) in enumerate(zip(starts, lengths, strict=True))
        ]
        way = Split(tuple(pieces), reads=True)
    answers = [NodeReply(f"n{at}:1", args, reply) for at, reply in enumerate(replies)]
    try:
        return aggregate(facts_of(args), answers, way)
    except (PartialFailureError, ProtocolError) as error:
        return error


SEVERAL = sorted(
    name
    for name in WITH_METHOD
    if chosen(name) in ("all_nodes", "all_shards", "multi_shard") and not refused_before(name)
)


def test_the_replies_of_several_nodes_are_combined_as_the_tips_say() -> None:
    """Except for those listed here; one failure fails the command, unless one success is enough."""
    other = {
        name
        for name in SEVERAL
        if (cases := AGGREGATES.get(RESPONSES.get(name, ""))) is None
        or any(combined(name, replies) != whole for replies, whole in cases)
    }
    joined = {name for name in OTHER_REPLIES if name in ("PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS")}
    assert other | joined == set(OTHER_REPLIES)
    tolerant = {name for name in SEVERAL if RESPONSES.get(name) == "one_succeeded"}
    strict = [name for name in SEVERAL if name not in tolerant]
    assert [
        name for name in strict if not isinstance(combined(name, [1, FAILED]), PartialFailureError)
    ] == []
    assert [
        name
        for name in tolerant
        if not isinstance(combined(name, [FAILED, FAILED]), PartialFailureError)
    ] == []
    assert len(SEVERAL) > 30


def test_each_report_of_its_own_has_a_method_for_all_nodes() -> None:
    """The raw replies are a dict by address, and the typed ones those of `…_by_node`."""
    for name in (name for name, reason in OTHER_REPLIES.items() if reason == BY_NODE):
        assert combined(name, [b"x", b"y"]) == {"n0:1": b"x", "n1:1": b"y"}
        assert by_node_method(name.encode()) is not None
