"""The keyword arguments of the cluster client, and the pool that they describe."""

from collections.abc import Mapping
from typing import Any

from anyredis.address import DEFAULT_PORT
from anyredis.client.options import ClientOptions, check_url, given_pool, take_pool_class
from anyredis.cluster.nodes import cluster_options
from anyredis.cluster.nodes.blocking_pool import BlockingClusterConnectionPool
from anyredis.cluster.nodes.cluster_options import ClusterOptions
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.connection.options import refuse_unknown
from anyredis.credentials import hidden


class RedisClusterOptions(ClusterOptions, ClientOptions, total=False):
    """Keyword arguments of `RedisCluster` beside host, port and decode_responses."""

    connection_pool: ClusterConnectionPool | None
    connection_pool_cls: type[ClusterConnectionPool]


POOLS = (ClusterConnectionPool, BlockingClusterConnectionPool)
KNOWN = frozenset(RedisClusterOptions.__annotations__) | {"host", "port", "decode_responses"}


def pool_for(
    host: str | None, port: int, *, decode_responses: bool, options: RedisClusterOptions
) -> ClusterConnectionPool:
    """The pool for a client with these arguments: the given one, or a new one.

    Raises `DataError` for an argument that is unknown or contradicts another.
    """
    arguments: dict[str, Any] = dict(options)
    refuse_unknown(arguments, KNOWN)
    pool = arguments.pop("connection_pool", None)
    if pool is not None:
        address = [] if (host, port) == (None, DEFAULT_PORT) else ["host or port"]
        beside = (*address, *sorted(arguments))
        return given_pool(pool, ClusterConnectionPool, beside, decode_responses=decode_responses)
    pool_class = take_pool_class(arguments, POOLS)
    return pool_class(host=host, port=port, decode_responses=decode_responses, **arguments)


def options_of_url(
    url: str, *, decode_responses: bool, beside: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """The arguments of a client for *url*; arguments *beside* it override those of the URL.

    Raises `DataValueError` that names the fault in the URL.
    """
    url = hidden(url)
    options = cluster_options.options_of_url(url)
    check_url(options, decode_responses=decode_responses)
    return {**options, **(beside or {})}
