"""The flags of commands, by name; `anyredis.facts.lookup` gives all facts of a command.

Law: a name is upper-case bytes, with the subcommand of a container (`b"OBJECT ENCODING"`); a
command that is not listed here is taken to write, not to block and to leave its connection
unchanged: it is sent once, on a multiplexed connection.
"""

from __future__ import annotations

import re
from typing import Final

from anyredis.exceptions import DataValueError
from anyredis.facts.names import names, word
from anyredis.wire.encode import Value

# Commands with the `readonly` flag of the servers, except those that write nevertheless (the tests
# list them): these may be sent again if their reply was lost, and a replica may answer them.
_FLAGGED_READ_ONLY = names(b"""
    ARCOUNT ARGET ARGETRANGE ARGREP ARINFO ARLASTITEMS ARLEN ARMGET ARNEXT AROP ARSCAN BF.CARD
    BF.DEBUG BF.EXISTS BF.INFO BF.MEXISTS BF.SCANDUMP BITCOUNT BITFIELD_RO BITPOS CF.COUNT
    CF.DEBUG CF.EXISTS CF.INFO CF.MEXISTS CF.SCANDUMP CLUSTERSCAN CMS.INFO CMS.QUERY DBSIZE
    DIGEST DUMP EVALSHA_RO EVAL_RO EXISTS EXPIRETIME FCALL_RO FT.AGGREGATE FT.ALIASLIST
    FT.CONFIG|GET FT.CONFIG|HELP FT.DICTDUMP
    FT.EXPLAIN FT.EXPLAINCLI FT.GET FT.HYBRID FT.INFO FT.MGET FT.PROFILE FT.SEARCH FT.SPELLCHECK
    FT.SUGGET FT.SUGLEN FT.SYNDUMP FT.TAGVALS FT._LIST GEODIST GEOHASH GEOPOS GEORADIUSBYMEMBER_RO
    GEORADIUS_RO
    GEOSEARCH GET GETBIT GETRANGE HEXISTS HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME
    HPTTL HRANDFIELD HSCAN HSTRLEN HTTL HVALS JSON.ARRINDEX JSON.ARRLEN JSON.DEBUG JSON.GET
    JSON.MGET JSON.OBJKEYS JSON.OBJLEN JSON.RESP JSON.STRLEN JSON.TYPE KEYS LCS LINDEX LLEN
    LOLWUT LPOS LRANGE MEMORY|USAGE MGET OBJECT|ENCODING OBJECT|FREQ OBJECT|IDLETIME
    OBJECT|REFCOUNT PEXPIRETIME PFCOUNT PTTL RANDOMKEY SCAN SCARD SDIFF SDIFFCARD SINTER
    SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SORT_RO SRANDMEMBER SSCAN STRLEN SUBSTR SUNION
    SUNIONCARD TDIGEST.BYRANK TDIGEST.BYREVRANK TDIGEST.CDF TDIGEST.INFO TDIGEST.MAX TDIGEST.MIN
    TDIGEST.QUANTILE TDIGEST.RANK TDIGEST.REVRANK TDIGEST.TRIMMED_MEAN TOPK.INFO TOPK.LIST
    TOPK.QUERY TOUCH TS.GET TS.INFO TS.MGET TS.MRANGE TS.MREVRANGE TS.QUERYINDEX TS.RANGE
    TS.REVRANGE TTL TYPE VCARD VDIM VEMB VGETATTR VINFO VISMEMBER VLINKS VRANDMEMBER VRANGE VSIM
    XINFO|CONSUMERS XINFO|GROUPS XINFO|STREAM XLEN XPENDING XRANGE XREAD XREVRANGE ZCARD ZCOUNT
    ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK
    ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION
""")

