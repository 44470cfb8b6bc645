"""Routing policies: the nodes of a cluster for a command, and the aggregation of their replies.

Law: the tables hold the advice of the servers, the `request_policy` and `response_policy` tips of
COMMAND (valkey.io/topics/command-tips); names are written as in `anyredis.facts.table`. A command
with keys and without a tip goes to the node of its keys, and its reply is not changed.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from anyredis.facts.names import each, names
from anyredis.facts.table import READ_ONLY


class RequestPolicy(Enum):
    """The nodes that a command goes to."""

    ALL_NODES = "all_nodes"
    """To every node, replicas too."""
    ALL_SHARDS = "all_shards"
    """To every primary."""
    MULTI_SHARD = "multi_shard"
    """To the primary of each key, with the keys of that primary: MSET is split by slot."""
    SPECIAL = "special"
    """As its own code decides: a cursor of SCAN belongs to the node that gave it."""


class ResponsePolicy(Enum):
    """The aggregation of several replies."""

    ALL_SUCCEEDED = "all_succeeded"
    """Any of them if none is an error, otherwise the error."""
    ONE_SUCCEEDED = "one_succeeded"
    """The first that is not an error; an error only if all are."""
    AGG_SUM = "agg_sum"
    """Their sum."""
    AGG_MIN = "agg_min"
    """The least of them."""
    AGG_MAX = "agg_max"
    """The greatest of them."""
    AGG_LOGICAL_AND = "agg_logical_and"
    """1 if all are 1, element by element for arrays."""
    AGG_LOGICAL_OR = "agg_logical_or"
    """1 if any is 1, element by element for arrays."""
    SPECIAL = "special"
    """As its own code decides: INFO has a report for each node."""
    UNION = "union"
    """All items of their arrays, each once; no server has such a tip, nor the next two."""
    MERGED_BY_KEY = "merged_by_key"
    """All that their maps, or arrays that begin with a key, have; no key has two values."""
    SUM_BY_NAME = "sum_by_name"
    """Names, each followed by the sum of its numbers; all replies have the same names."""


REQUEST: Final[dict[bytes, RequestPolicy]] = {
    **each(
        b"""
        ACL|DELUSER ACL|SAVE ACL|SETUSER CLIENT|SETINFO CLIENT|SETNAME COMMANDLOG|GET
        COMMANDLOG|LEN COMMANDLOG|RESET CONFIG|RESETSTAT CONFIG|REWRITE CONFIG|SET
        LATENCY|DOCTOR LATENCY|GRAPH LATENCY|HISTOGRAM LATENCY|HISTORY LATENCY|LATEST
        LATENCY|RESET SCRIPT|FLUSH SCRIPT|LOAD SLOWLOG|GET SLOWLOG|LEN SLOWLOG|RESET
        """,
        RequestPolicy.ALL_NODES,
    ),
    **each(
        b"""
        CLUSTER|SLOT-STATS DBSIZE FLUSHALL FLUSHDB FUNCTION|DELETE FUNCTION|FLUSH FUNCTION|KILL
        FUNCTION|LOAD FUNCTION|RESTORE FUNCTION|STATS HIMPORT|DISCARD HIMPORT|DISCARDALL
        HIMPORT|PREPARE INFO KEYS MEMORY|DOCTOR MEMORY|MALLOC-STATS MEMORY|PURGE MEMORY|STATS
        PING RANDOMKEY SCRIPT|EXISTS SCRIPT|KILL WAIT WAITAOF
        """,
        RequestPolicy.ALL_SHARDS,
    ),
    **each(
        b"CLUSTERSCAN HOTKEYS|GET HOTKEYS|RESET HOTKEYS|START HOTKEYS|STOP SCAN",
        RequestPolicy.SPECIAL,
    ),
    **each(b"DEL EXISTS MGET MSET MSETEX TOUCH UNLINK", RequestPolicy.MULTI_SHARD),
}
"""The tip `request_policy` of each command that has one."""

RESPONSE: Final[dict[bytes, ResponsePolicy]] = {
    **each(
        b"""
        ACL|DELUSER ACL|SAVE ACL|SETUSER CLIENT|SETINFO CLIENT|SETNAME COMMANDLOG|RESET
        CONFIG|RESETSTAT CONFIG|REWRITE CONFIG|SET FLUSHALL FLUSHDB FUNCTION|DELETE
        FUNCTION|FLUSH FUNCTION|LOAD FUNCTION|RESTORE MEMORY|PURGE MSET MSETEX PING SCRIPT|FLUSH
        SCRIPT|LOAD SLOWLOG|RESET
        """,
        ResponsePolicy.ALL_SUCCEEDED,
    ),
    **each(
        b"""
        CLUSTERSCAN FUNCTION|STATS HOTKEYS|GET INFO LATENCY|DOCTOR LATENCY|GRAPH
        LATENCY|HISTOGRAM LATENCY|HISTORY LATENCY|LATEST MEMORY|DOCTOR MEMORY|MALLOC-STATS
        MEMORY|STATS RANDOMKEY SCAN
        """,
        ResponsePolicy.SPECIAL,
    ),
    **each(
        b"COMMANDLOG|LEN DBSIZE DEL EXISTS LATENCY|RESET SLOWLOG|LEN TOUCH UNLINK",
        ResponsePolicy.AGG_SUM,
    ),
    **each(b"FUNCTION|KILL SCRIPT|KILL", ResponsePolicy.ONE_SUCCEEDED),
    **each(b"SCRIPT|EXISTS", ResponsePolicy.AGG_LOGICAL_AND),
    **each(b"WAIT WAITAOF", ResponsePolicy.AGG_MIN),
}
"""The tip `response_policy` of each command that has one.

