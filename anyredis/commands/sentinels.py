"""SENTINEL: what sentinels know of the servers that they watch, and their configuration.

Law: all of it is text and numbers.  The words are those that all servers know; the names with
PRIMARY, which Valkey 8.0 has in addition, mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import whole
from anyredis.commands.group import Group, at_least_one, choice, flags
from anyredis.commands.several import SomeKeys, all_keys, optional_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import integer, ok, pairs, unexpected, word
from anyredis.replies import whole as whole_reply
from anyredis.reports.sentinel_reports import (
    CachedInfo,
    OtherSentinel,
    PendingScript,
    PrimaryDown,
    WatchedPrimary,
    WatchedReplica,
    cached_infos,
    host_and_port,
    pending_scripts,
    primaries,
    primary,
    primary_down,
    replicas,
    sentinels,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

Crash: TypeAlias = Literal["crash-after-election", "crash-after-promotion"]
"""The moment of a failover at which a sentinel that simulates a failure ends."""

_CRASHES: Final = ("CRASH-AFTER-ELECTION", "CRASH-AFTER-PROMOTION")


class SentinelCommands(Group[str]):
    """The commands of SENTINEL; *name* is the sentinels' name of a primary in all of them."""

    # -- reports --------------------------------------------------------------------------------

    @command
    def sentinel_masters(self) -> Command[dict[str, WatchedPrimary]]:
        """All primaries that the sentinel watches, by name.

        SENTINEL MASTERS. Server 2.8.4. O(N).
        """
        return Command((b"SENTINEL", b"MASTERS"), primaries)

    @command
    def sentinel_master(self, name: str) -> Command[WatchedPrimary]:
        """The primary called *name*.

        Raises `ResponseError` if the sentinel does not know the name.
        SENTINEL MASTER name. Server 2.8.4. O(1).
        """
        return Command((b"SENTINEL", b"MASTER", _named("MASTER", name)), primary)

    @command
    def sentinel_replicas(self, name: str) -> Command[list[WatchedReplica]]:
        """The replicas of the primary called *name*, also those that are down.

        SENTINEL REPLICAS name. Server 5.0. O(N).
        """
        return Command((b"SENTINEL", b"REPLICAS", _named("REPLICAS", name)), replicas)

    @command
    def sentinel_slaves(self, name: str) -> Command[list[WatchedReplica]]:
        """The same as `sentinel_replicas`, for servers before 5.0.

        SENTINEL SLAVES name. Server 2.8.0. O(N).
        """
        return Command((b"SENTINEL", b"SLAVES", _named("SLAVES", name)), replicas)

    @command
    def sentinel_sentinels(self, name: str) -> Command[list[OtherSentinel]]:
        """The other sentinels that watch the primary called *name*.

        SENTINEL SENTINELS name. Server 2.8.4. O(N).
        """
        return Command((b"SENTINEL", b"SENTINELS", _named("SENTINELS", name)), sentinels)

    @command
    def sentinel_get_master_addr_by_name(self, name: str) -> Command[tuple[str, int] | None]:
        """Host and port of the primary called *name*, or None if the name is not known.

        It is the address that the sentinel tells: no `address_remap` is applied.
        SENTINEL GET-MASTER-ADDR-BY-NAME name. Server 2.8.4. O(1).
        """
        asked = _named("GET-MASTER-ADDR-BY-NAME", name)
        return Command((b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", asked), host_and_port)

    @command
    def sentinel_is_master_down_by_addr(self, ip: str, port: int) -> Command[PrimaryDown]:
        """Whether the sentinel takes the primary at *ip* and *port* for down; it casts no vote.

        SENTINEL IS-MASTER-DOWN-BY-ADDR ip port epoch runid. Server 2.8.4. O(1).
        """
        name = "IS-MASTER-DOWN-BY-ADDR"
        words = (b"SENTINEL", name.encode(), _named(name, ip, "ip"), _port(name, port), 0, b"*")
        return Command(words, primary_down)

    @command
    def sentinel_ckquorum(self, name: str) -> Command[bool]:
        """True if enough sentinels are reached to decide on a failover, and to authorize it.

        Raises `ResponseError`, NOQUORUM, with the reason if not.
        SENTINEL CKQUORUM name. Server 2.8.4.
        """
        return Command((b"SENTINEL", b"CKQUORUM", _named("CKQUORUM", name)), _well)

    @command
    def sentinel_info_cache(self, *names: SomeKeys) -> Command[dict[str, list[CachedInfo]]]:
        """The last reports of the primaries called *names*, each with those of its replicas.

        The first report of a list is that of the primary.
        SENTINEL INFO-CACHE name [name …]. Server 3.2. O(N).
        """
        asked = all_keys("SENTINEL INFO-CACHE", "names", names)
        return Command((b"SENTINEL", b"INFO-CACHE", *asked), cached_infos, binary=True)

    # -- one sentinel ---------------------------------------------------------------------------

    @command
    def sentinel_myid(self) -> Command[str]:
        """The id of the sentinel.

        SENTINEL MYID. Server 6.2. O(1).
        """
        return Command((b"SENTINEL", b"MYID"), word)

    @command
    def sentinel_config_get(self, *patterns: SomeKeys) -> Command[dict[str, str]]:
        """The settings of the sentinel whose names match any of *patterns*; all without patterns.

        More than one pattern needs server 7.2.  `sentinel-pass` is the password itself.
        SENTINEL CONFIG GET pattern [pattern …]. Server 6.2. O(N).
        """
        name = "SENTINEL CONFIG GET"
        asked = optional_values(name, "patterns", patterns) or (b"*",)
        return Command((b"SENTINEL", b"CONFIG", b"GET", *asked), _settings)

    @command
    def sentinel_debug(self) -> Command[dict[str, int]]:
        """The intervals and limits of the sentinel in milliseconds, by name.

        SENTINEL DEBUG. Server 7.0. O(N).
        """
        return Command((b"SENTINEL", b"DEBUG"), _milliseconds)

    @command
    def sentinel_pending_scripts(self) -> Command[list[PendingScript]]:
        """The scripts for notification and reconfiguration that run, or will be run.

        SENTINEL PENDING-SCRIPTS. Server 2.8.4.
        """
        return Command((b"SENTINEL", b"PENDING-SCRIPTS"), pending_scripts)

    @command
    def sentinel_simulate_failure(self, *crashes: Crash) -> Command[bool]:
        """True once the sentinel is set to end at the moments *crashes* of the next failover.

        SENTINEL SIMULATE-FAILURE crash [crash …]. Server 3.2.
        """
        name = "SENTINEL SIMULATE-FAILURE"
        at_least_one(name, "crashes", crashes)
        moments = [choice(name, f"crashes[{i}]", each, *_CRASHES) for i, each in enumerate(crashes)]
        return Command((b"SENTINEL", b"SIMULATE-FAILURE", *moments), ok)

    # -- failover -------------------------------------------------------------------------------

    @command
    def sentinel_failover(self, name: str, *, coordinated: bool = False) -> Command[bool]:
        """True once a failover of the primary called *name* has begun, whatever its state.

        With *coordinated* the primary takes part, so that no write is lost (Valkey 9.0).  Raises
        `ResponseError` if one is in progress (INPROG), or if there is no replica to promote
        (NOGOODSLAVE).
        SENTINEL FAILOVER name [COORDINATED]. Server 2.8.4.
        """
        words = (b"SENTINEL", b"FAILOVER", _named("FAILOVER", name))
        return Command((*words, *flags(coordinated=coordinated)), ok)

    # -- configuration --------------------------------------------------------------------------

    @command
    def sentinel_monitor(self, name: str, ip: str, port: int, quorum: int) -> Command[bool]:
        """True once the primary at *ip* and *port* is watched, under the name *name*.

        *quorum* sentinels have to take it for down before one of them begins a failover.
        SENTINEL MONITOR name ip port quorum. Server 2.8.4. O(1).
        """
        if quorum < 1:
            raise DataValueError(f"SENTINEL MONITOR: quorum is {quorum}: give 1 or more")
        where = (_named("MONITOR", ip, "ip"), _port("MONITOR", port))
        return Command((b"SENTINEL", b"MONITOR", _named("MONITOR", name), *where, quorum), ok)

    @command
    def sentinel_remove(self, name: str) -> Command[bool]:
        """True once the primary called *name* is no longer watched.

        SENTINEL REMOVE name. Server 2.8.4. O(1).
        """
        return Command((b"SENTINEL", b"REMOVE", _named("REMOVE", name)), ok)

    @command
    def sentinel_reset(self, pattern: str) -> Command[int]:
        """The number of primaries whose names match the glob *pattern*, and that begin anew.

        Their replicas, their other sentinels and failovers are forgotten, and found again.
        SENTINEL RESET pattern. Server 2.8.4. O(N).
        """
        return Command((b"SENTINEL", b"RESET", _named("RESET", pattern, "pattern")), integer)

    @command
    def sentinel_set(self, name: str, option: Key, value: Value, *more: Value) -> Command[bool]:
        """True once the setting *option* of the primary *name* is *value*, and so on with *more*.

        Options are those of the configuration file, such as `quorum`, `down-after-milliseconds`,
        `auth-pass`; *more* has further options with their values.
        SENTINEL SET name option value [option value …]. Server 2.8.4. O(1).
        """
        if len(more) % 2:
            raise DataValueError("SENTINEL SET: more has an option without its value at its end")
        return Command((b"SENTINEL", b"SET", _named("SET", name), option, value, *more), ok)

    @command
    def sentinel_flushconfig(self) -> Command[bool]:
        """True once the sentinel's configuration file is written anew, with its present state.

        SENTINEL FLUSHCONFIG. Server 2.8.4. O(1).
        """
        return Command((b"SENTINEL", b"FLUSHCONFIG"), ok)

    @command
    def sentinel_config_set(self, name: Key, value: Value, *more: Value) -> Command[bool]:
        """True once the setting *name* of the sentinel is *value*, and so on with pairs of *more*.

        More than one pair needs server 7.2.
        SENTINEL CONFIG SET name value [name value …]. Server 6.2. O(N).
        """
        if len(more) % 2:
            raise DataValueError(
                "SENTINEL CONFIG SET: more has a name without its value at its end"
            )
        return Command((b"SENTINEL", b"CONFIG", b"SET", name, value, *more), ok)

    @command
    def sentinel_debug_set(self, limits: Mapping[str, int]) -> Command[bool]:
        """True once the intervals and limits of `sentinel_debug` are *limits*, in milliseconds.

        SENTINEL DEBUG name milliseconds [name milliseconds …]. Server 7.0. O(N).
        """
        if not isinstance(limits, Mapping):
            raise DataTypeError(f"SENTINEL DEBUG: limits is {excerpt(limits, 80)}: give a mapping")
        at_least_one("SENTINEL DEBUG", "limits", limits)
        for name, value in limits.items():
            whole(f"SENTINEL DEBUG: limits[{excerpt(name, 40)}]", value)
            if value < 1:
                raise DataValueError(
                    f"SENTINEL DEBUG: {excerpt(name, 40)} is {value}: give 1 or more"
                )
        pairs_of = (word for pair in limits.items() for word in pair)
        return Command((b"SENTINEL", b"DEBUG", *pairs_of), ok)


def _named(command: str, name: object, argument: str = "name") -> str:
    """*name*, a text that is not empty; raises `DataError` for anything else."""
    if isinstance(name, str) and name:
        return name
    kind = DataValueError if isinstance(name, str) else DataTypeError
    raise kind(f"SENTINEL {command}: {argument} is {excerpt(name, 80)}: give a text, not empty")


def _port(command: str, port: int) -> int:
    if not 0 < port < 65536:
        raise DataValueError(f"SENTINEL {command}: port is {port}: give 1 to 65535")
    return port


def _well(reply: Reply) -> bool:
    """True for `OK` with the sentinel's remark."""
    return word(reply).startswith("OK") or unexpected(reply, "OK")


def _settings(reply: Reply) -> dict[str, str]:
    return {word(name): word(value) for name, value in pairs(reply)}


def _milliseconds(reply: Reply) -> dict[str, int]:
    return {word(name): whole_reply(value) for name, value in pairs(reply)}
