"""Every error that anyredis raises: one root, the builtin families, and the party at fault.

A `ConnectionError` says in `outcome` whether the server can have run the command.  Errors that a
server sends become `ResponseError` leaves, or `ConnectionError` leaves if the connection or its
credentials are at fault; the table at the end of this file is the only place that knows the codes.
"""

import builtins
import copy
import enum
import re
from typing import NamedTuple, TypeVar

ErrorT = TypeVar("ErrorT", bound="RedisError")


class Outcome(enum.Enum):
    """The known outcome of a command that failed, or whose guarantee did."""

    NOT_SENT = "not sent"
    """The server has not run the command: it was never written, or the server refused to read
    it."""

    UNKNOWN = "unknown"
    """The command was written and its reply is lost: the server may or may not have run it."""

    EXECUTED = "executed"
    """The server has run the command; what failed came after it."""


class RedisError(Exception):
    """The root of all errors that anyredis raises."""

    answered = False
    """Whether a server sent it as its reply to a command."""


class ConnectionError(RedisError, builtins.ConnectionError):
    """A connection could not be made, or was lost; also a builtin `ConnectionError`."""

    def __init__(self, message: str = "", *, outcome: Outcome = Outcome.NOT_SENT) -> None:
        super().__init__(message)
        self.outcome = outcome


class TimeoutError(RedisError, builtins.TimeoutError):
    """The server did not answer in time; also a builtin `TimeoutError`."""

    def __init__(self, message: str = "", *, outcome: Outcome = Outcome.UNKNOWN) -> None:
        super().__init__(message)
        self.outcome = outcome


class ConnectTimeoutError(ConnectionError, TimeoutError):
    """A connection was not ready for use within `connect_timeout`."""


class MaxConnectionsError(ConnectionError):
    """All connections that the pool may lease are in use, and the pool does not wait."""


class PoolTimeoutError(ConnectionError, TimeoutError):
    """No connection became free within the `timeout` of a blocking pool."""


class MaxClientsError(ConnectionError):
    """The server has as many clients as its `maxclients` allows."""


class AuthenticationError(ConnectionError):
    """The server does not accept the username and password, or requires them and got none."""


class BusyLoadingError(ConnectionError):
    """The server is loading its data and runs no commands yet."""


class ProtocolError(RedisError):
    """The server sent bytes that are not the Redis protocol, or a reply of an unknown shape."""


class DataError(RedisError):
    """The caller's argument cannot be used; nothing was sent, without exception."""


class DataTypeError(DataError, TypeError):
    """An argument is of a type that cannot be sent; nothing was sent."""


class DataValueError(DataError, ValueError):
    """An argument has a value that makes no sense there; nothing was sent."""


class ReplyDecodeError(RedisError, ValueError):
    """A reply is not text in the client's `encoding`, or a document is not of the type asked for.

    The command itself was run.

    No `DataError`, because the command was sent.
    """


class PartOutcome(NamedTuple):
    """One part of a command that went to several nodes of a cluster."""

    address: str
    """The node that the part was sent to."""

    command: tuple[bytes | bytearray | memoryview | str | int | float, ...]
    """The words that were sent to it."""

    reply: object
    """The node's answer, or the error."""

    def __repr__(self) -> str:
        """Without the words after the name, which may be secrets."""
        name = self.command[0] if self.command else "?"
        shown = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        return f"<PartOutcome {shown} at {self.address}: {type(self.reply).__name__}>"


class PartialFailureError(RedisError):
    """A command that went to several nodes of a cluster failed on some of them, or on all.

    `failed` and `succeeded` hold the parts; those that succeeded have taken effect.
    """

    def __init__(
        self,
        message: str = "",
        *,
        failed: tuple[PartOutcome, ...] = (),
        succeeded: tuple[PartOutcome, ...] = (),
    ) -> None:
        super().__init__(message)
        self.failed = failed
        self.succeeded = succeeded


class WatchError(RedisError):
    """A watched key changed: the transaction was not executed."""


class GuaranteeError(RedisError):
    """A write was executed, but not confirmed by as many servers as the session asks for.

    Repeating the write would run it twice.  *replicas* have confirmed it (None: unknown, because
    the connection was lost or the server refused the question).  *value* is what the write itself
    gave, None after a pipeline, whose results are readable.
    """

    outcome = Outcome.EXECUTED
    """The write has been executed."""

    def __init__(
        self, message: str = "", *, replicas: int | None = None, value: object = None
    ) -> None:
        super().__init__(message)
        self.replicas = replicas
        self.value = value


class ReplicationError(GuaranteeError):
    """A write was executed, but too few replicas had it in time (`ensure_replication`)."""


class DurabilityError(GuaranteeError):
    """A write was executed, but too few append-only files had it in time (`ensure_persistence`).

    *local*: 1 if the server's own file has it, otherwise 0; None: unknown.
    """

    def __init__(
        self,
        message: str = "",
        *,
        local: int | None = None,
        replicas: int | None = None,
        value: object = None,
    ) -> None:
        super().__init__(message, replicas=replicas, value=value)
        self.local = local


class PubSubError(RedisError):
    """A subscription does not allow this call."""


class SubscriptionOverflowError(PubSubError):
    """A subscription with `on_full="fail"` has ended: its messages were not read in time."""


class LockError(RedisError):
    """A lock could not be acquired, extended or released."""


class ResponseError(RedisError):
    """The server answered a command with an error; `code` is its first word."""

    @property
    def code(self) -> str:
        """The first word of the server's message, such as `WRONGTYPE`."""
        return str(self).partition(" ")[0]


class WrongTypeError(ResponseError):
    """The key holds another type of value than the command works on."""


class UnknownCommandError(ResponseError):
    """This server does not know the command or subcommand: too old, or a module is missing."""