# Servers set that flag only on commands with keys; these have none, and only report.
_REPORTING = names(b"""
    ACL|CAT ACL|DRYRUN ACL|GENPASS ACL|GETUSER ACL|HELP ACL|LIST ACL|USERS ACL|WHOAMI
    BACKUP|HELP BACKUP|LIST BACKUP|STATUS CLIENT|GETNAME CLIENT|GETREDIR CLIENT|HELP CLIENT|ID
    CLIENT|INFO CLIENT|LIST CLIENT|TRACKINGINFO CLUSTER|COUNT-FAILURE-REPORTS
    CLUSTER|COUNTKEYSINSLOT CLUSTER|GETKEYSINSLOT CLUSTER|GETSLOTMIGRATIONS CLUSTER|HELP
    CLUSTER|INFO CLUSTER|KEYSLOT CLUSTER|LINKS CLUSTER|MYID CLUSTER|MYSHARDID CLUSTER|NODES
    CLUSTER|REPLICAS CLUSTER|SHARDS CLUSTER|SLAVES CLUSTER|SLOT-STATS CLUSTER|SLOTS COMMAND
    COMMANDLOG|GET COMMANDLOG|HELP COMMANDLOG|LEN COMMAND|COUNT COMMAND|DOCS COMMAND|GETKEYS
    COMMAND|GETKEYSANDFLAGS COMMAND|HELP COMMAND|INFO COMMAND|LIST CONFIG|GET CONFIG|HELP ECHO
    FUNCTION|DUMP FUNCTION|HELP FUNCTION|LIST FUNCTION|STATS HOTKEYS|GET HOTKEYS|HELP INFO
    LASTSAVE LATENCY|DOCTOR LATENCY|GRAPH LATENCY|HELP LATENCY|HISTOGRAM LATENCY|HISTORY
    LATENCY|LATEST MEMORY|DOCTOR MEMORY|HELP MEMORY|MALLOC-STATS MEMORY|STATS MODULE|HELP
    MODULE|LIST OBJECT|HELP PING PUBSUB|CHANNELS PUBSUB|HELP PUBSUB|NUMPAT PUBSUB|NUMSUB
    PUBSUB|SHARDCHANNELS PUBSUB|SHARDNUMSUB ROLE SCRIPT|EXISTS SCRIPT|HELP SCRIPT|SHOW
    SLOWLOG|GET SLOWLOG|HELP SLOWLOG|LEN TIME XGROUP|HELP XINFO|HELP
""")

READ_ONLY: Final = _FLAGGED_READ_ONLY | _REPORTING
"""Commands that only read: two runs leave the server in the same state as one."""

CONTAINERS: Final = names(b"""
    ACL BACKUP CLIENT CLUSTER COMMAND COMMANDLOG CONFIG FT.CONFIG FT.DEBUG FUNCTION HIMPORT
    HOTKEYS LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT SENTINEL SLOWLOG XGROUP XINFO
""")
"""Commands whose second word is part of the name."""

TIMEOUTS: Final[dict[bytes, tuple[int, int]]] = {
    b"BLMOVE": (5, 1),
    b"BLMOVEM": (5, 1),
    b"BLMPOP": (1, 1),
    b"BLPOP": (-1, 1),
    b"BRPOP": (-1, 1),
    b"BRPOPLPUSH": (3, 1),
    b"BZMPOP": (1, 1),
    b"BZPOPMAX": (-1, 1),
    b"BZPOPMIN": (-1, 1),
    b"WAIT": (2, 1000),
    b"WAITAOF": (3, 1000),
}
"""The position of the timeout in a command that blocks, and its units per second."""

BLOCK_OPTION: Final[dict[bytes, int]] = {b"XREAD": 1, b"XREADGROUP": 4}
"""The position of the first option, for commands that block only with BLOCK.

Before it, a group or consumer may be called BLOCK.
"""

BLOCKING: Final = frozenset((*TIMEOUTS, *BLOCK_OPTION))
"""Commands that may delay the server's reply; `Facts.blocks` decides for one call."""

_SUBSCRIBES = (
    "it turns the connection into a subscription: write `async with client.subscribe(...)`, or "
    "`async with client.pubsub()`"
)
_REPLICATES = "it turns the connection into a replica's, which carries no replies"

