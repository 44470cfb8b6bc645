"""Positions of the keys in a command, for routing in a cluster.

Law: positions count from 0 over the whole command: the name, the subcommand if it has one, the
arguments. An argument that decides the slot as a key does counts as a key: the channel of SPUBLISH,
the cursor of CLUSTERSCAN. A call without a key that it needs is refused here, before anything is
sent.

The facts are the key specifications in the servers' replies to COMMAND
(valkey.io/topics/key-specs), completed where a key is missing in them: otherwise a command would
reach a node that does not have that key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from anyredis.exceptions import DataValueError
from anyredis.excerpt import excerpt
from anyredis.facts.names import each, names, word
from anyredis.facts.table import CHANGES_CONNECTION, CONTAINERS, READ_ONLY
from anyredis.wire.encode import Value

Finder: TypeAlias = Callable[[bytes, tuple[Value, ...]], Sequence[int]]
"""Gives the positions of the keys, in order, for a command's name and arguments.

Raises `DataValueError` if a command that needs a key has none, if its argument numkeys is not a
valid number, and if the arguments that belong to a key are incomplete.
"""

FIRST_KEY: Final[dict[bytes, int]] = dict.fromkeys(
    names(b"""
        APPEND ARCOUNT ARDEL ARDELRANGE ARGET ARGETRANGE ARGREP ARINFO ARINSERT ARLASTITEMS ARLEN
        ARMGET ARMSET ARNEXT AROP ARRING ARSCAN ARSEEK ARSET BF.ADD BF.CARD BF.DEBUG BF.EXISTS
        BF.INFO BF.INSERT BF.LOADCHUNK BF.MADD BF.MEXISTS BF.RESERVE BF.SCANDUMP BITCOUNT BITFIELD
        BITFIELD_RO BITPOS CF.ADD CF.ADDNX CF.COMPACT CF.COUNT CF.DEBUG CF.DEL CF.EXISTS CF.INFO
        CF.INSERT CF.INSERTNX CF.LOADCHUNK CF.MEXISTS CF.RESERVE CF.SCANDUMP CMS.INCRBY CMS.INFO
        CMS.INITBYDIM CMS.INITBYPROB CMS.QUERY DECR DECRBY DELEX DELIFEQ DIGEST DUMP EXPIRE EXPIREAT
        EXPIRETIME FT.AGGREGATE FT.ALIASDEL FT.ALTER FT.CREATE FT.DROP FT.DROPINDEX FT.EXPLAIN
        FT.EXPLAINCLI FT.INFO FT.PROFILE FT.SEARCH FT.SPELLCHECK FT.SUGADD FT.SUGDEL
        FT.SUGGET FT.SUGLEN FT.SYNADD FT.SYNDUMP FT.SYNUPDATE FT.TAGVALS GEOADD GEODIST GEOHASH GEOPOS
        GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL
        HEXISTS HEXPIRE HEXPIREAT HEXPIRETIME HGET HGETALL HGETDEL HGETEX HINCRBY HINCRBYFLOAT HKEYS
        HLEN HMGET HMSET HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSET
        HSETEX HSETNX HSTRLEN HTTL HVALS INCR INCRBY INCRBYFLOAT INCREX JSON.ARRAPPEND JSON.ARRINDEX
        JSON.ARRINSERT JSON.ARRLEN JSON.ARRPOP JSON.ARRTRIM JSON.CLEAR JSON.DEL JSON.FORGET JSON.GET
        JSON.MERGE JSON.NUMINCRBY JSON.NUMMULTBY JSON.NUMPOWBY JSON.OBJKEYS JSON.OBJLEN JSON.RESP
        JSON.SET JSON.STRAPPEND JSON.STRLEN JSON.TOGGLE JSON.TYPE LINDEX LINSERT LLEN LPOP LPOS
        LPUSH LPUSHX LRANGE LREM LSET LTRIM MOVE PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PFADD PSETEX
        PTTL RESTORE RESTORE-ASKING RPOP RPUSH RPUSHX SADD SCARD SET SETBIT SETEX SETNX SETRANGE
        SISMEMBER SMEMBERS SMISMEMBER SORT_RO SPOP SPUBLISH SRANDMEMBER SREM SSCAN STRLEN SUBSTR
        TDIGEST.ADD TDIGEST.BYRANK TDIGEST.BYREVRANK TDIGEST.CDF TDIGEST.CREATE TDIGEST.INFO
        TDIGEST.MAX TDIGEST.MIN TDIGEST.QUANTILE TDIGEST.RANK TDIGEST.RESET TDIGEST.REVRANK
        TDIGEST.TRIMMED_MEAN TOPK.ADD TOPK.COUNT TOPK.INCRBY TOPK.INFO TOPK.LIST TOPK.QUERY
        TOPK.RESERVE TS.ADD TS.ALTER TS.CREATE TS.DECRBY TS.DEL TS.GET TS.INCRBY TS.INFO TS.RANGE
        TS.REVRANGE TTL TYPE VADD VCARD VDIM VEMB VGETATTR VINFO VISMEMBER VLINKS VRANDMEMBER VRANGE
        VREM VSETATTR VSIM XACK XACKDEL XADD XAUTOCLAIM XCFGSET XCLAIM XDEL XDELEX XIDMPRECORD XLEN
        XNACK XPENDING XRANGE XREVRANGE XSETID XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE
        ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYLEX
        ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN
        ZSCORE
    """),
    1,
) | {b"FT.CURSOR": 2, b"PFDEBUG": 2}
"""The position of the key, for commands of one word with exactly one key and no tip.