class NoScriptError(ResponseError):
    """The server does not have the script of that SHA1."""


class ReadOnlyError(ResponseError):
    """The server is a replica that accepts no writes."""


class DemotedError(ReadOnlyError, ConnectionError):
    """The server is no longer the primary; it did not run the command."""


class NoPermissionError(ResponseError):
    """The ACL of this user does not allow the command, key or channel."""


class OutOfMemoryError(ResponseError):
    """The server is at its `maxmemory` and may not evict."""


class ExecAbortError(ResponseError):
    """EXEC was refused because a command before it was: nothing of the transaction ran."""


class BusyKeyError(ResponseError):
    """The target key of a RESTORE exists."""


class BusyScriptError(ResponseError):
    """The server is busy with a script or function that runs too long."""


class BusyGroupError(ResponseError):
    """The consumer group exists."""


class NoGroupError(ResponseError):
    """The consumer group, or its stream, does not exist."""


class NoReplicasError(ResponseError):
    """Too few replicas are connected for the server to accept writes."""


class PersistenceError(ResponseError):
    """The server refuses writes because it cannot persist them (MISCONF)."""


class UnblockedError(ResponseError):
    """A blocking command was ended by CLIENT UNBLOCK or a change of role."""


class PrimaryDownError(ResponseError):
    """The replica has lost its primary and may not serve stale data (MASTERDOWN)."""


class ClusterDownError(ResponseError):
    """The cluster does not serve this slot, or any."""


class CrossSlotError(ResponseError):
    """The keys of one command are in different hash slots."""


class TryAgainError(ResponseError):
    """The keys of one command are on two nodes while their slot moves."""


class SearchQueryError(ResponseError):
    """A server refused a search; `query` is the text of the query, also in the message."""

    def __init__(self, message: str = "", *, query: str = "") -> None:
        super().__init__(message)
        self.query = query


class RedirectError(ResponseError):
    """The key is served by another node: `slot`, and `address` as the server wrote it."""

    @property
    def slot(self) -> int:
        """The hash slot, 0 to 16383."""
        return int(str(self).split(" ")[1])

    @property
    def address(self) -> str:
        """`host:port` as the server wrote it; the host is empty if the server does not know it."""
        return str(self).split(" ")[2]


class MovedError(RedirectError):
    """The slot belongs to another node."""


class AskError(RedirectError):
    """The slot is moving to another node: this one command has to be sent there, after ASKING."""


CODES: dict[str, type[RedisError]] = {
    "ASK": AskError,
    "BUSY": BusyScriptError,
    "BUSYGROUP": BusyGroupError,
    "BUSYKEY": BusyKeyError,
    "CLUSTERDOWN": ClusterDownError,
    "CROSSSLOT": CrossSlotError,
    "EXECABORT": ExecAbortError,
    "LOADING": BusyLoadingError,
    "MASTERDOWN": PrimaryDownError,
    "MISCONF": PersistenceError,
    "MOVED": MovedError,
    "NOAUTH": AuthenticationError,
    "NOGROUP": NoGroupError,
    "NOPERM": NoPermissionError,
    "NOREPLICAS": NoReplicasError,
    "NOSCRIPT": NoScriptError,
    "OOM": OutOfMemoryError,
    "READONLY": ReadOnlyError,
    "TRYAGAIN": TryAgainError,
    "UNBLOCKED": UnblockedError,
    "WRONGPASS": AuthenticationError,
    "WRONGTYPE": WrongTypeError,
}

# Phrases that servers send under the general code ERR, and the error that each of them means.
PHRASES: tuple[tuple[str, type[RedisError]], ...] = (
    ("ERR unknown command", UnknownCommandError),
    ("ERR unknown subcommand", UnknownCommandError),
    ("ERR Unknown subcommand", UnknownCommandError),
    ("ERR max number of clients", MaxClientsError),
    ("ERR invalid password", AuthenticationError),
    ("ERR Client sent AUTH, but no password is set", AuthenticationError),
    ("ERR AUTH <password> called without any password", AuthenticationError),
    ("DENIED", ConnectionError),
)


ECHOED = ", with args beginning with: "
"""After this phrase a server repeats the arguments of a command that it does not know.

Arguments may be passwords: no error shows them.
"""

ACL_MODIFIER = r"(?s)modifier '[<>#!].*'"
"""A rule of ACL SETUSER with a password or its hash, which a server repeats if it is wrong."""

LONGEST_MESSAGE = 16384
"""Characters of an error reply that are kept."""


def from_server(message: str) -> RedisError:
    """The exception for an error reply, by its first word or, under `ERR`, its phrase."""
    # Arguments may be passwords: no error shows them.
    message = message[:LONGEST_MESSAGE].partition(ECHOED)[0]
    if "modifier '" in message:
        message = re.sub(ACL_MODIFIER, "modifier '***'", message)
    error = _kind_of(message)(message)
    error.answered = True
    return error


def _kind_of(message: str) -> type[RedisError]:
    kind = CODES.get(message.partition(" ")[0])
    if kind is not None:
        return kind
    return next((meant for phrase, meant in PHRASES if message.startswith(phrase)), ResponseError)


def from_lone_server(message: str) -> RedisError:
    """The same for a server that is not asked as a part of a cluster: redirects say what to do."""
    error = from_server(message)
    if isinstance(error, RedirectError):
        error = type(error)(f"{error} (a server of a cluster: use anyredis.RedisCluster)")
        error.answered = True
    return error


def fresh(error: ErrorT) -> ErrorT:
    """A copy of *error* for one more caller: with its own traceback and the same cause."""
    twin = copy.copy(error)
    twin.__cause__ = error.__cause__
    return twin
