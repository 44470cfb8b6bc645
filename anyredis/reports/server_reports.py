"""What a server tells about itself, as values: roles, slow commands, users, commands, functions.

Law: the fields have the server's names.  A field that is not known here is kept in `other`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from anyredis.replies import NO_OTHERS
from anyredis.reports.info import ClientInfo
from anyredis.wire.decode import Reply


class SlowlogEntry(NamedTuple):
    """One command that took long."""

    id: int
    """A number that counts up while the server runs."""

    time: int
    """The Unix time in seconds at which it was run."""

    duration: int
    """The duration in microseconds."""

    command: list[bytes]
    """Its words, as bytes: the server cuts long words, and leaves out words of a long command."""

    address: str
    """`address:port` of the client."""

    name: str
    """The client's name, or nothing."""


class ReplicaState(NamedTuple):
    """One replica as its primary sees it."""

    host: str
    port: int
    offset: int
    """The offset that it has acknowledged."""


class PrimaryRole(NamedTuple):
    """A server that takes writes."""

    role: Literal["master"]
    """The servers' word for it."""

    offset: int
    """The offset of its stream of writes."""

    replicas: list[ReplicaState]


class ReplicaRole(NamedTuple):
    """A server that follows another."""

    role: Literal["slave"]
    """The servers' word for it."""

    host: str
    port: int
    """The TCP port of its primary; `host` is its host."""

    state: str
    """`connect`, `connecting`, `sync` or `connected`."""

    offset: int
    """Its replication offset; -1 before its first synchronization."""


class SentinelRole(NamedTuple):
    """A sentinel."""

    role: Literal["sentinel"]
    primaries: list[str]
    """The names of the primaries that it watches."""


Role: TypeAlias = PrimaryRole | ReplicaRole | SentinelRole


class AclSelector(NamedTuple):
    """An additional set of permissions of a user: enough by itself for a command."""

    commands: str
    """Rules on commands, such as `-@all +get`."""

    keys: str
    """Patterns of keys, such as `~cache:* %R~jobs:*`."""

    channels: str
    """Patterns of channels, such as `&news.*`."""

    other: dict[str, Reply]
    """Fields that are not known here, as the server sent them; strings are bytes."""


class AclUser(NamedTuple):
    """One user."""

    flags: list[str]
    """Such as `on`, `off`, `nopass`, `sanitize-payload`."""

    passwords: list[str]
    """SHA-256 hashes, in hexadecimal."""

    commands: str
    """Rules on commands, such as `-@all +get`."""

    keys: str
    """Patterns of keys, such as `~cache:* %R~jobs:*`."""

    channels: str
    """Patterns of channels, such as `&news.*`."""

    selectors: list[AclSelector]

    other: dict[str, Reply]
    """Fields that are not known here, as the server sent them; strings are bytes."""

    @property
    def enabled(self) -> bool:
        """Whether the user may log in."""
        return "on" in self.flags


class AclLogEntry(NamedTuple):
    """One refusal, or several of the same kind within a minute."""

    times: int
    """How often it happened: the server's `count`, which is a method of every tuple."""

    reason: str
    """`command`, `key`, `channel`, `auth`, or another word of the server."""

    context: str
    """`toplevel`, `multi`, `lua` or `module`."""

    object: str
    """The command, the key, the channel, or nothing for a login."""

    username: str

    age_seconds: float
    """Seconds since it happened last."""

    client_info: ClientInfo
    """The connection, at that time."""

    other: dict[str, Reply]
    """Fields that are not known here, such as `entry-id` of server 7.2; strings are bytes."""


TextReply: TypeAlias = "str | float | bool | list[TextReply] | dict[str, TextReply] | None"
"""A reply whose strings are text."""


class CommandInfo(NamedTuple):
    """One command, or one subcommand of a container, as the server sees it."""

    name: str
    """In lower case, a subcommand with its container: `config|get`."""

    arity: int
    """The number of words; if negative, the least number."""

    flags: list[str]
    """Such as `write`, `readonly`, `denyoom`, `blocking`."""

    first_key: int
    """The position of the first key, 0 if there is none at a fixed position."""

    last_key: int
    """The position of the last key, negative from the end."""

    step: int
    """The distance of one key from the next."""

    acl_categories: list[str]
    """Such as `@read`, `@string`."""

    tips: list[str]
    """Such as `request_policy:all_shards`."""

    key_specifications: list[dict[str, TextReply]]
    """Where the keys are, and what becomes of them."""

    subcommands: list["CommandInfo"]


class CommandDoc(NamedTuple):
    """The documentation of one command."""

    summary: str
    since: str
    """The first version of the server that had it."""

    group: str
    complexity: str
    arguments: list[dict[str, TextReply]]
    subcommands: dict[str, "CommandDoc"]
    other: dict[str, TextReply]
    """Fields that are not known here, such as `history`, `deprecated_since`."""


class LatencyEvent(NamedTuple):
    """The latest spike of one kind of event."""

    event: str
    """Such as `command`, `fork`, `aof-write`."""

    time: int
    """The Unix time in seconds at which it happened."""

    latest: int
    """Its milliseconds."""

    maximum: int
    """The milliseconds of the longest one."""

    other: list[Reply]
    """Values that are not known here, as the server sent them (Valkey 8.1: sum and number)."""


class LatencySample(NamedTuple):
    """One spike."""

    time: int
    """The Unix time in seconds at which it happened."""

    latency: int
    """Its milliseconds."""


class LatencyHistogram(NamedTuple):
    """The duration of all calls of a command."""

    calls: int

    histogram_usec: dict[int, int]
    """For a number of microseconds, the number of calls that took no longer."""


class CommandlogEntry(NamedTuple):
    """One command in a log of `commandlog_get`."""

    id: int
    """A number that counts up while the server runs."""

    time: int
    """The Unix time in seconds at which it was run."""

    value: int
    """Its duration in microseconds, or its size in bytes, as the log says."""

    command: list[bytes]
    """Its words, as bytes: the server cuts long words, and leaves out words of a long command."""

    address: str
    """`address:port` of the client."""

    name: str
    """The client's name, or nothing."""


class FunctionDescription(NamedTuple):
    """One function of a library."""

    name: str
    description: str | None
    flags: frozenset[str]
    """Such as `no-writes`: replicas may run it."""
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class LibraryDescription(NamedTuple):
    """One library."""

    library_name: str
    engine: str
    """The language: `LUA`."""
    functions: list[FunctionDescription]
    library_code: str | None
    """Its code; None if it was not asked for."""
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class EngineStats(NamedTuple):
    """The libraries of one language."""

    libraries_count: int
    functions_count: int
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class RunningFunction(NamedTuple):
    """A function or script that runs now."""

    name: str
    command: list[bytes]
    """The words of the call, as bytes."""
    duration_ms: int
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class FunctionStats(NamedTuple):
    """The functions of a server."""

    running_script: RunningFunction | None
    """None if none runs."""
    engines: dict[str, EngineStats]
    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""


class TrackingInfo(NamedTuple):
    """The client-side caching of a connection, as the server sees it."""

    flags: set[str]
    """`off`, or `on` with its options: `bcast`, `optin`, `noloop` …"""

    redirect: int
    """The id of the connection that is told; 0: this one, -1: none."""

    prefixes: list[str]
    """With `bcast`: the prefixes of the keys whose changes are told."""

    other: Mapping[str, Reply] = NO_OTHERS
    """Fields that are not known here, as the server sent them."""