FORBIDDEN: Final[dict[bytes, str]] = {
    b"CLIENT REPLY": "it would leave requests without the replies that they wait for",
    b"CLUSTER SYNCSLOTS": _REPLICATES,
    b"HELLO": "it would switch the protocol under requests in flight: use the client's protocol=",
    b"MONITOR": "it turns the connection into a stream of commands: use the client's monitor()",
    b"PSUBSCRIBE": _SUBSCRIBES,
    b"PSYNC": _REPLICATES,
    b"PUNSUBSCRIBE": _SUBSCRIBES,
    b"QUIT": "the pool closes connections: leave the client's block",
    b"REPLCONF": _REPLICATES,
    b"SSUBSCRIBE": _SUBSCRIBES,
    b"SUBSCRIBE": _SUBSCRIBES,
    b"SUNSUBSCRIBE": _SUBSCRIBES,
    b"SYNC": _REPLICATES,
    b"UNSUBSCRIBE": _SUBSCRIBES,
}
"""Commands that a user cannot send on any connection, each with the reason."""

RUNS_COMMANDS: Final = names(b"EVAL EVALSHA EVALSHA_RO EVAL_RO EXEC FCALL FCALL_RO")
"""Commands that run others: their error reply may be that of any of these."""

CHANGES_CONNECTION: Final = frozenset(FORBIDDEN) | names(b"""
    ASKING AUTH CLIENT|CACHING CLIENT|CAPA CLIENT|IMPORT-SOURCE CLIENT|NO-EVICT CLIENT|NO-TOUCH
    CLIENT|SETINFO CLIENT|SETNAME CLIENT|TRACKING DISCARD EXEC HIMPORT|DISCARD
    HIMPORT|DISCARDALL HIMPORT|PREPARE HIMPORT|SET MULTI READONLY READWRITE RESET SCRIPT|DEBUG
    SELECT UNWATCH WATCH
""")
"""Commands that change the state of their connection (G9), and so need an exclusive one."""


SHUTS_DOWN: Final = names(b"SHUTDOWN")
"""Commands that the server answers by closing the connection, unless they fail."""

SPECIAL: Final = frozenset(
    name.partition(b" ")[0] for name in BLOCKING | CHANGES_CONNECTION | SHUTS_DOWN
)
"""First words of all commands that block, change their connection or end it."""


def own_words(name: str | bytes) -> tuple[bytes, ...]:
    """The words of a command's *name* in upper case: one, or a container and its subcommand.

    Raises `DataValueError` for any other text.  The message shows no more than the name, because
    what follows it may be a secret.
    """
    text = name.encode("utf-8", "replace") if isinstance(name, str) else name
    upper = text.upper()
    if is_word(upper):
        return (upper,)
    container, space, subcommand = upper.partition(b" ")
    if space and container in CONTAINERS and is_word(subcommand):
        return (container, subcommand)
    own = re.match(_NAME, text)
    if own is not None and own[0].upper() in CONTAINERS:
        own = re.match(_TWO_WORDS, text) or own
    shown = "" if own is None else own[0].decode()
    raise DataValueError(
        "execute_command: the first argument is more than the name of a command: write "
        f"execute_command({shown!r}, …), with each argument by itself"
    )


_NAME: Final = rb"[!-~]+"
_TWO_WORDS: Final = rb"[!-~]+ [!-~]+"
_PRINTABLE: Final = bytes(range(ord("!"), ord("~") + 1))


def is_word(name: bytes) -> bool:
    """Whether *name* is one word of printable ASCII, as all names of commands are."""
    return bool(name) and not name.translate(None, _PRINTABLE)


def full_name(args: tuple[Value, ...]) -> bytes:
    """The name in upper case, with the subcommand of a container."""
    name = word(args[0])
    if name in CONTAINERS and len(args) > 1:
        return name + b" " + word(args[1])
    return name


def shown(args: tuple[Value, ...]) -> str:
    """The same name, as text for messages."""
    return full_name(args).decode("ascii", "replace")
