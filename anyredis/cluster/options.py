"""The keyword arguments of the cluster client, and the pool that they ask for."""

from __future__ import annotations

from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

from anyio.abc import TaskGroup

from anyredis.address import DEFAULT_PORT
from anyredis.backoff import Retry
from anyredis.client.options import check_url, given_pool, refuse_unknown, take_pool_class
from anyredis.cluster.nodes import seeds
from anyredis.cluster.nodes.cluster_pool import BlockingClusterConnectionPool, ClusterConnectionPool
from anyredis.cluster.nodes.read_balancer import ReadFrom
from anyredis.cluster.nodes.seeds import NodeName
from anyredis.connection.options import TextlessOptions
from anyredis.connection.tls import TLSOptions


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
    task_group: TaskGroup | None


POOLS = (ClusterConnectionPool, BlockingClusterConnectionPool)
KNOWN = frozenset(ClusterOptions.__annotations__)


def pool_for(
    host: str | None, port: int, *, decode_responses: bool, options: ClusterOptions
) -> ClusterConnectionPool:
    """The pool that a client with these arguments uses: the one it was given, or a new one.

    Raises `DataError` for an argument that is unknown or contradicts another.
    """
    arguments: dict[str, Any] = dict(options)
    refuse_unknown(arguments, KNOWN)
    pool = arguments.pop("connection_pool", None)
    if pool is not None:
        place = [] if (host, port) == (None, DEFAULT_PORT) else ["host or port"]
        beside = (*place, *sorted(arguments))
        return given_pool(pool, ClusterConnectionPool, beside, decode_responses=decode_responses)
    pool_class = take_pool_class(arguments, POOLS)
    return pool_class(host=host, port=port, decode_responses=decode_responses, **arguments)


def options_of_url(url: str, *, decode_responses: bool) -> dict[str, Any]:
    """The arguments of a client for *url*; raises `DataValueError` that names what is wrong."""
    options = seeds.options_of_url(url)
    check_url(options, BlockingClusterConnectionPool.__name__, decode_responses=decode_responses)
    return options
