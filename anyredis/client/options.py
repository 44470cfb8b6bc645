"""The keyword arguments of clients, and the pool that is made from them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from anyredis.address import DEFAULT_PORT, ServerURL, UnixAddress, parse_url
from anyredis.address_remap import AddressRemap
from anyredis.backoff import FAILOVER_RETRY, Retry
from anyredis.connection.options import (
    DatabaseOptions,
    EncryptionOptions,
    HostOptions,
    ServerOptions,
    refuse_unknown,
)
from anyredis.connection.tcp import Connection
from anyredis.connection.tls import take_context
from anyredis.connection.unix import UnixDomainSocketConnection
from anyredis.credentials import hidden, hide
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec
from anyredis.pool.base import BasePool
from anyredis.pool.pool_options import SharingOptions, WaitingOptions
from anyredis.pool.services import service_arguments, service_parameters
from anyredis.pool.standalone import BlockingConnectionPool, ConnectionPool, url_parameters


class ClientOptions(SharingOptions, WaitingOptions, total=False):
    """The options of every client, beside those of its connections."""

    retry: Retry | None
    json_codec: JsonCodec | None


class ServiceOptions(ServerOptions, EncryptionOptions, ClientOptions, total=False):
    """Keyword arguments of all clients, independent of the way to find their server."""

    connection_pool_cls: type[ConnectionPool]


class RedisOptions(ServiceOptions, total=False):
    """Keyword arguments of `Redis` beside host, port, db and decode_responses."""

    unix_socket_path: str | None
    connection_pool: ConnectionPool | None


class URLOptions(RedisOptions, HostOptions, DatabaseOptions, total=False):
    """Keyword arguments of `Redis.from_url`, which override the options of the URL."""

    address_remap: AddressRemap | None


P = TypeVar("P", bound=BasePool)
T = TypeVar("T")

POOLS = (ConnectionPool, BlockingConnectionPool)
CALL = frozenset(("host", "port", "db", "decode_responses"))
"""The parameters of a client that are not in `RedisOptions`."""

KNOWN = frozenset(RedisOptions.__annotations__) | CALL
KNOWN_OF_SERVICES = frozenset(ServiceOptions.__annotations__) - {"retry", "json_codec"}


def checked_retry(retry: Retry | None) -> Retry | None:
    """*retry*; raises `DataTypeError` if it is neither a `Retry` nor None."""
    if retry is not None and not isinstance(retry, Retry):
        raise DataTypeError(f"retry has to be an anyredis.Retry or None, not {excerpt(retry)}")
    return retry


def pool_for(
    host: str, port: int, db: int, *, decode_responses: bool, options: RedisOptions
) -> ConnectionPool:
    """The pool of a client with these arguments: the given one, or a new one.

    Raises `DataError` for an argument that is unknown or contradicts another.
    """
    arguments: dict[str, Any] = dict(options)
    refuse_unknown(arguments, KNOWN)
    pool = arguments.pop("connection_pool", None)
    if pool is not None:
        is_default = (host, port, db) == ("localhost", DEFAULT_PORT, 0)
        beside = (*([] if is_default else ["host, port or db"]), *sorted(arguments))
        return given_pool(pool, ConnectionPool, beside, decode_responses=decode_responses)
    pool_class = take_pool_class(arguments, POOLS)
    path = arguments.pop("unix_socket_path", None)
    if path is None:
        arguments |= {"connection_class": Connection, "host": host, "port": port}
    elif take_context(arguments) is not None:
        raise DataValueError("TLS goes over TCP: give ssl or unix_socket_path, not both")
    elif (host, port) != ("localhost", DEFAULT_PORT):
        raise DataValueError("give host and port or unix_socket_path, not both")
    else:
        arguments |= {"connection_class": UnixDomainSocketConnection, "path": path}
    return pool_class(db=db, decode_responses=decode_responses, **arguments)


def service_pool(
    found_by: dict[str, Any], *, decode_responses: bool, options: dict[str, Any]
) -> ConnectionPool:
    """A pool for the servers of a service; *found_by* has the pool's arguments to find them.

    *options* are `ServiceOptions`, and `db`.

    Raises `DataError` for an argument that is unknown or contradicts another.
    """
    arguments = dict(options)
    refuse_unknown(arguments, KNOWN_OF_SERVICES | {"db"})
    pool_class = take_pool_class(arguments, POOLS)
    return pool_class(decode_responses=decode_responses, **found_by, **arguments)


def take_pool_class(arguments: dict[str, Any], kinds: tuple[type[P], type[P]]) -> type[P]:
    """The pool class in *arguments*, which is removed from them.

    *kinds*: the strict pool, which is the default, and the blocking one.  Raises `DataError` for
    another class, and for a *timeout* that the class does not take.
    """
    given: Any = arguments.pop("connection_pool_cls", kinds[0])
    if not isinstance(given, type) or not issubclass(given, kinds[0]):
        raise DataTypeError(
            f"connection_pool_cls has to be {kinds[0].__name__} or {kinds[1].__name__}, "
            f"not {excerpt(cast('object', given))}"
        )
    if "timeout" in arguments and not issubclass(given, kinds[1]):
        raise DataValueError(
            f"timeout is how long a blocking pool waits: give connection_pool_cls={kinds[1].__name__} "
            "beside it; a connection has stream_timeout and connect_timeout"
        )
    return given


def given_pool(pool: object, kind: type[P], beside: Iterable[str], *, decode_responses: bool) -> P:
    """The *pool* that a client was given, which has the address and all other options.

    Raises `DataError` if it is not of the class *kind*, or if there are arguments *beside* it.
    """
    if not isinstance(pool, kind):
        raise DataTypeError(f"connection_pool has to be a {kind.__name__}, not {excerpt(pool)}")
    for name in beside:
        raise DataValueError(f"{name} is given beside connection_pool: give it to the pool instead")
    if decode_responses is not pool.decode_responses:
        raise DataValueError(
            f"the pool has decode_responses={pool.decode_responses}: give the same here, "
            "so that type checkers know the type of replies"
        )
    return pool


def client_of_url(
    client_class: Callable[..., T],
    read_url: Callable[..., dict[str, Any]],
    url: str,
    beside: Mapping[str, object],
    *,
    decode_responses: bool,
) -> T:
    """A client of *client_class* for *url*; arguments *beside* it override those of the URL.

    *read_url* gives the arguments of the client, as `options_of_url` does for one server.
    """
    hide(beside)
    arguments = read_url(url, decode_responses=decode_responses, beside=beside)
    return client_class(decode_responses=decode_responses, **arguments)


def check_url(options: dict[str, Any], *, decode_responses: bool) -> None:
    """Remove `decode_responses` from the *options* of a URL; the call has it as an argument.

    Raises `DataValueError` if the two differ.
    """
    if options.pop("decode_responses", decode_responses) is not decode_responses:
        raise DataValueError(
            f"the URL contradicts decode_responses={decode_responses}: give it in the call, "
            "for type checkers"
        )


def options_of_url(
    url: str, *, decode_responses: bool, beside: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """The arguments of a client for *url*; arguments *beside* it override those of the URL.

    Raises a `DataValueError` that names the wrong part of the URL.
    """
    url = hidden(url)
    parsed = parse_url(url, url_parameters(), service_parameters())
    options: dict[str, Any] = dict(parsed.options)
    check_url(options, decode_responses=decode_responses)
    if parsed.service is not None:
        options |= {"ssl": True} if parsed.tls else {}
        return _of_service(parsed, {**options, **(beside or {})}, decode_responses=decode_responses)
    address = parsed.one_server
    if isinstance(address, UnixAddress):
        options["unix_socket_path"] = address.path
    else:
        options |= {"host": address.host, "port": address.port}
    if parsed.tls:
        options["ssl"] = True
    return {**options, **(beside or {})}


def _of_service(
    parsed: ServerURL, options: dict[str, Any], *, decode_responses: bool
) -> dict[str, Any]:
    of_client = {"retry": options.pop("retry", FAILOVER_RETRY)}
    if "json_codec" in options:
        of_client["json_codec"] = options.pop("json_codec")
    found_by = service_arguments(parsed, options)
    pool = service_pool(found_by, decode_responses=decode_responses, options=options)
    return {"connection_pool": pool, **of_client}
