"""Where the cluster client sends what names no key, and how it makes one reply of several.

Law: the tables are what the servers themselves advise, the `request_policy` and `response_policy`
tips of COMMAND (valkey.io/topics/command-tips); a name is written as in `anyredis.facts.table`. Without
a tip, what has keys goes where they are, and its reply is taken as it is.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from anyredis.facts.names import each
from anyredis.facts.table import READ_ONLY


class RequestPolicy(Enum):
    """To whom a command goes."""

    ALL_NODES = "all_nodes"
    """To every node, replicas too."""
    ALL_SHARDS = "all_shards"
    """To every primary."""
    MULTI_SHARD = "multi_shard"
    """To the primaries of its keys, to each its own: MSET is split by slot."""
    SPECIAL = "special"
    """As only who knows the command can tell: a cursor of SCAN belongs to the node that gave it."""


class ResponsePolicy(Enum):
    """What becomes of several replies."""

    ALL_SUCCEEDED = "all_succeeded"
    """Any of them, if none is an error; else the error."""
    ONE_SUCCEEDED = "one_succeeded"
    """The first that is no error; an error only if all are."""
    AGG_SUM = "agg_sum"
    """Their sum."""
    AGG_MIN = "agg_min"
    """The least of them."""
    AGG_MAX = "agg_max"
    """The greatest of them."""
    AGG_LOGICAL_AND = "agg_logical_and"
    """1 where all are 1, place by place if they are arrays."""
    AGG_LOGICAL_OR = "agg_logical_or"
    """1 where any is 1, place by place if they are arrays."""
    SPECIAL = "special"
    """As only who knows the command can tell: INFO has a report for each node."""


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

Without one, replies to what was sent to several are put together: arrays in any order for what
has no keys, in the order of the keys for what has (MGET).
"""

ANYWHERE: Final = frozenset(
    (
        b"EVAL",  # scripts and functions without keys: each primary has them all, or says NOSCRIPT
        b"EVALSHA",
        b"FCALL",
        b"FT.DEBUG HELP",
        b"FT.DICTADD",  # the search module itself spreads it to every shard, as FT.DICTDEL
        b"FT.DICTDEL",
        b"PUBLISH",  # the cluster bus spreads it to every node
    )
)
"""What may change something, yet may be asked of one primary as well as of any other without keys.

What concerns one node (BGSAVE, CLIENT KILL, CLUSTER FORGET, ACL LOAD, SHUTDOWN …) is not of it:
which node, only the user can say.
"""

ANY_NODE: Final = (READ_ONLY | ANYWHERE) - set(REQUEST)
"""What one node may answer as well as any other, where a call has no keys.

What tells of one node only (CLIENT LIST, CLUSTER INFO, CONFIG GET …) is of it: the servers advise
an arbitrary one for what has neither keys nor a tip. What has a tip (INFO, PING, SCAN …) is not:
look into `REQUEST`.
"""