Without one, the arrays in the replies are joined: in any order for a command without keys, in the
order of the keys for a command with keys (MGET).
"""

AS_IN_CORE: Final[dict[bytes, bytes]] = {b"JSON.MGET": b"MGET", b"JSON.MSET": b"MSET"}
"""Commands of modules that are split and merged as others are: modules have no tips for them."""

SUBSCRIPTION_REPORTS: Final[dict[bytes, ResponsePolicy]] = {
    **each(b"PUBSUB|CHANNELS PUBSUB|SHARDCHANNELS", ResponsePolicy.UNION),
    **each(b"PUBSUB|NUMSUB PUBSUB|SHARDNUMSUB", ResponsePolicy.SUM_BY_NAME),
    b"PUBSUB NUMPAT": ResponsePolicy.AGG_SUM,
}
"""Commands by which each node, replicas too, reports on its own subscribers.

Servers have no tips for them; the answer for a cluster is that of all its nodes.
"""

OF_MODULES: Final[dict[bytes, tuple[RequestPolicy, ResponsePolicy]]] = {
    b"FT.CONFIG SET": (RequestPolicy.ALL_NODES, ResponsePolicy.ALL_SUCCEEDED),
    **each(b"FT.DICTADD FT.DICTDEL", (RequestPolicy.ALL_SHARDS, ResponsePolicy.AGG_MAX)),
    **each(b"FT._LIST TS.QUERYINDEX", (RequestPolicy.ALL_SHARDS, ResponsePolicy.UNION)),
    **each(
        b"TS.MGET TS.MRANGE TS.MREVRANGE",
        (RequestPolicy.ALL_SHARDS, ResponsePolicy.MERGED_BY_KEY),
    ),
}
"""Commands of modules about settings, dictionaries, all indexes, and time series by their labels.

The modules have no tips for them.  Without a coordinator each node keeps and tells its own.  A
coordinator sends FT.DICTADD and FT.DICTDEL to all shards, so one node adds or removes all terms and
the others find nothing left to do.
"""

ANYWHERE: Final = frozenset(
    (
        b"EVAL",  # scripts and functions without keys: each primary has them all, or says NOSCRIPT
        b"EVALSHA",
        b"FCALL",
        b"FT.DEBUG HELP",
        b"PUBLISH",  # the cluster bus sends it to every node
    )
)
"""Commands that may write and that, without keys, may go to any primary with the same effect.

Commands about one node (BGSAVE, CLIENT KILL, CLUSTER FORGET, ACL LOAD, SHUTDOWN …) are not among
them: the user has to choose the node.
"""

ONE_NODE_REPORTS: Final = names(b"""
    BACKUP|LIST BACKUP|STATUS CLIENT|LIST CLUSTER|COUNT-FAILURE-REPORTS
    CLUSTER|GETSLOTMIGRATIONS CLUSTER|LINKS CLUSTER|MYID CLUSTER|MYSHARDID LASTSAVE ROLE
""")
"""Reports that mean nothing without the node that they are about.

Servers advise an arbitrary node for a command with neither keys nor a tip; the answer would be that
of a node which the caller does not know, and another one the next time.
"""

BY_SLOT: Final = names(b"CLUSTER|COUNTKEYSINSLOT CLUSTER|GETKEYSINSLOT")
"""Commands about the slot in their first argument: only the nodes that serve it have its keys.

Servers have no tips for them either; any other node answers that the slot is empty.
"""

ANY_NODE: Final = (
    (READ_ONLY | ANYWHERE)
    - ONE_NODE_REPORTS
    - BY_SLOT
    - {
        *REQUEST,
        *SUBSCRIPTION_REPORTS,
        *OF_MODULES,
    }
)
"""Commands that any one node may answer if a call has no keys.

Commands about settings and about the whole cluster (CONFIG GET, CLUSTER INFO …) are among them: the
servers advise an arbitrary node for a command with neither keys nor a tip. Commands with a tip
(INFO, PING, SCAN …) are not: see `REQUEST`.
"""

BY_NODE: Final = names(b"""
    ACL|LOG CLIENT|LIST CLUSTER|INFO CLUSTER|LINKS CLUSTER|MYID CLUSTER|MYSHARDID COMMANDLOG|GET
    COMMANDLOG|LEN CONFIG|GET DBSIZE FUNCTION|STATS HOTKEYS|GET INFO LASTSAVE LATENCY|DOCTOR
    LATENCY|GRAPH LATENCY|HISTOGRAM LATENCY|HISTORY LATENCY|LATEST MEMORY|DOCTOR
    MEMORY|MALLOC-STATS MEMORY|STATS MODULE|LIST ROLE SLOWLOG|GET SLOWLOG|LEN
""")
"""Commands that all nodes are asked for by a method of `RedisCluster`: INFO by `info_by_node`."""


def by_node_method(name: bytes) -> str | None:
    """The method of `RedisCluster` that asks all nodes for the command *name*, if there is one."""
    if name not in BY_NODE:
        return None
    return f"{name.decode().lower().replace(' ', '_').replace('-', '_')}_by_node"