Such a command goes to the node of that key; routing needs no other fact about it.
"""

# Commands without keys, beside those in READ_ONLY, CHANGES_CONNECTION and CONTAINERS of the table.
_OTHERS_WITHOUT_KEYS = names(b"""
    ACL|DELUSER ACL|LOAD ACL|LOG ACL|SAVE ACL|SETUSER BACKUP|ABORT BACKUP|CLEANUP BACKUP|SEAL
    BACKUP|START BGREWRITEAOF BGSAVE CLIENT|KILL CLIENT|PAUSE CLIENT|UNBLOCK CLIENT|UNPAUSE
    CLUSTER|ADDSLOTS CLUSTER|ADDSLOTSRANGE CLUSTER|BUMPEPOCH CLUSTER|CANCELSLOTMIGRATIONS
    CLUSTER|DELSLOTS CLUSTER|DELSLOTSRANGE CLUSTER|FAILOVER CLUSTER|FLUSHSLOT CLUSTER|FLUSHSLOTS
    CLUSTER|FORGET CLUSTER|MEET CLUSTER|MIGRATESLOTS CLUSTER|MIGRATION CLUSTER|REPLICATE
    CLUSTER|RESET CLUSTER|SAVECONFIG CLUSTER|SET-CONFIG-EPOCH CLUSTER|SETSLOT COMMANDLOG|RESET
    CONFIG|RESETSTAT CONFIG|REWRITE CONFIG|SET DEBUG FAILOVER FLUSHALL FLUSHDB FT.CONFIG|SET
    FT.DEBUG|DELETE_LOCAL_CURSORS FT.DEBUG|DOCIDTOID FT.DEBUG|DOCINFO FT.DEBUG|DUMP_GEOMIDX
    FT.DEBUG|DUMP_HNSW FT.DEBUG|DUMP_INVIDX FT.DEBUG|DUMP_NUMIDX FT.DEBUG|DUMP_NUMIDXTREE
    FT.DEBUG|DUMP_PHONETIC_HASH FT.DEBUG|DUMP_PREFIX_TRIE FT.DEBUG|DUMP_SUFFIX_TRIE
    FT.DEBUG|DUMP_TAGIDX FT.DEBUG|DUMP_TERMS FT.DEBUG|GC_CLEAN_NUMERIC
    FT.DEBUG|GC_CONTINUE_SCHEDULE FT.DEBUG|GC_FORCEBGINVOKE FT.DEBUG|GC_FORCEINVOKE
    FT.DEBUG|GC_STOP_SCHEDULE FT.DEBUG|GC_WAIT_FOR_JOBS FT.DEBUG|GIT_SHA FT.DEBUG|HELP
    FT.DEBUG|IDTODOCID FT.DEBUG|INFO_TAGIDX FT.DEBUG|INVIDX_SUMMARY FT.DEBUG|NUMIDX_SUMMARY
    FT.DEBUG|TTL FT.DEBUG|TTL_EXPIRE FT.DEBUG|TTL_PAUSE FT.DEBUG|VECSIM_INFO FT.DICTADD
    FT.DICTDEL FUNCTION|DELETE FUNCTION|FLUSH FUNCTION|KILL FUNCTION|LOAD FUNCTION|RESTORE
    HOTKEYS|RESET HOTKEYS|START HOTKEYS|STOP LATENCY|RESET MEMORY|PURGE MODULE|LOAD
    MODULE|LOADEX MODULE|UNLOAD PFSELFTEST PUBLISH REPLICAOF SAVE SCRIPT|FLUSH SCRIPT|KILL
    SCRIPT|LOAD SHUTDOWN SLAVEOF SLOWLOG|RESET SWAPDB TRIMSLOTS WAIT WAITAOF
