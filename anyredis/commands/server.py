"""The server: its reports about itself, its configuration, its databases as a whole."""

from __future__ import annotations

from typing import TypeAlias

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group
from anyredis.commands.several import SomeKeys, optional_values
from anyredis.exceptions import DataValueError
from anyredis.replies import (
    S,
    array,
    binary,
    integer,
    integer_or_none,
    number,
    ok,
    pair,
    pairs,
    record,
    triple,
    unexpected,
    whole,
    word,
)
from anyredis.reports.info import InfoValue, info
from anyredis.reports.server_reports import (
    PrimaryRole,
    ReplicaRole,
    ReplicaState,
    Role,
    SentinelRole,
    SlowlogEntry,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

MemoryStat: TypeAlias = "int | float | str | dict[str, MemoryStat]"
"""A number of bytes or a ratio; a dict for each database (`db.0`)."""


class ServerCommands(Group[S]):
    """The commands on a server as a whole; those that save its data are in `Persistence`."""

    @command
    def config_get(self, *patterns: SomeKeys) -> Command[dict[str, str]]:
        """The settings whose names match any of the globs *patterns*; all without patterns.

        More than one pattern needs server 7.0.
        CONFIG GET pattern [pattern …]. Server 2.0. O(N).
        """
        return Command(
            (b"CONFIG", b"GET", *(optional_values("CONFIG GET", "patterns", patterns) or (b"*",))),
            _settings,
        )

    @command
    def config_resetstat(self) -> Command[bool]:
        """True once the counters of `info` begin at 0 again.

        CONFIG RESETSTAT. Server 2.0. O(1).
        """
        return Command((b"CONFIG", b"RESETSTAT"), ok)

    @command
    def config_rewrite(self) -> Command[bool]:
        """True once the server's configuration file holds the present settings.

        Raises `ResponseError` if the server has no such file.
        CONFIG REWRITE. Server 2.8. O(1).
        """
        return Command((b"CONFIG", b"REWRITE"), ok)

    @command
    def config_set(self, name: Key, value: Value, *more: Value) -> Command[bool]:
        """True once the setting *name* is *value*, and so on with pairs of *more*: all or none.

        More than one pair needs server 7.0.  Raises `ResponseError` if a setting is unknown, or
        cannot be that value or be changed.
        CONFIG SET name value [name value …]. Server 2.0. O(N).
        """
        if len(more) % 2:
            raise DataValueError("CONFIG SET: more has a name without its value at its end")
        return Command((b"CONFIG", b"SET", name, value, *more), ok)

    @command
    def dbsize(self) -> Command[int]:
        """The number of keys in the database.

        DBSIZE. Server 1.0. O(1).
        """
        return Command((b"DBSIZE",), integer)

    @command
    def flushall(self, *, asynchronous: bool | None = None) -> Command[bool]:
        """True once all databases are empty.

        Their memory is freed later with `asynchronous=True` (server 4.0), and before the reply with
        `asynchronous=False` (server 6.2); otherwise the server's `lazyfree-lazy-user-flush`
        decides.
        FLUSHALL [ASYNC | SYNC]. Server 1.0. O(N).
        """
        return Command((b"FLUSHALL", *_how(asynchronous)), ok)

    @command
    def flushdb(self, *, asynchronous: bool | None = None) -> Command[bool]:
        """True once the database is empty; *asynchronous* as for `flushall`.

        FLUSHDB [ASYNC | SYNC]. Server 1.0. O(N).
        """
        return Command((b"FLUSHDB", *_how(asynchronous)), ok)

    @command
    def info(self, *sections: SomeKeys) -> Command[dict[str, InfoValue]]:
        """The server's report about itself, by name: of *sections*, or of the default ones.

        Numbers are int and float, `db0:keys=3,expires=0` is a dict, `modules` a list of dicts.
        More than one section needs server 7.0.
        INFO [section …]. Server 1.0. O(1).
        """
        return Command(
            (b"INFO", *optional_values("INFO", "sections", sections)), _info, binary=True
        )

    @command
    def lolwut(self, *version_numbers: int) -> Command[str]:
        """A piece of computer art; the version of the server is its last line.

        LOLWUT [VERSION n [n …]]. Server 5.0.
        """
        words: tuple[Value, ...] = (b"LOLWUT",)
        if version_numbers:
            words = (*words, b"VERSION", *version_numbers)
        return Command(words, word)

    @command
    def memory_doctor(self) -> Command[str]:
        """The server's advice on its use of memory, in prose.

        MEMORY DOCTOR. Server 4.0. O(1).
        """
        return Command((b"MEMORY", b"DOCTOR"), word)

    @command
    def memory_malloc_stats(self) -> Command[str]:
        """The statistics of the server's allocator, as text.

        MEMORY MALLOC-STATS. Server 4.0. Depends on how much memory is allocated.
        """
        return Command((b"MEMORY", b"MALLOC-STATS"), word)

    @command
    def memory_purge(self) -> Command[bool]:
        """True once the allocator has given back as much memory as it can.

        MEMORY PURGE. Server 4.0. Depends on how much memory is allocated.
        """
        return Command((b"MEMORY", b"PURGE"), ok)

    @command
    def memory_stats(self) -> Command[dict[str, MemoryStat]]:
        """The server's use of memory, by name.

        MEMORY STATS. Server 4.0. O(1).
        """
        return Command((b"MEMORY", b"STATS"), _memory)

    @command
    def memory_usage(self, key: Key, *, samples: Count | None = None) -> Command[int | None]:
        """The bytes that *key* and its value take, or None if there is no such key.

        Of a value with many elements the server looks at *samples* (5 by default), at all with 0.
        MEMORY USAGE key [SAMPLES n]. Server 4.0. O(N).
        """
        effort: tuple[Value, ...] = () if samples is None else (b"SAMPLES", samples)
        return Command((b"MEMORY", b"USAGE", key, *effort), integer_or_none)

    @command
    def role(self) -> Command[Role]:
        """The server's role, with details: `PrimaryRole`, `ReplicaRole` or `SentinelRole`.

        ROLE. Server 2.8.12. O(1).
        """
        return Command((b"ROLE",), _role)

    @command
    def slowlog_get(self, num: int | None = None) -> Command[list[SlowlogEntry]]:
        """The last *num* (10) commands that took long, the newest first.

        With -1 all of them (server 7.0).
        SLOWLOG GET [num]. Server 2.2.12. O(N).
        """
        words: tuple[Value, ...] = (b"SLOWLOG", b"GET")
        return Command(words if num is None else (*words, num), _slowlog, binary=True)

    @command
    def slowlog_len(self) -> Command[int]:
        """The number of commands in the slow log.

        SLOWLOG LEN. Server 2.2.12. O(1).
        """
        return Command((b"SLOWLOG", b"LEN"), integer)

    @command
    def slowlog_reset(self) -> Command[bool]:
        """True once the slow log is empty.

        SLOWLOG RESET. Server 2.2.12. O(N).
        """
        return Command((b"SLOWLOG", b"RESET"), ok)

    @command
    def swapdb(self, first: Count, second: Count) -> Command[bool]:
        """True once the databases *first* and *second* have changed places, for all clients.

        Raises `ResponseError` if there is no such database.
        SWAPDB first second. Server 4.0. O(N).
        """
        return Command((b"SWAPDB", first, second), ok)

    @command
    def time(self) -> Command[tuple[int, int]]:
        """The server's clock: Unix time in seconds, and the microseconds since.

        TIME. Server 2.6. O(1).
        """
        return Command((b"TIME",), _clock)


def _how(asynchronous: bool | None) -> tuple[Value, ...]:
    if asynchronous is None:
        return ()
    return (b"ASYNC",) if asynchronous else (b"SYNC",)


def _settings(reply: Reply) -> dict[str, str]:
    return {word(name): word(value) for name, value in pairs(reply)}


def _info(reply: Reply) -> dict[str, InfoValue]:
    return info(word(reply))


def _clock(reply: Reply) -> tuple[int, int]:
    seconds, microseconds = pair(reply)
    return whole(seconds), whole(microseconds)


def _memory(reply: Reply) -> dict[str, MemoryStat]:
    return {name: _stat(value) for name, value in record(reply).items()}


def _stat(reply: Reply) -> MemoryStat:
    if isinstance(reply, (dict, list)):
        return _memory(reply)
    # A ratio is a RESP3 double, but RESP2 text.
    return integer(reply) if isinstance(reply, int) else number(reply)


def _slowlog(reply: Reply) -> list[SlowlogEntry]:
    return [_slow(item) for item in array(reply)]


def _slow(reply: Reply) -> SlowlogEntry:
    items = array(reply)
    if len(items) < 6:
        unexpected(reply, "an entry of the slow log")
    id_, time, took, words, address, name = items[:6]
    command = [binary(item) for item in array(words)]
    return SlowlogEntry(
        integer(id_), integer(time), integer(took), command, word(address), word(name)
    )


def _role(reply: Reply) -> Role:
    match array(reply):
        case [b"master" | "master", offset, replicas]:
            states = [_replica(item) for item in array(replicas)]
            return PrimaryRole("master", integer(offset), states)
        case [b"slave" | "slave", host, port, state, offset]:
            return ReplicaRole("slave", word(host), integer(port), word(state), integer(offset))
        case [b"sentinel" | "sentinel", primaries]:
            return SentinelRole("sentinel", [word(name) for name in array(primaries)])
        case _:
            return unexpected(reply, "a role")


def _replica(reply: Reply) -> ReplicaState:
    host, port, offset = triple(reply)
    return ReplicaState(word(host), whole(port), whole(offset))
