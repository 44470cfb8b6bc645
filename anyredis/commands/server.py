"""The server: what it tells about itself, its configuration, its data as a whole."""

from __future__ import annotations

import datetime
from typing import Literal, NamedTuple, TypeAlias

from anyredis.command import Command, command
from anyredis.commands.group import Group, at_least_one
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
    word,
)
from anyredis.reports import InfoValue, info
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

MemoryStat: TypeAlias = "int | float | str | dict[str, MemoryStat]"
"""A number of bytes or a ratio; a dict for each database (`db.0`)."""


class SlowlogEntry(NamedTuple):
    """One command that took long."""

    id: int
    """Counts up while the server runs."""

    time: int
    """The Unix time in seconds at which it was run."""

    duration: int
    """How long it took, in microseconds."""

    command: list[bytes]
    """Its words, as bytes: the server cuts long ones anywhere, and leaves many out."""

    address: str
    """`address:port` of the client."""

    name: str
    """The client's name, or nothing."""


class ReplicaState(NamedTuple):
    """One replica as its primary sees it."""

    host: str
    port: int
    offset: int
    """How far it says that it has come."""


class PrimaryRole(NamedTuple):
    """A server that takes writes."""

    role: Literal["master"]
    """The servers' word for it."""

    offset: int
    """How far its stream of writes has come."""

    replicas: list[ReplicaState]


class ReplicaRole(NamedTuple):
    """A server that follows another."""

    role: Literal["slave"]
    """The servers' word for it."""

    host: str
    port: int
    """Where its primary is."""

    state: str
    """`connect`, `connecting`, `sync` or `connected`."""

    offset: int
    """How far it has come; -1 before its first synchronization."""


class SentinelRole(NamedTuple):
    """A sentinel."""

    role: Literal["sentinel"]
    primaries: list[str]
    """The names of what it watches over."""


Role: TypeAlias = PrimaryRole | ReplicaRole | SentinelRole