""")


def finder_of(name: bytes) -> Finder | None:
    """The `Finder` of the command called *name*; None for an unknown command."""
    return _FINDERS.get(name) or (_no_keys if name in _WITHOUT_KEYS else None)


def _no_keys(_name: bytes, _args: tuple[Value, ...]) -> Sequence[int]:
    return ()


def _refusal(name: bytes, reason: str) -> DataValueError:
    return DataValueError(f"{name.decode()}{reason}")


def _count_of_following(count: int) -> str:
    return "1 argument follows" if count == 1 else f"{count} arguments follow"


@functools.cache  # one function for all commands with their keys at the same places
def _at(*positions: int) -> Finder:
    """Keys at *positions*."""
    last = positions[-1]
    needs = " needs a key" if len(positions) == 1 else f" needs {len(positions)} keys"

    def find(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
        if len(args) <= last:
            raise _refusal(name, needs)
        return positions

    return find


def _from(first: int, *, step: int = 1, after: int = 0, least: int = 1) -> Finder:
    """Keys from *first* on, one in *step*, at least *least*, then *after* other arguments."""
    needs = " needs a key" if least == 1 else f" needs {least} keys"
    if after:
        needs += ", and an argument after the last"

    def find(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
        end = len(args) - after
        keys = range(first, end, step)
        if len(keys) < least:
            raise _refusal(name, needs)
        if step > 1 and (end - first) % step:
            follow = _count_of_following(end - first)
            raise _refusal(name, f": each key begins a group of {step} arguments, but {follow}")
        return keys

    return find


def ranged(first: int, last: int, step: int) -> Finder:
    """Keys as in the reply to COMMAND INFO: from *first* to *last*, one in *step*.

    A negative *last* counts from the end. A *first* of 0 means that there are no keys.
    """
    if not first:
        return _no_keys

    def find(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
        end = last if last >= 0 else len(args) + last
        keys = range(first, end + 1, step)
        if not keys or keys[-1] >= len(args):
            raise _refusal(name, " needs a key" if len(keys) < 2 else f" needs {len(keys)} keys")
        return keys

    return find


def _counted(at: int, *before: int, step: int = 1, least: int = 1) -> Finder:
    """Keys at *before*, then the number of keys in the argument *at*, after it, one in *step*."""
    first = at + 1

    def find(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
        count = _numkeys(name, args, at)
        if count < least:
            raise _refusal(name, " needs a key, but numkeys is 0")
        end = first + count * step
        if end > len(args):
            takes = f", which takes {count * step} arguments" if step > 1 else ""
            follow = _count_of_following(len(args) - first)
            raise _refusal(name, f": numkeys is {count}{takes}, but {follow}")
        keys = range(first, end, step)
        return (*before, *keys) if before else keys

    return find


def counted(at: int) -> Finder:
    """Keys that follow the argument at position *at*, which is their number."""
    return _counted(at, least=0)


def _numkeys(name: bytes, args: tuple[Value, ...], at: int) -> int:
    if at >= len(args):
        raise _refusal(name, " needs numkeys, the number of its keys")
    value = args[at]
    if isinstance(value, int):
        count = int(value)
    else:
        digits = word(value)
        count = int(digits) if digits.isdigit() and len(digits) < 20 else -1
    if count < 0:
        raise _refusal(name, f": numkeys is {excerpt(value, 40)}; it is a whole number, 0 or more")
    return count


def _streams(start: int) -> Finder:
    """Keys after STREAMS, up to the middle of the rest: the second half are their IDs.

    The search for STREAMS begins at *start*: before it, a group or consumer may have that name.
    """

    def find(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
        for first in range(start + 1, len(args)):
            if word(args[first - 1]) == b"STREAMS":
                following = len(args) - first
                if following % 2:
                    follow = _count_of_following(following)
                    raise _refusal(name, f": each key after STREAMS has an ID, but {follow}")
                return range(first, first + following // 2)
        raise _refusal(name, " needs a key after STREAMS")

    return find


def _storing(start: int, stores: frozenset[bytes], skips: dict[bytes, int]) -> Finder:
    """A key at position 1, and one after each option of *stores*, which begin at *start*.

    *skips* has the number of arguments of an option: they are not options, even if they look so.
    """

    def find(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
        if len(args) < 2:
            raise _refusal(name, " needs a key")
        keys = [1]
        position = start
        while position < len(args):
            option = word(args[position])
            position += 1
            if option in stores:
                if position == len(args):
                    raise _refusal(name, f" needs a key after {option.decode()}")
                keys.append(position)
                position += 1
            else:
                position += skips.get(option, 0)
        return keys

    return find


_MIGRATE_SKIPS: Final = {b"AUTH": 1, b"AUTH2": 2}


def _migrated(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
    """The keys of MIGRATE: the arguments after KEYS, or the key before the database."""
    if len(args) < 4:
        raise _refusal(name, " needs a key")
    position = 6
    while position < len(args):
        option = word(args[position])
        position += 1
        if option == b"KEYS":
            if position == len(args):
                raise _refusal(name, " needs a key after KEYS")
            if word(args[3]):
                raise _refusal(name, ": with KEYS, the key before the database has to be empty")
            return range(position, len(args))
        position += _MIGRATE_SKIPS.get(option, 0)
    return (3,)


_JSON_DEBUG_KEY = _at(2)


def _json_debugged(name: bytes, args: tuple[Value, ...]) -> Sequence[int]:
    """The key of JSON.DEBUG MEMORY; JSON.DEBUG HELP has none."""
    if len(args) == 2 and word(args[1]) == b"HELP":
        return ()
    return _JSON_DEBUG_KEY(name, args)


_STORES: Final = frozenset((b"STORE", b"STOREDIST"))


_FINDERS: Final[dict[bytes, Finder]] = {
    **{name: _at(position) for name, position in FIRST_KEY.items()},
    b"CLUSTERSCAN": _at(1),
    b"FT.HYBRID": _at(1),
    # An alias is no key: where the search module has a coordinator, it may be in any slot.
    **each(b"FT.ALIASADD FT.ALIASUPDATE", _at(2)),
    b"FT.ALIASLIST": _at(1),
    b"JSON.DEBUG": _json_debugged,
    **each(
        b"""
        HIMPORT|SET MEMORY|USAGE OBJECT|ENCODING OBJECT|FREQ OBJECT|IDLETIME OBJECT|REFCOUNT
        XGROUP|CREATE XGROUP|CREATECONSUMER XGROUP|DELCONSUMER XGROUP|DESTROY XGROUP|SETID
        XINFO|CONSUMERS XINFO|GROUPS XINFO|STREAM
        """,
        _at(2),
    ),
    **each(
        b"""
        BLMOVE BLMOVEM BRPOPLPUSH COPY FT.DEL FT.GET GEOSEARCHSTORE LCS
        LMOVE LMOVEM RENAME RENAMENX RPOPLPUSH SMOVE TS.CREATERULE TS.DELETERULE ZRANGESTORE
        """,
        _at(1, 2),
    ),
    **each(
        b"DEL EXISTS FT.MGET MGET PFCOUNT PFMERGE SDIFF SINTER SSUBSCRIBE SUNION TOUCH UNLINK WATCH",
        _from(1),
    ),
    b"SUNSUBSCRIBE": _from(1, least=0),
    **each(b"SDIFFSTORE SINTERSTORE SUNIONSTORE", _from(1, least=2)),
    b"BITOP": _from(2, least=2),
    **each(b"BLPOP BRPOP BZPOPMAX BZPOPMIN JSON.MGET", _from(1, after=1)),
    **each(b"MSET MSETNX", _from(1, step=2)),
    **each(b"JSON.MSET TS.MADD", _from(1, step=3)),
    **each(
        b"LMPOP SDIFFCARD SINTERCARD SUNIONCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION",
        _counted(1),
    ),
    b"MSETEX": _counted(1, step=2),
    **each(b"BLMPOP BZMPOP", _counted(2)),
    **each(b"EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO", _counted(2, least=0)),
    **each(b"CMS.MERGE TDIGEST.MERGE ZDIFFSTORE ZINTERSTORE ZUNIONSTORE", _counted(2, 1)),
    b"XREAD": _streams(1),
    b"XREADGROUP": _streams(4),
    b"SORT": _storing(2, frozenset((b"STORE",)), {b"LIMIT": 2, b"BY": 1, b"GET": 1}),
    b"GEORADIUS": _storing(6, _STORES, {}),
    b"GEORADIUSBYMEMBER": _storing(5, _STORES, {}),
    b"MIGRATE": _migrated,
}

_WITHOUT_KEYS = (_OTHERS_WITHOUT_KEYS | READ_ONLY | CHANGES_CONNECTION | CONTAINERS) - set(_FINDERS)

KNOWN: Final = _WITHOUT_KEYS | frozenset(_FINDERS)
"""The names of all commands whose keys are known here."""
