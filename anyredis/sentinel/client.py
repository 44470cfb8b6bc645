"""Clients for a primary and its replicas, whose addresses sentinels give.

Law: options that begin with `sentinel_` are for the sentinels only, all others for the servers
only; credentials and TLS of the one are never used for the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, Never, Self, TypeVar, Unpack, overload

from anyredis.address import SENTINEL_SCHEMES, ServerURL, TCPAddress, parse_url
from anyredis.backoff import FAILOVER_RETRY, REPLICA_RETRY
from anyredis.client.options import ServiceOptions, checked_retry, service_pool
from anyredis.client.redis import Redis
from anyredis.command import Command, Executor
from anyredis.commands.sentinels import SentinelCommands
from anyredis.connection.options import DatabaseOptions, refuse_unknown
from anyredis.credentials import hidden, hidden_addresses, hide
from anyredis.exceptions import DataValueError, RedisError
from anyredis.excerpt import unmade
from anyredis.pool.services import register_schemes
from anyredis.pool.standalone import url_parameters
from anyredis.replies import TextReaders
from anyredis.sentinel.destinations import ALL, FIRST, ONE, destination_of, refuse_own
from anyredis.sentinel.managed_connection import SentinelManagedConnection, SentinelWatcher
from anyredis.sentinel.sentinel_connection import (
    SentinelName,
    SentinelOptions,
    sentinel_address,
    sentinel_parameters,
    take_sentinels,
)
from anyredis.sentinel.sentinel_node import (
    SentinelNode,
    all_answers,
    ask_first,
    order_all,
    order_one,
)
from anyredis.unfit_calls import refused

T = TypeVar("T")


class ReplicatedOptions(ServiceOptions, DatabaseOptions, total=False):
    """Keyword arguments of the clients that a `Sentinel` gives."""


class SentinelClientOptions(ReplicatedOptions, SentinelOptions, total=False):
    """Keyword arguments of `Sentinel` beside name."""


KNOWN = frozenset(SentinelClientOptions.__annotations__) | {"name"}
KNOWN_OF_CLIENTS = frozenset(ReplicatedOptions.__annotations__)


class Sentinel(SentinelCommands, Executor):
    """Sentinels, their commands, and clients for the servers that they watch.

    *sentinels*: addresses, each a `TCPAddress`, a pair or `"host:port"`; all are asked at the same
    time.  *name*: the sentinels' name of the primary, for methods that are called without one.

    Options that begin with `sentinel_` are for the sentinels: `sentinel_username`,
    `sentinel_password` or `sentinel_credential_provider`; `sentinel_ssl` or `sentinel_ssl_context`
    and the other `sentinel_ssl_…`, like those without `sentinel_` of `Redis`; `sentinel_timeout`:
    the seconds that each sentinel has for its answer, 1 by default.  *address_remap* is for servers
    behind NAT: a function that gets the `(host, port)` that a sentinel told, and returns the `(host,
    port)` to connect to.  All other options are for the clients, see `primary_for`; the credentials
    and TLS of the one are never used for the other.

    The methods `sentinel_…` send SENTINEL.  Those that ask about servers go to all sentinels at the
    same time, and the first good answer counts; those that change the configuration go to all, and
    all have to make it; `sentinel_failover` goes to the first that is reached.  Those about one
    sentinel are called on `node(address)`, or by `each` on all.

    Connections are made when they are needed, and only those of clients stay open.  Raises
    `DataError` at once for invalid arguments.
    """

    read = TextReaders(str)

    def __init__(
        self,
        sentinels: Iterable[SentinelName],
        *,
        name: str | None = None,
        **options: Unpack[SentinelClientOptions],
    ) -> None:
        sentinels = hidden_addresses(sentinels)
        hide(options)
        self._options: dict[str, Any] = dict(options)
        refuse_unknown(self._options, KNOWN, by=type(self).__name__)
        self._sentinels = take_sentinels(sentinels, self._options)
        self.name = None if name is None else _checked_name(name)
        self._client(SentinelWatcher(self._sentinels, ""), {}, decode_responses=False)

    @classmethod
    def from_url(cls, url: str, **options: Unpack[SentinelClientOptions]) -> Self:
        """The sentinels that *url* names; *options* override those of the URL.

        `redis+sentinel://user:password@host:port,host:port/name/db?option=value`: hosts are those
        of the sentinels, with port 26379 if none is given.  User, password and database are for
        the servers, and so is the TLS of `rediss+sentinel://`; `?sentinel_username=`,
        `sentinel_password=`, `sentinel_ssl=true` and the other arguments are for the sentinels.
        `valkey+sentinel://` and `valkeys+sentinel://` mean the same.  Raises `DataValueError`
        that names the fault in the URL.
        """
        url = hidden(url)
        hide(options)
        parsed = parse_url(url, url_parameters(), sentinel_parameters())
        if parsed.service is None:
            raise DataValueError(
                "the URL has to start with redis+sentinel://, rediss+sentinel://, "
                "valkey+sentinel:// or valkeys+sentinel://"
            )
        if "decode_responses" in parsed.options:
            raise DataValueError(
                "decode_responses cannot be in the URL of a Sentinel: give it to primary_for() and "
                "replica_for()"
            )
        tls = {"ssl": True} if parsed.tls else {}
        arguments: dict[str, Any] = {**parsed.options, **tls, **options}
        return cls(parsed.hosts, name=parsed.service, **arguments)

    def __repr__(self) -> str:
        if "name" not in vars(self):
            return unmade(self)
        hosts = ", ".join(map(str, self._sentinels.addresses))
        return f"<{type(self).__name__} {hosts}{f' for {self.name!r}' if self.name else ''}>"

    # -- clients --------------------------------------------------------------------------------

    @overload
    def primary_for(
        self,
        name: str | None = ...,
        *,
        decode_responses: Literal[True],
        **options: Unpack[ReplicatedOptions],
    ) -> Redis[str]: ...
    @overload
    def primary_for(
        self,
        name: str | None = ...,
        *,
        decode_responses: Literal[False] = ...,
        **options: Unpack[ReplicatedOptions],
    ) -> Redis[bytes]: ...
    def primary_for(
        self,
        name: str | None = None,
        *,
        decode_responses: bool = False,
        **options: Unpack[ReplicatedOptions],
    ) -> Redis[Any]:
        """A client for the current primary called *name*.

        *options* are those of `Redis`, and override those of this object.  Each new connection
        asks the sentinels for the primary, within `connect_timeout`; it is ready once the server
        itself confirms that it is the primary.  While the client is open, it listens to the
        sentinels: if another server becomes the primary, connections to the old one take no
        commands from then on, and are closed after half a second.  If a server refuses a command
        because it is no longer the primary, the command goes to the new one, as *retry* allows;
        otherwise it raises `DemotedError`.  The default *retry* has a deadline of 20 s, which
        outlasts a failover.

        Raises `DataError` for invalid arguments.
        """
        refuse_unknown(options, KNOWN_OF_CLIENTS, by="primary_for")
        watcher = SentinelWatcher(self._sentinels, self._named(name))
        return self._client(watcher, dict(options), decode_responses=decode_responses)

    @overload
    def replica_for(
        self,
        name: str | None = ...,
        *,
        decode_responses: Literal[True],
        **options: Unpack[ReplicatedOptions],
    ) -> Redis[str]: ...
    @overload
    def replica_for(
        self,
        name: str | None = ...,
        *,
        decode_responses: Literal[False] = ...,
        **options: Unpack[ReplicatedOptions],
    ) -> Redis[bytes]: ...
    def replica_for(
        self,
        name: str | None = None,
        *,
        decode_responses: bool = False,
        **options: Unpack[ReplicatedOptions],
    ) -> Redis[Any]:
        """A client for the replicas of the primary called *name*, which may lag behind it.

        Each of its connections goes to the next of the replicas that the sentinels reach, or to
        the primary if there are none.  Ordinary commands share `shared_connections` connections:
        raise that number to read from as many replicas at the same time.  Writes raise
        `ReadOnlyError`, which the default *retry* does not repeat.

        *options* are those of `Redis`.  Raises `DataError` for invalid arguments.
        """
        refuse_unknown(options, KNOWN_OF_CLIENTS, by="replica_for")
        watcher = SentinelWatcher(self._sentinels, self._named(name), replicas=True)
        return self._client(watcher, dict(options), decode_responses=decode_responses)

    def _client(
        self, watcher: SentinelWatcher, options: dict[str, Any], *, decode_responses: bool
    ) -> Redis[Any]:
        arguments = {**self._options, **options}
        default = REPLICA_RETRY if watcher.replicas else FAILOVER_RETRY
        retry = checked_retry(arguments.pop("retry", default))
        codec = arguments.pop("json_codec", None)
        pool = service_pool(
            _pool_arguments(watcher), decode_responses=decode_responses, options=arguments
        )
        return Redis(
            connection_pool=pool, decode_responses=decode_responses, retry=retry, json_codec=codec
        )

    # -- commands to sentinels ------------------------------------------------------------------

    def node(self, address: SentinelName) -> SentinelNode:
        """The commands of the sentinel at *address*, which need not be one of those given.

        It gets the credentials of the sentinels.  Raises `DataError` if *address* is none.
        """
        return SentinelNode(self._sentinels, sentinel_address(address))

    def nodes(self) -> list[SentinelNode]:
        """All sentinels that were given, each with an `address`."""
        return [SentinelNode(self._sentinels, each) for each in self._sentinels.addresses]

    async def each(
        self, ask: Callable[[SentinelNode], Awaitable[T]]
    ) -> dict[TCPAddress, T | RedisError]:
        """What *ask* gives for each sentinel, or the error, by the sentinel's address.

        `await sentinel.each(lambda node: node.sentinel_ckquorum("mymaster"))`.  All are asked at
        the same time.
        """
        answers = await all_answers(self.nodes(), ask)
        return {node.server: answer for node, answer in answers.items()}

    async def submit(self, command: Command[T]) -> T:
        """The parsed reply to *command*, from the sentinels that it goes to.

        Raises the error reply of a sentinel, `ConnectionError` that names each sentinel with its
        failure if none answers, and `AuthenticationError` if none accepts the credentials.  A
        change that some sentinels have not made raises `PartialFailureError`, which names them.
        """
        destination = destination_of(command.args)
        if destination == FIRST:
            return await ask_first(self.nodes(), command)
        if destination == ALL:
            return await order_all(self.nodes(), command)
        if destination == ONE:
            return await order_one(self.nodes(), command)
        raise refuse_own(command.args)

    @refused("a command goes to one sentinel: use sentinel.node(address).execute_command(...)")
    def execute_command(self, *, not_here: Never) -> None:
        """Raises `DataTypeError`: each sentinel has answers of its own."""

    # -- questions ------------------------------------------------------------------------------

    async def primary_address(self, name: str | None = None) -> TCPAddress:
        """The address of the primary called *name*, by the first sentinel that answers.

        It is that to connect to: `address_remap` has been applied.

        Raises a `ConnectionError` that names each sentinel with its failure if none answers or
        knows the name, `AuthenticationError` if none accepts the credentials.
        """
        return await self._sentinels.primary(self._named(name))

    async def replica_addresses(self, name: str | None = None) -> list[TCPAddress]:
        """The addresses of the replicas that the sentinels reach; empty if there are none.

        They are those to connect to, as in `primary_address`.  By the first sentinel that reaches any.  Raises the errors of `primary_address`.
        """
        return list(await self._sentinels.replicas(self._named(name)))

    def _named(self, name: str | None) -> str:
        name = self.name if name is None else name
        if name is None:
            raise DataValueError("say what the sentinels call the primary: name is missing")
        return _checked_name(name)


def _pool_arguments(watcher: SentinelWatcher) -> dict[str, Any]:
    """The arguments of a pool whose connections go to the servers that *watcher* finds."""
    return {"connection_class": SentinelManagedConnection, "watcher": watcher}


def _pool_arguments_of_url(parsed: ServerURL, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a pool for the primary; the hosts of the URL are its sentinels."""
    sentinels = take_sentinels(parsed.hosts, options)
    return _pool_arguments(SentinelWatcher(sentinels, parsed.service or ""))


register_schemes(SENTINEL_SCHEMES, _pool_arguments_of_url, sentinel_parameters)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise DataValueError(f"name has to be what the sentinels call the primary, not {name!r}")
    return name