class ServerCommands(Group[S]):
    """The commands on a server as a whole that people use daily."""

    @command
    def acl_whoami(self) -> Command[S]:
        """The name of the ACL user that the client is."""
        return Command((b"ACL", b"WHOAMI"), self.read.text)

    @command
    def bgrewriteaof(self) -> Command[bool]:
        """True once a smaller append-only file is being written, or will be after a save."""
        return Command((b"BGREWRITEAOF",), _status)

    @command
    def bgsave(self, *, schedule: bool = True) -> Command[bool]:
        """True once the data is being saved; see `lastsave` for the end.

        While the append-only file is rewritten it waits for that, or fails without *schedule*.
        Raises `ResponseError` while it is being saved anyway.
        """
        words = (b"BGSAVE", b"SCHEDULE") if schedule else (b"BGSAVE",)
        return Command(words, _status)

    @command
    def bgsave_cancel(self) -> Command[bool]:
        """True once the save in the background is off.

        Raises `ResponseError` where there is none.  Valkey 8.1.
        """
        return Command((b"BGSAVE", b"CANCEL"), _status)

    @command
    def command_count(self) -> Command[int]:
        """How many commands the server knows."""
        return Command((b"COMMAND", b"COUNT"), integer)

    @command
    def command_getkeys(self, *args: Value) -> Command[list[S]]:
        """Those of the words *args* of a command that are keys, as the server sees it.

        Raises `ResponseError` where there are none, or no such command.
        """
        at_least_one("COMMAND GETKEYS", "args", args)
        return Command((b"COMMAND", b"GETKEYS", *args), self.read.texts)

    @command
    def config_get(self, *patterns: Key) -> Command[dict[str, str]]:
        """The settings whose names match any of the globs *patterns*; all without any.

        More than one pattern needs server 7.0.
        """
        return Command((b"CONFIG", b"GET", *(patterns or (b"*",))), _settings)

    @command
    def config_resetstat(self) -> Command[bool]:
        """True once the counters of `info` begin at 0 again."""
        return Command((b"CONFIG", b"RESETSTAT"), ok)

    @command
    def config_rewrite(self) -> Command[bool]:
        """True once the server's configuration file says what is set now.

        Raises `ResponseError` where the server has no such file.
        """
        return Command((b"CONFIG", b"REWRITE"), ok)

    @command
    def config_set(self, name: Key, value: Value, *more: Value) -> Command[bool]:
        """True once the setting *name* is *value*, and so on with pairs of *more*: all or none.

        More than one pair needs server 7.0.
        """
        if len(more) % 2:
            raise DataValueError("CONFIG SET: more has a name without its value at its end")
        return Command((b"CONFIG", b"SET", name, value, *more), ok)

    @command
    def dbsize(self) -> Command[int]:
        """How many keys the database has."""
        return Command((b"DBSIZE",), integer)

    @command
    def flushall(self, *, asynchronous: bool | None = None) -> Command[bool]:
        """True once all databases are empty.

        Their memory is freed later or, with `asynchronous=False`, first; without it, as the
        server's `lazyfree-lazy-user-flush` says.
        """
        return Command((b"FLUSHALL", *_how(asynchronous)), ok)

    @command
    def flushdb(self, *, asynchronous: bool | None = None) -> Command[bool]:
        """True once the database is empty; *asynchronous* as for `flushall`."""
        return Command((b"FLUSHDB", *_how(asynchronous)), ok)

    @command
    def info(self, *sections: Key) -> Command[dict[str, InfoValue]]:
        """What the server tells about itself, by name; of *sections*, or what it holds usual.

        Numbers are int and float, `db0:keys=3,expires=0` is a dict, `modules` a list of them.
        More than one section needs server 7.0.
        """
        return Command((b"INFO", *sections), _info, binary=True)

    @command
    def lastsave(self) -> Command[datetime.datetime]:
        """When the data was last saved, in UTC; when the server was started, if never."""
        return Command((b"LASTSAVE",), _moment)

    @command
    def lolwut(self, *version_numbers: Value) -> Command[str]:
        """A piece of computer art; the version of the server is its last line."""
        words = (b"LOLWUT", b"VERSION", *version_numbers) if version_numbers else (b"LOLWUT",)
        return Command(words, word)

    @command
    def memory_doctor(self) -> Command[str]:
        """What the server thinks of its memory, in prose."""
        return Command((b"MEMORY", b"DOCTOR"), word)

    @command
    def memory_malloc_stats(self) -> Command[str]:
        """What the server's allocator tells, in its own words."""
        return Command((b"MEMORY", b"MALLOC-STATS"), word)

    @command
    def memory_purge(self) -> Command[bool]:
        """True once the allocator has given back what it can."""
        return Command((b"MEMORY", b"PURGE"), ok)

    @command
    def memory_stats(self) -> Command[dict[str, MemoryStat]]:
        """What the server's memory is used for, by name."""
        return Command((b"MEMORY", b"STATS"), _memory)

    @command
    def memory_usage(self, key: Key, *, samples: int | None = None) -> Command[int | None]:
        """The bytes that *key* and its value take, or None where there is none.

        Of a value with many elements *samples* are looked at (the server's choice is 5), all with 0.
        """
        effort: tuple[Value, ...] = () if samples is None else (b"SAMPLES", samples)
        return Command((b"MEMORY", b"USAGE", key, *effort), integer_or_none)

    @command
    def role(self) -> Command[Role]:
        """Whether the server is a primary, a replica or a sentinel, and of whom."""
        return Command((b"ROLE",), _role)

    @command
    def save(self) -> Command[bool]:
        """True once the data is saved; the server does nothing else meanwhile: see `bgsave`."""
        return Command((b"SAVE",), ok)

    @command
    def slowlog_get(self, num: int | None = None) -> Command[list[SlowlogEntry]]:
        """The last *num* commands that took long, newest first; 10 without, all with -1 (7.0)."""
        words: tuple[Value, ...] = (b"SLOWLOG", b"GET")
        return Command(words if num is None else (*words, num), _slowlog, binary=True)

    @command
    def slowlog_len(self) -> Command[int]:
        """How many commands the slow log holds."""
        return Command((b"SLOWLOG", b"LEN"), integer)

    @command
    def slowlog_reset(self) -> Command[bool]:
        """True once the slow log is empty."""
        return Command((b"SLOWLOG", b"RESET"), ok)

    @command
    def swapdb(self, first: int, second: int) -> Command[bool]:
        """True once the databases *first* and *second* have changed places, for all clients."""
        return Command((b"SWAPDB", first, second), ok)

    @command
    def time(self) -> Command[tuple[int, int]]:
        """The server's clock: Unix time in seconds, and the microseconds since."""
        return Command((b"TIME",), _clock)


def _how(asynchronous: bool | None) -> tuple[Value, ...]:
    if asynchronous is None:
        return ()
    return (b"ASYNC",) if asynchronous else (b"SYNC",)


def _status(reply: Reply) -> bool:
    """True for a sentence: servers tell what they have begun, and send an error otherwise."""
    return bool(word(reply))


def _settings(reply: Reply) -> dict[str, str]:
    return {word(name): word(value) for name, value in pairs(reply)}


def _info(reply: Reply) -> dict[str, InfoValue]:
    return info(word(reply))


def _moment(reply: Reply) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(integer(reply), tz=datetime.UTC)


def _clock(reply: Reply) -> tuple[int, int]:
    seconds, microseconds = pair(reply)
    return int(number(seconds)), int(number(microseconds))


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
    return ReplicaState(word(host), int(number(port)), int(number(offset)))
