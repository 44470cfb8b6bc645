"""The keyword arguments of the cluster client, and the pool that they ask for."""

from __future__ import annotations

from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

from anyredis.address import DEFAULT_PORT
from anyredis.backoff import Retry
from anyredis.connection.options import TextlessOptions
from anyredis.connection.tls import TLSOptions
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.pool import seeds
from anyredis.pool.cluster import ClusterConnectionPool
from anyredis.pool.reading import ReadFrom
from anyredis.pool.seeds import NodeName


class ClusterOptions(TextlessOptions, TLSOptions, total=False):
    """Keyword arguments of `RedisCluster` beside host, port and decode_responses."""

    startup_nodes: Iterable[NodeName]
    ssl: bool
    ssl_context: SSLContext | None
    max_connections: int | None
    max_connections_per_node: bool
    shared_connections: int
    max_idle_time: float | None
    readonly: bool
    read_from: ReadFrom
    availability_zone: str | None
    connection_pool: ClusterConnectionPool | None
    connection_pool_cls: type[ClusterConnectionPool]
    retry: Retry | None


KNOWN = frozenset(ClusterOptions.__annotations__)


def pool_for(
    host: str | None, port: int, *, decode_responses: bool, options: ClusterOptions
) -> ClusterConnectionPool:
    """The pool that a client with these arguments uses: the one it was given, or a new one.

    Raises `DataError` for an argument that is unknown or contradicts another.
    """
    arguments: dict[str, Any] = dict(options)
    if unknown := sorted(arguments.keys() - KNOWN):
        raise DataTypeError(
            f"unknown argument {unknown[0]!r}; known are {', '.join(sorted(KNOWN))}"
        )
    pool = arguments.pop("connection_pool", None)
    if pool is not None:
        return _given_pool(pool, host, port, decode_responses, arguments)
    pool_class = arguments.pop("connection_pool_cls", ClusterConnectionPool)
    if not isinstance(pool_class, type) or not issubclass(pool_class, ClusterConnectionPool):
        raise DataTypeError(
            "connection_pool_cls has to be ClusterConnectionPool or BlockingClusterConnectionPool, "
            f"not {pool_class!r:.80}"
        )
    if arguments.get("max_connections", 0) is None:
        del arguments["max_connections"]
    return pool_class(host=host, port=port, decode_responses=decode_responses, **arguments)


def _given_pool(
    pool: object,
    host: str | None,
    port: int,
    decode_responses: bool,
    arguments: dict[str, Any],
) -> ClusterConnectionPool:
    """The pool that the client was given, which knows the cluster and all the rest."""
    if not isinstance(pool, ClusterConnectionPool):
        raise DataTypeError(f"connection_pool has to be a ClusterConnectionPool, not {pool!r:.80}")
    beside = sorted(arguments)
    if (host, port) != (None, DEFAULT_PORT):
        beside.insert(0, "host or port")
    if beside:
        raise DataValueError(
            f"{beside[0]} is given beside connection_pool: give it to the pool instead"
        )
    if decode_responses is not pool.decode_responses:
        raise DataValueError(
            f"the pool has decode_responses={pool.decode_responses}: say so here too, "
            "so that type checkers know what the replies are"
        )
    return pool


def options_of_url(url: str, *, decode_responses: bool) -> dict[str, Any]:
    """The arguments of a client for *url*; raises `DataValueError` that names what is wrong."""
    options = seeds.options_of_url(url)
    if options.pop("decode_responses", decode_responses) is not decode_responses:
        raise DataValueError(
            f"the URL contradicts decode_responses={decode_responses}: say it in the call, "
            "where type checkers see it"
        )
    if "timeout" in options:
        raise DataValueError("timeout in a URL is for BlockingClusterConnectionPool.from_url")
    return options
